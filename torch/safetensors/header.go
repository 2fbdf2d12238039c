package safetensors

import (
	"bytes"
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"unicode/utf8"
)

// maxHeader is the largest header that the format allows, in bytes.
const maxHeader = 100_000_000

const metadataKey = "__metadata__"

// Info describes one tensor of a file.
type Info struct {
	Name  string
	DType DType
	// Shape is empty for a scalar.
	Shape []int64
	// Offset is where the tensor's bytes begin, counted from the start of the file.
	Offset int64
	// Bytes is the tensor's length, the size of DType times the product of Shape.
	Bytes int64
}

// parseHeader reads the JSON text of a header. Offsets in the result count from
// the start of the data; infos are in the order of their offsets and cover the
// dataBytes exactly.
func parseHeader(text []byte, dataBytes int64) ([]Info, map[string]string, error) {
	if len(text) == 0 || text[0] != '{' {
		return nil, nil, errors.New("header does not begin with '{'")
	}
	var infos []Info
	metadata := map[string]string{}
	err := eachMember(text, func(name string, value json.RawMessage) error {
		if name == metadataKey {
			return parseStrings(value, metadata)
		}
		info, err := parseInfo(value)
		if err != nil {
			return fmt.Errorf("tensor %q: %w", name, err)
		}
		info.Name = name
		infos = append(infos, info)
		return nil
	})
	if err != nil {
		return nil, nil, err
	}
	return infos, metadata, checkLayout(infos, dataBytes)
}

// checkLayout sorts infos by offset and makes sure that they cover the data
// without overlap or gap.
func checkLayout(infos []Info, dataBytes int64) error {
	slices.SortFunc(infos, func(a, b Info) int {
		return cmp.Or(cmp.Compare(a.Offset, b.Offset), cmp.Compare(a.Bytes, b.Bytes), cmp.Compare(a.Name, b.Name))
	})
	end := int64(0)
	for _, t := range infos {
		if t.Offset != end {
			return fmt.Errorf("tensor %q: overlap or gap; got begin %d, want %d, the end of the tensor before", t.Name, t.Offset, end)
		}
		end += t.Bytes
		if end > dataBytes {
			return fmt.Errorf("tensor %q: file is truncated; got %d bytes of data, want %d or more", t.Name, dataBytes, end)
		}
	}
	if end != dataBytes {
		return fmt.Errorf("bytes after the last tensor; got %d bytes of data, want %d", dataBytes, end)
	}
	return nil
}

func parseInfo(value json.RawMessage) (Info, error) {
	var info Info
	var offsets []int64
	seen := 0
	err := eachMember(value, func(key string, value json.RawMessage) error {
		seen++
		switch key {
		case "dtype":
			return parseString(value, (*string)(&info.DType))
		case "shape":
			return parseInts(value, &info.Shape)
		case "data_offsets":
			return parseInts(value, &offsets)
		}
		return fmt.Errorf("unknown key; got %q, want dtype, shape, data_offsets", key)
	})
	if err != nil {
		return info, err
	}
	if seen != 3 {
		return info, errors.New("incomplete; want dtype, shape and data_offsets")
	}
	if len(offsets) != 2 || offsets[0] < 0 || offsets[1] < offsets[0] || offsets[1] > maxBytes {
		return info, fmt.Errorf("bad data_offsets; got %v, want [begin, end]", offsets)
	}
	want, err := byteSize(info.DType, info.Shape)
	if err != nil {
		return info, err
	}
	info.Offset, info.Bytes = offsets[0], offsets[1]-offsets[0]
	if info.Bytes != want {
		return info, fmt.Errorf("length does not fit the shape; got %d bytes, want %d for %v of %s", info.Bytes, want, info.Shape, info.DType)
	}
	return info, nil
}

// eachMember calls visit for the members of a JSON object in their order. It is
// stricter than encoding/json: a name that comes twice, invalid UTF-8 and any
// text after the object but white space are errors.
func eachMember(text []byte, visit func(name string, value json.RawMessage) error) error {
	if !utf8.Valid(text) || !json.Valid(text) {
		return errors.New("not valid JSON")
	}
	d := json.NewDecoder(bytes.NewReader(text))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("not a JSON object")
	}
	seen := map[string]bool{}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		name := t.(string)
		if seen[name] {
			return fmt.Errorf("duplicate name; got %q twice", name)
		}
		seen[name] = true
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		if err := visit(name, value); err != nil {
			return err
		}
	}
	return nil
}

func parseString(value json.RawMessage, s *string) error {
	if value[0] != '"' {
		return fmt.Errorf("wrong type; got %.40q, want a string", value)
	}
	return json.Unmarshal(value, s)
}

func parseStrings(value json.RawMessage, m map[string]string) error {
	return eachMember(value, func(name string, value json.RawMessage) error {
		var s string
		if err := parseString(value, &s); err != nil {
			return fmt.Errorf("%s: %q: %w", metadataKey, name, err)
		}
		m[name] = s
		return nil
	})
}

func parseInts(value json.RawMessage, ints *[]int64) error {
	var numbers []json.Number
	quoted := bytes.ContainsRune(value, '"') // json.Number takes strings too
	if err := json.Unmarshal(value, &numbers); err != nil || value[0] != '[' || quoted {
		return fmt.Errorf("wrong type; got %.40q, want a list of whole numbers", value)
	}
	list := make([]int64, len(numbers))
	for i, n := range numbers {
		v, err := strconv.ParseInt(n.String(), 10, 64)
		if err != nil {
			return fmt.Errorf("wrong number; got %.40q, want a whole number below 2^63", n.String())
		}
		list[i] = v
	}
	*ints = list
	return nil
}

package safetensors

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"unicode/utf8"
)

// Tensor is a tensor to be written.
type Tensor struct {
	Name  string
	DType DType
	// Shape is empty for a scalar.
	Shape []int64
	// Data returns the elements, row-major and little-endian. [Write] asks once, when the tensor's
	// turn comes, and is done with the slice before it asks the next one: a buffer may be shared.
	Data func() ([]byte, error)
}

// Bytes returns the length of the tensor's data.
func (t Tensor) Bytes() (int64, error) {
	size, err := byteSize(t.DType, t.Shape)
	if err != nil {
		return 0, fmt.Errorf("safetensors.Bytes: tensor %q: %w", t.Name, err)
	}
	return size, nil
}

// Size returns the length of the file that [Write] would write.
func Size(tensors []Tensor, metadata map[string]string) (int64, error) {
	l, err := arrange(tensors, metadata)
	if err != nil {
		return 0, fmt.Errorf("safetensors.Size: %w", err)
	}
	return int64(len(l.head)) + l.dataBytes, nil
}

// Write writes a file. The bytes depend on the tensors and the metadata alone,
// not on their order: tensors lie by element type, wide ones first, then by name,
// as the reference implementation lays them out.
func Write(w io.Writer, tensors []Tensor, metadata map[string]string) error {
	l, err := arrange(tensors, metadata)
	if err != nil {
		return fmt.Errorf("safetensors.Write: %w", err)
	}
	if _, err := w.Write(l.head); err != nil {
		return fmt.Errorf("safetensors.Write: header: %w", err)
	}
	for i, t := range l.tensors {
		data, err := t.Data()
		if err != nil {
			return fmt.Errorf("safetensors.Write: tensor %q: %w", t.Name, err)
		}
		if int64(len(data)) != l.sizes[i] {
			return fmt.Errorf("safetensors.Write: tensor %q: wrong data; got %d bytes, want %d for %v of %s", t.Name, len(data), l.sizes[i], t.Shape, t.DType)
		}
		if _, err := w.Write(data); err != nil {
			return fmt.Errorf("safetensors.Write: tensor %q: %w", t.Name, err)
		}
	}
	return nil
}

// layout is a file before its data.
type layout struct {
	tensors   []Tensor // in the order of the file
	sizes     []int64
	dataBytes int64
	head      []byte // length, header and padding
}

func arrange(tensors []Tensor, metadata map[string]string) (*layout, error) {
	l := &layout{tensors: slices.Clone(tensors)}
	slices.SortFunc(l.tensors, func(a, b Tensor) int {
		return cmp.Or(cmp.Compare(b.DType.rank(), a.DType.rank()), cmp.Compare(a.Name, b.Name))
	})
	seen := map[string]bool{metadataKey: true}
	for _, t := range l.tensors {
		if seen[t.Name] || !utf8.ValidString(t.Name) {
			return nil, fmt.Errorf("bad name of a tensor; got %q, want valid UTF-8, each name once and not %s", t.Name, metadataKey)
		}
		seen[t.Name] = true
		size, err := byteSize(t.DType, t.Shape)
		if err != nil {
			return nil, fmt.Errorf("tensor %q: %w", t.Name, err)
		}
		l.sizes = append(l.sizes, size)
		if l.dataBytes += size; l.dataBytes > maxBytes {
			return nil, fmt.Errorf("too many bytes in all; got %d, want at most %d", l.dataBytes, int64(maxBytes))
		}
	}
	return l, l.encodeHead(metadata)
}

// encodeHead writes the header with the reference implementation's order of keys
// and padding to 8 bytes.
func (l *layout) encodeHead(metadata map[string]string) error {
	var b bytes.Buffer
	b.Write(make([]byte, 8))
	separator := "{"
	member := func(name string, value any) {
		b.WriteString(separator)
		separator = ","
		encodeJSON(&b, name)
		b.WriteByte(':')
		encodeJSON(&b, value)
	}
	if len(metadata) > 0 {
		member(metadataKey, metadata)
	}
	begin := int64(0)
	for i, t := range l.tensors {
		end := begin + l.sizes[i]
		member(t.Name, tensorEntry{t.DType, append([]int64{}, t.Shape...), [2]int64{begin, end}})
		begin = end
	}
	if separator == "{" {
		b.WriteByte('{')
	}
	b.WriteByte('}')
	for b.Len()%8 != 0 {
		b.WriteByte(' ')
	}
	if b.Len()-8 > maxHeader {
		return fmt.Errorf("header is too long; got %d bytes, want at most %d", b.Len()-8, maxHeader)
	}
	l.head = b.Bytes()
	binary.LittleEndian.PutUint64(l.head, uint64(len(l.head)-8))
	return nil
}

type tensorEntry struct {
	DType   DType    `json:"dtype"`
	Shape   []int64  `json:"shape"`
	Offsets [2]int64 `json:"data_offsets"`
}

// encodeJSON appends v without the escapes for HTML and the newline of [json.Encoder].
func encodeJSON(b *bytes.Buffer, v any) {
	e := json.NewEncoder(b)
	e.SetEscapeHTML(false)
	if err := e.Encode(v); err != nil {
		panic(err) // strings, whole numbers and maps of strings always encode
	}
	b.Truncate(b.Len() - 1)
}

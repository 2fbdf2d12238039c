package configs

import (
	"bytes"
	"cmp"
	"encoding"
	"fmt"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Dump writes the configuration that config points to as YAML, in the order of the
// struct's fields. Loading it gives the same configuration. Origin, if not nil,
// says for each key where its value came from, "" for nowhere of note; that
// becomes a comment behind the value.
func Dump(config any, origin func(key string) string) []byte {
	var b bytes.Buffer
	walk(reflect.ValueOf(config).Elem(), "", func(path string, _ reflect.Type, f reflect.StructField) {
		indent := strings.Repeat("  ", strings.Count(path, "."))
		if isSection(f.Type) {
			fmt.Fprintf(&b, "%s%s:\n", indent, keyOf(f))
			return
		}
		fmt.Fprintf(&b, "%s%s: %s", indent, keyOf(f), Value(config, path))
		if origin != nil && origin(path) != "" {
			fmt.Fprintf(&b, "  # %s", strings.Trim(strconv.Quote(origin(path)), `"`))
		}
		b.WriteByte('\n')
	})
	return b.Bytes()
}

// Difference is a key with different values, as [Dump] writes them.
type Difference struct {
	Key, A, B string
}

// Diff lists the keys in which two configurations of the same type differ, in the order of the fields.
func Diff(a, b any) []Difference {
	var differences []Difference
	for _, k := range Keys(a) {
		if x, y := Value(a, k.Path), Value(b, k.Path); x != y {
			differences = append(differences, Difference{k.Path, x, y})
		}
	}
	return differences
}

// dumpValue writes a value on one line.
func dumpValue(v reflect.Value) string {
	if m, ok := v.Interface().(encoding.TextMarshaler); ok {
		text, err := m.MarshalText()
		if err != nil {
			panic(err) // a Config's values come from its defaults or from their own text
		}
		return dumpText(string(text))
	}
	if d, ok := v.Interface().(time.Duration); ok {
		return d.String()
	}
	switch v.Kind() {
	case reflect.Interface:
		return dumpAny(v.Elem())
	case reflect.String:
		return dumpText(v.String())
	case reflect.Float32, reflect.Float64:
		return dumpFloat(v)
	case reflect.Slice:
		var items []string
		for i := range v.Len() {
			items = append(items, dumpValue(v.Index(i)))
		}
		return "[" + strings.Join(items, ", ") + "]"
	case reflect.Map:
		keys := v.MapKeys()
		slices.SortFunc(keys, func(a, b reflect.Value) int { return cmp.Compare(a.String(), b.String()) })
		var members []string
		for _, k := range keys {
			members = append(members, strconv.Quote(k.String())+": "+dumpValue(v.MapIndex(k)))
		}
		return "{" + strings.Join(members, ", ") + "}"
	}
	if v.CanInt() || v.CanUint() || v.Kind() == reflect.Bool {
		return fmt.Sprint(v.Interface())
	}
	panic("config: no way to write a " + v.Type().String())
}

// dumpAny writes a value whose type only its text tells: texts are quoted.
func dumpAny(v reflect.Value) string {
	if v.Kind() == reflect.String {
		return strconv.Quote(v.String())
	}
	return dumpValue(v)
}

var (
	bareText = regexp.MustCompile(`^[A-Za-z_./][A-Za-z0-9_./-]*$`)
	// notBare are the words that some version of YAML does not take for text.
	notBare = regexp.MustCompile(`(?i)^(y|n|yes|no|on|off|true|false|null|\.|\.inf|\.nan)$`)
)

// dumpText quotes a text unless every version of YAML reads it as itself.
func dumpText(s string) string {
	if bareText.MatchString(s) && !notBare.MatchString(s) {
		return s
	}
	return strconv.Quote(s)
}

// dumpFloat writes 1e-06 as 1.0e-06, which older YAML readers too take for a number.
func dumpFloat(v reflect.Value) string {
	text := strconv.FormatFloat(v.Float(), 'g', -1, v.Type().Bits())
	if mantissa, exponent, ok := strings.Cut(text, "e"); ok && !strings.Contains(mantissa, ".") {
		return mantissa + ".0e" + exponent
	}
	return text
}

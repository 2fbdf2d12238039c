package main

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

// dumpConfig writes the effective configuration that config points to as YAML, in
// the order of the struct's fields. Loading it gives the same configuration.
func dumpConfig(config any) []byte {
	var b bytes.Buffer
	dumpSection(&b, reflect.ValueOf(config).Elem(), "")
	return b.Bytes()
}

func dumpSection(b *bytes.Buffer, v reflect.Value, indent string) {
	for i := range v.NumField() {
		name, field := keyOf(v.Type().Field(i)), v.Field(i)
		switch {
		case name == "":
		case isSection(field.Type()):
			fmt.Fprintf(b, "%s%s:\n", indent, name)
			dumpSection(b, field, indent+"  ")
		default:
			fmt.Fprintf(b, "%s%s: %s\n", indent, name, dumpValue(field))
		}
	}
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

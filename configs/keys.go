package configs

import (
	"math"
	"reflect"
	"strings"

	"github.com/xrash/smetrics"
)

// Key is a key or section of a configuration.
type Key struct {
	// Path is the dotted name, for example "game.batch_size".
	Path string
	// Comment is the doc comment of the struct's field, in paragraphs.
	Comment string
	// Section tells that it holds keys, not a value.
	Section bool
	// Type is what a value is written as, for example "a whole number".
	Type string
}

// Keys lists the keys of the struct that config points to, each section before what it holds, in the
// order of its fields.
func Keys(config any) []Key {
	var keys []Key
	walk(reflect.ValueOf(config).Elem(), "", func(path string, in reflect.Type, f reflect.StructField) {
		keys = append(keys, Key{path, comments[in.String()+"."+f.Name], isSection(f.Type), wanted(f.Type)})
	})
	return keys
}

// walk visits the fields that are keys, each section before what it holds.
func walk(v reflect.Value, path string, visit func(path string, in reflect.Type, f reflect.StructField)) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous { // its keys are the embedding struct's
			walk(v.Field(i), path, visit)
			continue
		}
		name := keyOf(f)
		if name == "" {
			continue
		}
		visit(join(path, name), v.Type(), f)
		if isSection(f.Type) {
			walk(v.Field(i), join(path, name), visit)
		}
	}
}

// find returns the field that has a dotted key.
func find(config any, key string) (reflect.Value, bool) {
	field, ok := reflect.ValueOf(config).Elem(), true
	for name := range strings.SplitSeq(key, ".") {
		if field, ok = fieldOf(field, name); !ok {
			return field, false
		}
	}
	return field, true
}

// Value returns a key's value as [Dump] writes it; a section's is "".
func Value(config any, key string) string {
	field, ok := find(config, key)
	if !ok || isSection(field.Type()) {
		return ""
	}
	return dumpValue(field)
}

// isSection tells a struct of keys from a value.
func isSection(t reflect.Type) bool {
	return t.Kind() == reflect.Struct && !reflect.PointerTo(t).Implements(textType)
}

// fieldOf returns the field of a struct that has the key name.
func fieldOf(v reflect.Value, name string) (reflect.Value, bool) {
	if v.Kind() != reflect.Struct {
		return reflect.Value{}, false
	}
	for i := range v.NumField() {
		if f := v.Type().Field(i); f.Anonymous {
			if field, ok := fieldOf(v.Field(i), name); ok {
				return field, true
			}
		} else if name != "" && keyOf(f) == name {
			return v.Field(i), true
		}
	}
	return reflect.Value{}, false
}

// keyOf returns the key of a field, "" where it has none.
func keyOf(f reflect.StructField) string {
	name, _, _ := strings.Cut(f.Tag.Get("yaml"), ",")
	if !f.IsExported() || name == "-" {
		return ""
	}
	if name == "" {
		return strings.ToLower(f.Name)
	}
	return name
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// NearestKey returns the key or section with the smallest edit distance to path. A
// key whose last name is like path's, or begins with it, counts as near wherever it
// is: what is forgotten first is the section, or the end of a long name.
func NearestKey(config any, path string) string {
	return nearest(Keys(config), func(k Key) int {
		d := min(distance(path, k.Path), distance(lastName(path), lastName(k.Path))+1)
		if last := lastName(path); last != "" && strings.HasPrefix(lastName(k.Path), last) {
			d = min(d, 1)
		}
		return d
	}).Path
}

func lastName(path string) string { return path[strings.LastIndex(path, ".")+1:] }

// Nearest returns the name with the smallest edit distance to what was written.
func Nearest(written string, names []string) string {
	return nearest(names, func(name string) int { return distance(written, name) })
}

// Alike tells whether a and b differ in so few places that one is probably meant by the other.
func Alike(a, b string) bool { return 3*distance(a, b) <= len(a) }

// nearest returns the first of the items with the smallest distance; the zero value where there is none.
func nearest[T any](items []T, distance func(T) int) (best T) {
	least := math.MaxInt
	for _, item := range items {
		if d := distance(item); d < least {
			best, least = item, d
		}
	}
	return best
}

// distance is the least number of inserted, removed or changed bytes between a and b (Levenshtein).
func distance(a, b string) int { return smetrics.WagnerFischer(a, b, 1, 1, 1) }

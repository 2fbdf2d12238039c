package main

import (
	"reflect"
	"strings"
)

// configKeys lists the dotted paths of all keys of the struct that config points
// to, sections left out, in the order of its fields.
func configKeys(config any) []string {
	var keys []string
	walkKeys(reflect.ValueOf(config).Elem(), "", func(path string, section bool) {
		if !section {
			keys = append(keys, path)
		}
	})
	return keys
}

// walkKeys visits the keys of a struct, each section before what it holds.
func walkKeys(v reflect.Value, path string, visit func(path string, section bool)) {
	for i := range v.NumField() {
		name := keyOf(v.Type().Field(i))
		if name == "" {
			continue
		}
		section := isSection(v.Field(i).Type())
		visit(join(path, name), section)
		if section {
			walkKeys(v.Field(i), join(path, name), visit)
		}
	}
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
		if name != "" && keyOf(v.Type().Field(i)) == name {
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

// nearestKey returns the key or section with the smallest edit distance to path. A
// key whose last name begins like path's counts as near wherever it is: what is
// forgotten first is the section, or the end of a long name.
func nearestKey(config any, path string) string {
	best, least := "", -1
	walkKeys(reflect.ValueOf(config).Elem(), "", func(key string, _ bool) {
		d := editDistance(path, key)
		if last := lastName(path); last != "" && strings.HasPrefix(lastName(key), last) {
			d = min(d, 1)
		}
		if least < 0 || d < least {
			best, least = key, d
		}
	})
	return best
}

func lastName(path string) string { return path[strings.LastIndex(path, ".")+1:] }

// editDistance is the least number of inserted, removed or changed bytes between a and b (Levenshtein).
func editDistance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j+1]+1, row[j]+1)
		}
	}
	return row[len(b)]
}

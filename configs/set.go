package configs

import (
	"encoding"
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/token"
)

// layer lays YAML over a configuration.
type layer struct {
	*Layers
	name string
	// place returns what an error begins with to say where it is.
	place func(line int) string
}

var (
	durationType = reflect.TypeFor[time.Duration]()
	textType     = reflect.TypeFor[encoding.TextUnmarshaler]()
)

// set gives v the value of a node. The Go type decides how the node is read, so
// 1e-6 is a number for a float64, whichever YAML version the author had in mind.
func (l layer) set(v reflect.Value, node ast.Node, path string) error {
	text, plain, ok := scalar(node)
	if u, custom := v.Addr().Interface().(encoding.TextUnmarshaler); custom && ok {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("%swrong value of %s: %w", l.place(node.GetToken().Position.Line), path, err)
		}
		return nil
	} else if custom {
		return l.wrongType(v.Type(), node, path)
	}
	switch v.Kind() {
	case reflect.Struct:
		return l.setStruct(v, node, path)
	case reflect.Slice:
		return l.setSlice(v, node, path)
	case reflect.Map:
		return l.setMap(v, node, path)
	}
	if !ok || !setScalar(v, text, plain) {
		return l.wrongType(v.Type(), node, path)
	}
	return nil
}

// setText gives v the value that text is.
func (l layer) setText(v reflect.Value, text, path string) error {
	if u, custom := v.Addr().Interface().(encoding.TextUnmarshaler); custom {
		if err := u.UnmarshalText([]byte(text)); err != nil {
			return fmt.Errorf("wrong value of %s: %w", path, err)
		}
		return nil
	}
	switch v.Kind() {
	case reflect.Struct, reflect.Map, reflect.Slice:
		return fmt.Errorf("wrong type of %s; got %.60q, want %s", path, text, wanted(v.Type()))
	}
	if !setScalar(v, text, true) {
		return fmt.Errorf("wrong type of %s; got %.60q, want %s", path, text, wanted(v.Type()))
	}
	return nil
}

func (l layer) setStruct(v reflect.Value, node ast.Node, path string) error {
	return l.eachMember(node, v.Type(), path, func(key string, line int, value ast.Node) error {
		if join(path, key) == presetKey {
			return nil // laid before
		}
		field, ok := fieldOf(v, key)
		if !ok {
			return l.unknown(line, join(path, key))
		}
		if !isSection(field.Type()) {
			l.origins[join(path, key)] = l.name
		}
		return l.set(field, value, join(path, key))
	})
}

// setMap replaces the whole map.
func (l layer) setMap(v reflect.Value, node ast.Node, path string) error {
	m := reflect.MakeMap(v.Type())
	err := l.eachMember(node, v.Type(), path, func(key string, _ int, value ast.Node) error {
		element := reflect.New(v.Type().Elem()).Elem()
		if err := l.set(element, value, join(path, key)); err != nil {
			return err
		}
		m.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), element)
		return nil
	})
	if err == nil {
		v.Set(m)
	}
	return err
}

// setSlice replaces the whole list.
func (l layer) setSlice(v reflect.Value, node ast.Node, path string) error {
	sequence, ok := node.(*ast.SequenceNode)
	if !ok {
		return l.wrongType(v.Type(), node, path)
	}
	list := reflect.MakeSlice(v.Type(), len(sequence.Values), len(sequence.Values))
	for i, n := range sequence.Values {
		if err := l.set(list.Index(i), n, fmt.Sprintf("%s[%d]", path, i)); err != nil {
			return err
		}
	}
	v.Set(list)
	return nil
}

func (l layer) eachMember(node ast.Node, t reflect.Type, path string, visit func(key string, line int, value ast.Node) error) error {
	mapping, ok := node.(ast.MapNode)
	if !ok {
		return l.wrongType(t, node, path)
	}
	for members := mapping.MapRange(); members.Next(); {
		line := members.Key().GetToken().Position.Line
		key, ok := members.Key().(*ast.StringNode)
		if !ok {
			return fmt.Errorf("%sunsupported key; got %q, want a plain name", l.place(line), members.Key().String())
		}
		if err := visit(key.Value, line, members.Value()); err != nil {
			return err
		}
	}
	return nil
}

func (l layer) wrongType(t reflect.Type, node ast.Node, path string) error {
	if path == "" {
		path = "the file"
	}
	return fmt.Errorf("%swrong type of %s; got %.60q, want %s", l.place(node.GetToken().Position.Line), path, node.String(), wanted(t))
}

func (l layer) unknown(line int, path string) error {
	return fmt.Errorf("%sunknown key; got %q; did you mean %s?", l.place(line), path, NearestKey(l.config, path))
}

// scalar returns the text of a scalar node and whether it was written without
// quotes. Null, lists, mappings, anchors, aliases and tags are no scalars here.
func scalar(node ast.Node) (text string, plain, ok bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		quoted := n.Token.Type == token.SingleQuoteType || n.Token.Type == token.DoubleQuoteType
		return n.Value, !quoted, true
	case *ast.LiteralNode:
		return n.Value.Value, false, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode:
		return node.GetToken().Value, true, true
	}
	return "", false, false
}

// setScalar reads text into v, or returns false where it does not fit v's type.
func setScalar(v reflect.Value, text string, plain bool) bool {
	if v.Kind() == reflect.String {
		v.SetString(text)
		return true
	}
	if v.Kind() == reflect.Interface {
		return setAny(v, text, plain)
	}
	if v.Type() == durationType {
		d, err := time.ParseDuration(text)
		v.SetInt(int64(d))
		return err == nil
	}
	if !plain {
		return false
	}
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(text == "true")
		return text == "true" || text == "false"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, v.Type().Bits())
		v.SetInt(n)
		return err == nil
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		n, err := strconv.ParseUint(text, 10, v.Type().Bits())
		v.SetUint(n)
		return err == nil
	case reflect.Float32, reflect.Float64:
		x, err := strconv.ParseFloat(text, v.Type().Bits())
		v.SetFloat(x)
		return err == nil && !math.IsInf(x, 0) && !math.IsNaN(x) && !strings.ContainsAny(text, "xX_")
	}
	panic("config: no way to read a " + v.Type().String())
}

// setAny reads what has no type of its own: unless it is quoted, true and false are truths and
// numbers are numbers.
func setAny(v reflect.Value, text string, plain bool) bool {
	if plain {
		for _, t := range []reflect.Type{reflect.TypeFor[bool](), reflect.TypeFor[int](), reflect.TypeFor[float64]()} {
			if value := reflect.New(t).Elem(); setScalar(value, text, true) {
				v.Set(value)
				return true
			}
		}
	}
	v.Set(reflect.ValueOf(text))
	return true
}

// wanted names what a type is written as.
func wanted(t reflect.Type) string {
	if t == durationType {
		return `a duration such as "2s" or "500ms"`
	}
	if reflect.PointerTo(t).Implements(textType) {
		return "a single value"
	}
	switch t.Kind() {
	case reflect.Struct, reflect.Map:
		return "a section of keys"
	case reflect.Slice:
		return "a list"
	case reflect.String:
		return "a text"
	case reflect.Interface:
		return "a single value"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64:
		return "a whole number, 0 or more"
	}
	return "a whole number"
}

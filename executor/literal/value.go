package literal

import (
	"math"
	"math/big"
	"slices"
)

// Kind is the Python type of a Value.
type Kind uint8

// The kinds are the exact built-in types that may cross the border.
const (
	None Kind = iota
	Bool
	Int
	Float
	Complex
	Str
	Bytes
	List
	Tuple
	Dict
	Set
	FrozenSet
)

var kindNames = [...]string{"NoneType", "bool", "int", "float", "complex", "str", "bytes", "list", "tuple", "dict", "set", "frozenset"}

// String returns the name of the Python type.
func (k Kind) String() string { return kindNames[k] }

// Value is one Python literal. The zero Value is None.
type Value struct {
	kind    Kind
	truth   bool
	integer *big.Int
	// re is also the value of a Float.
	re, im float64
	// text holds the bytes of Bytes, or the code points of Str in UTF-8 (lone surrogates as three bytes each).
	text string
	// items holds the elements in order; a Dict has key, value, key, value, ...
	items []Value
}

// Kind returns the type of v.
func (v Value) Kind() Kind { return v.kind }

// Text returns the code points of a Str in UTF-8; ok is false for any other kind.
func (v Value) Text() (text string, ok bool) { return v.text, v.kind == Str }

// hashable tells whether v may be a dict key or a set element.
func (v Value) hashable() bool {
	switch v.kind {
	case List, Dict, Set:
		return false
	case Tuple:
		for _, item := range v.items {
			if !item.hashable() {
				return false
			}
		}
	}
	return true
}

// unequalToItself tells whether v is or holds a nan. As key or element it equals
// no other value that is written like it: each nan is an object of its own.
func (v Value) unequalToItself() bool {
	return math.IsNaN(v.re) || math.IsNaN(v.im) || slices.ContainsFunc(v.items, Value.unequalToItself)
}

// newSet drops equal elements; the first one stays, as in CPython.
func newSet(kind Kind, elements []Value) Value {
	seen := make(map[string]bool, len(elements))
	v := Value{kind: kind}
	for _, e := range elements {
		if e.unequalToItself() {
			v.items = append(v.items, e)
		} else if key := string(e.appendKey(nil)); !seen[key] {
			seen[key] = true
			v.items = append(v.items, e)
		}
	}
	return v
}

// newDict joins equal keys; the first key stays with the last value, as in CPython.
func newDict(pairs []Value) Value {
	at := make(map[string]int, len(pairs)/2)
	v := Value{kind: Dict}
	for i := 0; i < len(pairs); i += 2 {
		key := string(pairs[i].appendKey(nil))
		if j, ok := at[key]; ok {
			v.items[j+1] = pairs[i+1]
			continue
		}
		if !pairs[i].unequalToItself() {
			at[key] = len(v.items)
		}
		v.items = append(v.items, pairs[i], pairs[i+1])
	}
	return v
}

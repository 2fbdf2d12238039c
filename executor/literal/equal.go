package literal

import (
	"bytes"
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strconv"
)

// Equal compares as Python's == does: numbers across bool, int, float and
// complex by exact value, dicts and sets without regard to order, a set equal to
// the frozenset with the same elements, list unequal to tuple and str unequal to
// bytes. The one difference: nan equals nan, so that a program that returns nan
// can be answered.
func Equal(a, b Value) bool {
	return bytes.Equal(a.appendKey(nil), b.appendKey(nil))
}

// appendKey appends an encoding of v that two values share exactly if they are
// Equal. Every encoding is self-delimiting, so encodings may be concatenated.
func (v Value) appendKey(b []byte) []byte {
	switch v.kind {
	case None:
		return append(b, 'N')
	case Bool, Int, Float, Complex:
		return v.appendNumberKey(b)
	case Str:
		return appendTextKey(append(b, 's'), v.text)
	case Bytes:
		return appendTextKey(append(b, 'b'), v.text)
	case List:
		return appendItemKeys(append(b, '['), v.items)
	case Tuple:
		return appendItemKeys(append(b, '('), v.items)
	default:
		return v.appendUnorderedKey(b)
	}
}

func (v Value) appendNumberKey(b []byte) []byte {
	switch v.kind {
	case Bool:
		if v.truth {
			return append(b, "#1;"...)
		}
		return append(b, "#0;"...)
	case Int:
		return append(v.integer.Append(append(b, '#'), 16), ';')
	case Complex:
		if v.im != 0 { // true of nan too
			return appendFloatKey(appendFloatKey(append(b, 'c'), v.re), v.im)
		}
	}
	return appendFloatKey(b, v.re)
}

// appendFloatKey writes whole floats as the integer they are.
func appendFloatKey(b []byte, f float64) []byte {
	b = append(b, '#')
	if f == math.Trunc(f) && !math.IsInf(f, 0) {
		whole, _ := big.NewFloat(f).Int(nil)
		return append(whole.Append(b, 16), ';')
	}
	return append(strconv.AppendFloat(b, f, 'x', -1, 64), ';')
}

func appendTextKey(b []byte, text string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

func appendItemKeys(b []byte, items []Value) []byte {
	b = binary.AppendUvarint(b, uint64(len(items)))
	for _, item := range items {
		b = item.appendKey(b)
	}
	return b
}

// appendUnorderedKey sorts the elements' keys: the order of a dict or set does not count.
func (v Value) appendUnorderedKey(b []byte) []byte {
	tag, stride := byte('{'), 1
	if v.kind == Dict {
		tag, stride = ':', 2
	}
	var keys [][]byte
	for group := range slices.Chunk(v.items, stride) {
		var key []byte
		for _, item := range group {
			key = item.appendKey(key)
		}
		keys = append(keys, key)
	}
	slices.SortFunc(keys, bytes.Compare)
	b = binary.AppendUvarint(append(b, tag), uint64(len(keys)))
	for _, key := range keys {
		b = append(b, key...)
	}
	return b
}

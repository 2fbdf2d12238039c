package literal

import (
	"encoding/binary"
	"math"
	"math/big"
	"slices"
	"strings"
)

// MarshalArgs returns an argument list as a tuple in CPython's marshal format
// (version 2, docs.python.org/3/library/marshal.html), which marshal.loads reads
// without compiling or evaluating anything. The elements of sets come in the order
// of their text, so that equal argument lists give equal bytes.
func MarshalArgs(args []Value) []byte {
	return Value{kind: Tuple, items: args}.appendMarshal(nil)
}

func (v Value) appendMarshal(b []byte) []byte {
	switch v.kind {
	case None:
		return append(b, 'N')
	case Bool:
		if v.truth {
			return append(b, 'T')
		}
		return append(b, 'F')
	case Int:
		return appendMarshalInt(b, v.integer)
	case Float:
		return appendMarshalFloat(append(b, 'g'), v.re)
	case Complex:
		return appendMarshalFloat(appendMarshalFloat(append(b, 'y'), v.re), v.im)
	case Str:
		return append(appendSize(append(b, 'u'), len(v.text)), v.text...)
	case Bytes:
		return append(appendSize(append(b, 's'), len(v.text)), v.text...)
	case Dict:
		b = append(b, '{')
		for _, item := range v.items {
			b = item.appendMarshal(b)
		}
		return append(b, '0')
	}
	tags := map[Kind]byte{List: '[', Tuple: '(', Set: '<', FrozenSet: '>'}
	b = appendSize(append(b, tags[v.kind]), len(v.items))
	for _, item := range v.inOrder() {
		b = item.appendMarshal(b)
	}
	return b
}

// appendMarshalInt writes what does not fit into 32 bits as digits of 15 bits, their number negative for negative integers.
func appendMarshalInt(b []byte, i *big.Int) []byte {
	const digitBits = 15
	if i.IsInt64() && int64(int32(i.Int64())) == i.Int64() {
		return binary.LittleEndian.AppendUint32(append(b, 'i'), uint32(int32(i.Int64())))
	}
	count := (i.BitLen() + digitBits - 1) / digitBits
	b = appendSize(append(b, 'l'), count*i.Sign())
	rest, mask, digit := new(big.Int).Abs(i), big.NewInt(1<<digitBits-1), new(big.Int)
	for range count {
		b = binary.LittleEndian.AppendUint16(b, uint16(digit.And(rest, mask).Uint64()))
		rest.Rsh(rest, digitBits)
	}
	return b
}

func appendMarshalFloat(b []byte, f float64) []byte {
	return binary.LittleEndian.AppendUint64(b, math.Float64bits(f))
}

func appendSize(b []byte, n int) []byte { return binary.LittleEndian.AppendUint32(b, uint32(int32(n))) }

// inOrder returns the elements, those of a set or frozenset sorted by their text.
func (v Value) inOrder() []Value {
	if v.kind != Set && v.kind != FrozenSet {
		return v.items
	}
	texts := make([]string, len(v.items))
	order := make([]int, len(v.items))
	for i, item := range v.items {
		texts[i], order[i] = item.String(), i
	}
	slices.SortStableFunc(order, func(i, j int) int { return strings.Compare(texts[i], texts[j]) })
	sorted := make([]Value, len(v.items))
	for at, i := range order {
		sorted[at] = v.items[i]
	}
	return sorted
}

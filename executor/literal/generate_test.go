package literal

import (
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
)

// generator makes random values of every kind. Its numbers collide often, as ==
// across kinds is what is easily got wrong.
type generator struct{ *rand.Rand }

func (g generator) value(depth int, hashable bool) Value {
	if depth == 0 || g.IntN(5) < 2 {
		return g.atom()
	}
	n := g.IntN(4)
	kinds := []Kind{Tuple, FrozenSet, List, Dict, Set}
	if hashable {
		kinds = kinds[:2]
	}
	switch kind := kinds[g.IntN(len(kinds))]; kind {
	case Set, FrozenSet:
		return newSet(kind, g.values(n, depth-1, true))
	case Dict:
		var items []Value
		for range n {
			items = append(items, g.value(depth-1, true), g.value(depth-1, false))
		}
		return newDict(items)
	default:
		return Value{kind: kind, items: g.values(n, depth-1, hashable)}
	}
}

func (g generator) values(n, depth int, hashable bool) []Value {
	var all []Value
	for range n {
		all = append(all, g.value(depth, hashable))
	}
	return all
}

func (g generator) atom() Value {
	switch g.IntN(8) {
	case 0:
		return Value{}
	case 1:
		return Value{kind: Bool, truth: g.IntN(2) == 0}
	case 2, 3:
		return Value{kind: Int, integer: g.integer()}
	case 4:
		return Value{kind: Float, re: g.float()}
	case 5:
		return Value{kind: Complex, re: math.Abs(g.float()), im: 1 + math.Abs(g.float())}
	case 6:
		return Value{kind: Bytes, text: g.text([]string{"a", "'", `"`, "\\", "\n", "\x00", "\x7f", "\x80", "\xff"})}
	}
	return Value{kind: Str, text: g.text([]string{"a", "'", `"`, "\\", "\t", "\r", "\x00", "\x1b", "\u0080", "\u00a0", "\u00ad", "é", "漢", "\u2028",
		"\xed\xa0\x80", "\ue000", "\uffff", "😀", "\U000e0001", "\U0010ffff"})}
}

func (g generator) integer() *big.Int {
	if g.IntN(4) > 0 {
		return big.NewInt(g.Int64N(5) - 2)
	}
	i := new(big.Int).Lsh(big.NewInt(1), uint(g.IntN(1100)))
	i.Add(i, big.NewInt(g.Int64N(3)-1))
	if g.IntN(2) == 0 {
		i.Neg(i)
	}
	return i
}

func (g generator) float() float64 {
	switch g.IntN(4) {
	case 0:
		return float64(g.IntN(5) - 2)
	case 1:
		return []float64{math.Inf(1), math.Inf(-1), math.Copysign(0, -1), math.MaxFloat64, math.SmallestNonzeroFloat64, 1 << 53, 1e16, 1e22, 1e-5}[g.IntN(9)]
	case 2:
		f := math.Float64frombits(g.Uint64())
		if math.IsNaN(f) {
			return 0.1
		}
		return f
	}
	return math.Ldexp(1, g.IntN(1024))
}

func (g generator) text(alphabet []string) string {
	var text strings.Builder
	for range g.IntN(6) {
		text.WriteString(alphabet[g.IntN(len(alphabet))])
	}
	return text.String()
}

// variant returns a value that is often equal to v in another form, and sometimes almost equal. It is hashable if v is.
func (g generator) variant(v Value) Value {
	if g.IntN(30) == 0 {
		return g.atom()
	}
	switch v.kind {
	case Bool, Int, Float:
		return g.number(v)
	case List, Tuple:
		return Value{kind: v.kind, items: g.variants(v.items)}
	case Set, FrozenSet:
		items := g.variants(v.items)
		g.Shuffle(len(items), func(i, j int) { items[i], items[j] = items[j], items[i] })
		return newSet(v.kind, items)
	case Dict:
		var items []Value
		for _, i := range g.Perm(len(v.items) / 2) {
			items = append(items, g.variant(v.items[2*i]), g.variant(v.items[2*i+1]))
		}
		return newDict(items)
	}
	return v
}

func (g generator) variants(items []Value) []Value {
	var all []Value
	for _, item := range items {
		all = append(all, g.variant(item))
	}
	return all
}

// number returns a number in another type: the same one where that type has it, else the nearest.
func (g generator) number(v Value) Value {
	f := v.re
	switch {
	case v.kind == Bool && v.truth:
		f = 1
	case v.kind == Int:
		f, _ = new(big.Float).SetInt(v.integer).Float64()
	}
	whole := !math.IsInf(f, 0) && f == math.Trunc(f)
	switch choice := g.IntN(4); {
	case choice == 0 && (f == 0 || f == 1):
		return Value{kind: Bool, truth: f == 1}
	case choice == 1 && whole:
		i, _ := big.NewFloat(f).Int(nil)
		return Value{kind: Int, integer: i}
	case choice == 2:
		return Value{kind: Float, re: f}
	case choice == 3 && !math.Signbit(f) && whole:
		return Value{kind: Complex, re: f}
	}
	return v
}

package terms

import (
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Python 3 gives these values; // rounds down and % has the sign of its right side.
func TestTermsMeanWhatPythonMeans(t *testing.T) {
	for _, c := range []struct {
		text    string
		x, want int64
	}{
		{"x // 3", 7, 2}, {"x // 3", -7, -3}, {"x // -3", 7, -3}, {"x // -3", -7, 2},
		{"x % 3", 7, 1}, {"x % 3", -7, 2}, {"x % -3", 7, -2}, {"x % -3", -7, -1},
		{"x // 3", -6, -2}, {"x % 3", -6, 0}, {"x % -3", 6, 0}, {"-x // 2", 3, -2}, {"-(x // 2)", 3, -1},
		{"-7 // 2", 0, -4}, {"7 - 2 - x", 1, 4}, {"7 - (2 - x)", 1, 6}, {"x // 4 * 4", 7, 4}, {"x * 4 // 4 % 5", 7, 2},
		{"2 + 3 * x", 4, 14}, {"(2 + 3) * x", 4, 20}, {"x - -x", 4, 8}, {"--x", 4, 4}, {"min(x, max(2, 3)) - max( x,-9 )", 1, 0},
	} {
		term, err := parse(c.text)
		require.NoError(t, err, c.text)
		got, err := term.eval(c.x)
		require.NoError(t, err, c.text)
		assert.Equal(t, c.want, got, "%s at %d", c.text, c.x)
	}
}

func TestTermsWithoutAValue(t *testing.T) {
	for text, want := range map[string]error{
		"1 // (x - 4)": errDivision, "x % (4 - x)": errDivision, "0 * (1 // (x - x))": errDivision,
		"1000001": errRange, "x * 250001": errRange, "1000000 + x - x": errRange, "min(x, 9000000000)": errRange,
	} {
		term, err := parse(text)
		require.NoError(t, err, text)
		_, err = term.eval(4)
		assert.ErrorIs(t, err, want, text)
	}
}

func TestWhatIsNoTerm(t *testing.T) {
	for _, text := range []string{
		"", " ", "y", "xx", "2x", "x x", "x +", "* x", "+x", "x ** 2", "x / 2", "x\n+ 1", "(x", "x)", "()", "min(x)", "min(x, 1, 2)", "max x", "minx",
		"maximum(x, 1)", "x + 1.5", "0x10", "x; 1", "x # 1", "__import__('os')", "ｘ", "१", "lambda x: x", "x if x else 1",
	} {
		_, err := parse(text)
		assert.ErrorIs(t, err, errSyntax, "%q", text)
	}
	for _, text := range []string{strings.Repeat("(", maxTermBytes+1), "x" + strings.Repeat("+x", 150)} {
		_, err := parse(text)
		assert.ErrorIs(t, err, errLength, text)
	}
	_, err := parse("9223372036854775808")
	assert.ErrorIs(t, err, errRange)
}

// randomTerm has a given number of operators.
func randomTerm(rng *rand.Rand, size int) term {
	if size == 0 {
		if rng.IntN(2) == 0 {
			return term{op: "x"}
		}
		return term{op: "number", constant: int64(rng.IntN(41) - 20)}
	}
	ops := []string{"+", "-", "*", "//", "%", "min", "max", "negate"}
	op := ops[rng.IntN(len(ops))]
	if op != "negate" {
		left := rng.IntN(size)
		return term{op: op, args: []term{randomTerm(rng, left), randomTerm(rng, size-1-left)}}
	}
	arg := randomTerm(rng, size-1)
	if arg.op == "number" { // a negated constant is a constant
		return term{op: "+", args: []term{arg, {op: "x"}}}
	}
	return term{op: op, args: []term{arg}}
}

// What is printed reads as the same term, with no parenthesis to spare.
func TestPrintedTermsParseBack(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 5000 {
		want := randomTerm(rng, rng.IntN(12))
		got, err := parse(want.String())
		require.NoError(t, err, want.String())
		require.Equal(t, want, got)
		require.Equal(t, want.size(), got.size())
	}
	for loose, tight := range map[string]string{"((x))+(1*2)": "x + 1 * 2", "-(3)": "-3", "x-(1-2)": "x - (1 - 2)", "(x-1)-2": "x - 1 - 2", "-(x+1)": "-(x + 1)"} {
		got, err := parse(loose)
		require.NoError(t, err)
		assert.Equal(t, tight, got.String())
	}
}

// Whatever is written, parsing ends; what it accepts prints as text that means the same.
func FuzzParse(f *testing.F) {
	for _, text := range []string{"(x + 3) * 2", "-x // max(x, -1) % 7", "x - -3", strings.Repeat("-", 399) + "x"} {
		f.Add(text, int64(5))
	}
	f.Fuzz(func(t *testing.T, text string, x int64) {
		read, err := parse(text)
		if err != nil {
			return
		}
		again, err := parse(read.String())
		require.NoError(t, err)
		require.Equal(t, read, again)
		value, err := read.eval(x)
		same, sameErr := again.eval(x)
		require.Equal(t, value, same)
		require.Equal(t, err, sameErr)
		require.LessOrEqual(t, max(value, -value), int64(maxValue))
	})
}

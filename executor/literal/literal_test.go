package literal

import (
	"encoding/json"
	"math/big"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

type golden struct {
	Texts []struct {
		Text      string
		Canonical *string
	}
	Pairs []struct {
		A, B  string
		Equal bool
	}
}

// readGolden reads what testdata/golden.py wrote.
func readGolden(t testing.TB) golden {
	t.Helper()
	data, err := os.ReadFile("testdata/golden.json")
	require.NoError(t, err)
	var g golden
	require.NoError(t, json.Unmarshal(data, &g))
	require.Greater(t, len(g.Texts), 500)
	return g
}

// refusedHere lists texts that ast.literal_eval reads and this package does not.
var refusedHere = map[string]bool{`'\N{BULLET}'`: true}

// zeroSigns lists complex numbers whose zero gets another sign from Python's
// arithmetic than the text has: there CPython cannot read back its own repr.
var zeroSigns = map[string]string{"-0.0+1j": "(-0+1j)", "0-0j": "-0j", "1-0j": "(1-0j)"}

func TestParseAndStringAgreeWithCPython(t *testing.T) {
	for _, c := range readGolden(t).Texts {
		v, err := Parse(c.Text)
		if c.Canonical == nil || refusedHere[c.Text] {
			assert.Error(t, err, "%q", c.Text)
			continue
		}
		want := *c.Canonical
		if sign, ok := zeroSigns[c.Text]; ok {
			want = sign
		}
		if assert.NoError(t, err, "%q", c.Text) {
			assert.Equal(t, want, v.String(), "%q", c.Text)
		}
	}
}

func TestEqualAgreesWithCPython(t *testing.T) {
	equal := 0
	for _, c := range readGolden(t).Pairs {
		a, err := Parse(c.A)
		require.NoError(t, err, c.A)
		b, err := Parse(c.B)
		require.NoError(t, err, c.B)
		assert.Equal(t, c.Equal, Equal(a, b), "%s == %s", c.A, c.B)
		assert.Equal(t, c.Equal, Equal(b, a), "%s == %s", c.B, c.A)
		if c.Equal {
			equal++
		}
	}
	assert.Greater(t, equal, 100)
}

func TestNamesBeyondLiteralEval(t *testing.T) {
	for text, want := range map[string]string{
		"nan": "nan", "-nan": "nan", "inf": "inf", "-inf": "-inf", "infj": "infj", "[1j, (-0+nanj)]": "[1j, (-0+nanj)]",
		"frozenset()": "frozenset()", "frozenset({2, 1})": "frozenset({1, 2})", "{frozenset([1])}": "{frozenset({1})}",
		"(nan-infj)": "(nan-infj)", "{nan: 1, nan: 2}": "{nan: 1, nan: 2}", "{nan, nan}": "{nan, nan}", "{(1, nan): 1, (1, nan): 1}": "{(1, nan): 1, (1, nan): 1}", "(-inf+infj)": "(-inf+infj)",
	} {
		v, err := Parse(text)
		if assert.NoError(t, err, text) {
			assert.Equal(t, want, v.String())
		}
	}
	for _, text := range []string{"frozenset({[1]})", "frozenset(1)", "frozenset(frozenset())", "set", "nan()", "infinity"} {
		_, err := Parse(text)
		assert.Error(t, err, text)
	}
}

func TestNaNEqualsNaNAndFrozenSetEqualsSet(t *testing.T) {
	for _, pair := range [][2]string{{"nan", "-nan"}, {"[nan, {1: nan}]", "[nan, {1: nan}]"}, {"{1, 2}", "frozenset({2, 1})"}, {"nanj", "nanj"}} {
		a, err := Parse(pair[0])
		require.NoError(t, err)
		b, err := Parse(pair[1])
		require.NoError(t, err)
		assert.True(t, Equal(a, b), pair)
	}
}

func TestParseArgs(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "  ": "", "1": "1", "1,": "1", "1,\n [2, 3], 'a' # note\n": "1, [2, 3], 'a'", "(1, 2)": "(1, 2)", "1, (2,)": "1, (2,)",
	} {
		args, err := ParseArgs(text)
		if assert.NoError(t, err, "%q", text) {
			assert.Equal(t, want, FormatArgs(args))
		}
	}
	for _, text := range []string{",", "1 2", "0) or (True", "1), (2", "x=1", "*[1]", "**{}", "1,,2", "__import__('os')", "1)"} {
		_, err := ParseArgs(text)
		assert.Error(t, err, "%q", text)
	}
}

func TestLimits(t *testing.T) {
	l := Limits{Depth: 3, Nodes: 5, Bytes: 20}
	for text, ok := range map[string]bool{
		"[[[1]]]": true, "[[[[1]]]]": false, "((((1))))": false, "[1,2,3,4]": true, "[1,2,3,4,5]": false,
		"'" + strings.Repeat("a", 18) + "'": true, "'" + strings.Repeat("a", 19) + "'": false, "frozenset({(1,)})": true,
	} {
		_, err := l.Parse(text)
		assert.Equal(t, ok, err == nil, "%s: %v", text, err)
	}
	_, err := Parse(strings.Repeat("[", 60_000))
	assert.ErrorContains(t, err, "nested too deep")
	_, err = Parse("0x" + new(big.Int).Exp(big.NewInt(10), big.NewInt(4300), nil).Text(16))
	assert.ErrorContains(t, err, "int too large")
}

func TestParseRefusesBrokenText(t *testing.T) {
	for _, text := range []string{"'\xff'", "\xed\xa0\x80", "1\x00"} {
		_, err := Parse(text)
		assert.Error(t, err, "%q", text)
	}
}

func TestKind(t *testing.T) {
	for text, want := range map[string]Kind{
		"None": None, "True": Bool, "1": Int, "1.": Float, "1j": Complex, "''": Str, "b''": Bytes,
		"[]": List, "()": Tuple, "{}": Dict, "set()": Set, "frozenset()": FrozenSet,
	} {
		v, err := Parse(text)
		require.NoError(t, err)
		assert.Equal(t, want, v.Kind(), text)
	}
	assert.Equal(t, "frozenset", FrozenSet.String())
}

// FuzzParse checks that whatever is read has a canonical text that reads back
// as an equal value with the same canonical text.
func FuzzParse(f *testing.F) {
	for _, c := range readGolden(f).Texts {
		if len(c.Text) < 200 {
			f.Add(c.Text)
		}
	}
	f.Add("frozenset({nan, infj, (-0+nanj)})")
	f.Fuzz(func(t *testing.T, text string) {
		v, err := Parse(text)
		if err != nil {
			assert.NotContains(t, err.Error(), "\n")
			return
		}
		canonical := v.String()
		limits := DefaultLimits
		limits.Bytes = 16 * (len(text) + 400)
		again, err := limits.Parse(canonical)
		require.NoError(t, err, "%q -> %q", text, canonical)
		assert.Equal(t, canonical, again.String())
		assert.True(t, Equal(v, again), "%q", canonical)
		args, err := limits.ParseArgs(canonical + ", " + canonical)
		require.NoError(t, err)
		assert.Equal(t, canonical+", "+canonical, FormatArgs(args))
	})
}

package executor

import (
	"encoding/json"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/literal"
)

// TestWorkerPrintsWhatLiteralPrints compares the two printers of canonical text on the literals' own golden file.
func TestWorkerPrintsWhatLiteralPrints(t *testing.T) {
	data, err := os.ReadFile("literal/testdata/golden.json")
	require.NoError(t, err)
	var golden struct{ Texts []struct{ Text string } }
	require.NoError(t, json.Unmarshal(data, &golden))
	p := openHere(t, nil)
	s := p.lanes[seedA].take()
	defer p.lanes[seedA].put(s)
	compared := 0
	for i, c := range golden.Texts {
		v, err := literal.Parse(c.Text)
		if err != nil || len(c.Text) > 4000 || i%3 != 0 && i > 250 {
			continue
		}
		rs, err := s.execute(t.Context(), task{Program: "def f(x): return x", Inputs: []input{newInput([]literal.Value{v})}}, 10*time.Second)
		require.NoError(t, err)
		r := rs[0]
		require.Equal(t, azr.OK, r.Status, "%s: %s", v, r.Error)
		back, err := literal.Parse(r.Value)
		require.NoError(t, err)
		assert.True(t, literal.Equal(v, back), "%s came back as %s", v, r.Value)
		assert.Equal(t, back.String(), r.Value)
		compared++
	}
	assert.Greater(t, compared, 150)
}

func TestGate(t *testing.T) {
	p := openHere(t, nil)
	run := func(program string) azr.Result {
		rs, err := p.Run(t.Context(), azr.Execution{Program: program, Inputs: []string{"1"}, Twice: true})
		require.NoError(t, err)
		return rs[0]
	}
	for program, reason := range map[string]string{
		"import math\nimport os\ndef f(x): return x":                                       "import of os, line 2",
		"def f(x):\n    from os import path\n    return x":                                 "import from os, line 2",
		"from . import x\ndef f(x): return x":                                              "import from ., line 1",
		"from random import random\ndef f(x): return x":                                    "import from random, line 1",
		"from collections import _sys\ndef f(x): return x":                                 "import of collections._sys, line 1",
		"import collections\ndef f(x): return collections._sys":                            "attribute _sys, line 2",
		"import statistics as s\ndef f(x): return s.random":                                "attribute random, line 2",
		"def f(x): return ().__class__.__bases__":                                          "attribute __bases__, line 1",
		"def f(x): return (lambda: 0).__globals__":                                         "attribute __globals__, line 1",
		"def f(x): return (i for i in []).gi_frame":                                        "attribute gi_frame, line 1",
		"def f(x):\n    try: 1 / 0\n    except Exception as e: return e.__traceback__":     "attribute __traceback__, line 3",
		"def f(x): return __import__('os')":                                                "use of __import__, line 1",
		"def f(eval): return eval('1')":                                                    "use of eval, line 1",
		"def f(x): return input()":                                                         "use of input, line 1",
		"def f(x): return __builtins__":                                                    "use of __builtins__, line 1",
		"def f(x): return eval('1')":                                                       "use of eval, line 1",
		"e = exec\ndef f(x): return x":                                                     "use of exec, line 1",
		"def f(x): return getattr(x, 'real')":                                              "use of getattr, line 1",
		"def f(x): return open('x').read()":                                                "use of open, line 1",
		"from operator import attrgetter\ndef f(x): return x":                              "import of operator.attrgetter, line 1",
		"def f(x):\n    match f:\n        case object(__globals__=g): return len(g) + x":   "attribute __globals__, line 3",
		"def f(x):\n    match (i for i in []):\n        case object(gi_frame=g): return x": "attribute gi_frame, line 3",
		"def f(x): return '{0.__globals__}'.format(f), x":                                  "text with __globals__, line 1",
		"def f(x): return '{0[0].gi_frame}'.format(x)":                                     "text with gi_frame, line 1",
		"def f(x): return ('{0.__glo' + 'bals__}').format(f), x":                           "format of a text that is not written out, line 1",
		"def f(x): return f'{{0.__glo{\"bals__\"}}}'.format(f), x":                         "format of a text that is not written out, line 1",
		"def f(x):\n    t = '{0.__glo'\n    t += 'bals__}'\n    return t.format(f), x":     "format of a text that is not written out, line 4",
		"def f(x, t='{}'): return t.format(f), x":                                          "format of a text that is not written out, line 1",
		"def f(x): return str.format('{0.a}', x)":                                          "format of a text that is not written out, line 1",
		"def f(x): return '{a}'.format_map({'a': x})":                                      "attribute format_map, line 1",
		"import string\ndef f(x): return string.Formatter().format('{}', x)":               "attribute Formatter, line 2",
		"from string import Formatter\ndef f(x): return x":                                 "import of string.Formatter, line 1",
		"C = type('C', (), {})\ndef f(x): return x":                                        "use of type to make a class, line 1",
		"def f(x): return f'{f.__globals__}', x":                                           "attribute __globals__, line 1",
	} {
		assert.Equal(t, azr.Result{Status: azr.Blocked, Error: reason}, run(program), program)
	}
	for program, want := range map[string]string{
		"from __future__ import annotations\nimport math, re, collections.abc\nfrom typing import List\nfrom dataclasses import dataclass\n" +
			"@dataclass\nclass P:\n    x: int = 0\n    _y: List[int] = None\n    def __post_init__(self): self._y = [self.x]\n    def __len__(self): return 3\n" +
			"class Q(P):\n    def __init__(self, x):\n        super().__init__(x)\n" +
			"def f(x):\n    q = Q(x)\n    return math.floor(2.5), bool(re.compile('a').match('a')), len(q), q._y, type(q).__name__\n" +
			"if __name__ == '__main__':\n    print(f(1))\n": "(2, True, 3, [1], 'Q')",
		"t = '{:>3}'\ndef f(x):\n    t = '{}|'\n    return t.format(x) + '{0:03d}'.format(x) + f'{x!r}'":                                             "'1|0011'",
		"import functools\ndef d(g):\n    @functools.wraps(g)\n    def w(x): return g(x)\n    return w\n@d\ndef f(x): return type(x) is int, x.real": "(True, 1)",
		"def f(x):\n    match {'a': x}:\n        case {'a': int(real=r)}: return r":                                                                  "1",
		"def f(input):\n    vars = [input]\n    return vars":                                                                                         "[1]",
		"from collections import Counter\ndef f(x): return Counter('aab' * x).most_common(1)":                                                        "[('a', 2)]",
	} {
		assert.Equal(t, azr.Result{Status: azr.OK, Value: want}, run(program), program)
	}
	assert.Equal(t, azr.Result{Status: azr.Error, Error: "SyntaxError"}, run("def f(x) return"))
	unproposed := runOne(t, p, "import os\ndef f(x): return os.sep", "1")
	assert.Equal(t, azr.Result{Status: azr.OK, Value: "'/'"}, unproposed, "only executions with Twice set pass the gate")
}

func TestReports(t *testing.T) {
	good := []byte{7, 0, 0, 0, 0, 0, 0, 0, 9, 0, 0, 0, 0x40, 0x0d, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0}
	r, err := parseReport(good)
	require.NoError(t, err)
	assert.Equal(t, report{Task: 7, Status: 9, CPU: 200_000, RSS: 1 << 16}, r)
	for _, broken := range [][]byte{nil, good[1:], append(good, good...)} {
		_, err := parseReport(broken)
		assert.ErrorContains(t, err, "malformed report")
	}
}

func TestClaims(t *testing.T) {
	nonce := [nonceBytes]byte{1, 2, 3}
	frame := func(body string) []byte { return claimFrame(string(nonce[:]) + body) }
	assert.Equal(t, claim{azr.OK, "", "[1]"}, parseClaim(frame("o\x00[1]"), nonce))
	assert.Equal(t, claim{azr.Error, "KeyError", ""}, parseClaim(frame("eKeyError\x00"), nonce))
	for _, body := range []string{"", "o", "o[1]", "x\x00[1]", "o\x00\xff", "e\xff\x00"} {
		assert.Equal(t, violation, parseClaim(frame(body), nonce), "%q", body)
	}
	for _, forged := range [][]byte{claimFrame(""), claimFrame("o\x00[1]"), claimFrame(string(make([]byte, nonceBytes)) + "o\x00[1]")} {
		assert.Equal(t, violation, parseClaim(forged, nonce), "%q", forged)
	}
	whole := frame("o\x001")
	for n := range whole {
		first, rest := cutClaim(whole[:n])
		assert.Nil(t, first)
		assert.Equal(t, whole[:n], rest)
	}
	first, rest := cutClaim(append(whole, 5))
	assert.Equal(t, whole, first)
	assert.Equal(t, []byte{5}, rest)
	first, _ = cutClaim([]byte{255, 255, 255, 255, 0})
	assert.Nil(t, first, "a length is not believed")
}

func TestClaimsOfAWorkerAreNotBelieved(t *testing.T) {
	limits := literal.Limits{Depth: 100, Nodes: 100, Bytes: 10}
	for claimed, want := range map[claim]azr.Result{
		{Status: azr.OK, Value: "{2,1}"}:                 {Status: azr.OK, Value: "{1, 2}"},
		{Status: azr.OK, Value: "os"}:                    {Status: azr.Error, Error: "ProtocolViolation"},
		{Status: azr.OK, Value: "'aaaaaaaaaaa'"}:         {Status: azr.Error, Error: "ProtocolViolation"},
		{Status: azr.Error, Error: "\x1b[2J\u202e"}:      {Status: azr.Error, Error: "?[2J?"},
		{Status: azr.Timeout, Value: "[1]", Error: "\n"}: {Status: azr.Timeout, Error: "?"},
	} {
		assert.Equal(t, want, reply{claim: claimed}.result(limits))
	}
}

func TestEveryLiteralCrossesTheBorderBothWays(t *testing.T) {
	p := openHere(t, nil)
	for _, text := range []string{
		everyKind, "{nan: 1, nan: 2}", "{1, nan, nan}", "{(1, nan): 1, (1, nan): 1}", "[nan, {nan: nan}]",
		strings.Repeat("frozenset({", 98) + "frozenset()" + strings.Repeat("})", 98), strings.Repeat("[", 98) + strings.Repeat("]", 98),
		"frozenset({" + strings.Repeat("(", 97) + "1" + strings.Repeat(",)", 97) + "})",
	} {
		assert.Equal(t, azr.Result{Status: azr.OK, Value: "[" + text + "]"}, runOne(t, p, "def f(*x): return list(x)", text))
	}
	assert.Equal(t, "{nan: 1, nan: 2}", runOne(t, p, "def f(): return {float('nan'): 1, float('nan'): 2}", "").Value)
	assert.Equal(t, "{nan, nan}", runOne(t, p, "def f(): return {float('nan'), float('nan')}", "").Value)
}

// TestWorkerWithATaskLeftUnreadIsReplaced: the next child would read the rest of it.
func TestWorkerWithATaskLeftUnreadIsReplaced(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Slots = 1 })
	long := task{Program: "#" + strings.Repeat("x", maxProgram-100) + "\ndef f(): return 1", Inputs: []input{newInput(nil)}}
	s := p.lanes[seedA].take()
	for i := 0; i < 200 && !s.spent; i++ {
		rs, err := s.execute(t.Context(), long, time.Millisecond)
		require.NoError(t, err)
		require.Contains(t, []azr.Status{azr.Timeout, azr.OK}, rs[0].Status)
	}
	require.True(t, s.spent)
	p.release(p.lanes[seedA], s)
	assert.Equal(t, "7", runOne(t, p, "def f(x): return x", "7").Value)
	assert.Equal(t, map[string]int64{causeRecycled: 1}, p.Stats().Restarts)
}

package executor

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

func TestGateRefusesOutputThatDoesNotDependOnTheInput(t *testing.T) {
	p := openHere(t, nil)
	run := func(program string) azr.Result {
		rs, err := p.Run(t.Context(), azr.Execution{Program: program, Inputs: []string{"1"}, Twice: true})
		require.NoError(t, err)
		return rs[0]
	}
	for program, how := range map[string]string{
		"def f(x): return 1":                                                              "x is never used, line 1",
		"import math\n\ndef f(x, *y): return math.pi":                                     "x is never used, line 3",
		"f = lambda x: 3":                                                                 "x is never used, line 1",
		"def f(**k): return 'k'":                                                          "k is never used, line 1",
		"def f(x):\n    '''x'''\n    return 'x'":                                          "x is never used, line 1",
		"def f(x):\n    x = 3\n    return x":                                              "x is never used before it is assigned or has no effect, line 1",
		"def f(x, y=2):\n    x = y = 1\n    return x + y":                                 "x is never used before it is assigned or has no effect, line 1",
		"def f(x):\n    y = [x]\n    z = y\n    return 4":                                 "x is never used before it is assigned or has no effect, line 1",
		"def f(x):\n    x\n    return 4":                                                  "x is never used before it is assigned or has no effect, line 1",
		"def g(x): return x\n\ndef f(x):\n    x = x\n    return g(4)":                     "x is never used before it is assigned or has no effect, line 3",
		"def f(x): return x * 0 + 5":                                                      "x is never used before it is assigned or has no effect, line 1",
		"def f(x): return 0 * (x + 1) - 5":                                                "x is never used before it is assigned or has no effect, line 1",
		"def f(x): return x ** 0, x - x, x & 0, x ^ x, False and x, 1 or x":               "x is never used before it is assigned or has no effect, line 1",
		"def f(x):\n    if x: pass\n    return 4":                                         "x is never used before it is assigned or has no effect, line 1",
		"def f(x):\n    if x > 3:\n        y = 1\n    else:\n        y = 2\n    return 4": "x is never used before it is assigned or has no effect, line 1",
		"def f(x):\n    y = x + 1\n    if y == 2 and not x: x\n    return 4":              "x is never used before it is assigned or has no effect, line 1",
		"def f(): return 1":                                                               "f has no parameter, line 1",
	} {
		assert.Equal(t, azr.Result{Status: azr.Blocked, Error: "output does not depend on the input: " + how}, run(program), program)
	}
	for _, program := range []string{
		"def f(x):\n    x += 0\n    return x", "def f(x):\n    if x: return 1\n    return 2", "def f(x):\n    for i in [x]: pass\n    return i",
		"def f(x):\n    def g(): return x\n    return g()", "f = lambda x: x", "def f(*a): return a[0]", "def f(x):\n    a = b = x\n    b -= 0\n    return b",
		"def f(x):\n    y = []\n    y.append(x)\n    return y[0]", "def f(x):\n    d = {}\n    d[1] = x\n    return d[1]", "def g(x): return x\nf = g",
		"class C:\n    def __init__(self, v): self.v = v\ndef f(x): return C(x).v", "def f(x):\n    try:\n        y = x\n    finally:\n        pass\n    return y",
		"def f(x):\n    assert x\n    return 1", "def f(x):\n    match x:\n        case 1: return 1\n    return 3", "if True:\n    def f(x): return 1",
		"from functools import lru_cache\n@lru_cache\ndef f(x): return 1", "def f(x): return 1\ndef f(x): return x", "def f(x, y=0):\n    y = x\n    return y",
		"def f(x):\n    if 0: x = 3\n    return x", "def f(x):\n    if x > 3: y = 1\n    else: y = 2\n    return y",
		"def f(x):\n    if x: y = 1\n    else: y = 2\n    if y > 1: z = 1\n    else: z = 0\n    return z", "def f(x): return x * 1 + 5",
		"def f(x):\n    if 1 / x: pass\n    return 4", "def f(x):\n    for i in [1, 2]:\n        if x: break\n    return i", "def f(x): return (x - 1) * 2",
		"def f(x): return [x] * 0 or x", "def f(x): return True and x", "def f(x):\n    return [i for i in [x]][0]", "def f(x):\n    z = (y := x)\n    return y",
		"def f(x):\n    global g\n    g = x\n    return h()\ndef h(): return g", "def f(x):\n    y = x\n    while y > 1: y = 0\n    return 1",
	} {
		r := run(program)
		assert.Equal(t, azr.OK, r.Status, "%s: %v", program, r)
	}
	assert.Equal(t, azr.OK, runOne(t, p, "def f(x): return 1", "1").Status, "only proposed programs pass the gate")
}

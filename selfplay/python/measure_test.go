package python_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/selfplay/python"
)

// sandboxed is the environment on real Python.
func sandboxed(t *testing.T, change func(*python.Config)) *python.Environment {
	t.Helper()
	pool, err := executor.Open(t.Context(), executor.DefaultConfig())
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	cfg := python.DefaultConfig()
	cfg.InductionInputs = 4
	if change != nil {
		change(&cfg)
	}
	env, err := python.New(cfg, pool)
	require.NoError(t, err)
	return env
}

func measure(t *testing.T, env *python.Environment, program string, references ...string) azr.Measures {
	t.Helper()
	var tasks []azr.Task
	for _, r := range references {
		tasks = append(tasks, azr.Task{Program: r})
	}
	m, err := env.Measure(t.Context(), azr.Task{Type: azr.Deduction, Program: program}, tasks)
	require.NoError(t, err)
	return m
}

// Programs are the same whatever their names, layout, comments and annotations are.
func TestFingerprints(t *testing.T) {
	env := sandboxed(t, nil)
	base := measure(t, env, "def f(x):\n    total = 0\n    for v in x:\n        total += v * 2\n    return total")
	require.NotEmpty(t, base.Program)
	for name, program := range map[string]string{
		"names":       "def f(items):\n    s = 0\n    for item in items:\n        s += item * 2\n    return s",
		"layout":      "def f(x): # doubles\n\n  total=0\n  for v in x: total += (v*2)\n  return(total)\n",
		"docstring":   "def f(x):\n    '''Adds.'''\n    total = 0\n    for v in x:\n        total += v * 2\n    return total",
		"annotations": "def f(x: list[int]) -> int:\n    total: int = 0\n    for v in x:\n        total += v * 2\n    return total",
	} {
		m := measure(t, env, program)
		assert.Equal(t, base.Program, m.Program, name)
		assert.Equal(t, base.Skeleton, m.Skeleton, name)
	}
	constants := measure(t, env, "def f(x):\n    total = 1\n    for v in x:\n        total += v * 9\n    return total")
	assert.NotEqual(t, base.Program, constants.Program)
	assert.Equal(t, base.Skeleton, constants.Skeleton)
	for name, program := range map[string]string{
		"another operator": "def f(x):\n    total = 0\n    for v in x:\n        total += v + 2\n    return total",
		"swapped names":    "def f(x):\n    total = 0\n    for v in x:\n        v += total * 2\n    return total",
		"type of constant": "def f(x):\n    total = 0.0\n    for v in x:\n        total += v * 2\n    return total",
	} {
		assert.NotEqual(t, base.Skeleton, measure(t, env, program).Skeleton, name)
	}
	// What is not the program's own keeps its name.
	assert.NotEqual(t, measure(t, env, "def f(x):\n    return min(x)").Program, measure(t, env, "def f(x):\n    return max(x)").Program)
	assert.NotEqual(t, measure(t, env, "def f(x):\n    return x.upper()").Program, measure(t, env, "def f(x):\n    return x.lower()").Program)
	assert.Equal(t, measure(t, env, "def f(x):\n    key = x\n    return sorted(key, key=len)").Program, measure(t, env, "def f(a):\n    b = a\n    return sorted(b, key=len)").Program)
}

// Statements by hand; the values of complexity by the rules of cognitive complexity, of Halstead's by its formulas.
func TestMeasures(t *testing.T) {
	env := sandboxed(t, nil)
	for _, c := range []struct {
		program    string
		size       int
		complexity float64
		standalone bool
	}{
		{"def f(x):\n    return x", 0, 0, true},
		{"def f(x):\n    a = x[1:]\n    b = sorted(a)\n    return b", 2, 0, true},
		{"import math\ndef f(x):\n    'doc'\n    pass\n    x.sort()\n    return x", 1, 0, true},
		{"def f(x):\n    if x > 0:\n        x += 1\n    elif x < -5:\n        x = 2\n    else:\n        x = 3\n    return x", 5, 3, true},
		{"def f(x):\n    for a in x:\n        while a > 0 and a < 9:\n            a += 1 if a else 2\n    return x", 3, 7, true}, // 1 + 2 + and 1 + 3
		{"def f(n):\n    return 1 if n < 2 else n * f(n - 1)", 0, 2, true},                                                       // if and recursion
		{"def g(x):\n    y = x\n    return y\ndef f(x):\n    return g(x)", 1, 0, false},
		{"c = 3\ndef f(x):\n    return x + c", 1, 0, false},
		{"def f(x):\n    return f'{f.__name__}{x}'", 0, 0, false},
	} {
		m := measure(t, env, c.program)
		assert.Equal(t, c.size, m.Size, c.program)
		assert.Equal(t, c.complexity, m.Complexity, c.program)
		assert.Equal(t, c.standalone, m.Standalone, c.program)
	}
	// One operation x + 1: operators 1 of 1, operands 2 of 2, volume 3 log2 3 = 4.755, effort 4.755 / 2; one path.
	assert.InDelta(t, 0.5*2.3774/1e4+0.3*0.1+0.2*4.7549/500, measure(t, env, "def f(x):\n    return x + 1").Halstead, 1e-6)
}

func TestDistanceFromReferences(t *testing.T) {
	env := sandboxed(t, nil)
	one, other := "def f(x):\n    return x + 1", "def f(words):\n    out = []\n    for w in words:\n        out.append(w.upper())\n    return out"
	assert.Zero(t, measure(t, env, one).Distance, "without references")
	assert.Zero(t, measure(t, env, one, "def f(y):\n    return y + 1").Distance)
	far := measure(t, env, one, other).Distance
	assert.True(t, far > 0.4 && far < 1, "%v", far)
	assert.InDelta(t, far/2, measure(t, env, one, one, other).Distance, 1e-12, "the mean")
}

// Text that Python cannot parse, or that is too deep for it, has no measures, and is never run.
func TestWhatCannotBeMeasured(t *testing.T) {
	env := sandboxed(t, nil)
	for name, program := range map[string]string{
		"syntax":  "def f(x:\n    return",
		"depth":   "def f(x):\n    return " + strings.Repeat("(", 3000) + "x" + strings.Repeat(")", 3000),
		"nul":     "def f(x):\n    return '\x00'",
		"invalid": "def f(x):\n    return '\xff'",
	} {
		m := measure(t, env, program)
		if name != "invalid" { // it is carried as a replacement character
			assert.Zero(t, m, name)
		}
	}
	hostile := "raise SystemExit(\"'\")\ndef f(x):\n    return '''\\'\"''' + x"
	assert.NotEmpty(t, measure(t, env, hostile).Program)
}

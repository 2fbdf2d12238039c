package python

import (
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestEntry(t *testing.T) {
	for name, c := range map[string]struct {
		program string
		found   bool
		want    function
	}{
		"plain":                {"def f(x):\n    return x", true, function{[]string{"x"}, true}},
		"one line":             {"def f(x): return x", true, function{[]string{"x"}, true}},
		"annotated":            {"def f(a: dict[str, int] = {}, *rest, b=(1, 2), **more) -> int:\n    return b", true, function{[]string{"a", "rest", "b", "more"}, true}},
		"over several lines":   {"def f(\n    a,\n    b,\n):\n    return b", true, function{[]string{"a", "b"}, true}},
		"positional only":      {"def f(a, /, *, b):\n    return a", true, function{[]string{"a", "b"}, true}},
		"no parameter":         {"def f():\n    return 1", true, function{}},
		"unused":               {"def f(x):\n    return 1", true, function{[]string{"x"}, false}},
		"only in a comment":    {"def f(x):\n    # x\n    return 1", true, function{[]string{"x"}, false}},
		"only in a string":     {"def f(x):\n    '''x\nx'''\n    return \"x\"", true, function{[]string{"x"}, false}},
		"in an f-string":       {"def f(x):\n    return f'{x}!'", true, function{[]string{"x"}, true}},
		"only as attribute":    {"def f(x):\n    return math.x", true, function{[]string{"x"}, false}},
		"after the body":       {"def f(x):\n    return 1\nx = 2\nprint(x)", true, function{[]string{"x"}, false}},
		"beside helpers":       {"import math\ndef g(y):\n    return y\n\n@g\ndef f(x):\n    def h(z):\n        return x + z\n    return h(1)", true, function{[]string{"x"}, true}},
		"the last one counts":  {"def f(x):\n    return 1\ndef f(y):\n    return y", true, function{[]string{"y"}, true}},
		"after a continuation": {"a = 1 + \\\n2 # \\\ndef f(x):\n    return x", true, function{[]string{"x"}, true}},
		"nested only":          {"def g(x):\n    def f(y):\n        return y\n    return f(x)", false, function{}},
		"a method":             {"class C:\n    def f(self):\n        return 1", false, function{}},
		"in a string":          {"s = '''\ndef f(x):\n    return x\n'''", false, function{}},
		"in brackets":          {"s = [\ndef f(x)]", false, function{}},
		"another name":         {"def ff(x):\n    return x", false, function{}},
		"empty":                {"", false, function{}},
		"cut":                  {"def f(", true, function{}},
		"cut string":           {"def f(x):\n    return 'x", true, function{[]string{"x"}, false}},
	} {
		t.Run(name, func(t *testing.T) {
			got, found := entry(c.program)
			assert.Equal(t, c.found, found)
			assert.Equal(t, c.want, got)
		})
	}
}

func FuzzScan(f *testing.F) {
	f.Add("def f(x):\n    return f'{x}' + \"\"\"a\\\n\"\"\" # c")
	f.Fuzz(func(t *testing.T, program string) { entry(program) })
}

package executor

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr"
)

// hogs take memory in small pieces, so that there is none left to say so with.
var hogs = map[string]string{
	"lists":     "L = []\ndef f(x):\n    while True: L.append([0] * 10)",
	"tuples":    "L = []\ndef f(x):\n    while True: L.append((1, x))",
	"own list":  "def f(x):\n    f.L = []\n    while True: f.L.append((x,))",
	"linked":    "class N: pass\nH = None\ndef f(x):\n    global H\n    while True:\n        n = N(); n.p = H; H = n",
	"cache":     "import functools\n@functools.lru_cache(None)\ndef g(n): return (n,)\ndef f(x):\n    i = 0\n    while True: g(i); i += 1",
	"dict":      "D = {}\ndef f(x):\n    i = 0\n    while True: D[i] = str(i); i += 1",
	"on import": "L = []\nwhile True: L.append(object())\ndef f(x): return 1",
	"bytes":     "L = []\ndef f(x):\n    while True: L.append(bytes(1000))",
}

func TestOutOfMemoryIsMemory(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Memory, c.Timeout = 96<<20, grace*10 })
	for name, program := range hogs {
		assert.Equal(t, azr.Result{Status: azr.Memory, Error: "MemoryError"}, runOne(t, p, program, "1"), name)
		for _, script := range []Script{{Program: program + "\nf(1)"}, {Program: program, Test: "def check(c): c(1)", Entry: "f"}} {
			r := runScript(t, p, script)
			assert.Equal(t, []any{azr.Memory, "MemoryError", 1}, []any{r.Status, r.Error, r.ExitCode}, name)
		}
	}
	assert.Zero(t, p.Stats().Lost)
}

func TestProgramsOfAnySizeUnderTheLimitAreRun(t *testing.T) {
	p := openHere(t, func(c *Config) { c.CacheEntries = 0 })
	for range 4 {
		for _, filler := range []string{"\x01", "\"", "\u2028", "<"} {
			comment := "#" + strings.Repeat(filler, (maxProgram-100)/len(filler))
			assert.Equal(t, azr.Result{Status: azr.OK, Value: "7"}, runOne(t, p, comment+"\ndef f(x): return x", "7"))
		}
	}
	assert.Equal(t, azr.Result{Status: azr.Error, Error: "program too long"}, runOne(t, p, "#"+strings.Repeat("\x01", maxProgram), "7"))
	assert.Zero(t, p.Stats().Lost)
	assert.Empty(t, p.Stats().Restarts)
}

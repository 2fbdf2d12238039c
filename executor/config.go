package executor

import (
	"fmt"
	"runtime"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/sandbox"
)

// Level is how well workers are confined, see package sandbox.
type Level = sandbox.Level

// The levels, weakest first.
const (
	None    = sandbox.None
	Minimal = sandbox.Minimal
	Lite    = sandbox.Lite
	Full    = sandbox.Full
)

// Journal remembers results by key. [azr.Store] is one. The first result
// recorded for a key stays.
type Journal interface {
	Lookup(key string) (azr.Result, bool, error)
	Record(key string, r azr.Result) error
}

// Config says how programs are run. Start from [DefaultConfig].
type Config struct {
	// Python is the interpreter: a name to look for on PATH or a file. It must be CPython 3.11 or later
	// and readable for the user that workers run as; with the default, "python3", /usr/bin/python3
	// stands in where the first one found is neither.
	Python string `yaml:"python"`
	// Slots is how many programs run at once; default: the number of CPUs. [Open] takes fewer where that
	// many times Memory does not fit into what the machine has to spare.
	Slots int `yaml:"slots"`
	// Timeout bounds one execution's wall time, and its CPU time one second later; default 2s.
	Timeout time.Duration `yaml:"timeout"`
	// Memory bounds one execution's address space; default 512MiB.
	Memory Bytes `yaml:"memory"`
	// ValueBytes bounds the canonical text of a value, and the text of an input; default 64KiB.
	ValueBytes Bytes `yaml:"value_bytes"`
	// OutputBytes bounds what a program prints; default 1MiB.
	OutputBytes Bytes `yaml:"output_bytes"`
	// Require is the weakest level to run at; default Lite.
	Require Level `yaml:"require"`
	// AtMost is the strongest level to try; default Full.
	AtMost Level `yaml:"at_most"`
	// Gate refuses proposed programs (executions with Twice set) that import or use what a task has no
	// need of; default true. It is policy: the sandbox holds without it.
	Gate bool `yaml:"gate"`
	// Libraries are the installed modules beyond Python's own that a [Script] may import, for example
	// sympy; what they require comes with them. Default: none.
	Libraries []string `yaml:"libraries"`
	// CacheEntries is how many results are kept in memory, in front of the Journal; 0 keeps none, default 65536.
	// A result with more than 4 KiB of text is left to the Journal.
	CacheEntries int `yaml:"cache_entries"`
	// RecycleAfter is how many tasks a worker does before a new one takes its place; default 10000.
	RecycleAfter int `yaml:"recycle_after"`
	// Spares is how many workers of each kind that is in use wait, tested, to take the place of one that is
	// lost or recycled: 0 or 1, default 1.
	Spares int `yaml:"spares"`
	// SampleFile, if set, gets programs that were blocked or broke the protocol, for a person to read: a
	// JSON object a line, each program once and cut at 4 KiB, until the file has 4 MiB. A run names it.
	SampleFile string `yaml:"sample_file"`
	// shareAny lets the inputs of any trusted program share a child, so that tests can attack one that is shared.
	shareAny bool
	// Journal, if set, is asked before a program is run and told what came of it.
	Journal Journal `yaml:"-"`
}

// DefaultConfig returns the defaults given at each field.
func DefaultConfig() Config {
	return Config{
		Python: defaultPython, Slots: runtime.NumCPU(), Timeout: 2 * time.Second, Memory: 512 << 20,
		ValueBytes: 64 << 10, OutputBytes: 1 << 20, Require: Lite, AtMost: Full, Gate: true,
		CacheEntries: 1 << 16, RecycleAfter: 10_000, Spares: 1,
	}
}

// minMemory is what the interpreter itself needs, with room to load a few modules.
const minMemory = 64 << 20

// maxValue bounds what ValueBytes may be set to.
const maxValue Bytes = 512 << 10

// Validate names the first field that makes no sense.
func (c Config) Validate() error {
	bad := func(field string, got any, want string) error {
		return fmt.Errorf("executor.Config: bad %s; got %v, want %s", field, got, want)
	}
	switch {
	case c.Python == "":
		return bad("python", `""`, "a name or a file")
	case c.Slots < 1:
		return bad("slots", c.Slots, "at least 1")
	case c.Timeout < time.Millisecond:
		return bad("timeout", c.Timeout, "at least 1ms")
	case c.Memory < minMemory:
		return bad("memory", c.Memory, "at least 64MiB")
	case c.ValueBytes < 1 || c.ValueBytes > maxValue:
		return bad("value_bytes", c.ValueBytes, "1B to "+maxValue.String())
	case c.OutputBytes < 0:
		return bad("output_bytes", c.OutputBytes, "at least 0")
	case c.Require > Full:
		return bad("require", c.Require, "none, minimal, lite or full")
	case c.AtMost > Full || c.AtMost < c.Require:
		return bad("at_most", c.AtMost, "a level from require to full")
	case c.CacheEntries < 0:
		return bad("cache_entries", c.CacheEntries, "at least 0")
	case c.RecycleAfter < 1:
		return bad("recycle_after", c.RecycleAfter, "at least 1")
	case c.Spares < 0 || c.Spares > 1:
		return bad("spares", c.Spares, "0 or 1")
	}
	return nil
}

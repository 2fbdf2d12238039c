package executor

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/azr-train/azr"
)

// openHere opens a pool at the strongest level that the machine gives.
func openHere(t *testing.T, change func(*Config)) *Pool {
	t.Helper()
	c := DefaultConfig()
	c.Slots, c.CacheEntries, c.Spares = 2, 0, 0
	if change != nil {
		change(&c)
	}
	p, err := Open(t.Context(), c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

func runOne(t *testing.T, p *Pool, program, input string) azr.Result {
	t.Helper()
	rs, err := p.Run(t.Context(), azr.Execution{Program: program, Inputs: []string{input}})
	require.NoError(t, err)
	require.Len(t, rs, 1)
	return rs[0]
}

func TestRunKeepsOrderWithAnyNumberOfSlots(t *testing.T) {
	e := azr.Execution{Program: "def f(x):\n    if x % 7 == 3: raise KeyError(x)\n    return [x] * (x % 5)\n"}
	var want []azr.Result
	for i := range 40 {
		e.Inputs = append(e.Inputs, fmt.Sprint(i))
		if i%7 == 3 {
			want = append(want, azr.Result{Status: azr.Error, Error: "KeyError"})
			continue
		}
		list := strings.TrimSuffix(strings.Repeat(fmt.Sprintf("%d, ", i), i%5), ", ")
		want = append(want, azr.Result{Status: azr.OK, Value: "[" + list + "]"})
	}
	for _, slots := range []int{1, 3} {
		p := openHere(t, func(c *Config) { c.Slots = slots })
		rs, err := p.Run(t.Context(), e)
		require.NoError(t, err)
		assert.Equal(t, want, rs)
		assert.LessOrEqual(t, len(childrenOf(t, os.Getpid())), slots)
		require.NoError(t, p.Close())
	}
}

func TestNoInputsIsNoResults(t *testing.T) {
	rs, err := openHere(t, nil).Run(t.Context(), azr.Execution{Program: "def f(): return 1"})
	require.NoError(t, err)
	assert.Empty(t, rs)
}

func TestInputsAreReadAsLiteralsOnly(t *testing.T) {
	p := openHere(t, nil)
	echo := "def f(*args): return args"
	for input, want := range map[string]string{
		"": "()", "1": "(1,)", "1, 'two', (3.0,),": "(1, 'two', (3.0,))", "nan, -inf, {2, 1}, frozenset({3}), set()": "(nan, -inf, {1, 2}, frozenset({3}), set())",
		"{1: [2]}, b'\\xff', 1+2j, (-1-3j)": "({1: [2]}, b'\\xff', (1+2j), (-1-3j))", `'\ud800', "it's"`: `('\ud800', "it's")`,
	} {
		assert.Equal(t, azr.Result{Status: azr.OK, Value: want}, runOne(t, p, echo, input), input)
	}
	for _, input := range []string{"x", "x=1", "*[1]", "0) or (True", "1), (2", "__import__('os')", "\xff", "'" + strings.Repeat("a", 1<<16) + "'"} {
		assert.Equal(t, azr.BadInput, runOne(t, p, echo, input).Status, "%.40q", input)
	}
	assert.Equal(t, azr.Error, runOne(t, p, "\xff", "").Status)
	assert.Equal(t, azr.Result{Status: azr.Error, Error: "program too long"}, runOne(t, p, strings.Repeat("#", maxProgram+1), ""))
}

func TestStatuses(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Timeout = 500 * time.Millisecond })
	for program, want := range map[string]azr.Result{
		"def f(x): return x":                                        {Status: azr.OK, Value: "1"},
		"def g(x): return x":                                        {Status: azr.Error, Error: "KeyError"},
		"def f(x) return x":                                         {Status: azr.Error, Error: "SyntaxError"},
		"def f(x): return f":                                        {Status: azr.Error, Error: "NotLiteral"},
		"def f(x): raise SystemExit(0)":                             {Status: azr.Error, Error: "SystemExit"},
		"import os\ndef f(x): os._exit(3)":                          {Status: azr.Error, Error: "exit 3 without a value"},
		"import ctypes\ndef f(x): ctypes.string_at(0)":              {Status: azr.Error, Error: "SIGSEGV"},
		"def f(x):\n    while True: pass":                           {Status: azr.Timeout},
		"def f(x): return len(bytearray(1 << 30))":                  {Status: azr.Memory, Error: "MemoryError"},
		"def f(x):\n    while True: print('x' * 65536)":             {Status: azr.OutputLimit},
		"class E(Exception): pass\ndef f(x): raise E":               {Status: azr.Error, Error: "E"},
		"E = type('\\x1b[2J', (Exception,), {})\ndef f(x): raise E": {Status: azr.Error, Error: "?[2J"},
	} {
		assert.Equal(t, want, runOne(t, p, program, "1"), program)
	}
	stats := p.Stats()
	assert.EqualValues(t, 12, stats.Runs)
	assert.EqualValues(t, 8, stats.Results[azr.Error])
	assert.Zero(t, stats.Lost)
	assert.Positive(t, stats.CPU)
	assert.Greater(t, stats.PeakRSS, int64(1<<20))
}

func TestValueTooLongIsAVerdictAndNeverCut(t *testing.T) {
	p := openHere(t, func(c *Config) { c.ValueBytes = 1000 })
	r := runOne(t, p, "def f(n): return 'a' * n", "998")
	assert.Equal(t, azr.Result{Status: azr.OK, Value: "'" + strings.Repeat("a", 998) + "'"}, r)
	for _, program := range []string{
		"def f(n): return 'a' * n", "def f(n): return 'é' * (n // 2 + 1)", "def f(n): return [1] * n", "def f(n): return ['a' * 10 ** 8] * n",
	} {
		assert.Equal(t, azr.Result{Status: azr.OutputLimit, Error: "value too long"}, runOne(t, p, program, "999"), program)
	}
}

func TestDeterminismIsJudgedByTwoInterpreters(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Gate = false })
	run := func(program string) azr.Result {
		rs, err := p.Run(t.Context(), azr.Execution{Program: program, Inputs: []string{"1"}, Twice: true})
		require.NoError(t, err)
		return rs[0]
	}
	for _, program := range []string{
		"def f(x): return hash('abc')", "def f(x): return id(f)", "def f(x): return list({'a', 'b', 'c', 'd', 'e', 'f'})", "def f(x): return str(object())",
		"import time\ndef f(x): return time.time()", "import os\ndef f(x): return os.urandom(4)", "import random\ndef f(x): return random.random()",
		"import os\ndef f(x): return os.getpid()", "def f(x):\n    if hash('abc') == 0: return 1\n    raise ValueError if hash('abc') % 3 else KeyError",
	} {
		r := run(program)
		if strings.Contains(program, "% 3") {
			assert.Contains(t, []azr.Status{azr.Nondeterministic, azr.Error}, r.Status, program)
			continue
		}
		assert.Equal(t, azr.Nondeterministic, r.Status, program)
	}
	for program, want := range map[string]azr.Result{
		"def f(x): return {'a', 'b', 'c'}":                                              {Status: azr.OK, Value: "{'a', 'b', 'c'}"},
		"n = 0\ndef f(x):\n    global n\n    n += 1\n    return n":                      {Status: azr.OK, Value: "1"},
		"import random\ndef f(x):\n    random.seed(x)\n    return random.randint(0, 9)": {Status: azr.OK, Value: "2"},
		"def f(x): raise KeyError(object())":                                            {Status: azr.Error, Error: "KeyError"},
	} {
		assert.Equal(t, want, run(program), program)
	}
}

// memory is a Journal.
type memory struct {
	mu      sync.Mutex
	results map[string]azr.Result
	fails   error
}

func (m *memory) Lookup(key string) (azr.Result, bool, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	r, ok := m.results[key]
	return r, ok, m.fails
}

func (m *memory) Record(key string, r azr.Result) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.results[key] = r
	return nil
}

func TestJournalAnswersForEqualInputs(t *testing.T) {
	journal := &memory{results: map[string]azr.Result{}}
	p := openHere(t, func(c *Config) { c.Journal = journal })
	e := azr.Execution{Program: "def f(x): return x", Inputs: []string{"[1,2]", "[1, 2 ,]", "[1, 2], # note", "[1.0, 2]"}}
	want := []azr.Result{{Status: azr.OK, Value: "[1, 2]"}, {Status: azr.OK, Value: "[1, 2]"}, {Status: azr.OK, Value: "[1, 2]"}, {Status: azr.OK, Value: "[1.0, 2]"}}
	for range 2 {
		rs, err := p.Run(t.Context(), e)
		require.NoError(t, err)
		assert.Equal(t, want, rs)
	}
	assert.EqualValues(t, 2, p.Stats().Runs)
	assert.Len(t, journal.results, 2)

	for key := range journal.results {
		journal.results[key] = azr.Result{Status: azr.OK, Value: "'as told'"}
	}
	assert.Equal(t, "'as told'", runOne(t, p, e.Program, "[1, 2]").Value)

	journal.fails = errors.New("disk gone")
	_, err := p.Run(t.Context(), e)
	assert.ErrorContains(t, err, "disk gone")
}

func someTask() task { return task{Inputs: []input{{}}} }

func TestKeyNamesWhatAResultDependsOn(t *testing.T) {
	base := func() *Pool { return &Pool{config: DefaultConfig(), level: Full, python: python{Version: "3.11.2"}} }
	keys := map[string]bool{base().key(someTask(), false): true, base().key(someTask(), true): true}
	for _, change := range []func(*Pool, *task){
		func(p *Pool, _ *task) { p.config.Timeout++ }, func(p *Pool, _ *task) { p.config.Memory++ },
		func(p *Pool, _ *task) { p.config.ValueBytes++ }, func(p *Pool, _ *task) { p.config.OutputBytes++ },
		func(p *Pool, _ *task) { p.level = Lite }, func(p *Pool, _ *task) { p.python.Version = "3.12.1" },
		func(_ *Pool, t *task) { t.Program = "x" }, func(_ *Pool, t *task) { t.Inputs[0].Text = "x" }, func(_ *Pool, t *task) { t.Gate = true },
	} {
		p, k := base(), someTask()
		change(p, &k)
		keys[p.key(k, false)] = true
	}
	assert.Len(t, keys, 11)
}

func TestEqualExecutionsUnderWayAreShared(t *testing.T) {
	p := openHere(t, nil)
	e := azr.Execution{Program: "import time\ndef f(x):\n    time.sleep(0.5)\n    return x", Inputs: slices.Repeat([]string{"1"}, 20)}
	rs, err := p.Run(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, slices.Repeat([]azr.Result{{Status: azr.OK, Value: "1"}}, 20), rs)
	stats := p.Stats()
	assert.EqualValues(t, 20, stats.Runs+stats.Shared)
	assert.Less(t, stats.Runs, int64(4))
}

// busy is a program that uses 0.6 s of CPU time and returns its input.
const busy = "import time\ndef f(x):\n    while time.process_time() < 0.6: pass\n    return x\n"

// busyWorker waits until a worker of this process, but for the one given, is busy and returns its pid.
func busyWorker(t *testing.T, butFor int) int {
	t.Helper()
	return busyWorkerOf(t, os.Getpid(), butFor)
}

// busyWorkerOf waits until a worker of a trainer has a child that has used the
// CPU for a while, which no self-test does.
func busyWorkerOf(t *testing.T, trainer, butFor int) int {
	t.Helper()
	worker := 0
	require.Eventually(t, func() bool {
		all := processes(t)
		for _, p := range all {
			child := slices.IndexFunc(all, func(c process) bool { return c.parent == p.pid && c.ticks >= 10 })
			if p.parent == trainer && p.pid != butFor && child >= 0 {
				worker = p.pid
				return true
			}
		}
		return false
	}, 20*time.Second, time.Millisecond)
	return worker
}

func TestTaskOfALostWorkerIsRunOnceMore(t *testing.T) {
	for signal, hang := range map[unix.Signal]bool{unix.SIGKILL: false, unix.SIGSTOP: true} {
		t.Run(signal.String(), func(t *testing.T) {
			p := openHere(t, func(c *Config) { c.Slots, c.Timeout = 1, 5*time.Second })
			wait := runLater(t.Context(), p, azr.Execution{Program: busy, Inputs: []string{"5"}})
			worker, start := busyWorker(t, 0), time.Now()
			require.NoError(t, unix.Kill(worker, signal))
			rs, err := wait(t)
			require.NoError(t, err)
			assert.Equal(t, []azr.Result{{Status: azr.OK, Value: "5"}}, rs)
			assert.EqualValues(t, 1, p.Stats().Lost)
			assert.Equal(t, hang, time.Since(start) > grace+time.Second)
		})
	}
}

func TestTaskThatLosesTwoWorkersIsInfraAndNotJournaled(t *testing.T) {
	journal := &memory{results: map[string]azr.Result{}}
	p := openHere(t, func(c *Config) { c.Slots, c.Timeout, c.Journal = 1, 20*time.Second, journal })
	wait := runLater(t.Context(), p, azr.Execution{Program: busy, Inputs: []string{"5"}})
	first := busyWorker(t, 0)
	require.NoError(t, unix.Kill(first, unix.SIGKILL))
	require.NoError(t, unix.Kill(busyWorker(t, first), unix.SIGKILL))
	rs, err := wait(t)
	require.NoError(t, err)
	assert.Equal(t, azr.Infra, rs[0].Status)
	assert.Contains(t, rs[0].Error, "worker lost")
	assert.Empty(t, journal.results)
	assert.Equal(t, "2", runOne(t, p, "def f(x): return x", "2").Value)
}

func TestDeadIdleWorkerIsReplaced(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Slots = 1 })
	require.NoError(t, unix.Kill(p.lanes[seedA].idle[0].process.PID(), unix.SIGKILL))
	assert.Equal(t, "2", runOne(t, p, "def f(x): return x", "2").Value)
	assert.EqualValues(t, 1, p.Stats().Lost)
}

func TestCancelEndsABatchAndThePoolGoesOn(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Timeout = time.Minute })
	ctx, cancel := context.WithCancel(t.Context())
	wait := runLater(ctx, p, azr.Execution{Program: "def f(x):\n    while x: pass\n    return x", Inputs: []string{"0", "1", "2", "3", "4"}})
	busyWorker(t, 0)
	cancel()
	_, err := wait(t)
	assert.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, "0", runOne(t, p, "def f(x):\n    while x: pass\n    return x", "0").Value)
}

func TestCloseEndsWhatRunsAndLeavesNoProcess(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Timeout = time.Minute })
	wait := runLater(t.Context(), p, azr.Execution{Program: "def f(x):\n    while True: pass", Inputs: []string{"1", "2", "3"}})
	worker := busyWorker(t, 0)
	require.NotEmpty(t, p.UnderWay())
	assert.Equal(t, programHash("def f(x):\n    while True: pass"), p.UnderWay()[0].Program)
	require.NoError(t, p.Close())
	assert.Empty(t, p.UnderWay())
	_, err := wait(t)
	assert.ErrorIs(t, err, errClosed)
	assert.Empty(t, childrenOf(t, os.Getpid()))
	// Without a pid namespace the kernel ends the worker's child after the worker, not with it.
	require.Eventually(t, func() bool { return len(processesOfSession(t, worker)) == 0 }, 10*time.Second, 5*time.Millisecond)
	_, err = p.Run(t.Context(), canary)
	assert.ErrorIs(t, err, errClosed)
	assert.NoError(t, p.Close())
}

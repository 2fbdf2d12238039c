package executor

import (
	"fmt"
	"os"
	"runtime"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

// soakEnv is how many tasks the soak test runs; default 10000.
const soakEnv = "AZR_SOAK_TASKS"

// patient is a time limit that a short program does not reach on a busy machine.
const patient = 5 * time.Second

// hostile are programs that end badly, by themselves or at a limit, with what must come of them.
var hostile = []struct {
	program string
	want    azr.Result
}{
	{"import os\ndef f(x): os._exit(x % 7)", azr.Result{Status: azr.Error}},
	{"import ctypes\ndef f(x): ctypes.string_at(0)", azr.Result{Status: azr.Error, Error: "SIGSEGV"}},
	{"import os\ndef f(x): os.write(3, bytes(100))", azr.Result{Status: azr.Error, Error: protocolViolation}},
	{"import os\ndef f(x):\n    try: os.fork()\n    except OSError: return 'none'", azr.Result{Status: azr.OK, Value: "'none'"}},
	{"def f(x): return [0] * (1 << 40)", azr.Result{Status: azr.Memory, Error: "MemoryError"}},
	{"import sys\ndef f(x):\n    while True: sys.stdout.write('x' * (1 << 16))", azr.Result{Status: azr.OutputLimit}},
	{"def f(x): return 'a' * 100_000", azr.Result{Status: azr.OutputLimit, Error: "value too long"}},
	{"import builtins\nbuiltins.len = builtins.repr = None\ndef f(x): return x", azr.Result{Status: azr.OK}},
	{"import os, signal\ndef f(x):\n    try: os.kill(os.getppid(), signal.SIGKILL)\n    except OSError: return 'none'", azr.Result{Status: azr.OK, Value: "'none'"}},
	{"def f(x):\n    while True: pass", azr.Result{Status: azr.Timeout}},
}

// soakTask is the i-th task, of which one in twenty is hostile, and what must come of it. Few of the
// hostile ones run into the time limit, which the test has to wait for.
func soakTask(i int) (azr.Execution, azr.Result) {
	program, want := "def f(x):\n    return {x: [x] * (x % 5), 'n': str(x)}", azr.Result{Status: azr.OK}
	switch {
	case i%20 == 19:
		h := hostile[i/20%(len(hostile)-1)]
		if i%2000 == 999 {
			h = hostile[len(hostile)-1]
		}
		program, want = h.program, h.want
	case i%4 == 1:
		program, want = "def f(x): raise KeyError(x)", azr.Result{Status: azr.Error, Error: "KeyError"}
	case i%4 == 2:
		program = "import re\ndef f(x):\n    return re.sub('[0-4]', 'a', str(x)), sorted(str(x))"
	}
	e := azr.Execution{Program: program + fmt.Sprintf("\n# %d", i/8), Inputs: []string{strconv.Itoa(i)}}
	if i%16 == 4 {
		e.Trusted, e.Inputs = true, append(e.Inputs, strconv.Itoa(i+1_000_000), strconv.Itoa(i+2_000_000))
	}
	return e, want
}

// soak runs tasks first to last, at most 64 at once, and checks each result.
func soak(t *testing.T, p *Pool, first, last int) [][]azr.Result {
	all := make([][]azr.Result, last-first)
	room, done := make(chan struct{}, 64), make(chan error)
	go func() {
		for i := range all {
			room <- struct{}{}
			go func() {
				e, _ := soakTask(first + i)
				var err error
				all[i], err = p.Run(t.Context(), e)
				<-room
				done <- err
			}()
		}
	}()
	for range all {
		require.NoError(t, <-done)
	}
	for i, rs := range all {
		e, want := soakTask(first + i)
		require.Len(t, rs, len(e.Inputs))
		for j, r := range rs {
			require.Equal(t, want.Status, r.Status, "%s: %v", e.Program, r)
			if want.Error != "" || want.Value != "" {
				require.Equal(t, want, r, e.Program)
			}
			if want == (azr.Result{Status: azr.OK}) {
				require.Contains(t, r.Value, e.Inputs[j][len(e.Inputs[j])-1:], e.Program)
			}
		}
	}
	return all
}

// footprint is what a pool holds of the machine.
type footprint struct {
	descriptors, processes int
	heap, workers          int64
}

func footprintOf(t *testing.T) footprint {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	fds, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	f := footprint{descriptors: len(fds), heap: int64(m.HeapAlloc)}
	for _, pid := range childrenOf(t, os.Getpid()) {
		f.processes += len(processesOfSession(t, pid))
		var size, resident int64
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/statm", pid))
		require.NoError(t, err)
		_, err = fmt.Sscan(string(text), &size, &resident)
		require.NoError(t, err)
		f.workers = max(f.workers, resident*int64(os.Getpagesize()))
	}
	return f
}

func TestSoak(t *testing.T) {
	tasks := 10_000
	if text := os.Getenv(soakEnv); text != "" {
		var err error
		tasks, err = strconv.Atoi(text)
		require.NoError(t, err)
	}
	const warm = 1000
	p := openHere(t, func(c *Config) { c.Timeout, c.RecycleAfter = patient, 3000 })
	start := time.Now()
	some := soak(t, p, 0, warm)
	before := footprintOf(t)
	soak(t, p, warm, tasks)
	after := footprintOf(t)
	stats := p.Stats()
	t.Logf("%d tasks in %v, %+v then %+v, statuses %v", tasks, time.Since(start).Round(time.Second), before, after, stats.Results)
	assert.LessOrEqual(t, after.descriptors, before.descriptors+8, "a worker has a few")
	assert.LessOrEqual(t, after.processes, p.Slots())
	assert.Less(t, after.heap, before.heap+(8<<20))
	assert.Less(t, after.workers, before.workers+(8<<20))
	assert.Zero(t, stats.Lost)
	assert.Zero(t, stats.Results[azr.Infra])
	assert.Positive(t, stats.Restarts[causeRecycled])
	require.NoError(t, p.Close())

	single := openHere(t, func(c *Config) { c.Slots, c.Timeout = 1, patient })
	assert.Equal(t, some, soak(t, single, 0, warm), "one slot gives what more do")
	require.NoError(t, single.Close())
}

package executor

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/azr-train/azr"
)

// bothWays runs e trusted and untrusted, which must make no difference, and returns the results.
func bothWays(t *testing.T, p *Pool, e azr.Execution) []azr.Result {
	t.Helper()
	e.Trusted = false
	single, err := p.Run(t.Context(), e)
	require.NoError(t, err)
	e.Trusted = true
	shared, err := p.Run(t.Context(), e)
	require.NoError(t, err)
	require.Equal(t, single, shared, e.Program)
	return shared
}

func TestTrustedInputsGiveWhatSingleOnesDo(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Timeout = 500 * time.Millisecond })
	inputs := []string{"0", "3", "[2, 1]", "'a'", "3", "x", "4", "-1"}
	for _, program := range []string{
		"def f(x): return x",
		"seen = []\ndef f(x):\n    seen.append(x)\n    return seen",
		"def f(x, cache={}):\n    cache[len(cache)] = x\n    return cache",
		"n = 0\ndef f(x):\n    global n\n    n += 1\n    return n",
		"class C: n = 0\ndef f(x):\n    C.n += 1\n    return C.n",
		"def f(x):\n    if x == 3: raise KeyError\n    return x + 1",
		"def f(x):\n    while x == 3: pass\n    return x",
		"import os\ndef f(x):\n    if x == 3: os._exit(1)\n    return x",
		"import os\ndef f(x):\n    if x == -1: os.abort()\n    return x",
		"def f(x): return [0] * 10 ** 10 if x == 4 else x",
		"def f(x): return 'a' * 100_000 if x == 4 else x",
		"import decimal\ndef f(x):\n    decimal.getcontext().prec = 5 + x\n    return str(decimal.Decimal(1) / 3)",
		"import decimal\nd = decimal.getcontext()\ndef f(x):\n    d.prec -= 1\n    return d.prec",
		"import string\ndef f(x):\n    string.n = getattr(string, 'n', 0) + 1\n    return string.n",
		"from collections import Counter\ndef f(x):\n    Counter.n = getattr(Counter, 'n', 0) + 1\n    return Counter.n",
		"import json.decoder\ndef f(x):\n    json.decoder.BACKSLASH.update({x: 1})\n    return len(json.decoder.BACKSLASH)",
		"import builtins\ndef f(x):\n    builtins.len = lambda v: 7\n    return len([])",
		"import random\ndef f(x):\n    random.seed(x if isinstance(x, int) else 1)\n    return random.random()",
		"def f(x) return x",
		"def g(x): return x",
		"raise ValueError",
		"import os\ndef f(x): os.write(3, b'1234567890')",
		"def f(x): return object()",
		"import sys\ndef f(x): return sys.modules['__main__'].__name__, 'f' in sys.modules['program'].__dict__",
	} {
		for _, r := range bothWays(t, p, azr.Execution{Program: program, Inputs: inputs}) {
			assert.NotEqual(t, azr.Infra, r.Status, program)
		}
	}
	assert.Positive(t, p.Stats().BatchRuns)
}

func TestTrustedTwiceBelievesNothingThatTheOrderOfInputsChanges(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Gate, c.shareAny = false, true })
	for program, want := range map[string]string{
		"import string\nstring.n = getattr(string, 'n', 0) + 1\ndef f(x): return string.n": "1",
		"import builtins\nif not hasattr(builtins, 'n'): builtins.n = 0\n" +
			"def f(x):\n    builtins.n += 1\n    return builtins.n": "1",
	} {
		rs := bothWays(t, p, azr.Execution{Program: program, Inputs: []string{"1", "2", "3"}, Twice: true})
		for _, r := range rs {
			assert.Equal(t, azr.Result{Status: azr.OK, Value: want}, r, program)
		}
	}
	assert.Equal(t, azr.Nondeterministic, bothWays(t, p, azr.Execution{Program: "def f(x): return hash(str(x))", Inputs: []string{"1", "2"}, Twice: true})[0].Status)
	assert.Equal(t, int64(6), p.Stats().Batches)
}

// TestAttacksOnASharedChild runs the attacks with the same input several times in one child, whatever they do.
func TestAttacksOnASharedChild(t *testing.T) {
	for _, level := range levelsHere {
		t.Run(level.String(), func(t *testing.T) {
			t.Parallel()
			p := openAt(t, level, func(c *Config) { c.Timeout, c.shareAny = time.Second, true })
			for _, a := range readAttacks(t) {
				if a.Cat == "determinism" {
					continue // not a matter of sharing, and for two workers
				}
				a.removeTraces()
				lost := p.Stats().Lost
				attack, verdict := p.task(azr.Execution{Program: a.Program}, a.Input)
				if verdict != nil {
					continue // no child sees it
				}
				rs, err := p.share(t.Context(), p.lanes[seedA], []passenger{{task: attack}, {task: attack}, {task: attack}})
				require.NoError(t, err, a.Name)
				for _, r := range rs {
					if r.Status == azr.Infra {
						continue // to be run on its own
					}
					status := r.Status.String()
					if r.Status == azr.BadInput {
						status = "error"
					}
					assert.Contains(t, append([]string{a.Expect}, a.Accept...), status, "%s: %v; %s", a.Name, r, a.Note)
				}
				rs, err = p.Run(t.Context(), canary)
				require.NoError(t, err)
				assert.Equal(t, azr.Result{Status: azr.OK, Value: canaryValue}, rs[0], a.Name)
				assert.Equal(t, lost, p.Stats().Lost, "%s: a worker was lost", a.Name)
			}
			assert.Greater(t, p.Stats().BatchRuns, int64(100))
		})
	}
}

func TestSharedInputsAreFasterThanSingleOnes(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Slots = 1 })
	rate := func(trusted bool) (cpu, wall time.Duration) {
		start, spent := time.Now(), time.Duration(0)
		for round := range 20 {
			e := azr.Execution{Program: fmt.Sprintf("def f(xs):\n    return sorted(xs), %d", round), Trusted: trusted}
			for i := range 10 {
				e.Inputs = append(e.Inputs, fmt.Sprintf("[%d, 5, 3]", i))
			}
			before := p.Stats()
			_, err := p.Run(t.Context(), e)
			require.NoError(t, err)
			spent += p.Stats().CPU - before.CPU
		}
		return spent / 200, time.Since(start) / 200
	}
	single, singleWall := rate(false)
	shared, sharedWall := rate(true)
	t.Logf("per input: %v of the child's CPU and %v single, %v and %v of ten in one child", single, singleWall, shared, sharedWall)
	assert.Greater(t, single, 4*shared)
}

func TestSharedChildKilledOnTheWayLosesNothing(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Slots, c.Timeout, c.shareAny = 1, 5*time.Second, true })
	e := azr.Execution{Program: busy, Inputs: []string{"1", "2", "3"}, Trusted: true}
	wait := runLater(t.Context(), p, e)
	worker := busyWorker(t, 0)
	require.NoError(t, unix.Kill(childrenOf(t, worker)[0], unix.SIGKILL))
	rs, err := wait(t)
	require.NoError(t, err)
	assert.Equal(t, []azr.Result{{Status: azr.OK, Value: "1"}, {Status: azr.OK, Value: "2"}, {Status: azr.OK, Value: "3"}}, rs)
	assert.Zero(t, p.Stats().Lost)

	wait = runLater(t.Context(), p, azr.Execution{Program: busy + "# again", Inputs: e.Inputs, Trusted: true})
	require.NoError(t, unix.Kill(busyWorker(t, 0), unix.SIGKILL))
	rs, err = wait(t)
	require.NoError(t, err)
	assert.Equal(t, []azr.Result{{Status: azr.OK, Value: "1"}, {Status: azr.OK, Value: "2"}, {Status: azr.OK, Value: "3"}}, rs)
	assert.EqualValues(t, 1, p.Stats().Lost)
}

func TestManyTrustedInputsAreCutIntoBatches(t *testing.T) {
	p := openHere(t, nil)
	e := azr.Execution{Program: "def f(x): return x[0] if isinstance(x, str) else x", Trusted: true}
	var want []azr.Result
	for i := range 100 {
		e.Inputs = append(e.Inputs, fmt.Sprint(i%70))
		want = append(want, azr.Result{Status: azr.OK, Value: fmt.Sprint(i % 70)})
	}
	rs, err := p.Run(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, want, rs)
	stats := p.Stats()
	assert.EqualValues(t, []int64{3, 70, 30}, []int64{stats.Batches, stats.Runs, stats.Shared})

	e.Inputs = nil
	for i := range 40 {
		e.Inputs = append(e.Inputs, fmt.Sprintf("'%c%s'", 'a'+i%26, strings.Repeat("é", 30_000+i)))
	}
	rs, err = p.Run(t.Context(), e)
	require.NoError(t, err)
	for i, r := range rs {
		assert.Equal(t, azr.Result{Status: azr.OK, Value: fmt.Sprintf("'%c'", 'a'+i%26)}, r)
	}
}

func TestCancelEndsASharedChild(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Timeout = time.Minute })
	ctx, cancel := context.WithCancel(t.Context())
	wait := runLater(ctx, p, azr.Execution{Program: "def f(x):\n    while x: pass\n    return x", Inputs: []string{"0", "1", "2"}, Trusted: true})
	busyWorker(t, 0)
	cancel()
	_, err := wait(t)
	assert.ErrorContains(t, err, "context canceled")
	assert.Equal(t, "0", runOne(t, p, "def f(x): return x", "0").Value)
}

package executor

import (
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/sys/unix"

	"github.com/azr-train/azr"
)

func TestCacheKeepsWhatWasUsedLast(t *testing.T) {
	c := newCache(2)
	value := func(v string) azr.Result { return azr.Result{Status: azr.OK, Value: v} }
	c.put("a", value("1"))
	c.put("b", value("2"))
	c.put("b", value("other"))
	_, _ = c.get("a")
	c.put("c", value("3"))
	c.put("long", value(strings.Repeat("x", maxCached+1)))
	for key, want := range map[string]azr.Result{"a": value("1"), "b": {}, "c": value("3"), "long": {}} {
		got, known := c.get(key)
		assert.Equal(t, want, got, key)
		assert.Equal(t, want != azr.Result{}, known, key)
	}
	c = newCache(0)
	c.put("a", value("1"))
	_, known := c.get("a")
	assert.False(t, known)
}

func TestCacheAnswersBeforeTheJournal(t *testing.T) {
	journal := &memory{results: map[string]azr.Result{}}
	p := openHere(t, func(c *Config) { c.Journal, c.CacheEntries = journal, 100 })
	e := azr.Execution{Program: "def f(x): return x", Inputs: []string{"1", "2", "3"}}
	first, err := p.Run(t.Context(), e)
	require.NoError(t, err)
	journal.fails = errors.New("disk gone")
	for _, trusted := range []bool{false, true} {
		e.Trusted = trusted
		again, err := p.Run(t.Context(), e)
		require.NoError(t, err)
		assert.Equal(t, first, again)
	}
	stats := p.Stats()
	assert.Equal(t, []int64{3, 6, 0}, []int64{stats.Runs, stats.CacheHits, stats.JournalHits})

	journal.fails = nil
	p = openHere(t, func(c *Config) { c.Journal, c.CacheEntries = journal, 100 })
	again, err := p.Run(t.Context(), e)
	require.NoError(t, err)
	assert.Equal(t, first, again)
	stats = p.Stats()
	assert.Equal(t, []int64{0, 0, 3}, []int64{stats.Runs, stats.CacheHits, stats.JournalHits})
}

func TestBreakerOpensOnDeathsWithoutAnEnd(t *testing.T) {
	now, why := time.Now(), errors.New("out of luck")
	var slow, working, dying breaker
	for i := range 20 {
		slow.died(now.Add(time.Duration(i)*deathWindow/3), why)
		working.died(now, why)
		if i%4 == 3 {
			working.finished()
		}
	}
	assert.NoError(t, slow.err())
	assert.NoError(t, working.err())
	for range maxDeaths {
		require.NoError(t, dying.err())
		dying.died(now, why)
	}
	assert.ErrorIs(t, dying.err(), why)
	dying.finished()
	assert.ErrorIs(t, dying.err(), why, "it stays open")
}

func TestOpenBreakerEndsRun(t *testing.T) {
	p := openHere(t, nil)
	for range maxDeaths {
		p.breaker.died(time.Now(), errors.New("worker lost: out of luck"))
	}
	for _, trusted := range []bool{false, true} {
		_, err := p.Run(t.Context(), azr.Execution{Program: "def f(x): return x", Inputs: []string{"1", "2"}, Trusted: trusted})
		require.ErrorContains(t, err, "5 workers died within 10s and finished no task; the last one: worker lost: out of luck")
		assert.NotContains(t, err.Error(), "\n")
	}
}

func TestWorkersAreRecycled(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Slots, c.RecycleAfter = 1, 3 })
	workers := map[int]bool{}
	for i := range 10 {
		if idle := p.lanes[seedA].idle; len(idle) > 0 {
			workers[idle[0].process.PID()] = true
		}
		assert.Equal(t, fmt.Sprint(i), runOne(t, p, "def f(x): return x", fmt.Sprint(i)).Value)
	}
	stats := p.Stats()
	assert.Equal(t, map[string]int64{causeRecycled: 3}, stats.Restarts)
	assert.Zero(t, stats.Lost)
	assert.Len(t, workers, 3)
	assert.LessOrEqual(t, len(childrenOf(t, os.Getpid())), 1)
}

func TestSpareTakesThePlaceOfALostWorker(t *testing.T) {
	p := openHere(t, func(c *Config) { c.Slots, c.Spares, c.Timeout = 1, 1, 10*time.Second })
	spare := func() int {
		l := p.lanes[seedA]
		pid := 0
		require.Eventually(t, func() bool {
			l.mu.Lock()
			defer l.mu.Unlock()
			if l.spare == nil {
				return false
			}
			pid = l.spare.process.PID()
			return true
		}, 20*time.Second, 5*time.Millisecond)
		return pid
	}
	first := spare()
	wait := runLater(t.Context(), p, azr.Execution{Program: busy, Inputs: []string{"5"}})
	require.NoError(t, unix.Kill(busyWorker(t, 0), unix.SIGKILL))
	rs, err := wait(t)
	require.NoError(t, err)
	assert.Equal(t, []azr.Result{{Status: azr.OK, Value: "5"}}, rs)
	assert.Equal(t, first, p.lanes[seedA].idle[0].process.PID())

	second := spare()
	assert.NotEqual(t, first, second)
	require.NoError(t, unix.Kill(first, unix.SIGKILL))
	require.NoError(t, unix.Kill(second, unix.SIGKILL))
	require.Eventually(t, func() bool { return len(childrenOf(t, os.Getpid())) == 0 }, 10*time.Second, time.Millisecond)
	assert.Equal(t, "7", runOne(t, p, "def f(x): return x", "7").Value, "a dead spare is noticed")
	assert.Equal(t, map[string]int64{causeDied: 2}, p.Stats().Restarts)
	require.NoError(t, p.Close())
	assert.Empty(t, childrenOf(t, os.Getpid()))
}

func TestSlotsAreAsManyAsThereIsMemoryFor(t *testing.T) {
	for _, c := range []struct {
		wanted            int
		memory, available Bytes
		want              int
	}{{4, 1 << 30, 1 << 40, 4}, {4, 1 << 30, 3 << 30, 3}, {4, 1 << 30, 1 << 30, 1}, {1, 1, math.MaxInt64, 1}} {
		got, err := affordableSlots(c.wanted, c.memory, c.available)
		require.NoError(t, err)
		assert.Equal(t, c.want, got)
	}
	assert.Greater(t, AvailableMemory(), Bytes(64<<20))
	c := DefaultConfig()
	c.Memory = 1 << 50
	_, err := Open(t.Context(), c)
	assert.ErrorContains(t, err, "not enough memory for one program; got ")
	assert.ErrorContains(t, err, "want 1024TiB; hint: lower executor.memory")
}

func TestKernelTakesWorkersFirst(t *testing.T) {
	p := openHere(t, nil)
	score, err := os.ReadFile(fmt.Sprintf("/proc/%d/oom_score_adj", p.lanes[seedA].idle[0].process.PID()))
	require.NoError(t, err)
	assert.Equal(t, "1000", strings.TrimSpace(string(score)))
}

func TestSamplesAreFewAndHarmless(t *testing.T) {
	path := filepath.Join(t.TempDir(), "blocked.jsonl")
	p := openHere(t, func(c *Config) { c.SampleFile = path })
	forged := "import os\ndef f(x): os.write(3, b'a' * 50) # \x1b[2J \u202e \U0001f40d"
	long := "import os\ndef f(x): return x\n#" + strings.Repeat("é", maxSample)
	for range 2 {
		for _, program := range []string{forged, long, "def f(x): return x", "def f(x): raise ValueError"} {
			_, err := p.Run(t.Context(), azr.Execution{Program: program, Inputs: []string{"1"}, Twice: program == long})
			require.NoError(t, err)
		}
	}
	require.NoError(t, p.Close())
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	for _, b := range text {
		require.True(t, b == '\n' || b >= ' ' && b < 0x7f, "%q", b)
	}
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	require.Equal(t, 2, len(lines))
	assert.Contains(t, lines[0], `"status":"error","error":"ProtocolViolation","program":"import os\n`)
	assert.Contains(t, lines[0], `\u001b[2J \u202e \ud83d\udc0d`)
	assert.Contains(t, lines[1], `"status":"blocked","error":"import of os, line 1"`)
	assert.Contains(t, lines[1], `"cut":true`)

	require.NoError(t, os.WriteFile(path, make([]byte, maxSampleFile-10), 0o644))
	s, err := openSamples(path)
	require.NoError(t, err)
	require.NoError(t, s.add("x", azr.Result{Status: azr.Blocked}))
	require.NoError(t, s.close())
	info, err := os.Stat(path)
	require.NoError(t, err)
	assert.EqualValues(t, maxSampleFile-10, info.Size())
	_, err = openSamples(filepath.Join(path, "under a file"))
	assert.ErrorContains(t, err, "sample file")
}

package executor

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"net"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

// attack is a line of testdata/attacks.jsonl: a program, and what must and must
// not come of it under the default limits.
type attack struct {
	Name, Cat, Program, Input, Expect string
	Accept                            []string
	Value                             *string
	MustNot                           []string `json:"must_not"`
	Note                              string
}

func readAttacks(t *testing.T) []attack {
	f, err := os.Open("testdata/attacks.jsonl")
	require.NoError(t, err)
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	var attacks []attack
	for lines.Scan() {
		var a attack
		require.NoError(t, json.Unmarshal(lines.Bytes(), &a))
		attacks = append(attacks, a)
	}
	require.NoError(t, lines.Err())
	require.Greater(t, len(attacks), 100)
	return attacks
}

// canary is what every worker must still be able to do after an attack.
var canary = azr.Execution{
	Program: "import json, math\n" +
		"def f(xs):\n" +
		"    s = sorted(xs)\n" +
		"    return [s, len(s), repr(s), str(type(s)), hash(1), 'leftover' in globals(), json.dumps(s), math.floor(2.5)]\n",
	Inputs: []string{"[3, 1, 2]"},
}

const canaryValue = `[[1, 2, 3], 3, '[1, 2, 3]', "<class 'list'>", 1, False, '[1, 2, 3]', 2]`

// levelsHere are the levels that the attacks must fail at. A machine that does not
// give one says so in the test's output.
var levelsHere = []Level{Full, Lite}

// openAt opens a pool at exactly one level, with the gate off, or skips with the reason if this machine lacks what
// the level needs. Whatever else keeps it from opening is a failure.
func openAt(t *testing.T, level Level, change func(*Config)) *Pool {
	t.Helper()
	c := DefaultConfig()
	c.Require, c.AtMost, c.Gate, c.Slots = level, level, false, 1
	c.CacheEntries, c.Spares = 0, 0 // so that a canary runs, on the attacked worker
	if change != nil {
		change(&c)
	}
	p, err := Open(t.Context(), c)
	if err != nil {
		if reason := lacks(t, level); reason != "" {
			t.Skipf("level %s cannot be had here: %s", level, reason)
		}
	}
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, p.Close()) })
	return p
}

// placeSecret puts the file there that attacks look for. One that another user has left will do as it is.
func placeSecret(t *testing.T) {
	const path, text = "/tmp/probe_secret", "TOPSECRET-7f3a"
	if err := os.WriteFile(path, []byte(text), 0o644); err == nil {
		t.Cleanup(func() { os.Remove(path) })
		return
	}
	there, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, text, string(there))
}

func TestAttacks(t *testing.T) {
	placeSecret(t)
	attacks := readAttacks(t)
	const shards = 3
	for _, level := range levelsHere {
		t.Run(level.String(), func(t *testing.T) {
			for shard := range shards {
				t.Run(strconv.Itoa(shard), func(t *testing.T) {
					t.Parallel()
					p := openAt(t, level, nil)
					version, file := p.Python()
					t.Logf("level %s, user %d, Python %s at %s", p.Level(), os.Getuid(), version, file)
					for i := shard; i < len(attacks); i += shards {
						t.Run(attacks[i].Name, func(t *testing.T) { attacks[i].check(t, p) })
					}
				})
			}
		})
	}
}

// check runs the attack and then the canary on the same worker.
func (a attack) check(t *testing.T, p *Pool) {
	listeners := a.listen(t)
	a.removeTraces()
	worker := p.lanes[seedA].idle[0].process.PID()
	lost := p.Stats().Lost
	start := time.Now()
	rs, err := p.Run(t.Context(), azr.Execution{Program: a.Program, Inputs: []string{a.Input}, Twice: a.Cat == "determinism"})
	elapsed := time.Since(start)
	require.NoError(t, err)
	r := rs[0]
	status := r.Status.String()
	if r.Status == azr.BadInput {
		status = "error"
	}
	assert.Contains(t, append([]string{a.Expect}, a.Accept...), status, "%v; %s", r, a.Note)
	if r.Status == azr.OK && a.Value != nil {
		assert.Equal(t, *a.Value, r.Value, a.Note)
	}
	for _, rule := range a.MustNot {
		what, detail, _ := strings.Cut(rule, ":")
		switch what {
		case "created":
			assert.NoFileExists(t, detail)
		case "deleted":
			assert.FileExists(t, detail)
		case "value_contains":
			assert.NotContains(t, r.Value, detail)
		case "elapsed_gt":
			limit, err := strconv.ParseFloat(detail, 64)
			require.NoError(t, err)
			assert.Less(t, elapsed.Seconds(), limit)
		case "contacted":
			require.NoError(t, listeners[detail].SetReadDeadline(time.Now()))
			n, _, err := listeners[detail].ReadFrom(make([]byte, 1))
			assert.ErrorIs(t, err, os.ErrDeadlineExceeded, "got %d bytes", n)
		case "next_task_affected", "worker_dead", "worker_hung", "process_left":
			// asserted below, after every case
		default:
			t.Errorf("unknown rule %q", rule)
		}
	}
	rs, err = p.Run(t.Context(), canary)
	require.NoError(t, err)
	assert.Equal(t, azr.Result{Status: azr.OK, Value: canaryValue}, rs[0])
	assert.Equal(t, lost, p.Stats().Lost, "a worker was lost")
	assert.Equal(t, []int{worker}, processesOfSession(t, worker))
}

// listen opens the ports that the attack must not reach.
func (a attack) listen(t *testing.T) map[string]net.PacketConn {
	listeners := map[string]net.PacketConn{}
	for _, rule := range a.MustNot {
		if address, ok := strings.CutPrefix(rule, "contacted:"); ok {
			l, err := net.ListenPacket("udp", address)
			require.NoError(t, err)
			t.Cleanup(func() { l.Close() })
			listeners[address] = l
		}
	}
	return listeners
}

func (a attack) removeTraces() {
	for _, rule := range a.MustNot {
		if path, ok := strings.CutPrefix(rule, "created:"); ok {
			os.RemoveAll(path)
		}
	}
}

// process is what /proc tells of one.
type process struct {
	pid, parent, session int
	// ticks is the CPU time used, in hundredths of a second.
	ticks  int
	zombie bool
}

func processes(t testing.TB) []process {
	entries, err := os.ReadDir("/proc")
	require.NoError(t, err)
	var all []process
	for _, e := range entries {
		pid, err := strconv.Atoi(e.Name())
		if err != nil {
			continue
		}
		stat, err := os.ReadFile("/proc/" + e.Name() + "/stat")
		if err != nil {
			continue // it has ended since
		}
		// "pid (name) state ppid pgrp session ...": the name may hold anything.
		fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
		parent, _ := strconv.Atoi(fields[1])
		session, _ := strconv.Atoi(fields[3])
		user, _ := strconv.Atoi(fields[11])
		system, _ := strconv.Atoi(fields[12])
		all = append(all, process{pid, parent, session, user + system, fields[0] == "Z"})
	}
	return all
}

func processesOfSession(t testing.TB, session int) []int {
	var pids []int
	for _, p := range processes(t) {
		if p.session == session && !p.zombie {
			pids = append(pids, p.pid)
		}
	}
	slices.Sort(pids)
	return pids
}

func childrenOf(t testing.TB, parent int) []int {
	var pids []int
	for _, p := range processes(t) {
		if p.parent == parent && !p.zombie {
			pids = append(pids, p.pid)
		}
	}
	slices.Sort(pids)
	return pids
}

// runLater starts e in the background and returns what it comes to.
func runLater(ctx context.Context, p *Pool, e azr.Execution) func(t *testing.T) ([]azr.Result, error) {
	type outcome struct {
		results []azr.Result
		err     error
	}
	done := make(chan outcome, 1)
	go func() {
		rs, err := p.Run(ctx, e)
		done <- outcome{rs, err}
	}()
	return func(t *testing.T) ([]azr.Result, error) {
		select {
		case o := <-done:
			return o.results, o.err
		case <-time.After(30 * time.Second):
			t.Fatal("Run did not return")
			return nil, errors.New("unreachable")
		}
	}
}

package main

import (
	"bytes"
	"flag"
	"math"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

var kills = flag.Int("kills", 5, "how often the run is killed in TestKilledRunIsTheUninterruptedRun; from 20 on as often as it takes to hit each phase")

// killed is how long after a phase began the process is killed at most.
var killed = []struct {
	phase  string
	within time.Duration
}{
	{phasePlaying, 400 * time.Millisecond}, {phaseSaving, 30 * time.Millisecond}, {phaseRecording, 15 * time.Millisecond},
	{phaseUpdating, 200 * time.Millisecond}, {phaseOptimizing, 4 * time.Millisecond},
}

// enoughKills is how many kills count as a soak: then there are at least landings of them in each phase.
const enoughKills, landings = 20, 3

// A run that is killed at random instants, again and again, and goes on each time is the run that was left alone: the same
// tasks, completions, metrics and weights, bit by bit.
func TestKilledRunIsTheUninterruptedRun(t *testing.T) {
	const seed = 1
	dir := t.TempDir()
	whole, broken := filepath.Join(dir, "whole"), filepath.Join(dir, "broken")
	// The starter answers rightly now and then, so that buffers, replay, averages and moments all count.
	play := func(run, steps string) {
		succeeded(t, "run", "--model", "../../starter", "--config", "starter", "--run", run, "--steps", steps, "--seed", "3", "--set", "threads=1",
			"--set", "game.batch_size=6", "--set", "checkpoint={every: 2, keep: 2}", "--set", "trainer.replay.count=6")
	}
	play(whole, "8")
	assert.Positive(t, countOf(t, whole, "SELECT count(*) FROM metrics WHERE name = 'trainer/replayed' AND value > 0"))
	play(broken, "4")
	random := rand.New(rand.NewPCG(seed, 0))
	landed := map[string]int{}
	for kill := 0; kill < *kills || *kills >= enoughKills && leastOf(landed) < landings; kill++ {
		require.Less(t, kill, 10**kills, "too few of them land: %v", landed)
		at := killed[kill%len(killed)]
		after := time.Duration(random.Int64N(int64(at.within)))
		c, _, stderr := command("", "resume", broken, "--until", "8")
		require.NoError(t, c.Start())
		if ended := killIn(c, broken, at.phase, after); ended {
			require.Zero(t, c.ProcessState.ExitCode(), stderr.String())
			t.Logf("kill %d of seed %d: the run ended before %s; it begins again", kill+1, seed, at.phase)
			require.NoError(t, os.RemoveAll(broken))
			play(broken, "4")
			continue
		}
		phase, _ := os.ReadFile(filepath.Join(broken, phaseFile))
		if bytes.Contains(phase, []byte(" "+at.phase+"\n")) {
			landed[at.phase]++
		}
		t.Logf("kill %d of seed %d: %v after %s began, in %s", kill+1, seed, after.Round(time.Microsecond), at.phase,
			strings.ReplaceAll(strings.TrimSpace(string(phase)), "\n", ", "))
	}
	t.Logf("kills in the phase that was meant: %v", landed)
	succeeded(t, "resume", broken, "--until", "8")
	o := azrTrain(t, "", "verify", "--same", whole, broken)
	assert.Zero(t, o.code, o.stderr)
	o = azrTrain(t, "", "verify", "--verdicts", "20", broken)
	assert.Zero(t, o.code, o.stdout+o.stderr)
	drafts, err := filepath.Glob(filepath.Join(broken, "checkpoints", ".tmp-*"))
	require.NoError(t, err)
	assert.Empty(t, drafts)
}

func leastOf(landed map[string]int) int {
	least := math.MaxInt
	for _, at := range killed {
		least = min(least, landed[at.phase])
	}
	return least
}

// killIn kills a run some time after it next enters a phase, and tells whether it ended before.
func killIn(c *exec.Cmd, run, phase string, after time.Duration) (ended bool) {
	done := make(chan struct{})
	go func() { _ = c.Wait(); close(done) }()
	old, _ := os.ReadFile(filepath.Join(run, phaseFile))
	for {
		select {
		case <-done:
			return true
		case <-time.After(200 * time.Microsecond):
		}
		now, _ := os.ReadFile(filepath.Join(run, phaseFile))
		if !bytes.Equal(now, old) && bytes.Contains(now, []byte(" "+phase+"\n")) {
			break
		}
	}
	time.Sleep(after)
	_ = c.Process.Kill()
	<-done
	return false
}

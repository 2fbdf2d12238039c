package main

import (
	"bytes"
	"flag"
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

var kills = flag.Int("kills", 4, "how often the run is killed in TestKilledRunIsTheUninterruptedRun")

// killed is how long after a phase began the process is killed at most.
var killed = []struct {
	phase  string
	within time.Duration
}{{phasePlaying, 400 * time.Millisecond}, {phaseSaving, 60 * time.Millisecond}, {phaseRecording, 15 * time.Millisecond}, {phaseUpdating, 200 * time.Millisecond}}

// A run that is killed at random instants, again and again, and goes on each time is the run that was left alone: the same
// tasks, completions, metrics and weights, bit by bit.
func TestKilledRunIsTheUninterruptedRun(t *testing.T) {
	const seed = 1
	model, dir := tinyModel(t), t.TempDir()
	whole, broken := filepath.Join(dir, "whole"), filepath.Join(dir, "broken")
	args := func(run string) []string {
		return append(tinyRun(model, run, "--set", "checkpoint.every=2", "--set", "trainer.replay={count: 4}"), "--steps", "8")
	}
	succeeded(t, args(whole)...)
	random := rand.New(rand.NewPCG(seed, 0))
	for kill := range *kills {
		next := []string{"resume", broken}
		if _, err := os.Stat(broken); err != nil {
			next = args(broken)
		}
		at := killed[kill%len(killed)]
		after := time.Duration(random.Int64N(int64(at.within)))
		c, _, stderr := command("", next...)
		require.NoError(t, c.Start())
		if ended := killIn(c, broken, at.phase, after); ended {
			require.Zero(t, c.ProcessState.ExitCode(), stderr.String())
			t.Logf("kill %d of seed %d: the run ended before %s; it begins again", kill+1, seed, at.phase)
			require.NoError(t, os.RemoveAll(broken))
			continue
		}
		phase, _ := os.ReadFile(filepath.Join(broken, phaseFile))
		t.Logf("kill %d of seed %d: %v after %s began, in %s", kill+1, seed, after.Round(time.Microsecond), at.phase, strings.TrimSpace(string(phase)))
	}
	if _, err := os.Stat(broken); err != nil {
		succeeded(t, args(broken)...)
	} else {
		succeeded(t, "resume", broken)
	}
	o := azrTrain(t, "", "verify", "--same", whole, broken)
	assert.Zero(t, o.code, o.stderr)
	o = azrTrain(t, "", "verify", "--verdicts", "20", broken)
	assert.Zero(t, o.code, o.stdout+o.stderr)
	drafts, err := filepath.Glob(filepath.Join(broken, "checkpoints", ".tmp-*"))
	require.NoError(t, err)
	assert.Empty(t, drafts)
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
		if !bytes.Equal(now, old) && bytes.HasSuffix(now, []byte(phase+"\n")) {
			break
		}
	}
	time.Sleep(after)
	_ = c.Process.Kill()
	<-done
	return false
}

package main

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/monitor/watchdog"
	"github.com/azr-train/azr/torch"
)

// slow is a generator whose ticks take some time and finish nothing.
type slow struct{ azr.Generator }

func (slow) Tick(context.Context) ([]azr.Completion, error) {
	time.Sleep(3 * watchdog.Tick)
	return nil, nil
}

// Ticks that finish nothing are progress all the same; without them the phase is stuck.
func TestTicksAreProgress(t *testing.T) {
	told := make(chan watchdog.Stuck, 1)
	p := newPhases(&runFolder{dir: t.TempDir()}, WatchdogConfig{Playing: time.Second}, func(s watchdog.Stuck) { told <- s })
	defer p.close()
	p.enter(1, phasePlaying)
	for range 8 {
		_, err := ticking{slow{}, p}.Tick(t.Context())
		require.NoError(t, err)
	}
	assert.Empty(t, told)
	select {
	case s := <-told:
		assert.Equal(t, phasePlaying, s.What)
	case <-time.After(time.Minute):
		t.Error("nobody was told")
	}
}

// The optimiser's step has the bound of the update, and is told of by the key that sets it.
func TestTheOptimizersStepIsBoundLikeTheUpdate(t *testing.T) {
	told := make(chan watchdog.Stuck, 1)
	p := newPhases(&runFolder{dir: t.TempDir()}, WatchdogConfig{Updating: watchdog.Tick}, func(s watchdog.Stuck) { told <- s })
	defer p.close()
	p.enter(1, phaseOptimizing)
	select {
	case s := <-told:
		assert.Equal(t, phaseUpdating, s.What)
	case <-time.After(time.Minute):
		t.Error("nobody was told")
	}
}

// While a checkpoint is being written the weights stay as they are: the update waits for it.
func TestUpdateWaitsForTheCheckpoint(t *testing.T) {
	torch.LockThread()
	config := laid(t, "starter")
	config.Model, config.Threads, config.Game.BatchSize, config.Device = "../../starter", 1, 2, "cpu"
	folder, err := newRunFolder(filepath.Join(t.TempDir(), "run"), []byte("seed: 0\n"))
	require.NoError(t, err)
	display, log := newDisplay(true)
	s, err := openRun(t.Context(), folder, config, config.Model, false, nil, output{display: display, log: log})
	require.NoError(t, err)
	defer s.close(nil)
	require.NoError(t, s.seed(t.Context()))

	s.saving = &draft{step: 0, optimizer: optimizerState{release: func() {}}, done: make(chan error)}
	early := make(chan string, 1)
	go func(w *draft) {
		defer close(early)
		file := folder.path(phaseFile)
		for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(time.Millisecond) {
			if now, _ := os.ReadFile(file); string(now) != "step 0 recording\n" && string(now) != "step 1 playing\n" && len(now) > 0 {
				early <- string(now)
				break
			}
		}
		w.done <- nil
	}(s.saving)
	require.NoError(t, s.step(t.Context(), 1))
	assert.Empty(t, <-early, "what the run did while the checkpoint was written")
	assert.Equal(t, 1, s.learned)
}

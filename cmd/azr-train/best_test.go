package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/trainer/checkpoint"
)

func TestTheFirstOfEqualStepsIsTheBest(t *testing.T) {
	var b best
	b.see(0, 0.9) // has learned nothing
	b.see(1, 0)
	assert.Zero(t, b)
	b.see(2, 0.5)
	b.see(3, 0.5)
	b.see(4, 0.4)
	assert.Equal(t, best{2, 0.5}, b)
}

// The checkpoint of the best step stays beside the newest, a resumed run knows it, and export finds it.
func TestTheBestCheckpointIsKept(t *testing.T) {
	dir := t.TempDir()
	heldOut, run := filepath.Join(dir, "held-out.jsonl"), filepath.Join(dir, "run")
	deductions(t, heldOut)
	succeeded(t, "run", "--quiet", "--model", "../../starter", "--config", "starter", "--run", run, "--steps", "1", "--set", "game.batch_size=4",
		"--set", "game.seed_factor=1", "--set", "held_out.tasks="+heldOut, "--set", "held_out.every=1", "--set", "checkpoint.keep=1", "--set", "checkpoint.every=100")
	succeeded(t, "resume", "--quiet", "--steps", "2", run)
	newest, _, err := checkpoint.Latest(run)
	require.NoError(t, err)
	assert.Equal(t, 3, newest.State.Step)
	var b best
	found, err := newest.State.Get(bestKey, &b)
	require.NoError(t, err)
	require.True(t, found)
	assert.Greater(t, b.Accuracy, 0.5)
	require.Contains(t, []int{1, 2, 3}, b.Step)
	steps, err := filepath.Glob(filepath.Join(run, "checkpoints", "step-*"))
	require.NoError(t, err)
	want := []string{checkpoint.Path(run, 3)}
	if b.Step < 3 {
		want = []string{checkpoint.Path(run, b.Step), checkpoint.Path(run, 3)}
	}
	assert.Equal(t, want, steps)

	out := filepath.Join(dir, "best")
	succeeded(t, "export", run, "--best", "--out", out)
	a, err := os.ReadFile(filepath.Join(checkpoint.Path(run, b.Step), "model.safetensors"))
	require.NoError(t, err)
	exported, err := os.ReadFile(filepath.Join(out, "model.safetensors"))
	require.NoError(t, err)
	assert.Equal(t, a, exported)
}

func TestThereIsNoBestWithoutMeasuring(t *testing.T) {
	run := filepath.Join(t.TempDir(), "run")
	succeeded(t, append(tinyRun(tinyModel(t), run), "--steps", "1")...)
	refused(t, []string{"no best step", "held_out.tasks"}, "export", run, "--best", "--out", filepath.Join(t.TempDir(), "out"))
}

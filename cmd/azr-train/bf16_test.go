package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A run in bf16, adapters and all: its model is written in bf16, and it goes on from what it wrote.
func TestRunInBF16(t *testing.T) {
	model, dir := tinyModel(t), t.TempDir()
	for name, settings := range map[string][]string{
		"weights":  {"--set", "trainer.rounding=stochastic"},
		"adapters": {"--set", "lora.rank=4"},
		"masters":  nil,
	} {
		run := filepath.Join(dir, name)
		for _, args := range [][]string{tinyRun(model, run, append(settings, "--set", "dtype=bf16")...), {"resume", run, "--steps", "1"}} {
			o := azrTrain(t, "", args...)
			require.Zero(t, o.code, o.stderr)
			assert.NotContains(t, o.stderr, "disagree")
		}
		if name == "adapters" {
			continue
		}
		whole, err := os.Stat(filepath.Join(model, "model.safetensors"))
		require.NoError(t, err)
		half, err := os.Stat(filepath.Join(run, "checkpoints", "step-000003", "model.safetensors"))
		require.NoError(t, err)
		assert.InEpsilon(t, whole.Size()/2, half.Size(), 0.05, "2 bytes a weight")
	}
}

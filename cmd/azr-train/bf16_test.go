package main

import (
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch/safetensors"
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
		weights, err := safetensors.OpenFolder(filepath.Join(run, "checkpoints", "step-000003"))
		require.NoError(t, err)
		for _, w := range weights.Tensors() {
			assert.Equal(t, safetensors.BF16, w.DType, w.Name)
		}
		require.NoError(t, weights.Close())
	}
}

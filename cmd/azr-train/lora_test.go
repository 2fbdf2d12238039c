package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// A run that learns adapters: its checkpoints are folders of PEFT's, it goes on from them bit by bit, and its
// model is exported merged or as adapters.
func TestRunOfAdapters(t *testing.T) {
	model, dir := tinyModel(t), t.TempDir()
	run, whole := filepath.Join(dir, "run"), filepath.Join(dir, "whole")
	lora := []string{"--set", "lora.rank=4", "--set", "lora.targets=[q_proj, down_proj]", "--set", "trainer.learning_rate=0.01"}
	for _, args := range [][]string{tinyRun(model, run, lora...), {"resume", run, "--steps", "1"}, tinyRun(model, whole, append(lora, "--steps", "3")...)} {
		o := azrTrain(t, "", args...)
		require.Zero(t, o.code, o.stderr)
	}
	last := filepath.Join(run, "checkpoints", "step-000003")
	assert.NoFileExists(t, filepath.Join(last, "model.safetensors"))
	for _, name := range []string{"adapter_config.json", "adapter_model.safetensors"} {
		resumed, err := os.ReadFile(filepath.Join(last, name))
		require.NoError(t, err)
		uninterrupted, err := os.ReadFile(filepath.Join(whole, "checkpoints", "step-000003", name))
		require.NoError(t, err)
		assert.Equal(t, uninterrupted, resumed, name)
	}

	merged, adapters := filepath.Join(dir, "merged"), filepath.Join(dir, "adapters")
	require.Zero(t, azrTrain(t, "", "export", run, "--out", merged).code)
	require.Zero(t, azrTrain(t, "", "export", run, "--adapters", "--out", adapters).code)
	assert.NoFileExists(t, filepath.Join(merged, "adapter_config.json"))
	assert.NoFileExists(t, filepath.Join(adapters, "config.json"), "or transformers takes it for a whole model")
	assert.NoFileExists(t, filepath.Join(adapters, "model.safetensors"))
	const line = `{"ids":[5,6,7,8,9,10]}` + "\n"
	scores := func(model string) []float32 {
		o := azrTrain(t, line, "score", "--model", model)
		require.Zero(t, o.code, o.stderr)
		var scored scoredLine
		require.NoError(t, json.Unmarshal([]byte(o.stdout), &scored))
		return scored.LogProbs
	}
	learned := scores(adapters)
	assert.Equal(t, scores(last), learned)
	assert.InDeltaSlice(t, learned, scores(merged), 1e-4)
	assert.NotEqual(t, scores(model), learned, "three steps of training change what is computed")

	o := azrTrain(t, "", "run", "--model", adapters, "--config", "quickstart", "--run", filepath.Join(dir, "other"), "--set", "lora.rank=8")
	assert.Equal(t, exitBadInput, o.code)
	assert.Contains(t, o.stderr, "lora does not fit the adapters")
	assert.NoDirExists(t, filepath.Join(dir, "other"))
	plain := filepath.Join(dir, "plain")
	require.Zero(t, azrTrain(t, "", tinyRun(model, plain)...).code)
	refused(t, []string{"no adapters in", "want a run with lora.rank above 0"}, "export", plain, "--adapters", "--out", filepath.Join(dir, "none"))
}

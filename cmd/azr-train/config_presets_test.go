package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/configs"
)

// laid is the defaults under presets and files, valid.
func laid(t *testing.T, presetsOrFiles ...string) Config {
	t.Helper()
	c := defaultConfig()
	l := configs.Over(&c)
	for _, name := range presetsOrFiles {
		require.NoError(t, l.File(name))
	}
	require.NoError(t, c.validate())
	return c
}

func writeConfig(t *testing.T, text string) string {
	path := filepath.Join(t.TempDir(), "mine.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o644))
	return path
}

func TestEveryPresetIsValidAndLoadsBack(t *testing.T) {
	for _, name := range configs.Names() {
		c := laid(t, name)
		var back Config
		require.NoError(t, configs.Over(&back).File(writeConfig(t, string(configs.Dump(&c, nil)))))
		assert.Equal(t, string(configs.Dump(&c, nil)), string(configs.Dump(&back, nil)), name)
	}
}

// The preset spells out the paper's table; the packages' defaults are the same values.
func TestPaperPresetHasThePapersValues(t *testing.T) {
	c := laid(t, "paper")
	assert.Equal(t, []int{64, 6, 8, 10, 8096, 500}, []int{c.Game.BatchSize, c.Game.References, c.Game.Rollouts,
		c.Environment.InductionInputs, c.Game.Solve.MaxTokens, c.Steps})
	assert.Equal(t, []float64{1e-6, 0.9, 0.999, 1, 0.2, 0.2, 0.001}, []float64{c.Trainer.LearningRate, c.Trainer.Beta1,
		c.Trainer.Beta2, c.Trainer.MaxGradNorm, c.Trainer.ClipLow, c.Trainer.ClipHigh, c.Trainer.EntropyCoefficient})
	assert.Equal(t, 6144+8096, c.Rollout.Room)
}

// What the authors' code does otherwise than the paper says, as far as there is a key for it.
func TestOriginalCodePresetDiffersByTheCodesRules(t *testing.T) {
	paper, code := laid(t, "paper"), laid(t, "original-code")
	assert.Equal(t, []configs.Difference{
		{Key: "game.solve_batch", A: "fresh", B: "max_new"},
		{Key: "game.duplicates", A: "text", B: "none"},
		{Key: "game.rewards.boundary", A: "0", B: "-0.5"},
		{Key: "trainer.weight_decay", A: "0.01", B: "0"},
		{Key: "trainer.clip_high", A: "0.2", B: "0.28"},
		{Key: "trainer.dual_clip", A: "0", B: "3"},
		{Key: "trainer.entropy_coefficient", A: "0.001", B: "0"},
		{Key: "trainer.whitening", A: "sequence", B: "token"},
	}, configs.Diff(&paper, &code))
}

func TestModelPresetsGoOverThePaper(t *testing.T) {
	paper := laid(t, "paper")
	for name, keys := range map[string][]string{
		"qwen2.5-3b": {"rollout.slots"}, "qwen2.5-coder-3b": {"rollout.slots"}, "qwen3-4b": {"rollout.slots"},
		"qwen2.5-7b": {"rollout.slots"}, "qwen2.5-coder-7b": {"rollout.slots"}, "llama-3.1-8b": {"game.seed_factor", "rollout.slots"},
		"qwen2.5-14b": {"rollout.slots"}, "qwen2.5-coder-14b": {"rollout.slots"},
		"smollm2-135m": {"game.propose.max_tokens", "game.estimate.max_tokens", "game.solve.max_tokens", "game.seed.max_tokens", "environment.style", "rollout.room"},
	} {
		c := laid(t, name)
		var differing []string
		for _, d := range configs.Diff(&paper, &c) {
			differing = append(differing, d.Key)
		}
		assert.Equal(t, keys, differing, name)
	}
}

// original-code goes over a model's preset, and does not lay the paper over it again.
func TestABaseIsLaidOnce(t *testing.T) {
	both := laid(t, "llama-3.1-8b", "original-code")
	assert.Equal(t, 1, both.Game.SeedFactor)
	assert.Equal(t, 0.28, both.Trainer.ClipHigh)
	own := laid(t, writeConfig(t, "game: {rollouts: 4}\npreset: llama-3.1-8b\nsteps: 7\n"))
	assert.Equal(t, []int{1, 4, 7, 6}, []int{own.Game.SeedFactor, own.Game.Rollouts, own.Steps, own.Rollout.Slots})
	assert.Equal(t, 4, laid(t, "llama-3.1-8b", "paper").Game.SeedFactor, "named by the user, it is laid where it stands")
}

func TestEveryKeyHasADocComment(t *testing.T) {
	c := defaultConfig()
	for _, k := range configs.Keys(&c) {
		assert.NotEmpty(t, k.Comment, "%s; hint: give its field a doc comment, then go generate ./configs", k.Path)
	}
}

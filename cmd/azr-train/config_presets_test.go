package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/selfplay"
	"github.com/azr-train/azr/trainer"
)

func TestEveryPresetIsValid(t *testing.T) {
	for _, name := range configs.Names() {
		t.Run(name, func(t *testing.T) {
			c := defaultConfig()
			require.NoError(t, loadConfig(&c, name, nil))
			require.NoError(t, c.validate())

			var back Config
			require.NoError(t, loadConfig(&back, writeYAML(t, string(dumpConfig(&c))), nil))
			assert.Equal(t, string(dumpConfig(&c)), string(dumpConfig(&back)))
		})
	}
}

// The preset spells out the paper's table; the packages' defaults are the same values.
func TestPaperPresetHasThePapersValues(t *testing.T) {
	c := defaultConfig()
	require.NoError(t, loadConfig(&c, "paper", nil))
	assert.Equal(t, []int{64, 6, 8, 10, 8096, 500}, []int{c.Game.BatchSize, c.Game.References, c.Game.Rollouts,
		c.Environment.InductionInputs, c.Game.Solve.MaxTokens, c.Steps})
	assert.Equal(t, []float64{1e-6, 0.9, 0.999, 1, 0.2, 0.2, 0.001}, []float64{c.Trainer.LearningRate, c.Trainer.Beta1,
		c.Trainer.Beta2, c.Trainer.MaxGradNorm, c.Trainer.ClipLow, c.Trainer.ClipHigh, c.Trainer.EntropyCoefficient})
	assert.Equal(t, 6144+8096, c.Rollout.Room)
}

// The two presets differ in the rules where paper and code do, and in no other.
func TestOriginalCodePresetDiffersWhereTheCodeDoes(t *testing.T) {
	paper, code := defaultConfig(), defaultConfig()
	require.NoError(t, loadConfig(&paper, "paper", nil))
	require.NoError(t, loadConfig(&code, "original-code", nil))
	assert.Equal(t, []any{selfplay.SolveMaxNew, selfplay.DuplicatesNone, -0.5, trainer.ByToken, 0.28, 0.0, 0.0},
		[]any{code.Game.SolveBatch, code.Game.Duplicates, code.Game.Rewards.Boundary, code.Trainer.Whitening, code.Trainer.ClipHigh,
			code.Trainer.EntropyCoefficient, code.Trainer.WeightDecay})
	code.Game.SolveBatch, code.Game.Duplicates, code.Game.Rewards.Boundary = paper.Game.SolveBatch, paper.Game.Duplicates, paper.Game.Rewards.Boundary
	code.Game.Composite = paper.Game.Composite
	assert.Equal(t, paper.Game, code.Game)
	assert.Equal(t, paper.Environment, code.Environment)
	code.Trainer.Whitening, code.Trainer.ClipHigh = paper.Trainer.Whitening, paper.Trainer.ClipHigh
	code.Trainer.EntropyCoefficient, code.Trainer.WeightDecay = paper.Trainer.EntropyCoefficient, paper.Trainer.WeightDecay
	assert.Equal(t, paper.Trainer, code.Trainer)
}

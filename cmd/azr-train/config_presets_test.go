package main

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/configs"
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

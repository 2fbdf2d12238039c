package trainer

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr"
)

// answer is one of several to a prompt.
func answer(prompt, rollout int, reward float64, tokens int) azr.Sample {
	s := rewarded(solveDeduction, reward, tokens)
	s.ID = azr.SampleID{Step: 1, Purpose: azr.Solving, Index: prompt, Rollout: rollout}
	return s
}

// proposal is one of a step's.
func proposal(index int, reward float64) azr.Sample {
	s := rewarded(proposeDeduction, reward, 3)
	s.ID = azr.SampleID{Step: 1, Purpose: azr.Proposing, Index: index}
	return s
}

// REINFORCE++: one baseline for the step. Rewards 1, 0, 0, 2, 2: mean 1, squares 0 + 1 + 1 + 1 + 1, deviation sqrt(4/5).
func TestReinforcePlusPlusHasOneBaseline(t *testing.T) {
	samples := []azr.Sample{
		rewarded(solveDeduction, 1, 1), rewarded(solveDeduction, 0, 1), rewarded(solveInduction, 0, 1),
		rewarded(proposeDeduction, 2, 1), rewarded(proposeDeduction, 2, 4),
	}
	assert.InDeltaSlice(t, []float64{0, -1.118034, -1.118034, 1.118034, 1.118034}, reinforcePlusPlus(samples, BySequence), 1e-6)
	// By token: 8 tokens of rewards 1, 0, 0 and five times 2: mean 11/8, mean square 21/8, deviation sqrt(21/8 - 121/64) = 0.856957.
	assert.InDeltaSlice(t, []float64{-0.437595, -1.604515, -1.604515, 0.729325, 0.729325}, reinforcePlusPlus(samples, ByToken), 1e-6)
}

// GRPO, equation of section 4.1.2: (r - mean) / std among the answers to a prompt.
func TestGRPOWhitensThePromptsAnswers(t *testing.T) {
	samples := []azr.Sample{
		answer(0, 0, 1, 9), answer(1, 0, 1, 1), answer(0, 1, 0, 1), answer(0, 2, 0, 1), answer(1, 1, 1, 1), // interleaved
		answer(0, 3, 0, 1), answer(2, 0, 0.5, 1),
		proposal(0, 0.5), proposal(1, -1),
	}
	// Prompt 0: mean 1/4, deviation sqrt(3)/4. Prompt 1: equal rewards. Prompt 2: alone. Proposals: mean -1/4, deviation 3/4.
	want := []float64{1.732051, 0, -0.577350, -0.577350, 0, -0.577350, 0, 1, -1}
	assert.InDeltaSlice(t, want, groupRelative(samples, BySequence), 1e-6)
}

// RLOO, the leave-one-out estimator: r_i minus the mean of the others' rewards.
func TestRLOOLeavesOneOut(t *testing.T) {
	samples := []azr.Sample{
		answer(0, 0, 1, 9), answer(1, 0, 1, 1), answer(0, 1, 0, 1), answer(0, 2, -0.5, 1), answer(1, 1, 1, 1), answer(2, 0, 1, 1),
		proposal(0, 0.5), proposal(1, -1), proposal(2, 0),
	}
	// Prompt 0: 1 - (0 - 0.5)/2, 0 - (1 - 0.5)/2, -0.5 - (1 + 0)/2. Proposals: 0.5 - (-1 + 0)/2, -1 - (0.5 + 0)/2, 0 - (0.5 - 1)/2.
	want := []float64{1.25, 0, -0.25, -1, 0, 0, 1, -1.25, 0.25}
	assert.InDeltaSlice(t, want, reinforceLeaveOneOut(samples, BySequence), 1e-12)
}

// An estimate and an answer of one place are samples of different prompts, as are those of two types or steps.
func TestPeersShareAPrompt(t *testing.T) {
	a := answer(3, 0, 1, 1)
	b := a
	b.ID.Rollout = 5
	assert.Equal(t, peersOf(a), peersOf(b))
	for _, change := range []func(*azr.Sample){
		func(s *azr.Sample) { s.ID.Purpose = azr.Estimating },
		func(s *azr.Sample) { s.ID.Type = azr.Induction },
		func(s *azr.Sample) { s.ID.Step = 2 },
		func(s *azr.Sample) { s.ID.Index = 4 },
	} {
		other := a
		change(&other)
		assert.NotEqual(t, peersOf(a), peersOf(other))
	}
}

func TestProposerWeightAndPositivesOnly(t *testing.T) {
	samples := []azr.Sample{rewarded(solveDeduction, 1, 1), rewarded(solveDeduction, 0, 1), rewarded(proposeDeduction, 1, 1), rewarded(proposeDeduction, 0, 1)}
	c := DefaultConfig()
	assert.Equal(t, []float64{1, -1, 1, -1}, c.Advantages(samples))
	c.ProposerWeight = 0.25
	assert.Equal(t, []float64{1, -1, 0.25, -0.25}, c.Advantages(samples))
	c.PositivesOnly = true
	assert.Equal(t, []float64{1, 0, 0.25, -0.25}, c.Advantages(samples), "proposals keep theirs: duplicates must cost")
	for algorithm := range estimators {
		c.Algorithm = algorithm
		assert.Len(t, c.Advantages(samples), 4, algorithm)
		assert.Empty(t, c.Advantages(nil), algorithm)
	}
}

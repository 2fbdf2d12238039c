package trainer

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr"
)

var (
	solveDeduction   = azr.Group{Role: azr.Solve, Type: azr.Deduction}
	proposeDeduction = azr.Group{Role: azr.Propose, Type: azr.Deduction}
	solveInduction   = azr.Group{Role: azr.Solve, Type: azr.Induction}
)

// rewarded is a sample of a group with a reward and so many response tokens.
func rewarded(g azr.Group, reward float64, tokens int) azr.Sample {
	return azr.Sample{Group: g, Reward: reward, ResponseIDs: make([]int32, tokens)}
}

func TestEquation8AdvantagesBySequence(t *testing.T) {
	samples := []azr.Sample{
		rewarded(solveDeduction, 1, 7), rewarded(proposeDeduction, 2, 1), rewarded(solveDeduction, 0, 1),
		rewarded(proposeDeduction, 4, 9), rewarded(solveDeduction, 0, 2), rewarded(proposeDeduction, 9, 3),
		rewarded(solveDeduction, 1, 30),
	}
	// solve: mean 1/2, deviation 1/2. propose: mean 5, squares 9 + 1 + 16, deviation sqrt(26/3) = 2.943920.
	want := []float64{1, -1.019049, -1, -0.339683, -1, 1.358732, 1}
	assert.InDeltaSlice(t, want, taskRelative(samples, BySequence), 1e-6)
}

func TestEquation8AdvantagesByToken(t *testing.T) {
	samples := []azr.Sample{rewarded(solveDeduction, 1, 1), rewarded(solveDeduction, 0, 3)}
	// Of four tokens one has reward 1: mean 1/4, variance (9/16 + 3/16) / 4 = 3/16, deviation 0.433013.
	assert.InDeltaSlice(t, []float64{1.732051, -0.577350}, taskRelative(samples, ByToken), 1e-6)
	assert.InDeltaSlice(t, []float64{1, -1}, taskRelative(samples, BySequence), 1e-12)
}

func TestEquation8ConstantGroupIsZero(t *testing.T) {
	for _, w := range []Whitening{BySequence, ByToken} {
		for _, reward := range []float64{0, 1, -1, 0.1, 1.0 / 3, -0.5, 1e9} {
			var samples []azr.Sample
			for tokens := range 7 {
				samples = append(samples, rewarded(solveDeduction, reward, tokens+1))
			}
			assert.Equal(t, make([]float64, 7), taskRelative(samples, w), "reward %g by %s", reward, w)
		}
		assert.Equal(t, []float64{0}, taskRelative([]azr.Sample{rewarded(solveDeduction, 0.7, 3)}, w), "a group of one")
	}
	assert.Empty(t, taskRelative(nil, BySequence))
}

func TestEquation8GroupsHaveBaselinesOfTheirOwn(t *testing.T) {
	samples := []azr.Sample{
		rewarded(solveDeduction, 1, 2), rewarded(solveDeduction, 0, 5),
		rewarded(proposeDeduction, 0.25, 2), rewarded(solveInduction, -1, 4), rewarded(proposeDeduction, 0.75, 3),
	}
	before := taskRelative(samples, ByToken)
	samples[2].Reward, samples[3].Reward = -40, 17 // other groups
	after := taskRelative(samples, ByToken)
	assert.Equal(t, before[:2], after[:2])
	assert.NotEqual(t, before[2], after[2])
	assert.Zero(t, after[3], "alone in its group")
}

// Whatever the rewards, a group's advantages have mean 0 and variance 1 over what it is whitened by, and
// neither a shift nor a positive scale of the rewards changes them.
func TestEquation8Whitens(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 1))
	for _, w := range []Whitening{BySequence, ByToken} {
		var samples, moved []azr.Sample
		for range 40 {
			s := rewarded(solveDeduction, r.NormFloat64(), 1+r.IntN(50))
			samples = append(samples, s)
			s.Reward = 3*s.Reward + 100
			moved = append(moved, s)
		}
		advantages := taskRelative(samples, w)
		var weight, sum, squares float64
		for i, s := range samples {
			n := w.weight(s)
			weight, sum, squares = weight+n, sum+n*advantages[i], squares+n*advantages[i]*advantages[i]
		}
		assert.InDelta(t, 0, sum/weight, 1e-12, w)
		assert.InDelta(t, 1, squares/weight, 1e-12, w)
		assert.InDeltaSlice(t, advantages, taskRelative(moved, w), 1e-9, w)
	}
}

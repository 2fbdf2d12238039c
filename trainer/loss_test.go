package trainer

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr/torch"
)

// Five tokens of the eight of a step, one for each side of each clip edge, with hand-computed gains.
func TestEquation9ClippedLossWithEntropy(t *testing.T) {
	lockThread(t)
	c := DefaultConfig()
	c.ClipLow, c.ClipHigh, c.EntropyCoefficient = 0.2, 0.28, 0.01
	const stepTokens = 8
	tokens := []struct{ ratio, advantage, gain, slope float64 }{
		{1.0, 2, 2, 2},        // inside
		{1.5, 1, 1.28, 0},     // too far up for a good token: clipped, no gradient
		{1.5, -1, -1.5, -1.5}, // too far up for a bad token: not clipped
		{0.5, 1, 0.5, 0.5},    // too far down for a good token: not clipped
		{0.5, -1, -0.8, 0},    // too far down for a bad token: clipped, no gradient
	}
	s := torch.NewScope()
	defer s.Close()
	var logps, olds, advantages, entropies []float32
	var gain float64
	for i, token := range tokens {
		logps = append(logps, -2)
		olds = append(olds, float32(-2-math.Log(token.ratio)))
		advantages = append(advantages, float32(token.advantage))
		entropies = append(entropies, float32(i+1))
		gain += token.gain + 0.01*float64(i+1)
	}
	logp, entropy := s.FromFloat32s(logps, torch.CPU).Leaf(), s.FromFloat32s(entropies, torch.CPU).Leaf()
	loss := c.loss(logp, s.FromFloat32s(olds, torch.CPU), s.FromFloat32s(advantages, torch.CPU), entropy, stepTokens)
	assert.InDelta(t, -gain/stepTokens, loss.Item(), 1e-6)
	assert.InDelta(t, -(1.48+0.15)/8, loss.Item(), 1e-6, "the same in figures")

	loss.Backward(torch.Tensor{})
	for i, token := range tokens {
		assert.InDelta(t, -token.slope/stepTokens, logp.Grad().Float32s()[i], 1e-6, "d loss / d logp of token %d", i)
		assert.InDelta(t, -0.01/stepTokens, entropy.Grad().Float32s()[i], 1e-8, "d loss / d entropy of token %d", i)
	}
}

// A good token's gain never falls below 0, so only bad ones meet the bound.
func TestDualClipBoundsTheLossOfBadTokens(t *testing.T) {
	lockThread(t)
	c := DefaultConfig()
	c.EntropyCoefficient, c.DualClip = 0, 3
	for _, token := range []struct{ ratio, advantage, gain, slope float64 }{
		{2.5, -2, -5, -5}, // below the bound
		{4, -2, -6, 0},    // at 4 times it would lose 8
		{4, 1, 1.2, 0},    // clipped from above as ever
		{0.1, 1, 0.1, 0.1},
	} {
		s := torch.NewScope()
		logp := s.FromFloat32s([]float32{-2}, torch.CPU).Leaf()
		old := s.FromFloat32s([]float32{float32(-2 - math.Log(token.ratio))}, torch.CPU)
		loss := c.loss(logp, old, s.FromFloat32s([]float32{float32(token.advantage)}, torch.CPU), torch.Tensor{}, 1)
		assert.InDelta(t, -token.gain, loss.Item(), 1e-5)
		loss.Backward(torch.Tensor{})
		assert.InDelta(t, -token.slope, logp.Grad().Float32s()[0], 1e-5, "ratio %v, advantage %v", token.ratio, token.advantage)
		s.Close()
	}
}

func TestWithoutEntropyCoefficientEntropyMovesNothing(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	c := DefaultConfig()
	c.EntropyCoefficient = 0
	one := func(x float32) torch.Tensor { return s.FromFloat32s([]float32{x}, torch.CPU) }
	entropy := one(5).Leaf()
	loss := c.loss(one(-1).Leaf(), one(-1), one(3), entropy, 1)
	assert.InDelta(t, -3, loss.Item(), 1e-6)
	loss.Backward(torch.Tensor{})
	assert.True(t, entropy.Grad().IsNone())
}

package trainer

import (
	"math"

	"github.com/azr-train/azr/torch"
)

// loss is the clipped policy-gradient loss with an entropy bonus, summed over the R response tokens
// of a micro-batch and divided by the step's number of them (paper, equations 8 and 9):
//
//	L = -sum min(ρ A, clip(ρ, 1-low, 1+high) A) / T - c sum H / T,   ρ = exp(logp - old)
//
// A dual clip replaces the minimum by dual A where A < 0 and the minimum is below that (Ye et al. 2020, equation 5).
//
// logp, old, advantage and entropy are (R); the result is a scalar.
func (c Config) loss(logp, old, advantage, entropy torch.Tensor, stepTokens int) torch.Tensor {
	ratio := logp.Sub(old).Exp()
	clipped := ratio.Clamp(1-c.ClipLow, 1+c.ClipHigh)
	gain := ratio.Mul(advantage).Minimum(clipped.Mul(advantage))
	if c.DualClip > 0 {
		gain = gain.Maximum(advantage.Clamp(math.Inf(-1), 0).MulScalar(c.DualClip))
	}
	if c.EntropyCoefficient != 0 {
		gain = gain.Add(entropy.MulScalar(c.EntropyCoefficient))
	}
	return gain.SumAll().MulScalar(-1 / float64(stepTokens))
}

package trainer

import "github.com/azr-train/azr/torch"

// loss is the clipped policy-gradient loss with an entropy bonus, summed over the R response tokens
// of a micro-batch and divided by the step's number of them (paper, equations 8 and 9):
//
//	L = -sum min(ρ A, clip(ρ, 1-low, 1+high) A) / T - c sum H / T,   ρ = exp(logp - old)
//
// logp, old, advantage and entropy are (R); the result is a scalar.
func (c Config) loss(logp, old, advantage, entropy torch.Tensor, stepTokens int) torch.Tensor {
	ratio := logp.Sub(old).Exp()
	clipped := ratio.Clamp(1-c.ClipLow, 1+c.ClipHigh)
	gain := ratio.Mul(advantage).Minimum(clipped.Mul(advantage))
	if c.EntropyCoefficient != 0 {
		gain = gain.Add(entropy.MulScalar(c.EntropyCoefficient))
	}
	return gain.SumAll().MulScalar(-1 / float64(stepTokens))
}

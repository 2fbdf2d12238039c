package trainer

import "github.com/azr-train/azr"

// ReinforceLeaveOne is REINFORCE leave-one-out, RLOO (arXiv 2402.14740).
const ReinforceLeaveOne Algorithm = "rloo"

// reinforceLeaveOneOut takes as the baseline of each of a prompt's k answers the mean reward of the others:
//
//	A_i = r_i - 1/(k-1) * sum of r_j over j != i = k/(k-1) * (r_i - mean(r_1..r_k))
//
// It is not divided by a deviation. A prompt with one answer gives 0.
func reinforceLeaveOneOut(samples []azr.Sample, _ Whitening) []float64 {
	moments := momentsOf(samples, peersOf, BySequence.weight)
	advantages := make([]float64, len(samples))
	for i, s := range samples {
		if m := moments[peersOf(s)]; m.weight > 1 {
			advantages[i] = m.weight / (m.weight - 1) * (s.Reward - m.mean)
		}
	}
	return advantages
}

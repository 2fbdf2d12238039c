package trainer

import "github.com/azr-train/azr"

// GroupRelativePolicy is GRPO (arXiv 2402.03300) with outcome rewards.
const GroupRelativePolicy Algorithm = "grpo"

// groupRelative computes GRPO's outcome-supervised advantage among the G answers of a prompt (section 4.1.2):
//
//	A_i = (r_i - mean(r_1..r_G)) / std(r_1..r_G)
//
// with the population deviation. A prompt whose answers all have one reward, or that has one answer, gives 0.
func groupRelative(samples []azr.Sample, _ Whitening) []float64 {
	return whiten(samples, peersOf, BySequence.weight)
}

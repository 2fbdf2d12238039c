package trainer

import "github.com/azr-train/azr"

// ReinforcePlusPlus is REINFORCE++ (arXiv 2501.03262) without its KL term.
const ReinforcePlusPlus Algorithm = "reinforce++"

// reinforcePlusPlus whitens over the whole step, whatever the role and the task type:
//
//	A = (r - mean of all r) / (standard deviation of all r)
func reinforcePlusPlus(samples []azr.Sample, w Whitening) []float64 {
	return whiten(samples, func(azr.Sample) struct{} { return struct{}{} }, w.weight)
}

package trainer

import "github.com/azr-train/azr"

// TaskRelative is task-relative REINFORCE++ (TRR++), the paper's algorithm.
const TaskRelative Algorithm = "trr++"

// taskRelative computes equation 8 of the paper: within each role x task type,
//
//	A = (r - mean of the group's r) / (standard deviation of the group's r)
//
// The mean and the population deviation run over sequences or over response tokens, see [Whitening].
func taskRelative(samples []azr.Sample, w Whitening) []float64 {
	return whiten(samples, func(s azr.Sample) azr.Group { return s.Group }, w.weight)
}

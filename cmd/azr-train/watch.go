package main

import (
	"time"

	"github.com/azr-train/azr/torch"
)

// watch is when a step began, by the clock and by the time spent in libtorch.
type watch struct {
	start   time.Time
	compute time.Duration
}

func startWatch() watch { return watch{time.Now(), torch.ComputeTime()} }

// timings are how long the step has taken, and the share of it that the compute thread was not in libtorch.
func (w watch) timings() map[string]float64 {
	whole, compute := time.Since(w.start).Seconds(), (torch.ComputeTime() - w.compute).Seconds()
	return map[string]float64{"step_seconds": whole, "compute_idle": 1 - compute/whole}
}

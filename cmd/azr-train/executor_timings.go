package main

import (
	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
)

// executorTimings is what the executor did between two counts. How much of it was answered from memory
// or run again depends on the machine, so none of it is a metric. Its times overlap those of the phases.
func executorTimings(before, after executor.Stats) map[string]float64 {
	restarts := func(s executor.Stats) (n int64) {
		for _, count := range s.Restarts {
			n += count
		}
		return n
	}
	timings := map[string]float64{
		"executor/runs":          float64(after.Runs - before.Runs),
		"executor/batch_runs":    float64(after.BatchRuns - before.BatchRuns),
		"executor/cache_hits":    float64(after.CacheHits - before.CacheHits),
		"executor/journal_hits":  float64(after.JournalHits - before.JournalHits),
		"executor/shared":        float64(after.Shared - before.Shared),
		"executor/restarts":      float64(restarts(after) - restarts(before)),
		"executor/wall_ms":       (after.Wall - before.Wall).Seconds() * 1000,
		"executor/cpu_ms":        (after.CPU - before.CPU).Seconds() * 1000,
		"executor/blocked_share": after.BlockedShare,
	}
	for status := azr.Infra; status <= azr.BadInput; status++ {
		timings["executor/results/"+status.String()] = float64(after.Results[status] - before.Results[status])
	}
	return timings
}

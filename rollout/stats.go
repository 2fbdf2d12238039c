package rollout

// Stats counts an engine's work since it was made. All of it is determined by the requests, nothing by time.
type Stats struct {
	// Ticks that advanced anything, and the running requests summed over them.
	Ticks, Running int
	// PromptTokens were computed, SharedTokens taken from an equal prompt or the same beginning of another one.
	PromptTokens, SharedTokens int
	// SampledTokens, those of requests that had to begin again included, and how often one had to.
	SampledTokens, Preempted int
	// Passes through the layers, and their rows.
	Passes, Rows int
}

// Stats returns the counts so far.
func (e *Engine) Stats() Stats { return e.stats }

// Since is what was counted after an earlier time.
func (s Stats) Since(earlier Stats) Stats {
	return Stats{
		Ticks: s.Ticks - earlier.Ticks, Running: s.Running - earlier.Running,
		PromptTokens: s.PromptTokens - earlier.PromptTokens, SharedTokens: s.SharedTokens - earlier.SharedTokens,
		SampledTokens: s.SampledTokens - earlier.SampledTokens, Preempted: s.Preempted - earlier.Preempted,
		Passes: s.Passes - earlier.Passes, Rows: s.Rows - earlier.Rows,
	}
}

// Plus is what two engines have counted together.
func (s Stats) Plus(other Stats) Stats {
	return Stats{
		Ticks: s.Ticks + other.Ticks, Running: s.Running + other.Running,
		PromptTokens: s.PromptTokens + other.PromptTokens, SharedTokens: s.SharedTokens + other.SharedTokens,
		SampledTokens: s.SampledTokens + other.SampledTokens, Preempted: s.Preempted + other.Preempted,
		Passes: s.Passes + other.Passes, Rows: s.Rows + other.Rows,
	}
}

// Occupancy is the share of the slots that held a request, over all ticks.
func (s Stats) Occupancy(slots int) float64 {
	if s.Ticks == 0 {
		return 0
	}
	return float64(s.Running) / float64(s.Ticks*slots)
}

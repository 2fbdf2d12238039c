package rollout

import "github.com/azr-train/azr"

// Running is a request that has a slot.
type Running struct {
	ID                           azr.SampleID
	PromptTokens, ResponseTokens int
}

// Running lists the requests that had slots when the last tick began, the oldest first, and how many were queued. Any
// goroutine may ask.
func (e *Engine) Running() (running []Running, queued int) {
	if seen := e.seen.Load(); seen != nil {
		return seen.running, seen.queued
	}
	return nil, 0
}

// seen is what other goroutines see of an engine.
type seen struct {
	running []Running
	queued  int
}

// show lets other goroutines see what the tick that begins works on.
func (e *Engine) show() {
	s := &seen{running: make([]Running, len(e.running)), queued: len(e.queue)}
	for i, r := range e.running {
		s.running[i] = Running{r.prompt.ID, len(r.promptID), len(r.ids)}
	}
	e.seen.Store(s)
}

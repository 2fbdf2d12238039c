package selfplay

import (
	"slices"

	"github.com/azr-train/azr"
)

// tell tells Progress of the proposals about which all is known by now. When that
// is depends on the clock; nothing of the game depends on it. Of equal proposals of
// one step, each looks like the first.
func (r *round) tell() {
	r.untold = slices.DeleteFunc(r.untold, func(p *proposal) bool {
		rates := make([]azr.Verdict, len(p.estimates))
		for i, a := range p.estimates {
			verdict, known := a.judged()
			if !known {
				return false
			}
			rates[i] = verdict
		}
		task, verdict := p.task, p.verdict
		task.Type, task.SolveRate = p.prompt.ID.Type, MeanSolveRate(rates)
		if p.known && verdict.Outcome == azr.Pass && r.cfg.DuplicateReward == DuplicateInvalid {
			verdict = azr.Verdict{Outcome: azr.Fail, Reason: "duplicate"}
		}
		r.progress.Settled(task, verdict)
		return true
	})
}

// judged returns the verdict on an answer, if it is there.
func (a *rollout) judged() (azr.Verdict, bool) {
	if a.completion.ID != a.prompt.ID {
		return azr.Verdict{}, false // still decoding
	}
	if a.check == nil {
		return a.verdict, true
	}
	select {
	case <-a.check.done:
		return a.check.verdict, true
	default:
		return azr.Verdict{}, false
	}
}

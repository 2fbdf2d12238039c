package selfplay

import (
	"fmt"
	"math"

	"github.com/azr-train/azr"
)

// Rewards are the constants of the paper's equations 4 to 6. A reward is one
// number a completion, on its last token.
type Rewards struct {
	// Right is the solver's reward for a right answer (equation 5). Default 1.
	Right float64 `yaml:"right"`
	// Wrong is for a well-formed answer that is not right (equation 6). Default -0.5.
	Wrong float64 `yaml:"wrong"`
	// Malformed is for text without the required format, in either role (equation 6). Default -1.
	Malformed float64 `yaml:"malformed"`
	// Invalid is for a well-formed proposal that is no valid task (section 3.3.3). Default -1.
	Invalid float64 `yaml:"invalid"`
	// Boundary is for a valid task that every rollout solves, or none. Default 0 (equation 4); the authors' code has -0.5.
	Boundary float64 `yaml:"boundary"`
}

// DefaultRewards returns the paper's constants.
func DefaultRewards() Rewards {
	return Rewards{Right: 1, Wrong: -0.5, Malformed: -1, Invalid: -1, Boundary: 0}
}

// Learnability is how much a task of a mean solve rate has to teach: 1 - rate,
// and 0 where no rollout solved it (equation 4).
func Learnability(solveRate float64) float64 {
	if solveRate == 0 {
		return 0
	}
	return 1 - solveRate
}

// Propose returns the proposer's reward (equations 4 and 6) for a proposal's
// verdict and the mean solve rate of its task, negative if none could be
// estimated. It is false if the proposal is to be left out of the update.
func (r Rewards) Propose(v azr.Verdict, solveRate float64) (reward float64, ok bool) {
	switch v.Outcome {
	case azr.Pass:
		switch {
		case solveRate < 0:
			return 0, false
		case solveRate == 0 || solveRate == 1:
			return r.Boundary, true
		}
		return Learnability(solveRate), true
	case azr.Malformed:
		return r.Malformed, true
	case azr.Fail, azr.Fault:
		return r.Invalid, true
	default:
		return 0, false
	}
}

// Solve returns the solver's reward (equations 5 and 6) for an answer's verdict.
// It is false if the answer is to be left out of the update.
func (r Rewards) Solve(v azr.Verdict) (reward float64, ok bool) {
	switch v.Outcome {
	case azr.Pass:
		return r.Right, true
	case azr.Malformed:
		return r.Malformed, true
	case azr.Fail, azr.Fault:
		return r.Wrong, true
	default:
		return 0, false
	}
}

func (r Rewards) validate() error {
	for _, f := range []struct {
		key   string
		value float64
	}{{"right", r.Right}, {"wrong", r.Wrong}, {"malformed", r.Malformed}, {"invalid", r.Invalid}, {"boundary", r.Boundary}} {
		if math.IsNaN(f.value) || math.IsInf(f.value, 0) {
			return fmt.Errorf("selfplay.Config: rewards.%s is not finite; got %v, want a number", f.key, f.value)
		}
	}
	return nil
}

// meanSolveRate is the share of right answers among the verdicts that could be
// had: the mean of equation 4. It is -1 if there is none.
func meanSolveRate(verdicts []azr.Verdict) float64 {
	right, checked := 0, 0
	for _, v := range verdicts {
		if v.Outcome == azr.Unchecked {
			continue
		}
		checked++
		if v.Outcome == azr.Pass {
			right++
		}
	}
	if checked == 0 {
		return -1
	}
	return float64(right) / float64(checked)
}

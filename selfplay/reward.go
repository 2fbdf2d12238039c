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
	// Learnability of a solve rate p: "one_minus" 1 - p, or 0 where p is 0 (equation 4, default), or "inverse" 1 - p always.
	Learnability LearnabilityRule `yaml:"learnability"`
	// Intrinsic is paid on top of a learnability above 0. Default nothing.
	Intrinsic Intrinsic `yaml:"intrinsic"`
}

// LearnabilityRule makes a proposer's reward of a solve rate.
type LearnabilityRule string

// The rules of [Rewards].Learnability.
const (
	OneMinus LearnabilityRule = "one_minus"
	Inverse  LearnabilityRule = "inverse"
)

// DefaultRewards returns the paper's constants.
func DefaultRewards() Rewards {
	return Rewards{Right: 1, Wrong: -0.5, Malformed: -1, Invalid: -1, Boundary: 0, Learnability: OneMinus, Intrinsic: defaultIntrinsic()}
}

// Learnability is how much a task of a mean solve rate has to teach: 1 - rate,
// and 0 where no rollout solved it (equation 4).
func Learnability(solveRate float64) float64 {
	if solveRate == 0 {
		return 0
	}
	return 1 - solveRate
}

func (r Rewards) learnability(solveRate float64) float64 {
	if r.Learnability == Inverse {
		return 1 - solveRate
	}
	return Learnability(solveRate)
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
		case r.learnability(solveRate) == 0:
			return r.Boundary, true
		}
		return r.learnability(solveRate), true
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
		if v.Share > 0 {
			return v.Share * r.Right, true
		}
		return r.Wrong, true
	default:
		return 0, false
	}
}

// proposal is Propose with the intrinsic reward of the task.
func (r Rewards) proposal(v azr.Verdict, t azr.Task, d diversity) (reward float64, ok bool) {
	reward, ok = r.Propose(v, t.SolveRate)
	if ok && v.Outcome == azr.Pass && r.learnability(t.SolveRate) > 0 {
		reward = r.Intrinsic.reward(reward, t, d)
	}
	return reward, ok
}

func (r Rewards) validate() error {
	if r.Learnability != OneMinus && r.Learnability != Inverse {
		return fmt.Errorf("selfplay.Config: unknown rewards.learnability; got %q, want %q or %q", r.Learnability, OneMinus, Inverse)
	}
	if err := r.Intrinsic.validate(); err != nil {
		return err
	}
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

// MeanSolveRate is the share of right answers among the verdicts that could be
// had: the mean of equation 4. It is -1 if there is none.
func MeanSolveRate(verdicts []azr.Verdict) float64 {
	right, checked := 0.0, 0
	for _, v := range verdicts {
		if v.Outcome == azr.Unchecked {
			continue
		}
		checked++
		if v.Outcome == azr.Pass {
			right++
		}
		right += v.Share
	}
	if checked == 0 {
		return -1
	}
	return right / float64(checked)
}

package monitor

import (
	"encoding/json"
	"math"
	"slices"

	"github.com/azr-train/azr"
)

// numbers are null in JSON where they are not finite.
type numbers map[string]float64

// MarshalJSON writes the names in order.
func (n numbers) MarshalJSON() ([]byte, error) {
	values := make(map[string]*float64, len(n))
	for name, v := range n {
		values[name] = nil
		if !math.IsNaN(v) && !math.IsInf(v, 0) {
			values[name] = &v
		}
	}
	return json.Marshal(values)
}

// StepObject is a step for programs that follow a run: an object with the step's
// number and, by name, its metrics and timings.
func StepObject(r azr.StepRecord) any {
	return struct {
		Step    int     `json:"step"`
		Metrics numbers `json:"metrics"`
		Timings numbers `json:"timings"`
	}{r.Step, r.Metrics, r.Timings}
}

// Object is what String says, for programs: {"summary": {…}}. Steps counts the
// finished ones; First and Last are 0 if there are none.
func (s Summary) Object() any {
	type change struct {
		First heldOut `json:"first"`
		Last  heldOut `json:"last"`
	}
	type summary struct {
		Steps     int                `json:"steps"`
		First     int                `json:"first"`
		Last      int                `json:"last"`
		Tasks     map[string]numbers `json:"tasks"`
		Unchecked float64            `json:"unchecked"`
		Truncated float64            `json:"truncated"`
		Seconds   numbers            `json:"seconds"`
		HeldOut   map[string]change  `json:"held_out,omitempty"`
		Run       string             `json:"run"`
		Model     string             `json:"model"`
	}
	played := s.played()
	all := tallyOf(played, azr.AllTaskTypes[:]...)
	o := summary{
		Steps: len(played), Tasks: map[string]numbers{"all": all.numbers()},
		Unchecked: all.unchecked, Truncated: all.truncated, Seconds: seconds(s.Records), Run: s.Run, Model: s.Model,
	}
	if len(played) > 0 {
		o.First, o.Last = played[0].Step, played[len(played)-1].Step
	}
	for _, t := range azr.AllTaskTypes {
		if of := tallyOf(played, t); t != azr.ErrorPrediction || of.proposed > 0 {
			o.Tasks[t.String()] = of.numbers()
		}
	}
	for _, c := range slices.Concat(s.HeldOut...) {
		if o.HeldOut == nil {
			o.HeldOut = map[string]change{}
		}
		o.HeldOut[c.Name] = change{heldOut(c.Points[0]), heldOut(c.Points[len(c.Points)-1])}
	}
	return map[string]summary{"summary": o}
}

// heldOut is the accuracy on held-out tasks at a step, with its 95 % interval.
type heldOut struct {
	Step int     `json:"step"`
	Mean float64 `json:"accuracy"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

func (t tally) numbers() numbers {
	return numbers{
		"proposed": t.proposed, "valid": t.valid, "copies": t.duplicates, "in_buffer": t.buffer,
		"estimated_solve_rate": t.estimate.value(), "solve_rate": t.solve.value(),
		"proposer_reward": t.proposeReward.value(), "solver_reward": t.solveReward.value(),
	}
}

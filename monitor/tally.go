package monitor

import (
	"fmt"
	"math"

	"github.com/azr-train/azr"
)

// tally is what the metrics of some steps say of one task type, or of several added up.
type tally struct {
	proposed, valid, duplicates float64
	unchecked, truncated        float64 // of all completions
	estimate, solve             mean    // solve rates
	proposeReward, solveReward  mean
	buffer                      float64 // tasks after the last step
}

// tallyOf adds up the metrics of steps for the given task types.
func tallyOf(records []azr.StepRecord, types ...azr.TaskType) tally {
	var t tally
	for i, r := range records {
		for _, typ := range types {
			t.add(r.Metrics, typ.String())
			if i == len(records)-1 {
				t.buffer += r.Metrics["buffer/"+typ.String()]
			}
		}
	}
	return t
}

// add reads the names that package selfplay gives. Means are weighted by the
// completions that could be checked.
func (t *tally) add(m map[string]float64, typ string) {
	propose, estimate, solve := "propose/"+typ, "estimate/"+typ, "solve/"+typ
	checked := func(group string) float64 { return m[group+"/count"] - m[group+"/unchecked"] }
	t.proposed += m[propose+"/count"]
	t.valid += m[propose+"/valid"]
	t.duplicates += m[propose+"/duplicate"]
	t.estimate.add(m, estimate+"/solve_rate", checked(estimate))
	t.solve.add(m, solve+"/solve_rate", checked(solve))
	t.proposeReward.add(m, propose+"/reward", checked(propose))
	t.solveReward.add(m, solve+"/reward", checked(solve))
	t.unchecked += m[propose+"/unchecked"] + m[estimate+"/unchecked"] + m[solve+"/unchecked"]
	t.truncated += m[propose+"/truncated"] + m[estimate+"/truncated"] + m[solve+"/truncated"]
}

// mean is a weighted mean; without weight there is none.
type mean struct{ sum, weight float64 }

func (a *mean) add(m map[string]float64, name string, weight float64) {
	if v, ok := m[name]; ok && weight > 0 && !math.IsNaN(v) {
		a.sum += v * weight
		a.weight += weight
	}
}

// value is NaN if there is no mean.
func (a mean) value() float64 { return a.sum / a.weight }

// String has three decimals, or is "-" if there is no mean.
func (a mean) String() string {
	if a.weight == 0 {
		return "-"
	}
	return fmt.Sprintf("%.3f", a.value())
}

package monitor

import (
	"flag"
	"os"
	"testing"

	"github.com/azr-train/azr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/monitor/curves"
)

// steps is a seeding and two steps with the names of package selfplay.
func steps() []azr.StepRecord {
	played := func(n int) azr.StepRecord {
		m := map[string]float64{"solve/missing": 0}
		for i, t := range azr.TaskTypes {
			name := t.String()
			m["propose/"+name+"/count"] = 8
			m["propose/"+name+"/valid"] = float64(2 * n * (i + 1) % 8)
			m["propose/"+name+"/duplicate"] = 1
			m["propose/"+name+"/unchecked"] = 0
			m["propose/"+name+"/reward"] = -0.125
			m["estimate/"+name+"/count"] = float64(32 * i)
			m["estimate/"+name+"/unchecked"] = float64(i)
			m["solve/"+name+"/count"] = 8
			m["solve/"+name+"/solve_rate"] = 0.25 + 0.125*float64(i)
			m["solve/"+name+"/reward"] = -0.3125
			m["solve/"+name+"/truncated"] = 2
			m["buffer/"+name] = float64(10*n + i)
			if i > 0 { // a mean of nothing is left out
				m["estimate/"+name+"/solve_rate"] = 0.375
			}
		}
		m["trainer/groups"], m["trainer/weight_change"] = float64(7-n), 0.0123*float64(n)
		return azr.StepRecord{Step: n, Metrics: m, Timings: map[string]float64{"step_seconds": 20 * float64(n), "selfplay/generate_seconds": 12.5,
			"selfplay/wait_seconds": 0.25, "trainer/update_seconds": 7, "trainer/peak_bytes": 1e9}}
	}
	seeding := azr.StepRecord{Metrics: map[string]float64{"buffer/deduction": 4, "buffer/abduction": 4, "buffer/induction": 1},
		Timings: map[string]float64{"selfplay/generate_seconds": 3, "step_seconds": 3.5}}
	return []azr.StepRecord{seeding, played(1), played(2)}
}

// go test ./monitor -update writes testdata/summary.golden anew.
var update = flag.Bool("update", false, "write the golden files anew")

func TestSummaryLayout(t *testing.T) {
	heldOut := [][]curves.Curve{{{Name: "deduction", Share: true, Points: []curves.Point{at(0, 0.25, 0.2, 0.3), at(1, 0.5, 0.4, 0.6), at(2, 0.75, 0.7, 0.8)}}}}
	got := Summary{Records: steps(), HeldOut: heldOut, Run: "runs/first", Model: "runs/first\x1b[2J/export",
		Next: []string{"azr-train inspect runs/first", "azr-train resume runs/first --steps 10"}}.String()
	if *update {
		require.NoError(t, os.WriteFile("testdata/summary.golden", []byte(got), 0o644))
	}
	want, err := os.ReadFile("testdata/summary.golden")
	require.NoError(t, err)
	assert.Equal(t, string(want), got)
}

func TestSummaryWithoutSteps(t *testing.T) {
	assert.Equal(t, "no step was finished\n\nrun    r\n", Summary{Run: "r"}.String())
}

// A step's own time holds its phases but for the measuring; the seeding has none.
func TestAllSecondsAreStepsMeasuringAndSeeding(t *testing.T) {
	assert.Equal(t, map[string]float64{"generate": 13, "update": 5, "held_out": 5, "all": 27}, seconds([]azr.StepRecord{
		{Timings: map[string]float64{"generate_seconds": 1, "held_out_seconds": 2}},
		{Step: 1, Timings: map[string]float64{"step_seconds": 21, "generate_seconds": 12, "update_seconds": 5, "held_out_seconds": 3, "compute_idle": 0.1}},
	}))
}

func TestMeansAreWeightedByWhatWasChecked(t *testing.T) {
	record := func(count, unchecked, rate float64) azr.StepRecord {
		return azr.StepRecord{Step: 1, Metrics: map[string]float64{"solve/deduction/count": count,
			"solve/deduction/unchecked": unchecked, "solve/deduction/solve_rate": rate}}
	}
	got := tallyOf([]azr.StepRecord{record(8, 4, 1), record(12, 0, 0)}, azr.Deduction)
	assert.Equal(t, "0.250", got.solve.String())
	assert.Equal(t, "-", got.estimate.String())
	assert.Equal(t, 4.0, got.unchecked)
}

func TestStepLineOfTheSeeding(t *testing.T) {
	assert.Equal(t, "seeded: 9 tasks in the buffers, 3.5 s", StepLine(steps()[0]))
}

func at(step int, mean, low, high float64) curves.Point {
	return curves.Point{Step: step, Mean: mean, Low: low, High: high}
}

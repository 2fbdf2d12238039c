package monitor

import (
	"bytes"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
)

func TestStepObject(t *testing.T) {
	text, err := json.Marshal(StepObject(azr.StepRecord{
		Step: 3, Metrics: map[string]float64{"b": math.NaN(), "a": 0.5, "c": math.Inf(1)}, Timings: map[string]float64{"step_seconds": 2},
	}))
	require.NoError(t, err)
	assert.Equal(t, `{"step":3,"metrics":{"a":0.5,"b":null,"c":null},"timings":{"step_seconds":2}}`, string(text))
}

func TestSummaryObjectSaysWhatTheTextSays(t *testing.T) {
	text, err := json.Marshal(Summary{Records: steps(), Run: "runs/first"}.Object())
	require.NoError(t, err)
	assert.JSONEq(t, `{"summary": {"steps": 2, "first": 1, "last": 2, "unchecked": 6, "truncated": 12,
		"tasks": {
			"deduction": {"proposed": 16, "valid": 6, "copies": 2, "in_buffer": 20, "estimated_solve_rate": null,
				"solve_rate": 0.25, "proposer_reward": -0.125, "solver_reward": -0.3125},
			"abduction": {"proposed": 16, "valid": 4, "copies": 2, "in_buffer": 21, "estimated_solve_rate": 0.375,
				"solve_rate": 0.375, "proposer_reward": -0.125, "solver_reward": -0.3125},
			"induction": {"proposed": 16, "valid": 10, "copies": 2, "in_buffer": 22, "estimated_solve_rate": 0.375,
				"solve_rate": 0.5, "proposer_reward": -0.125, "solver_reward": -0.3125},
			"all": {"proposed": 48, "valid": 20, "copies": 6, "in_buffer": 63, "estimated_solve_rate": 0.375,
				"solve_rate": 0.375, "proposer_reward": -0.125, "solver_reward": -0.3125}},
		"seconds": {"all": 63.5, "selfplay/generate": 28, "selfplay/wait": 0.5, "trainer/update": 14},
		"run": "runs/first", "model": ""}}`, string(text))
	text, err = json.Marshal(Summary{}.Object())
	require.NoError(t, err)
	assert.Contains(t, string(text), `"steps":0,"first":0,"last":0`)
}

func TestQuietPassesLogLinesOnly(t *testing.T) {
	var out bytes.Buffer
	q := NewQuiet(&out)
	q.Begin("step 1/1")
	_, err := q.Write([]byte("warning\n"))
	require.NoError(t, err)
	q.End(steps()[1])
	q.Close()
	assert.Equal(t, "warning\n", out.String())
}

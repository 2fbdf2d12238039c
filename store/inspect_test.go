package store

import (
	"fmt"
	"math"
	"testing"

	"github.com/azr-train/azr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

func TestRecordsHoldTheNumbersOfEachStep(t *testing.T) {
	s, _ := create(t)
	require.NoError(t, s.Commit(record(1)))
	require.NoError(t, s.Commit(azr.StepRecord{Step: 2, Metrics: map[string]float64{"loss": math.Inf(1)}}))
	records, err := s.Records(1, 2)
	require.NoError(t, err)
	require.Len(t, records, 2)
	assert.Equal(t, 1.0/3, records[0].Metrics["loss"], "to the last bit")
	assert.True(t, math.IsNaN(records[0].Metrics["nan"]))
	assert.Equal(t, map[string]float64{"seconds/solve": 1.5}, records[0].Timings)
	assert.Equal(t, azr.StepRecord{Step: 2, Metrics: map[string]float64{"loss": math.Inf(1)}, Timings: map[string]float64{}}, records[1])
}

func TestRowsAreFiltered(t *testing.T) {
	s, _ := create(t)
	for step := range 3 {
		require.NoError(t, s.Commit(record(step)))
	}
	role, typ, outcome := azr.Solve, azr.Abduction, azr.Pass
	for _, c := range []struct {
		filter Filter
		want   int
	}{
		{Filter{}, 6},
		{Filter{Last: 2}, 18},
		{Filter{First: 1, Last: 2, Role: &role}, 6},
		{Filter{Last: 2, Role: &role, Type: &typ}, 3},
		{Filter{Last: 2, Type: &typ, Outcome: &outcome}, 3},
		{Filter{Last: 2, Limit: 4}, 4},
	} {
		rows, err := s.Rows(c.filter)
		require.NoError(t, err)
		assert.Len(t, rows, c.want, "%+v", c.filter)
	}
}

func TestSummariesCountOutcomesAndAverage(t *testing.T) {
	s, _ := create(t)
	r := azr.StepRecord{Step: 1}
	add := func(role azr.Role, o azr.Outcome, rate, reward float64, trained bool) {
		r.Rows = append(r.Rows, azr.Row{ID: azr.SampleID{Step: 1, Index: len(r.Rows)}, Role: role,
			Verdict: azr.Verdict{Outcome: o}, SolveRate: rate, Reward: reward, Trained: trained})
	}
	add(azr.Propose, azr.Pass, 0.25, 0.75, true)
	add(azr.Propose, azr.Pass, 0.75, 0.25, true)
	add(azr.Propose, azr.Malformed, -1, -1, true)
	add(azr.Propose, azr.Unchecked, -1, 9, false)
	add(azr.Solve, azr.Fault, -1, -0.5, false)
	add(azr.Solve, azr.Pass, -1, 1, true)
	r.Rows[5].ID.Purpose = azr.Solving
	require.NoError(t, s.Commit(r))
	got, err := s.Summaries(Filter{Last: 9})
	require.NoError(t, err)
	require.Len(t, got, 3)
	assert.Equal(t, azr.Solving, got[2].Purpose)
	assert.Equal(t, 1, got[2].Completions)
	assert.Equal(t, 1.0, got[2].Reward)
	assert.Equal(t, Summary{Step: 1, Group: azr.Group{Role: azr.Propose}, Completions: 4, Passed: 2, Malformed: 1, Unchecked: 1,
		Trained: 3, Reward: 0, SolveRate: 0.5}, got[0])
	assert.Equal(t, 1, got[1].Faults)
	assert.True(t, math.IsNaN(got[1].Reward) && math.IsNaN(got[1].SolveRate))
}

func TestSearchFindsTextInPrograms(t *testing.T) {
	s, _ := create(t)
	for i, program := range []string{"def f(s):\n    return s[::-1] + \"\\x00\"", "def f(x):\n    return sorted(x)[0]", "def f(x):\n    return SORTED(x) # \x00 \xff"} {
		require.NoError(t, s.Commit(azr.StepRecord{Step: i, Tasks: []azr.Task{{ID: fmt.Sprint(i), Program: program}}}))
	}
	for text, want := range map[string][]string{"[::-1]": {"0"}, "sorted(x)": {"1", "2"}, "\" OR \"": nil, `+ "\x00"`: {"0"}, "def": {"0", "1"}} {
		tasks, err := s.Search(text, 2)
		require.NoError(t, err)
		var ids []string
		for _, task := range tasks {
			ids = append(ids, task.ID)
		}
		assert.Equal(t, want, ids, "%q", text)
	}
	_, err := s.Search("ab", 1)
	assert.ErrorContains(t, err, "want at least 3 characters")

	task, ok, err := s.Task("1")
	require.NoError(t, err)
	assert.True(t, ok)
	assert.Contains(t, task.Program, "sorted")
	_, ok, err = s.Task("none")
	require.NoError(t, err)
	assert.False(t, ok)
}

package main

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// scored is what tasks score --json says.
type scored struct {
	Greedy, Sampled struct {
		Scores, Sizes []struct {
			Name                              string
			Tasks, Answers, Passed, Malformed int
			Accuracy                          *struct{ Mean, Low, High float64 }
		}
	}
}

// The starter answers most held-out programs of one statement, greedily and sampled, and by the forced trace too; each
// accuracy lies in its interval.
func TestTasksScoreOfTheStarter(t *testing.T) {
	dir := t.TempDir()
	first, second := filepath.Join(dir, "first.jsonl"), filepath.Join(dir, "second.jsonl")
	small := []string{"--per-type", "12", "--size", "1", "--size", "2", "--induction-size", "1"}
	succeeded(t, append([]string{"tasks", "make", "--out", first, "--seed", "5"}, small...)...)
	succeeded(t, append([]string{"tasks", "make", "--out", second, "--seed", "5", "--not-in", first}, small...)...)
	known := map[string]bool{}
	for _, line := range linesOf(t, first) {
		known[line.ID] = true
		known[line.Measures.Program] = line.Measures.Size > 1
	}
	for _, line := range linesOf(t, second) {
		assert.False(t, known[line.ID] || known[line.Measures.Program], "%+v", line)
	}
	for _, force := range []string{"false", "true"} {
		var s scored
		require.NoError(t, json.Unmarshal([]byte(succeeded(t, "tasks", "score", "--json", "--model", "../../starter", "--config", "starter", "--tasks", first,
			"--rollouts", "2", "--set", "environment.force_trace="+force)), &s))
		for name, answers := range map[string][]int{"greedy": {12, 1}, "sampled": {24, 2}} {
			kind := s.Greedy
			if name == "sampled" {
				kind = s.Sampled
			}
			names := map[string]int{}
			for _, score := range append(kind.Sizes, kind.Scores...) {
				names[score.Name] = score.Answers
				require.NotNil(t, score.Accuracy, score.Name)
				assert.LessOrEqual(t, score.Accuracy.Low, score.Accuracy.Mean)
				assert.LessOrEqual(t, score.Accuracy.Mean, score.Accuracy.High)
				assert.InDelta(t, float64(score.Passed)/float64(score.Answers), score.Accuracy.Mean, 1e-9)
				if score.Name == "deduction 1" {
					assert.Greater(t, score.Accuracy.Mean, 0.7, "%s, force_trace %s", name, force)
				}
			}
			assert.Equal(t, answers[0], names["deduction"], name)
			assert.Equal(t, 6*answers[1], names["deduction 2"], name)
			assert.Equal(t, 36*answers[1], names["all"], name)
		}
	}
}

type taskLine struct {
	ID       string
	Measures struct {
		Program string
		Size    int
	}
}

func linesOf(t *testing.T, file string) (list []taskLine) {
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	for line := range bytes.Lines(text) {
		var one taskLine
		require.NoError(t, json.Unmarshal(line, &one))
		list = append(list, one)
	}
	return list
}

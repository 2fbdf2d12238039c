package eval

import (
	"context"
	"errors"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/azr-train/azr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// world is an Environment whose answers are "= VALUE", right if VALUE is the
// task's output, a fault if it is "fault", and unchecked if it is "infra".
type world struct {
	azr.Environment // only what a solver needs is there
	verified        atomic.Int32
	err             error
}

func (w *world) SolvePrompt(task azr.Task) azr.Prompt {
	return azr.Prompt{Text: task.Program, Sampling: azr.Sampling{Stop: []string{"\n\n"}, MaxTokens: 1}}
}

func (w *world) ParseAnswer(_ azr.Task, text string) (string, azr.Verdict) {
	answer, ok := strings.CutPrefix(text, "= ")
	if !ok {
		return "", azr.Verdict{Outcome: azr.Malformed, Reason: "no answer"}
	}
	return answer, azr.Verdict{Outcome: azr.Pass}
}

func (w *world) Verify(_ context.Context, task azr.Task, answer string) (azr.Verdict, error) {
	w.verified.Add(1)
	switch {
	case w.err != nil:
		return azr.Verdict{}, w.err
	case answer == task.Examples[0].Output:
		return azr.Verdict{Outcome: azr.Pass}, nil
	case answer == "fault":
		return azr.Verdict{Outcome: azr.Fault, Reason: "timeout"}, nil
	case answer == "infra":
		return azr.Verdict{Outcome: azr.Unchecked}, nil
	}
	return azr.Verdict{Outcome: azr.Fail}, nil
}

func tasks(types ...azr.TaskType) []azr.Task {
	var all []azr.Task
	for i, typ := range types {
		all = append(all, azr.Task{ID: string(rune('a' + i)), Type: typ, Program: "p", Examples: []azr.Example{{Output: "1"}}})
	}
	return all
}

func config(rollouts int) Config {
	c := DefaultConfig()
	c.Rollouts, c.Sampling.Temperature, c.Sampling.MaxTokens = rollouts, 1, 12
	return c
}

// policy answers task i, rollout k with texts[i][k].
func policy(texts [][]string) *azr.FakeGenerator {
	g := azr.NewFakeGenerator(func(p azr.Prompt) string { return texts[p.ID.Index][p.ID.Rollout] })
	g.Slots = 3
	return g
}

func TestRunCountsEachOutcome(t *testing.T) {
	texts := [][]string{
		{"= 1", "= 2"},
		{"= 1\n\n= 2", "what?"},
		{"= infra", "= infra"},
		{"= fault", strings.Repeat("= 1", 9)},
	}
	w := &world{}
	report, err := Run(context.Background(), policy(texts), w, tasks(azr.Deduction, azr.Deduction, azr.Deduction, azr.Induction), config(2), azr.NoProgress{})
	require.NoError(t, err)
	require.Len(t, report.Scores, 3)

	deduction := report.Scores[0]
	assert.Equal(t, "deduction", deduction.Name)
	assert.Equal(t, []int{3, 6, 2, 1, 0, 1, 2}, []int{deduction.Tasks, deduction.Answers, deduction.Passed, deduction.Failed,
		deduction.Faults, deduction.Malformed, deduction.Unchecked})
	assert.InDelta(t, 5.0/6, deduction.ParseRate, 1e-12)
	assert.Equal(t, 0.5, deduction.Accuracy.Mean, "the task that could not be checked is left out")
	assert.Equal(t, []PassAt{{K: 1, Mean: 0.5, Tasks: 2}, {K: 2, Mean: 1, Tasks: 2}}, deduction.PassAt)

	induction := report.Scores[1]
	assert.Equal(t, []int{1, 2, 0, 1, 1, 1}, []int{induction.Tasks, induction.Answers, induction.Passed, induction.Faults, induction.Malformed, induction.Truncated})
	all := report.Scores[2]
	assert.Equal(t, []any{"all", 4, 8, 2}, []any{all.Name, all.Tasks, all.Answers, all.Passed})
	assert.InDelta(t, 1.0/3, all.Accuracy.Mean, 1e-12)

	assert.Equal(t, "= 1", report.Answers[2].Text, "the Environment's stop strings hold")
	assert.Equal(t, azr.SampleID{Purpose: azr.Evaluating, Type: azr.Deduction, Index: 1, Rollout: 1}, report.Answers[3].ID)
	assert.Equal(t, azr.Verdict{Outcome: azr.Malformed, Reason: "truncated"}, report.Answers[7].Verdict)
}

func TestReportDoesNotDependOnTheOrderOfEvents(t *testing.T) {
	texts := [][]string{{"= 1", "= 22", "?"}, {"= 333", "= 1", "= fault"}, {"= 1", "= infra", "= 1"}}
	var want Report
	for slots := range 5 {
		g := policy(texts)
		g.Slots = slots
		c := config(3)
		c.Workers = slots + 1
		got, err := Run(context.Background(), g, &world{}, tasks(azr.TaskTypes[:]...), c, azr.NoProgress{})
		require.NoError(t, err)
		if slots == 0 {
			want = got
		}
		assert.Equal(t, want, got)
	}
}

func TestPromptThatDoesNotFitIsLeftOut(t *testing.T) {
	g := policy([][]string{{"= 1"}})
	g.Context = 1
	report, err := Run(context.Background(), g, &world{}, tasks(azr.Abduction), config(1), azr.NoProgress{})
	require.NoError(t, err)
	s := report.Scores[0]
	assert.Equal(t, 1, s.Unchecked)
	assert.Nil(t, s.Accuracy)
	assert.Equal(t, 0.0, s.ParseRate)
	var table strings.Builder
	_, err = report.WriteTo(&table)
	require.NoError(t, err)
	assert.Equal(t, "type          tasks  answers  accuracy    95 % interval  parsed of parsed unchecked\n"+
		"abduction         1        1         -                -   0.000         -         1\n"+
		"all               1        1         -                -   0.000         -         1\n", table.String())
}

func TestErrorsEndTheRun(t *testing.T) {
	many := make([]azr.TaskType, 50)
	texts := make([][]string, len(many))
	for i := range texts {
		texts[i] = []string{"= 1"}
	}
	broken := errors.New("no interpreter")
	_, err := Run(context.Background(), policy(texts), &world{err: broken}, tasks(many...), config(1), azr.NoProgress{})
	assert.ErrorIs(t, err, broken)
	assert.ErrorContains(t, err, "eval.Run: ")

	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	_, err = Run(ctx, policy(texts), &world{}, tasks(many...), config(1), azr.NoProgress{})
	assert.ErrorIs(t, err, context.Canceled)

	greedy := config(4)
	greedy.Sampling.Temperature = 0
	_, err = Run(context.Background(), policy(texts), &world{}, tasks(many...), greedy, azr.NoProgress{})
	assert.ErrorContains(t, err, "eval.Config: rollouts; got 4 at temperature 0")
}

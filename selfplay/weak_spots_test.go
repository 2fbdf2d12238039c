package selfplay_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay"
)

// The weak spots of the authors' code have numbers; W1, W3, W7 and W9 are in the transcripts of selfplay/python, W4 in its tests.

// W5: a full buffer loses its oldest task, and new ones go on to be found.
func TestW5FullBufferLosesTheOldestTask(t *testing.T) {
	store := &azr.MemoryStore{}
	task := func(kind azr.TaskType, n int) azr.Task {
		task := azr.Task{Type: kind, Program: fmt.Sprint(n), Examples: []azr.Example{{Input: "1", Output: fmt.Sprint(n + 1)}, {Input: "2", Output: fmt.Sprint(n + 2)}}}
		task.ID = task.ContentID()
		return task
	}
	record := azr.StepRecord{}
	for _, kind := range azr.TaskTypes {
		for n := range 5 {
			record.Tasks = append(record.Tasks, task(kind, 100+n))
		}
	}
	require.NoError(t, store.Commit(record))
	cfg := small()
	cfg.BatchSize, cfg.MaxTasks, cfg.SeedFactor, cfg.References = 2, 3, 0, 3
	gen := azr.NewFakeGenerator(func(p azr.Prompt) string {
		if p.ID.Purpose == azr.Proposing && p.ID.Type != azr.Induction {
			return fmt.Sprintf("%d 1", 10*p.ID.Step+p.ID.Index)
		}
		return "?"
	})
	g, err := selfplay.New(cfg, 1, gen, toy{azr.NewFakeExecutor(add)}, store, azr.NoProgress{})
	require.NoError(t, err)
	shown := func(step int) string {
		play, err := g.Step(t.Context(), step)
		require.NoError(t, err)
		assert.LessOrEqual(t, play.Record.Metrics["buffer/deduction"], 3.0)
		return rowsOf(play, azr.Proposing, azr.Deduction)[0].Prompt
	}
	first := shown(1)
	for _, kept := range []string{"102(1)", "103(1)", "104(1)"} {
		assert.Contains(t, first, kept, "the newest three were loaded")
	}
	second := shown(2)
	for _, kept := range []string{"104(1)", "10(1)", "11(1)"} {
		assert.Contains(t, second, kept, "the two of step 1 took the place of the oldest two")
	}
	assert.NotContains(t, shown(3), "104(1)")
}

// W6: each purpose is sampled as its own settings say, the estimates above all.
func TestW6EachPurposeHasItsOwnSampling(t *testing.T) {
	cfg := small()
	cfg.SeedFactor = 1
	cfg.Propose.Temperature, cfg.Estimate.Temperature, cfg.Solve.Temperature, cfg.Seed.Temperature = 0.7, 1, 0.8, 0.9
	seen := map[azr.Purpose]map[float64]bool{}
	gen := azr.NewFakeGenerator(func(p azr.Prompt) string {
		if seen[p.ID.Purpose] == nil {
			seen[p.ID.Purpose] = map[float64]bool{}
		}
		seen[p.ID.Purpose][p.Sampling.Temperature] = true
		assert.Equal(t, []string{"\n"}, p.Sampling.Stop, "the stop strings are the environment's")
		return player(p)
	})
	g, err := selfplay.New(cfg, 1, gen, toy{azr.NewFakeExecutor(add)}, &azr.MemoryStore{}, azr.NoProgress{})
	require.NoError(t, err)
	_, err = g.Seed(t.Context())
	require.NoError(t, err)
	play, err := g.Step(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, map[azr.Purpose]map[float64]bool{
		azr.Proposing: {0.7: true}, azr.Estimating: {1: true}, azr.Solving: {0.8: true}, azr.Seeding: {0.9: true},
	}, seen)
	for _, s := range play.Samples {
		assert.Equal(t, map[azr.Role]float64{azr.Propose: 0.7, azr.Solve: 0.8}[s.Group.Role], s.Temperature)
	}
}

// W8: a task that no prompt can hold is not called hard, is not kept, and its place goes to another one.
func TestW8OverlongTaskIsReplaced(t *testing.T) {
	cfg := small()
	cfg.BatchSize = 2
	gen := azr.NewFakeGenerator(nil)
	gen.Context = 50
	long := strings.Repeat("9", 18)
	play, _ := scripted(t, cfg, gen, func(p azr.Prompt) string {
		if p.ID.Type == azr.Deduction && p.ID.Purpose == azr.Proposing && p.ID.Index == 0 {
			return long + " 5"
		}
		return ""
	})
	proposal := rowsOf(play, azr.Proposing, azr.Deduction)[0]
	assert.Equal(t, azr.Verdict{Outcome: azr.Unchecked, Reason: "solve prompt too long"}, proposal.Verdict)
	assert.False(t, proposal.Trained)
	place := rowsOf(play, azr.Solving, azr.Deduction)[0]
	assert.Equal(t, "solve deduction 0 1->1", place.Prompt)
	assert.True(t, place.Trained)
	assert.NotContains(t, fmt.Sprint(play.Record.Tasks), long)
	assert.Equal(t, float64(cfg.Rollouts+1), play.Record.Metrics["solve/deduction/prompt_too_long"])
	assert.Equal(t, 0.0, play.Record.Metrics["solve/missing"])
}

// W8: in a buffer as small as the batch, a task that is too long is replaced by the other one, not by itself.
func TestW8OverlongTaskOfASmallBufferIsReplaced(t *testing.T) {
	cfg := small()
	cfg.BatchSize = 2
	gen := azr.NewFakeGenerator(func(azr.Prompt) string { return "" })
	gen.Context = 50
	env, store := toy{azr.NewFakeExecutor(add)}, &azr.MemoryStore{}
	tasks := env.Seeds()
	long := tasks[azr.Deduction]
	long.Program = strings.Repeat("9", 60)
	tasks = append(tasks, long)
	for i := range tasks {
		tasks[i].ID = tasks[i].ContentID()
	}
	require.NoError(t, store.Commit(azr.StepRecord{Tasks: tasks}))
	g, err := selfplay.New(cfg, 1, gen, env, store, azr.NoProgress{})
	require.NoError(t, err)
	play, err := g.Step(t.Context(), 1)
	require.NoError(t, err)
	assert.Equal(t, 1.0, play.Record.Metrics["solve/deduction/prompt_too_long"])
	assert.Equal(t, 0.0, play.Record.Metrics["solve/missing"])
}

// W8: where no prompt fits at all, the step ends, says so, and trains on nothing.
func TestW8NothingFits(t *testing.T) {
	gen := azr.NewFakeGenerator(nil)
	gen.Context = 5
	cfg := small()
	play, _ := scripted(t, cfg, gen, func(azr.Prompt) string { return "" })
	assert.Empty(t, play.Samples)
	assert.Equal(t, float64(3*cfg.BatchSize), play.Record.Metrics["solve/missing"])
	assert.Len(t, play.Record.Rows, 6*cfg.BatchSize, "each place has a row that tells")
	for _, row := range play.Record.Rows {
		assert.Equal(t, azr.PromptTooLong, row.Finish)
		assert.Equal(t, azr.Verdict{Outcome: azr.Unchecked, Reason: "prompt too long"}, row.Verdict)
	}
}

// W8: a propose prompt that is too long is asked again with fewer references.
func TestW8ProposePromptShrinks(t *testing.T) {
	cfg := small()
	cfg.References = 8
	gen := azr.NewFakeGenerator(player)
	g, err := selfplay.New(cfg, 1, gen, toy{azr.NewFakeExecutor(add)}, &azr.MemoryStore{}, azr.NoProgress{})
	require.NoError(t, err)
	_, err = g.Seed(t.Context())
	require.NoError(t, err)
	gen.Context = 48
	play, err := g.Step(t.Context(), 1)
	require.NoError(t, err)
	for _, row := range rowsOf(play, azr.Proposing, azr.Deduction) {
		assert.NotEqual(t, azr.PromptTooLong, row.Finish)
		assert.LessOrEqual(t, strings.Count(row.Prompt, "("), 4)
	}
}

// A cut response has no complete format, whatever its text.
func TestTruncatedIsMalformed(t *testing.T) {
	cfg := small()
	cfg.BatchSize = 1
	cfg.Propose.MaxTokens, cfg.Solve.MaxTokens = 3, 2
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(p azr.Prompt) string {
		if p.ID.Purpose == azr.Estimating {
			return ""
		}
		return "1 1 1 1"
	})
	for _, row := range play.Record.Rows {
		assert.Equal(t, azr.Truncated, row.Finish)
		assert.Equal(t, azr.Verdict{Outcome: azr.Malformed, Reason: "truncated"}, row.Verdict)
		assert.Equal(t, -1.0, row.Reward)
		assert.True(t, row.Trained)
	}
}

// What is in the buffer, or was proposed at an earlier place of the step, is not appended again.
func TestDuplicates(t *testing.T) {
	for rule, want := range map[selfplay.DuplicateReward][]float64{
		selfplay.DuplicateInvalid:      {-1, 0.5, -1}, // a copied reference; new; the same again
		selfplay.DuplicateLearnability: {0.5, 0.5, 0.5},
	} {
		t.Run(string(rule), func(t *testing.T) {
			cfg := small()
			cfg.BatchSize, cfg.DuplicateReward = 3, rule
			play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(p azr.Prompt) string {
				switch {
				case p.ID.Type != azr.Deduction:
					return "?"
				case p.ID.Purpose == azr.Proposing:
					// The earlier place finishes later: a long response that its stop string cuts.
					return []string{"0 1", "7    1", "7 1"}[p.ID.Index]
				case p.ID.Purpose == azr.Estimating && p.ID.Rollout%2 == 0:
					return "?"
				}
				return fmt.Sprint(map[int]int{0: 1, 1: 8, 2: 8}[p.ID.Index])
			})
			var rewards []float64
			for _, row := range rowsOf(play, azr.Proposing, azr.Deduction) {
				rewards = append(rewards, row.Reward)
			}
			assert.Equal(t, want, rewards)
			estimated := map[selfplay.DuplicateReward]int{selfplay.DuplicateInvalid: 2, selfplay.DuplicateLearnability: 3}
			assert.Len(t, rowsOf(play, azr.Estimating, azr.Deduction), estimated[rule]*cfg.Rollouts, "what is known is not tried again")
			require.Len(t, play.Record.Tasks, 1)
			assert.Equal(t, "7", play.Record.Tasks[0].Program)
			assert.Equal(t, 1, play.Record.Tasks[0].Proposal.Index)
			assert.Equal(t, 2.0, play.Record.Metrics["propose/deduction/duplicate"])
			assert.Equal(t, 3.0, play.Record.Metrics["propose/deduction/valid"])
		})
	}
}

// Equal answers to one task are verified once.
func TestIdenticalAnswersAreVerifiedOnce(t *testing.T) {
	cfg := small()
	cfg.BatchSize = 1
	_, x := scripted(t, cfg, azr.NewFakeGenerator(nil), func(p azr.Prompt) string {
		switch {
		case p.ID.Type != azr.Abduction:
			return "?"
		case p.ID.Purpose == azr.Proposing:
			return "5 10"
		}
		return "12"
	})
	var inputs []string
	for _, run := range x.Runs() {
		inputs = append(inputs, run.Inputs...)
	}
	assert.ElementsMatch(t, []string{"10", "12"}, inputs, "one validation, one verification of five equal answers")
}

// reuse_estimates: the n estimates of a valid proposal are what its solver learns from.
func TestReuseEstimates(t *testing.T) {
	cfg := small()
	cfg.BatchSize, cfg.ReuseEstimates = 2, true
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(p azr.Prompt) string {
		if p.ID.Type == azr.Deduction && p.ID.Purpose == azr.Proposing {
			return []string{"7 1", "?"}[p.ID.Index]
		}
		return "?"
	})
	assert.Len(t, rowsOf(play, azr.Solving, azr.Deduction), 1, "only the place without a task of its own")
	trained := 0
	for _, row := range rowsOf(play, azr.Estimating, azr.Deduction) {
		if row.Trained {
			trained++
		}
	}
	assert.Equal(t, cfg.Rollouts, trained)
}

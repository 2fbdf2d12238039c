package selfplay_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay"
)

// Equation 4: r_propose = 1 - mean solve rate, and 0 if the mean is 0 or 1.
func TestEquation4Learnability(t *testing.T) {
	r := selfplay.DefaultRewards()
	pass := azr.Verdict{Outcome: azr.Pass}
	for rate, want := range map[float64]float64{0: 0, 1: 0, 0.125: 0.875, 0.5: 0.5, 0.875: 0.125} {
		got, ok := r.Propose(pass, rate)
		assert.True(t, ok)
		assert.Equal(t, want, got, "solve rate %v", rate)
		assert.Equal(t, want, selfplay.Learnability(rate))
	}
	r.Boundary = -0.5 // the authors' code
	for _, rate := range []float64{0, 1} {
		got, _ := r.Propose(pass, rate)
		assert.Equal(t, -0.5, got)
	}
}

// Equation 5: r_solve is 1 for a right answer. Equation 6: -0.5 for a wrong and -1 for a malformed one.
func TestEquations5And6SolverReward(t *testing.T) {
	r := selfplay.DefaultRewards()
	for outcome, want := range map[azr.Outcome]float64{azr.Pass: 1, azr.Fail: -0.5, azr.Fault: -0.5, azr.Malformed: -1} {
		got, ok := r.Solve(azr.Verdict{Outcome: outcome})
		assert.True(t, ok)
		assert.Equal(t, want, got, outcome)
	}
	_, ok := r.Solve(azr.Verdict{Outcome: azr.Unchecked})
	assert.False(t, ok, "what could not be checked is left out")
}

// Section 3.3.3 and equation 6: an invalid or malformed proposal gets -1.
func TestEquation6ProposerReward(t *testing.T) {
	r := selfplay.DefaultRewards()
	for _, outcome := range []azr.Outcome{azr.Fail, azr.Fault, azr.Malformed} {
		got, ok := r.Propose(azr.Verdict{Outcome: outcome}, -1)
		assert.True(t, ok)
		assert.Equal(t, -1.0, got, outcome)
	}
	for _, v := range []azr.Verdict{{Outcome: azr.Unchecked}, {Outcome: azr.Pass}} {
		_, ok := r.Propose(v, -1)
		assert.False(t, ok, "without a judgement or an estimate it is left out")
	}
}

// Equation 4 on a whole step: one of four estimates is right, one could not be checked and does not count.
func TestEquation4MeanLeavesOutUncheckedEstimates(t *testing.T) {
	cfg := small()
	cfg.BatchSize = 1
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(p azr.Prompt) string {
		switch {
		case p.ID.Type != azr.Abduction:
			return ""
		case p.ID.Purpose == azr.Proposing:
			return "5 10"
		case p.ID.Purpose == azr.Estimating:
			return []string{"10", "666", "11", "nonsense"}[p.ID.Rollout]
		}
		return ""
	})
	proposal := rowsOf(play, azr.Proposing, azr.Abduction)[0]
	assert.InDelta(t, 1.0/3, proposal.SolveRate, 1e-15)
	assert.InDelta(t, 2.0/3, proposal.Reward, 1e-15)
	estimates := rowsOf(play, azr.Estimating, azr.Abduction)
	assert.Equal(t, azr.Unchecked, estimates[1].Verdict.Outcome)
	assert.Equal(t, 1.0, play.Record.Metrics["estimate/abduction/unchecked"])
	assert.InDelta(t, 1.0/3, play.Record.Metrics["propose/abduction/solve_rate"], 1e-15)
	assert.InDelta(t, 2.0/3, play.Record.Metrics["propose/abduction/learnability"], 1e-15)
}

// No estimate could be checked: the proposal is neither paid nor punished, but its task is kept.
func TestProposalWithoutEstimatesIsLeftOut(t *testing.T) {
	cfg := small()
	cfg.BatchSize = 1
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(p azr.Prompt) string {
		switch {
		case p.ID.Type != azr.Abduction:
			return ""
		case p.ID.Purpose == azr.Proposing:
			return "5 10"
		}
		return "666"
	})
	row := rowsOf(play, azr.Proposing, azr.Abduction)[0]
	assert.Equal(t, azr.Unchecked, row.Verdict.Outcome)
	assert.False(t, row.Trained)
	assert.False(t, rowsOf(play, azr.Solving, azr.Abduction)[0].Trained)
	for _, s := range play.Samples {
		assert.NotEqual(t, azr.Abduction, s.Group.Type)
	}
	assert.Contains(t, fmt.Sprint(play.Record.Tasks), row.TaskID)
}

// Algorithm 1: the tasks proposed in a step are solved in that step; the other places are filled from the buffer.
func TestAlgorithm1SolvesTheTasksOfTheSameStep(t *testing.T) {
	cfg := small()
	cfg.BatchSize = 3
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(p azr.Prompt) string {
		if p.ID.Type == azr.Deduction && p.ID.Purpose == azr.Proposing {
			return []string{"7 1", "malformed", "8 -1"}[p.ID.Index]
		}
		return ""
	})
	rows := rowsOf(play, azr.Solving, azr.Deduction)
	require.Len(t, rows, 3)
	assert.Equal(t, "solve deduction 7 1->8", rows[0].Prompt)
	for _, filled := range rows[1:] {
		assert.Equal(t, "solve deduction 0 1->1", filled.Prompt, "the buffer holds the identity alone")
	}
	assert.Len(t, rowsOf(play, azr.Estimating, azr.Deduction), cfg.Rollouts)
	assert.Equal(t, 1.0, play.Record.Metrics["solve/deduction/fresh"])
	assert.Equal(t, 1.0, play.Record.Metrics["propose/deduction/valid"])
}

// Section 3.3.1: everything grows from the identity function, deduction and abduction share their
// seeds, and seeding trains nothing and ends.
func TestSection331SeedsFromTheIdentityAlone(t *testing.T) {
	cfg := small()
	g, err := selfplay.New(cfg, 3, azr.NewFakeGenerator(player), toy{azr.NewFakeExecutor(add)}, &azr.MemoryStore{}, azr.NoProgress{})
	require.NoError(t, err)
	record, err := g.Seed(t.Context())
	require.NoError(t, err)
	assert.Equal(t, 0, record.Step)
	count := map[azr.TaskType]int{}
	programs := map[azr.TaskType][]string{}
	for _, task := range record.Tasks {
		count[task.Type]++
		programs[task.Type] = append(programs[task.Type], task.Program+task.Examples[0].Input)
		assert.Equal(t, task.ContentID(), task.ID)
	}
	for _, kind := range azr.TaskTypes {
		assert.Equal(t, cfg.BatchSize*cfg.SeedFactor, count[kind], kind)
	}
	assert.Equal(t, programs[azr.Deduction], programs[azr.Abduction])
	for _, row := range record.Rows {
		assert.Equal(t, azr.Seeding, row.ID.Purpose)
		assert.False(t, row.Trained)
		if row.ID.Index < cfg.BatchSize {
			assert.Equal(t, "propose "+row.ID.Type.String()+" 0(1)", row.Prompt)
		}
	}

	again, err := g.Seed(t.Context())
	require.NoError(t, err)
	assert.Empty(t, again.Tasks, "a game that has tasks is not seeded again")
}

// A policy that never proposes anything valid ends seeding after SeedPasses, and the game can still be played.
func TestSeedingIsBounded(t *testing.T) {
	cfg := small()
	cfg.SeedPasses = 3
	g, err := selfplay.New(cfg, 3, azr.NewFakeGenerator(func(azr.Prompt) string { return "?" }), toy{azr.NewFakeExecutor(add)}, &azr.MemoryStore{}, azr.NoProgress{})
	require.NoError(t, err)
	record, err := g.Seed(t.Context())
	require.NoError(t, err)
	assert.Len(t, record.Tasks, 3, "the identity for each type")
	assert.Len(t, record.Rows, 3*3*cfg.BatchSize)
	play, err := g.Step(t.Context(), 1)
	require.NoError(t, err)
	assert.Len(t, play.Samples, 6*cfg.BatchSize, "the batch is full all the same")
}

// Section 3.2: floor(N/2) pairs of an induction task are shown.
func TestSection32InductionShowsHalf(t *testing.T) {
	for n, shown := range map[int]int{2: 1, 5: 2, 10: 5} {
		task := azr.Task{Type: azr.Induction, Examples: make([]azr.Example, n)}
		assert.Equal(t, shown, task.Shown())
	}
}

// The paper's hyper-parameters: 64 × 6 completions are learnt from, K = 6, n = 8, S = 4, 16384 tasks a buffer.
func TestPaperDefaults(t *testing.T) {
	cfg := selfplay.DefaultConfig()
	require.NoError(t, cfg.Validate())
	assert.Equal(t, []int{64, 6, 8, 4, 16384}, []int{cfg.BatchSize, cfg.References, cfg.Rollouts, cfg.SeedFactor, cfg.MaxTasks})
	assert.Equal(t, azr.Sampling{Temperature: 1, TopP: 1, MaxTokens: 8096}, cfg.Estimate)
}

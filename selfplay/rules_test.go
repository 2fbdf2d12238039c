package selfplay_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay"
)

// stocked is a game whose buffers hold the tasks "k" of the given steps, k counted from 1.
func stocked(t *testing.T, cfg selfplay.Config, gen *azr.FakeGenerator, steps ...int) (*selfplay.Game, *azr.MemoryStore) {
	t.Helper()
	store := &azr.MemoryStore{}
	records := map[int]*azr.StepRecord{}
	last := 0
	for k, step := range steps {
		if records[step] == nil {
			records[step] = &azr.StepRecord{Step: step}
		}
		last = max(last, step)
		for _, kind := range cfg.TaskTypes {
			task := azr.Task{Type: kind, Program: strconv.Itoa(k + 1), Step: step, SolveRate: -1, Examples: []azr.Example{{Input: "1", Output: strconv.Itoa(k + 2)}, {Input: "2", Output: strconv.Itoa(k + 3)}}}
			if kind != azr.Induction {
				task.Examples = task.Examples[:1]
			}
			task.ID = task.ContentID()
			task.Measures, _ = toy{}.Measure(t.Context(), task, nil)
			records[step].Tasks = append(records[step].Tasks, task)
		}
	}
	for step := range last + 1 {
		if records[step] != nil {
			require.NoError(t, store.Commit(*records[step]))
		}
	}
	g, err := selfplay.New(cfg, 1, gen, toy{azr.NewFakeExecutor(add)}, store, azr.NoProgress{})
	require.NoError(t, err)
	return g, store
}

func step(t *testing.T, g *selfplay.Game, n int) selfplay.Play {
	t.Helper()
	play, err := g.Step(t.Context(), n)
	require.NoError(t, err)
	return play
}

// solved lists the programs of a step's deduction solve batch.
func solved(play selfplay.Play) (programs []string) {
	for _, row := range rowsOf(play, azr.Solving, azr.Deduction) {
		programs = append(programs, strings.Fields(row.Prompt)[2])
	}
	return programs
}

// solve_batch: what is solved is chosen before anything is proposed, from the last steps, half of them, or all.
func TestSolveBatchComposition(t *testing.T) {
	steps := []int{0, 0, 0, 0, 0, 0, 0, 0, 3, 3, 4, 4, 4, 4} // 9 and 10 are of step 3, 11 to 14 of step 4
	play := func(batch selfplay.SolveBatch) []string {
		cfg := small()
		cfg.SolveBatch, cfg.BatchSize = batch, 6
		g, _ := stocked(t, cfg, azr.NewFakeGenerator(player), steps...)
		p := step(t, g, 5)
		assert.Zero(t, p.Record.Metrics["solve/deduction/fresh"], batch)
		programs := solved(p)
		require.Len(t, programs, 6, batch)
		return programs
	}
	isNew := func(program string) bool { n, _ := strconv.Atoi(program); return n >= 11 }
	count := func(programs []string) (n int) {
		for _, p := range programs {
			if isNew(p) {
				n++
			}
		}
		return n
	}
	maxNew := play(selfplay.SolveMaxNew)
	assert.ElementsMatch(t, []string{"11", "12", "13", "14"}, maxNew[:4], "all new ones first, each once")
	halfNew := play(selfplay.SolveHalfNew)
	assert.Equal(t, 3, count(halfNew[:3]), "half of the batch is new")
	more := 0 // of the other half, which is drawn from all
	for seed := range 8 {
		cfg := small()
		cfg.SolveBatch, cfg.BatchSize = selfplay.SolveHalfNew, 6
		g, _ := stocked(t, cfg, azr.NewFakeGenerator(player), steps...)
		more += count(solved(step(t, g, 5+seed))[3:4])
	}
	assert.Less(t, more, 8, "the other half is not new ones alone")
	uniform, recent := 0, 0
	for seed := range 5 {
		cfg := small()
		cfg.SolveBatch, cfg.BatchSize = selfplay.SolveUniform, 6
		g, _ := stocked(t, cfg, azr.NewFakeGenerator(player), steps...)
		uniform += count(solved(step(t, g, 5+seed)))
		cfg.SolveBatch = selfplay.SolveRecent
		g, _ = stocked(t, cfg, azr.NewFakeGenerator(player), steps...)
		recent += count(solved(step(t, g, 5+seed)))
	}
	// Expected of 30: 4/14 of them, and 20/36 where a task weighs its step plus one.
	assert.True(t, uniform >= 2 && uniform < 15, "%d", uniform)
	assert.True(t, recent > 11, "%d", recent)
}

// What is learnt from or counted is drawn, never the likeliest (W6).
func TestGreedyPlayIsRefused(t *testing.T) {
	for key, greedy := range map[string]func(*selfplay.Config){
		"propose.temperature": func(c *selfplay.Config) { c.Propose.Temperature = 0 }, "estimate.temperature": func(c *selfplay.Config) { c.Estimate.Temperature = 1e-9 },
		"solve.temperature": func(c *selfplay.Config) { c.Solve.Temperature = 0 }, "estimate.top_k": func(c *selfplay.Config) { c.Estimate.TopK = 1 },
		"solve.top_p": func(c *selfplay.Config) { c.Solve.TopP = 1e-6 },
	} {
		cfg := selfplay.DefaultConfig()
		require.NoError(t, cfg.Validate())
		greedy(&cfg)
		assert.ErrorContains(t, cfg.Validate(), key+" is greedy; got ")
	}
}

// reference_sampling recency: a task weighs as much as its step plus one.
func TestRecentReferences(t *testing.T) {
	shown := map[selfplay.ReferenceSampling]int{}
	for _, sampling := range []selfplay.ReferenceSampling{selfplay.ReferencesUniform, selfplay.ReferencesRecent} {
		cfg := small()
		cfg.ReferenceSampling, cfg.References, cfg.BatchSize, cfg.MaxTasks = sampling, 1, 50, 1000
		g, _ := stocked(t, cfg, azr.NewFakeGenerator(func(azr.Prompt) string { return "?" }), 0, 0, 0, 9)
		for _, row := range rowsOf(step(t, g, 10), azr.Proposing, azr.Deduction) {
			if strings.Contains(row.Prompt, " 4(") {
				shown[sampling]++
			}
		}
	}
	// 1/4 of 50, and 10/13 of 50.
	assert.InDelta(t, 12, shown[selfplay.ReferencesUniform], 9)
	assert.InDelta(t, 38, shown[selfplay.ReferencesRecent], 9)
}

// include_references: without it the proposers of deduction and abduction see none; induction needs its program.
func TestWithoutReferences(t *testing.T) {
	cfg := small()
	cfg.IncludeReferences = false
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(azr.Prompt) string { return "" })
	for _, row := range rowsOf(play, azr.Proposing, azr.Abduction) {
		assert.Equal(t, "propose abduction", row.Prompt)
	}
	assert.Equal(t, "propose induction 0(1)", rowsOf(play, azr.Proposing, azr.Induction)[0].Prompt)
}

// program_filter: every valid task is recorded and solved; the filter says which may be drawn later, also after a restart.
func TestProgramFilter(t *testing.T) {
	say := func(p azr.Prompt) string {
		switch {
		case p.ID.Type != azr.Deduction || p.ID.Purpose == azr.Solving:
			return "?"
		case p.ID.Purpose == azr.Proposing:
			return fmt.Sprintf("%d 1", 10+p.ID.Index)
		case p.ID.Index == 0 || p.ID.Index == 1 && p.ID.Rollout == 0:
			return strconv.Itoa(11 + p.ID.Index) // 0: always right; 1: once; 2: never
		}
		return "?"
	}
	for filter, want := range map[selfplay.ProgramFilter]float64{selfplay.FilterAll: 4, selfplay.FilterNonOne: 3, selfplay.FilterNonExtremes: 2} {
		cfg := small()
		cfg.BatchSize, cfg.ProgramFilter = 3, filter
		gen := azr.NewFakeGenerator(say)
		g, store := stocked(t, cfg, gen, 0)
		play := step(t, g, 1)
		assert.Len(t, play.Record.Tasks, 3, filter)
		assert.Equal(t, want, play.Record.Metrics["buffer/deduction"], filter)
		require.NoError(t, store.Commit(play.Record))
		resumed, err := selfplay.New(cfg, 1, gen, toy{azr.NewFakeExecutor(add)}, store, azr.NoProgress{})
		require.NoError(t, err)
		gen.Complete = func(azr.Prompt) string { return "?" }
		assert.Equal(t, want, step(t, resumed, 2).Record.Metrics["buffer/deduction"], filter)
	}
}

// train_propose: proposals are made, paid and estimated, but not learnt from.
func TestTrainProposeOff(t *testing.T) {
	cfg := small()
	cfg.TrainPropose = false
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(azr.Prompt) string { return "" })
	for _, s := range play.Samples {
		assert.Equal(t, azr.Solve, s.Group.Role)
	}
	assert.NotEmpty(t, play.Record.Tasks)
	assert.NotContains(t, play.Record.Metrics, "propose/deduction/reward")
}

// pretrain_solve_steps: the first steps propose nothing and solve what there is.
func TestPretrainSolveSteps(t *testing.T) {
	cfg := small()
	cfg.PretrainSolveSteps = 2
	g, _ := stocked(t, cfg, azr.NewFakeGenerator(player), 0, 0, 0)
	for n := 1; n <= 2; n++ {
		play := step(t, g, n)
		assert.Empty(t, play.Record.Tasks)
		assert.Len(t, play.Samples, 3*cfg.BatchSize)
		assert.Empty(t, rowsOf(play, azr.Proposing, azr.Deduction))
	}
	assert.NotEmpty(t, step(t, g, 3).Record.Tasks)
}

// solve_rollouts: several answers to each task, samples of one prompt, also where a long task was replaced.
func TestSolveRollouts(t *testing.T) {
	cfg := small()
	cfg.BatchSize, cfg.SolveRollouts = 3, 4
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(azr.Prompt) string { return "" })
	prompts := map[azr.SampleID]map[string]int{}
	for _, row := range play.Record.Rows {
		if row.ID.Purpose == azr.Solving {
			if prompts[row.ID.Prompt()] == nil {
				prompts[row.ID.Prompt()] = map[string]int{}
			}
			prompts[row.ID.Prompt()][row.Prompt]++
		}
	}
	assert.Len(t, prompts, 9)
	for id, texts := range prompts {
		assert.Len(t, texts, 1, id)
		for _, n := range texts {
			assert.Equal(t, 4, n, id)
		}
	}
}

// task_types: everything follows what is played.
func TestTaskTypes(t *testing.T) {
	cfg := small()
	cfg.TaskTypes = []azr.TaskType{azr.Abduction}
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(azr.Prompt) string { return "" })
	for _, row := range play.Record.Rows {
		assert.Equal(t, azr.Abduction, row.ID.Type)
	}
	for name := range play.Record.Metrics {
		assert.False(t, strings.Contains(name, "deduction") || strings.Contains(name, "induction"), name)
	}
	cfg.TaskTypes = []azr.TaskType{azr.Deduction, azr.ErrorPrediction}
	g, err := selfplay.New(cfg, 1, azr.NewFakeGenerator(player), toy{azr.NewFakeExecutor(add)}, &azr.MemoryStore{}, azr.NoProgress{})
	require.NoError(t, err)
	_, err = g.Seed(t.Context())
	assert.ErrorContains(t, err, "no error seed", "the toy has no such tasks")
}

// rewards.learnability inverse: 1 - p always; p = 1 alone has nothing to learn.
func TestInverseLearnability(t *testing.T) {
	r := selfplay.DefaultRewards()
	r.Learnability, r.Boundary = selfplay.Inverse, -0.5
	for rate, want := range map[float64]float64{0: 1, 0.25: 0.75, 1: -0.5} {
		got, ok := r.Propose(azr.Verdict{Outcome: azr.Pass}, rate)
		assert.True(t, ok)
		assert.Equal(t, want, got, rate)
	}
}

// Partly right answers: the share of a right one's reward, and of a solve rate.
func TestShareOfAnAnswer(t *testing.T) {
	got, ok := selfplay.DefaultRewards().Solve(azr.Verdict{Outcome: azr.Fail, Share: 0.6})
	assert.True(t, ok)
	assert.Equal(t, 0.6, got)
}

// Imported tasks are validated and shared like seeds, bad ones are counted, and proposals fill up what is short.
func TestImportedSeeds(t *testing.T) {
	cfg := small()
	cfg.SeedFactor = 1
	triplet := func(k, x string) azr.Task {
		return azr.Task{Type: azr.Deduction, Program: k, Examples: []azr.Example{{Input: x, Output: "wrong"}}}
	}
	imported := []azr.Task{triplet("5", "1"), triplet("5", "1"), triplet("6", "-1"), triplet("x", "1"), triplet("7", "2")}
	g, err := selfplay.New(cfg, 1, azr.NewFakeGenerator(player), toy{azr.NewFakeExecutor(add)}, &azr.MemoryStore{}, azr.NoProgress{})
	require.NoError(t, err)
	record, err := g.Seed(t.Context(), imported...)
	require.NoError(t, err)
	assert.Equal(t, 3.0, record.Metrics["seed/import/pass"])
	assert.Equal(t, 1.0, record.Metrics["seed/import/fault: timeout"])
	assert.Equal(t, 1.0, record.Metrics["seed/import/fault: error"])
	byType := map[azr.TaskType][]string{}
	for _, task := range record.Tasks {
		byType[task.Type] = append(byType[task.Type], task.Program+"("+task.Examples[0].Input+")="+task.Examples[0].Output)
	}
	for _, kind := range []azr.TaskType{azr.Deduction, azr.Abduction} {
		assert.Equal(t, []string{"0(1)=1", "5(1)=6", "7(2)=9"}, byType[kind][:3], "in order, once, with outputs of their own")
		assert.Len(t, byType[kind], cfg.BatchSize)
	}
	assert.Len(t, byType[azr.Induction], cfg.BatchSize)
	g, err = selfplay.New(cfg, 1, azr.NewFakeGenerator(player), toy{azr.NewFakeExecutor(add)}, &azr.MemoryStore{}, azr.NoProgress{})
	require.NoError(t, err)
	g.HoldOut(map[string]bool{"5": true})
	record, err = g.Seed(t.Context(), imported...)
	require.NoError(t, err)
	assert.Equal(t, 2.0, record.Metrics["seed/import/fail: held out"])
	for _, task := range record.Tasks {
		assert.NotEqual(t, "5", task.Program, "a held-out program is a seed")
	}
	full := make([]azr.Task, 0, 30)
	for k := range 30 {
		full = append(full, triplet(strconv.Itoa(k+1), "1"))
	}
	g, err = selfplay.New(cfg, 1, azr.NewFakeGenerator(player), toy{azr.NewFakeExecutor(add)}, &azr.MemoryStore{}, azr.NoProgress{})
	require.NoError(t, err)
	record, err = g.Seed(t.Context(), full...)
	require.NoError(t, err)
	assert.Equal(t, float64(cfg.BatchSize), record.Metrics["buffer/deduction"], "no more than there is room for seeds")
	assert.NotContains(t, record.Metrics, "seed/deduction/proposed")
}

func TestRulesThatContradictAreRefused(t *testing.T) {
	for want, spoil := range map[string]func(*selfplay.Config){
		"task_types is empty":     func(c *selfplay.Config) { c.TaskTypes = nil },
		"names one twice":         func(c *selfplay.Config) { c.TaskTypes = []azr.TaskType{azr.Deduction, azr.Deduction} },
		"induction takes its":     func(c *selfplay.Config) { c.TaskTypes = []azr.TaskType{azr.Induction} },
		"reference_sampling":      func(c *selfplay.Config) { c.ReferenceSampling = "step" },
		"solve_batch":             func(c *selfplay.Config) { c.SolveBatch = "all" },
		"reuse_estimates takes":   func(c *selfplay.Config) { c.ReuseEstimates, c.SolveBatch = true, selfplay.SolveMaxNew },
		"program_filter":          func(c *selfplay.Config) { c.ProgramFilter = "none" },
		"duplicates":              func(c *selfplay.Config) { c.Duplicates = "names" },
		"solve_rollouts":          func(c *selfplay.Config) { c.SolveRollouts = 0 },
		"unknown size.request":    func(c *selfplay.Config) { c.Size.Request = "some" },
		"size.grow needs":         func(c *selfplay.Config) { c.Size.Grow = true },
		"relative needs":          func(c *selfplay.Config) { c.Size.Request, c.References = selfplay.SizeRelative, 0 },
		"size.min":                func(c *selfplay.Config) { c.Size.Min = 0 },
		"size.top":                func(c *selfplay.Config) { c.Size.Top = 0.9 },
		"composite.min":           func(c *selfplay.Config) { c.Composite.Min = 0 },
		"exclude each other":      func(c *selfplay.Config) { c.Size.Request, c.Composite.StartStep = selfplay.SizeAbsolute, 1 },
		"collapse":                func(c *selfplay.Config) { c.Collapse.Steps = -1 },
		"rewards.learnability":    func(c *selfplay.Config) { c.Rewards.Learnability = "" },
		"intrinsic.combine":       func(c *selfplay.Config) { c.Rewards.Intrinsic.Combine = "mean" },
		"term of rewards.intrins": func(c *selfplay.Config) { c.Rewards.Intrinsic.Distance.Coefficient = -1 },
	} {
		cfg := selfplay.DefaultConfig()
		spoil(&cfg)
		err := cfg.Validate()
		require.Error(t, err, want)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "\n")
	}
}

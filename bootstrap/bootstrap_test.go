package bootstrap_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/bootstrap"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/selfplay/python/generator"
)

func open(t *testing.T) (*executor.Pool, *python.Environment) {
	t.Helper()
	config := executor.DefaultConfig()
	config.Timeout = 30 * time.Second
	pool, err := executor.Open(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	world := python.DefaultConfig()
	world.Style, world.InductionInputs = python.Trace, 6
	env, err := python.New(world, pool)
	require.NoError(t, err)
	return pool, env
}

func corpus(t *testing.T, cfg bootstrap.Config, heldOut map[string]bool) (*bootstrap.Corpus, *python.Environment) {
	t.Helper()
	pool, env := open(t)
	c, err := bootstrap.NewCorpus(cfg, 1, env, pool, 6, heldOut)
	require.NoError(t, err)
	return c, env
}

// evenly shows all groups alike.
func evenly() bootstrap.Config {
	c := bootstrap.DefaultConfig()
	c.Mix = bootstrap.Mix{SolveDeduction: 1, SolveAbduction: 1, SolveInduction: 1, ProposeDeduction: 1, ProposeAbduction: 1, ProposeInduction: 1}
	return c
}

// Everything that is taught is right: answers pass, and proposals are valid tasks of the size that was asked for.
func TestDemonstrationsAreRight(t *testing.T) {
	c, env := corpus(t, evenly(), nil)
	shown := map[azr.Group]int{}
	for step := range 4 {
		batch, err := c.Batch(t.Context(), step+1)
		require.NoError(t, err)
		require.Len(t, batch, 64)
		for _, d := range batch {
			shown[d.Group]++
			requireRight(t, env, d)
		}
	}
	for _, g := range azr.Groups() {
		assert.Positive(t, shown[g], "%s is never shown", g)
	}
}

func requireRight(t *testing.T, env *python.Environment, d bootstrap.Demonstration) {
	t.Helper()
	if d.Group.Role == azr.Solve {
		answer, verdict := env.ParseAnswer(d.Task, d.Text)
		require.Equal(t, azr.Pass, verdict.Outcome, d.Text)
		verdict, err := env.Verify(t.Context(), d.Task, answer)
		require.NoError(t, err)
		require.Equal(t, azr.Pass, verdict.Outcome, "%s\n%s", d.Prompt, d.Text)
		return
	}
	task, verdict := env.ParseProposal(d.Request, d.Text)
	require.Equal(t, azr.Pass, verdict.Outcome, "%s: %s", verdict.Reason, d.Text)
	task, verdict, err := env.Validate(t.Context(), task)
	require.NoError(t, err)
	if verdict.Reason == "all outputs are equal" { // of an induction's program: chance
		return
	}
	require.Equal(t, azr.Pass, verdict.Outcome, "%s: %s", verdict.Reason, d.Text)
	if d.Request.Size > 0 {
		measures, err := env.Measure(t.Context(), task, nil)
		require.NoError(t, err)
		assert.Equal(t, d.Request.Size, measures.Size)
	}
}

func TestBatchesAreFunctionsOfTheStep(t *testing.T) {
	c, _ := corpus(t, bootstrap.DefaultConfig(), nil)
	again, _ := corpus(t, bootstrap.DefaultConfig(), nil)
	first, err := c.Batch(t.Context(), 7)
	require.NoError(t, err)
	second, err := again.Batch(t.Context(), 7)
	require.NoError(t, err)
	assert.Equal(t, first, second)
	other, err := c.Batch(t.Context(), 8)
	require.NoError(t, err)
	assert.NotEqual(t, first, other)
}

// What a starter is measured on it has never seen: other sizes, and the programs that are held out.
func TestOtherSizesAndHeldOutProgramsAreNeverShown(t *testing.T) {
	config := bootstrap.DefaultConfig()
	config.Mix = bootstrap.Mix{SolveDeduction: 1, ProposeDeduction: 1}
	config.Sizes, config.Dead = []int{2}, 0
	seen, _ := corpus(t, config, nil)
	batch, err := seen.Batch(t.Context(), 1)
	require.NoError(t, err)
	heldOut := map[string]bool{}
	for _, d := range batch {
		assert.LessOrEqual(t, d.Task.Measures.Size, 2)
		heldOut[generator.Shape(d.Task.Program)] = true
	}
	without, _ := corpus(t, config, heldOut)
	batch, err = without.Batch(t.Context(), 1)
	require.NoError(t, err)
	for _, d := range batch {
		assert.False(t, heldOut[generator.Shape(d.Task.Program)], d.Task.Program)
	}
}

func TestDirectAnswersAreTheShareAskedFor(t *testing.T) {
	config := bootstrap.DefaultConfig()
	config.Mix = bootstrap.Mix{SolveDeduction: 1}
	config.Direct, config.DirectFrom, config.DirectLast = 0, 1, 1
	c, _ := corpus(t, config, nil)
	for step, lines := range map[int]bool{1: true, 2: false} {
		batch, err := c.Batch(t.Context(), step)
		require.NoError(t, err)
		for _, d := range batch {
			assert.Equal(t, lines, len(d.Text) > 0 && d.Text[0] == '\n', d.Text)
		}
	}
}

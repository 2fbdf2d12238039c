package selfplay_test

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay"
)

// world is everything that may differ between two runs of one seed.
type world struct {
	slots, workers, delay int
	slowness              func(call uint64) time.Duration
}

// play seeds a game, plays the steps and returns the records without what is measured in time.
func (w world) play(t *testing.T, seed uint64, steps int) (records []azr.StepRecord, samples []azr.Sample) {
	t.Helper()
	var calls atomic.Uint64
	x := azr.NewFakeExecutor(func(program, input string) azr.Result {
		if w.slowness != nil {
			time.Sleep(w.slowness(calls.Add(1)))
		}
		return add(program, input)
	})
	gen := azr.NewFakeGenerator(player)
	gen.Slots = w.slots
	cfg := small()
	cfg.Workers, cfg.VerdictDelay = w.workers, w.delay
	store := &azr.MemoryStore{}
	g, err := selfplay.New(cfg, seed, gen, toy{x}, store, azr.NoProgress{})
	require.NoError(t, err)
	record, err := g.Seed(t.Context())
	require.NoError(t, err)
	require.NoError(t, store.Commit(record))
	for step := 1; step <= steps; step++ {
		play, err := g.Step(t.Context(), step)
		require.NoError(t, err)
		require.NoError(t, store.Commit(play.Record))
		samples = append(samples, play.Samples...)
	}
	for _, r := range store.Records() {
		r.Timings = nil
		records = append(records, r)
	}
	return records, samples
}

// The whole loop in memory: full batches, all groups, and the same play whatever the speed and order of
// verdicts, the number of slots or the delay.
func TestWorldIsDetermined(t *testing.T) {
	plain := world{workers: 4, delay: 8}
	records, samples := plain.play(t, 7, 3)
	cfg := small()
	require.Len(t, records, 4)
	assert.Len(t, samples, 3*6*cfg.BatchSize-unchecked(records[1:]))
	groups := map[azr.Group]int{}
	rewards := map[float64]bool{}
	for _, s := range samples {
		groups[s.Group]++
		rewards[s.Reward] = true
		assert.Len(t, s.LogProbs, len(s.ResponseIDs))
		assert.NotEmpty(t, s.ResponseIDs)
	}
	assert.Len(t, groups, 6)
	assert.Greater(t, len(rewards), 5, "the groups have something to learn")

	jitter := func(call uint64) time.Duration {
		return time.Duration(azr.NewKey(1, "jitter").Uniform(call) * float64(300*time.Microsecond))
	}
	for name, w := range map[string]world{
		"slow and unordered verdicts": {workers: 32, delay: 8, slowness: jitter},
		"one worker":                  {workers: 1, delay: 8, slowness: jitter},
		"few slots":                   {workers: 4, delay: 8, slots: 3},
		"no delay":                    {workers: 4, delay: 0, slots: 16},
		"long delay":                  {workers: 4, delay: 1000},
	} {
		t.Run(name, func(t *testing.T) {
			again, againSamples := w.play(t, 7, 3)
			assert.Equal(t, records, again)
			assert.Equal(t, samples, againSamples)
		})
	}
	other, _ := plain.play(t, 8, 3)
	assert.NotEqual(t, records, other, "another seed is another game")
}

func unchecked(records []azr.StepRecord) (count int) {
	for _, r := range records {
		for _, row := range r.Rows {
			if row.ID.Purpose != azr.Estimating && row.Verdict.Outcome == azr.Unchecked {
				count++
			}
		}
	}
	return count
}

// A game that goes on from the store plays the step that the uninterrupted one played.
func TestContinuesFromTheStore(t *testing.T) {
	records, _ := world{workers: 4, delay: 8}.play(t, 7, 3)
	store := &azr.MemoryStore{}
	for _, r := range records[:3] {
		require.NoError(t, store.Commit(r))
	}
	g, err := selfplay.New(small(), 7, azr.NewFakeGenerator(player), toy{azr.NewFakeExecutor(add)}, store, azr.NoProgress{})
	require.NoError(t, err)
	play, err := g.Step(t.Context(), 3)
	require.NoError(t, err)
	play.Record.Timings = nil
	assert.Equal(t, records[3], play.Record)
}

func TestRowsAreSortedAndSamplesFollowThem(t *testing.T) {
	play, _ := scripted(t, small(), azr.NewFakeGenerator(nil), func(azr.Prompt) string { return "" })
	next := 0
	seen := map[azr.SampleID]bool{}
	advantages := make([]float64, len(play.Samples))
	for i, row := range play.Record.Rows {
		assert.False(t, seen[row.ID])
		seen[row.ID] = true
		if i > 0 {
			assert.LessOrEqual(t, play.Record.Rows[i-1].ID.Purpose, row.ID.Purpose)
		}
		if row.Trained {
			assert.Equal(t, row.ID, play.Samples[next].ID)
			assert.Equal(t, row.Reward, play.Samples[next].Reward)
			advantages[next] = float64(i)
			next++
		}
	}
	assert.Equal(t, len(play.Samples), next)
	require.NoError(t, play.SetAdvantages(advantages))
	for i, row := range play.Record.Rows {
		if row.Trained {
			assert.Equal(t, float64(i), row.Advantage)
		}
	}
	assert.Error(t, play.SetAdvantages(nil))
}

type brokenExecutor struct{ err error }

func (b brokenExecutor) Run(context.Context, azr.Execution) ([]azr.Result, error) { return nil, b.err }

// An executor that can run nothing any more ends the step, and nothing is left running: a synctest bubble
// ends only when all its goroutines have.
func TestExecutorErrorEndsTheStep(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		cfg := small()
		cfg.SeedFactor = 0
		gone := errors.New("executor: no slot is left")
		g, err := selfplay.New(cfg, 1, azr.NewFakeGenerator(player), toy{brokenExecutor{gone}}, &azr.MemoryStore{}, azr.NoProgress{})
		require.NoError(t, err)
		_, err = g.Step(t.Context(), 1)
		assert.ErrorContains(t, err, "call Seed first")
		_, err = g.Seed(t.Context())
		require.NoError(t, err)
		_, err = g.Step(t.Context(), 1)
		assert.ErrorIs(t, err, gone)
	})
}

func TestCancelEndsTheStep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cfg := small()
	cfg.SeedFactor = 0
	gen := azr.NewFakeGenerator(func(p azr.Prompt) string {
		cancel()
		return player(p)
	})
	g, err := selfplay.New(cfg, 1, gen, toy{azr.NewFakeExecutor(add)}, &azr.MemoryStore{}, azr.NoProgress{})
	require.NoError(t, err)
	_, err = g.Seed(ctx)
	require.NoError(t, err)
	_, err = g.Step(ctx, 1)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestConfigErrorsAreOneLineAndNameTheKey(t *testing.T) {
	for want, spoil := range map[string]func(*selfplay.Config){
		"batch_size":          func(c *selfplay.Config) { c.BatchSize = 0 },
		"rollouts":            func(c *selfplay.Config) { c.Rollouts = 0 },
		"seed_factor":         func(c *selfplay.Config) { c.SeedFactor = 300 },
		"duplicate_reward":    func(c *selfplay.Config) { c.DuplicateReward = "none" },
		"estimate.top_p":      func(c *selfplay.Config) { c.Estimate.TopP = 0 },
		"solve.max_tokens":    func(c *selfplay.Config) { c.Solve.MaxTokens = 0 },
		"seed.stop":           func(c *selfplay.Config) { c.Seed.Stop = []string{"x"} },
		"verdict_delay":       func(c *selfplay.Config) { c.VerdictDelay = -1 },
		"propose.temperature": func(c *selfplay.Config) { c.Propose.Temperature = -1 },
	} {
		cfg := selfplay.DefaultConfig()
		spoil(&cfg)
		_, err := selfplay.New(cfg, 1, nil, nil, nil, nil)
		require.Error(t, err, want)
		assert.Contains(t, err.Error(), "selfplay.Config: ")
		assert.Contains(t, err.Error(), want)
		assert.NotContains(t, fmt.Sprint(err), "\n")
	}
}

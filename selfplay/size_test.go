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

// sized is a policy that proposes a number with as many digits as it was asked for, and answers with a chance.
func sized(right float64) func(azr.Prompt) string {
	return func(p azr.Prompt) string {
		key := p.ID.Key(7)
		words := strings.Fields(p.Text)
		if words[0] == "propose" && len(words) > 3 && words[2] == "size" {
			n, _ := strconv.Atoi(words[3])
			return fmt.Sprintf("%d%s 1", 1+int(9*key.Uniform(0)), strings.Repeat(strconv.Itoa(int(10*key.Uniform(1))), n-1))
		}
		if words[0] == "propose" {
			return player(p)
		}
		if key.Uniform(2) < right && words[1] == "deduction" {
			k, _ := strconv.Atoi(words[2])
			return strconv.Itoa(k + 1)
		}
		return "0"
	}
}

func growing() selfplay.Config {
	cfg := small()
	cfg.TaskTypes = []azr.TaskType{azr.Deduction}
	cfg.BatchSize, cfg.SeedFactor, cfg.Duplicates = 24, 0, selfplay.DuplicatesText
	cfg.Size.Request, cfg.Size.Grow, cfg.Size.Max, cfg.Size.Limit = selfplay.SizeAbsolute, true, 2, 4
	cfg.Size.Evidence, cfg.Size.Window = 24, 60
	return cfg
}

// A proposal of another size than was asked for has not the required format.
func TestSizeIsHeldTo(t *testing.T) {
	cfg := small()
	cfg.Size.Request, cfg.Size.Min, cfg.Size.Max, cfg.BatchSize = selfplay.SizeAbsolute, 2, 2, 2
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(p azr.Prompt) string {
		if p.ID.Type == azr.Deduction && p.ID.Purpose == azr.Proposing {
			return []string{"12 1", "7 1"}[p.ID.Index]
		}
		return "?"
	})
	rows := rowsOf(play, azr.Proposing, azr.Deduction)
	assert.True(t, strings.HasPrefix(rows[0].Prompt, "propose deduction size 2"), rows[0].Prompt)
	assert.Equal(t, azr.Verdict{Outcome: azr.Pass}, rows[0].Verdict)
	assert.Equal(t, azr.Verdict{Outcome: azr.Malformed, Reason: "size: got 1, want 2"}, rows[1].Verdict)
	assert.Equal(t, -1.0, rows[1].Reward)
	assert.Len(t, play.Record.Tasks, 1)
	assert.Equal(t, 1.0, play.Record.Metrics["propose/deduction/valid"])
	assert.Equal(t, 2.0, play.Record.Metrics["propose/deduction/requested_size"])
	assert.NotContains(t, rowsOf(play, azr.Proposing, azr.Induction)[0].Prompt, "size", "its program is given")
}

// Sizes are asked for with the configured chances: N with .45, N-1 with .25, else any up to N.
func TestSizeChances(t *testing.T) {
	cfg := growing()
	cfg.BatchSize, cfg.Size.Max = 600, 4
	play, _ := scripted(t, cfg, azr.NewFakeGenerator(nil), func(azr.Prompt) string { return "?" })
	count := map[string]int{}
	for _, row := range rowsOf(play, azr.Proposing, azr.Deduction) {
		count[strings.Fields(row.Prompt)[3]]++
	}
	for size, want := range map[string]float64{"4": 0.45 + 0.3/4, "3": 0.25 + 0.3/4, "2": 0.3 / 4, "1": 0.3 / 4} {
		assert.InDelta(t, want*600, count[size], 40, size)
	}
}

// A relative request puts last a reference that is as large as what is asked for, or one smaller.
func TestRelativeSizePicksItsBase(t *testing.T) {
	cfg := small()
	cfg.TaskTypes, cfg.References, cfg.BatchSize = []azr.TaskType{azr.Deduction}, 3, 40
	cfg.Size.Request, cfg.Size.Min, cfg.Size.Max = selfplay.SizeRelative, 2, 2
	g, _ := stocked(t, cfg, azr.NewFakeGenerator(func(azr.Prompt) string { return "?" }), make([]int, 99)...) // 1 to 99
	last := map[int]int{}
	for _, row := range rowsOf(step(t, g, 1), azr.Proposing, azr.Deduction) {
		words := strings.Fields(row.Prompt)
		require.Len(t, words, 4+3)
		program, _, _ := strings.Cut(words[6], "(")
		last[len(program)]++
	}
	assert.Len(t, last, 2)
	assert.InDelta(t, 20, last[1], 12)
}

// The largest size rises by one, a step at most, once enough of the newest tasks of that size are solved, and stops at the limit.
func TestSizeGrowsWithTheSolveRate(t *testing.T) {
	limits := func(right float64) (limits []float64) {
		g, _ := stocked(t, growing(), azr.NewFakeGenerator(sized(right)), 0)
		for n := 1; n <= 6; n++ {
			limits = append(limits, step(t, g, n).Record.Metrics["propose/deduction/size_limit"])
		}
		return limits
	}
	able := limits(0.9)
	assert.Equal(t, 4.0, able[5])
	for i := range able[1:] {
		assert.LessOrEqual(t, able[i+1]-able[i], 1.0)
		assert.GreaterOrEqual(t, able[i+1], able[i])
	}
	assert.Equal(t, []float64{2, 2, 2, 2, 2, 2}, limits(0.3))
}

// A game that goes on from the store has the sizes, the counts of the alarm and the diversity that it stopped with.
func TestGrowthContinuesFromTheStore(t *testing.T) {
	cfg := growing()
	cfg.Rewards.Intrinsic.Diversity.Coefficient = 1
	cfg.Collapse.Learnability = 2
	gen := azr.NewFakeGenerator(sized(0.8))
	g, store := stocked(t, cfg, gen, 0)
	for n := 1; n <= 7; n++ {
		resumed, err := selfplay.New(cfg, 1, gen, toy{azr.NewFakeExecutor(add)}, store, azr.NoProgress{})
		require.NoError(t, err)
		want, got := step(t, g, n), step(t, resumed, n)
		want.Record.Timings, got.Record.Timings = nil, nil
		require.Equal(t, want, got, "step %d", n)
		require.Equal(t, float64(n), want.Record.Metrics["collapse/learnability_steps"])
		require.NoError(t, store.Commit(want.Record))
	}
}

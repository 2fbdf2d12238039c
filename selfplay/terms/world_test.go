package terms_test

import (
	"fmt"
	"regexp"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay"
)

// asked is the end of a prompt to deduce or abduce: k and what is given.
var asked = regexp.MustCompile(`Term: x \+ (\d+)\n(?:x =|Result:) (-?\d+)\n(?:x =|Result:)$`)

// adder is a policy that proposes additions and solves them, right half of the time when it answers at all.
func adder(p azr.Prompt) string {
	key := p.ID.Key(5)
	number := func(i uint64, n float64) int { return int(key.Uniform(i) * n) }
	proposes := p.ID.Purpose == azr.Proposing || p.ID.Purpose == azr.Seeding
	given := asked.FindStringSubmatch(p.Text)
	switch {
	case key.Uniform(0) < 0.2:
		return " I don't know"
	case proposes && p.ID.Type == azr.Induction:
		return fmt.Sprintf(" %d, %d, %d, %d", number(1, 50), 50+number(2, 9), 60+number(3, 9), -number(4, 9))
	case proposes:
		return fmt.Sprintf(" x + %d\nx = %d\nResult: 0", number(1, 50), number(2, 50))
	case p.ID.Type == azr.Induction:
		return fmt.Sprintf(" x + %d", number(1, 50))
	case given == nil:
		return " 4" // to the seed
	}
	k, _ := strconv.Atoi(given[1])
	x, _ := strconv.Atoi(given[2])
	if p.ID.Type == azr.Abduction {
		k = -k
	}
	return " " + strconv.Itoa(x+k+number(5, 2))
}

// play opens the game that a store has and plays steps first to last; the seeding is step 0.
func play(t *testing.T, store azr.Store, first, last int) {
	cfg := selfplay.DefaultConfig()
	cfg.BatchSize, cfg.SeedFactor = 8, 1
	game, err := selfplay.New(cfg, 11, azr.NewFakeGenerator(adder), environment(t), store, azr.NoProgress{})
	require.NoError(t, err)
	for step := first; step <= last; step++ {
		var p selfplay.Play
		if step == 0 {
			p.Record, err = game.Seed(t.Context())
		} else {
			p, err = game.Step(t.Context(), step)
			assert.Len(t, p.Samples, 48)
		}
		require.NoError(t, err)
		p.Record.Timings = nil
		require.NoError(t, store.Commit(p.Record))
	}
}

// The game that is played with Python tasks, which knows nothing of the world it is in: the same when it goes on
// from its store, since an Environment has no state.
func TestWorld(t *testing.T) {
	whole, halves := &azr.MemoryStore{}, &azr.MemoryStore{}
	play(t, whole, 0, 3)
	play(t, halves, 0, 1)
	play(t, halves, 2, 3)
	assert.Equal(t, whole.Records(), halves.Records())
	mean := map[string]float64{}
	for _, r := range whole.Records()[1:] {
		for name, value := range r.Metrics {
			mean[name] += value / 3
		}
	}
	for _, kind := range azr.TaskTypes {
		assert.InDelta(t, 5, mean["propose/"+kind.String()+"/valid"], 2.5, "%s proposals of 8", kind)
		if kind != azr.Induction { // a guess
			assert.InDelta(t, 0.5, mean["solve/"+kind.String()+"/solve_rate"], 0.3, kind)
			assert.Greater(t, mean["propose/"+kind.String()+"/learnability"], 0.2, kind)
		}
	}
}

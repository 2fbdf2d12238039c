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

// adder is a policy that proposes additions and solves them, right half of the time.
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

// The whole game, as it is played with Python tasks: nothing of it knows which world it is in.
func TestWorld(t *testing.T) {
	play := func() []selfplay.Play {
		cfg := selfplay.DefaultConfig()
		cfg.BatchSize, cfg.SeedFactor = 8, 1
		g, err := selfplay.New(cfg, 11, azr.NewFakeGenerator(adder), environment(t), &azr.MemoryStore{}, azr.NoProgress{})
		require.NoError(t, err)
		_, err = g.Seed(t.Context())
		require.NoError(t, err)
		var plays []selfplay.Play
		for step := 1; step <= 2; step++ {
			p, err := g.Step(t.Context(), step)
			require.NoError(t, err)
			p.Record.Timings = nil
			plays = append(plays, p)
		}
		return plays
	}
	plays := play()
	assert.Equal(t, plays, play(), "the same seed is the same play")
	total := map[string]float64{}
	for _, p := range plays {
		assert.Len(t, p.Samples, 48)
		for name, value := range p.Record.Metrics {
			total[name] += value / float64(len(plays))
		}
	}
	for _, kind := range []string{"deduction", "abduction", "induction"} {
		valid := total["propose/"+kind+"/valid"]
		assert.True(t, valid > 0 && valid < 8, "%s: %v valid", kind, valid)
	}
	for _, kind := range []string{"deduction", "abduction"} {
		rate := total["solve/"+kind+"/solve_rate"]
		assert.True(t, rate > 0 && rate < 1, "%s: solve rate %v", kind, rate)
		assert.Greater(t, total["propose/"+kind+"/learnability"], 0.0)
	}
}

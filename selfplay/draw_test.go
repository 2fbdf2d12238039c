package selfplay

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr"
)

// Algorithm 1: K references are drawn uniformly, none twice; a small buffer gives all that it has.
func TestAlgorithm1ReferencesAreDistinctAndUniform(t *testing.T) {
	const n, k, draws = 10, 4, 5000
	count := [n]int{}
	for seed := range uint64(draws) {
		drawn := distinct(azr.NewKey(seed, "test").Rand(), n, k)
		assert.Len(t, drawn, k)
		for _, i := range drawn {
			count[i]++
		}
		slices.Sort(drawn)
		assert.Len(t, slices.Compact(drawn), k)
	}
	for _, c := range count {
		assert.InDelta(t, draws*k/n, c, 150, "about four standard deviations")
	}
	assert.ElementsMatch(t, []int{0, 1, 2}, distinct(azr.NewKey(1, "test").Rand(), 3, k))
}

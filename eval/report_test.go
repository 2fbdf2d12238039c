package eval

import (
	"math"
	"math/bits"
	"strings"
	"testing"

	"github.com/azr-train/azr"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// Chen et al. (arXiv 2107.03374), equation 1: the share of k-subsets of the answers with a right one among them.
func TestPassAtIsTheShareOfSubsetsWithARightAnswer(t *testing.T) {
	for n := 1; n <= 8; n++ {
		for c := 0; c <= n; c++ {
			for k := 1; k <= n; k++ {
				subsets, passing := 0, 0
				for set := uint(0); set < 1<<n; set++ {
					if bits.OnesCount(set) == k {
						subsets++
						if set&(1<<c-1) != 0 { // the first c answers are the right ones
							passing++
						}
					}
				}
				got := passAt(k, []tried{{n, c}})
				assert.InDelta(t, float64(passing)/float64(subsets), got.Mean, 1e-12, "n %d c %d k %d", n, c, k)
			}
		}
	}
}

func TestPassAtLeavesOutTasksWithFewerAnswers(t *testing.T) {
	assert.Equal(t, PassAt{K: 4, Mean: 1, Tasks: 1}, passAt(4, []tried{{4, 1}, {3, 0}}))
	assert.Equal(t, PassAt{K: 4}, passAt(4, []tried{{3, 3}}))
}

// The bounds of Wilson (1927) are the shares whose own distance to p is z standard deviations.
func TestWilsonBoundsSolveTheirEquation(t *testing.T) {
	const z = 1.959963984540054
	for _, n := range []int{1, 10, 12, 1000} {
		for _, p := range []float64{0, 0.1, 0.5, 0.75, 1} {
			got := wilson(p, n)
			require.True(t, 0 <= got.Low && got.Low <= p && p <= got.High && got.High <= 1, "%v", got)
			for _, bound := range []float64{got.Low, got.High} {
				if bound > 1e-9 && bound < 1-1e-9 {
					assert.InDelta(t, z, math.Abs(bound-p)/math.Sqrt(bound*(1-bound)/float64(n)), 1e-9)
				}
			}
		}
	}
	known := wilson(0.5, 10)
	assert.InDelta(t, 0.2366, known.Low, 5e-5)
	assert.InDelta(t, 0.7634, known.High, 5e-5)
}

func TestTableHasAColumnForEachPassAt(t *testing.T) {
	answers := make([]Answer, 6)
	for i := range answers {
		answers[i].Verdict.Outcome = azr.Fail
	}
	answers[0].Verdict.Outcome = azr.Pass
	r := newReport(Config{Rollouts: 3}, []azr.Task{{Type: azr.Deduction}, {Type: azr.Abduction}}, answers)
	var b strings.Builder
	n, err := r.WriteTo(&b)
	require.NoError(t, err)
	assert.Equal(t, int64(b.Len()), n)
	assert.Equal(t, ""+
		"type          tasks  answers  accuracy    95 % interval  parsed of parsed unchecked   pass@2   pass@3\n"+
		"deduction         1        3     0.333   0.025 to 0.906   1.000     0.333         0    0.667    1.000\n"+
		"abduction         1        3     0.000   0.000 to 0.793   1.000     0.000         0    0.000    0.000\n"+
		"all               2        6     0.167   0.013 to 0.759   1.000     0.167         0    0.333    0.500\n", b.String())
}

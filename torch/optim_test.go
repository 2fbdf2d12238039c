package torch_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr/torch"
)

// Each value becomes one of the two numbers of bf16 beside it, so often that the mean is right; what bf16 has stays.
func TestStochasticRoundingIsRightInTheMean(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	const n = 1<<20 + 5 // more than one piece
	round := func(x float64, seed uint64) []float32 {
		v := s.Zeros(torch.BF16, torch.CPU, n).Keep()
		defer v.Free()
		v.RoundStochastically(s.Full(x, torch.F32, torch.CPU, n), seed)
		return v.In(s).Float32s()
	}
	const below, above = 1, 1 + 1.0/128 // neighbours in bf16
	for _, share := range []float64{0, 0.01, 0.5, 0.99} {
		rounded, up := round(below+share/128, 7), 0
		for _, x := range rounded {
			if x != below {
				assert.Equal(t, float32(above), x)
				up++
			}
		}
		assert.InDelta(t, share, float64(up)/n, 0.003, "share of values that were rounded up")
	}
	assert.Equal(t, round(-3.3, 1), round(-3.3, 1), "a function of the seed")
	assert.NotEqual(t, round(-3.3, 1), round(-3.3, 2))
	v := s.Zeros(torch.F32, torch.CPU, 2).Keep()
	defer v.Free()
	assert.Panics(t, func() { v.RoundStochastically(s.Zeros(torch.F32, torch.CPU, 2), 1) })
}

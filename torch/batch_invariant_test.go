package torch_test

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch"
)

// In batch-invariant mode a row of a linear layer, and of what follows it in a layer, has the bits that it has alone,
// among any number of rows, at any width and number of threads, and the values are libtorch's.
func TestRowsApart(t *testing.T) {
	lockThread(t)
	defer torch.SetNumThreads(torch.Describe().Threads)
	r := rand.New(rand.NewPCG(1, 4))
	for _, width := range []int64{1, 3, 16, 17, 31, 64, 72, 96, 257} {
		for _, out := range []int64{1, 2, 5, 16, 33, 96} {
			s := torch.NewScope()
			const rows = 131
			x, w, b, down := random(s, r, rows, width), random(s, r, out, width), random(s, r, out), random(s, r, out, out)
			op := func(x torch.Tensor) torch.Tensor {
				return x.Linear(w).Add(b).SiluMulLinear(x.Linear(w), down).RMSNorm(b, 1e-3)
			}
			want := op(x)
			torch.BatchInvariant(func() {
				torch.SetNumThreads(1)
				got := op(x)
				assert.InDeltaSlice(t, want.Float32s(), got.Float32s(), 1e-5*float64(width), "(%d, %d)", out, width)
				for _, n := range []int{1, 2, 3, 4, 5, 6, 7, 8, 11, 12, 13, 48, 49, 100, rows} {
					for _, threads := range []int{1, 2} {
						torch.SetNumThreads(threads)
						from := r.IntN(rows - n + 1)
						require.Equal(t, got.Narrow(0, from, n).Bytes(), op(x.Narrow(0, from, n)).Bytes(), "(%d, %d), %d rows, %d threads", out, width, n, threads)
					}
				}
			})
			s.Close()
		}
	}
}

// The mode ends with f, a panic in it included, and a graph takes libtorch's ops.
func TestBatchInvariantModeIsOver(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	x := random(s, rand.New(rand.NewPCG(1, 5)), 3, 40)
	w := random(s, rand.New(rand.NewPCG(1, 6)), 7, 40)
	before := x.Linear(w).Bytes()
	var inside []byte
	assert.Panics(t, func() {
		torch.BatchInvariant(func() {
			inside = x.Linear(w).Bytes()
			panic(fmt.Sprint("out"))
		})
	})
	assert.Equal(t, before, x.Linear(w).Bytes())
	assert.NotEqual(t, before, inside, "the two kernels happen to agree; take other numbers")
	leaf := x.Leaf()
	leaf.Linear(w).SumAll().Backward(torch.Tensor{})
	assert.False(t, leaf.Grad().IsNone())
}

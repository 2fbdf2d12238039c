package torch_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr/torch"
)

// rotated is x (N, H, D) turned by angles (N, D/2) as it is written down.
func rotated(x, angles torch.Tensor) torch.Tensor {
	half := x.Size(2) / 2
	a, b := x.Narrow(2, 0, half), x.Narrow(2, half, half)
	c, s := angles.Cos().Unsqueeze(1), angles.Sin().Unsqueeze(1)
	return torch.Cat(2, a.Mul(c).Sub(b.Mul(s)), b.Mul(c).Add(a.Mul(s)))
}

// In f32 it is a loop of its own, in other types libtorch's ops.
func TestRopeOfEveryType(t *testing.T) {
	lockThread(t)
	r := rand.New(rand.NewPCG(1, 9))
	for dtype, tolerance := range map[torch.DType]float64{torch.F32: 1e-6, torch.F64: 1e-6, torch.BF16: 0.05} {
		for _, dim := range []int64{2, 16, 64, 70} {
			s := torch.NewScope()
			x, angles, weight := random(s, r, 5, 3, dim), random(s, r, 5, dim/2), random(s, r, 5, 3, dim)
			want, got := x.In(s).Leaf(), x.To(dtype, torch.CPU).Leaf()
			wanted := rotated(want, angles)
			found := got.Rope(angles.Cos().To(dtype, torch.CPU), angles.Sin().To(dtype, torch.CPU))
			assert.Equal(t, dtype, found.DType())
			assert.InDeltaSlice(t, wanted.Float32s(), found.Float32s(), tolerance, dtype)
			wanted.Mul(weight).SumAll().Backward(torch.Tensor{})
			found.Mul(weight.To(dtype, torch.CPU)).SumAll().Backward(torch.Tensor{})
			assert.InDeltaSlice(t, want.Grad().Float32s(), got.Grad().Float32s(), tolerance, "gradient in %s", dtype)
			s.Close()
		}
	}
}

func TestRopeMisuse(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	zeros := func(shape ...int64) torch.Tensor { return s.Zeros(torch.F32, torch.CPU, shape...) }
	for want, f := range map[string]func(){
		"cos [3, 4]": func() { zeros(3, 2, 6).Rope(zeros(3, 4), zeros(3, 4)) },
		"sin [2, 3]": func() { zeros(3, 2, 6).Rope(zeros(3, 3), zeros(2, 3)) },
		"input [3]":  func() { zeros(3).Rope(zeros(3, 3), zeros(3, 3)) },
	} {
		assert.Contains(t, panics(t, f).Msg, want)
	}
}

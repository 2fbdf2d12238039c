package torch_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch"
)

// gated is a SwiGLU's operands: gate and up (N, In), weight (Out, In).
type gated struct{ gate, up, weight torch.Tensor }

func randomGated(s *torch.Scope, rows, in, out int64) gated {
	r := rand.New(rand.NewPCG(1, 7))
	return gated{random(s, r, rows, in), random(s, r, rows, in), random(s, r, out, in)}
}

func (g gated) op() torch.Tensor { return g.gate.SiluMulLinear(g.up, g.weight) }

// plain is the same by the ops that it is made of.
func (g gated) plain() torch.Tensor { return g.gate.Silu().Mul(g.up).Linear(g.weight) }

// leaves copies the operands to another type, as leaves.
func (g gated) leaves(dtype torch.DType) gated {
	leaf := func(x torch.Tensor) torch.Tensor { return x.To(dtype, torch.CPU).Leaf() }
	return gated{leaf(g.gate), leaf(g.up), leaf(g.weight)}
}

// In f32 it is a loop of its own, in other types libtorch's ops.
func TestSiluMulLinearOfEveryType(t *testing.T) {
	lockThread(t)
	for dtype, tolerance := range map[torch.DType]float64{torch.F32: 1e-4, torch.F64: 1e-4, torch.BF16: 0.2} {
		s := torch.NewScope()
		g := randomGated(s, 5, 33, 4)
		want, got := g.leaves(torch.F64), g.leaves(dtype)
		wanted, found := want.plain(), got.op()
		require.Equal(t, dtype, found.DType())
		assert.InDeltaSlice(t, wanted.Float32s(), found.Float32s(), tolerance, dtype)
		wanted.Square().SumAll().Backward(torch.Tensor{})
		found.Square().SumAll().Backward(torch.Tensor{})
		for name, pair := range map[string][2]torch.Tensor{"gate": {want.gate, got.gate}, "up": {want.up, got.up}, "weight": {want.weight, got.weight}} {
			a, b := pair[0].Grad(), pair[1].Grad().To(torch.F64, torch.CPU)
			assert.Less(t, b.Sub(a).Square().SumAll().Item(), tolerance*tolerance*a.Square().SumAll().Item(), "%s: gradient of %s", dtype, name)
		}
		s.Close()
	}
}

// Of what needs no gradient none is computed: a frozen weight, or what comes from frozen ones.
func TestSiluMulLinearOfFrozenOperands(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	g := randomGated(s, 6, 8, 3)
	all := g.leaves(torch.F32)
	all.op().SumAll().Backward(torch.Tensor{})

	frozen := g.leaves(torch.F32)
	frozen.weight = g.weight
	frozen.op().SumAll().Backward(torch.Tensor{})
	assert.True(t, g.weight.Grad().IsNone())
	assert.Equal(t, all.gate.Grad().Bytes(), frozen.gate.Grad().Bytes())
	assert.Equal(t, all.up.Grad().Bytes(), frozen.up.Grad().Bytes())

	last := gated{g.gate, g.up, g.weight.Leaf()}
	last.op().SumAll().Backward(torch.Tensor{})
	assert.True(t, g.gate.Grad().IsNone())
	assert.Equal(t, all.weight.Grad().Bytes(), last.weight.Grad().Bytes())
}

// What is kept for the backward is gate and up, not their product, and the second gradient of the weight is
// added to the first where that is.
func TestSiluMulLinearKeepsItsOperandsAlone(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	const rows, in, out = 64, 4096, 512
	g := randomGated(s, rows, in, out).leaves(torch.F32)
	before := torch.AllocatedBytes()
	y := g.op()
	assert.EqualValues(t, 4*rows*out, torch.AllocatedBytes()-before, "the output")
	y.SumAll().Backward(torch.Tensor{})
	first := g.weight.Grad().Float32s()

	y = g.op().SumAll()
	before = torch.AllocatedBytes()
	torch.ResetPeak()
	y.Backward(torch.Tensor{})
	// New gradients of gate and up. The product, alone before, takes less, and the weight's gradient nothing.
	assert.InEpsilon(t, 2*4*rows*in, torch.PeakBytes()-before, 0.1, "bytes at the peak")
	for i, x := range g.weight.Grad().Float32s() {
		require.InEpsilon(t, 2*first[i], x, 1e-4)
	}
}

// In batch-invariant mode it has the bits of the product, which the identity as a weight gives, and a linear layer.
func TestSiluMulLinearIsALinearLayerOfTheProduct(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	g := randomGated(s, 9, 40, 7)
	identity := s.Arange(0, 40, torch.CPU).Unsqueeze(1).Eq(s.Arange(0, 40, torch.CPU)).To(torch.F32, torch.CPU)
	torch.BatchInvariant(func() {
		product := g.gate.SiluMulLinear(g.up, identity)
		assert.Equal(t, product.Linear(g.weight).Bytes(), g.op().Bytes())
	})
}

func TestSiluMulLinearMisuse(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	zeros := func(shape ...int64) torch.Tensor { return s.Zeros(torch.F32, torch.CPU, shape...) }
	for want, f := range map[string]func(){
		"up [2, 5]":     func() { zeros(2, 4).SiluMulLinear(zeros(2, 5), zeros(3, 4)) },
		"weight [4, 3]": func() { zeros(2, 4).SiluMulLinear(zeros(2, 4), zeros(4, 3)) },
		"gate [4]":      func() { zeros(4).SiluMulLinear(zeros(4), zeros(3, 4)) },
	} {
		assert.Contains(t, panics(t, f).Msg, want)
	}
}

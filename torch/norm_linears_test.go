package torch_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch"
)

const normEps = 1e-5

// normed is an input (N, D), its norm (D), and the weights (Out, D) of two projections of it.
type normed struct{ x, norm, first, second torch.Tensor }

func randomNormed(s *torch.Scope, rows, in, out int64) normed {
	r := rand.New(rand.NewPCG(1, 8))
	return normed{random(s, r, rows, in), random(s, r, in), random(s, r, out, in), random(s, r, 2*out, in)}
}

func (n normed) op() []torch.Tensor { return n.x.NormLinears(n.norm, normEps, n.first, n.second) }

// plain is the same by the ops that it is made of.
func (n normed) plain() []torch.Tensor {
	mean := n.x.Square().Mean(-1, true).AddScalar(normEps)
	h := n.x.Mul(mean.Rsqrt()).Mul(n.norm)
	return []torch.Tensor{h.Linear(n.first), h.Linear(n.second)}
}

// leaves copies the operands to another type, as leaves.
func (n normed) leaves(dtype torch.DType) normed {
	leaf := func(x torch.Tensor) torch.Tensor { return x.To(dtype, torch.CPU).Leaf() }
	return normed{leaf(n.x), leaf(n.norm), leaf(n.first), leaf(n.second)}
}

func (n normed) operands() []torch.Tensor { return []torch.Tensor{n.x, n.norm, n.first, n.second} }

// loss weighs the two projections differently.
func loss(products []torch.Tensor) torch.Tensor {
	return products[0].Square().SumAll().Add(products[1].Square().SumAll().MulScalar(0.5))
}

func TestNormLinearsOfEveryType(t *testing.T) {
	lockThread(t)
	for dtype, tolerance := range map[torch.DType]float64{torch.F32: 1e-4, torch.F64: 1e-4, torch.BF16: 0.2} {
		s := torch.NewScope()
		n := randomNormed(s, 5, 33, 4)
		want, got := n.leaves(torch.F64), n.leaves(dtype)
		wanted, found := want.plain(), got.op()
		for i := range wanted {
			require.Equal(t, dtype, found[i].DType())
			assert.InDeltaSlice(t, wanted[i].Float32s(), found[i].Float32s(), tolerance, dtype)
		}
		loss(wanted).Backward(torch.Tensor{})
		loss(found).Backward(torch.Tensor{})
		for i, x := range want.operands() {
			a, b := x.Grad(), got.operands()[i].Grad().To(torch.F64, torch.CPU)
			assert.Less(t, b.Sub(a).Square().SumAll().Item(), tolerance*tolerance*a.Square().SumAll().Item(), "%s: gradient of operand %d", dtype, i)
		}
		s.Close()
	}
}

// Of what needs no gradient none is kept, and a product that leads nowhere adds nothing.
func TestNormLinearsOfFrozenOperands(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	n := randomNormed(s, 6, 8, 3)
	all := n.leaves(torch.F32)
	loss(all.op()).Backward(torch.Tensor{})

	frozen := n.leaves(torch.F32)
	frozen.norm, frozen.first = n.norm, n.first
	loss(frozen.op()).Backward(torch.Tensor{})
	assert.True(t, n.norm.Grad().IsNone())
	assert.True(t, n.first.Grad().IsNone())
	assert.Equal(t, all.x.Grad().Bytes(), frozen.x.Grad().Bytes())
	assert.Equal(t, all.second.Grad().Bytes(), frozen.second.Grad().Bytes())

	one, alone := n.leaves(torch.F32), n.leaves(torch.F32)
	one.op()[1].SumAll().Backward(torch.Tensor{})
	alone.x.NormLinears(alone.norm, normEps, alone.second)[0].SumAll().Backward(torch.Tensor{})
	assert.True(t, one.first.Grad().IsNone())
	assert.Equal(t, alone.x.Grad().Bytes(), one.x.Grad().Bytes())
	assert.Equal(t, alone.norm.Grad().Bytes(), one.norm.Grad().Bytes())
}

// What is kept for the backward is the input, not what it is normalised to.
func TestNormLinearsKeepsItsInputAlone(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	const rows, in, out = 64, 4096, 128
	n := randomNormed(s, rows, in, out).leaves(torch.F32)
	before := torch.AllocatedBytes()
	products := n.op()
	assert.EqualValues(t, 4*rows*3*out, torch.AllocatedBytes()-before, "the products")
	loss(products).Backward(torch.Tensor{})
	assert.NotZero(t, n.x.Grad().Square().SumAll().Item())
}

// In batch-invariant mode each product has the bits of the norm's and of a linear layer.
func TestNormLinearsAreLinearLayersOfTheNorm(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	n := randomNormed(s, 9, 40, 7)
	torch.BatchInvariant(func() {
		h, products := n.x.RMSNorm(n.norm, normEps), n.op()
		assert.Equal(t, h.Linear(n.first).Bytes(), products[0].Bytes())
		assert.Equal(t, h.Linear(n.second).Bytes(), products[1].Bytes())
	})
}

func TestNormLinearsMisuse(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	zeros := func(shape ...int64) torch.Tensor { return s.Zeros(torch.F32, torch.CPU, shape...) }
	for want, f := range map[string]func(){
		"norm [5]":      func() { zeros(2, 4).NormLinears(zeros(5), normEps, zeros(3, 4)) },
		"weight [4, 3]": func() { zeros(2, 4).NormLinears(zeros(4), normEps, zeros(3, 4), zeros(4, 3)) },
		"input [4]":     func() { zeros(4).NormLinears(zeros(4), normEps, zeros(3, 4)) },
	} {
		assert.Contains(t, panics(t, f).Msg, want)
	}
}

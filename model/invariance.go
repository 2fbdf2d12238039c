package model

import (
	"math/rand/v2"
	"slices"

	"github.com/azr-train/azr/torch"
)

// RowBlocks are the batch sizes that decoding runs at. Matrix products on the CPU round differently
// at different numbers of rows, so that a sequence's tokens would depend on its neighbours; at one
// number of rows a row's bits do not depend on the other rows or on its place among them. Decode is
// called with exactly one of these sizes, unused rows being padding.
var RowBlocks = []int{16, 32}

// InvariantRows returns those of RowBlocks at which each of the decoder's linear layers gives the
// same bits as at the largest, which is always among them.
func (d *Decoder) InvariantRows() []int {
	largest := RowBlocks[len(RowBlocks)-1]
	agree := slices.Clone(RowBlocks)
	torch.NoGrad(func() {
		for _, l := range d.linears() {
			agree = slices.DeleteFunc(agree, func(rows int) bool { return rows != largest && !l.sameBits(rows, largest) })
		}
	})
	return agree
}

// linear is a linear layer; the bias may be nil.
type linear struct{ weight, bias *torch.Var }

// linears picks one linear layer of each shape, with and without a bias.
func (d *Decoder) linears() []linear {
	l := d.layers[0]
	var picked []linear
	type kind struct {
		shape  [2]int64
		biased bool
	}
	seen := map[kind]bool{}
	for _, one := range []linear{
		{l.q, l.qBias}, {l.k, l.kBias}, {l.v, l.vBias}, {l.o, l.oBias}, {l.gate, nil}, {l.up, nil}, {l.down, nil}, {d.Head, nil},
	} {
		k := kind{[2]int64(one.weight.Shape()), one.bias != nil}
		if !seen[k] {
			seen[k] = true
			picked = append(picked, one)
		}
	}
	return picked
}

func (l linear) sameBits(few, many int) bool {
	s := torch.NewScope()
	defer s.Close()
	weight := l.weight.In(s)
	random, width := rand.New(rand.NewPCG(1, 2)), weight.Size(1)
	values := make([]float32, many*width)
	for i := range values {
		values[i] = float32(random.NormFloat64())
	}
	x := s.FromFloat32s(values, weight.Device(), int64(many), int64(width)).To(weight.DType(), weight.Device())
	a, b := project(x.Narrow(0, 0, few), l.weight, l.bias), project(x, l.weight, l.bias).Narrow(0, 0, few)
	return slices.Equal(a.Bytes(), b.Contiguous().Bytes())
}

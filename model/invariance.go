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
		for _, w := range d.linearShapes() {
			agree = slices.DeleteFunc(agree, func(rows int) bool { return rows != largest && !sameBits(w, rows, largest) })
		}
	})
	return agree
}

// linearShapes picks one weight of each shape.
func (d *Decoder) linearShapes() []*torch.Var {
	l := d.layers[0]
	var picked []*torch.Var
	seen := map[[2]int64]bool{}
	for _, w := range []*torch.Var{l.q, l.k, l.v, l.o, l.gate, l.up, l.down, d.Head} {
		shape := [2]int64(w.Shape())
		if !seen[shape] {
			seen[shape] = true
			picked = append(picked, w)
		}
	}
	return picked
}

func sameBits(w *torch.Var, few, many int) bool {
	s := torch.NewScope()
	defer s.Close()
	weight := w.In(s)
	random, width := rand.New(rand.NewPCG(1, 2)), weight.Size(1)
	values := make([]float32, many*width)
	for i := range values {
		values[i] = float32(random.NormFloat64())
	}
	x := s.FromFloat32s(values, weight.Device(), int64(many), int64(width)).To(weight.DType(), weight.Device())
	a, b := x.Narrow(0, 0, few).Linear(weight), x.Linear(weight).Narrow(0, 0, few)
	return slices.Equal(a.Bytes(), b.Contiguous().Bytes())
}

package model

import (
	"bytes"
	"math/rand/v2"
	"slices"

	"github.com/azr-train/azr/torch"
)

// RowBlocks are the numbers of rows that generation runs linear layers at. Matrix products on the CPU round
// differently at some numbers of rows, so that a sequence's tokens would depend on its neighbours; where two
// numbers round alike, a row's bits do not depend on the other rows or on its place among them.
// [Decoder.Extend] is called with one of these sizes, unused rows being padding.
var RowBlocks = []int{4, 8, 16, 32, 48, 64, 96, 128, 192, 256, 384, 512}

const (
	// CertainRows is the number of rows that the others have to agree with; a chunk of a prompt fits into it.
	CertainRows = PageTokens
	// LogitsRows bounds the rows that go through the head at once, whose output is the largest of all.
	LogitsRows = 128
)

// InvariantRows returns those of RowBlocks at which each of the decoder's linear layers gives the same bits as
// at CertainRows. The head is asked up to LogitsRows.
func (d *Decoder) InvariantRows() []int {
	agree := slices.Clone(RowBlocks)
	torch.NoGrad(func() {
		for _, l := range d.linears() {
			most := RowBlocks[len(RowBlocks)-1]
			if l.weight == d.Head {
				most = LogitsRows
			}
			agree = l.agreeing(agree, most)
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

// agreeing drops those numbers of rows, up to most, at which a row has other bits than among CertainRows.
func (l linear) agreeing(numbers []int, most int) []int {
	s := torch.NewScope()
	defer s.Close()
	weight := l.weight.In(s)
	random, width := rand.New(rand.NewPCG(1, 2)), weight.Size(1)
	values := make([]float32, most*width)
	for i := range values {
		values[i] = float32(random.NormFloat64())
	}
	x := s.FromFloat32s(values, weight.Device(), int64(most), int64(width)).To(weight.DType(), weight.Device())
	bits := func(from, rows int) []byte {
		inside := s.Child()
		defer inside.Close()
		return project(x.In(inside).Narrow(0, from, rows), l.weight, l.bias).Bytes()
	}
	var certain []byte
	for from := 0; from < most; from += CertainRows {
		certain = append(certain, bits(from, CertainRows)...)
	}
	return slices.DeleteFunc(numbers, func(n int) bool {
		return n <= most && !bytes.Equal(bits(0, n), certain[:len(certain)/most*n])
	})
}

package torch_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/azr-train/azr/torch"
)

// Rows 0 to 5 begin three sequences: 5 to 8 goes on by 8 to 10 and by 10 to 14, and 14 to 20 ends the third.
// A second tree of one sequence follows.
var (
	tree  = segments([][3]int64{{0, 5, 20}, {5, 3, 14}, {8, 2, 10}, {10, 4, 14}, {14, 6, 20}, {20, 3, 23}})
	paths = [][][2]int{{{0, 5}, {5, 3}, {8, 2}}, {{0, 5}, {5, 3}, {10, 4}}, {{0, 5}, {14, 6}}, {{20, 3}}}
)

// segments are given as first row, rows and end.
func segments(list [][3]int64) (found []torch.Segment) {
	for _, s := range list {
		found = append(found, torch.Segment{Start: s[0], Rows: s[1], End: s[2]})
	}
	return found
}

// leaves are q, k and v that collect gradients.
func leaves(s *torch.Scope, q, k, v torch.Tensor) [3]torch.Tensor {
	return [3]torch.Tensor{q.In(s).Leaf(), k.In(s).Leaf(), v.In(s).Leaf()}
}

// The tree's outputs, and the gradients of a loss over all rows, are those of the sequences computed one by one.
func TestTreeAttentionEqualsItsSequences(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	const scale = 0.4
	q, k, v := sequence(s, 8, 23)
	weight, _, _ := sequence(s, 9, 23)
	at := func(x torch.Tensor, path [][2]int) torch.Tensor {
		list := []torch.Tensor{}
		for _, p := range path {
			list = append(list, x.Narrow(0, p[0], p[1]))
		}
		return torch.Cat(0, list[0], list[1:]...)
	}

	shared := leaves(s, q, k, v)
	got := torch.TreeAttention(shared[0], shared[1], shared[2], tree, scale)
	got.Mul(weight).SumAll().Backward(torch.Tensor{})

	plain := leaves(s, q, k, v)
	seen, loss := map[int]bool{}, s.Zeros(torch.F32, torch.CPU)
	for _, path := range paths {
		out := causal(at(plain[0], path), at(plain[1], path), at(plain[2], path), scale)
		assert.InDeltaSlice(t, out.Float32s(), at(got, path).Float32s(), 1e-6)
		// A row that several sequences have counts once, as in the tree.
		row := 0
		for _, p := range path {
			if !seen[p[0]] {
				seen[p[0]] = true
				loss = loss.Add(out.Narrow(0, row, p[1]).Mul(weight.Narrow(0, p[0], p[1])).SumAll())
			}
			row += p[1]
		}
	}
	loss.Backward(torch.Tensor{})
	for i, name := range []string{"query", "key", "value"} {
		assert.InDeltaSlice(t, plain[i].Grad().Float32s(), shared[i].Grad().Float32s(), 2e-6, name)
	}
}

func TestSegmentsThatAreNoTreeAreRefused(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	q, k, v := sequence(s, 8, 9)
	for _, bad := range [][][3]int64{
		nil, {{0, 9, 8}}, {{0, 9, 10}}, {{0, 5, 9}}, {{0, 5, 5}, {6, 3, 9}}, {{0, 4, 6}, {4, 3, 7}, {7, 2, 9}}, {{0, 0, 9}, {0, 9, 9}}, {{1, 8, 9}},
	} {
		assert.Contains(t, panics(t, func() { torch.TreeAttention(q, k, v, segments(bad), 1) }).Msg, "tree_attention: segment", "%v", bad)
	}
	assert.Contains(t, panics(t, func() { torch.TreeAttention(k, q, q, segments([][3]int64{{0, 9, 9}}), 1) }).Msg, "2 query heads for 6 of keys")
}

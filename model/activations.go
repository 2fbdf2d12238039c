package model

import "github.com/azr-train/azr/torch"

// Activations counts the numbers that a block holds for each token of a pass, beside its input. It is
// [Decoder.Layer] read for what stays alive: a call's result until the layer ends, what autograd
// saves until its backward, and what an op needs for itself.
type Activations struct {
	// Values are held in a pass without a graph while its last op runs, the output among them.
	Values int64
	// Graph is what autograd keeps from forward to backward, the output among it.
	Graph int64
	// Forward and Backward come on top of Graph while the block runs forward or backward.
	Forward, Backward int64
}

// Activations of one block of a model with this config and adapters.
func (c Config) Activations(l LoRA) Activations {
	hidden, inner := int64(c.HiddenSize), int64(c.IntermediateSize)
	heads, kvHeads, size := int64(c.NumAttentionHeads), int64(c.NumKeyValueHeads), int64(c.HeadDim)
	q, kv := heads*size, kvHeads*size
	// Attention: rotated queries and keys, values, the output. Feed-forward: gate and up.
	// Both: the residual's sum.
	both := q + kv + kv + q + 2*inner + 2*hidden
	projected := q + kv             // queries and keys before they are rotated
	product := max(0, inner-hidden) // the gated product, which is gone when the last sum is there
	last := 2*hidden + product      // with the outputs of both
	a := Activations{
		Values:  both + projected + last,
		Graph:   both + heads, // of attention each row's log-sum-exp
		Forward: projected + last,
		// Gradients of the gate and of up.
		Backward: 2 * inner,
	}
	if c.layout.QKNorm {
		a.Values += projected
		a.Graph += projected + heads + kvHeads
	}
	a.adapt(c, l, last)
	return a
}

// adapt adds what adapters hold: the inner product of each for its backward; of projections of one input the products,
// and what one adapter adds, until the sums are there, which is before the last of the block is; and, since the gated
// product has two ways on, its gradients of both.
func (a *Activations) adapt(c Config, l LoRA, last int64) {
	rank, widest := int64(l.Rank), int64(0)
	ps := newDecoder(c, torch.F32, torch.CPU).projections(0)
	for _, ofOne := range [][]place{ps[:3], ps[3:4], ps[4:6], ps[6:]} { // queries, keys and values; the output; gate and up; down
		var products, added int64
		for _, p := range ofOne {
			if !l.adapts(p) {
				continue
			}
			a.Graph += rank
			products += p.out + 2*rank
			added = max(added, p.out)
			if p.in == int64(c.IntermediateSize) {
				a.Backward += 2 * p.in
			}
		}
		widest = max(widest, products+added)
	}
	a.Values += max(0, widest-last)
	a.Forward += max(0, widest-last)
}

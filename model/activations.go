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
	// Join is on top of Graph in a pass of several sequences, whose outputs of attention are put together.
	Join int64
	// Forward and Backward come on top of Graph while the block runs forward or backward.
	Forward, Backward int64
}

// Activations of one block of a model with this config and adapters.
func (c Config) Activations(l LoRA) Activations {
	hidden, inner := int64(c.HiddenSize), int64(c.IntermediateSize)
	heads, kvHeads, size := int64(c.NumAttentionHeads), int64(c.NumKeyValueHeads), int64(c.HeadDim)
	q, kv := heads*size, kvHeads*size
	// Attention: rotated queries and keys, values, the output. Feed-forward: gate and up.
	// Both: the norm's result and the residual's sum.
	both := q + kv + kv + q + 2*inner + 4*hidden
	projected := q + kv // queries and keys before they are rotated
	outputs := 2 * hidden
	product := max(0, inner-hidden) // the gated product, which is gone when the last sum is there
	a := Activations{
		Values:  both + projected + outputs + product,
		Graph:   both + 2 + heads, // of a norm its input's scale, of attention each row's log-sum-exp
		Join:    q,
		Forward: projected + outputs + product,
		// Gradients of the gate and of up.
		Backward: 2 * inner,
	}
	if c.layout.QKNorm {
		a.Values += projected
		a.Graph += projected + heads + kvHeads
	}
	a.adapt(c, l)
	return a
}

// adapt adds what adapters hold: the inner product of each for its backward; what they add until the sum is there; and,
// since the gated product has two ways on, its gradients of both.
func (a *Activations) adapt(c Config, l LoRA) {
	rank, widest := int64(l.Rank), int64(0)
	for _, p := range newDecoder(c, torch.F32, torch.CPU).projections(0) {
		if !l.adapts(p) {
			continue
		}
		a.Graph += rank
		widest = max(widest, 2*p.out+2*rank)
		if p.in == int64(c.IntermediateSize) {
			a.Backward += 2 * p.in
		}
	}
	a.Values += widest
	a.Forward += widest
}

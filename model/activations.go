package model

// Activations counts the numbers that a block holds for each token of a pass, beside its input. It is
// [Decoder.Layer] read for what stays alive: a call's result until the layer ends, and what autograd
// saves until its backward.
type Activations struct {
	// Values are held at the end of a pass without a graph, the output among them.
	Values int64
	// Graph is what autograd keeps from forward to backward, the output among it.
	Graph int64
	// Join is on top of Graph in a pass of several sequences, whose outputs of attention are put together.
	Join int64
	// Forward and Backward come on top of Graph while the block runs forward or backward.
	Forward, Backward int64
}

// Activations of one block of a model with this config.
func (c Config) Activations() Activations {
	hidden, inner := int64(c.HiddenSize), int64(c.IntermediateSize)
	heads, kvHeads, size := int64(c.NumAttentionHeads), int64(c.NumKeyValueHeads), int64(c.HeadDim)
	q, kv := heads*size, kvHeads*size
	// Attention: rotated queries and keys, values, the output. Feed-forward: gate, up, their gated product.
	// Both: the norm's result and the residual's sum.
	both := q + kv + kv + q + 3*inner + 4*hidden
	projected := q + kv // queries and keys before they are rotated
	outputs := 2 * hidden
	a := Activations{
		Values:  both + projected + outputs,
		Graph:   both + 2 + heads, // of a norm its input's scale, of attention each row's log-sum-exp
		Join:    q,
		Forward: projected + outputs,
		// Gradients of the gate and of up.
		Backward: 2 * inner,
	}
	if c.layout.QKNorm {
		a.Values += projected
		a.Graph += projected + heads + kvHeads
	}
	return a
}

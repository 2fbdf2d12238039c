package model

// Activations counts the numbers that a block holds for each token of a pass, beside its input. It is
// [Decoder.Layer] read for what stays alive: a call's result until the layer ends, and what autograd
// saves until its backward.
type Activations struct {
	// Values are held at the end of a pass without a graph, the output among them.
	Values int64
	// Graph is what autograd keeps from forward to backward, the output among it.
	Graph int64
	// Forward and Backward come on top of Graph while the block runs forward or backward.
	Forward, Backward int64
}

// Activations of one block of a model with this config.
func (c Config) Activations() Activations {
	hidden, inner := int64(c.HiddenSize), int64(c.IntermediateSize)
	heads, kvHeads, size := int64(c.NumAttentionHeads), int64(c.NumKeyValueHeads), int64(c.HeadDim)
	q, kv := heads*size, kvHeads*size
	// Attention: rotated queries and keys, values, the output. Feed-forward: gate, its silu, up, their product.
	// Both: the norm's result and the residual's sum.
	both := q + kv + kv + q + 4*inner + 4*hidden
	projected := q + kv // queries and keys before they are rotated
	outputs := 2 * hidden
	a := Activations{
		Values: both + projected + outputs,
		// Of a norm its input's scale and its result before the weight; of attention each row's log-sum-exp, and
		// the sequences' outputs before they are joined.
		Graph:   both + 2*(hidden+1) + heads + q,
		Forward: projected + outputs,
		// Gradients of the product's factors, one of which has the product's place, and of the gate.
		Backward: 2 * inner,
	}
	if c.layout.QKNorm {
		a.Values += projected
		a.Graph += 2*projected + heads + kvHeads
	}
	return a
}

package model

import "github.com/azr-train/azr/torch"

// projection is a linear layer, with or without (nil) a bias and an adapter.
type projection struct {
	weight, bias *torch.Var // (out, in), (out)
	adapter      *adapter
}

// of projects x (N, in): (N, out).
func (p projection) of(x torch.Tensor) torch.Tensor {
	if p.adapter == nil {
		return p.plain(x, x.Scope())
	}
	inside := x.Scope().Child() // both terms go once they are added up
	defer inside.Close()
	return p.plain(x, inside).Add(p.adapter.of(x, inside)).In(x.Scope())
}

// plain is the projection without its adapter, in s.
func (p projection) plain(x torch.Tensor, s *torch.Scope) torch.Tensor {
	if p.bias == nil {
		return x.Linear(p.weight.In(s))
	}
	return x.LinearBias(p.weight.In(s), p.bias.In(s))
}

// place is a projection of a block: its Hugging Face name and sizes.
type place struct {
	*projection
	name    string
	out, in int64
	biased  bool
}

// attentionPlaces is how many of a block's projections belong to attention; the rest are the feed-forward's.
const attentionPlaces = 4

// projections lists those of block i.
func (d *Decoder) projections(i int) []place {
	c, l := d.Config, &d.layers[i]
	hidden, inner := int64(c.HiddenSize), int64(c.IntermediateSize)
	q, kv := int64(c.NumAttentionHeads*c.HeadDim), int64(c.NumKeyValueHeads*c.HeadDim)
	return []place{
		{&l.q, "self_attn.q_proj", q, hidden, c.layout.QKVBias},
		{&l.k, "self_attn.k_proj", kv, hidden, c.layout.QKVBias},
		{&l.v, "self_attn.v_proj", kv, hidden, c.layout.QKVBias},
		{&l.o, "self_attn.o_proj", hidden, q, c.layout.OutputBias},
		{&l.gate, "mlp.gate_proj", inner, hidden, false},
		{&l.up, "mlp.up_proj", inner, hidden, false},
		{&l.down, "mlp.down_proj", hidden, inner, false},
	}
}

package model

import "github.com/azr-train/azr/torch"

// projection is a linear layer, with or without (nil) a bias and an adapter.
type projection struct {
	weight, bias *torch.Var // (out, in), (out)
	adapter      *adapter
}

// of projects x (N, in): (N, out).
func (p projection) of(x torch.Tensor) torch.Tensor {
	return p.apply(x.Scope(), func(weight, bias torch.Tensor) torch.Tensor {
		if bias.IsNone() {
			return x.Linear(weight)
		}
		return x.LinearBias(weight, bias)
	})
}

// ofGated projects silu(gate) times up, both (N, in), without a bias: (N, out).
func (p projection) ofGated(gate, up torch.Tensor) torch.Tensor {
	return p.apply(gate.Scope(), func(weight, _ torch.Tensor) torch.Tensor { return gate.SiluMulLinear(up, weight) })
}

// linear multiplies an input with a weight (out, in) and adds a bias (out) if there is one.
type linear func(weight, bias torch.Tensor) torch.Tensor

func (p projection) apply(s *torch.Scope, f linear) torch.Tensor {
	if p.adapter == nil {
		return p.plain(s, f)
	}
	inside := s.Child() // both terms go once they are added up
	defer inside.Close()
	return p.plain(inside, f).Add(p.adapter.of(inside, f)).In(s)
}

// plain is the projection without its adapter.
func (p projection) plain(s *torch.Scope, f linear) torch.Tensor {
	var bias torch.Tensor
	if p.bias != nil {
		bias = p.bias.In(s)
	}
	return f(p.weight.In(s), bias)
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

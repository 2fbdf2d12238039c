package model

import "github.com/azr-train/azr/torch"

// projection is a linear layer, with or without (nil) a bias and an adapter.
type projection struct {
	weight, bias *torch.Var // (out, in), (out)
	adapter      *adapter
}

// of projects x (N, in): (N, out).
func (p projection) of(x torch.Tensor) torch.Tensor { return p.project(x.Scope(), x.Linear) }

// ofGated projects silu(gate) times up, both (N, in): (N, out).
func (p projection) ofGated(gate, up torch.Tensor) torch.Tensor {
	return p.project(gate.Scope(), func(weight torch.Tensor) torch.Tensor { return gate.SiluMulLinear(up, weight) })
}

// project is p of an input that multiply multiplies with a weight (out, in) transposed.
func (p projection) project(s *torch.Scope, multiply func(weight torch.Tensor) torch.Tensor) torch.Tensor {
	return project(s, func(weights ...torch.Tensor) (products []torch.Tensor) {
		for _, w := range weights {
			products = append(products, multiply(w))
		}
		return products
	}, p)[0]
}

// ofNormed projects x (N, in), normalised, with each of ps: (N, out) each.
func ofNormed(x torch.Tensor, norm *torch.Var, eps float64, ps ...projection) []torch.Tensor {
	s := x.Scope()
	return project(s, func(weights ...torch.Tensor) []torch.Tensor { return x.NormLinears(norm.In(s), eps, weights...) }, ps...)
}

// project is each of ps of one input, which multiply multiplies with each of weights (out, in) transposed.
func project(s *torch.Scope, multiply func(weights ...torch.Tensor) []torch.Tensor, ps ...projection) []torch.Tensor {
	inside := s.Child() // products are gone once others were added to them
	defer inside.Close()
	var weights []torch.Tensor
	for _, p := range ps {
		weights = append(weights, p.matrices(inside)...)
	}
	products, results := multiply(weights...), make([]torch.Tensor, len(ps))
	for i, p := range ps {
		n := len(p.matrices(inside))
		results[i] = p.join(products[:n]).In(s)
		products = products[n:]
	}
	return results
}

// matrices are what an input is multiplied with: the weight (out, in), and A (r, in) of the adapter if there is one.
func (p projection) matrices(s *torch.Scope) []torch.Tensor {
	if p.adapter == nil {
		return []torch.Tensor{p.weight.In(s)}
	}
	return []torch.Tensor{p.weight.In(s), p.adapter.a.In(s)}
}

// join makes an input's projection (N, out) of its products with the matrices.
func (p projection) join(products []torch.Tensor) torch.Tensor {
	y := products[0]
	if p.bias != nil {
		y = y.Add(p.bias.In(y.Scope()))
	}
	if p.adapter == nil {
		return y
	}
	inside := y.Scope().Child()
	defer inside.Close()
	return y.Add(p.adapter.of(inside, products[1])).In(y.Scope())
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

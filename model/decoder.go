package model

import (
	"slices"

	"github.com/azr-train/azr/torch"
)

// Decoder is a decoder-only transformer with its weights.
type Decoder struct {
	Config Config
	// Embedding (V, D), final Norm (D) and Head (V, D); a tied Head is the Embedding itself.
	Embedding, Norm, Head *torch.Var
	// DType and Device of the weights.
	DType  torch.DType
	Device torch.Device

	layers []layer
	rotary rotary
	lora   LoRA // its rank is 0 without adapters
}

// layer holds one block's weights; those that the family does not have are nil.
type layer struct {
	inputNorm, postNorm *torch.Var // (D)
	q, k, v, o          projection // (H E, D), (K E, D), (K E, D), (D, H E)
	qNorm, kNorm        *torch.Var // (E)
	gate, up, down      projection // (I, D), (I, D), (D, I)
}

func newDecoder(config Config, dtype torch.DType, device torch.Device) *Decoder {
	return &Decoder{
		Config: config, DType: dtype, Device: device,
		layers: make([]layer, config.NumHiddenLayers),
		rotary: newRotary(config),
	}
}

// Free releases the weights, the adapters' too.
func (d *Decoder) Free() {
	for _, w := range slices.Concat(d.weights(), d.adapterWeights()) {
		(*w.into).Free()
	}
}

// NumLayers is the number of blocks.
func (d *Decoder) NumLayers() int { return len(d.layers) }

// Attend is attention as a layer sees it: q (N, H, E), k and v (N, K, E), already rotated, to (N, H, E).
type Attend func(q, k, v torch.Tensor) torch.Tensor

// Tree is attention of packed sequences, which may share beginnings, see [torch.TreeAttention].
func (d *Decoder) Tree(segments []torch.Segment) Attend {
	return func(q, k, v torch.Tensor) torch.Tensor { return torch.TreeAttention(q, k, v, segments, d.scale()) }
}

// Angles are the cos and sin (N, E/2) of each token's rotary embedding.
type Angles struct{ Cos, Sin torch.Tensor }

// Angles looks up the rotary embedding of positions (N).
func (d *Decoder) Angles(s *torch.Scope, positions []int64) Angles {
	return d.rotary.angles(s, positions, d.DType, d.Device)
}

// Embed looks up ids (N): (N, D).
func (d *Decoder) Embed(s *torch.Scope, ids []int64) torch.Tensor {
	return d.Embedding.In(s).Embedding(s.FromInt64s(ids, d.Device))
}

// Layer runs block i on x (N, D): pre-norm attention and pre-norm SwiGLU, each with its residual.
func (d *Decoder) Layer(i int, xND torch.Tensor, a Angles, attend Attend) torch.Tensor {
	l, eps := &d.layers[i], d.Config.RMSNormEps
	qkv := ofNormed(xND, l.inputNorm, eps, l.q, l.k, l.v)
	qNHE := d.heads(qkv[0], l.qNorm).Rope(a.Cos, a.Sin)
	kNKE := d.heads(qkv[1], l.kNorm).Rope(a.Cos, a.Sin)
	outNHE := attend(qNHE, kNKE, d.heads(qkv[2], nil))
	xND = xND.Add(l.o.of(outNHE.Reshape(-1, int64(d.Config.NumAttentionHeads*d.Config.HeadDim))))
	gateUp := ofNormed(xND, l.postNorm, eps, l.gate, l.up)
	return xND.Add(l.down.ofGated(gateUp[0], gateUp[1]))
}

// heads splits a projection (N, n E) into its n heads (N, n, E), with the family's head norm if it has one.
func (d *Decoder) heads(x torch.Tensor, norm *torch.Var) torch.Tensor {
	x = x.Reshape(-1, int64(x.Size(-1)/d.Config.HeadDim), int64(d.Config.HeadDim))
	if norm != nil {
		x = x.RMSNorm(norm.In(x.Scope()), d.Config.RMSNormEps)
	}
	return x
}

// FinalNorm normalises the last block's output (N, D).
func (d *Decoder) FinalNorm(xND torch.Tensor) torch.Tensor {
	return xND.RMSNorm(d.Norm.In(xND.Scope()), d.Config.RMSNormEps)
}

// Logits multiplies normalised hidden states (N, D) with the head: (N, V).
func (d *Decoder) Logits(hND torch.Tensor) torch.Tensor { return hND.Linear(d.Head.In(hND.Scope())) }

// Forward runs packed sequences through all blocks and the final norm: (N, D). starts are the
// sequences' first rows; positions restart at 0 there.
func (d *Decoder) Forward(s *torch.Scope, ids, starts []int64) torch.Tensor {
	segments := apart(len(ids), starts)
	a, attend := d.Angles(s, places(segments)), d.Tree(segments)
	x := d.Embed(s, ids)
	for i := range d.layers {
		x = d.Layer(i, x, a, attend)
	}
	return d.FinalNorm(x)
}

// apart are the segments of n packed tokens whose sequences, which begin at starts, share nothing.
func apart(n int, starts []int64) (segments []torch.Segment) {
	ends := append(slices.Clone(starts[1:]), int64(n))
	for i, start := range starts {
		segments = append(segments, torch.Segment{Start: start, Rows: ends[i] - start, End: ends[i]})
	}
	return segments
}

// places counts each packed token's place in its segment, from 0.
func places(segments []torch.Segment) (list []int64) {
	for _, s := range segments {
		for i := range s.Rows {
			list = append(list, i)
		}
	}
	return list
}

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

// Packed is causal attention inside each segment of packed tokens; starts are the segments' first rows.
func (d *Decoder) Packed(starts []int64) Attend {
	return func(q, k, v torch.Tensor) torch.Tensor { return torch.Attention(q, k, v, starts, d.scale()) }
}

// Tree is attention of sequences that share beginnings, see [torch.TreeAttention].
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
	l, s, eps := &d.layers[i], xND.Scope(), d.Config.RMSNormEps
	hND := xND.RMSNorm(l.inputNorm.In(s), eps)
	xND = xND.Add(d.attention(l, hND, a, attend))
	hND = xND.RMSNorm(l.postNorm.In(s), eps)
	gateNI, upNI := l.gate.of(hND), l.up.of(hND)
	return xND.Add(l.down.ofGated(gateNI, upNI))
}

func (d *Decoder) attention(l *layer, hND torch.Tensor, a Angles, attend Attend) torch.Tensor {
	c := d.Config
	qNHE := d.heads(hND, l.q, l.qNorm, c.NumAttentionHeads).Rope(a.Cos, a.Sin)
	kNKE := d.heads(hND, l.k, l.kNorm, c.NumKeyValueHeads).Rope(a.Cos, a.Sin)
	vNKE := d.heads(hND, l.v, nil, c.NumKeyValueHeads)
	outNHE := attend(qNHE, kNKE, vNKE)
	return l.o.of(outNHE.Reshape(-1, int64(c.NumAttentionHeads*c.HeadDim)))
}

// heads projects h (N, D) to n heads (N, n, E), with the family's head norm if it has one.
func (d *Decoder) heads(hND torch.Tensor, p projection, norm *torch.Var, n int) torch.Tensor {
	x := p.of(hND).Reshape(-1, int64(n), int64(d.Config.HeadDim))
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
	a, attend := d.Angles(s, Positions(len(ids), starts)), d.Packed(starts)
	x := d.Embed(s, ids)
	for i := range d.layers {
		x = d.Layer(i, x, a, attend)
	}
	return d.FinalNorm(x)
}

// Positions counts each packed token's place in its sequence, from 0.
func Positions(n int, starts []int64) []int64 {
	positions := make([]int64, n)
	for i, start := range starts {
		end := int64(n)
		if i+1 < len(starts) {
			end = starts[i+1]
		}
		for row := start; row < end; row++ {
			positions[row] = row - start
		}
	}
	return positions
}

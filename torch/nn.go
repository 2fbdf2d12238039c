package torch

import "github.com/azr-train/azr/torch/internal/capi"

// Embedding looks up rows of t (V, D) by ids (N) I64: (N, D).
func (t Tensor) Embedding(ids Tensor) Tensor {
	h, err := capi.Embedding(t.handle("Embedding"), ids.handle("Embedding"))
	return innermost("Embedding", t, ids).own("Embedding", h, err, t, ids)
}

// Linear returns t (..., In) times weight (Out, In) transposed: (..., Out).
func (t Tensor) Linear(weight Tensor) Tensor {
	h, err := capi.Linear(t.handle("Linear"), weight.handle("Linear"))
	return innermost("Linear", t, weight).own("Linear", h, err, t, weight)
}

// RMSNorm divides t (..., D) by its root mean square over D and scales by weight (D).
func (t Tensor) RMSNorm(weight Tensor, eps float64) Tensor {
	h, err := capi.RMSNorm(t.handle("RMSNorm"), weight.handle("RMSNorm"), eps)
	return innermost("RMSNorm", t, weight).own("RMSNorm", h, err, t, weight)
}

// NormLinears is RMSNorm of t (N, D) by norm (D), times each of the weights (Out, D) transposed: one (N, Out) for each. Its
// backward normalises again, so that what is kept is t alone.
func (t Tensor) NormLinears(norm Tensor, eps float64, weights ...Tensor) []Tensor {
	const op = "NormLinears"
	handles := make([]capi.Handle, len(weights))
	for i, w := range weights {
		handles[i] = w.handle(op)
	}
	products, err := capi.NormLinears(t.handle(op), norm.handle(op), eps, handles)
	args := append([]Tensor{norm}, weights...)
	check(op, err, append(args, t)...)
	s, list := innermost(op, t, args...), make([]Tensor, len(products))
	for i, h := range products {
		list[i] = s.own(op, h, nil)
	}
	return list
}

// SiluMulLinear is silu(t) times up, both (N, In), times weight (Out, In) transposed: a SwiGLU's gated product,
// projected (N, Out). Its backward computes the product again, so that what is kept is t and up alone.
func (t Tensor) SiluMulLinear(up, weight Tensor) Tensor {
	const op = "SiluMulLinear"
	h, err := capi.SiluMulLinear(t.handle(op), up.handle(op), weight.handle(op))
	return innermost(op, t, up, weight).own(op, h, err, t, up, weight)
}

// Rope rotates t (N, H, D) by the angles whose cos and sin (N, D/2) are given; the
// halves of a head are the pairs, as in HF's rotate_half.
func (t Tensor) Rope(cos, sin Tensor) Tensor {
	h, err := capi.Rope(t.handle("Rope"), cos.handle("Rope"), sin.handle("Rope"))
	return innermost("Rope", t, cos, sin).own("Rope", h, err, t, cos, sin)
}

// Segment is a run of packed tokens that the sequences below it begin with: Rows of them from row Start on. The
// segments below it follow at once and end before row End, which is Start + Rows if there are none.
type Segment = capi.Segment

// TreeAttention is causal self-attention of sequences that may share beginnings: q (N, H, D), k and v (N, KVH, D) with H a
// multiple of KVH, the segments a tree in depth-first order. A row sees its segment up to itself and all of the segments
// above: what attention over the sequences one by one gives, and its gradients, with what is shared computed once.
// Returns (N, H, D).
func TreeAttention(q, k, v Tensor, segments []Segment, scale float64) Tensor {
	const op = "TreeAttention"
	h, err := capi.TreeAttention(q.handle(op), k.handle(op), v.handle(op), segments, scale)
	return innermost(op, q, k, v).own(op, h, err, q, k, v)
}

// Span is a run of consecutive tokens of one sequence in a pass: Rows of them, the first at position Start.
// The numbers of the sequence's pages begin at First of the list that comes with the spans.
type Span = capi.Span

// PagedAttention writes k and v (N, KVH, D) to their places in the pages of a cache (KVH, pages, tokens a page, D)
// and returns causal attention of q (N, H, D) over each span's sequence, from its first token on. Spans follow each
// other in the rows; rows after the last are zero. On the CPU in f32 a span's result has the same bits
// whatever else is in the pass, and a span of one row is the fast case. It has no gradient. Returns (N, H, D).
func PagedAttention(q, k, v Tensor, keyPages, valuePages *Var, spans []Span, pages []int64, scale float64) Tensor {
	const op = "PagedAttention"
	h, err := capi.PagedAttention(q.handle(op), k.handle(op), v.handle(op), keyPages.handle(op), valuePages.handle(op), spans, pages, scale)
	return innermost(op, q, k, v).own(op, h, err, q, k, v)
}

// DecodeAttention is [PagedAttention] of one token each of N sequences, told by tensors: positions (N) I64 and table (N, W)
// I64, the pages of each. The host does not look at them, so that a [Graph] replays it. Returns (N, H, D).
func DecodeAttention(q, k, v Tensor, keyPages, valuePages *Var, positions, table Tensor, scale float64) Tensor {
	const op = "DecodeAttention"
	h, err := capi.DecodeAttention(q.handle(op), k.handle(op), v.handle(op), keyPages.handle(op), valuePages.handle(op), positions.handle(op), table.handle(op), scale)
	return innermost(op, q, k, v, positions, table).own(op, h, err, q, k, v, positions, table)
}

// CopyPages copies pages of a cache (KVH, pages, tokens a page, D) over others, in place.
func (v *Var) CopyPages(from, to []int64) {
	check("CopyPages", capi.CopyPages(v.handle("CopyPages"), from, to))
}

// TokenLogProbs returns, for hidden t (N, D), head weight (V, D) and targets (N) I64, the log-prob of
// each target and the entropy of each row's distribution softmax(t weightᵀ / temperature), both (N)
// f32 in nats. It holds an (N, V) tensor of f32 (on a GPU two), until the backward has run: give it [LogitsRows] rows at a time.
func (t Tensor) TokenLogProbs(weight, targets Tensor, temperature float64) (logp, entropy Tensor) {
	const op = "TokenLogProbs"
	first, second, err := capi.TokenLogProbs(t.handle(op), weight.handle(op), targets.handle(op), temperature)
	s := innermost(op, t, weight, targets)
	logp = s.own(op, first, err, t, weight, targets)
	return logp, s.own(op, second, nil)
}

// LogitsRows is how many rows of logits (rows, vocab) to have at once: about 32 MiB of f32 whatever the vocabulary.
func LogitsRows(vocab int) int { return max(16, 8<<20/vocab) }

// Sampling says how to draw from one row of logits; see azr.Sampling for the fields.
type Sampling = capi.Sampling

// Sample draws a token from each row of t (N, V) by inverse CDF in f64 of that row's Uniform.
// Log-probs are at the row's temperature before top-k and top-p; Temperature 0 takes the likeliest token.
func (t Tensor) Sample(rows []Sampling) (ids []int64, logprobs []float32) {
	ids, logprobs = make([]int64, len(rows)), make([]float32, len(rows))
	check("Sample", capi.Sample(t.handle("Sample"), rows, ids, logprobs), t)
	return ids, logprobs
}

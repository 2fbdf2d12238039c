package model

import (
	"math"
	"slices"

	"github.com/azr-train/azr/torch"
)

// PageSize is how many tokens a page of a [KVCache] on a device holds, and how many of a prompt go through attention at once:
// what sequences share, they share in whole pages. libtorch's flash attention reads pages of 256 tokens or a multiple.
func PageSize(device torch.Device) int {
	if device == torch.CPU {
		return 64
	}
	return 256
}

// KVCache holds the keys and values of running sequences in pages of PageTokens tokens. Which pages belong to
// a sequence, its owner knows.
type KVCache struct {
	Pages, PageTokens int
	// Of each layer: (K, Pages, PageTokens, E).
	keys, values []*torch.Var

	decodings map[bucket]*decoding // nil where decoding is not recorded
	cos, sin  *torch.Var           // see rotary
}

// NewKVCache allocates a cache for d: 2 x layers x K x pages x PageTokens x E elements. Where memory runs out it
// keeps nothing.
func (d *Decoder) NewKVCache(pages int) *KVCache {
	c := &KVCache{Pages: pages, PageTokens: PageSize(d.Device)}
	defer func() {
		if len(c.values) < len(d.layers) {
			c.Free()
		}
	}()
	for range d.layers {
		c.keys = append(c.keys, d.newPages(c))
		c.values = append(c.values, d.newPages(c))
	}
	return c
}

func (d *Decoder) newPages(c *KVCache) *torch.Var {
	s := torch.NewScope()
	defer s.Close()
	return s.Zeros(d.DType, d.Device, int64(d.Config.NumKeyValueHeads), int64(c.Pages), int64(c.PageTokens), int64(d.Config.HeadDim)).Keep()
}

// PagesFor is how many pages tokens take.
func (c *KVCache) PagesFor(tokens int) int { return (tokens + c.PageTokens - 1) / c.PageTokens }

// Free releases the cache.
func (c *KVCache) Free() {
	c.DropGraphs()
	for _, buffer := range append(slices.Concat(c.keys, c.values), c.cos, c.sin) {
		buffer.Free()
	}
}

// Copy copies pages over others, all layers of them.
func (c *KVCache) Copy(from, to []int64) {
	for i := range c.keys {
		c.keys[i].CopyPages(from, to)
		c.values[i].CopyPages(from, to)
	}
}

// Span is a run of tokens that a pass adds to a sequence.
type Span struct {
	IDs []int64
	// Start is the position of the first; what comes before it is in the cache or in a span before this one.
	Start int
	// Pages of the sequence in the order of its positions, up to the last of IDs at least.
	Pages []int64
}

// Chunk is the span of a prompt that begins at a position that PageTokens divides: up to PageTokens tokens of it.
// A prompt that goes through in chunks gives the same bits whichever of them were computed before, and for whom.
func (c *KVCache) Chunk(ids []int64, start int, pages []int64) Span {
	end := min(start+c.PageTokens, len(ids))
	return Span{IDs: ids[start:end], Start: start, Pages: pages[:c.PagesFor(end)]}
}

// Extend runs one pass over the tokens of spans, writes their keys and values to the cache, and returns the
// hidden states (R, D), normalised, of the given rows of the pass. Inside [torch.BatchInvariant], on the CPU in f32, a
// span's bits do not depend on the other spans of its pass.
func (d *Decoder) Extend(s *torch.Scope, c *KVCache, spans []Span, wanted []int64) torch.Tensor {
	if c.decodings != nil && decodes(spans, wanted) {
		return d.replay(s, c, spans)
	}
	p := layOut(spans)
	inside := s.Child()
	defer inside.Close()
	x := d.through(inside, d.Embed(inside.Child(), p.ids), d.Angles(inside, p.positions), func(layer int) Attend {
		return func(q, k, v torch.Tensor) torch.Tensor {
			return torch.PagedAttention(q, k, v, c.keys[layer], c.values[layer], p.spans, p.pages, d.scale())
		}
	})
	return d.FinalNorm(x.IndexSelect(0, inside.FromInt64s(wanted, d.Device))).In(s)
}

// through runs all layers on x (N, D), whose scope is its own, and frees what one held when the next is done. attend is
// each layer's attention.
func (d *Decoder) through(s *torch.Scope, x torch.Tensor, a Angles, attend func(layer int) Attend) torch.Tensor {
	current := x.Scope()
	for i := range d.layers {
		next := s.Child()
		// The copy's handle lives in the next layer's scope; its storage is shared.
		out := d.Layer(i, x, a, attend(i)).In(next)
		current.Close()
		current, x = next, out
	}
	return x
}

// pass is spans as the layers take them.
type pass struct {
	ids, positions []int64 // (N)
	spans          []torch.Span
	pages          []int64
}

func layOut(spans []Span) (p pass) {
	for _, span := range spans {
		p.spans = append(p.spans, torch.Span{Rows: int64(len(span.IDs)), Start: int64(span.Start), First: int64(len(p.pages))})
		p.pages = append(p.pages, span.Pages...)
		p.ids = append(p.ids, span.IDs...)
		for i := range span.IDs {
			p.positions = append(p.positions, int64(span.Start+i))
		}
	}
	return p
}

// scale of attention's dot products.
func (d *Decoder) scale() float64 { return 1 / math.Sqrt(float64(d.Config.HeadDim)) }

package model

import (
	"math/bits"

	"github.com/azr-train/azr/torch"
)

// decoding is a pass of one token each of several sequences as a graph replays it: what goes in and comes out stays where
// it is.
type decoding struct {
	ids, positions, table *torch.Var   // (B), (B) and (B, W): each sequence's last token, its place, its pages
	hidden                *torch.Var   // (B, D)
	graph                 *torch.Graph // nil on the CPU, which runs the pass anew each time
}

// bucket is how many sequences and pages of each a graph has room for.
type bucket struct{ rows, pages int }

// RecordDecoding makes passes of one token for each of their sequences graphs: one for each power of two of sequences and of
// pages, recorded when it comes first. It is for CUDA devices.
func (c *KVCache) RecordDecoding() { c.decodings = map[bucket]*decoding{} }

// DropGraphs has all passes recorded anew: graphs read the weights where they were.
func (c *KVCache) DropGraphs() {
	for _, p := range c.decodings {
		p.free()
	}
	clear(c.decodings)
}

// decodes tells whether a pass is one token of each sequence, and all of them are wanted in order.
func decodes(spans []Span, wanted []int64) bool {
	if len(spans) == 0 || len(wanted) != len(spans) {
		return false
	}
	for i, span := range spans {
		if len(span.IDs) != 1 || wanted[i] != int64(i) {
			return false
		}
	}
	return true
}

// replay is [Decoder.Extend] of a pass that decodes.
func (d *Decoder) replay(s *torch.Scope, c *KVCache, spans []Span) torch.Tensor {
	b := bucketOf(spans)
	p, known := c.decodings[b]
	if !known {
		p = d.newDecoding(b)
		c.decodings[b] = p
	}
	p.set(b, spans, d.Device)
	if p.graph == nil {
		d.decode(c, p) // the first time also to have libtorch ready what may not be recorded
		if d.Device != torch.CPU {
			p.graph = torch.Record(d.Device, func() { d.decode(c, p) })
		}
	} else {
		p.graph.Replay()
	}
	inside := s.Child()
	defer inside.Close()
	return p.hidden.In(inside).IndexSelect(0, inside.Arange(0, int64(len(spans)), d.Device)).In(s) // the next replay writes there
}

func bucketOf(spans []Span) bucket {
	most := 0
	for _, span := range spans {
		most = max(most, len(span.Pages))
	}
	return bucket{powerOfTwo(len(spans)), powerOfTwo(most)}
}

// powerOfTwo is the least that is at least n, which is above 0.
func powerOfTwo(n int) int { return 1 << bits.Len(uint(n-1)) }

func (d *Decoder) newDecoding(b bucket) *decoding {
	s := torch.NewScope()
	defer s.Close()
	zeros := func(shape ...int64) *torch.Var { return s.Zeros(torch.I64, d.Device, shape...).Keep() }
	return &decoding{
		ids: zeros(int64(b.rows)), positions: zeros(int64(b.rows)), table: zeros(int64(b.rows), int64(b.pages)),
		hidden: s.Zeros(d.DType, d.Device, int64(b.rows), int64(d.Config.HiddenSize)).Keep(),
	}
}

// set brings a pass to the device. Rows that are over repeat the first: they write what it writes.
func (p *decoding) set(b bucket, spans []Span, device torch.Device) {
	ids, positions, table := make([]int64, b.rows), make([]int64, b.rows), make([]int64, b.rows*b.pages)
	for row := range b.rows {
		span := spans[0]
		if row < len(spans) {
			span = spans[row]
		}
		ids[row], positions[row] = span.IDs[0], int64(span.Start)
		copy(table[row*b.pages:(row+1)*b.pages], span.Pages)
	}
	s := torch.NewScope()
	defer s.Close()
	p.ids.Set(s.FromInt64s(ids, device))
	p.positions.Set(s.FromInt64s(positions, device))
	p.table.Set(s.FromInt64s(table, device, int64(b.rows), int64(b.pages)))
}

// decode runs the pass that p holds.
func (d *Decoder) decode(c *KVCache, p *decoding) {
	s := torch.NewScope()
	defer s.Close()
	positions, table := p.positions.In(s), p.table.In(s)
	cos, sin := c.rotary(d)
	a := Angles{Cos: cos.In(s).IndexSelect(0, positions), Sin: sin.In(s).IndexSelect(0, positions)}
	first := s.Child()
	x := d.through(s, d.Embedding.In(first).Embedding(p.ids.In(first)), a, func(layer int) Attend {
		return func(q, k, v torch.Tensor) torch.Tensor {
			return torch.DecodeAttention(q, k, v, c.keys[layer], c.values[layer], positions, table, d.scale())
		}
	})
	p.hidden.Set(d.FinalNorm(x))
}

// rotary is the angles of all positions that a sequence in the cache can have, on the device: (positions, E/2) each.
func (c *KVCache) rotary(d *Decoder) (cos, sin *torch.Var) {
	if c.cos == nil {
		s := torch.NewScope()
		defer s.Close()
		all := make([]int64, min(c.Pages*c.PageTokens, d.Config.MaxPositionEmbeddings))
		for i := range all {
			all[i] = int64(i)
		}
		a := d.Angles(s, all)
		c.cos, c.sin = a.Cos.Keep(), a.Sin.Keep()
	}
	return c.cos, c.sin
}

func (p *decoding) free() {
	p.graph.Free()
	for _, v := range []*torch.Var{p.ids, p.positions, p.table, p.hidden} {
		v.Free()
	}
}

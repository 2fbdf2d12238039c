package model

import (
	"math"
	"slices"

	"github.com/azr-train/azr/torch"
)

// KVCache holds the keys and values of running sequences: Slots sequences of up to Room tokens.
type KVCache struct {
	Slots, Room int
	// Of each layer: (Slots, K, Room, E).
	keys, values []*torch.Var
}

// NewKVCache allocates a cache for d: 2 x layers x slots x room x K x E elements. Where memory runs out it
// keeps nothing.
func (d *Decoder) NewKVCache(slots, room int) *KVCache {
	c := &KVCache{Slots: slots, Room: room}
	defer func() {
		if len(c.values) < len(d.layers) {
			c.Free()
		}
	}()
	for range d.layers {
		c.keys = append(c.keys, d.newKVBuffer(slots, room))
		c.values = append(c.values, d.newKVBuffer(slots, room))
	}
	return c
}

func (d *Decoder) newKVBuffer(slots, room int) *torch.Var {
	s := torch.NewScope()
	defer s.Close()
	return s.Zeros(d.DType, d.Device, int64(slots), int64(d.Config.NumKeyValueHeads), int64(room), int64(d.Config.HeadDim)).Keep()
}

// Free releases the cache.
func (c *KVCache) Free() {
	for _, buffer := range slices.Concat(c.keys, c.values) {
		buffer.Free()
	}
}

// Fork copies the first length tokens of slot from to slot to.
func (c *KVCache) Fork(from, to, length int) {
	for i := range c.keys {
		c.keys[i].KVCopy(from, to, length)
		c.values[i].KVCopy(from, to, length)
	}
}

// Prefill runs a prompt from position 0 into a slot and returns the last token's normalised hidden
// state (1, D). It runs alone, so its result depends on nothing else in the batch.
func (d *Decoder) Prefill(s *torch.Scope, c *KVCache, slot int, ids []int64) torch.Tensor {
	n := len(ids)
	slots, starts := make([]int64, n), []int64{0}
	for i := range slots {
		slots[i] = int64(slot)
	}
	positions := Positions(n, starts)
	packed := d.Packed(starts)
	x := d.throughLayers(s, ids, positions, func(layer int) Attend {
		return func(q, k, v torch.Tensor) torch.Tensor {
			c.keys[layer].KVWrite(k, slots, positions)
			c.values[layer].KVWrite(v, slots, positions)
			return packed(q, k, v)
		}
	})
	return d.FinalNorm(x.Narrow(0, n-1, 1))
}

// Decode runs one token of each of B sequences: ids, slots and positions (B). It returns the
// normalised hidden states (B, D).
func (d *Decoder) Decode(s *torch.Scope, c *KVCache, ids, slots, positions []int64) torch.Tensor {
	lengths := make([]int64, len(positions))
	for i, p := range positions {
		lengths[i] = p + 1
	}
	x := d.throughLayers(s, ids, positions, func(layer int) Attend {
		return func(q, k, v torch.Tensor) torch.Tensor {
			c.keys[layer].KVWrite(k, slots, positions)
			c.values[layer].KVWrite(v, slots, positions)
			return torch.DecodeAttention(q, c.keys[layer], c.values[layer], slots, lengths, d.scale())
		}
	})
	return d.FinalNorm(x)
}

// throughLayers runs tokens through the blocks, each layer's intermediate results freed before the next.
func (d *Decoder) throughLayers(s *torch.Scope, ids, positions []int64, attend func(layer int) Attend) torch.Tensor {
	a := d.Angles(s, positions)
	current := s.Child()
	x := d.Embed(current, ids)
	for i := range d.layers {
		next := s.Child()
		// The copy's handle lives in the next layer's scope; its storage is shared.
		out := d.Layer(i, x, a, attend(i)).In(next)
		current.Close()
		current, x = next, out
	}
	out := x.In(s)
	current.Close()
	return out
}

// scale of attention's dot products.
func (d *Decoder) scale() float64 { return 1 / math.Sqrt(float64(d.Config.HeadDim)) }

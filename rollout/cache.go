package rollout

import (
	"fmt"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// newCache makes a cache for so many slots, or for a half, a quarter, ... of them where memory is too small for it
// and a prompt beside it. One more slot takes the padding rows' writes.
func newCache(m *model.Decoder, slots, room int) (*model.KVCache, error) {
	for n := slots; ; n /= 2 {
		cache, err := tryCache(m, n+1, room)
		if n > 1 && torch.IsOutOfMemory(err) {
			continue
		}
		if torch.IsOutOfMemory(err) {
			err = fmt.Errorf("rollout.New: out of memory for the cache of a single slot; got room for %d tokens, want less; hint: lower rollout.room: %w", room, err)
		}
		return cache, err
	}
}

func tryCache(m *model.Decoder, slots, room int) (cache *model.KVCache, err error) {
	defer func() {
		if err != nil && cache != nil {
			cache.Free()
			cache = nil
		}
	}()
	defer torch.Catch(&err)
	cache = m.NewKVCache(slots, room)
	s := torch.NewScope()
	defer s.Close()
	s.Zeros(m.DType, m.Device, activations(m.Config, room)) // only to see whether it fits
	return cache, nil
}

// activations is about how many elements are alive while a layer computes a prompt of room tokens, or the head a
// block of 32 tokens' logits.
func activations(c model.Config, room int) int64 {
	return max(int64(room)*int64(6*c.HiddenSize+3*c.IntermediateSize), 2*32*int64(c.VocabSize))
}

// outOfMemory adds the numbers to a want of memory; other errors it returns as they are.
func (e *Engine) outOfMemory(err error) error {
	if !torch.IsOutOfMemory(err) {
		return err
	}
	return fmt.Errorf("rollout.Tick: out of memory beside the cache; got one of %d slots for %d tokens each, want a smaller one; "+
		"hint: lower rollout.slots or rollout.room: %w", len(e.slots), e.cache.Room, err)
}

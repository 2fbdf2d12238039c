package rollout

import (
	"fmt"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// newCache makes a cache for the tokens that the config wants, or for a half, a quarter, ... of them where memory is
// too small for it and a pass beside it. It holds one sequence that fills its room at least.
func newCache(m *model.Decoder, config Config) (*model.KVCache, error) {
	page := model.PageSize(m.Device)
	pages, least := config.cachePages(m.Config, page)
	for {
		cache, err := tryCache(m, pages, config.passElements(m.Config, m.LoRA(), m.DType, m.Device))
		if !torch.IsOutOfMemory(err) {
			return cache, err
		}
		if pages == least {
			return nil, fmt.Errorf("rollout.New: out of memory for the cache of a single sequence; got room for %d tokens, want less; hint: lower rollout.room: %w",
				config.roomOf(m.Config), err)
		}
		pages = max(least, pages/2)
	}
}

func tryCache(m *model.Decoder, pages int, beside int64) (cache *model.KVCache, err error) {
	defer func() {
		if err != nil && cache != nil {
			cache.Free()
			cache = nil
		}
	}()
	defer torch.Catch(&err)
	cache = m.NewKVCache(pages)
	s := torch.NewScope()
	defer s.Close()
	s.Zeros(m.DType, m.Device, beside) // only to see whether it fits
	return cache, nil
}

// outOfMemory adds the numbers to a want of memory; other errors it returns as they are.
func (e *Engine) outOfMemory(err error) error {
	if !torch.IsOutOfMemory(err) {
		return err
	}
	return fmt.Errorf("rollout.Tick: out of memory beside the cache; got a cache of %d tokens, want a smaller one; "+
		"hint: lower rollout.slots, rollout.room or rollout.cache_tokens: %w", e.CacheTokens(), err)
}

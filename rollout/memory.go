package rollout

import (
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// Memory is what an [Engine] holds on the model's device beside the weights, in bytes: its cache for as
// long as it is open, the activations during a pass.
type Memory struct {
	Cache       int64 `json:"cache"`
	Activations int64 `json:"activations"`
}

// Memory counts what an engine of this config holds for a model with weights of dtype, and adapters.
func (c Config) Memory(m model.Config, lora model.LoRA, dtype torch.DType) Memory {
	pages, _ := c.cachePages(m)
	return Memory{
		Cache:       int64(pages) * model.PageTokens * m.KVBytesPerToken(dtype),
		Activations: c.passElements(m, lora) * int64(dtype.Size()),
	}
}

// passElements is how many numbers are alive during a pass of as many rows as there may be.
func (c Config) passElements(m model.Config, lora model.LoRA) int64 {
	room, hidden, kvHeads := int64(c.roomOf(m)), int64(m.HiddenSize), int64(m.NumKeyValueHeads)
	rows := min(passRows, int64(c.Slots)*room)
	token := int64(m.HeadDim) + hidden + m.Activations(lora).Values // rotary angles, the layer's input, the layer
	// What a chunk's attention takes before the feed-forward is: the gathered keys and values, and which of them each
	// row sees.
	attention := token - 3*int64(m.IntermediateSize) - 4*hidden
	chunk := 2 * room * kvHeads * int64(m.HeadDim)
	chunk += 5 * model.PageTokens * room / 4
	if room <= model.PageTokens { // a first chunk's are those of the pass
		chunk = 0
	}
	logits := int64(min(c.Slots, logitsRows)) * int64(m.VocabSize)
	return max(rows*token, rows*attention+chunk, logits) + int64(c.Slots)*hidden // and each prompt's last hidden state
}

// roomOf is the most tokens of a sequence.
func (c Config) roomOf(m model.Config) int { return min(c.Room, m.MaxPositionEmbeddings) }

// CacheSize is how many tokens the cache of this config holds for a model.
func (c Config) CacheSize(m model.Config) int {
	pages, _ := c.cachePages(m)
	return pages * model.PageTokens
}

// cachePages is how many pages the cache has, and how many it needs to go on at all: a sequence that fills its room,
// and the page in which its prompt ended.
func (c Config) cachePages(m model.Config) (pages, least int) {
	room := c.roomOf(m)
	least = model.PagesFor(room) + 1
	if c.CacheTokens > 0 {
		return max(least, model.PagesFor(c.CacheTokens)), least
	}
	return c.Slots * least, least
}

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

// Memory counts what an engine of this config holds on a device for a model with weights of dtype, and adapters.
func (c Config) Memory(m model.Config, lora model.LoRA, dtype torch.DType, device torch.Device) Memory {
	return Memory{
		Cache:       int64(c.CacheSize(m, device)) * m.KVBytesPerToken(dtype),
		Activations: c.passElements(m, lora, dtype, device) * int64(dtype.Size()),
	}
}

// passElements is how many numbers are alive during a pass of as many rows as there may be.
func (c Config) passElements(m model.Config, lora model.LoRA, dtype torch.DType, device torch.Device) int64 {
	page, inPlace := model.PageSize(device), device == torch.CPU && dtype == torch.F32 // where pages are read in place, none are gathered
	room, hidden, kvHeads := int64(c.roomOf(m)), int64(m.HiddenSize), int64(m.NumKeyValueHeads)
	rows := min(passRows, int64(c.Slots)*room)
	token := int64(m.HeadDim) + hidden + m.Activations(lora).Values // rotary angles, the layer's input, the layer
	// What a chunk's attention takes before the feed-forward is: the gathered keys and values, and which of them each
	// row sees, as a bool and in the weights' type.
	attention := token - 3*int64(m.IntermediateSize) - 4*hidden
	chunk := 2 * room * kvHeads * int64(m.HeadDim)
	chunk += int64(1+dtype.Size()) * int64(page) * room / int64(dtype.Size())
	if inPlace || room <= int64(page) { // a first chunk's are those of the pass
		chunk = 0
	}
	logits := int64(min(c.Slots, logitsRows)) * int64(m.VocabSize)
	return max(rows*token, rows*attention+chunk, logits) + int64(c.Slots)*hidden // and each prompt's last hidden state
}

// roomOf is the most tokens of a sequence.
func (c Config) roomOf(m model.Config) int { return min(c.Room, m.MaxPositionEmbeddings) }

// CacheSize is how many tokens the cache of this config holds on a device for a model.
func (c Config) CacheSize(m model.Config, device torch.Device) int {
	page := model.PageSize(device)
	pages, _ := c.cachePages(m, page)
	return pages * page
}

// cachePages is how many pages of so many tokens the cache has, and how many it needs to go on at all: a sequence that fills its room,
// and the page in which its prompt ended.
func (c Config) cachePages(m model.Config, page int) (pages, least int) {
	least = (c.roomOf(m)+page-1)/page + 1
	if c.CacheTokens > 0 {
		return max(least, (c.CacheTokens+page-1)/page), least
	}
	return c.Slots * least, least
}

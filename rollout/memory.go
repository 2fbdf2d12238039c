package rollout

import (
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// Memory is what an [Engine] holds on the model's device beside the weights, in bytes: its cache for as
// long as it is open, the activations while a prompt is computed or tokens are decoded.
type Memory struct {
	Cache       int64 `json:"cache"`
	Activations int64 `json:"activations"`
}

// Memory counts what an engine of this config holds for a model with weights of dtype.
func (c Config) Memory(m model.Config, dtype torch.DType) Memory {
	slots, room := c.cacheSize(m)
	element, vocab, hidden := int64(dtype.Size()), int64(m.VocabSize), int64(m.HiddenSize)
	largest := int64(model.RowBlocks[len(model.RowBlocks)-1])
	token := int64(m.HeadDim) + hidden + m.Activations().Values // rotary angles, the layer's input, the layer
	prompt := int64(room-1)*token + vocab
	decode := largest * (token + vocab)
	return Memory{
		Cache:       int64(slots) * int64(room) * m.KVBytesPerToken(dtype),
		Activations: max(prompt, decode)*element + int64(c.Slots)*hidden*element, // and each slot's last hidden state
	}
}

// cacheSize is the cache's slots, the last of which takes the padding rows' writes, and the tokens in each.
func (c Config) cacheSize(m model.Config) (slots, room int) {
	return c.Slots + 1, min(c.Room, m.MaxPositionEmbeddings)
}

package model

import (
	"strconv"
	"strings"

	"github.com/azr-train/azr/torch"
)

// WeightShape is a weight's Hugging Face name and its shape.
type WeightShape struct {
	Name  string
	Shape []int64
}

// WeightShapes lists the weights of a model with this config, in the order of its layers, without
// loading any. A tied head is the embedding and not listed.
func (c Config) WeightShapes() []WeightShape {
	// The decoder has no storage before its weights are read.
	var list []WeightShape
	for _, w := range newDecoder(c, torch.F32, torch.CPU).weights() {
		list = append(list, WeightShape{w.name, w.shape})
	}
	return list
}

// TrainableShapes lists what learns: all weights, or the adapters if there are any.
func (c Config) TrainableShapes(l LoRA) []WeightShape {
	if l.Rank == 0 {
		return c.WeightShapes()
	}
	d := newDecoder(c, torch.F32, torch.CPU)
	d.putAdapters(l)
	var list []WeightShape
	for _, w := range d.adapterWeights() {
		list = append(list, WeightShape{w.name, w.shape})
	}
	return list
}

// Parameters counts the numbers in the model's weights; a tied head counts once.
func (c Config) Parameters() int64 { return Count(c.WeightShapes()) }

// Count counts the numbers in weights.
func Count(weights []WeightShape) (total int64) {
	for _, w := range weights {
		n := int64(1)
		for _, size := range w.Shape {
			n *= size
		}
		total += n
	}
	return total
}

// Products counts multiplications of a forward pass.
type Products struct {
	Token int64 // of a token with the layers' weights
	Place int64 // of a token's queries with the keys and values of a place before it
	Head  int64 // of a token with the head
}

// Products of a model with this config.
func (c Config) Products() Products {
	p := Products{Place: 2 * int64(c.NumHiddenLayers*c.NumAttentionHeads*c.HeadDim), Head: int64(c.VocabSize * c.HiddenSize)}
	for _, w := range c.WeightShapes() {
		if _, ok := LayerOf(w.Name); ok {
			p.Token += Count([]WeightShape{w})
		}
	}
	return p
}

// Of the tokens from..to-1 of a sequence, so many of which go through the head.
func (p Products) Of(from, to, predicting int64) int64 {
	places := (from + to + 1) * (to - from) / 2
	return (to-from)*p.Token + places*p.Place + predicting*p.Head
}

// layers is what the names of weights inside a layer begin with.
const layers = "model.layers."

// LayerOf is the number of the layer that a weight of that name is in, if it is in one.
func LayerOf(name string) (layer int, ok bool) {
	rest, inside := strings.CutPrefix(name, layers)
	number, _, _ := strings.Cut(rest, ".")
	layer, err := strconv.Atoi(number)
	return layer, inside && err == nil
}

// KVBytesPerToken is what one token takes in a [KVCache]: keys and values of all layers.
func (c Config) KVBytesPerToken(dtype torch.DType) int64 {
	return 2 * int64(c.NumHiddenLayers) * int64(c.NumKeyValueHeads) * int64(c.HeadDim) * int64(dtype.Size())
}

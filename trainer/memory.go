package trainer

import (
	"slices"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// Memory is what training holds on the model's device at its peak, in bytes. Gradients are those of a
// step of several micro-batches: each but the first finds them all there.
type Memory struct {
	Weights     int64 `json:"weights"`
	Away        int64 `json:"away"` // weights that are on other ranks in the update
	Gradients   int64 `json:"gradients"`
	Moments     int64 `json:"moments"` // of the optimiser, the averaged weights, and weights in f32 beside those in bf16
	Activations int64 `json:"activations"`
}

// Total is the sum of all parts, in the update.
func (m Memory) Total() int64 { return m.Weights - m.Away + m.Gradients + m.Moments + m.Activations }

// Memory counts what training a model with weights of dtype holds, or adapters beside these, whose longest sample has so
// many tokens. Of several ranks it is that of the one which holds most.
func (c Config) Memory(m model.Config, lora model.LoRA, dtype torch.DType, longest, ranks int) Memory {
	learned, element := m.TrainableShapes(lora), int64(dtype.Size())
	weights := m.Parameters()
	if lora.Rank > 0 {
		weights += model.Count(learned)
	}
	n, wide := int64(c.LargestPass(longest)), int64(torch.F32.Size())
	gradients, moments := c.optimizer(learned, dtype, ranks)
	if c.AverageDecay > 0 {
		moments += model.Count(learned)
	}
	memory := Memory{
		Weights: weights * element, Gradients: model.Count(learned)*element + gradients*wide, Moments: moments * wide,
		Activations: c.activations(m, lora, dtype, n, n),
	}
	if c.Sharding == ZeRO3 && ranks > 1 {
		away := c.away(learned, ranks)
		memory.Away = away * element
		memory.Gradients -= away * element // of a round of micro-batches; their sums are where the weights are
	}
	return memory
}

// sharded are the sizes of what learns, and the rank that owns each.
func (c Config) sharded(learned []model.WeightShape, ranks int) (sizes []int64, owner []int) {
	if c.Sharding == NoSharding {
		ranks = 1
	}
	sizes = make([]int64, len(learned))
	for i, w := range learned {
		sizes[i] = model.Count([]model.WeightShape{w})
	}
	return sizes, owners(sizes, ranks)
}

// away counts the weights that the rank which owns least of the layers does not hold in the update: those of other ranks
// but for a layer: there is another one while a layer runs, but not while the head does, which needs most.
func (c Config) away(learned []model.WeightShape, ranks int) int64 {
	sizes, owner := c.sharded(learned, ranks)
	layers, own, all := map[int]int64{}, make([]int64, ranks), int64(0)
	for i, w := range learned {
		if layer, inside := model.LayerOf(w.Name); inside {
			layers[layer] += sizes[i]
			own[owner[i]] += sizes[i]
			all += sizes[i]
		}
	}
	largest := int64(0)
	for _, size := range layers {
		largest = max(largest, size)
	}
	return max(0, all-slices.Max(own)-largest*int64(ranks-1)/int64(ranks))
}

// optimizer counts the numbers in f32 that the optimiser keeps on the rank that has most: two for each weight that AdamW
// moves there, one for each that Muon moves, and one more of those with masters, whose gradients are counted apart.
func (c Config) optimizer(learned []model.WeightShape, dtype torch.DType, ranks int) (gradients, kept int64) {
	masters := dtype != torch.F32 && c.Rounding == ByMasters
	sizes, owner := c.sharded(learned, ranks)
	mine, state := make([]int64, ranks), make([]int64, ranks)
	for i, rank := range owner {
		each := int64(2)
		if c.byMuon(learned[i].Name, learned[i].Shape) {
			each = 1
		}
		if masters {
			each++
			mine[rank] += sizes[i]
		}
		state[rank] += each * sizes[i]
	}
	return slices.Max(mine), slices.Max(state)
}

// activations counts the bytes that a pass of n tokens, r of which predict response tokens, holds beside
// weights, gradients and moments. It is [pass] and [Trainer.head] read for what stays alive.
func (c Config) activations(m model.Config, lora model.LoRA, dtype torch.DType, n, r int64) int64 {
	layers, hidden, vocab := int64(m.NumHiddenLayers), int64(m.HiddenSize), int64(m.VocabSize)
	layer := m.Activations(lora)
	kept, running := layer.Graph, n*layer.Backward
	if c.ActivationCheckpointing {
		kept = hidden
		running = n*layer.Graph + max(n*layer.Forward, running)
	}
	stages := n * (int64(m.HeadDim) + hidden + layers*kept) // the rotary angles, the embedded tokens, the layers
	element := int64(dtype.Size())
	// The head: a chunk's rows, picked, normalised, and their gradient, with its logits, also in the weights' type if
	// that is another; then the gradient of all rows, and what the chunk adds to it.
	chunk := min(r, int64(torch.LogitsRows(m.VocabSize)))
	logits := chunk * vocab * int64(torch.F32.Size())
	if dtype != torch.F32 {
		logits += chunk * vocab * element
	}
	head := 3*chunk*hidden*element + max(logits+min(1, (r-1)/chunk)*n*hidden*element, 2*n*hidden*element)
	// The embedding's gradient is added in when whole; of the rest there are the first layer's input and its gradient.
	embedding := vocab*hidden + n*(int64(m.HeadDim)+2*hidden)
	if lora.Rank > 0 {
		embedding = 0
	}
	return max(stages*element+max(head, (running+n*hidden)*element), embedding*element)
}

package trainer

import (
	"fmt"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
)

// loadShape loads a model of random weights.
func loadShape(t *testing.T, shape modeltest.Shape) *model.Decoder {
	lockThread(t)
	dir := t.TempDir()
	require.NoError(t, shape.Write(dir))
	m, err := model.Load(dir, torch.F32, torch.CPU)
	require.NoError(t, err)
	t.Cleanup(m.Free)
	return m
}

// samplesOf are samples of one length, with a prompt of one token, so that almost all of them is response.
func samplesOf(n, tokens, vocab int) []azr.Sample {
	random := rand.New(rand.NewPCG(1, 0))
	samples := make([]azr.Sample, n)
	for i := range samples {
		s := azr.Sample{ID: azr.SampleID{Index: i}, PromptIDs: []int32{1}, Temperature: 1, Reward: float64(i % 2)}
		for range tokens - 1 {
			s.ResponseIDs = append(s.ResponseIDs, int32(random.IntN(vocab)))
			s.LogProbs = append(s.LogProbs, -6)
		}
		samples[i] = s
	}
	return samples
}

// What a step of two micro-batches holds at its peak, and what is counted from the model's config alone,
// differ by less than 5 %, and the activations by themselves by less than 10 %.
func TestMemoryIsThatOfTheAllocator(t *testing.T) {
	for _, c := range []struct {
		name        string
		shape       modeltest.Shape
		batch, long int // tokens of a micro-batch, and of a sample
	}{
		{"grouped heads", modeltest.Shape{Family: "Llama", Hidden: 256, Inner: 704, Layers: 4, Heads: 8, KVHeads: 2, Vocab: 2000, HeadDim: 32}, 512, 128},
		{"all heads, tied", modeltest.Shape{Family: "Llama", Hidden: 192, Inner: 512, Layers: 6, Heads: 6, KVHeads: 6, Vocab: 1000, HeadDim: 32, Tied: true}, 1024, 256},
		{"one head, small", modeltest.Shape{Family: "Llama", Hidden: 128, Inner: 352, Layers: 3, Heads: 4, KVHeads: 1, Vocab: 500, HeadDim: 32}, 1024, 64},
		{"biases", modeltest.Shape{Family: "Qwen2", Hidden: 256, Inner: 1024, Layers: 3, Heads: 4, KVHeads: 2, Vocab: 3000, HeadDim: 64, Tied: true}, 512, 128},
		{"head norms, wide heads", modeltest.Shape{Family: "Qwen3", Hidden: 128, Inner: 384, Layers: 4, Heads: 4, KVHeads: 2, Vocab: 1000, HeadDim: 64, Tied: true}, 512, 128},
		{"wide vocabulary", modeltest.Shape{Family: "Qwen2", Hidden: 128, Inner: 352, Layers: 2, Heads: 4, KVHeads: 2, Vocab: 60000, HeadDim: 32}, 512, 128},
		{"wide vocabulary, tied", modeltest.Shape{Family: "Llama", Hidden: 128, Inner: 352, Layers: 2, Heads: 4, KVHeads: 2, Vocab: 90000, HeadDim: 32, Tied: true}, 256, 64},
		{"long samples", modeltest.Shape{Family: "Llama", Hidden: 128, Inner: 352, Layers: 4, Heads: 4, KVHeads: 2, Vocab: 1000, HeadDim: 32}, 512, 3000},
		{"few tokens", modeltest.Shape{Family: "Llama", Hidden: 512, Inner: 1408, Layers: 4, Heads: 8, KVHeads: 4, Vocab: 1000, HeadDim: 64}, 64, 16},
		{"many layers", modeltest.Shape{Family: "Llama", Hidden: 96, Inner: 256, Layers: 24, Heads: 3, KVHeads: 1, Vocab: 500, HeadDim: 32, Tied: true}, 512, 128},
	} {
		for _, checkpointing := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, checkpointing %v", c.name, checkpointing), func(t *testing.T) {
				before := torch.AllocatedBytes()
				m, config := loadShape(t, c.shape), DefaultConfig()
				config.MicroBatchTokens, config.ActivationCheckpointing = c.batch, checkpointing
				tr := newTrainer(t, config, m)
				torch.ResetPeak()
				_, err := tr.Step(t.Context(), samplesOf(2*max(1, c.batch/c.long), c.long, m.Config.VocabSize))
				require.NoError(t, err)
				want, got := torch.PeakBytes()-before, config.Memory(m.Config, model.LoRA{}, m.DType, c.long, 1)
				states := got.Total() - got.Activations
				t.Logf("%d MiB of %d MiB (%+.1f %%); activations %d MiB of %d MiB (%+.1f %%)", got.Total()>>20, want>>20, percent(got.Total(), want),
					got.Activations>>20, (want-states)>>20, percent(got.Activations, want-states))
				assert.InDelta(t, 0, percent(got.Total(), want), 5, "all")
				assert.InDelta(t, 0, percent(got.Activations, want-states), 10, "activations")
			})
		}
	}
}

// percent is how much more than want got is.
func percent(got, want int64) float64 { return 100 * (float64(got)/float64(want) - 1) }

func TestNoMicroBatchIsLargerThanTheLargestPass(t *testing.T) {
	random := rand.New(rand.NewPCG(3, 0))
	for i := range 400 {
		share := i%2 == 0
		c, longest := Config{MicroBatchTokens: 1 + random.IntN(200)}, 0
		var examples []example
		for range 1 + random.IntN(30) {
			s := samplesOf(1, 2+random.IntN(100), 9)[0]
			s.PromptIDs = s.PromptIDs[:1:1]
			for range random.IntN(3) * 20 { // so that some begin alike
				s.PromptIDs = append(s.PromptIDs, 7)
			}
			s.PromptIDs = append(s.PromptIDs, random.Int32N(3))
			examples = append(examples, example{Sample: s})
			longest = max(longest, examples[len(examples)-1].tokens())
		}
		if share {
			sortByBeginning(examples)
		}
		for _, batch := range pack(examples, c.MicroBatchTokens, share) {
			assert.LessOrEqual(t, len(newPacked(batch, share).ids), c.LargestPass(longest))
		}
	}
}

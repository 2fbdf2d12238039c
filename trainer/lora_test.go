package trainer

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
)

func forEachAdapted(t *testing.T, f func(t *testing.T, m *model.Decoder, g *golden)) {
	for _, variant := range modeltest.Adapted {
		t.Run(variant, func(t *testing.T) {
			f(t, loadFolder(t, "../testdata/adapters/"+variant), openGolden(t, "lora-"+variant))
		})
	}
}

// Gradients of the adapters, and ten updates of them, are PEFT's (Hu et al. 2021, equation 3).
func TestAdaptersLearnAsInPEFT(t *testing.T) {
	forEachAdapted(t, func(t *testing.T, m *model.Decoder, g *golden) {
		loss := g.Losses[0]
		for _, recompute := range []bool{false, true} {
			c := loss.config()
			c.ActivationCheckpointing = recompute
			tr, err := New(c, m, nil)
			require.NoError(t, err)
			batches, tokens := g.micro(loss, 3, 2)
			r := accumulate(tr, loss, batches, tokens)
			assert.InDelta(t, loss.Loss, r.Loss, 1e-4)
			for name, grad := range gradients(t, tr, m) {
				alike(t, "gradient of "+name, g.Floats("grad."+loss.Name+"."+name), grad, 1e-4)
			}
			tr.Close()
		}
		climb(t, m, g, g.Ladders[0], loss)
	})
}

// Nothing but the adapters is changed, or has a gradient or moments.
func TestAdaptersLeaveTheWeights(t *testing.T) {
	forEachAdapted(t, func(t *testing.T, m *model.Decoder, g *golden) {
		before := map[string][]byte{}
		for _, p := range append(m.Parameters(), m.Trainable()...) {
			before[p.Name] = p.Var.Bytes()
		}
		for _, optimizer := range []Optimizer{AdamW, Muon} {
			c := testConfig()
			c.Optimizer = optimizer
			tr := newTrainer(t, c, m)
			_, err := tr.Step(t.Context(), randomSamples(1, m.Config.VocabSize, 12))
			require.NoError(t, err)
			assert.Len(t, tr.Model(), len(m.Trainable()))
			assert.Len(t, optimizerOf(t, tr), 2*len(m.Trainable()))
		}
		for _, p := range m.Parameters() {
			assert.Equal(t, before[p.Name], p.Var.Bytes(), p.Name)
		}
		for _, p := range m.Trainable() {
			assert.NotEqual(t, before[p.Name], p.Var.Bytes(), p.Name)
		}
	})
}

// What training adapters holds is the allocator's, to 5 %, and far less than training the weights does.
func TestMemoryOfAdaptersIsThatOfTheAllocator(t *testing.T) {
	shape := modeltest.Shape{Family: "Llama", Hidden: 256, Inner: 704, Layers: 4, Heads: 8, KVHeads: 2, Vocab: 2000, HeadDim: 32}
	for _, checkpointing := range []bool{false, true} {
		before := torch.AllocatedBytes()
		m, config := loadShape(t, shape), DefaultConfig()
		config.MicroBatchTokens, config.ActivationCheckpointing = 512, checkpointing
		lora := model.DefaultLoRA()
		lora.Rank = 8
		require.NoError(t, m.Adapt(lora, rand.New(rand.NewPCG(1, 1))))
		tr := newTrainer(t, config, m)
		torch.ResetPeak()
		_, err := tr.Step(t.Context(), samplesOf(8, 128, m.Config.VocabSize))
		require.NoError(t, err)
		want, got := torch.PeakBytes()-before, config.Memory(m.Config, lora, m.DType, 128, 1)
		whole := config.Memory(m.Config, model.LoRA{}, m.DType, 128, 1)
		t.Logf("checkpointing %v: %d KiB of %d KiB; without adapters %d KiB", checkpointing, got.Total()>>10, want>>10, whole.Total()>>10)
		assert.InDelta(t, 0, percent(got.Total(), want), 5)
		assert.Less(t, got.Gradients+got.Moments, (whole.Gradients+whole.Moments)/10)
	}
}

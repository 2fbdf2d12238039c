package rollout_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
)

// What an engine holds at its peak, over a prompt that fills the room and then over decoding in all slots,
// and what is counted from the model's config alone, differ by less than 10 %; the cache is exact.
func TestMemoryIsThatOfTheAllocator(t *testing.T) {
	for name, c := range map[string]struct {
		shape  modeltest.Shape
		config rollout.Config
		dtype  torch.DType
	}{
		"few long sequences":        {modeltest.Shape{Family: "Llama", Hidden: 128, Inner: 352, Layers: 4, Heads: 4, KVHeads: 2, Vocab: 1000}, rollout.Config{Slots: 2, Room: 2048}, torch.F32},
		"many short sequences":      {modeltest.Shape{Family: "Qwen2", Hidden: 128, Inner: 352, Layers: 4, Heads: 4, KVHeads: 1, Vocab: 40000, Tied: true}, rollout.Config{Slots: 32, Room: 24}, torch.F32},
		"head norms, wide heads":    {modeltest.Shape{Family: "Qwen3", Hidden: 96, Inner: 256, Layers: 3, Heads: 4, KVHeads: 4, HeadDim: 64, Vocab: 1000, Tied: true}, rollout.Config{Slots: 4, Room: 1024}, torch.F32},
		"bf16, with gathered pages": {modeltest.Shape{Family: "Llama", Hidden: 64, Inner: 96, Layers: 2, Heads: 2, KVHeads: 1, Vocab: 1000}, rollout.Config{Slots: 1, Room: 20000}, torch.BF16},
		"room beyond the context":   {modeltest.Shape{Family: "Llama", Hidden: 64, Inner: 96, Layers: 2, Heads: 2, KVHeads: 1, Vocab: 1000}, rollout.Config{Slots: 1, Room: 20000}, torch.F32},
	} {
		t.Run(name, func(t *testing.T) {
			x := loadShape(t, c.shape, c.dtype)
			before := torch.AllocatedBytes()
			e := newEngine(t, c.config, 1, x)
			want := c.config.Memory(x.model.Config, model.LoRA{}, x.model.DType, torch.CPU)
			assert.Equal(t, want.Cache, torch.AllocatedBytes()-before, "cache")
			torch.ResetPeak()
			room := min(c.config.Room, x.model.Config.MaxPositionEmbeddings)
			for i := range c.config.Slots {
				// A byte of this text is a token. No two begin alike.
				require.NoError(t, e.Submit(azr.Prompt{ID: azr.SampleID{Index: i}, Text: fmt.Sprintf("%02d", i) + strings.Repeat("7", room-4-i%8), Sampling: azr.Sampling{Temperature: 1, MaxTokens: 8}}))
			}
			drain(t, e)
			peak, counted := torch.PeakBytes()-before, want.Cache+want.Activations
			t.Logf("counted %d KiB of %d KiB", counted>>10, peak>>10)
			assert.InEpsilon(t, peak, counted, 0.1)
			assert.InEpsilon(t, peak-want.Cache, want.Activations, 0.1, "activations")
		})
	}
}

// loadShape loads a model of random weights with a tokenizer that fits it.
func loadShape(t *testing.T, shape modeltest.Shape, dtype torch.DType) tiny {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	tok, err := tokenizer.Load(byteLevel)
	require.NoError(t, err)
	t.Cleanup(func() { tok.Close() })
	dir := t.TempDir()
	require.NoError(t, shape.Write(dir))
	m, err := model.Load(dir, dtype, torch.CPU)
	require.NoError(t, err)
	t.Cleanup(m.Free)
	return tiny{m, tok}
}

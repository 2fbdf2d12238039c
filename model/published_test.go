package model_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
)

// published are the models' parameter counts, by the name of our preset: half the total_size in the index of
// the bf16 safetensors files on Hugging Face (Qwen2.5-7B has 15,231,233,024 bytes), and for the single file of
// SmolLM2-135M half its data. The configs are written from the sizes in each model's card and report.
var published = map[string]int64{
	"smollm2-135m":      134_515_008,
	"qwen2.5-3b":        3_085_938_688,
	"qwen2.5-coder-3b":  3_085_938_688,
	"qwen3-4b":          4_022_468_096,
	"qwen2.5-7b":        7_615_616_512,
	"qwen2.5-coder-7b":  7_615_616_512,
	"llama-3.1-8b":      8_030_261_248,
	"qwen2.5-14b":       14_770_033_664,
	"qwen2.5-coder-14b": 14_770_033_664,
}

// publishedConfig reads the config.json beside a preset.
func publishedConfig(t *testing.T, name string) model.Config {
	text, err := os.ReadFile("../configs/models/" + name + ".json")
	require.NoError(t, err)
	c, err := model.ParseConfig(text)
	require.NoError(t, err)
	return c
}

func TestPublishedModelsHaveTheirPublishedSize(t *testing.T) {
	configs, err := filepath.Glob("../configs/models/*.json")
	require.NoError(t, err)
	assert.Len(t, configs, len(published))
	for name, parameters := range published {
		assert.Equal(t, parameters, publishedConfig(t, name).Parameters(), name)
	}
}

// Weights, under their names, are those that transformers makes of the same config.
func TestPublishedModelsHaveTransformersWeights(t *testing.T) {
	text, err := os.ReadFile("../testdata/golden/shapes.json")
	require.NoError(t, err)
	var reference map[string]struct {
		Parameters int64              `json:"parameters"`
		Weights    map[string][]int64 `json:"weights"`
	}
	require.NoError(t, json.Unmarshal(text, &reference))
	require.Len(t, reference, len(published))
	for name, want := range reference {
		c := publishedConfig(t, name)
		got, perLayer := map[string][]int64{}, 0
		for _, w := range c.WeightShapes() {
			if !strings.Contains(w.Name, ".layers.") || strings.Contains(w.Name, ".layers.0.") {
				got[w.Name] = w.Shape
			} else {
				perLayer++
			}
		}
		assert.Equal(t, want.Weights, got, name)
		assert.Equal(t, want.Parameters, c.Parameters(), name)
		assert.Zero(t, perLayer%(c.NumHiddenLayers-1), name)
	}
}

// What no weight's shape tells: how the rows are cut into heads, and how positions turn.
func TestPublishedModelsHaveTheirPublishedHeadsAndPositions(t *testing.T) {
	type facts struct {
		heads, kvHeads, headDim, context int
		tied                             bool
		theta, eps                       float64
		rope                             string
	}
	for name, want := range map[string]facts{
		"smollm2-135m":      {9, 3, 64, 8192, true, 1e5, 1e-5, "default"},
		"qwen2.5-3b":        {16, 2, 128, 32768, true, 1e6, 1e-6, "default"},
		"qwen2.5-coder-3b":  {16, 2, 128, 32768, true, 1e6, 1e-6, "default"},
		"qwen3-4b":          {32, 8, 128, 32768, true, 1e6, 1e-6, "default"},
		"qwen2.5-7b":        {28, 4, 128, 131072, false, 1e6, 1e-6, "default"},
		"qwen2.5-coder-7b":  {28, 4, 128, 32768, false, 1e6, 1e-6, "default"},
		"llama-3.1-8b":      {32, 8, 128, 131072, false, 5e5, 1e-5, "llama3"},
		"qwen2.5-14b":       {40, 8, 128, 131072, false, 1e6, 1e-5, "default"},
		"qwen2.5-coder-14b": {40, 8, 128, 32768, false, 1e6, 1e-5, "default"},
	} {
		c := publishedConfig(t, name)
		r := c.RopeParameters
		assert.Equal(t, want, facts{c.NumAttentionHeads, c.NumKeyValueHeads, c.HeadDim, c.MaxPositionEmbeddings, c.TieWordEmbeddings, r.RopeTheta, c.RMSNormEps, r.RopeType}, name)
	}
	llama := publishedConfig(t, "llama-3.1-8b").RopeParameters
	assert.Equal(t, []float64{8, 1, 4, 8192}, []float64{llama.Factor, llama.LowFreqFactor, llama.HighFreqFactor, float64(llama.OriginalMaxPositionEmbeddings)})
}

// The arithmetic is what the allocator sees.
func TestSizesAreThoseAllocated(t *testing.T) {
	lockThread(t)
	const pages = 3
	for _, variant := range modeltest.Variants {
		for _, dtype := range []torch.DType{torch.F32, torch.BF16} {
			before := torch.AllocatedBytes()
			d, err := model.Load("../testdata/tiny/"+variant, dtype, torch.CPU)
			require.NoError(t, err)
			loaded := torch.AllocatedBytes()
			cache := d.NewKVCache(pages)
			cached := torch.AllocatedBytes()
			cache.Free()
			d.Free()
			assert.Equal(t, d.Config.Parameters()*int64(dtype.Size()), loaded-before, "weights of %s in %s", variant, dtype)
			assert.Equal(t, int64(pages*model.PageSize(torch.CPU))*d.Config.KVBytesPerToken(dtype), cached-loaded, "cache of %s in %s", variant, dtype)
		}
	}
}

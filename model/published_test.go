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
	path := "../configs/models/" + name + ".json"
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	c, err := model.ParseConfig(text, path)
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

// The arithmetic is what the allocator sees.
func TestSizesAreThoseAllocated(t *testing.T) {
	lockThread(t)
	const slots, room = 3, 40
	for _, variant := range modeltest.Variants {
		for _, dtype := range []torch.DType{torch.F32, torch.BF16} {
			before := torch.AllocatedBytes()
			d, err := model.Load("../testdata/tiny/"+variant, dtype, torch.CPU)
			require.NoError(t, err)
			loaded := torch.AllocatedBytes()
			cache := d.NewKVCache(slots, room)
			cached := torch.AllocatedBytes()
			cache.Free()
			d.Free()
			assert.Equal(t, d.Config.Parameters()*int64(dtype.Size()), loaded-before, "weights of %s in %s", variant, dtype)
			assert.Equal(t, slots*room*d.Config.KVBytesPerToken(dtype), cached-loaded, "cache of %s in %s", variant, dtype)
		}
	}
}

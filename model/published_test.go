package model_test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
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
// SmolLM2-135M half its data. The configs in testdata are written from the sizes in each model's card and report.
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

// publishedConfig reads testdata/configs/name.json as a model folder's config.json.
func publishedConfig(t *testing.T, name string) model.Config {
	text, err := os.ReadFile("testdata/configs/" + name + ".json")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644))
	c, err := model.ReadConfig(dir)
	require.NoError(t, err)
	return c
}

func TestPublishedModelsHaveTheirPublishedSize(t *testing.T) {
	configs, err := filepath.Glob("testdata/configs/*.json")
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

// docs/models.md has the table as it is computed.
func TestDocumentedSizesAreComputed(t *testing.T) {
	text, err := os.ReadFile("../docs/models.md")
	require.NoError(t, err)
	names := make([]string, 0, len(published))
	for name := range published {
		names = append(names, name)
	}
	slices.SortFunc(names, func(a, b string) int {
		return cmp.Or(cmp.Compare(published[a], published[b]), cmp.Compare(a, b))
	})
	var table strings.Builder
	for _, name := range names {
		c := publishedConfig(t, name)
		weights, perToken := gigabytes(4*c.Parameters()), c.KVBytesPerToken(torch.F32)
		fmt.Fprintf(&table, "| `%s` | %.2f B | %s | %s | %s | %s | %.1f | %s |\n", name, float64(c.Parameters())/1e9, weights, weights,
			gigabytes(8*c.Parameters()), gigabytes(16*c.Parameters()), float64(perToken)/1e3, gigabytes(perToken*min(14240, int64(c.MaxPositionEmbeddings))))
	}
	if !assert.Contains(t, string(text), table.String()) {
		t.Logf("docs/models.md wants these lines:\n%s", table.String())
	}
}

func gigabytes(n int64) string { return fmt.Sprintf("%.1f", float64(n)/1e9) }

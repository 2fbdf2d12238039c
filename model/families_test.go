package model_test

import (
	"encoding/binary"
	"encoding/json"
	"flag"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/safetensors"
)

var shapesSeed = flag.Uint64("shapes.seed", rand.Uint64(), "seed of the shapes that TestRandomShapesAgreeWithThemselves draws")

// pick draws one of the choices.
func pick[T any](random *rand.Rand, choices ...T) T { return choices[random.IntN(len(choices))] }

// randomConfig draws a config.json of a family.
func randomConfig(random *rand.Rand, architecture string) map[string]any {
	kvHeads, group, headDim := 1+random.IntN(3), 1+random.IntN(4), 2*(2+random.IntN(10))
	config := map[string]any{
		"architectures": []string{architecture}, "vocab_size": 50 + random.IntN(80), "max_position_embeddings": 64,
		"hidden_size": 8 * (2 + random.IntN(5)), "intermediate_size": 8 * (2 + random.IntN(8)), "num_hidden_layers": 1 + random.IntN(3),
		"num_attention_heads": kvHeads * group, "num_key_value_heads": kvHeads, "head_dim": headDim,
		"rms_norm_eps": pick(random, 1e-5, 1e-6), "tie_word_embeddings": pick(random, true, false),
		"rope_theta":   pick(random, 1e4, 5e5, 1e6),
		"rope_scaling": pick[any](random, nil, map[string]any{"type": "linear", "factor": 4}, map[string]any{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4, "original_max_position_embeddings": 16 + random.IntN(16)}),
	}
	if architecture != "Qwen2ForCausalLM" {
		config["attention_bias"] = pick(random, true, false)
	}
	return config
}

// writeRandom makes a model folder of a config, with random weights of a dtype on disk.
func writeRandom(t *testing.T, config map[string]any, random *rand.Rand) string {
	dir := t.TempDir()
	text, err := json.Marshal(config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644))
	read, err := model.ReadConfig(dir)
	require.NoError(t, err)
	dtype := pick(random, safetensors.F32, safetensors.BF16)
	var tensors []safetensors.Tensor
	for _, w := range read.WeightShapes() {
		center, deviation, n := 0.0, 0.2, int64(1)
		for _, size := range w.Shape {
			n *= size
		}
		if strings.HasSuffix(w.Name, "norm.weight") {
			center = 1
		}
		var data []byte
		for range n {
			bits := math.Float32bits(float32(center + deviation*random.NormFloat64()))
			if dtype == safetensors.F32 {
				data = binary.LittleEndian.AppendUint32(data, bits)
			} else {
				data = binary.LittleEndian.AppendUint16(data, uint16(bits>>16))
			}
		}
		tensors = append(tensors, stored(w.Name, dtype, w.Shape, data))
	}
	writeWeights(t, dir, tensors)
	return dir
}

// Whatever the shape, prefill, decode and the packed pass are one distribution, and the counted
// parameters are those that are loaded.
func TestRandomShapesAgreeWithThemselves(t *testing.T) {
	random := rand.New(rand.NewPCG(*shapesSeed, 0))
	t.Logf("-shapes.seed=%d", *shapesSeed)
	for _, architecture := range []string{"LlamaForCausalLM", "Qwen2ForCausalLM", "Qwen3ForCausalLM"} {
		for i := range 4 {
			config := randomConfig(random, architecture)
			t.Run(fmt.Sprint(architecture, i), func(t *testing.T) {
				t.Logf("config %v", config)
				d := load(t, writeRandom(t, config, random))
				var sequences [][]int64
				for _, n := range []int{2, 9, 34} {
					sequence := make([]int64, n)
					for j := range sequence {
						sequence[j] = random.Int64N(int64(d.Config.VocabSize))
					}
					sequences = append(sequences, sequence)
				}
				packed, _ := packedLogProbs(d, sequences, 1)
				within(t, "prefilled log-probs", packed, prefilledLogProbs(d, sequences), 1e-4)
				within(t, "decoded log-probs", packed, decodedLogProbs(d, sequences), 1e-4)
			})
		}
	}
}

// The goldens of a family would tell if what sets it apart were left out: the variant without it is another model.
func TestWhatSetsAVariantApartChangesItsLogProbs(t *testing.T) {
	for variant, change := range map[string]map[string]any{
		"llama3-scaled": {"rope_scaling": nil},
		"llama-biased":  {"rope_parameters": map[string]any{"rope_theta": 10000.0}},
		"qwen2-mqa":     {"rope_scaling": nil},
		"qwen3-mha":     {"original_max_position_embeddings": nil},
		"qwen2-mha":     {"rope_parameters": map[string]any{"rope_theta": 1000.0}},
	} {
		dir := copyModel(t, variant)
		editConfig(t, dir, change)
		want := openGolden(t, variant).Floats("seq.logprobs_t1")
		got, _ := packedLogProbs(load(t, dir), openGolden(t, variant).sequences(), 1)
		require.Len(t, got, len(want))
		worst := 0.0
		for i := range want {
			worst = max(worst, math.Abs(float64(want[i]-got[i])))
		}
		assert.Greater(t, worst, 0.01, variant)
	}
}

// Weights of one family are refused by the other: each lacks or adds the other's.
func TestAFamilyRefusesAnothersWeights(t *testing.T) {
	lockThread(t)
	for _, c := range []struct{ variant, architecture, want, name string }{
		{"qwen2-mha", "LlamaForCausalLM", "surplus weight", "self_attn.k_proj.bias"},
		{"qwen3-wide", "LlamaForCausalLM", "surplus weight", "self_attn.k_norm.weight"},
		{"llama-gqa", "Qwen2ForCausalLM", "missing weight", "self_attn.q_proj.bias"},
		{"llama-wide", "Qwen3ForCausalLM", "missing weight", "self_attn.q_norm.weight"},
	} {
		dir := copyModel(t, c.variant)
		editConfig(t, dir, map[string]any{"architectures": []string{c.architecture}})
		refused(t, dir, c.want, "model.layers.0."+c.name)
	}
}

// A config without head_dim means the family's own: 128 in Qwen3, else the hidden size over the heads.
func TestHeadDimThatIsLeftOut(t *testing.T) {
	for architecture, want := range map[string]int{"LlamaForCausalLM": 16, "Qwen2ForCausalLM": 16, "Qwen3ForCausalLM": 128} {
		c, err := model.ParseConfig([]byte(`{"architectures": ["` + architecture + `"], "hidden_size": 64, "num_attention_heads": 4,
			"intermediate_size": 8, "num_hidden_layers": 1, "vocab_size": 9, "max_position_embeddings": 9}`))
		require.NoError(t, err)
		assert.Equal(t, want, c.HeadDim, architecture)
	}
}

// A decoded row has the same bits among any number of rows, biases or not.
func TestDecodedBitsDoNotDependOnTheRows(t *testing.T) {
	forEachVariant(t, func(t *testing.T, d *model.Decoder, _ *golden) {
		want := bitsOfARow(d, 1)
		for _, rows := range []int{2, 3, 5, 7, 8, 13, 32, 61} {
			assert.Equal(t, want, bitsOfARow(d, rows), "%d rows", rows)
		}
	})
}

// bitsOfARow decodes one token after two of a sequence, as the last of rows that all differ.
func bitsOfARow(d *model.Decoder, rows int) (bits []byte) {
	q := newSequences(d, rows, 8)
	defer q.Free()
	s := torch.NewScope()
	defer s.Close()
	torch.BatchInvariant(func() {
		ids, positions := make([]int64, rows), make([]int, rows)
		for i := range rows {
			other := int64(rows - 1 - i)
			ids[i], positions[i] = 3+other%90, 2
			q.prefill(s, i, []int64{7 + other%90, 50 + other%40})
		}
		bits = d.Logits(q.decode(s, ids, positions)).Narrow(0, rows-1, 1).Contiguous().Bytes()
	})
	return bits
}

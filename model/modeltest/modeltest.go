// Package modeltest makes small random models for tests.
package modeltest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/azr-train/azr/torch/safetensors"
)

// Llama is the shape of a random Llama with 2 layers and untied f32 weights.
type Llama struct {
	Vocab, Context                int
	Hidden, Inner, Heads, KVHeads int
	// Seed of the weights: normal with deviation 0.1, norms around 1.
	Seed uint64
	// Edit may change weights, by Hugging Face name, before they are written; nil leaves them.
	Edit func(weights map[string][]float32)
}

// Small returns a Llama of 4 heads over 2, hidden size 64, for a vocabulary and a context length in tokens.
func Small(vocab, context int) Llama {
	return Llama{Vocab: vocab, Context: context, Hidden: 64, Inner: 96, Heads: 4, KVHeads: 2, Seed: 1}
}

const layers = 2

// Write puts config.json and model.safetensors into dir.
func (l Llama) Write(dir string) error {
	config, err := json.Marshal(map[string]any{
		"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "hidden_size": l.Hidden, "intermediate_size": l.Inner,
		"num_hidden_layers": layers, "num_attention_heads": l.Heads, "num_key_value_heads": l.KVHeads,
		"vocab_size": l.Vocab, "max_position_embeddings": l.Context, "rms_norm_eps": 1e-5, "torch_dtype": "float32",
	})
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), config, 0o644); err != nil {
		return err
	}
	return write(dir, l.tensors())
}

func write(dir string, tensors []safetensors.Tensor) error {
	f, err := os.Create(filepath.Join(dir, safetensors.SingleName))
	if err != nil {
		return err
	}
	defer f.Close()
	return safetensors.Write(f, tensors, nil)
}

// tensors draws the weights in a fixed order.
func (l Llama) tensors() []safetensors.Tensor {
	random := rand.New(rand.NewPCG(l.Seed, 0))
	names, shapes := l.shapes()
	weights := map[string][]float32{}
	for _, name := range names {
		n, center := int64(1), float64(0)
		for _, size := range shapes[name] {
			n *= size
		}
		if len(shapes[name]) == 1 {
			center = 1
		}
		for range n {
			weights[name] = append(weights[name], float32(center+0.1*random.NormFloat64()))
		}
	}
	if l.Edit != nil {
		l.Edit(weights)
	}
	var tensors []safetensors.Tensor
	for _, name := range names {
		var data []byte
		for _, w := range weights[name] {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(w))
		}
		tensors = append(tensors, safetensors.Tensor{
			Name: name, DType: safetensors.F32, Shape: shapes[name],
			Data: func() ([]byte, error) { return data, nil },
		})
	}
	return tensors
}

func (l Llama) shapes() (names []string, shapes map[string][]int64) {
	shapes = map[string][]int64{}
	add := func(name string, shape ...int) {
		names = append(names, name)
		for _, size := range shape {
			shapes[name] = append(shapes[name], int64(size))
		}
	}
	kv := l.Hidden / l.Heads * l.KVHeads
	add("model.embed_tokens.weight", l.Vocab, l.Hidden)
	for i := range layers {
		at := func(name string) string { return fmt.Sprintf("model.layers.%d.%s.weight", i, name) }
		add(at("input_layernorm"), l.Hidden)
		add(at("self_attn.q_proj"), l.Hidden, l.Hidden)
		add(at("self_attn.k_proj"), kv, l.Hidden)
		add(at("self_attn.v_proj"), kv, l.Hidden)
		add(at("self_attn.o_proj"), l.Hidden, l.Hidden)
		add(at("post_attention_layernorm"), l.Hidden)
		add(at("mlp.gate_proj"), l.Inner, l.Hidden)
		add(at("mlp.up_proj"), l.Inner, l.Hidden)
		add(at("mlp.down_proj"), l.Hidden, l.Inner)
	}
	add("model.norm.weight", l.Hidden)
	add("lm_head.weight", l.Vocab, l.Hidden)
	return names, shapes
}

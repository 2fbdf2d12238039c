package bootstrap

import (
	"fmt"
)

// Shape is the size of the starter's decoder, in the terms of a Hugging Face config.json.
type Shape struct {
	HiddenSize        int `yaml:"hidden_size"`         // default 96
	IntermediateSize  int `yaml:"intermediate_size"`   // default 256
	NumHiddenLayers   int `yaml:"num_hidden_layers"`   // default 3
	NumAttentionHeads int `yaml:"num_attention_heads"` // default 4
	// MaxPositionEmbeddings is the context length in tokens (default 512).
	MaxPositionEmbeddings int `yaml:"max_position_embeddings"`
	// RopeTheta is the base of the rotary embedding (default 10000).
	RopeTheta float64 `yaml:"rope_theta"`
}

// DefaultShape has 0.4 million parameters, of which a seventh are embeddings.
func DefaultShape() Shape { return Shape{96, 256, 3, 4, 512, 10000} }

// Validate returns the first size that makes no sense; package model checks the rest.
func (s Shape) Validate() error {
	if s.NumAttentionHeads < 1 || s.HiddenSize%(2*s.NumAttentionHeads) != 0 {
		return fmt.Errorf("bootstrap.Shape: hidden_size is not divisible into heads of even size; got %d over %d heads", s.HiddenSize, s.NumAttentionHeads)
	}
	return nil
}

// ModelConfig returns the starter's config.json and generation_config.json: a Llama with tied embeddings.
func (s Shape) ModelConfig() (config, generation []byte) {
	config = encode(map[string]any{
		"architectures": []string{"LlamaForCausalLM"}, "model_type": "llama", "hidden_act": "silu",
		"hidden_size": s.HiddenSize, "intermediate_size": s.IntermediateSize, "num_hidden_layers": s.NumHiddenLayers,
		"num_attention_heads": s.NumAttentionHeads, "num_key_value_heads": s.NumAttentionHeads,
		"head_dim": s.HiddenSize / s.NumAttentionHeads, "max_position_embeddings": s.MaxPositionEmbeddings,
		"rope_theta": s.RopeTheta, "rms_norm_eps": 1e-6, "tie_word_embeddings": true, "attention_bias": false, "mlp_bias": false,
		"vocab_size": VocabSize(), "bos_token_id": nil, "eos_token_id": 0, "pad_token_id": 0, "torch_dtype": "float32",
	})
	return config, encode(map[string]any{"eos_token_id": 0, "pad_token_id": 0})
}

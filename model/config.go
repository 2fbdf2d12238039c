package model

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/azr-train/azr/wholefile"
)

// Config is the part of a Hugging Face config.json that shapes a decoder.
type Config struct {
	Architectures         []string `json:"architectures"`
	ModelType             string   `json:"model_type"`
	HiddenSize            int      `json:"hidden_size"`
	IntermediateSize      int      `json:"intermediate_size"`
	NumHiddenLayers       int      `json:"num_hidden_layers"`
	NumAttentionHeads     int      `json:"num_attention_heads"`
	NumKeyValueHeads      int      `json:"num_key_value_heads"`
	HeadDim               int      `json:"head_dim"`
	VocabSize             int      `json:"vocab_size"`
	MaxPositionEmbeddings int      `json:"max_position_embeddings"`
	RMSNormEps            float64  `json:"rms_norm_eps"`
	HiddenAct             string   `json:"hidden_act"`
	TieWordEmbeddings     bool     `json:"tie_word_embeddings"`
	AttentionBias         bool     `json:"attention_bias"`
	MLPBias               bool     `json:"mlp_bias"`
	// Attention over the last tokens only, in all layers or in some: refused.
	UseSlidingWindow bool     `json:"use_sliding_window"`
	LayerTypes       []string `json:"layer_types"`
	// Rotary embedding: older files have rope_theta and rope_scaling, newer ones rope_parameters. Of both,
	// rope_scaling counts.
	RopeTheta      float64         `json:"rope_theta"`
	RopeScaling    *RopeParameters `json:"rope_scaling"`
	RopeParameters *RopeParameters `json:"rope_parameters"`
	// OriginalMaxPositionEmbeddings goes before that of the rope's parameters.
	OriginalMaxPositionEmbeddings int `json:"original_max_position_embeddings"`

	layout Layout
}

// ReadConfig reads and checks dir/config.json; that of the model that they belong to for a folder of adapters.
func ReadConfig(dir string) (Config, error) {
	base, err := Base(dir)
	if err != nil {
		return Config{}, err
	}
	return readConfig(base)
}

// mostConfigBytes bounds a config.json; the longest are some kilobytes.
const mostConfigBytes = 16 << 20

func readConfig(dir string) (Config, error) {
	path := filepath.Join(dir, "config.json")
	text, err := wholefile.Read(path, mostConfigBytes)
	if err != nil {
		return Config{}, fmt.Errorf("model.ReadConfig: no model there; got %v; hint: --model takes a Hugging Face folder", err)
	}
	c, err := ParseConfig(text)
	if err != nil {
		return Config{}, fmt.Errorf("model.ReadConfig: %s: %w", path, err)
	}
	return c, nil
}

// ParseConfig reads and checks the text of a config.json.
func ParseConfig(text []byte) (Config, error) {
	c := Config{RMSNormEps: 1e-6, HiddenAct: "silu", RopeTheta: 10000}
	if err := json.Unmarshal(text, &c); err != nil {
		return Config{}, fmt.Errorf("not a config: %w", err)
	}
	c.fillIn()
	if err := c.check(); err != nil {
		return Config{}, err
	}
	var err error
	c.layout, err = layoutOf(c)
	return c, err
}

// fillIn applies the defaults that config.json leaves out.
func (c *Config) fillIn() {
	if c.NumKeyValueHeads == 0 {
		c.NumKeyValueHeads = c.NumAttentionHeads
	}
	if c.HeadDim == 0 && slices.Contains(c.Architectures, qwen3Name) {
		c.HeadDim = qwen3HeadDim
	}
	if c.HeadDim == 0 && c.NumAttentionHeads > 0 {
		c.HeadDim = c.HiddenSize / c.NumAttentionHeads
	}
	rope := RopeParameters{}
	switch {
	case c.RopeScaling != nil && *c.RopeScaling != rope:
		rope = *c.RopeScaling
	case c.RopeParameters != nil:
		rope = *c.RopeParameters
	}
	rope.fillIn(c.RopeTheta)
	rope.OriginalMaxPositionEmbeddings = cmp.Or(c.OriginalMaxPositionEmbeddings, rope.OriginalMaxPositionEmbeddings)
	c.RopeParameters = &rope
}

// A config with a larger size or with more layers is damaged or hostile.
const (
	largest    = 1 << 24
	mostLayers = 1 << 12
)

func (c *Config) check() error {
	for _, size := range []struct {
		key   string
		value int
	}{
		{"hidden_size", c.HiddenSize}, {"intermediate_size", c.IntermediateSize}, {"num_hidden_layers", c.NumHiddenLayers},
		{"num_attention_heads", c.NumAttentionHeads}, {"num_key_value_heads", c.NumKeyValueHeads}, {"head_dim", c.HeadDim},
		{"vocab_size", c.VocabSize}, {"max_position_embeddings", c.MaxPositionEmbeddings},
	} {
		if size.value < 1 || size.value > largest {
			return fmt.Errorf("%s out of range; got %d, want 1 to %d", size.key, size.value, largest)
		}
	}
	switch {
	case c.NumHiddenLayers > mostLayers:
		return fmt.Errorf("num_hidden_layers out of range; got %d, want at most %d", c.NumHiddenLayers, mostLayers)
	case c.NumAttentionHeads%c.NumKeyValueHeads != 0:
		return fmt.Errorf("num_attention_heads is no multiple of num_key_value_heads; got %d and %d", c.NumAttentionHeads, c.NumKeyValueHeads)
	case c.HeadDim%2 != 0:
		return fmt.Errorf("head_dim is odd; got %d, want pairs to rotate", c.HeadDim)
	case !(c.RMSNormEps > 0 && c.RMSNormEps < 1):
		return fmt.Errorf("rms_norm_eps out of range; got %g, want between 0 and 1", c.RMSNormEps)
	case c.HiddenAct != "silu":
		return fmt.Errorf("unsupported hidden_act; got %q, want \"silu\"", c.HiddenAct)
	case c.UseSlidingWindow:
		return errors.New("unsupported attention; got use_sliding_window true, want false")
	}
	for _, kind := range c.LayerTypes {
		if kind != "full_attention" {
			return fmt.Errorf("unsupported layer_types; got %q, want \"full_attention\" for every layer", kind)
		}
	}
	return c.RopeParameters.check()
}

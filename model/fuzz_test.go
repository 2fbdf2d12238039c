package model_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
)

// Whatever a config.json says, it is a config whose sizes can be counted, or one line.
func FuzzParseConfig(f *testing.F) {
	for _, variant := range modeltest.Variants {
		text, err := os.ReadFile("../testdata/tiny/" + variant + "/config.json")
		require.NoError(f, err)
		f.Add(text)
	}
	for _, text := range []string{
		`{}`, `[]`, `{"hidden_size": 1e99}`, `{"hidden_size": -1}`, `{"rope_scaling": {"rope_type": "llama3"}}`, `{"rope_scaling": {"factor": 0}}`,
		`{"architectures": ["LlamaForCausalLM"], "hidden_size": 16777216, "intermediate_size": 16777216, "num_hidden_layers": 4096, "num_attention_heads": 1, "vocab_size": 16777216, "max_position_embeddings": 1}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		c, err := model.ParseConfig(text)
		if err != nil {
			assert.False(t, strings.ContainsAny(err.Error(), "\n\r"), "%q", err)
			return
		}
		assert.Positive(t, c.Parameters())
		assert.Positive(t, c.Activations(model.LoRA{}).Graph)
	})
}

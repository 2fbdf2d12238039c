package modeltest

import (
	"encoding/binary"
	"encoding/json"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch/safetensors"
)

// Shape is a model of any family. Zero fields are left out of config.json.
type Shape struct {
	// Family is "Llama", "Qwen2" or "Qwen3".
	Family                                                string
	Hidden, Inner, Layers, Heads, KVHeads, HeadDim, Vocab int
	Tied                                                  bool
}

// Write puts config.json and a model.safetensors of small random f32 weights into dir. The context is of
// 8192 tokens.
func (s Shape) Write(dir string) error {
	config := map[string]any{
		"architectures": []string{s.Family + "ForCausalLM"}, "hidden_size": s.Hidden, "intermediate_size": s.Inner,
		"num_hidden_layers": s.Layers, "num_attention_heads": s.Heads, "num_key_value_heads": s.KVHeads, "head_dim": s.HeadDim,
		"vocab_size": s.Vocab, "max_position_embeddings": 8192, "tie_word_embeddings": s.Tied,
	}
	maps.DeleteFunc(config, func(_ string, value any) bool { return value == 0 })
	text, err := json.Marshal(config)
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "config.json"), text, 0o644); err != nil {
		return err
	}
	read, err := model.ReadConfig(dir)
	if err != nil {
		return err
	}
	random := rand.New(rand.NewPCG(1, 0))
	var tensors []safetensors.Tensor
	for _, w := range read.WeightShapes() {
		tensors = append(tensors, safetensors.Tensor{Name: w.Name, DType: safetensors.F32, Shape: w.Shape, Data: func() ([]byte, error) {
			return uniform(random, w.Shape), nil
		}})
	}
	return write(dir, tensors)
}

// uniform draws f32 values between -0.05 and 0.05.
func uniform(random *rand.Rand, shape []int64) []byte {
	n := int64(1)
	for _, size := range shape {
		n *= size
	}
	data := make([]byte, 0, 4*n)
	for range n {
		data = binary.LittleEndian.AppendUint32(data, math.Float32bits(0.1*random.Float32()-0.05))
	}
	return data
}

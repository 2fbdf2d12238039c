package model_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/safetensors"
)

// copyModel copies a tiny model's folder, so that a test can spoil it.
func copyModel(t *testing.T, variant string) string {
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS("../testdata/tiny/"+variant)))
	return dir
}

// editConfig sets keys of dir/config.json; nil takes a key out.
func editConfig(t *testing.T, dir string, changes map[string]any) {
	path := filepath.Join(dir, "config.json")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var config map[string]any
	require.NoError(t, json.Unmarshal(text, &config))
	for key, value := range changes {
		config[key] = value
		if value == nil {
			delete(config, key)
		}
	}
	text, err = json.Marshal(config)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text, 0o644))
}

// editWeights writes dir's weights again after a change, in one file.
func editWeights(t *testing.T, dir string, change func([]safetensors.Tensor) []safetensors.Tensor) {
	folder, err := safetensors.OpenFolder(dir)
	require.NoError(t, err)
	var tensors []safetensors.Tensor
	for _, info := range folder.Tensors() {
		data, err := folder.Read(info.Name)
		require.NoError(t, err)
		tensors = append(tensors, stored(info.Name, info.DType, info.Shape, data))
	}
	require.NoError(t, folder.Close())
	writeWeights(t, dir, change(tensors))
}

func writeWeights(t *testing.T, dir string, tensors []safetensors.Tensor) {
	f, err := os.Create(filepath.Join(dir, safetensors.SingleName))
	require.NoError(t, err)
	require.NoError(t, safetensors.Write(f, tensors, map[string]string{"format": "pt"}))
	require.NoError(t, f.Close())
}

func stored(name string, dtype safetensors.DType, shape []int64, data []byte) safetensors.Tensor {
	return safetensors.Tensor{Name: name, DType: dtype, Shape: shape, Data: func() ([]byte, error) { return data, nil }}
}

// at is the place of a weight in a list.
func at(tensors []safetensors.Tensor, name string) int {
	return slices.IndexFunc(tensors, func(t safetensors.Tensor) bool { return t.Name == name })
}

func TestLoadNamesTheFault(t *testing.T) {
	lockThread(t)
	const norm, head = "model.norm.weight", "lm_head.weight"
	type tensors = []safetensors.Tensor
	weights := func(change func(tensors) tensors) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { editWeights(t, dir, change) }
	}
	config := func(key string, value any) func(t *testing.T, dir string) {
		return func(t *testing.T, dir string) { editConfig(t, dir, map[string]any{key: value}) }
	}
	single := func(dir string) string { return filepath.Join(dir, safetensors.SingleName) }
	cases := map[string]struct {
		spoil func(t *testing.T, dir string)
		want  []string
	}{
		"no config":       {func(t *testing.T, dir string) { os.Remove(dir + "/config.json") }, []string{"no model there", "config.json"}},
		"no weights file": {func(t *testing.T, dir string) { os.Remove(single(dir)) }, []string{"no weights", "model.safetensors"}},
		"config is not JSON": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(dir+"/config.json", []byte("{\n\"hidden_size\":"), 0o644))
		}, []string{"not a config"}},
		"unsupported architecture": {config("architectures", []string{"GPT2LMHeadModel"}), []string{"unsupported architecture", "GPT2LMHeadModel", "LlamaForCausalLM"}},
		"no architecture":          {config("architectures", nil), []string{"unsupported architecture"}},
		"biases":                   {config("mlp_bias", true), []string{"unsupported Llama", "mlp_bias"}},
		"missing bias":             {config("attention_bias", true), []string{"missing weight", "model.layers.0.self_attn.q_proj.bias", "[64]"}},
		"sliding window":           {config("use_sliding_window", true), []string{"use_sliding_window"}},
		"sliding layers":           {config("layer_types", []string{"full_attention", "sliding_attention"}), []string{"layer_types", "sliding_attention"}},
		"size out of range":        {config("vocab_size", 1<<40), []string{"vocab_size out of range"}},
		"size missing":             {config("num_hidden_layers", nil), []string{"num_hidden_layers out of range"}},
		"absurd depth":             {config("num_hidden_layers", 1<<20), []string{"num_hidden_layers out of range"}},
		"unknown rope":             {config("rope_scaling", map[string]any{"type": "yarn", "factor": 4}), []string{"unsupported rope_type", "yarn", "llama3"}},
		"rope without a factor":    {config("rope_scaling", map[string]any{"rope_type": "linear"}), []string{"factor", "linear"}},
		"rope factors in disorder": {config("rope_scaling", map[string]any{"rope_type": "llama3", "factor": 8, "low_freq_factor": 4, "high_freq_factor": 1}), []string{"low_freq_factor", "4 and 1"}},
		"rope without its length":  {config("rope_scaling", map[string]any{"rope_type": "llama3", "factor": 8, "low_freq_factor": 1, "high_freq_factor": 4}), []string{"original_max_position_embeddings"}},
		"half-rotated heads":       {config("rope_parameters", map[string]any{"partial_rotary_factor": 0.5}), []string{"partial_rotary_factor", "0.5"}},
		"activation":               {config("hidden_act", "gelu"), []string{"unsupported hidden_act", "gelu"}},
		"missing weight": {weights(func(l tensors) tensors { return slices.Delete(l, at(l, norm), at(l, norm)+1) }),
			[]string{"missing weight", norm, "[64]"}},
		"surplus weight": {weights(func(l tensors) tensors {
			return append(l, stored("model.layers.2.mlp.up_proj.weight", safetensors.F32, []int64{1}, make([]byte, 4)))
		}), []string{"surplus weight", "model.layers.2.mlp.up_proj.weight"}},
		"misshapen weight": {weights(func(l tensors) tensors {
			l[at(l, head)].Shape = []int64{64, 257}
			return l
		}), []string{"misshapen weight", head, "[64 257]", "[257 64]"}},
		"whole numbers": {weights(func(l tensors) tensors {
			l[at(l, norm)] = stored(norm, safetensors.I64, []int64{64}, make([]byte, 8*64))
			return l
		}), []string{"unsupported dtype", norm, "I64"}},
		"truncated file": {func(t *testing.T, dir string) {
			stat, err := os.Stat(single(dir))
			require.NoError(t, err)
			require.NoError(t, os.Truncate(single(dir), stat.Size()-100))
		}, []string{"model.safetensors"}},
		"truncated header": {func(t *testing.T, dir string) { require.NoError(t, os.Truncate(single(dir), 20)) }, []string{"truncated"}},
		"corrupt header": {func(t *testing.T, dir string) {
			require.NoError(t, os.WriteFile(single(dir), []byte("this is no header of a safetensors file"), 0o644))
		}, []string{"model.safetensors", "header"}},
	}
	live, bytes := torch.Live(), torch.AllocatedBytes()
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			dir := copyModel(t, "llama-gqa")
			c.spoil(t, dir)
			refused(t, dir, c.want...)
		})
	}
	t.Run("no folder", func(t *testing.T) {
		refused(t, filepath.Join(t.TempDir(), "nowhere"), "no model there", "nowhere", "hint")
	})
	t.Run("a shard is gone", func(t *testing.T) {
		dir := copyModel(t, "llama-mqa-sharded")
		require.NoError(t, os.Remove(filepath.Join(dir, "model-00002-of-00003.safetensors")))
		refused(t, dir, "model-00002-of-00003.safetensors")
	})
	assert.Equal(t, live, torch.Live(), "handles")
	assert.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
}

// refused requires that dir does not load, with an error of one line that has the wanted words.
func refused(t *testing.T, dir string, want ...string) {
	d, err := model.Load(dir, torch.F32, torch.CPU)
	require.Error(t, err)
	require.Nil(t, d)
	assert.NotContains(t, err.Error(), "\n")
	for _, word := range want {
		assert.ErrorContains(t, err, word)
	}
}

func TestATiedModelIgnoresAHeadInItsFile(t *testing.T) {
	dir := copyModel(t, "llama-tied-mha")
	editWeights(t, dir, func(l []safetensors.Tensor) []safetensors.Tensor {
		embedding := l[at(l, "model.embed_tokens.weight")]
		embedding.Name = "lm_head.weight"
		return append(l, embedding)
	})
	d := load(t, dir)
	assert.Same(t, d.Embedding, d.Head)
	for _, p := range d.Parameters() {
		assert.NotEqual(t, "lm_head.weight", p.Name)
	}
}

// transformers does not tie a head that is in the file and differs: reading past it would give other logits.
func TestATiedModelRefusesAHeadOfItsOwn(t *testing.T) {
	for want, change := range map[string]func(head *safetensors.Tensor, values []byte){
		"other values than model.embed_tokens.weight": func(_ *safetensors.Tensor, values []byte) { values[1] ^= 1 },
		"misshapen weight lm_head.weight": func(head *safetensors.Tensor, _ []byte) {
			head.Shape = []int64{head.Shape[1], head.Shape[0]}
		},
	} {
		dir := copyModel(t, "llama-tied-mha")
		editWeights(t, dir, func(l []safetensors.Tensor) []safetensors.Tensor {
			head := l[at(l, "model.embed_tokens.weight")]
			values, err := head.Data()
			require.NoError(t, err)
			values = slices.Clone(values)
			head.Name, head.Data = "lm_head.weight", func() ([]byte, error) { return values, nil }
			change(&head, values)
			return append(l, head)
		})
		refused(t, dir, "lm_head.weight", want)
	}
}

// What Tensors writes, Load reads: the same names, shapes and bits.
func TestTensorsLoadBack(t *testing.T) {
	for _, variant := range modeltest.Variants {
		dir := copyModel(t, variant)
		d := load(t, dir)
		require.NoError(t, os.RemoveAll(filepath.Join(dir, "model.safetensors.index.json")))
		writeWeights(t, dir, d.Tensors())
		again := load(t, dir)
		want, got := d.Parameters(), again.Parameters()
		require.Len(t, got, len(want))
		for i := range want {
			require.Equal(t, want[i].Name, got[i].Name)
			require.Equal(t, want[i].Var.Shape(), got[i].Var.Shape())
			require.Equal(t, want[i].Var.Bytes(), got[i].Var.Bytes(), want[i].Name)
		}
	}
}

func TestLoadConvertsToTheDTypeAskedFor(t *testing.T) {
	lockThread(t)
	d, err := model.Load("../testdata/tiny/llama-mqa-sharded", torch.BF16, torch.CPU)
	require.NoError(t, err)
	defer d.Free()
	for _, p := range d.Parameters() {
		assert.Equal(t, torch.BF16, p.Var.DType(), p.Name)
		assert.Equal(t, p.Shape, p.Var.Shape(), p.Name)
	}
}

package rollout_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/safetensors"
)

const (
	byteLevel    = "tokenizer/testdata/bytelevel"
	byteFallback = "tokenizer/testdata/bytefallback"
)

// Sizes of the tiny Llama of these tests: heads 4/2 of 16, and a vocabulary that is a little larger than
// the tokenizer's, as in real models.
const hidden, inner, kv, contextLength, spare = 64, 96, 32, 256, 7

// tiny is a random Llama with a small tokenizer.
type tiny struct {
	model     *model.Decoder
	tokenizer *tokenizer.Tokenizer
}

// weights are a Llama's by Hugging Face name, before they are written.
type weights map[string][]float32

// newTiny writes a folder with a tokenizer's files and a random Llama that fits it, loads both, and
// frees them after the test. edit may change the weights.
func newTiny(t *testing.T, tokenizerDir string, edit func(*tokenizer.Tokenizer, weights)) tiny {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
	dir := t.TempDir()
	require.NoError(t, os.CopyFS(dir, os.DirFS(tokenizerDir)))
	tok, err := tokenizer.Load(dir)
	require.NoError(t, err)
	t.Cleanup(func() { tok.Close() })
	writeModel(t, dir, tok, edit)
	m, err := model.Load(dir, torch.F32, torch.CPU)
	require.NoError(t, err)
	t.Cleanup(m.Free)
	return tiny{m, tok}
}

func writeModel(t *testing.T, dir string, tok *tokenizer.Tokenizer, edit func(*tokenizer.Tokenizer, weights)) {
	vocab := tok.VocabSize() + spare
	config, err := json.Marshal(map[string]any{
		"architectures": []string{"LlamaForCausalLM"}, "hidden_size": hidden, "intermediate_size": inner,
		"num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "head_dim": 16,
		"vocab_size": vocab, "max_position_embeddings": contextLength, "rms_norm_eps": 1e-5,
	})
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "config.json"), config, 0o644))
	w, shapes := randomWeights(int64(vocab))
	if edit != nil {
		edit(tok, w)
	}
	var tensors []safetensors.Tensor
	for name, values := range w {
		var data []byte
		for _, v := range values {
			data = binary.LittleEndian.AppendUint32(data, math.Float32bits(v))
		}
		tensors = append(tensors, safetensors.Tensor{Name: name, DType: safetensors.F32, Shape: shapes[name], Data: func() ([]byte, error) { return data, nil }})
	}
	f, err := os.Create(filepath.Join(dir, safetensors.SingleName))
	require.NoError(t, err)
	require.NoError(t, safetensors.Write(f, tensors, nil))
	require.NoError(t, f.Close())
}

func randomWeights(vocab int64) (weights, map[string][]int64) {
	r, w, shapes := rand.New(rand.NewPCG(4, 2)), weights{}, map[string][]int64{}
	add := func(name string, scale float64, shape ...int64) {
		n := int64(1)
		for _, size := range shape {
			n *= size
		}
		values := make([]float32, n)
		for i := range values {
			values[i] = float32(scale * r.NormFloat64())
			if len(shape) == 1 {
				values[i]++ // norms are about 1
			}
		}
		w[name], shapes[name] = values, shape
	}
	add("model.embed_tokens.weight", 1, vocab, hidden)
	for _, layer := range []string{"model.layers.0.", "model.layers.1."} {
		add(layer+"input_layernorm.weight", 0.1, hidden)
		add(layer+"self_attn.q_proj.weight", 0.2, hidden, hidden)
		add(layer+"self_attn.k_proj.weight", 0.2, kv, hidden)
		add(layer+"self_attn.v_proj.weight", 0.2, kv, hidden)
		add(layer+"self_attn.o_proj.weight", 0.2, hidden, hidden)
		add(layer+"post_attention_layernorm.weight", 0.1, hidden)
		add(layer+"mlp.gate_proj.weight", 0.2, inner, hidden)
		add(layer+"mlp.up_proj.weight", 0.2, inner, hidden)
		add(layer+"mlp.down_proj.weight", 0.2, hidden, inner)
	}
	add("model.norm.weight", 0.1, hidden)
	add("lm_head.weight", 0.3, vocab, hidden)
	return w, shapes
}

// following makes a model in which each token of a chain, as written in the vocabulary, is followed by the
// next one, whatever came before it.
func following(t *testing.T, chain ...string) func(*tokenizer.Tokenizer, weights) {
	return func(tok *tokenizer.Tokenizer, w weights) {
		for name := range w { // the blocks pass their input on
			if strings.HasSuffix(name, "o_proj.weight") || strings.HasSuffix(name, "down_proj.weight") {
				clear(w[name])
			}
		}
		row := func(matrix, token string) []float32 {
			id, ok := tok.ID(token)
			require.True(t, ok, "no token %q", token)
			return w[matrix][id*hidden : (id+1)*hidden]
		}
		clear(w["lm_head.weight"])
		for i := range chain[1:] {
			head := row("lm_head.weight", chain[i+1])
			for d, x := range row("model.embed_tokens.weight", chain[i]) {
				head[d] += x / 2
			}
		}
	}
}

func newEngine(t testing.TB, config rollout.Config, seed uint64, x tiny) *rollout.Engine {
	e, err := rollout.New(config, seed, x.model, x.tokenizer)
	require.NoError(t, err)
	t.Cleanup(e.Close)
	return e
}

package rollout_test

import (
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
)

const (
	byteLevel    = "tokenizer/testdata/bytelevel"
	byteFallback = "tokenizer/testdata/bytefallback"

	contextLength = 256
)

// tiny is a random Llama with a small tokenizer. Its vocabulary is a little larger than the tokenizer's,
// as in real models.
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
	llama := modeltest.Small(tok.VocabSize()+7, contextLength)
	llama.Edit = func(w map[string][]float32) {
		scale(w["lm_head.weight"], 2) // so that some tokens are much likelier than others
		if edit != nil {
			edit(tok, w)
		}
	}
	require.NoError(t, llama.Write(dir))
	m, err := model.Load(dir, torch.F32, torch.CPU)
	require.NoError(t, err)
	t.Cleanup(m.Free)
	return tiny{m, tok}
}

func scale(values []float32, factor float32) {
	for i := range values {
		values[i] *= factor
	}
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
		width := len(w["model.norm.weight"])
		row := func(matrix, token string) []float32 {
			id, ok := tok.ID(token)
			require.True(t, ok, "no token %q", token)
			return w[matrix][int(id)*width : (int(id)+1)*width]
		}
		clear(w["lm_head.weight"])
		for i := range chain[1:] {
			head := row("lm_head.weight", chain[i+1])
			for d, x := range row("model.embed_tokens.weight", chain[i]) {
				head[d] += 5 * x
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

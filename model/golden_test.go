package model_test

import (
	"math"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
)

// golden is the reference's numbers for one model; testdata/golden/README.md describes them.
type golden struct {
	Greedy []struct {
		Prompt []int64   `json:"prompt"`
		IDs    []int64   `json:"ids"`
		Gaps   []float64 `json:"gaps"`
	} `json:"greedy"`
	MaxLogit float64 `json:"max_logit"`

	modeltest.Golden
}

func openGolden(t *testing.T, name string) *golden {
	g := &golden{}
	g.Golden = modeltest.OpenGolden(t, "../testdata/golden", name, g)
	return g
}

// sequences cuts seq.ids at seq.offsets.
func (g *golden) sequences() [][]int64 {
	ids, offsets := g.Ints("seq.ids"), g.Ints("seq.offsets")
	var list [][]int64
	for i := range offsets[1:] {
		list = append(list, ids[offsets[i]:offsets[i+1]])
	}
	return list
}

// load loads a model in f32 on the CPU and frees it after the test.
func load(t *testing.T, dir string) *model.Decoder {
	lockThread(t)
	d, err := model.Load(dir, torch.F32, torch.CPU)
	require.NoError(t, err)
	t.Cleanup(d.Free)
	return d
}

// lockThread makes the test's goroutine the compute thread while the test runs.
func lockThread(t *testing.T) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
}

// packedLogProbs is what training computes: log-probs of each sequence's ids after its first, of all
// sequences one after the other, and the entropies of all rows.
func packedLogProbs(d *model.Decoder, sequences [][]int64, temperature float64) (logprobs, entropies []float32) {
	s := torch.NewScope()
	defer s.Close()
	var ids, starts, targets []int64
	for _, sequence := range sequences {
		starts = append(starts, int64(len(ids)))
		ids = append(ids, sequence...)
		targets = append(append(targets, sequence[1:]...), 0) // the last row predicts nothing that is known
	}
	logp, entropy := d.Forward(s, ids, starts).TokenLogProbs(d.Head.In(s), s.FromInt64s(targets, d.Device), temperature)
	all := logp.Float32s()
	for i, start := range starts {
		logprobs = append(logprobs, all[start:int(start)+len(sequences[i])-1]...)
	}
	return logprobs, entropy.Float32s()
}

// continueGreedily runs prompts together, as generation does: each prefilled, then all decoded step by step.
func continueGreedily(d *model.Decoder, prompts [][]int64, tokens int) [][]int64 {
	q := newSequences(d, len(prompts), slices.Max(lengths(prompts))+tokens)
	defer q.Free()
	continuations := make([][]int64, len(prompts))
	next, positions := make([]int64, len(prompts)), lengths(prompts)
	torch.NoGrad(func() {
		for i, prompt := range prompts {
			s := torch.NewScope()
			next[i] = best(d, q.prefill(s, i, prompt))[0]
			s.Close()
		}
		for step := range tokens {
			for i := range prompts {
				continuations[i] = append(continuations[i], next[i])
			}
			if step == tokens-1 {
				return
			}
			s := torch.NewScope()
			next = best(d, q.decode(s, next, positions))
			for i := range prompts {
				positions[i]++
			}
			s.Close()
		}
	})
	return continuations
}

// best is the likeliest token after each hidden state.
func best(d *model.Decoder, hidden torch.Tensor) []int64 {
	return d.Logits(hidden).Argmax(-1, false).Int64s()
}

func lengths(sequences [][]int64) []int {
	var list []int
	for _, s := range sequences {
		list = append(list, len(s))
	}
	return list
}

func largest(values []float32) (highest float64) {
	for _, v := range values {
		highest = max(highest, math.Abs(float64(v)))
	}
	return highest
}

// within requires equality up to an absolute tolerance and returns the largest difference.
func within(t *testing.T, what string, want, got []float32, tolerance float64) float64 {
	t.Helper()
	require.Len(t, got, len(want), what)
	worst := 0.0
	for i := range want {
		difference := math.Abs(float64(want[i]) - float64(got[i]))
		require.False(t, math.IsNaN(difference), "%s[%d]: got %g, want %g", what, i, got[i], want[i])
		worst = max(worst, difference)
	}
	require.LessOrEqual(t, worst, tolerance, what)
	return worst
}

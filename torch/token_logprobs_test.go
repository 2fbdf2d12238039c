package torch_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch"
)

// scored is TokenLogProbs of some rows, with the gradient of sum(w logp + v entropy).
type scored struct{ logp, entropy, gradHidden []float32 }

// score adds the head's gradient to that leaf (V, D).
func score(hidden, head, targets, w, v torch.Tensor, from, rows int) scored {
	s := hidden.Scope().Child()
	defer s.Close()
	part := func(x torch.Tensor) torch.Tensor { return x.Narrow(0, from, rows) }
	h := part(hidden).In(s).Leaf()
	logp, entropy := h.TokenLogProbs(head, part(targets), 0.8)
	logp.Mul(part(w)).Add(entropy.Mul(part(v))).SumAll().Backward(torch.Tensor{})
	return scored{logp.Float32s(), entropy.Float32s(), h.Grad().Float32s()}
}

// A few rows at a time give what many at once do, and take one tensor of their logits' size: the head's gradient is
// added where it is.
func TestTokenLogProbsInChunks(t *testing.T) {
	lockThread(t)
	s, r := torch.NewScope(), rand.New(rand.NewPCG(2, 1))
	defer s.Close()
	const vocab, width, rows = 1 << 17, 32, 200
	hidden, weight := random(s, r, rows, width), random(s, r, vocab, width)
	w, v := random(s, r, rows), random(s, r, rows)
	ids := make([]int64, rows)
	for i := range ids {
		ids[i] = r.Int64N(vocab)
	}
	targets := s.FromInt64s(ids, torch.CPU)
	chunked, once := weight.Leaf(), weight.Leaf()
	whole := score(hidden, once, targets, w, v, 0, rows)

	step := torch.LogitsRows(vocab)
	require.Less(t, 3*step, rows, "a chunk is a small part of all rows")
	var parts scored
	for from := 0; from < rows; from += step {
		before := torch.AllocatedBytes()
		torch.ResetPeak()
		n := min(step, rows-from)
		p := score(hidden, chunked, targets, w, v, from, n)
		if from > 0 {
			assert.InEpsilon(t, n*vocab*4, torch.PeakBytes()-before, 0.02, "bytes at the peak")
		}
		parts.logp, parts.entropy = append(parts.logp, p.logp...), append(parts.entropy, p.entropy...)
		parts.gradHidden = append(parts.gradHidden, p.gradHidden...)
	}
	same(t, "log-probs", parts.logp, whole.logp)
	same(t, "entropies", parts.entropy, whole.entropy)
	same(t, "gradient of hidden", parts.gradHidden, whole.gradHidden)
	same(t, "gradient of weight", chunked.Grad().Float32s(), once.Grad().Float32s())
}

func same(t *testing.T, what string, want, got []float32) {
	require.Len(t, got, len(want), what)
	for i := range want {
		difference := want[i] - got[i]
		require.LessOrEqual(t, max(difference, -difference), 2e-5*max(want[i], -want[i])+1e-5, "%s[%d]", what, i)
	}
}

func TestTokenLogProbsMisuse(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	hidden, weight := s.Zeros(torch.F32, torch.CPU, 2, 4), s.Zeros(torch.F32, torch.CPU, 9, 4)
	for want, f := range map[string]func(){
		"targets [3]":   func() { hidden.TokenLogProbs(weight, s.Zeros(torch.I64, torch.CPU, 3), 1) },
		"weight [2, 9]": func() { hidden.TokenLogProbs(s.Zeros(torch.F32, torch.CPU, 2, 9), s.Zeros(torch.I64, torch.CPU, 2), 1) },
		"temperature 0": func() { hidden.TokenLogProbs(weight, s.Zeros(torch.I64, torch.CPU, 2), 0) },
		"out of bounds": func() { hidden.TokenLogProbs(weight, s.Full(9, torch.I64, torch.CPU, 2), 1) },
	} {
		assert.Contains(t, panics(t, f).Msg, want)
	}
}

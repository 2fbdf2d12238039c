package model_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
)

// forEachVariant runs f on every tiny model and its goldens.
func forEachVariant(t *testing.T, f func(t *testing.T, d *model.Decoder, g *golden)) {
	for _, name := range modeltest.Variants {
		t.Run(name, func(t *testing.T) { f(t, load(t, "../testdata/tiny/"+name), openGolden(t, name)) })
	}
}

func TestLogitsEqualTransformers(t *testing.T) {
	forEachVariant(t, func(t *testing.T, d *model.Decoder, g *golden) {
		s := torch.NewScope()
		defer s.Close()
		offsets := g.Ints("seq.offsets")
		logits := d.Logits(d.Forward(s, g.Ints("seq.ids"), offsets[:len(offsets)-1]))
		require.Equal(t, d.Config.VocabSize, logits.Size(1))
		want := g.Floats("seq.logits")
		worst := within(t, "logits", want, logits.Float32s(), 1e-4*largest(want))
		t.Logf("largest difference %.2g of |logits| up to %.3g", worst, largest(want))
		sameArgmax(t, want, logits.Float32s(), d.Config.VocabSize)
	})
}

// sameArgmax requires equal arg-max in each row whose best two logits are more than 1e-3 apart.
func sameArgmax(t *testing.T, want, got []float32, vocab int) {
	rows := 0
	for row := range len(want) / vocab {
		best, gap := top(want[row*vocab : (row+1)*vocab])
		if gap > 1e-3 {
			other, _ := top(got[row*vocab : (row+1)*vocab])
			require.Equal(t, best, other, "arg-max of row %d", row)
			rows++
		}
	}
	require.Positive(t, rows, "rows with a clear arg-max")
}

// top is the index of the largest value and its distance to the second.
func top(values []float32) (best int, gap float64) {
	first, second := math.Inf(-1), math.Inf(-1)
	for i, v := range values {
		switch x := float64(v); {
		case x > first:
			best, first, second = i, x, first
		case x > second:
			second = x
		}
	}
	return best, first - second
}

func TestLogProbsAndEntropiesEqualTransformers(t *testing.T) {
	forEachVariant(t, func(t *testing.T, d *model.Decoder, g *golden) {
		for tag, temperature := range map[string]float64{"t1": 1, "t07": 0.7} {
			logprobs, entropies := packedLogProbs(d, g.sequences(), temperature)
			within(t, "log-probs "+tag, g.Floats("seq.logprobs_"+tag), logprobs, 1e-4)
			within(t, "entropies "+tag, g.Floats("seq.entropy_"+tag), entropies, 1e-4)
		}
	})
}

func TestGreedyContinuationsEqualTransformers(t *testing.T) {
	forEachVariant(t, func(t *testing.T, d *model.Decoder, g *golden) {
		var prompts [][]int64
		for _, c := range g.Greedy {
			prompts = append(prompts, c.Prompt)
		}
		require.Len(t, prompts, 8)
		for i, ids := range continueGreedily(d, prompts, len(g.Greedy[0].IDs)) {
			assert.Equal(t, g.Greedy[i].IDs, ids, "continuation of prompt %d", i)
		}
	})
}

// Prefill, decode and the packed forward pass are three ways to the same distribution.
func TestPrefillAndDecodeEqualPackedForward(t *testing.T) {
	forEachVariant(t, func(t *testing.T, d *model.Decoder, g *golden) {
		sequences := g.sequences()
		packed, _ := packedLogProbs(d, sequences, 1)
		within(t, "prefilled log-probs", packed, prefilledLogProbs(d, sequences), 1e-4)
		within(t, "decoded log-probs", packed, decodedLogProbs(d, sequences), 1e-4)
	})
}

// prefilledLogProbs prefills every proper prefix of every sequence.
func prefilledLogProbs(d *model.Decoder, texts [][]int64) (logprobs []float32) {
	q := newSequences(d, 1, 64)
	defer q.Free()
	for _, ids := range texts {
		for n := 1; n < len(ids); n++ {
			s := torch.NewScope()
			logprobs = append(logprobs, logProb(d, q.prefill(s, 0, ids[:n]), ids[n]))
			s.Close()
		}
	}
	return logprobs
}

// decodedLogProbs prefills one token of each sequence and decodes the others, the sequences side by side.
func decodedLogProbs(d *model.Decoder, texts [][]int64) (logprobs []float32) {
	q := newSequences(d, len(texts), 64)
	defer q.Free()
	rows := len(texts)
	found := make([][]float32, rows)
	ids, positions := make([]int64, rows), make([]int, rows)
	for i, text := range texts {
		s := torch.NewScope()
		found[i] = []float32{logProb(d, q.prefill(s, i, text[:1]), text[1])}
		s.Close()
	}
	for p := 1; ; p++ {
		busy := 0
		for i, text := range texts {
			if p < len(text)-1 {
				ids[i], positions[i] = text[p], p
				busy++
			} // else the row goes over its last token again
		}
		if busy == 0 {
			break
		}
		s := torch.NewScope()
		hidden := q.decode(s, ids, positions)
		for i, text := range texts {
			if p < len(text)-1 {
				found[i] = append(found[i], logProb(d, hidden.Narrow(0, i, 1), text[p+1]))
			}
		}
		s.Close()
	}
	for _, f := range found {
		logprobs = append(logprobs, f...)
	}
	return logprobs
}

// logProb is the log-prob of id after one hidden state (1, D).
func logProb(d *model.Decoder, hidden torch.Tensor, id int64) float32 {
	return d.Logits(hidden).LogSoftmax(-1).Narrow(1, int(id), 1).Float32s()[0]
}

// bf16 weights take other kernels; they give the same distribution up to their rounding.
func TestBF16IsCloseToF32(t *testing.T) {
	lockThread(t)
	d, err := model.Load("../testdata/tiny/llama-gqa", torch.BF16, torch.CPU)
	require.NoError(t, err)
	defer d.Free()
	sequences := openGolden(t, "llama-gqa").sequences()
	logprobs, _ := packedLogProbs(d, sequences, 1)
	within(t, "packed log-probs", openGolden(t, "llama-gqa").Floats("seq.logprobs_t1"), logprobs, 0.1)
	within(t, "decoded log-probs", logprobs, decodedLogProbs(d, sequences), 0.1)
}

func TestForwardPassesLeakNothing(t *testing.T) {
	d := load(t, "../testdata/tiny/llama-gqa")
	live, bytes := torch.Live(), torch.AllocatedBytes()
	texts := [][]int64{{5, 6, 7, 8}, {9, 10}}
	packedLogProbs(d, texts, 1)
	decodedLogProbs(d, texts)
	continueGreedily(d, texts, 4)
	bitsOfARow(d, 3)
	assert.Equal(t, live, torch.Live(), "handles")
	assert.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
}

package model_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// smollm2 finds the folder of SmolLM2-135M-Instruct or skips the test.
func smollm2(t *testing.T) string {
	dir := os.Getenv("AZR_SMOLLM2")
	if dir == "" {
		dir = "../third_party/build/smollm2"
	}
	if _, err := os.Stat(dir + "/config.json"); err != nil {
		t.Skipf("skipped: SmolLM2 is not there (%v); make model brings it, or set AZR_SMOLLM2", err)
	}
	return dir
}

// The reference is transformers' own loading of the GGUF file that the folder was made from.
func TestSmolLM2EqualsTransformers(t *testing.T) {
	d, g := load(t, smollm2(t)), openGolden(t, "smollm2")
	t.Run("logits", func(t *testing.T) { smollm2Logits(t, d, g) })
	t.Run("log-probs", func(t *testing.T) {
		logprobs, _ := packedLogProbs(d, g.sequences(), 1)
		worst := within(t, "log-probs", g.Floats("seq.logprobs"), logprobs, 1e-4)
		t.Logf("largest difference %.2g nats", worst)
	})
	t.Run("greedy", func(t *testing.T) { smollm2Greedy(t, d, g) })
	t.Run("prefill and decode", func(t *testing.T) {
		sequences := g.sequences()[1:]
		packed, _ := packedLogProbs(d, sequences, 1)
		within(t, "decoded log-probs", packed, decodedLogProbs(d, sequences), 1e-4)
	})
}

func smollm2Logits(t *testing.T, d *model.Decoder, g *golden) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	offsets := g.Ints("seq.offsets")
	logits := d.Logits(d.Forward(s, g.Ints("seq.ids"), offsets[:len(offsets)-1]))
	require.Positive(t, g.MaxLogit)
	tolerance := 1e-4 * g.MaxLogit
	lastRows := s.FromInt64s([]int64{offsets[1] - 1, offsets[2] - 1}, torch.CPU)
	worst := within(t, "last logits", g.Floats("seq.last_logits"), logits.IndexSelect(0, lastRows).Float32s(), tolerance)
	t.Logf("largest difference %.2g of |logits| up to %.3g", worst, g.MaxLogit)

	// Every row's arg-max, and its five likeliest logits.
	ids, values := g.Ints("seq.top5_ids"), g.Floats("seq.top5_logits")
	for row, best := range logits.Argmax(-1, false).Int64s() {
		five := logits.Narrow(0, row, 1).IndexSelect(1, s.FromInt64s(ids[5*row:5*row+5], torch.CPU))
		within(t, "top logits", values[5*row:5*row+5], five.Float32s(), tolerance)
		if values[5*row]-values[5*row+1] > 1e-3 {
			require.Equal(t, ids[5*row], best, "arg-max of row %d", row)
		}
	}
}

// Ids must be equal up to the first close call: a gap between the best two logits of at most 1e-3.
func smollm2Greedy(t *testing.T, d *model.Decoder, g *golden) {
	lockThread(t)
	var prompts [][]int64
	for _, c := range g.Greedy {
		prompts = append(prompts, c.Prompt)
	}
	require.Len(t, prompts, 8)
	for i, ids := range continueGreedily(d, prompts, len(g.Greedy[0].IDs)) {
		want, n := g.Greedy[i].IDs, 0
		for n < len(want) && g.Greedy[i].Gaps[n] > 1e-3 {
			n++
		}
		require.Positive(t, n)
		require.Equal(t, want[:n], ids[:n], "continuation of prompt %d", i)
	}
}

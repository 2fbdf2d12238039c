package rollout_test

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/torch"
)

// logits are the model's for each position of ids (N), by the packed forward pass: (N, V).
func logits(m *model.Decoder, ids []int32) (rows [][]float32) {
	torch.NoGrad(func() {
		s := torch.NewScope()
		defer s.Close()
		wide := make([]int64, len(ids))
		for i, id := range ids {
			wide[i] = int64(id)
		}
		all := m.Logits(m.Forward(s, wide, []int64{0})).Float32s()
		rows = slices.Collect(slices.Chunk(all, m.Config.VocabSize))
	})
	return rows
}

// logSoftmax of a row at a temperature, in f64.
func logSoftmax(row []float32, temperature float64) []float64 {
	highest, total := float64(slices.Max(row)), 0.0
	for _, x := range row {
		total += math.Exp((float64(x) - highest) / temperature)
	}
	out := make([]float64, len(row))
	for i, x := range row {
		out[i] = (float64(x)-highest)/temperature - math.Log(total)
	}
	return out
}

// The log-probs that come with a sample are those of the whole distribution at its temperature, before
// top-k and top-p, as a forward pass over the finished sequence gives them.
func TestSampledLogProbsEqualThoseOfAForwardPass(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	e := newEngine(t, rollout.Config{Slots: 8, Room: 64}, 3, x)
	for index, c := range generate(t, e, crowd(24)) {
		s := crowd(24)[index].Sampling
		rows := logits(x.model, slices.Concat(c.PromptIDs, c.IDs))
		for i, id := range c.IDs {
			row := rows[len(c.PromptIDs)-1+i]
			require.InDelta(t, logSoftmax(row, s.Temperature)[id], c.LogProbs[i], 1e-4, "token %d of prompt %d", i, index)
			if s.TopK > 0 {
				require.Less(t, rank(row, id), s.TopK, "token %d of prompt %d is not among the top", i, index)
			}
		}
	}
}

// rank counts the tokens that are likelier than id.
func rank(row []float32, id int32) (n int) {
	for _, x := range row {
		if x > row[id] {
			n++
		}
	}
	return n
}

func TestScoreEqualsSampledLogProbs(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	e := newEngine(t, rollout.Config{Slots: 1, Room: 64}, 3, x)
	c := one(t, e, prompt(0, 12, "def f(x):"))
	scored, err := rollout.Score(x.model, slices.Concat(c.PromptIDs, c.IDs))
	require.NoError(t, err)
	require.Len(t, scored, len(c.PromptIDs)+len(c.IDs)-1)
	assert.InDeltaSlice(t, c.LogProbs, scored[len(c.PromptIDs)-1:], 1e-4)

	none, err := rollout.Score(x.model, []int32{5})
	require.NoError(t, err)
	assert.Equal(t, []float32{}, none)
	for want, ids := range map[string][]int32{
		"no ids": nil, "too long": make([]int32, contextLength+1), "got -1": {1, -1}, "got 625": {1, 625},
	} {
		_, err := rollout.Score(x.model, ids)
		assert.ErrorContains(t, err, want)
	}
}

// Temperature 0 takes the likeliest token, and so does top-k 1; their log-probs are those at temperature 1.
func TestGreedyTakesTheLikeliestToken(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	e := newEngine(t, rollout.Config{Slots: 8, Room: 64}, 3, x)
	var prompts []azr.Prompt
	for i, p := range crowd(6) {
		p.Sampling = azr.Sampling{MaxTokens: 16}
		top := p
		top.ID.Index, top.Sampling = 100+i, azr.Sampling{Temperature: 1, TopK: 1, MaxTokens: 16}
		prompts = append(prompts, p, top)
	}
	found := generate(t, e, prompts)
	for i := range 6 {
		c := found[i]
		rows := logits(x.model, slices.Concat(c.PromptIDs, c.IDs))
		for j, id := range c.IDs {
			row := rows[len(c.PromptIDs)-1+j]
			require.Zero(t, rank(row, id), "token %d of prompt %d", j, i)
			require.InDelta(t, logSoftmax(row, 1)[id], c.LogProbs[j], 1e-4)
		}
		assert.Equal(t, c.IDs, found[100+i].IDs)
		assert.Equal(t, c.LogProbs, found[100+i].LogProbs)
	}
}

// Chi-square of 6000 first tokens against the model's distribution. The tokens expected less than 10 times
// are counted as one. The draws are keyed, so the outcome is always the same.
func TestSamplesFollowTheDistribution(t *testing.T) {
	x := newTiny(t, byteLevel, nil)
	e := newEngine(t, rollout.Config{Slots: 32, Room: 64}, 11, x)
	ids, err := x.tokenizer.EncodeDocument("def f(x):")
	require.NoError(t, err)
	row := logits(x.model, ids)[len(ids)-1]
	for name, s := range map[string]azr.Sampling{
		"temperature 1":   {Temperature: 1, MaxTokens: 1},
		"temperature 0.6": {Temperature: 0.6, MaxTokens: 1},
		"top-k 12":        {Temperature: 1, TopK: 12, MaxTokens: 1},
	} {
		t.Run(name, func(t *testing.T) {
			const n = 6000
			counts := make([]float64, len(row))
			for i := range n {
				p := prompt(i, 1, "def f(x):")
				p.Sampling = s
				require.NoError(t, e.Submit(p))
			}
			for _, c := range drain(t, e) {
				counts[c.IDs[0]]++
			}
			statistic, freedom := chiSquare(counts, expected(row, s, n), 10)
			t.Logf("chi-square %.1f with %d degrees of freedom", statistic, freedom)
			require.Greater(t, freedom, 8)
			assert.Less(t, statistic, float64(freedom)+4*math.Sqrt(2*float64(freedom)))
		})
	}
}

// expected is how often each token is to be drawn.
func expected(row []float32, s azr.Sampling, n float64) []float64 {
	p := logSoftmax(row, s.Temperature)
	total := 0.0
	for id := range p {
		p[id] = math.Exp(p[id])
		if s.TopK > 0 && rank(row, int32(id)) >= s.TopK {
			p[id] = 0
		}
		total += p[id]
	}
	for id := range p {
		p[id] *= n / total
	}
	return p
}

func chiSquare(counts, expected []float64, least float64) (statistic float64, freedom int) {
	var restCount, restExpected float64
	for i, e := range expected {
		if e < least {
			restCount, restExpected = restCount+counts[i], restExpected+e
			continue
		}
		statistic += (counts[i] - e) * (counts[i] - e) / e
		freedom++
	}
	if restExpected == 0 {
		if restCount > 0 {
			return math.Inf(1), freedom - 1
		}
		return statistic, freedom - 1
	}
	return statistic + (restCount-restExpected)*(restCount-restExpected)/restExpected, freedom
}

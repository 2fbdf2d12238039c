package trainer

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// twins is a micro-batch in which responses begin alike, with other advantages, and what it was sampled at.
func twins(m *model.Decoder) packed {
	examples := make([]example, 0, 12)
	for i, s := range randomSamples(3, m.Config.VocabSize, 6) {
		twin := s
		twin.ResponseIDs = append(s.ResponseIDs[:len(s.ResponseIDs)/2:len(s.ResponseIDs)/2], 7, 8, 9)
		for len(twin.LogProbs) < len(twin.ResponseIDs) {
			twin.LogProbs = append(twin.LogProbs, -5)
		}
		twin.LogProbs = twin.LogProbs[:len(twin.ResponseIDs)]
		twin.Imitate = i == 1
		examples = append(examples, example{s, 1 + float64(i)}, example{twin, -0.7})
	}
	sortByBeginning(examples)
	return newPacked(examples, true)
}

// plainHead is head over all places at once, by ops that hold all logits and whose gradients are autograd's.
func plainHead(t *Trainer, last torch.Tensor, p responses, temperature float64, r *Report) {
	s, vocab := last.Scope(), int64(t.model.Config.VocabSize)
	logits := t.model.Logits(t.model.FinalNorm(last.IndexSelect(0, s.FromInt64s(p.rows, torch.CPU))))
	logPV := logits.MulScalar(1 / temperature).LogSoftmax(-1)
	entropy := logPV.Exp().Mul(logPV).Sum(-1, false).Neg()
	var places []int64
	for i, id := range p.targets {
		places = append(places, int64(i)*vocab+id)
	}
	each := s.FromInt64s(p.of, torch.CPU)
	logp := logPV.Reshape(-1).IndexSelect(0, s.FromInt64s(places, torch.CPU)).IndexSelect(0, each)
	entropy = entropy.IndexSelect(0, each)
	loss := t.config.loss(logp, p.sampled(logp), s.FromFloat32s(p.advantages, torch.CPU), entropy, r.ResponseTokens)
	loss.Backward(torch.Tensor{})
	r.Loss = loss.Item()
}

// A few places at a time, the loss and its gradients are those of all places at once, with and without a tied head.
func TestTheHeadInChunksEqualsThePlainWay(t *testing.T) {
	forEachVariant(t, func(t *testing.T, variant string, _ *golden) {
		const temperature = 0.7
		m, c := load(t, variant), testConfig()
		c.EntropyCoefficient = 0.1
		tr, p := newTrainer(t, c, m), twins(m)
		require.Greater(t, len(p.of), len(p.rows), "no two responses share a place")

		plain := Report{ResponseTokens: len(p.of)}
		s := torch.NewScope()
		f := newPass(m, s, p, false, alone)
		last, err := f.forward(p.ids)
		require.NoError(t, err)
		plainHead(tr, last, p.responses, temperature, &plain)
		require.NoError(t, f.backward(last.Grad()))
		s.Close()
		want := gradients(t, tr, m)

		var whole Report
		for _, rows := range []int{len(p.rows), 5, 1} {
			r := Report{ResponseTokens: len(p.of)}
			tr.logitsRows = rows
			require.NoError(t, tr.microBatch(p, temperature, &r, true, alone))
			if rows == len(p.rows) {
				whole = r
			}
			what := fmt.Sprintf("%d rows at once", rows)
			assert.InDelta(t, plain.Loss, r.Loss, 1e-5, what)
			assert.InEpsilon(t, whole.Entropy, r.Entropy, 1e-6, what)
			assert.InEpsilon(t, whole.LogProb, r.LogProb, 1e-6, what)
			assert.InDelta(t, whole.MaxDeltaLogProb, r.MaxDeltaLogProb, 1e-5, what)
			assert.Equal(t, len(p.of), r.computed, what)
			for name, grad := range gradients(t, tr, m) {
				alike(t, what+": gradient of "+name, want[name], grad, 1e-5)
			}
		}
	})
}

// Chunks have all places once, in order, and each takes its own response tokens.
func TestChunksOfResponses(t *testing.T) {
	p := responses{
		rows: []int64{4, 5, 6, 7, 9}, targets: []int64{40, 50, 60, 70, 90}, of: []int64{0, 1, 2, 0, 3, 4, 3},
		old: []float32{0, 1, 2, 3, 4, 5, 6}, known: []float32{1, 1, 1, 0, 1, 1, 1}, advantages: []float32{10, 11, 12, 13, 14, 15, 16},
	}
	assert.Equal(t, []responses{
		{rows: []int64{4, 5}, targets: []int64{40, 50}, of: []int64{0, 1, 0}, old: []float32{0, 1, 3}, known: []float32{1, 1, 0}, advantages: []float32{10, 11, 13}},
		{rows: []int64{6, 7}, targets: []int64{60, 70}, of: []int64{0, 1, 1}, old: []float32{2, 4, 6}, known: []float32{1, 1, 1}, advantages: []float32{12, 14, 16}},
		{rows: []int64{9}, targets: []int64{90}, of: []int64{0}, old: []float32{5}, known: []float32{1}, advantages: []float32{15}},
	}, p.chunks(2))
	assert.Equal(t, []responses{p}, p.chunks(5))
}

package trainer

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
)

func (l goldenLadder) config(loss goldenLoss) Config {
	c := loss.config()
	c.LearningRate, c.Beta1, c.Beta2, c.Eps = l.LR, l.Betas[0], l.Betas[1], l.Eps
	c.WeightDecay, c.MaxGradNorm = l.WeightDecay, l.MaxNorm
	return c
}

// Ten updates on one batch: loss and gradient norm before each, loss and weights after the last.
func TestTenStepLaddersEqualPyTorch(t *testing.T) {
	forEachVariant(t, func(t *testing.T, variant string, g *golden) {
		for _, ladder := range g.Ladders {
			t.Run(ladder.Loss, func(t *testing.T) { climb(t, load(t, variant), g, ladder, g.loss(ladder.Loss)) })
		}
	})
}

func climb(t *testing.T, m *model.Decoder, g *golden, ladder goldenLadder, loss goldenLoss) {
	tr := newTrainer(t, ladder.config(loss), m)
	batches, tokens := g.micro(loss, 3, 2)
	require.Len(t, ladder.Losses, 10)
	for i := range ladder.Losses {
		value := ladder.loss(loss, m, batches, tokens)
		r := accumulate(tr, loss, batches, tokens)
		require.NoError(t, tr.optimise(&r))
		assert.InDelta(t, ladder.Losses[i], value(r), 1e-3, "loss before step %d", i)
		assert.InDelta(t, ladder.GradNorms[i], r.GradNorm, 1e-3, "gradient norm before step %d", i)
	}
	value := ladder.loss(loss, m, batches, tokens)
	assert.InDelta(t, ladder.FinalLoss, value(accumulate(tr, loss, batches, tokens)), 1e-3, "loss after the last step")
	for _, p := range m.Trainable() {
		want, got := ladder.Params[p.Name], sumsOf(modeltest.Floats(p.Var.Bytes()))
		assert.InEpsilon(t, want.AbsSum, got.AbsSum, 1e-3, "sum of |%s|", p.Name)
	}
}

// loss prepares the next pass and tells how its report becomes the ladder's loss. The nll ladder is had
// from the policy loss by making the old log-probs those of the weights as they are.
func (l goldenLadder) loss(loss goldenLoss, m *model.Decoder, batches []packed, tokens int) func(Report) float64 {
	if loss.Kind == "pg" {
		return func(r Report) float64 { return r.Loss }
	}
	var sum float64
	for i := range batches {
		batches[i].old = ownLogProbs(m, batches[i])
		for _, logp := range batches[i].old {
			sum += float64(logp)
		}
	}
	return func(Report) float64 { return -sum / float64(tokens) }
}

func starts(segments []torch.Segment) (list []int64) {
	for _, s := range segments {
		list = append(list, s.Start)
	}
	return list
}

func ownLogProbs(m *model.Decoder, p packed) (logprobs []float32) {
	torch.NoGrad(func() {
		s := torch.NewScope()
		defer s.Close()
		hidden := m.Forward(s, p.ids, starts(p.segments)).IndexSelect(0, s.FromInt64s(p.rows, m.Device))
		logp, _ := hidden.TokenLogProbs(m.Head.In(s), s.FromInt64s(p.targets, m.Device), 1)
		logprobs = logp.Float32s()
	})
	return logprobs
}

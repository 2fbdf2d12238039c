package trainer

import (
	"math"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// accumulate runs micro-batches forward and backward; the gradients stay with the weights.
func accumulate(tr *Trainer, l goldenLoss, batches []packed, tokens int) (r Report) {
	r.ResponseTokens = tokens
	for _, p := range batches {
		if err := tr.microBatch(p, l.Temperature, &r, true, alone); err != nil {
			panic(err)
		}
	}
	return r
}

// gradients copies the gradients of all that learns out, by name, and drops them.
func gradients(t *testing.T, tr *Trainer, m *model.Decoder) map[string][]float32 {
	s := torch.NewScope()
	defer s.Close()
	found := map[string][]float32{}
	for _, p := range m.Trainable() {
		grad := p.Var.Grad(s)
		require.False(t, grad.IsNone(), "no gradient of %s", p.Name)
		found[p.Name] = grad.Float32s()
	}
	torch.ClearGrads(tr.params)
	return found
}

// alike requires that two tensors differ by at most a share of the largest value, and of the norm.
func alike(t *testing.T, what string, want, got []float32, share float64) {
	t.Helper()
	require.Len(t, got, len(want), what)
	var worst, largest, squares, norm float64
	for i := range want {
		w, d := float64(want[i]), float64(got[i])-float64(want[i])
		worst, largest = max(worst, math.Abs(d)), max(largest, math.Abs(w))
		squares, norm = squares+d*d, norm+w*w
	}
	require.False(t, math.IsNaN(squares), what)
	assert.LessOrEqual(t, worst, share*largest, "%s: largest difference", what)
	assert.LessOrEqual(t, math.Sqrt(squares), share*math.Sqrt(norm), "%s: norm of the difference", what)
}

// The gradients come from the layer-by-layer walk; they do not depend on how it is cut up.
func TestGradientsEqualPyTorch(t *testing.T) {
	forEachVariant(t, func(t *testing.T, variant string, g *golden) {
		m, nll := load(t, variant), g.loss("nll")
		var first map[string][]float32
		for _, recompute := range []bool{false, true} {
			for _, cut := range [][]int{{5}, {1, 1, 1, 1, 1}, {2, 3}} {
				c := nll.config()
				c.ActivationCheckpointing = recompute
				tr, err := New(c, m, nil)
				require.NoError(t, err)
				batches, tokens := g.micro(nll, cut...)
				accumulate(tr, nll, batches, tokens)
				found := gradients(t, tr, m)
				tr.Close()
				if first == nil {
					first = found
				}
				for name, grad := range found {
					alike(t, "gradient of "+name, g.Floats("grad.nll."+name), grad, 1e-4)
					alike(t, "gradient of "+name+" against one micro-batch", first[name], grad, 1e-5)
					if slices.Equal(cut, []int{5}) {
						require.Equal(t, first[name], grad, "activation checkpointing changed bits of %s", name)
					}
				}
			}
		}
	})
}

func (g *golden) loss(name string) goldenLoss {
	i := slices.IndexFunc(g.Losses, func(l goldenLoss) bool { return l.Name == name })
	require.GreaterOrEqual(g.T, i, 0, "no golden loss %s", name)
	return g.Losses[i]
}

func TestLossesAndTheirGradientsEqualPyTorch(t *testing.T) {
	forEachVariant(t, func(t *testing.T, variant string, g *golden) {
		m := load(t, variant)
		for _, l := range g.Losses {
			tr, err := New(l.config(), m, nil)
			require.NoError(t, err)
			batches, tokens := g.micro(l, 2, 3)
			r := accumulate(tr, l, batches, tokens)
			if l.Kind == "pg" {
				assert.InDelta(t, l.Loss, r.Loss, 1e-4, l.Name)
			}
			assert.InDelta(t, l.Entropy, r.Entropy/float64(r.computed), 1e-4, l.Name)
			assert.InEpsilon(t, l.GradNorm, torch.ClipGradNorm(tr.params, math.Inf(1)), 1e-4, l.Name)
			for name, grad := range gradients(t, tr, m) {
				want, got := l.Grads[name], sumsOf(grad)
				assert.InDelta(t, want.Sum, got.Sum, 1e-4*want.AbsSum, "%s: sum of %s", l.Name, name)
				assert.InEpsilon(t, want.AbsSum, got.AbsSum, 1e-4, "%s: sum of |%s|", l.Name, name)
			}
			tr.Close()
		}
	})
}

func sumsOf(values []float32) (s sums) {
	for _, v := range values {
		s.Sum += float64(v)
		s.AbsSum += math.Abs(float64(v))
	}
	return s
}

// How far the log-probs of the update are from those that the samples came with.
func TestMaxDeltaLogProb(t *testing.T) {
	g := openGolden(t, "llama-gqa")
	tr := newTrainer(t, DefaultConfig(), load(t, "llama-gqa"))
	batches, tokens := g.micro(g.loss("nll"), 5)
	assert.Less(t, accumulate(tr, g.loss("nll"), batches, tokens).MaxDeltaLogProb, 1e-4, "the reference's own log-probs")
	batches[0].old[3] += 0.5
	assert.InDelta(t, 0.5, accumulate(tr, g.loss("nll"), batches, tokens).MaxDeltaLogProb, 1e-4)
}

// Activation checkpointing keeps only the layers' inputs.
func TestActivationCheckpointingSavesMemory(t *testing.T) {
	m := load(t, "llama-mqa-sharded")
	samples := randomSamples(3, m.Config.VocabSize, 96)
	peak := map[bool]int64{}
	for _, recompute := range []bool{false, true} {
		c := testConfig()
		c.ActivationCheckpointing, c.MicroBatchTokens = recompute, 10000
		tr, err := New(c, m, azr.NoProgress{})
		require.NoError(t, err)
		before := torch.AllocatedBytes()
		torch.ResetPeak()
		_, err = tr.Step(t.Context(), samples)
		require.NoError(t, err)
		peak[recompute] = torch.PeakBytes() - before
		tr.Close()
	}
	t.Logf("at the peak %d KiB, with checkpointing %d KiB", peak[false]>>10, peak[true]>>10)
	assert.Less(t, peak[true], peak[false]*2/3)
}

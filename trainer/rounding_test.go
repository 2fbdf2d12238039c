package trainer

import (
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

func loadAs(t *testing.T, dtype torch.DType) *model.Decoder {
	lockThread(t)
	m, err := model.Load("../testdata/tiny/llama-gqa", dtype, torch.CPU)
	require.NoError(t, err)
	t.Cleanup(m.Free)
	return m
}

// flat is all numbers of vars, in f64.
func flat(vars []*torch.Var) (values []float64) {
	s := torch.NewScope()
	defer s.Close()
	for _, v := range vars {
		for _, x := range v.In(s).Detach().Float32s() {
			values = append(values, float64(x))
		}
	}
	return values
}

func dot(a, b []float64) (sum float64) {
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func minus(a, b []float64) []float64 {
	d := make([]float64, len(a))
	for i := range a {
		d[i] = a[i] - b[i]
	}
	return d
}

// way is where a hundred updates at the paper's learning rate take what learns: the weights, or their masters.
func way(t *testing.T, dtype torch.DType, rounding Rounding) (from, by []float64) {
	c := testConfig()
	c.LearningRate, c.WeightDecay, c.MicroBatchTokens, c.Rounding = 1e-6, 0, 64, rounding
	m := loadAs(t, dtype)
	tr := newTrainer(t, c, m)
	from = flat(tr.graded())
	for step := range 100 {
		r, err := tr.Step(t.Context(), randomSamples(uint64(step%4), m.Config.VocabSize, 6))
		require.NoError(t, err)
		require.Greater(t, r.Batches, 1)
	}
	return from, minus(flat(tr.graded()), from)
}

// nearest is the number of bf16 that is nearest to x.
func nearest(x float64) float64 {
	bits := math.Float32bits(float32(x))
	return float64(math.Float32frombits((bits + 0x7fff + bits>>16&1) &^ 0xffff))
}

// unit is how far the number of bf16 next to x, away from 0, is.
func unit(x float64) float64 {
	bits := math.Float32bits(float32(math.Abs(nearest(x))))
	return float64(math.Float32frombits(bits+0x10000)) - float64(math.Float32frombits(bits))
}

// A hundred updates take weights in bf16 the way of weights in f32, which rounding to the nearest would not.
func TestWeightsInBF16GoTheWayOfF32(t *testing.T) {
	_, f32 := way(t, torch.F32, ByMasters)
	_, masters := way(t, torch.BF16, ByMasters)
	from, stochastic := way(t, torch.BF16, Stochastic)
	drift := math.Sqrt(dot(minus(masters, f32), minus(masters, f32)) / dot(f32, f32))
	along := dot(stochastic, f32) / dot(f32, f32)
	// At random a step d between neighbours u apart has a variance of d (u - d), and a hundred steps of at most 1e-6 at most
	// a hundred times that.
	lost, spread, most := 0.0, 0.0, 0.0
	for i, x := range from {
		spread += (stochastic[i] - f32[i]) * (stochastic[i] - f32[i])
		most += 100 * 1e-6 * unit(x)
		if nearest(x+f32[i]/100) == x {
			lost++
		}
	}
	lost /= float64(len(from))
	t.Logf("masters are %.1f %% of the way off; at random the mean goes %.3f of it, with %.2f of the variance that is allowed; to the nearest, %.1f %% of the weights would not move", 100*drift, along, spread/most, 100*lost)
	assert.Less(t, drift, 0.1)
	assert.InDelta(t, 1, along, 0.1)
	assert.Less(t, spread, 0.8*most)
	assert.Greater(t, lost, 0.9)
}

// Weights are the numbers nearest to their masters, and the gradients of micro-batches are added up in f32.
func TestMastersAreRounded(t *testing.T) {
	for _, optimizer := range []Optimizer{AdamW, Muon} {
		c := testConfig()
		c.Optimizer, c.MicroBatchTokens = optimizer, 64
		m := loadAs(t, torch.BF16)
		tr := newTrainer(t, c, m)
		_, err := tr.Step(t.Context(), randomSamples(1, m.Config.VocabSize, 12))
		require.NoError(t, err)
		for _, g := range tr.groups() {
			rounded, masters := flat(g.vars()), flat(g.masters)
			for i := range masters {
				masters[i] = nearest(masters[i])
			}
			require.Equal(t, masters, rounded)
		}
	}
}

func TestResumedInBF16EqualsUninterrupted(t *testing.T) {
	for _, rounding := range []Rounding{ByMasters, Stochastic} {
		c := testConfig()
		c.Rounding, c.Optimizer = rounding, Muon
		m := loadAs(t, torch.BF16)
		tr := newTrainer(t, c, m)
		for step := range 2 {
			_, err := tr.Step(t.Context(), randomSamples(uint64(step), m.Config.VocabSize, 12))
			require.NoError(t, err)
		}
		again, resumed := reload(t, c, m, tr)
		for _, tr := range []*Trainer{tr, resumed} {
			_, err := tr.Step(t.Context(), randomSamples(2, m.Config.VocabSize, 12))
			require.NoError(t, err)
		}
		assert.Equal(t, weights(m), weights(again), "%s", rounding)
	}
}

func TestWhatBF16CannotDoIsRefused(t *testing.T) {
	c := testConfig()
	c.AverageDecay = 0.9
	_, err := New(c, loadAs(t, torch.BF16), nil)
	assert.ErrorContains(t, err, "averages are of weights in f32; got average_decay 0.9 with weights in bf16, want 0")
	_, err = New(testConfig(), loadAs(t, torch.F16), nil)
	assert.ErrorContains(t, err, "weights in f16 cannot learn")
	c = testConfig()
	c.Rounding = "nearest"
	assert.ErrorContains(t, c.Validate(), `unknown rounding; got "nearest", want "masters" or "stochastic"`)
}

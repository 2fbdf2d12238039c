package trainer

import (
	"context"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/torch/dist"
	"github.com/azr-train/azr/torch/dist/disttest"
)

func TestMain(m *testing.M) {
	scenarios := map[string]disttest.Scenario{}
	for name, c := range rankConfigs() {
		scenarios[name] = func(g *dist.Group) (any, error) { return learned(c, g) }
	}
	disttest.Main(m, scenarios)
}

// rankConfigs are ways to learn that ranks have to do like one process.
func rankConfigs() map[string]Config {
	none, zero1, all := testConfig(), testConfig(), testConfig()
	none.Sharding = NoSharding
	all.Optimizer, all.AverageDecay, all.Minibatches, all.Replay.Count = Muon, 0.9, 2, 4
	unshared := testConfig()
	unshared.SharePrefixes, unshared.MicroBatchTokens = false, 60 // many rounds, not as many on each rank
	return map[string]Config{"none": none, "zero1": zero1, "muon, averages and replay": all, "many rounds": unshared}
}

// outcome is what ten steps leave, the tensors as numbers.
type outcome struct {
	Reports   []Report
	Weights   map[string][]float32
	Optimizer map[string][]float32 // on rank 0
	Moments   int64                // bytes of optimiser state on this rank
	Peak      int64                // bytes of tensors
	Needed    int64                // as Config.Memory has it
}

// learned takes ten steps on recorded samples. The golden model's folder is the same for all.
func learned(c Config, g *dist.Group) (outcome, error) {
	o := outcome{Weights: map[string][]float32{}, Optimizer: map[string][]float32{}}
	size, before := 1, torch.AllocatedBytes()
	if g != nil {
		size = g.Size
	}
	torch.ResetPeak()
	m, err := model.Load("../testdata/tiny/llama-gqa", torch.F32, torch.CPU)
	if err != nil {
		return o, err
	}
	defer m.Free()
	tr, err := NewRank(c, m, g, azr.NoProgress{})
	if err != nil {
		return o, err
	}
	defer tr.Close()
	for step := range 10 {
		samples := randomSamples(uint64(step), m.Config.VocabSize, 48)
		if step == 3 {
			samples = samples[:3] // fewer than ranks
		}
		r, err := tr.Step(context.Background(), samples)
		if err != nil {
			return o, err
		}
		o.Reports = append(o.Reports, r)
	}
	o.Peak = torch.PeakBytes() - before
	o.Needed = c.Memory(m.Config, model.LoRA{}, m.DType, 50, size).Total()
	for _, p := range m.Parameters() {
		o.Weights[p.Name] = modeltest.Floats(p.Var.Bytes())
	}
	for _, g := range tr.groups() {
		for _, s := range g.state {
			for _, v := range s.vars {
				o.Moments += 4 * sizeOf(v)
			}
		}
	}
	list, release, err := tr.Optimizer()
	if err != nil {
		return o, err
	}
	defer release()
	for _, t := range list {
		data, err := t.Data()
		if err != nil {
			return o, err
		}
		o.Optimizer[t.Name] = modeltest.Floats(data)
	}
	return o, nil
}

// distance is the L2 norm of a - b.
func distance(a, b map[string][]float32) float64 {
	squares := 0.0
	for name, values := range a {
		for i, x := range values {
			squares += math.Pow(float64(x)-float64(b[name][i]), 2)
		}
	}
	return math.Sqrt(squares)
}

// Ten steps of 2 and 4 ranks on the same samples leave the weights and the optimiser of one process, up to rounding: of the
// way that the weights have gone, ranks are off by less than a thousandth.
func TestRanksEqualOne(t *testing.T) {
	for name, c := range rankConfigs() {
		t.Run(name, func(t *testing.T) {
			m := load(t, "llama-gqa")
			start := map[string][]float32{}
			for _, p := range m.Parameters() {
				start[p.Name] = modeltest.Floats(p.Var.Bytes())
			}
			alone, err := learned(c, nil)
			require.NoError(t, err)
			way := distance(alone.Weights, start)
			for _, size := range []int{2, 4} {
				all := disttest.Answers[outcome](t, disttest.Start(t, name, size))
				for rank, o := range all {
					assert.Equal(t, all[0].Weights, o.Weights, "rank %d has weights of its own", rank)
					assert.Less(t, distance(alone.Weights, o.Weights), 1e-3*way)
					for i, want := range alone.Reports {
						got := o.Reports[i]
						assert.InDelta(t, want.Loss, got.Loss, 1e-5)
						assert.InDelta(t, want.Entropy, got.Entropy, 1e-5)
						assert.InEpsilon(t, want.GradNorm, got.GradNorm, 1e-4)
						assert.InEpsilon(t, want.WeightChange, got.WeightChange, 1e-3)
						assert.Equal(t, want.Advantages, got.Advantages)
						assert.Equal(t, want.ResponseTokens, got.ResponseTokens)
					}
				}
				require.Len(t, all[0].Optimizer, len(alone.Optimizer))
				zero := map[string][]float32{}
				for tensor, values := range alone.Optimizer {
					require.Len(t, all[0].Optimizer[tensor], len(values), tensor)
					zero[tensor] = make([]float32, len(values))
				}
				assert.Less(t, distance(alone.Optimizer, all[0].Optimizer), 1e-3*distance(alone.Optimizer, zero))
				sum, most, peak := int64(0), int64(0), int64(0)
				for _, o := range all {
					sum, most, peak = sum+o.Moments, max(most, o.Moments), max(peak, o.Peak)
				}
				t.Logf("%d ranks: %d KiB at the peak of the one that needs most, %d KiB counted; one process %d KiB", size, peak>>10, all[0].Needed>>10, alone.Peak>>10)
				assert.InEpsilon(t, all[0].Needed, peak, 0.15)
				if c.Sharding == NoSharding {
					assert.Equal(t, int64(size)*alone.Moments, sum)
				} else {
					assert.Equal(t, alone.Moments, sum)
					assert.Less(t, float64(most), 1.3*float64(sum)/float64(size))
				}
			}
		})
	}
}

package trainer

import (
	"fmt"
	"math"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/torch"
)

// Muon's step is nearly orthogonal whatever the gradient: its singular values lie around the learning rate.
func TestMuonMovesEveryDirectionAlike(t *testing.T) {
	for _, shape := range [][]int64{{8, 8}, {24, 8}, {8, 24}} {
		s := torch.NewScope()
		defer s.Close()
		values := make([]float32, shape[0]*shape[1])
		for i := range values {
			values[i] = float32(math.Sin(float64(i*i))) * float32(1+i%7)
		}
		p, m := s.Zeros(torch.F32, torch.CPU, shape...).Keep(), s.Zeros(torch.F32, torch.CPU, shape...).Keep()
		defer p.Free()
		defer m.Free()
		p.RequireGrad(true)
		p.In(s).Mul(s.FromFloat32s(values, torch.CPU, shape...)).SumAll().Backward(torch.Tensor{})
		torch.MuonStep([]*torch.Var{p}, []*torch.Var{m}, torch.Muon{LR: 0.5, Momentum: 0.9})
		x := p.In(s).Detach()
		if shape[0] < shape[1] {
			x = x.Transpose(0, 1)
		}
		// For an orthogonal x, xᵀx is the identity times the step's square.
		size := 0.5 * math.Sqrt(max(1, float64(shape[0])/float64(shape[1])))
		gram := x.Transpose(0, 1).MatMul(x).MulScalar(1 / (size * size)).Contiguous().Float32s()
		n := int(min(shape[0], shape[1]))
		for i := range n {
			assert.InDelta(t, 1, gram[i*n+i], 0.6, "%v: direction %d", shape, i)
		}
		assert.InDeltaSlice(t, values, m.In(s).Float32s(), 1e-6, "the first momentum is the gradient")
	}
}

// Hand-computed: momentum m = 0.5·0 + g, Nesterov gradient g + 0.5 m, whose direction is kept; weight decay first.
func TestMuonDecaysWeights(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	p := s.FromFloat32s([]float32{2}, torch.CPU, 1, 1).Keep()
	m := s.Zeros(torch.F32, torch.CPU, 1, 1).Keep()
	defer p.Free()
	defer m.Free()
	p.RequireGrad(true)
	p.In(s).MulScalar(3).SumAll().Backward(torch.Tensor{})
	torch.MuonStep([]*torch.Var{p}, []*torch.Var{m}, torch.Muon{LR: 0.1, Momentum: 0.5, WeightDecay: 1})
	// The quintic maps 1 to about 0.7 to 1.2 in five steps; 2·(1 - 0.1) = 1.8 less 0.1 of that.
	assert.InDelta(t, 1.8-0.1, p.In(s).Float32s()[0], 0.035)
}

func TestScheduleWarmsUpHoldsAndDecays(t *testing.T) {
	c := Config{WarmupSteps: 4, DecayFrom: 10, DecayTo: 20, DecayFloor: 0.1}
	for n, want := range map[int]float64{1: 0.25, 4: 1, 10: 1, 15: 0.55, 20: 0.1, 500: 0.1} {
		assert.InDelta(t, want, c.schedule(n), 1e-12, "update %d", n)
	}
	assert.Equal(t, 1.0, Config{}.schedule(1_000_000), "without decay_to nothing falls")
}

func TestMinibatchesShareOutEveryGroup(t *testing.T) {
	m := load(t, "llama-gqa")
	c := testConfig()
	c.Minibatches = 3
	tr := newTrainer(t, c, m)
	samples := randomSamples(1, m.Config.VocabSize, 24)
	seen := map[azr.SampleID]int{}
	for n := range 3 {
		for _, e := range tr.minibatch(n, samples, make([]float64, 24)) {
			seen[e.ID]++
		}
	}
	assert.Len(t, seen, 24)
	_, err := tr.Step(t.Context(), samples)
	require.NoError(t, err)
	assert.Equal(t, 3, tr.Updates())
}

// Imitation is supervised learning: its log-prob rises, and its loss's gradient is that of the mean log-prob.
func TestImitatedTextsBecomeLikelier(t *testing.T) {
	m := load(t, "llama-gqa")
	c := testConfig()
	c.EntropyCoefficient, c.Optimizer = 0, Muon
	tr := newTrainer(t, c, m)
	samples := randomSamples(1, m.Config.VocabSize, 6)
	for i := range samples {
		samples[i].Imitate, samples[i].LogProbs, samples[i].Reward = true, nil, 1
	}
	first, err := tr.Step(t.Context(), samples)
	require.NoError(t, err)
	assert.InDelta(t, -1, first.Loss, 1e-6, "the ratio is 1 and the advantage is the reward")
	assert.Equal(t, []float64{1, 1, 1, 1, 1, 1}, first.Advantages)
	var last Report
	for range 10 {
		last, err = tr.Step(t.Context(), samples)
		require.NoError(t, err)
	}
	assert.Greater(t, last.LogProb, first.LogProb+0.5)
}

func TestReplayImitatesRightAnswersOfEarlierSteps(t *testing.T) {
	m := load(t, "llama-gqa")
	c := testConfig()
	c.Replay = Replay{Count: 3, Weight: 0.5, Window: 2}
	tr := newTrainer(t, c, m)
	samples := randomSamples(1, m.Config.VocabSize, 24)
	for i := range samples { // the last of each type got nothing
		if i >= 18 {
			samples[i].Reward = -0.5 * float64(i%2)
		}
	}
	wrong := map[string]bool{}
	for _, s := range samples {
		if s.Reward <= 0 {
			wrong[fmt.Sprint(s.ResponseIDs)] = true
		}
	}
	r, err := tr.Step(t.Context(), samples)
	require.NoError(t, err)
	assert.Zero(t, r.Replayed, "nothing is remembered yet")
	perType := map[azr.TaskType]int{}
	for _, s := range tr.Memory() {
		assert.Equal(t, azr.Solve, s.Group.Role)
		assert.True(t, s.Imitate)
		assert.Equal(t, 0.5, s.Reward)
		assert.False(t, wrong[fmt.Sprint(s.ResponseIDs)], "a wrong answer is imitated")
		perType[s.Group.Type]++
	}
	assert.Equal(t, map[azr.TaskType]int{azr.Deduction: 2, azr.Abduction: 2, azr.Induction: 2}, perType)
	again, err := tr.Step(t.Context(), samples)
	require.NoError(t, err)
	assert.Equal(t, 3, again.Replayed)
	mistake := samples[0]
	mistake.Group, mistake.Reward = azr.Group{Role: azr.Solve, Type: azr.ErrorPrediction}, 1
	tr.SetMemory(nil)
	tr.remember([]azr.Sample{mistake, mistake})
	require.Len(t, tr.Memory(), 2, "the optional type is remembered too")
	assert.Len(t, tr.recall(), 1, "one to each prompt")
	assert.Len(t, again.Advantages, 24, "replayed answers are not the caller's")
}

func TestAveragedWeightsAreTheModel(t *testing.T) {
	m := load(t, "llama-gqa")
	c := testConfig()
	c.AverageDecay = 0.5
	start := m.Norm.Bytes()
	tr := newTrainer(t, c, m)
	_, err := tr.Step(t.Context(), randomSamples(1, m.Config.VocabSize, 12))
	require.NoError(t, err)
	live := floats(t, m.Norm.Bytes())
	var averaged []float32
	require.NoError(t, tr.Averaged(func() error { averaged = floats(t, m.Norm.Bytes()); return nil }))
	assert.Equal(t, live, floats(t, m.Norm.Bytes()), "the live weights are back")
	for i, w := range floats(t, start) {
		assert.InDelta(t, (w+live[i])/2, averaged[i], 1e-6)
	}
	saved := tr.Model()
	assert.Len(t, saved, len(m.Parameters()))
	data, err := saved[len(saved)-1].Data()
	require.NoError(t, err)
	assert.NotEmpty(t, data)
}

func floats(t *testing.T, data []byte) []float32 {
	t.Helper()
	values := make([]float32, len(data)/4)
	for i := range values {
		values[i] = math.Float32frombits(uint32(data[4*i]) | uint32(data[4*i+1])<<8 | uint32(data[4*i+2])<<16 | uint32(data[4*i+3])<<24)
	}
	return values
}

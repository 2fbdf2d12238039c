package trainer

import (
	"context"
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// randomSamples are samples of all six groups, as a step has them, at two temperatures.
func randomSamples(seed uint64, vocab, n int) []azr.Sample {
	r := rand.New(rand.NewPCG(seed, 0))
	ids := func(n int) []int32 {
		list := make([]int32, n)
		for i := range list {
			list[i] = int32(r.IntN(vocab))
		}
		return list
	}
	samples := make([]azr.Sample, n)
	for i := range samples {
		s := azr.Sample{
			ID:    azr.SampleID{Purpose: azr.Solving, Index: i},
			Group: azr.Groups()[i%6], PromptIDs: ids(1 + r.IntN(20)), ResponseIDs: ids(1 + r.IntN(30)),
			Temperature: 1, Reward: float64(r.IntN(3)) / 2,
		}
		if i >= n*2/3 {
			s.Temperature = 0.7
		}
		for range s.ResponseIDs {
			s.LogProbs = append(s.LogProbs, float32(-5+0.2*r.NormFloat64()))
		}
		samples[i] = s
	}
	return samples
}

// testConfig moves weights far enough to be seen.
func testConfig() Config {
	c := DefaultConfig()
	c.LearningRate, c.MicroBatchTokens = 1e-3, 200
	return c
}

func weights(m *model.Decoder) map[string][]byte {
	found := map[string][]byte{}
	for _, p := range m.Parameters() {
		found[p.Name] = p.Var.Bytes()
	}
	return found
}

// Three steps without any text: weights change, and the same samples give the same bits.
func TestWorldOfThreeStepsIsDeterministic(t *testing.T) {
	play := func() (start, end map[string][]byte, reports []Report) {
		m := load(t, "llama-gqa")
		tr := newTrainer(t, testConfig(), m)
		start = weights(m)
		for step := range 3 {
			r, err := tr.Step(t.Context(), randomSamples(uint64(step), m.Config.VocabSize, 24))
			require.NoError(t, err)
			reports = append(reports, r)
		}
		return start, weights(m), reports
	}
	start, first, reports := play()
	_, second, again := play()
	assert.Equal(t, reports, again)
	for name := range start {
		assert.NotEqual(t, start[name], first[name], "%s did not change", name)
		assert.Equal(t, first[name], second[name], "%s has other bits the second time", name)
	}
	for _, r := range reports {
		assert.Len(t, r.Advantages, 24)
		assert.Greater(t, r.Batches, 2)
		assert.Positive(t, r.GradNorm)
		assert.Greater(t, r.Tokens, r.ResponseTokens)
		assert.InDelta(t, math.Log(257), r.Entropy, 1)
		assert.Equal(t, 1e-3, r.LearningRate)
	}
}

// counter is a Progress that adds up, by phase.
type counter struct{ expected, done map[string]int }

func newCounter() *counter { return &counter{map[string]int{}, map[string]int{}} }

func (c *counter) Expect(phase string, n int) { c.expected[phase] += n }
func (c *counter) Done(phase string, n int)   { c.done[phase] += n }

func (c *counter) Settled(azr.Task, azr.Verdict) {}

func TestStepReportsProgressAndWarmsUp(t *testing.T) {
	m, c, progress := load(t, "llama-gqa"), testConfig(), newCounter()
	c.WarmupSteps, c.Epochs = 4, 2
	tr, err := New(c, m, progress)
	require.NoError(t, err)
	defer tr.Close()
	for _, want := range []float64{2, 4, 4} { // quarters of the full rate, at the step's second update
		r, err := tr.Step(t.Context(), randomSamples(1, m.Config.VocabSize, 12))
		require.NoError(t, err)
		assert.InDelta(t, want/4*c.LearningRate, r.LearningRate, 1e-12)
	}
	assert.Equal(t, map[string]int{Phase: 3 * 2 * 12, OptimizerPhase: 3 * 2}, progress.done)
	assert.Equal(t, progress.expected, progress.done)
}

// Without entropy a sample of advantage 0 moves nothing: it is not computed, but its tokens count in the mean.
func TestSamplesWithoutAdvantageAreNotComputed(t *testing.T) {
	m, c := load(t, "llama-gqa"), testConfig()
	c.EntropyCoefficient = 0
	tr := newTrainer(t, c, m)
	samples := randomSamples(5, m.Config.VocabSize, 12)
	tokens := 0
	for i := range samples {
		samples[i].Group, samples[i].Reward = azr.Groups()[i%6], 1
		tokens += len(samples[i].ResponseIDs)
	}
	before := weights(m)
	r, err := tr.Step(t.Context(), samples)
	require.NoError(t, err)
	assert.Zero(t, r.Tokens)
	assert.Equal(t, before, weights(m), "no advantage, no update")

	samples[0].Reward = 0 // its group has one other member
	r, err = tr.Step(t.Context(), samples)
	require.NoError(t, err)
	assert.Equal(t, len(samples[0].PromptIDs)+len(samples[0].ResponseIDs)+len(samples[6].PromptIDs)+len(samples[6].ResponseIDs)-2, r.Tokens)
	assert.Equal(t, tokens, r.ResponseTokens)
	assert.NotEqual(t, before, weights(m))
}

func TestStepRefusesWhatItCannotUse(t *testing.T) {
	m := load(t, "llama-gqa")
	tr := newTrainer(t, testConfig(), m)
	before := weights(m)
	for want, spoil := range map[string]func(s *azr.Sample){
		"reward is not finite; got NaN":  func(s *azr.Sample) { s.Reward = math.NaN() },
		"reward is not finite; got -Inf": func(s *azr.Sample) { s.Reward = math.Inf(-1) },
		"log-probs, want":                func(s *azr.Sample) { s.LogProbs = s.LogProbs[1:] },
		"got 0 prompt":                   func(s *azr.Sample) { s.PromptIDs = nil },
		"0 response tokens":              func(s *azr.Sample) { s.ResponseIDs, s.LogProbs = nil, nil },
		"got temperature 0":              func(s *azr.Sample) { s.Temperature = 0 },
		"the loss is not finite":         func(s *azr.Sample) { s.LogProbs[0] = float32(math.NaN()) },
		"index out of range":             func(s *azr.Sample) { s.PromptIDs[0] = 257 },
	} {
		samples := randomSamples(2, m.Config.VocabSize, 12)
		spoil(&samples[7])
		_, err := tr.Step(t.Context(), samples)
		require.Error(t, err, want)
		assert.ErrorContains(t, err, want)
		assert.NotContains(t, err.Error(), "\n")
		assert.Equal(t, before, weights(m), want)
	}
	afterErrorsAsBefore(t, tr, m)
}

func TestCancelledStepLeavesTheWeights(t *testing.T) {
	m := load(t, "llama-gqa")
	ctx, cancel := context.WithCancel(t.Context())
	progress := &canceller{cancel: cancel}
	tr, err := New(testConfig(), m, progress)
	require.NoError(t, err)
	defer tr.Close()
	before := weights(m)
	_, err = tr.Step(ctx, randomSamples(2, m.Config.VocabSize, 24))
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 1, progress.batches, "micro-batches before it stopped")
	assert.Equal(t, before, weights(m))
	afterErrorsAsBefore(t, tr, m)
}

// canceller cancels after the first micro-batch.
type canceller struct {
	cancel  context.CancelFunc
	batches int
}

func (c *canceller) Expect(string, int) {}
func (c *canceller) Done(string, int)   { c.batches++; c.cancel() }

func (c *canceller) Settled(azr.Task, azr.Verdict) {}

// afterErrorsAsBefore requires that a trainer whose steps failed steps like a new one: neither moments,
// nor gradients, nor the count of updates have moved.
func afterErrorsAsBefore(t *testing.T, tr *Trainer, m *model.Decoder) {
	fresh := load(t, "llama-gqa")
	other := newTrainer(t, testConfig(), fresh)
	samples := randomSamples(9, m.Config.VocabSize, 12)
	_, err := tr.Step(context.Background(), samples)
	require.NoError(t, err)
	_, err = other.Step(context.Background(), samples)
	require.NoError(t, err)
	assert.Equal(t, weights(fresh), weights(m))
	assert.Equal(t, 1, tr.Updates())
}

func TestStepWithoutSamplesDoesNothing(t *testing.T) {
	m := load(t, "llama-gqa")
	tr := newTrainer(t, testConfig(), m)
	before := weights(m)
	r, err := tr.Step(t.Context(), nil)
	require.NoError(t, err)
	assert.Zero(t, r.Batches)
	assert.Equal(t, before, weights(m))
	assert.Zero(t, tr.Updates())
}

func TestConfigIsChecked(t *testing.T) {
	require.NoError(t, DefaultConfig().Validate())
	for want, spoil := range map[string]func(c *Config){
		"learning_rate":      func(c *Config) { c.LearningRate = -1 },
		"clip_low":           func(c *Config) { c.ClipLow = math.NaN() },
		"epochs":             func(c *Config) { c.Epochs = 0 },
		"micro_batch_tokens": func(c *Config) { c.MicroBatchTokens = 0 },
		"unknown whitening":  func(c *Config) { c.Whitening = "none" },
		"unknown algorithm":  func(c *Config) { c.Algorithm = "ppo" },
		"proposer_weight":    func(c *Config) { c.ProposerWeight = -1 },
		"whitening token is": func(c *Config) { c.Algorithm, c.Whitening = GroupRelativePolicy, ByToken },
	} {
		c := DefaultConfig()
		spoil(&c)
		_, err := New(c, nil, nil)
		assert.ErrorContains(t, err, want)
	}
}

func TestCloseReturnsWhatNewTook(t *testing.T) {
	m := load(t, "llama-gqa")
	live, bytes := torch.Live(), torch.AllocatedBytes()
	tr, err := New(testConfig(), m, azr.NoProgress{})
	require.NoError(t, err)
	assert.Greater(t, torch.AllocatedBytes(), bytes)
	_, err = tr.Step(t.Context(), randomSamples(1, m.Config.VocabSize, 6))
	require.NoError(t, err)
	tr.Close()
	assert.Equal(t, live, torch.Live(), "handles")
	assert.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
}

package trainer

import (
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
)

// wantedBytes is what a first step allocates beside what its trainer holds.
func wantedBytes(t *testing.T, c Config, samples []azr.Sample) int64 {
	tr := newTrainer(t, c, load(t, "llama-gqa"))
	held := torch.AllocatedBytes()
	torch.ResetPeak()
	_, err := tr.Step(t.Context(), samples)
	require.NoError(t, err)
	return torch.PeakBytes() - held
}

// limit bounds memory to what is held now and more, while f runs.
func limit(more int64, f func()) {
	torch.LimitBytes(torch.AllocatedBytes() + more)
	defer torch.LimitBytes(0)
	f()
}

// Whenever in a step memory runs out, the step is what it would have been with the smaller micro-batches from
// its start, to the bit; or it leaves everything as it was and says so.
func TestMicroBatchesShrinkWhereMemoryRunsOut(t *testing.T) {
	samples := randomSamples(3, 257, 24)
	config := testConfig()
	config.MicroBatchTokens = 400
	wanted := wantedBytes(t, config, samples)
	shrunk, failed := 0, 0
	const parts = 10
	for part := int64(1); part < parts; part++ {
		m := load(t, "llama-gqa")
		progress := newCounter()
		tr, err := New(config, m, progress)
		require.NoError(t, err)
		t.Cleanup(tr.Close)
		before := weights(m)
		live, bytes := torch.Live(), torch.AllocatedBytes()
		var r Report
		limit(wanted*part/parts, func() { r, err = tr.Step(t.Context(), samples) })
		assert.Equal(t, live, torch.Live(), "handles")
		assert.Equal(t, bytes, torch.AllocatedBytes(), "bytes")
		if err != nil {
			failed++
			require.True(t, torch.IsOutOfMemory(err), err)
			assert.NotContains(t, err.Error(), "\n")
			assert.Equal(t, before, weights(m))
			continue
		}
		shrunk += r.OutOfMemory
		assert.Equal(t, progress.expected, progress.done)
		same := config
		same.MicroBatchTokens = r.MicroBatchTokens
		other := load(t, "llama-gqa")
		plain, err := newTrainer(t, same, other).Step(t.Context(), samples)
		require.NoError(t, err)
		plain.OutOfMemory = r.OutOfMemory
		assert.Equal(t, plain, r)
		assert.Equal(t, weights(other), weights(m))
	}
	t.Logf("of %d steps %d failed; %d times micro-batches shrank", parts-1, failed, shrunk)
	assert.Greater(t, shrunk, 5)
	assert.Positive(t, failed)
}

func TestMemoryTooSmallForOneSample(t *testing.T) {
	m := load(t, "llama-gqa")
	tr := newTrainer(t, testConfig(), m)
	samples := randomSamples(2, 257, 12)
	longest := slices.MaxFunc(samples, func(a, b azr.Sample) int {
		return example{Sample: a}.tokens() - example{Sample: b}.tokens()
	})
	var err error
	limit(1<<16, func() { _, err = tr.Step(t.Context(), samples) })
	require.ErrorContains(t, err, "out of memory with one sample a micro-batch")
	assert.Regexp(t, `got samples of up to \d+ tokens.*activation_checkpointing.*tried to allocate \d+ bytes beside \d+ of at most \d+ \(CPU tensors held \d+\.\d MiB\)`, err.Error())
	assert.LessOrEqual(t, tr.MicroBatchTokens(), example{Sample: longest}.tokens())
}

// What shrank stays so: in the next step, and in a trainer that goes on from the state.
func TestShrunkMicroBatchesStay(t *testing.T) {
	samples := randomSamples(3, 257, 24)
	config := testConfig()
	config.MicroBatchTokens = 600
	wanted := wantedBytes(t, config, samples)
	tr := newTrainer(t, config, load(t, "llama-gqa"))
	var smaller int
	limit(wanted*9/10, func() {
		r, err := tr.Step(t.Context(), samples)
		require.NoError(t, err)
		require.Equal(t, 1, r.OutOfMemory)
		require.Less(t, r.MicroBatchTokens, config.MicroBatchTokens)
		smaller = r.MicroBatchTokens
	})
	r, err := tr.Step(t.Context(), samples)
	require.NoError(t, err)
	assert.Zero(t, r.OutOfMemory)
	assert.Equal(t, smaller, r.MicroBatchTokens)
	again := newTrainer(t, config, load(t, "llama-gqa"))
	again.LimitMicroBatches(tr.MicroBatchTokens())
	assert.Equal(t, smaller, again.MicroBatchTokens())
	config.MicroBatchTokens = 200
	again = newTrainer(t, config, load(t, "llama-gqa"))
	again.LimitMicroBatches(smaller)
	assert.Equal(t, 200, again.MicroBatchTokens())
}

func TestNewWithoutMemoryTakesNothing(t *testing.T) {
	averaging := testConfig()
	averaging.Optimizer, averaging.AverageDecay = Muon, 0.9
	for _, config := range []Config{testConfig(), averaging} {
		m := load(t, "llama-gqa")
		live, bytes := torch.Live(), torch.AllocatedBytes()
		var tr *Trainer
		var err error
		limit(100<<10, func() { tr, err = New(config, m, azr.NoProgress{}) }) // enough for some moments
		require.True(t, torch.IsOutOfMemory(err), "%v", err)
		assert.Nil(t, tr)
		assert.Equal(t, live, torch.Live())
		assert.Equal(t, bytes, torch.AllocatedBytes())
	}
}

// A step never holds the B x T x V tensor of logits: with a large vocabulary its peak is below half of that.
func TestStepHoldsNoLogitsOfAllTokens(t *testing.T) {
	lockThread(t)
	const vocab, sequences, responses = 1 << 16, 16, 100
	dir := t.TempDir()
	llama := modeltest.Small(vocab, 256)
	llama.Hidden, llama.Inner = 16, 16
	require.NoError(t, llama.Write(dir))
	m, err := model.Load(filepath.Clean(dir), torch.F32, torch.CPU)
	require.NoError(t, err)
	t.Cleanup(m.Free)
	config := testConfig()
	config.MicroBatchTokens = 1 << 20 // one pass
	tr := newTrainer(t, config, m)
	samples := randomSamples(1, vocab, sequences)
	for i := range samples {
		s := &samples[i]
		s.Temperature = 1
		for len(s.ResponseIDs) < responses {
			s.ResponseIDs, s.LogProbs = append(s.ResponseIDs, int32(i)), append(s.LogProbs, -11)
		}
	}
	held := torch.AllocatedBytes()
	torch.ResetPeak()
	r, err := tr.Step(t.Context(), samples)
	require.NoError(t, err)
	require.Equal(t, 1, r.Batches)
	require.Equal(t, sequences*responses, r.ResponseTokens)
	logits := int64(sequences*responses) * vocab * 4
	peak := torch.PeakBytes() - held
	t.Logf("peak %d MiB beside weights and moments; logits of all response tokens are %d MiB", peak>>20, logits>>20)
	assert.Less(t, peak, logits/2)
}

package trainer_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
)

// BenchmarkUpdate is one update of SmolLM2 from 8 samples of 256 tokens, 64 of them responses.
func BenchmarkUpdate(b *testing.B) {
	const dir = "../third_party/build/smollm2"
	if _, err := os.Stat(dir); err != nil {
		b.Skipf("no SmolLM2 at %s; hint: make model", dir)
	}
	m, err := model.Load(dir, torch.F32, torch.CPU)
	require.NoError(b, err)
	defer m.Free()
	t, err := trainer.New(trainer.DefaultConfig(), m, azr.NoProgress{})
	require.NoError(b, err)
	defer t.Close()
	samples := make([]azr.Sample, 8)
	for i := range samples {
		s := azr.Sample{Temperature: 1, Reward: float64(i % 2)}
		for j := range 256 {
			id := int32((i*7919 + j*104729) % m.Config.VocabSize)
			if j < 192 {
				s.PromptIDs = append(s.PromptIDs, id)
			} else {
				s.ResponseIDs, s.LogProbs = append(s.ResponseIDs, id), append(s.LogProbs, -10)
			}
		}
		samples[i] = s
	}
	torch.ResetPeak()
	tokens := 0
	for b.Loop() {
		r, err := t.Step(b.Context(), samples)
		require.NoError(b, err)
		tokens += r.Tokens
	}
	b.ReportMetric(float64(tokens)/b.Elapsed().Seconds(), "tok/s")
	b.ReportMetric(float64(torch.PeakBytes())/(1<<20), "peak-MiB")
}

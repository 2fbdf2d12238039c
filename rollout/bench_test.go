package rollout_test

import (
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
)

// smolLM2 loads the real model that the build makes, or skips.
func smolLM2(tb testing.TB) (*model.Decoder, *tokenizer.Tokenizer) {
	const dir = "../third_party/build/smollm2"
	if _, err := os.Stat(dir); err != nil {
		tb.Skipf("no SmolLM2 at %s; hint: make model", dir)
	}
	m, err := model.Load(dir, torch.F32, torch.CPU)
	require.NoError(tb, err)
	tb.Cleanup(m.Free)
	t, err := tokenizer.Load(dir)
	require.NoError(tb, err)
	tb.Cleanup(func() { t.Close() })
	return m, t
}

const benchPrompt = "def f(numbers):\n    total = 0\n    for n in numbers:\n        if n % 2 == 0:\n            total += n\n    return total\n\n"

func prompt(index, tokens int, text string) azr.Prompt {
	return azr.Prompt{
		ID: azr.SampleID{Purpose: azr.Evaluating, Index: index}, Text: text,
		Sampling: azr.Sampling{Temperature: 1, TopP: 1, MaxTokens: tokens},
	}
}

func drain(tb testing.TB, e *rollout.Engine) (done []azr.Completion) {
	for e.Pending() > 0 {
		finished, err := e.Tick(tb.Context())
		require.NoError(tb, err)
		done = append(done, finished...)
	}
	return done
}

func BenchmarkPrefill(b *testing.B) {
	m, t := smolLM2(b)
	text := benchPrompt + benchPrompt + benchPrompt + benchPrompt + benchPrompt + benchPrompt
	e, err := rollout.New(rollout.Config{Slots: 1, Room: 1024}, 1, m, t)
	require.NoError(b, err)
	defer e.Close()
	for i := 0; b.Loop(); i++ {
		require.NoError(b, e.Submit(prompt(i, 1, text)))
		drain(b, e)
		e.Forget()
	}
	b.ReportMetric(float64(e.Stats().PromptTokens)/b.Elapsed().Seconds(), "tok/s")
}

func BenchmarkDecode(b *testing.B) {
	m, t := smolLM2(b)
	for _, batch := range []int{1, 8, 32} {
		b.Run(fmt.Sprint(batch), func(b *testing.B) {
			e, err := rollout.New(rollout.Config{Slots: batch, Room: 512}, 1, m, t)
			require.NoError(b, err)
			defer e.Close()
			for i := 0; b.Loop(); i++ {
				for j := range batch {
					require.NoError(b, e.Submit(prompt(i*batch+j, 64, benchPrompt)))
				}
				drain(b, e)
			}
			b.ReportMetric(float64(e.Stats().SampledTokens)/b.Elapsed().Seconds(), "tok/s")
		})
	}
}

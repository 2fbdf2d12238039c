package main

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
)

const (
	promptTokens  = 512 // of a prefilled prompt
	decodedTokens = 64  // of each sequence
	updateSamples = 8
	updateTokens  = 256 // of each sample, half of them the response
)

// text is a program that is not like another one, for prompts that share nothing.
func text(i int) string {
	return fmt.Sprintf("def f%d(numbers):\n    total = %d\n    for n in numbers:\n        if n %% 2 == 0:\n            total += n\n    return total\n\n", i, i*i)
}

// rows of the table, in its order.
func (b *bench) rows(ctx context.Context) []row {
	rows := []row{b.prefill(ctx)}
	for _, n := range []int{1, 8, 32} {
		rows = append(rows, b.decode(ctx, n))
	}
	return append(rows, b.update(ctx), b.recordedUpdate(ctx), b.step(ctx), b.saving(ctx))
}

func (b *bench) prefill(ctx context.Context) row {
	var prompt []int32
	ids, err := b.tokenizer.EncodeDocument(strings.Repeat(text(7), 20))
	asText := ""
	if err == nil {
		prompt = ids[:promptTokens]
		asText, err = b.tokenizer.Decode(prompt)
	}
	return row{
		name: "prefill", says: fmt.Sprintf("a prompt of %d tokens", promptTokens), aim: "1.0 times; 80 % of the products",
		ours: func() (measure, error) {
			if err != nil {
				return measure{}, err
			}
			e, err := rollout.New(rollout.Config{Slots: 1, Room: 2 * promptTokens}, 1, b.model, b.tokenizer)
			if err != nil {
				return measure{}, err
			}
			defer e.Close()
			if err := e.Submit(azr.Prompt{Text: asText, Sampling: azr.Sampling{Temperature: 1, TopP: 1, MaxTokens: 1}}); err != nil {
				return measure{}, err
			}
			return timed(func() (int, error) {
				_, err := e.Tick(ctx)
				return e.Stats().PromptTokens, err
			})
		},
		theirs: b.asked(request{"do": "prefill", "ids": prompt}, promptTokens),
		limit:  func() time.Duration { return products(b.model, promptTokens, 1) },
	}
}

// decode samples from n prompts at once; what they take of it is their own business. Both sides sample as many tokens.
func (b *bench) decode(ctx context.Context, n int) row {
	var prompts [][]int32
	var lengths []int
	r := row{
		name: fmt.Sprintf("decode %d", n), says: fmt.Sprintf("up to %d tokens to each of %d prompts of 50", decodedTokens, n),
		aim: map[int]string{1: "70 % of the limit", 8: "1.4 times; 70 % of the limit", 32: "1.5 times; 70 % of the limit"}[n],
		ours: func() (measure, error) {
			e, err := rollout.New(rollout.Config{Slots: n, Room: 256}, 1, b.model, b.tokenizer)
			if err != nil {
				return measure{}, err
			}
			defer e.Close()
			for i := range n {
				p := azr.Prompt{ID: azr.SampleID{Index: i}, Text: text(i), Sampling: azr.Sampling{Temperature: 1, TopP: 1, MaxTokens: decodedTokens}}
				if err := e.Submit(p); err != nil {
					return measure{}, err
				}
			}
			prompts, lengths = nil, nil
			return timed(func() (int, error) {
				for e.Pending() > 0 {
					done, err := e.Tick(ctx)
					if err != nil {
						return 0, err
					}
					for _, c := range done {
						prompts, lengths = append(prompts, c.PromptIDs), append(lengths, len(c.IDs))
					}
				}
				return e.Stats().SampledTokens, nil
			})
		},
		theirs: func() (measure, error) {
			return b.asked(request{"do": "generate", "prompts": prompts, "lengths": lengths, "batch": n}, 0)()
		},
		// The products of the prompts, which give the first token; each one after it is a pass over the weights and the products
		// of as many rows: the slower of the two.
		limit: func() time.Duration {
			rows := len(slices.Concat(prompts...))
			return products(b.model, rows, n) + (decodedTokens-1)*max(products(b.model, n, n), reading(b.model, b.threads))
		},
	}
	if b.hasLlama() {
		r.llama = func() (measure, error) { return b.llamaDecodes(ctx, n) }
	}
	return r
}

// update learns from samples that share nothing.
func (b *bench) update(ctx context.Context) row {
	r := rand.New(rand.NewPCG(1, 0))
	var samples []azr.Sample
	for i := range updateSamples {
		s := azr.Sample{ID: azr.SampleID{Index: i}, Temperature: 1, Reward: float64(i % 2)}
		for range updateTokens / 2 {
			s.PromptIDs = append(s.PromptIDs, r.Int32N(int32(b.model.Config.VocabSize)))
			s.ResponseIDs, s.LogProbs = append(s.ResponseIDs, r.Int32N(int32(b.model.Config.VocabSize))), append(s.LogProbs, -12)
		}
		samples = append(samples, s)
	}
	return b.updateOn(ctx, "update", fmt.Sprintf("%d samples of %d tokens, AdamW", updateSamples, updateTokens), "1.0 times; 0.6 of the memory", samples, updateSamples*updateTokens)
}

// updateOn learns from samples on both sides, in micro-batches of so many tokens.
func (b *bench) updateOn(ctx context.Context, name, says, aim string, samples []azr.Sample, microBatch int) row {
	c := trainer.DefaultConfig()
	c.MicroBatchTokens = microBatch
	var theirs []any
	tokens := 0
	for i, advantage := range c.Advantages(samples) {
		s := samples[i]
		theirs = append(theirs, []any{s.PromptIDs, s.ResponseIDs, s.LogProbs, advantage})
		tokens += len(s.PromptIDs) + len(s.ResponseIDs)
	}
	update := func(size int) (measure, error) {
		return b.asked(request{"do": "update", "samples": theirs, "tokens": size, "entropy_coefficient": c.EntropyCoefficient}, tokens)()
	}
	return row{
		name: name, says: says, aim: aim,
		ours: func() (measure, error) {
			tr, err := trainer.New(c, b.model, azr.NoProgress{})
			if err != nil {
				return measure{}, err
			}
			defer tr.Close()
			return timed(func() (int, error) {
				_, err := tr.Step(ctx, samples)
				return tokens, err
			})
		},
		theirs: atBest([]int{microBatch / 2, microBatch, 2 * microBatch, 4 * microBatch}, func(size int) (float64, error) {
			m, err := update(size)
			return float64(tokens) / m.time.Seconds(), err
		}, update),
	}
}

// asked has the reference do something of so many tokens.
func (b *bench) asked(r request, tokens int) func() (measure, error) {
	return func() (measure, error) {
		t, err := b.reference.do(r)
		return measure{time: t.time(), tokens: tokens, peak: t.Peak}, err
	}
}

// timed measures what f takes, its CPU time and peak of resident memory too.
func timed(f func() (tokens int, err error)) (m measure, err error) {
	defer torch.Catch(&err)
	resetPeak()
	begin, cpu := time.Now(), cpuTime()
	m.tokens, err = f()
	m.time, m.cpu, m.peak = time.Since(begin), cpuTime()-cpu, residentPeak()
	return m, err
}

// cpuTime is what this process has used so far, of its own and the kernel's.
func cpuTime() time.Duration {
	var u syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
		return 0
	}
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// resetPeak begins a new peak of resident memory, where Linux lets it.
func resetPeak() { _ = os.WriteFile("/proc/self/clear_refs", []byte("5"), 0) }

func residentPeak() int64 {
	text, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(text)) {
		var kib int64
		if n, _ := fmt.Sscanf(line, "VmHWM: %d kB", &kib); n == 1 {
			return kib << 10
		}
	}
	return 0
}

// percent rounds a share.
func percent(share float64) int { return int(math.Round(100 * share)) }

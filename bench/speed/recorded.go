package main

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/azr-train/azr"
)

// The step that is repeated: the second of the quickstart's game, so that its buffers are not empty.
const (
	recordedStep = 2
	microBatch   = 1024
)

// completion is one row of a step as azr-train inspect tells it.
type completion struct {
	ID struct {
		Purpose, Type string
		Index         int
	}
	Role, Prompt, Text string
	Trained            bool
	Advantage, Reward  float64
	PromptTokens       int `json:"prompt_tokens"`
	ResponseTokens     int `json:"response_tokens"`
}

// play makes a run of the recorded step, with further flags, and returns its metrics and timings by name.
func (b *bench) play(ctx context.Context, more ...string) (dir string, found map[string]float64, err error) {
	dir = filepath.Join(b.work, "run")
	if err := os.RemoveAll(dir); err != nil {
		return "", nil, err
	}
	var out bytes.Buffer
	flags := append([]string{"run", "--quiet", "--json", "--model", b.folder, "--config", "quickstart", "--run", dir,
		"--seed", "1", "--set", fmt.Sprintf("steps=%d", recordedStep), "--set", fmt.Sprintf("threads=%d", b.threads)}, more...)
	c := exec.CommandContext(ctx, b.program, flags...)
	c.Stdout, c.Stderr = &out, os.Stderr
	if err := c.Run(); err != nil {
		return "", nil, fmt.Errorf("%s: %w", strings.Join(c.Args, " "), err)
	}
	for lines := json.NewDecoder(&out); lines.More(); {
		var line struct {
			Step             int
			Metrics, Timings map[string]float64
		}
		if err := lines.Decode(&line); err != nil {
			return "", nil, err
		}
		if line.Step == recordedStep {
			found = line.Metrics
			for name, v := range line.Timings {
				found[name] = v
			}
		}
	}
	return dir, found, nil
}

// completions of the recorded step of a run.
func (b *bench) completions(ctx context.Context, dir string) (list []completion, err error) {
	out, err := exec.CommandContext(ctx, b.program, "inspect", dir, "--step", fmt.Sprint(recordedStep), "--limit", "100000", "--json").Output()
	if err != nil {
		return nil, err
	}
	var run struct{ Rows []completion }
	err = json.Unmarshal(out, &run)
	return run.Rows, err
}

// recordedUpdate learns from what a step of self-play gave, whose prompts begin alike.
func (b *bench) recordedUpdate(ctx context.Context) row {
	const name, says, aim = "self-play update", "the samples of a step of the quickstart's game", "2.5 times"
	var update row // once there are samples
	return row{
		name: name, says: says, aim: aim,
		ours: func() (measure, error) {
			if update.ours == nil {
				samples, err := b.recordedSamples(ctx)
				if err != nil {
					return measure{}, err
				}
				update = b.updateOn(ctx, name, says, aim, samples, microBatch)
			}
			return update.ours()
		},
		theirs: func() (measure, error) { return update.theirs() },
	}
}

func (b *bench) recordedSamples(ctx context.Context) (samples []azr.Sample, err error) {
	dir, _, err := b.play(ctx)
	if err != nil {
		return nil, err
	}
	list, err := b.completions(ctx, dir)
	if err != nil {
		return nil, err
	}
	for i, c := range list {
		if !c.Trained {
			continue
		}
		s := azr.Sample{ID: azr.SampleID{Index: i}, Temperature: 1, Reward: c.Reward}
		if err := s.Group.Role.UnmarshalText([]byte(c.Role)); err != nil {
			return nil, err
		}
		if err := s.Group.Type.UnmarshalText([]byte(c.ID.Type)); err != nil {
			return nil, err
		}
		if s.PromptIDs, err = b.tokenizer.EncodeDocument(c.Prompt); err != nil {
			return nil, err
		}
		if s.ResponseIDs, err = b.tokenizer.EncodeDocument(c.Text + "\n"); err != nil {
			return nil, err
		}
		for range s.ResponseIDs {
			s.LogProbs = append(s.LogProbs, -1)
		}
		samples = append(samples, s)
	}
	return samples, nil
}

// step is a whole step of self-play: sampling, executing, updating. The reference samples as many tokens to the same
// prompts, role by role and type by type, runs as many programs, and learns from the same samples.
func (b *bench) step(ctx context.Context) row {
	var list []completion
	return row{
		name: "step", says: "a step of the quickstart's game, equal tokens sampled", aim: "3 times",
		ours: func() (measure, error) {
			dir, found, err := b.play(ctx)
			if err != nil {
				return measure{}, err
			}
			if list, err = b.completions(ctx, dir); err != nil {
				return measure{}, err
			}
			whole := found["step_seconds"]
			return measure{
				time: time.Duration(whole * float64(time.Second)), tokens: int(found["rollout/sampled_tokens"]),
				idle: found["compute_idle"], waiting: found["selfplay/wait_seconds"] / whole,
			}, nil
		},
		theirs: atBest([]int{8, 16, 32, 64}, func(size int) (float64, error) { return b.generationRate(list, size) },
			func(size int) (measure, error) { return b.theirStep(list, size) }),
	}
}

// saving is the recorded step while the checkpoint of the step before is written, beside the same step alone.
func (b *bench) saving(ctx context.Context) row {
	step := func(every int) func() (measure, error) {
		return func() (measure, error) {
			_, found, err := b.play(ctx, "--set", fmt.Sprintf("checkpoint.every=%d", every))
			return measure{
				time: time.Duration(found["step_seconds"] * float64(time.Second)), tokens: int(found["rollout/sampled_tokens"]),
			}, err
		}
	}
	return row{
		name: "saving", says: "that step of ours while a checkpoint is written, beside itself without", aim: "0.95 times",
		ours: step(1), theirs: step(recordedStep),
	}
}

// batchRate is how fast the reference is in batches of a size: completions, or tokens of an update.
type batchRate struct {
	Size   int     `json:"size"`
	Tokens float64 `json:"tokens_per_second"`
}

// atBest has the reference do something in batches of the size at which it is fastest, which is found the first time.
func atBest(sizes []int, rate func(size int) (float64, error), do func(size int) (measure, error)) func() (measure, error) {
	var batches []batchRate // the best first
	return func() (m measure, err error) {
		if batches == nil {
			if batches, err = tryBatches(sizes, rate); err != nil {
				return m, err
			}
		}
		m, err = do(batches[0].Size)
		m.batches = batches
		return m, err
	}
}

// tryBatches finds how fast the reference is in batches of each size, and lists these, the best first.
func tryBatches(sizes []int, rate func(size int) (float64, error)) (rates []batchRate, err error) {
	for _, size := range sizes {
		tokens, err := rate(size)
		if err != nil {
			return nil, err
		}
		rates = append(rates, batchRate{size, tokens})
	}
	slices.SortFunc(rates, func(x, y batchRate) int { return cmp.Compare(y.Tokens, x.Tokens) })
	return rates, nil
}

// generationRate is how many tokens a second the reference generates of a step's completions in batches of a size.
func (b *bench) generationRate(list []completion, size int) (float64, error) {
	requests, tokens, err := b.generations(list, size)
	if err != nil {
		return 0, err
	}
	m, err := b.doAll(requests)
	return float64(tokens) / m.time.Seconds(), err
}

// generations asks the reference for a step's completions, role by role and type by type, and counts their tokens.
func (b *bench) generations(list []completion, size int) (requests []request, tokens int, err error) {
	type kind struct {
		prompts [][]int32
		lengths []int
	}
	kinds, order := map[string]*kind{}, []*kind{}
	for _, c := range list {
		prompt, err := b.tokenizer.EncodeDocument(c.Prompt)
		if err != nil {
			return nil, 0, err
		}
		name := c.ID.Purpose + c.ID.Type
		if kinds[name] == nil {
			kinds[name] = &kind{}
			order = append(order, kinds[name])
		}
		length := max(1, c.ResponseTokens)
		kinds[name].prompts, kinds[name].lengths = append(kinds[name].prompts, prompt), append(kinds[name].lengths, length)
		tokens += length
	}
	for _, k := range order {
		requests = append(requests, request{"do": "generate", "prompts": k.prompts, "lengths": k.lengths, "batch": size})
	}
	return requests, tokens, nil
}

func (b *bench) theirStep(list []completion, batch int) (m measure, err error) {
	requests, _, err := b.generations(list, batch)
	if err != nil {
		return m, err
	}
	var programs []string
	var samples []any
	for _, c := range list {
		programs = append(programs, "result = sum(range(100))")
		if c.Trained {
			prompt, err := b.tokenizer.EncodeDocument(c.Prompt)
			if err != nil {
				return m, err
			}
			response, err := b.tokenizer.EncodeDocument(c.Text + "\n")
			if err != nil {
				return m, err
			}
			samples = append(samples, []any{prompt, response, make([]float64, len(response)), c.Advantage})
		}
	}
	return b.doAll(append(requests, request{"do": "execute", "programs": programs}, request{"do": "update", "samples": samples, "tokens": microBatch, "entropy_coefficient": 0.001}))
}

// doAll has the reference do one thing after the other.
func (b *bench) doAll(requests []request) (m measure, err error) {
	for _, r := range requests {
		t, err := b.reference.do(r)
		if err != nil {
			return m, err
		}
		m.time += t.time()
		m.peak = max(m.peak, t.Peak)
	}
	return m, nil
}

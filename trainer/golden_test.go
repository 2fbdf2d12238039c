package trainer

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/model/modeltest"
	"github.com/azr-train/azr/torch"
)

// sums are two figures of a tensor.
type sums struct {
	Sum    float64 `json:"sum"`
	AbsSum float64 `json:"abs_sum"`
}

// goldenLoss is a loss on the golden batch, with figures of its gradients.
type goldenLoss struct {
	Name        string          `json:"name"`
	Kind        string          `json:"kind"`
	Temperature float64         `json:"temperature"`
	EntropyCoef float64         `json:"entropy_coef"`
	ClipLow     float64         `json:"clip_low"`
	ClipHigh    float64         `json:"clip_high"`
	Old         string          `json:"old_logprobs"`
	Loss        float64         `json:"loss"`
	Entropy     float64         `json:"entropy"`
	GradNorm    float64         `json:"grad_norm"`
	Grads       map[string]sums `json:"grads"`
}

// goldenLadder is ten optimiser steps on the golden batch.
type goldenLadder struct {
	Loss        string          `json:"loss"`
	LR          float64         `json:"lr"`
	Betas       [2]float64      `json:"betas"`
	Eps         float64         `json:"eps"`
	WeightDecay float64         `json:"weight_decay"`
	MaxNorm     float64         `json:"max_norm"`
	Losses      []float64       `json:"losses"`
	GradNorms   []float64       `json:"grad_norms"`
	FinalLoss   float64         `json:"final_loss"`
	Params      map[string]sums `json:"params"`
}

// golden is the reference's numbers for one tiny model; testdata/golden/README.md describes them.
type golden struct {
	Losses  []goldenLoss   `json:"losses"`
	Ladders []goldenLadder `json:"ladders"`

	modeltest.Golden
}

func openGolden(t *testing.T, variant string) *golden {
	g := &golden{}
	g.Golden = modeltest.OpenGolden(t, "../testdata/golden", variant, g)
	return g
}

// examples is the golden batch, with a loss's old log-probs. Its advantages are one a token, which an
// example has no place for: see micro.
func (g *golden) examples(l goldenLoss) (examples []example, advantages [][]float32) {
	ids, offsets, prompts := g.Ints("batch.ids"), g.Ints("batch.offsets"), g.Ints("batch.prompt_lengths")
	old, each := g.Floats("batch.logprobs_t1"), g.Floats("batch.advantages")
	if l.Kind == "pg" {
		old = g.Floats(l.Old)
	}
	for i, prompt := range prompts {
		var e example
		e.Temperature = l.Temperature
		e.PromptIDs = narrow(ids[offsets[i] : offsets[i]+prompt])
		e.ResponseIDs = narrow(ids[offsets[i]+prompt : offsets[i+1]])
		n := len(e.ResponseIDs)
		e.LogProbs, old = old[:n], old[n:]
		advantage := each[:n]
		each = each[n:]
		if l.Kind == "nll" { // with its own log-probs and advantages 1 the policy loss has nll's gradient
			advantage = make([]float32, n)
			for i := range advantage {
				advantage[i] = 1
			}
		}
		examples, advantages = append(examples, e), append(advantages, advantage)
	}
	return examples, advantages
}

// micro cuts the golden batch into micro-batches; a cut lists how many sequences each of them has.
func (g *golden) micro(l goldenLoss, cut ...int) (batches []packed, tokens int) {
	examples, advantages := g.examples(l)
	for _, n := range cut {
		p := newPacked(examples[:n], false)
		p.advantages = nil
		for _, a := range advantages[:n] {
			p.advantages = append(p.advantages, a...)
		}
		tokens += len(p.targets)
		batches = append(batches, p)
		examples, advantages = examples[n:], advantages[n:]
	}
	require.Empty(g.T, examples, "sequences left out of the cut")
	return batches, tokens
}

func narrow(ids []int64) []int32 {
	short := make([]int32, len(ids))
	for i, id := range ids {
		short[i] = int32(id)
	}
	return short
}

// config is a loss's constants.
func (l goldenLoss) config() Config {
	c := DefaultConfig()
	c.ClipLow, c.ClipHigh, c.EntropyCoefficient = l.ClipLow, l.ClipHigh, l.EntropyCoef
	return c
}

// load loads a tiny model in f32 and frees it after the test.
func load(t *testing.T, variant string) *model.Decoder {
	return loadFolder(t, "../testdata/tiny/"+variant)
}

func loadFolder(t *testing.T, dir string) *model.Decoder {
	lockThread(t)
	m, err := model.Load(dir, torch.F32, torch.CPU)
	require.NoError(t, err)
	t.Cleanup(m.Free)
	return m
}

func newTrainer(t *testing.T, c Config, m *model.Decoder) *Trainer {
	tr, err := New(c, m, azr.NoProgress{})
	require.NoError(t, err)
	t.Cleanup(tr.Close)
	return tr
}

// lockThread makes the test's goroutine the compute thread while the test runs.
func lockThread(t *testing.T) {
	runtime.LockOSThread()
	t.Cleanup(runtime.UnlockOSThread)
}

// forEachVariant runs f on every tiny model and its goldens.
func forEachVariant(t *testing.T, f func(t *testing.T, variant string, g *golden)) {
	for _, variant := range modeltest.Variants {
		t.Run(variant, func(t *testing.T) { f(t, variant, openGolden(t, variant)) })
	}
}

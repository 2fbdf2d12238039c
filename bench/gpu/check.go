package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
)

// finding is a number that may not be above its bound.
type finding struct {
	name         string
	value, bound float64
	unit         string
}

func (f finding) holds() bool { return f.value <= f.bound } // no NaN does

func (f finding) String() string {
	verdict := "holds"
	if !f.holds() {
		verdict = "DOES NOT HOLD"
	}
	return fmt.Sprintf("%-58s %10.3g %s, at most %g: %s", f.name, f.value, f.unit, f.bound, verdict)
}

// errDiffers ends a check in which something does not hold.
var errDiffers = errors.New("the device does not compute what the CPU does")

// checkDevice prints each finding as it is there.
func checkDevice(ctx context.Context, out io.Writer, device torch.Device, folder string) (err error) {
	defer torch.Catch(&err)
	c := &check{ctx: ctx, device: device, folder: folder}
	if c.tokenizer, err = tokenizer.Load(folder); err != nil {
		return err
	}
	defer c.tokenizer.Close()
	for _, part := range []func() ([]finding, error){c.memory, c.forwardAndBackward, c.graphs, c.bf16} {
		found, err := part()
		if err != nil {
			return err
		}
		for _, f := range found {
			fmt.Fprintln(out, f)
			if !f.holds() {
				c.differs = errDiffers
			}
		}
	}
	return c.differs
}

type check struct {
	ctx       context.Context
	device    torch.Device
	folder    string
	tokenizer *tokenizer.Tokenizer
	differs   error
}

const (
	checkedText = "def f(numbers):\n    total = 0\n    for n in numbers:\n        if n % 2 == 0:\n            total += n\n    return total\n"
	completions = 12
	newTokens   = 48
)

// on loads the model on a device.
func (c *check) on(device torch.Device, dtype torch.DType) (*model.Decoder, error) {
	return model.Load(c.folder, dtype, device)
}

// forwardAndBackward compares logits, and the gradients of a text's log-probs, in f32.
func (c *check) forwardAndBackward() ([]finding, error) {
	ids, err := c.tokenizer.EncodeDocument(strings.Repeat(checkedText, 3))
	if err != nil {
		return nil, err
	}
	cpu, err := c.passOn(torch.CPU, ids)
	if err != nil {
		return nil, err
	}
	device, err := c.passOn(c.device, ids)
	if err != nil {
		return nil, err
	}
	worst := finding{name: "f32: gradient of a weight, off relative to its norm", bound: 1e-3, unit: "of it"}
	for name, want := range cpu.gradients {
		if off := distance(device.gradients[name], want); off > worst.value || math.IsNaN(off) {
			worst.value, worst.name = off, "f32: gradient of "+name+", off relative to its norm"
		}
		if !worst.holds() {
			break
		}
	}
	return []finding{{"f32: logits, off relative to their norm", distance(device.logits, cpu.logits), 1e-3, "of it"}, worst}, nil
}

// passed is what one forward and backward gave.
type passed struct {
	logits    []float32
	gradients map[string][]float32
}

func (c *check) passOn(device torch.Device, ids []int32) (p passed, err error) {
	m, err := c.on(device, torch.F32)
	if err != nil {
		return p, err
	}
	defer m.Free()
	for _, w := range m.Parameters() {
		w.Var.RequireGrad(true)
	}
	s := torch.NewScope()
	defer s.Close()
	wide := make([]int64, len(ids))
	for i, id := range ids {
		wide[i] = int64(id)
	}
	hidden := m.Forward(s, wide[:len(wide)-1], []int64{0})
	torch.NoGrad(func() { p.logits = m.Logits(hidden).Float32s() })
	logp, _ := hidden.TokenLogProbs(m.Head.In(s), s.FromInt64s(wide[1:], device), 1)
	logp.SumAll().Backward(torch.Tensor{})
	p.gradients = map[string][]float32{}
	for _, w := range m.Parameters() {
		p.gradients[w.Name] = w.Var.Grad(s).Float32s()
	}
	return p, nil
}

// distance is the norm of a - b over that of b.
func distance(a, b []float32) float64 {
	if len(a) != len(b) {
		return math.NaN()
	}
	var off, norm float64
	for i := range b {
		off += square(float64(a[i]) - float64(b[i]))
		norm += square(float64(b[i]))
	}
	return math.Sqrt(off / norm)
}

func square(x float64) float64 { return x * x }

// graphs compares decoding that is recorded with decoding that is not, by the likeliest tokens.
func (c *check) graphs() (found []finding, err error) {
	for _, dtype := range []torch.DType{torch.F32, torch.BF16} {
		m, err := c.on(c.device, dtype)
		if err != nil {
			return nil, err
		}
		recorded, err := c.complete(m, true)
		var eager []azr.Completion
		if err == nil {
			eager, err = c.complete(m, false)
		}
		m.Free()
		if err != nil {
			return nil, err
		}
		bound := map[torch.DType]float64{torch.F32: 1e-3, torch.BF16: 0.5}[dtype]
		found = append(found, finding{fmt.Sprintf("%s: log-prob of a token, recorded against eager", dtype), apart(recorded, eager), bound, "nats"})
	}
	return found, nil
}

// complete plays prompts of several lengths greedily, in the order of their numbers.
func (c *check) complete(m *model.Decoder, recorded bool) ([]azr.Completion, error) {
	e, err := rollout.New(rollout.Config{Slots: completions, Room: 1024, CUDAGraphs: recorded}, 1, m, c.tokenizer)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	list := make([]azr.Completion, completions)
	for i := range list {
		p := azr.Prompt{ID: azr.SampleID{Index: i}, Text: strings.Repeat(checkedText, 1+i) + fmt.Sprint(i), Sampling: azr.Sampling{MaxTokens: newTokens - i}}
		if err := e.Submit(p); err != nil {
			return nil, err
		}
	}
	for e.Pending() > 0 {
		done, err := e.Tick(c.ctx)
		if err != nil {
			return nil, err
		}
		for _, d := range done {
			list[d.ID.Index] = d
		}
	}
	return list, nil
}

// apart is the most that log-probs differ by where both sides have sampled the same so far.
func apart(a, b []azr.Completion) (most float64) {
	for i := range a {
		for j := range min(len(a[i].IDs), len(b[i].IDs)) {
			most = max(most, math.Abs(float64(a[i].LogProbs[j]-b[i].LogProbs[j])))
			if a[i].IDs[j] != b[i].IDs[j] {
				break
			}
		}
	}
	return most
}

// bf16 compares log-probs of tokens when they were sampled with those of the update's first forward.
func (c *check) bf16() ([]finding, error) {
	m, err := c.on(c.device, torch.BF16)
	if err != nil {
		return nil, err
	}
	defer m.Free()
	list, err := c.complete(m, true)
	if err != nil {
		return nil, err
	}
	var samples []azr.Sample
	for i, d := range list {
		if len(d.IDs) > 0 { // some models have nothing to say
			samples = append(samples, azr.Sample{ID: d.ID, PromptIDs: d.PromptIDs, ResponseIDs: d.IDs, LogProbs: d.LogProbs, Temperature: 1, Reward: float64(i % 2)})
		}
	}
	r, err := learn(c.ctx, m, trainer.DefaultConfig(), samples)
	return []finding{{"bf16: log-prob of a token, sampled against updated", r.MaxDeltaLogProb, 1, "nats"}}, err
}

// learn makes an update.
func learn(ctx context.Context, m *model.Decoder, config trainer.Config, samples []azr.Sample) (r trainer.Report, err error) {
	t, err := trainer.New(config, m, azr.NoProgress{})
	if err != nil {
		return r, err
	}
	defer t.Close()
	return t.Step(ctx, samples)
}

// memory compares what fit counts for an update with what it takes.
func (c *check) memory() ([]finding, error) {
	before, err := torch.DevicePeak(c.device)
	if err != nil {
		return nil, err
	}
	m, err := c.on(c.device, torch.F32)
	if err != nil {
		return nil, err
	}
	defer m.Free()
	const tokens = 256
	config := trainer.DefaultConfig()
	config.MicroBatchTokens = 4 * tokens
	if _, err := learn(c.ctx, m, config, madeUp(8, tokens, 8, m.Config.VocabSize)); err != nil {
		return nil, err
	}
	after, err := torch.DevicePeak(c.device)
	if err != nil {
		return nil, err
	}
	counted := config.Memory(m.Config, model.LoRA{}, m.DType, tokens, 1).Total()
	off := math.Abs(float64(after-before)/float64(counted) - 1)
	return []finding{{fmt.Sprintf("memory of an update: %d MiB, counted %d MiB; off", (after-before)>>20, counted>>20), off, 0.15, "of it"}}, nil
}

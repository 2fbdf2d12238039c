package main

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/bench/machine"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
)

// shape is what there is to do in a step: so many completions of so many tokens, by the model of so many million
// parameters, in so many slots.
type shape struct{ batch, length, millions, slots int }

var usual = shape{batch: 16, length: 32, millions: 20, slots: 32}

// axis is what grows while the rest of the usual shape stays.
type axis struct {
	name, unit string
	values     []int
	of         func(s shape, value int) shape
	// update: it grows too.
	update bool
}

var axes = []axis{
	{"batch", "completion", []int{4, 8, 16, 32, 64}, func(s shape, n int) shape { s.batch = n; return s }, true},
	{"length", "response token", []int{16, 32, 64, 128, 256, 512}, func(s shape, n int) shape { s.length = n; return s }, true},
	{"model", "million parameters", []int{5, 20, 40, 67, 135}, func(s shape, n int) shape { s.millions = n; return s }, true},
	{"slots", "tick", []int{1, 2, 4, 8, 16, 32}, func(s shape, n int) shape { s.slots = n; return s }, false},
}

// sizes are the width in heads and the layers of models like SmolLM2, by their millions of parameters; the largest is
// SmolLM2-135M.
var sizes = map[int]struct{ heads, layers int }{5: {3, 10}, 20: {6, 10}, 40: {6, 20}, 67: {9, 15}, 135: {9, 30}}

// sized is a model's config. The vocabulary grows with width and depth, so that the head keeps its share.
func sized(millions int) (model.Config, error) {
	size := sizes[millions]
	const vocab, heads, layers = 49152, 9, 30 // of SmolLM2-135M
	text, err := json.Marshal(model.Config{
		Architectures: []string{"LlamaForCausalLM"}, ModelType: "llama", HiddenSize: 64 * size.heads, IntermediateSize: 64 * size.heads * 8 / 3,
		NumHiddenLayers: size.layers, NumAttentionHeads: size.heads, NumKeyValueHeads: size.heads / 3, HeadDim: 64,
		VocabSize: vocab * size.heads * size.layers / (heads * layers), MaxPositionEmbeddings: 8192,
		RMSNormEps: 1e-5, HiddenAct: "silu", TieWordEmbeddings: true, RopeTheta: 1e5,
	})
	if err != nil {
		return model.Config{}, err
	}
	return model.ParseConfig(text)
}

// growth is what was measured of all axes, and on what.
type growth struct {
	Machine string  `json:"machine"`
	Threads int     `json:"threads"`
	Load    string  `json:"load"`
	Axes    []grown `json:"axes"`
}

type grown struct {
	Name   string  `json:"name"`
	Points []point `json:"points"`
}

// point is what a step's halves took at one value of an axis; Update is empty where it does not grow.
type point struct {
	Value   int  `json:"value"`
	Rollout half `json:"rollout"`
	Update  half `json:"update,omitzero"`
	// Ticks of the rollout.
	Ticks int `json:"ticks"`
}

// half is what a half took in each round, in seconds: by the clock, and of CPU time, in which a neighbour's load does
// not count.
type half struct {
	Wall turns `json:"wall"`
	CPU  turns `json:"cpu"`
}

func (h *half) add(m measure) {
	h.Wall, h.CPU = append(h.Wall, m.time.Seconds()), append(h.CPU, m.cpu.Seconds())
}

// grower plays steps of all shapes on random models.
type grower struct {
	models    map[int]*model.Decoder
	tokenizer *tokenizer.Tokenizer
}

// grow measures all axes and writes what came of it, pictures too. In each round every value of every axis has its
// turn, so that a neighbour's load falls on all; the first step warms up and does not count.
func (b *bench) grow(ctx context.Context, file, into string) (err error) {
	defer torch.Catch(&err)
	torch.SetNumThreads(b.threads)
	found := growth{Machine: machine.Name(), Threads: b.threads, Load: machine.Load()}
	for _, a := range axes {
		found.Axes = append(found.Axes, a.empty())
	}
	g, err := newGrower("starter", slices.Collect(maps.Keys(sizes))...)
	if err != nil {
		return err
	}
	defer g.close()
	if err := g.measure(ctx, usual, &point{}, true); err != nil {
		return err
	}
	for round := range b.rounds {
		for i, a := range axes {
			for j, value := range a.values {
				if err := g.measure(ctx, a.of(usual, value), &found.Axes[i].Points[j], a.update); err != nil {
					return fmt.Errorf("%s %d: %w", a.name, value, err)
				}
			}
		}
		fmt.Fprintf(os.Stderr, "round %d of %d\n", round+1, b.rounds)
	}
	return found.write(file, into)
}

func (a axis) empty() grown {
	list := grown{Name: a.name}
	for _, value := range a.values {
		list.Points = append(list.Points, point{Value: value})
	}
	return list
}

// newGrower makes models of so many million parameters, with the tokenizer of a folder.
func newGrower(folder string, millions ...int) (g *grower, err error) {
	g = &grower{models: map[int]*model.Decoder{}}
	defer func() {
		if err != nil {
			g.close()
		}
	}()
	if g.tokenizer, err = tokenizer.Load(folder); err != nil {
		return nil, err
	}
	for _, n := range millions {
		config, err := sized(n)
		if err != nil {
			return nil, err
		}
		if g.models[n], err = model.Random(config, rand.New(rand.NewPCG(1, 0)), torch.F32, torch.CPU); err != nil {
			return nil, err
		}
	}
	return g, nil
}

func (g *grower) close() {
	for _, m := range g.models {
		m.Free()
	}
	if g.tokenizer != nil {
		g.tokenizer.Close()
	}
}

// measure plays a step of a shape, and learns from it where that is wanted.
func (g *grower) measure(ctx context.Context, s shape, into *point, update bool) error {
	samples, err := g.rollout(ctx, s, into)
	if err != nil || !update {
		return err
	}
	t, err := trainer.New(trainer.DefaultConfig(), g.models[s.millions], azr.NoProgress{})
	if err != nil {
		return err
	}
	defer t.Close()
	m, err := timed(func() (int, error) {
		r, err := t.Step(ctx, samples)
		return r.Tokens, err
	})
	into.Update.add(m)
	return err
}

// rollout samples the likeliest tokens, so that no completion ends before its length.
func (g *grower) rollout(ctx context.Context, s shape, into *point) (samples []azr.Sample, err error) {
	e, err := rollout.New(rollout.Config{Slots: s.slots, Room: 64 + s.length}, 1, g.models[s.millions], g.tokenizer)
	if err != nil {
		return nil, err
	}
	defer e.Close()
	m, err := timed(func() (int, error) {
		for i := range s.batch {
			p := azr.Prompt{ID: azr.SampleID{Index: i}, Text: fmt.Sprintf("%d numbers: ", i), Sampling: azr.Sampling{MaxTokens: s.length}}
			if err := e.Submit(p); err != nil {
				return 0, err
			}
		}
		for e.Pending() > 0 {
			done, err := e.Tick(ctx)
			if err != nil {
				return 0, err
			}
			for _, c := range done {
				samples = append(samples, azr.Sample{
					ID: c.ID, PromptIDs: c.PromptIDs, ResponseIDs: c.IDs, LogProbs: c.LogProbs, Temperature: 1, Reward: float64(c.ID.Index % 2),
				})
			}
		}
		return e.Stats().SampledTokens, nil
	})
	if want := s.batch * s.length; err == nil && m.tokens != want {
		err = fmt.Errorf("a completion ended before its length; got %d tokens, want %d", m.tokens, want)
	}
	into.Rollout.add(m)
	into.Ticks = e.Stats().Ticks
	return samples, err
}

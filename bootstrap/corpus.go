package bootstrap

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/selfplay/python/generator"
)

// Corpus writes demonstrations.
type Corpus struct {
	cfg       Config
	seed      uint64
	env       *python.Environment
	generator *generator.Generator
	inputs    int
	heldOut   map[string]bool // shapes
}

// NewCorpus returns a corpus whose demonstrations are functions of seed. Induction tasks have so many inputs;
// programs whose chain has more than one statement and a [generator.Shape] that is held out are left out.
func NewCorpus(cfg Config, seed uint64, env *python.Environment, executor azr.Executor, inputs int, heldOut map[string]bool) (*Corpus, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	return &Corpus{cfg, seed, env, generator.New(executor, seed), inputs, heldOut}, nil
}

// Demonstration is a prompt and a right answer to it.
type Demonstration struct {
	Group azr.Group
	python.Demonstration
}

// Batch returns the demonstrations of a step, counted from 1.
func (c *Corpus) Batch(ctx context.Context, step int) ([]Demonstration, error) {
	rng := azr.NewKey(c.seed, fmt.Sprintf("demonstrations %d", step)).Rand()
	chains, err := c.draw(ctx, generator.Request{Stream: fmt.Sprintf("chains %d", step), Sizes: c.cfg.Sizes, Lively: c.cfg.Lively, Inputs: 1}, c.cfg.Batch/2+1)
	if err != nil {
		return nil, err
	}
	worked, err := c.draw(ctx, generator.Request{Stream: fmt.Sprintf("worked %d", step), Sizes: c.cfg.Sizes, Lively: c.cfg.Lively, Dead: c.cfg.Dead, Inputs: 1}, c.cfg.Batch)
	if err != nil {
		return nil, err
	}
	pairs, err := c.draw(ctx, generator.Request{Stream: fmt.Sprintf("pairs %d", step), Sizes: c.cfg.InductionSizes, Lively: c.cfg.Lively, Inputs: c.inputs}, c.cfg.Batch/4+1)
	if err != nil {
		return nil, err
	}
	d := drawer{c, rng, step, chains, worked, pairs}
	batch := make([]Demonstration, 0, c.cfg.Batch)
	for range c.cfg.Batch {
		batch = append(batch, d.demonstrate(c.group(rng)))
	}
	return batch, nil
}

// draw returns programs that are not held out; fewer than n if some are.
func (c *Corpus) draw(ctx context.Context, r generator.Request, n int) ([]generator.Program, error) {
	programs, err := c.generator.Draw(ctx, r, n)
	if err != nil {
		return nil, err
	}
	kept := slices.DeleteFunc(programs, func(p generator.Program) bool { return len(p.Chain) > 2 && c.heldOut[p.Shape] })
	if len(kept) == 0 {
		return nil, fmt.Errorf("bootstrap.Corpus: of the programs of a batch all are held out; got %d drawn, want one that is not; hint: a larger corpus.batch, other sizes or fewer --held-out", n)
	}
	return kept, nil
}

// group draws one by its weight.
func (c *Corpus) group(rng *rand.Rand) azr.Group {
	weights := c.cfg.Mix.weights()
	total := 0.0
	for _, w := range weights {
		total += w
	}
	at, chosen := rng.Float64()*total, 0
	for i, w := range weights {
		if w > 0 {
			chosen = i
		}
		if at -= w; at < 0 {
			break
		}
	}
	role := [...]azr.Role{azr.Solve, azr.Propose}[chosen/len(azr.TaskTypes)]
	return azr.Group{Role: role, Type: azr.TaskTypes[chosen%len(azr.TaskTypes)]}
}

// drawer has the programs of one batch.
type drawer struct {
	*Corpus
	rng  *rand.Rand
	step int
	// chains are to be proposed, worked to be worked through, pairs to be found from examples.
	chains, worked, pairs []generator.Program
}

func (d drawer) demonstrate(g azr.Group) Demonstration {
	if g.Role == azr.Propose {
		return Demonstration{g, d.proposal(g.Type)}
	}
	if g.Type == azr.Induction {
		return Demonstration{g, d.env.DemonstrateAnswer(d.pairs[d.rng.IntN(len(d.pairs))].Task(g.Type), nil, nil)}
	}
	p := d.worked[d.rng.IntN(len(d.worked))]
	run := p.Runs[0]
	if g.Type == azr.Abduction {
		run = p.Plain
	}
	p.Runs = []generator.Run{run}
	states := run.States
	if d.rng.Float64() < d.direct() {
		states = nil
	}
	return Demonstration{g, d.env.DemonstrateAnswer(p.Task(g.Type), p.Chain, states)}
}

// direct is the share of answers without a trace at this step.
func (d drawer) direct() float64 {
	if d.cfg.DirectFrom > 0 && d.step > d.cfg.DirectFrom {
		return d.cfg.DirectLast
	}
	return d.cfg.Direct
}

// proposal shows a request and a program that meets it: of the reference's size or, where there is such a program, one
// statement longer. One in three requests leaves the size open.
func (d drawer) proposal(t azr.TaskType) python.Demonstration {
	if t == azr.Induction {
		p := d.pairs[d.rng.IntN(len(d.pairs))]
		return d.env.DemonstrateProposal(azr.Request{Type: t, References: []azr.Task{p.Task(t)}}, p.Task(t))
	}
	target := d.chains[d.rng.IntN(len(d.chains))]
	r := azr.Request{Type: t, Size: target.Statements, Relative: d.rng.IntN(3) > 0}
	reference := d.env.Seeds()[t]
	base := target.Statements - d.rng.IntN(2)
	var fitting []generator.Program
	for _, p := range d.chains {
		if p.Statements == base {
			fitting = append(fitting, p)
		}
	}
	switch {
	case len(fitting) > 0:
		reference = fitting[d.rng.IntN(len(fitting))].Task(t)
	case base > 0:
		r.Relative = false
	}
	r.References = []azr.Task{reference}
	return d.env.DemonstrateProposal(r, target.Task(t))
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"sync"

	"github.com/azr-train/azr/bench/machine"
)

// proof runs the experiments and keeps what came of them.
type proof struct {
	program, heldOut, work, file string
	seeds, jobs                  int

	mu      sync.Mutex
	results results
}

// results is the file that the report is written from.
type results struct {
	Machine string   `json:"machine"`
	Results []result `json:"results"`
}

// result is what came of one arm with one seed.
type result struct {
	Experiment string `json:"experiment"`
	Arm        string `json:"arm"`
	Seed       int    `json:"seed"`
	// CPUSeconds of all its processes, the executor's too; measuring on the validation file counts.
	CPUSeconds float64 `json:"cpu_seconds"`
	// SampledTokens are those of proposals, estimates and answers, without measuring.
	SampledTokens int `json:"sampled_tokens,omitempty"`
	// Test has the greedy answers to the test file by type, "deduction", and size, "deduction 4".
	Test map[string]share `json:"test"`
	// Proposals tells how the proposer did, over the steps.
	Proposals []proposals `json:"proposals,omitempty"`
	// Validation has the accuracy on the validation file by the same names, over the steps.
	Validation []measured `json:"validation,omitempty"`
}

// share of right answers.
type share struct {
	Tasks  int `json:"tasks"`
	Right  int `json:"right"`
	Parsed int `json:"parsed"`
}

// proposals of a step: the share that is valid, and over the valid ones the mean learnability and solve rate.
type proposals struct {
	Step         int     `json:"step"`
	Valid        float64 `json:"valid"`
	Learnability float64 `json:"learnability"`
	SolveRate    float64 `json:"solve_rate"`
}

type measured struct {
	Step     int                `json:"step"`
	Accuracy map[string]float64 `json:"accuracy"`
}

func (p *proof) load() error {
	text, err := os.ReadFile(p.file)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err == nil {
		err = json.Unmarshal(text, &p.results)
	}
	if err != nil {
		return fmt.Errorf("%s: %w", p.file, err)
	}
	return nil
}

func (p *proof) has(e experiment, a arm, seed int) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.ContainsFunc(p.results.Results, func(r result) bool {
		return r.Experiment == e.name && r.Arm == a.name && r.Seed == seed
	})
}

// keep adds a result to the file.
func (p *proof) keep(r result) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.results.Machine = machine.Name()
	p.results.Results = append(p.results.Results, r)
	text, err := json.MarshalIndent(p.results, "", " ")
	if err != nil {
		return err
	}
	if err := os.WriteFile(p.file+".next", append(text, '\n'), 0o644); err != nil {
		return err
	}
	return os.Rename(p.file+".next", p.file)
}

// run runs what is not known yet of the named experiments, or of all.
func (p *proof) run(ctx context.Context, only []string) error {
	if err := os.MkdirAll(p.work, 0o755); err != nil {
		return err
	}
	for _, e := range experiments {
		if len(only) > 0 && !slices.Contains(only, e.name) {
			continue
		}
		base, err := p.base(ctx, e)
		if err != nil {
			return err
		}
		if err := p.arms(ctx, e, base); err != nil {
			return fmt.Errorf("%s: %w", e.name, err)
		}
	}
	return nil
}

// arms runs the arms of an experiment, several at once, in order: those behind self-play get as many tokens, or as much time.
func (p *proof) arms(ctx context.Context, e experiment, base string) error {
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	slots := make(chan struct{}, p.jobs)
	wait := func() {
		for range p.jobs {
			slots <- struct{}{}
		}
		for range p.jobs {
			<-slots
		}
	}
	for i, a := range e.arms {
		if i > 0 && e.arms[i-1].name == selfPlay {
			wait()
		}
		for seed := 1; seed <= e.runs(p.seeds) && ctx.Err() == nil; seed++ {
			if p.has(e, a, seed) || a.scored() && seed > 1 {
				continue
			}
			slots <- struct{}{}
			go func() {
				defer func() { <-slots }()
				r, err := p.arm(ctx, e, a, seed, base)
				if err == nil {
					err = p.keep(r)
				}
				if err != nil {
					cancel(fmt.Errorf("%s, seed %d: %w", a.name, seed, err))
				}
			}()
		}
	}
	wait()
	return context.Cause(ctx)
}

// runs is how many seeds an arm has, of those asked for.
func (r recipe) runs(seeds int) int {
	if r.seeds > 0 {
		return min(seeds, r.seeds)
	}
	return seeds
}

// scored tells whether the arm is the base, which has no seed.
func (a arm) scored() bool { return a.play == nil && a.teach == nil }

// base returns the model that an experiment begins with, made where it is not the starter.
func (p *proof) base(ctx context.Context, e experiment) (string, error) {
	if e.base == nil {
		return e.model, nil
	}
	dir := filepath.Join(p.work, e.name+"-base")
	if _, err := os.Stat(dir); err == nil {
		return dir, nil
	}
	_, err := p.azr(ctx, nil, append([]string{"bootstrap", "--model", e.model, "--out", dir, "--seed", "1"}, p.teaching(e.base)...)...)
	return dir, err
}

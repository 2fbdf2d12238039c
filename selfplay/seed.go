package selfplay

import (
	"context"
	"fmt"
	"slices"

	"github.com/azr-train/azr"
)

// Seed fills empty buffers, without training, from the identity function alone
// (paper, section 3.3.1): rounds of proposals whose references come from what was
// found so far, until each buffer has BatchSize × SeedFactor tasks or SeedPasses
// are over. What is proposed for deduction or abduction goes into both buffers.
// Imported tasks, if there are any, are validated and kept from held-out programs
// like proposals, and enter the buffers first, as far as there is room for seeds.
// The caller commits the record, which is step 0. If the store had tasks, there
// is nothing to do and the record is empty.
func (g *Game) Seed(ctx context.Context, imported ...azr.Task) (azr.StepRecord, error) {
	for _, b := range g.buffers {
		if len(b.tasks) > 0 {
			return azr.StepRecord{}, nil
		}
	}
	s := seeding{Game: g, metrics: map[string]float64{}, timings: map[string]float64{}}
	if err := s.start(ctx); err != nil {
		return azr.StepRecord{}, fmt.Errorf("selfplay.Seed: %w", err)
	}
	if err := s.take(ctx, imported); err != nil {
		return azr.StepRecord{}, fmt.Errorf("selfplay.Seed: imported tasks: %w", err)
	}
	for pass := 0; pass < g.cfg.SeedPasses && s.short(g.cfg.TaskTypes...); pass++ {
		if err := s.pass(ctx, pass); err != nil {
			return azr.StepRecord{}, fmt.Errorf("selfplay.Seed: pass %d: %w", pass, err)
		}
	}
	for _, kind := range g.cfg.TaskTypes {
		s.metrics["buffer/"+kind.String()] = float64(len(g.buffers[kind].tasks))
	}
	return azr.StepRecord{Tasks: s.tasks, Rows: s.rows, Metrics: s.metrics, Timings: s.timings}, nil
}

// seeding is what Seed gathers.
type seeding struct {
	*Game
	tasks            []azr.Task
	rows             []azr.Row
	metrics, timings map[string]float64
}

// short tells whether one of the types' buffers lacks seeds.
func (s *seeding) short(types ...azr.TaskType) bool {
	return slices.ContainsFunc(types, func(t azr.TaskType) bool {
		return len(s.buffers[t].tasks) < s.cfg.BatchSize*s.cfg.SeedFactor
	})
}

// start puts the environment's own seed of each type into its buffer.
func (s *seeding) start(ctx context.Context) (err error) {
	for _, task := range s.env.Seeds() {
		if !slices.Contains(s.cfg.TaskTypes, task.Type) {
			continue
		}
		if task.Measures, err = s.env.Measure(ctx, task, nil); err != nil {
			return err
		}
		task.ID, task.SolveRate = task.ContentID(), -1
		s.add(task)
	}
	for _, kind := range s.cfg.TaskTypes {
		if len(s.buffers[kind].tasks) == 0 {
			return fmt.Errorf("the environment has no %s seed; want one a type", kind)
		}
	}
	return nil
}

// take validates imported tasks and adds the valid ones, in order.
func (s *seeding) take(ctx context.Context, imported []azr.Task) error {
	c := newChecks(ctx, s.env, s.progress, s.cfg.Workers)
	defer c.close()
	running := make([]*check, len(imported))
	for i, task := range imported {
		running[i] = c.validate(task, nil)
	}
	for _, k := range running {
		if err := c.wait(k); err != nil {
			return err
		}
		if k.verdict.Outcome != azr.Pass {
			s.metrics["seed/import/"+verdictName(k.verdict)]++
			continue
		}
		if s.heldOut[k.task.Measures.Program] {
			s.metrics["seed/import/fail: "+heldOutReason]++
			continue
		}
		s.metrics["seed/import/pass"]++
		k.task.SolveRate = -1
		s.share(k.task)
	}
	return nil
}

// share adds a valid task to each buffer that it can be a seed of.
func (s *seeding) share(task azr.Task) {
	for _, kind := range seedTypes(task.Type) {
		if slices.Contains(s.cfg.TaskTypes, kind) && s.short(kind) {
			task.Type = kind
			task.ID = task.ContentID()
			s.add(task)
		}
	}
}

// pass makes BatchSize proposals for each type that lacks seeds and adds the valid ones.
func (s *seeding) pass(ctx context.Context, pass int) error {
	r := newRound(ctx, s.Game, 0)
	defer r.checks.close()
	for _, kind := range s.cfg.TaskTypes {
		if !slices.ContainsFunc(seedTypes(kind), func(t azr.TaskType) bool { return slices.Contains(s.cfg.TaskTypes, t) && s.short(t) }) {
			continue
		}
		for i := range s.cfg.BatchSize {
			r.propose(azr.SampleID{Purpose: azr.Seeding, Type: kind, Index: pass*s.cfg.BatchSize + i})
		}
	}
	if err := r.run(); err != nil {
		return err
	}
	for _, task := range r.settleProposals() {
		s.share(task)
	}
	rows, _ := r.rows()
	s.rows = append(s.rows, rows...)
	for name, value := range r.timings() {
		s.timings[name] += value
	}
	s.metrics["seed/passes"]++
	for _, row := range rows {
		s.metrics["seed/"+row.ID.Type.String()+"/proposed"]++
		if row.Verdict.Outcome == azr.Pass {
			s.metrics["seed/"+row.ID.Type.String()+"/valid"]++
		}
	}
	return nil
}

// seedTypes lists the types whose buffers share a seed (paper, section 3.3.1).
func seedTypes(t azr.TaskType) []azr.TaskType {
	if t == azr.Deduction || t == azr.Abduction {
		return []azr.TaskType{azr.Deduction, azr.Abduction}
	}
	return []azr.TaskType{t}
}

// add keeps a seed that is not there yet, under every rule for duplicates.
func (s *seeding) add(task azr.Task) {
	if b := s.buffers[task.Type]; !b.has(task) {
		s.keep(task)
		s.tasks = append(s.tasks, task)
	}
}

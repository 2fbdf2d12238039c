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
// The caller commits the record, which is step 0. If the store had tasks, there
// is nothing to do and the record is empty.
func (g *Game) Seed(ctx context.Context) (azr.StepRecord, error) {
	for _, b := range g.buffers {
		if len(b.tasks) > 0 {
			return azr.StepRecord{}, nil
		}
	}
	s := seeding{Game: g, metrics: map[string]float64{}, timings: map[string]float64{}}
	for _, task := range g.env.Seeds() {
		task.ID, task.SolveRate = task.ContentID(), -1
		s.add(task)
	}
	for _, kind := range azr.TaskTypes {
		if len(g.buffers[kind].tasks) == 0 {
			return azr.StepRecord{}, fmt.Errorf("selfplay.Seed: the environment has no %s seed; want one a type", kind)
		}
	}
	for pass := 0; pass < g.cfg.SeedPasses && s.short(azr.TaskTypes[:]...); pass++ {
		if err := s.pass(ctx, pass); err != nil {
			return azr.StepRecord{}, fmt.Errorf("selfplay.Seed: pass %d: %w", pass, err)
		}
	}
	for _, kind := range azr.TaskTypes {
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

// pass makes BatchSize proposals for each type that lacks seeds and adds the valid ones.
func (s *seeding) pass(ctx context.Context, pass int) error {
	r := newRound(ctx, s.Game, 0)
	defer r.checks.close()
	for _, kind := range azr.TaskTypes {
		if kind == azr.Induction && !s.short(kind) || kind != azr.Induction && !s.short(azr.Deduction, azr.Abduction) {
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
		for _, kind := range seedTypes(task.Type) {
			if s.short(kind) {
				task.Type = kind
				task.ID = task.ContentID()
				s.add(task)
			}
		}
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
	if t == azr.Induction {
		return []azr.TaskType{azr.Induction}
	}
	return []azr.TaskType{azr.Deduction, azr.Abduction}
}

func (s *seeding) add(task azr.Task) {
	if s.buffers[task.Type].add(task) {
		s.tasks = append(s.tasks, task)
	}
}

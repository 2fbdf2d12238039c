package selfplay

import (
	"cmp"
	"context"
	"fmt"

	"github.com/azr-train/azr"
)

// The phases that an [azr.Progress] is told of.
const (
	phaseSeed     = "seed"
	phasePropose  = "propose"
	phaseEstimate = "estimate"
	phaseSolve    = "solve"
	phaseExecute  = "execute"
)

// Game is a running game: its rules, its task buffers, and what it remembers of
// the tasks that were ever kept. All of it can be had from a store again.
type Game struct {
	cfg       Config
	seed      uint64
	gen       azr.Generator
	env       azr.Environment
	progress  azr.Progress
	buffers   [len(azr.AllTaskTypes)]*buffer
	sizers    [len(azr.AllTaskTypes)]*sizer
	diversity diversity
	collapse  map[string]float64 // the counts of the last step
	heldOut   map[string]bool    // programs, by their measure
}

// Play is what one step gives: the samples to learn from, and the record of
// everything that happened. The i-th Sample is the i-th row that is Trained.
type Play struct {
	Samples []azr.Sample
	Record  azr.StepRecord
}

// heldOutReason is why a task of a held-out program is refused.
const heldOutReason = "held out"

// HoldOut makes proposals of the given programs, by [azr.Measures].Program, invalid: what a model is measured on it
// must not play with.
func (g *Game) HoldOut(programs map[string]bool) { g.heldOut = programs }

// SetAdvantages writes what each Sample was updated with into its row.
func (p Play) SetAdvantages(advantages []float64) error {
	if len(advantages) != len(p.Samples) {
		return fmt.Errorf("selfplay.Play.SetAdvantages: wrong count; got %d, want one for each of %d samples", len(advantages), len(p.Samples))
	}
	next := 0
	for i := range p.Record.Rows {
		if row := &p.Record.Rows[i]; row.Trained {
			row.Advantage = advantages[next]
			next++
		}
	}
	return nil
}

// New returns a game with the tasks that the store has, none if it is new.
// Every draw of the game is a function of seed.
func New(cfg Config, seed uint64, gen azr.Generator, env azr.Environment, store azr.Store, progress azr.Progress) (*Game, error) {
	if err := cfg.Validate(); err != nil {
		return nil, err
	}
	g := &Game{cfg: cfg, seed: seed, gen: gen, env: env, progress: progress, diversity: diversity{}}
	for _, t := range azr.AllTaskTypes {
		g.buffers[t], g.sizers[t] = newBuffer(cfg.Duplicates, cfg.MaxTasks), newSizer(cfg)
		tasks, err := store.Tasks(t)
		if err != nil {
			return nil, fmt.Errorf("selfplay.New: load the %s tasks: %w", t, err)
		}
		g.sizers[t].replay(tasks)
		for _, task := range tasks {
			g.keep(task)
		}
	}
	metrics, err := store.LastMetrics()
	if err != nil {
		return nil, fmt.Errorf("selfplay.New: load the last metrics: %w", err)
	}
	g.collapse = cfg.Collapse.counts(metrics)
	return g, nil
}

// keep remembers a new task, and puts it into its buffer if the rules let it in.
func (g *Game) keep(t azr.Task) {
	g.diversity.add(t)
	if g.cfg.ProgramFilter.keeps(t) {
		g.buffers[t.Type].add(t)
	}
}

// Step plays step t, counted from 1. The caller updates the model with the
// Samples, writes the advantages with [Play.SetAdvantages] and commits the Record.
func (g *Game) Step(ctx context.Context, t int) (Play, error) {
	for _, kind := range g.cfg.TaskTypes {
		if len(g.buffers[kind].tasks) == 0 {
			return Play{}, fmt.Errorf("selfplay.Step: the %s buffer is empty; got 0 tasks, want at least 1; call Seed first", kind)
		}
	}
	r := newRound(ctx, g, t)
	defer r.checks.close()
	r.fresh = g.cfg.SolveBatch == SolveFresh && t > g.cfg.PretrainSolveSteps
	for _, kind := range g.cfg.TaskTypes {
		r.fill[kind] = g.solveOrder(t, kind)
		for i := range g.cfg.BatchSize {
			place := azr.SampleID{Step: t, Purpose: azr.Proposing, Type: kind, Index: i}
			if t > g.cfg.PretrainSolveSteps {
				r.propose(place)
			}
			if !r.fresh {
				r.chosen = append(r.chosen, solution(place))
			}
		}
	}
	if err := r.run(); err != nil {
		return Play{}, fmt.Errorf("selfplay.Step: step %d: %w", t, err)
	}
	tasks := r.settleProposals()
	rows, samples := r.rows()
	byType := map[azr.TaskType][]azr.Task{}
	for _, task := range tasks {
		g.keep(task)
		byType[task.Type] = append(byType[task.Type], task)
	}
	for _, kind := range g.cfg.TaskTypes {
		g.sizers[kind].learn(byType[kind])
	}
	metrics := r.metrics(rows)
	g.collapse = g.cfg.Collapse.counts(metrics)
	return Play{samples, azr.StepRecord{Step: t, Tasks: tasks, Rows: rows, Metrics: metrics, Timings: r.timings()}}, nil
}

// compareIDs is the canonical order of completions.
func compareIDs(a, b azr.SampleID) int {
	return cmp.Or(
		cmp.Compare(a.Step, b.Step),
		cmp.Compare(a.Purpose, b.Purpose),
		cmp.Compare(a.Type, b.Type),
		cmp.Compare(a.Index, b.Index),
		cmp.Compare(a.Rollout, b.Rollout),
	)
}

package generator

import (
	"context"
	"fmt"

	"github.com/azr-train/azr"
)

// HeldOut says which tasks to make for measuring models.
type HeldOut struct {
	// PerType is how many tasks each type has, spread over its sizes as evenly as they go.
	PerType int
	// Sizes are those of deduction and abduction tasks, InductionSizes those of induction tasks.
	Sizes, InductionSizes []int
	// Inputs of an induction task.
	Inputs int
	// Exclude holds the [azr.Measures].Program of programs, and the IDs of tasks, that must not be among them.
	Exclude map[string]bool
}

// mostRounds bounds how often more programs are drawn to fill one place in the set.
const mostRounds = 50

// HeldOut makes tasks whose every statement changes something, validated by env, in the order of types and sizes.
// Programs are in none of Exclude and differ from each other by their syntax trees, except those of one statement:
// there are too few of them, and only equal tasks are left out. An abduction task is not solved by repeating its output.
func (g *Generator) HeldOut(ctx context.Context, h HeldOut, env azr.Environment) ([]azr.Task, error) {
	m := maker{g, h, env, map[string]bool{}, nil}
	for _, t := range azr.TaskTypes {
		sizes := h.Sizes
		if t == azr.Induction {
			sizes = h.InductionSizes
		}
		for i, size := range sizes {
			count := (h.PerType + len(sizes) - 1 - i) / len(sizes)
			if err := m.fill(ctx, t, size, count); err != nil {
				return nil, fmt.Errorf("generator.HeldOut: %w", err)
			}
		}
	}
	return m.tasks, nil
}

type maker struct {
	*Generator
	HeldOut
	env   azr.Environment
	seen  map[string]bool // ids, and programs of more than one statement
	tasks []azr.Task
}

// fill adds count tasks of a type and size.
func (m *maker) fill(ctx context.Context, t azr.TaskType, size, count int) error {
	inputs, want := 1, len(m.tasks)+count
	if t == azr.Induction {
		inputs = m.Inputs
	}
	for round := range mostRounds {
		stream := fmt.Sprintf("held out %s %d %d", t, size, round)
		programs, err := m.Draw(ctx, Request{Stream: stream, Sizes: []int{size}, Lively: 1, Inputs: inputs}, 2*count)
		if err != nil {
			return err
		}
		for _, p := range programs {
			if len(m.tasks) == want {
				return nil
			}
			if err := m.add(ctx, p.Task(t)); err != nil {
				return err
			}
		}
	}
	if missing := want - len(m.tasks); missing > 0 {
		return fmt.Errorf("too few programs; got %d %s tasks of size %d, want %d; hint: ask for fewer", count-missing, t, size, count)
	}
	return nil
}

// add keeps a task that is new and holds up.
func (m *maker) add(ctx context.Context, task azr.Task) error {
	size := task.Measures.Size
	task, verdict, err := m.env.Validate(ctx, task)
	if err != nil || verdict.Outcome != azr.Pass {
		return err
	}
	if task.Measures, err = m.env.Measure(ctx, task, nil); err != nil {
		return err
	}
	task.ID = task.ContentID()
	key := task.Measures.Program
	if m.seen[task.ID] || m.Exclude[task.ID] || size > 1 && (m.seen[key] || m.Exclude[key]) || task.Measures.Size != size {
		return nil
	}
	if task.Type == azr.Abduction {
		if v, err := m.env.Verify(ctx, task, task.Examples[0].Output); err != nil || v.Outcome == azr.Pass {
			return err
		}
	}
	m.seen[task.ID], m.seen[key] = true, true
	m.tasks = append(m.tasks, task)
	return nil
}

// Keys collects the [azr.Measures].Program of tasks, measuring those that have none.
func Keys(ctx context.Context, env azr.Environment, tasks []azr.Task) (map[string]bool, error) {
	keys := map[string]bool{}
	for _, task := range tasks {
		measures := task.Measures
		if measures.Program == "" {
			var err error
			if measures, err = env.Measure(ctx, task, nil); err != nil {
				return nil, fmt.Errorf("generator.Keys: %w", err)
			}
		}
		keys[measures.Program] = true
	}
	return keys, nil
}

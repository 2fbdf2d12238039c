package generator

import (
	"context"
	_ "embed"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/literal"
)

//go:embed generator.py
var source string

// batch is how many programs one execution writes: their text stays well under the executor's limit on a value.
const batch = 50

// Generator draws random programs.
type Generator struct {
	executor azr.Executor
	seed     uint64
}

// New returns a generator whose draws are functions of seed. Its program runs on the executor.
func New(executor azr.Executor, seed uint64) *Generator { return &Generator{executor, seed} }

// Request says which programs to draw.
type Request struct {
	// Stream names the draws: two requests with one name and otherwise equal give the same programs.
	Stream string
	// Sizes are the numbers of statements to choose from, uniformly; a size may be named more than once.
	Sizes []int
	// Lively is the share of programs for whose first input every live statement changes something and no live variable
	// is empty. Default 0: it is left to chance.
	Lively float64
	// Dead is the share of the programs of several statements of which only some are live: nothing reads what the
	// others assign. Default 0.
	Dead float64
	// Inputs is how many different inputs each program has; at least 1.
	Inputs int
}

// Program is a drawn program.
type Program struct {
	// Source defines f(x).
	Source string
	// Statements is how many assignments it has.
	Statements int
	// Chain are the lines that the output depends on, in order: assignments, of which each reads the variable of the one
	// before, and the return.
	Chain []string
	// Shape is the chain's expressions without the names: two programs of one shape do the same.
	Shape string
	// Runs is what happens on each input.
	Runs []Run
	// Plain is the run on the plainest input that gives the first run's output; the first run itself if none is known.
	Plain Run
}

// Run is what happens when a program runs, as literal text.
type Run struct {
	Input string
	// States are the values of the chain's variables in the order of their assignments.
	States []string
	Output string
}

// Draw returns n programs.
func (g *Generator) Draw(ctx context.Context, r Request, n int) ([]Program, error) {
	const op = "generator.Draw"
	run := azr.Execution{Program: source, Trusted: true}
	for k := 0; k*batch < n; k++ {
		seed := azr.NewKey(g.seed, fmt.Sprintf("programs %s %d", r.Stream, k)).Rand().Uint64() >> 1
		run.Inputs = append(run.Inputs, fmt.Sprintf("%d, %d, [%s], %g, %d, %g",
			seed, min(batch, n-k*batch), strings.Trim(strings.ReplaceAll(fmt.Sprint(r.Sizes), " ", ", "), "[]"), r.Lively, r.Inputs, r.Dead))
	}
	results, err := g.executor.Run(ctx, run)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", op, err)
	}
	programs := make([]Program, 0, n)
	for _, result := range results {
		if result.Status != azr.OK {
			return nil, fmt.Errorf("%s: the sandbox did not run the generator; got %s %s", op, result.Status, result.Error)
		}
		drawn, err := parse(result.Value)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", op, err)
		}
		programs = append(programs, drawn...)
	}
	return programs, nil
}

// parse reads what the program returned: JSON in a string.
func parse(value string) ([]Program, error) {
	v, err := literal.Parse(value)
	if err != nil {
		return nil, err
	}
	text, ok := v.Text()
	if !ok {
		return nil, fmt.Errorf("not what the generator returns; got %s, want str", v.Kind())
	}
	var programs []Program
	err = json.Unmarshal([]byte(text), &programs)
	return programs, err
}

// Task makes a task of the program: of its first run, or for induction of all.
func (p Program) Task(t azr.TaskType) azr.Task {
	task := azr.Task{Type: t, Program: p.Source, SolveRate: -1, Measures: azr.Measures{Size: p.Statements}}
	runs := p.Runs
	if t != azr.Induction {
		runs = runs[:1]
	}
	for _, run := range runs {
		task.Examples = append(task.Examples, azr.Example{Input: run.Input, Output: run.Output})
	}
	return task
}

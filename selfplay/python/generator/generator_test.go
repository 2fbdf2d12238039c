package generator_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/selfplay/python/generator"
)

func open(t *testing.T) (*executor.Pool, *python.Environment) {
	t.Helper()
	config := executor.DefaultConfig()
	config.Timeout = 30 * time.Second
	pool, err := executor.Open(t.Context(), config)
	require.NoError(t, err)
	t.Cleanup(func() { pool.Close() })
	world := python.DefaultConfig()
	world.Style, world.InductionInputs = python.Trace, 6
	env, err := python.New(world, pool)
	require.NoError(t, err)
	return pool, env
}

var request = generator.Request{Stream: "test", Sizes: []int{1, 2, 3, 5}, Lively: 1, Inputs: 3}

func TestDrawsAreFunctionsOfSeedAndStream(t *testing.T) {
	pool, _ := open(t)
	draw := func(seed uint64, r generator.Request) []generator.Program {
		programs, err := generator.New(pool, seed).Draw(t.Context(), r, 120)
		require.NoError(t, err)
		require.Len(t, programs, 120)
		return programs
	}
	first, other := draw(1, request), request
	other.Stream = "another"
	assert.Equal(t, first, draw(1, request))
	assert.NotEqual(t, first, draw(2, request))
	assert.NotEqual(t, first, draw(1, other))
}

// What a program is said to do on the way is what Python does when it runs the program cut short.
func TestStatesAreWhatPythonComputes(t *testing.T) {
	pool, _ := open(t)
	programs, err := generator.New(pool, 3).Draw(t.Context(), request, 60)
	require.NoError(t, err)
	plainer := 0
	for _, p := range programs {
		lines := strings.Split(p.Source, "\n    ")
		require.Len(t, lines, p.Statements+2)
		require.Len(t, p.Runs, 3)
		assert.Equal(t, p.Runs[0].Output, p.Plain.Output)
		if p.Plain.Input != p.Runs[0].Input {
			plainer++
		}
		for _, run := range append(p.Runs, p.Plain) {
			require.Len(t, run.States, p.Statements)
			for i, want := range append(run.States, run.Output) {
				source := p.Source
				if i < p.Statements {
					name, _, _ := strings.Cut(lines[i+1], " = ")
					source = strings.Join(lines[:i+2], "\n    ") + "\n    return " + name
				}
				results, err := pool.Run(t.Context(), azr.Execution{Program: source, Inputs: []string{run.Input}})
				require.NoError(t, err)
				assert.Equal(t, azr.Result{Status: azr.OK, Value: want}, results[0], source)
			}
		}
	}
	assert.Positive(t, plainer, "no program has a plainer input than the one drawn")
}

// The output of a program with dead statements is that of its chain, and states are those of the chain's variables.
func TestDeadStatementsAreNotInTheChain(t *testing.T) {
	pool, _ := open(t)
	dead := generator.Request{Stream: "dead", Sizes: []int{1, 2, 4}, Lively: 1, Dead: 1, Inputs: 1}
	programs, err := generator.New(pool, 6).Draw(t.Context(), dead, 60)
	require.NoError(t, err)
	for _, p := range programs {
		lines := strings.Split(p.Source, "\n    ")[1:]
		require.Len(t, lines, p.Statements+1)
		assert.Subset(t, lines, p.Chain)
		if p.Statements > 1 {
			assert.Less(t, len(p.Chain), len(lines), p.Source)
		}
		require.Len(t, p.Runs[0].States, len(p.Chain)-1)
		chain := "def f(x):\n    " + strings.Join(p.Chain, "\n    ")
		assert.Equal(t, generator.Shape(chain), p.Shape)
		for i, want := range append(p.Runs[0].States, p.Runs[0].Output) {
			source := p.Source
			if i < len(p.Runs[0].States) {
				name, _, _ := strings.Cut(p.Chain[i], " = ")
				source = strings.Join(append([]string{"def f(x):"}, append(lines[:len(lines)-1:len(lines)-1], "return "+name)...), "\n    ")
			}
			results, err := pool.Run(t.Context(), azr.Execution{Program: source, Inputs: []string{p.Runs[0].Input}})
			require.NoError(t, err)
			assert.Equal(t, azr.Result{Status: azr.OK, Value: want}, results[0], source)
		}
	}
}

// Two ways to see through names agree: the shape of a chain and its syntax tree.
func TestShapeIsTheProgramWithoutNames(t *testing.T) {
	pool, env := open(t)
	programs, err := generator.New(pool, 4).Draw(t.Context(), generator.Request{Stream: "shapes", Sizes: []int{1, 2}, Inputs: 1}, 150)
	require.NoError(t, err)
	trees, repeated := map[string]string{}, 0
	for _, p := range programs {
		assert.Equal(t, p.Shape, generator.Shape(p.Source))
		measures, err := env.Measure(t.Context(), p.Task(azr.Deduction), nil)
		require.NoError(t, err)
		assert.Equal(t, p.Statements, measures.Size)
		if tree, known := trees[p.Shape]; known {
			repeated++
			assert.Equal(t, tree, measures.Program)
		}
		trees[p.Shape] = measures.Program
	}
	assert.Positive(t, repeated)
	distinct := map[string]bool{}
	for _, tree := range trees {
		distinct[tree] = true
	}
	assert.Len(t, distinct, len(trees))
	for _, other := range []string{"", "def f(x):\n    return x + y\n    a = 1", "def g(x):\n    return x", "def f(x):\n    a = x\n    b = a", "def f(x):\n    a = x[1:]\n    b = x[1:]\n    return b"} {
		assert.Empty(t, generator.Shape(other))
	}
}

func TestHeldOutTasksAreSoundAndDisjoint(t *testing.T) {
	pool, env := open(t)
	h := generator.HeldOut{PerType: 7, Sizes: []int{1, 2, 3}, InductionSizes: []int{1, 2}, Inputs: 6}
	test, err := generator.New(pool, 5).HeldOut(t.Context(), h, env)
	require.NoError(t, err)
	h.Exclude, err = generator.Keys(t.Context(), env, test)
	require.NoError(t, err)
	for _, task := range test {
		h.Exclude[task.ID] = true
	}
	validation, err := generator.New(pool, 5).HeldOut(t.Context(), h, env)
	require.NoError(t, err)
	for _, tasks := range [][]azr.Task{test, validation} {
		counts := map[azr.TaskType]int{}
		for _, task := range tasks {
			counts[task.Type]++
			valid, verdict, err := env.Validate(t.Context(), task)
			require.NoError(t, err)
			assert.Equal(t, azr.Pass, verdict.Outcome)
			assert.Equal(t, task.Examples, valid.Examples)
			assert.Equal(t, task.ContentID(), task.ID)
		}
		assert.Equal(t, map[azr.TaskType]int{azr.Deduction: 7, azr.Abduction: 7, azr.Induction: 7}, counts)
	}
	for _, tasks := range [][]azr.Task{test, validation} {
		programs := map[string]bool{}
		for _, task := range tasks {
			if task.Measures.Size > 1 {
				assert.False(t, programs[task.Measures.Program], "twice: %s", task.Program)
				programs[task.Measures.Program] = true
			}
		}
	}
	for _, task := range validation {
		assert.False(t, h.Exclude[task.ID], "%v", task)
		if task.Measures.Size > 1 {
			assert.False(t, h.Exclude[task.Measures.Program], task.Program)
		}
	}
}

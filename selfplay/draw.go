package selfplay

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/azr-train/azr"
)

// ReferenceSampling says how the references of a proposal are drawn.
type ReferenceSampling string

const (
	// ReferencesUniform gives every task of the buffer the same chance (the paper's).
	ReferencesUniform ReferenceSampling = "uniform"
	// ReferencesRecent weighs a task by the step that proposed it, plus one.
	ReferencesRecent ReferenceSampling = "recency"
)

// SolveBatch says which tasks are solved in a step.
type SolveBatch string

const (
	// SolveFresh takes the tasks proposed in the step itself and fills up from the buffer (algorithm 1).
	SolveFresh SolveBatch = "fresh"
	// SolveMaxNew takes tasks of the last SolveWindow steps, at most all, and fills up from the buffer. This and the
	// following choose before anything is proposed, as the authors' code does.
	SolveMaxNew SolveBatch = "max_new"
	// SolveHalfNew takes at most half of the batch from the last SolveWindow steps.
	SolveHalfNew SolveBatch = "half_new"
	// SolveUniform draws from the whole buffer.
	SolveUniform SolveBatch = "uniform"
	// SolveRecent draws from the whole buffer, a task weighing as much as the step that proposed it, plus one.
	SolveRecent SolveBatch = "recency"
)

// references draws the tasks that a proposal's prompt shows, all different: up
// to K of the type's own buffer, or for induction one program from the buffers
// of deduction and abduction (algorithm 1). Each attempt after the first, made
// when the prompt was too long, shows half as many.
func (g *Game) references(id azr.SampleID, attempt int) []azr.Task {
	pool, count := g.buffers[id.Type].tasks, g.cfg.References>>attempt
	if id.Type == azr.Induction {
		deduction, abduction := g.buffers[azr.Deduction].tasks, g.buffers[azr.Abduction].tasks
		pool, count = append(deduction[:len(deduction):len(deduction)], abduction...), 1
	} else if !g.cfg.IncludeReferences {
		return nil
	}
	rng := azr.NewKey(g.seed, fmt.Sprintf("references of %s attempt %d", id, attempt)).Rand()
	if g.cfg.ReferenceSampling == ReferencesRecent {
		return weighted(rng, pool, count)
	}
	return pick(pool, distinct(rng, len(pool), count))
}

// solveOrder returns the tasks that fill the places of a step's solve batch, in
// order: place i takes the i-th. Those after the first BatchSize replace tasks that are too long.
func (g *Game) solveOrder(step int, t azr.TaskType) []azr.Task {
	tasks, size := g.buffers[t].tasks, g.cfg.BatchSize
	rng := azr.NewKey(g.seed, fmt.Sprintf("filling step %d %s", step, t)).Rand()
	recent := 0
	switch g.cfg.SolveBatch {
	case SolveFresh:
		return pick(tasks, rng.Perm(len(tasks)))
	case SolveRecent:
		order := make([]azr.Task, 0, size*maxAttempts)
		for range size * maxAttempts {
			order = append(order, weighted(rng, tasks, 1)...)
		}
		return order
	case SolveMaxNew:
		recent = size
	case SolveHalfNew:
		recent = size / 2
	}
	fresh := slices.DeleteFunc(slices.Clone(tasks), func(t azr.Task) bool { return step-t.Step > g.cfg.SolveWindow })
	order := pick(fresh, distinct(rng, len(fresh), recent))
	for len(order) < size*maxAttempts {
		order = append(order, tasks[rng.IntN(len(tasks))])
	}
	return order
}

func pick(tasks []azr.Task, places []int) []azr.Task {
	picked := make([]azr.Task, len(places))
	for i, place := range places {
		picked[i] = tasks[place]
	}
	return picked
}

// distinct draws up to k different numbers below n, in uniform order.
func distinct(rng *rand.Rand, n, k int) []int {
	if k >= n {
		return rng.Perm(n)
	}
	drawn, seen := make([]int, 0, k), make(map[int]bool, k)
	for len(drawn) < k {
		if i := rng.IntN(n); !seen[i] {
			seen[i] = true
			drawn = append(drawn, i)
		}
	}
	return drawn
}

// weighted draws up to k different tasks, one after the other, each with a chance in proportion to its step plus
// one: the k largest of u^(1/weight) (Efraimidis and Spirakis).
func weighted(rng *rand.Rand, tasks []azr.Task, k int) []azr.Task {
	keys := make([]float64, len(tasks))
	places := make([]int, len(tasks))
	for i, t := range tasks {
		keys[i], places[i] = math.Log(1-rng.Float64())/float64(t.Step+1), i
	}
	slices.SortStableFunc(places, func(a, b int) int {
		switch {
		case keys[a] > keys[b]:
			return -1
		case keys[a] < keys[b]:
			return 1
		}
		return 0
	})
	return pick(tasks, places[:min(k, len(tasks))])
}

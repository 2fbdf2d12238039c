package selfplay

import (
	"fmt"
	"math/rand/v2"

	"github.com/azr-train/azr"
)

// references draws the tasks that a proposal's prompt shows, uniformly and
// distinct: up to K of the type's own buffer, or for induction one program from
// the buffers of the two other types (algorithm 1). Each attempt after the
// first, made when the prompt was too long, shows half as many.
func (g *Game) references(id azr.SampleID, attempt int) []azr.Task {
	pool, count := g.buffers[id.Type].tasks, g.cfg.References>>attempt
	if id.Type == azr.Induction {
		deduction, abduction := g.buffers[azr.Deduction].tasks, g.buffers[azr.Abduction].tasks
		pool, count = append(deduction[:len(deduction):len(deduction)], abduction...), 1
	}
	rng := azr.NewKey(g.seed, fmt.Sprintf("references of %s attempt %d", id, attempt)).Rand()
	drawn := make([]azr.Task, 0, count)
	for _, i := range distinct(rng, len(pool), count) {
		drawn = append(drawn, pool[i])
	}
	return drawn
}

// shuffled returns a type's buffer in the order in which it fills the places of
// a step's solve batch.
func (g *Game) shuffled(step int, t azr.TaskType) []azr.Task {
	tasks := g.buffers[t].tasks
	rng := azr.NewKey(g.seed, fmt.Sprintf("filling step %d %s", step, t)).Rand()
	order := make([]azr.Task, len(tasks))
	for i, j := range rng.Perm(len(tasks)) {
		order[i] = tasks[j]
	}
	return order
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

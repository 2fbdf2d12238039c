package selfplay

import (
	"fmt"
	"slices"

	"github.com/azr-train/azr"
)

// request is what a proposer is asked for. A later attempt asks for the same with fewer references.
func (g *Game) request(id azr.SampleID, attempt int) azr.Request {
	r := azr.Request{Type: id.Type, References: g.references(id, attempt)}
	if id.Type == azr.Induction {
		return r
	}
	if g.cfg.Size.Request != SizeOff {
		g.requestSize(&r, id, attempt)
	}
	if attempt == 0 {
		r.Helpers = g.helpers(id, len(r.References))
	}
	return r
}

// requestSize draws the size. A relative request puts a reference last that is as large or one smaller, where there is one.
func (g *Game) requestSize(r *azr.Request, id azr.SampleID, attempt int) {
	key := azr.NewKey(g.seed, fmt.Sprintf("size of %s", id))
	r.Size = g.sizers[id.Type].draw(key.Uniform(0), key.Uniform(1))
	if g.cfg.Size.Request != SizeRelative {
		return
	}
	r.Relative = true
	base := r.Size - int(2*key.Uniform(2))
	rng := azr.NewKey(g.seed, fmt.Sprintf("base of %s attempt %d", id, attempt)).Rand()
	for _, size := range []int{base, 2*r.Size - 1 - base} { // the size and one less, in either order
		var pool []azr.Task
		for _, t := range g.buffers[id.Type].tasks {
			if t.Measures.Program != "" && t.Measures.Size == size {
				pool = append(pool, t)
			}
		}
		if len(pool) > 0 {
			last := pool[rng.IntN(len(pool))]
			others := slices.DeleteFunc(r.References, func(t azr.Task) bool { return t.ID == last.ID })
			r.References = append(others[:min(len(others), max(0, g.cfg.References>>attempt-1))], last)
			return
		}
	}
}

// misfit returns why a valid task is not what was asked for, or "".
func misfit(r azr.Request, t azr.Task) string {
	if r.Size > 0 && t.Measures.Size != r.Size {
		return fmt.Sprintf("size: got %d, want %d", t.Measures.Size, r.Size)
	}
	return ""
}

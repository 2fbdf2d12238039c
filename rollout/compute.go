package rollout

import (
	"slices"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

// pass is what goes through the layers at once.
type pass struct {
	spans     []model.Span
	rows      int
	wanted    []int64 // rows whose hidden states are needed: of decoded tokens, then of prompts' ends
	finishing []*cachedPrompt
}

func (p *pass) add(span model.Span) {
	p.spans = append(p.spans, span)
	p.rows += len(span.IDs)
}

// compute runs the last tokens of the given requests and what fits beside them of the prompts that wait. It
// returns the requests' hidden states (1, D).
func (e *Engine) compute(s *torch.Scope, decoding []*request) (hidden []torch.Tensor) {
	for _, p := range e.plan(decoding) {
		rows := e.padded(p.rows)
		e.stats.Rows, e.stats.Padding = e.stats.Rows+rows, e.stats.Padding+rows-p.rows
		states := e.model.Extend(s, e.cache, p.spans, rows, p.wanted)
		decoded := len(p.wanted) - len(p.finishing)
		for i := range decoded {
			hidden = append(hidden, states.Narrow(0, i, 1))
		}
		for i, c := range p.finishing {
			c.hidden = states.IndexSelect(0, s.FromInt64s([]int64{int64(decoded + i)}, e.model.Device)).Keep()
			e.computing = without(e.computing, c)
		}
	}
	return hidden
}

// plan lays out a tick's passes: decoded tokens, and chunks of prompts, the oldest first, in what is left of the last
// pass, or in one more where nothing is left.
func (e *Engine) plan(decoding []*request) (passes []*pass) {
	most := e.rows[len(e.rows)-1]
	for block := range slices.Chunk(decoding, most) {
		p := &pass{}
		for row, r := range block {
			p.add(model.Span{IDs: []int64{int64(r.ids[len(r.ids)-1])}, Start: int(r.position()), Pages: r.pages})
			p.wanted = append(p.wanted, int64(row))
		}
		passes = append(passes, p)
	}
	if len(e.computing) == 0 {
		return passes
	}
	if last := len(passes) - 1; last < 0 || passes[last].rows+model.PageTokens > most {
		passes = append(passes, &pass{})
	}
	last := passes[len(passes)-1]
	for _, c := range e.computing {
		ids := widen(c.ids)
		for !c.ready() {
			chunk := model.Chunk(ids, c.computed, c.pages)
			if last.rows+len(chunk.IDs) > most {
				return passes
			}
			last.add(chunk)
			c.computed += len(chunk.IDs)
			e.stats.PromptTokens += len(chunk.IDs)
		}
		last.wanted, last.finishing = append(last.wanted, int64(last.rows-1)), append(last.finishing, c)
	}
	return passes
}

// logits of hidden states (1, D): (n, V), computed at an invariant number of rows.
func (e *Engine) logits(hidden []torch.Tensor) torch.Tensor {
	x, n := torch.Cat(0, hidden[0], hidden[1:]...), len(hidden)
	index := make([]int64, e.padded(n))
	for i := range n {
		index[i] = int64(i)
	}
	return e.model.Logits(x.IndexSelect(0, x.Scope().FromInt64s(index, e.model.Device))).Narrow(0, 0, n)
}

// padded is the least invariant number of rows that holds n.
func (e *Engine) padded(n int) int {
	return e.rows[slices.IndexFunc(e.rows, func(rows int) bool { return rows >= n })]
}

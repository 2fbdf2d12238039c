package rollout

import (
	"slices"

	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/torch"
)

const (
	// passRows bounds the tokens of a pass.
	passRows = 512
	// logitsRows bounds the rows that go through the head at once, whose output is the largest of all.
	logitsRows = 128
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
		e.stats.Passes++
		e.stats.Rows += p.rows
		states := e.model.Extend(s, e.cache, p.spans, p.wanted)
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
	for block := range slices.Chunk(decoding, passRows) {
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
	if last := len(passes) - 1; last < 0 || passes[last].rows+e.cache.PageTokens > passRows {
		passes = append(passes, &pass{})
	}
	last := passes[len(passes)-1]
	for _, c := range e.computing {
		ids := widen(c.ids)
		for !c.ready() {
			chunk := e.cache.Chunk(ids, c.computed, c.pages)
			if last.rows+len(chunk.IDs) > passRows {
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

package rollout

import (
	"unsafe"

	"github.com/azr-train/azr/torch"
)

// cachedPrompt is a prompt whose keys and values the cache holds, or is about to. It outlives its requests until its
// pages are wanted.
type cachedPrompt struct {
	ids      []int32
	pages    []int64
	computed int // tokens of it
	// hidden is the last token's hidden state (1, D), once all are computed.
	hidden *torch.Var
	// requests that are to continue it.
	requests int
	// used numbers its last use, from 1.
	used int
	// forgotten: new requests do not find it.
	forgotten bool
}

func (c *cachedPrompt) ready() bool { return c.computed == len(c.ids) }

// key is the bytes of ids, which it shares.
func key(ids []int32) string {
	return string(unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(ids))), 4*len(ids)))
}

// hold finds the prompt that r continues, or makes room for it. It is nil where that would not leave a page for r
// and each running sequence to grow by.
func (e *Engine) hold(r *request) *cachedPrompt {
	c, ok := e.prompts[key(r.promptID)]
	if !ok {
		c = &cachedPrompt{ids: r.promptID, pages: e.pages.known(r.promptID)}
	}
	c.requests++
	e.uses++
	c.used = e.uses
	missing := e.cache.PagesFor(len(c.ids)) - len(c.pages)
	if !e.makeRoom(missing + 1 + len(e.running)) {
		e.release(c)
		return nil
	}
	if ok {
		e.stats.SharedTokens += len(c.ids)
		return c
	}
	c.computed = len(c.pages) * e.cache.PageTokens
	e.stats.SharedTokens += c.computed
	for range missing {
		c.pages = append(c.pages, e.pages.take())
	}
	e.pages.fill(c.ids, c.pages)
	e.prompts[key(c.ids)] = c
	e.computing = append(e.computing, c)
	return c
}

// release ends a request's use of a prompt. One that is computed stays for as long as its pages are not wanted.
// One that is not has no younger prompt that counts on its pages: the youngest requests are put back first.
func (e *Engine) release(c *cachedPrompt) {
	if c.requests--; c.requests == 0 && (!c.ready() || c.forgotten) {
		e.drop(c)
	}
}

func (e *Engine) drop(c *cachedPrompt) {
	e.pages.giveBack(c.pages)
	c.hidden.Free()
	e.computing = without(e.computing, c)
	if e.prompts[key(c.ids)] == c {
		delete(e.prompts, key(c.ids))
	}
}

// makeRoom drops prompts that nobody uses, the one used longest ago first, until n pages are free.
func (e *Engine) makeRoom(n int) bool {
	for len(e.pages.free) < n {
		var oldest *cachedPrompt
		for _, c := range e.prompts {
			if c.requests == 0 && (oldest == nil || c.used < oldest.used) {
				oldest = c
			}
		}
		if oldest == nil {
			return false
		}
		e.drop(oldest)
	}
	return true
}

// Forget drops all computed prompts. It must be called after the weights changed.
func (e *Engine) Forget() {
	e.cache.DropGraphs()
	e.pages.forget()
	for _, c := range e.prompts {
		if c.forgotten = true; c.requests == 0 {
			e.drop(c)
		}
	}
	clear(e.prompts)
}

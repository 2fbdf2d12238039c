package rollout

import (
	"context"
	"fmt"
	"slices"
	"sync/atomic"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout/tokenizer"
	"github.com/azr-train/azr/torch"
)

// Engine is the azr.Generator over a decoder's weights.
type Engine struct {
	model     *model.Decoder
	tokenizer *tokenizer.Tokenizer
	cache     *model.KVCache
	pages     *pages
	slots     int
	room      int
	seed      uint64
	kwargs    map[string]any // of the chat template
	ends      []int32        // the tokens that end a completion
	queue     []*request
	running   []*request               // at most slots, the oldest first
	prompts   map[string]*cachedPrompt // by their ids, those that new requests may find
	computing []*cachedPrompt          // those not yet ready, the oldest first
	uses      int                      // of prompts
	stats     Stats
	seen      atomic.Pointer[seen] // by other goroutines
}

// New makes an engine with nothing in it. Config.Room is cut to the model's context length, and where memory
// is too small for the whole cache it is smaller, see [Engine.CacheTokens]: that changes the speed, and no sample.
func New(config Config, seed uint64, m *model.Decoder, t *tokenizer.Tokenizer) (e *Engine, err error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if n := t.VocabSize(); n > m.Config.VocabSize {
		return nil, fmt.Errorf("rollout.New: tokenizer does not fit the model; got %d tokens, want at most vocab_size %d", n, m.Config.VocabSize)
	}
	defer torch.Catch(&err)
	cache, err := newCache(m, config)
	if err != nil {
		return nil, err
	}
	if config.CUDAGraphs && torch.Records(m.Device) {
		cache.RecordDecoding()
	}
	return &Engine{
		model: m, tokenizer: t, seed: seed, kwargs: config.ChatTemplateKwargs,
		cache: cache, pages: newPages(cache.Pages, cache.PageTokens), prompts: map[string]*cachedPrompt{},
		slots: config.Slots, room: config.roomOf(m.Config), ends: t.EndIDs(),
	}, nil
}

// Close frees the cache; the weights are the caller's.
func (e *Engine) Close() {
	e.queue = nil
	for len(e.running) > 0 {
		e.leave(e.running[0])
	}
	e.Forget()
	e.cache.Free()
}

// CacheTokens is how many tokens the cache holds: what the config wants, or a half, a quarter, ... of it that fits
// into memory.
func (e *Engine) CacheTokens() int { return e.cache.Pages * e.cache.PageTokens }

// Submit queues prompts. Text that cannot be encoded is an error.
func (e *Engine) Submit(prompts ...azr.Prompt) error {
	requests := make([]*request, 0, len(prompts))
	for _, p := range prompts {
		r, err := e.newRequest(p)
		if err != nil {
			return err
		}
		requests = append(requests, r)
	}
	e.queue = append(e.queue, requests...)
	return nil
}

func (e *Engine) newRequest(p azr.Prompt) (*request, error) {
	ids, err := e.encode(p)
	if err != nil {
		return nil, fmt.Errorf("rollout.Submit: prompt of %s: %w", p.ID, err)
	}
	if len(ids) == 0 {
		return nil, fmt.Errorf("rollout.Submit: prompt of %s is empty; got no tokens, want at least one", p.ID)
	}
	return &request{
		prompt: p, key: p.ID.Key(e.seed), promptID: ids, stream: e.tokenizer.NewStream(),
		limit: min(p.Sampling.MaxTokens, e.room-len(ids)),
	}, nil
}

func (e *Engine) encode(p azr.Prompt) ([]int32, error) {
	if len(p.Messages) > 0 {
		return e.tokenizer.EncodeChat(p.Messages, p.Text, e.kwargs)
	}
	return e.tokenizer.EncodeDocument(p.Text)
}

// Pending counts the prompts submitted and not yet returned.
func (e *Engine) Pending() int { return len(e.queue) + len(e.running) }

// Text returns what is certain of a request's completion: whole characters, without an end
// that may yet turn out to begin a stop string. It only grows, and the completion's text begins with
// it. It is empty for a request that is done or unknown.
func (e *Engine) Text(id azr.SampleID) string {
	for _, r := range slices.Concat(e.running, e.queue) {
		if r.prompt.ID == id {
			return r.certain()
		}
	}
	return ""
}

// Tick computes what it can of the prompts that wait, advances every running request by one token, and returns those
// that finished: first those whose first token it was, then the others, each in the order in which they entered.
// After an error but a cancelled context the engine can only be closed.
func (e *Engine) Tick(ctx context.Context) (done []azr.Completion, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.Pending() == 0 {
		return nil, nil
	}
	defer func() { err = e.outOfMemory(err) }()
	defer torch.Catch(&err)
	s := torch.NewScope()
	defer s.Close()
	torch.BatchInvariant(func() {
		decoding := e.grow()
		done = e.admit()
		e.show()
		e.stats.Ticks++
		e.stats.Running += len(e.running)
		hidden := e.compute(s, decoding)
		beginning := slices.DeleteFunc(slices.Clone(e.running), func(r *request) bool { return len(r.ids) > 0 || !r.cached.ready() })
		var first []torch.Tensor
		for _, r := range beginning {
			first = append(first, r.cached.hidden.In(s))
		}
		done = append(done, e.sample(slices.Concat(first, hidden), slices.Concat(beginning, decoding))...)
	})
	return done, nil
}

// admit lets requests in, in the order in which they came, while there are slots and room in the cache.
func (e *Engine) admit() (done []azr.Completion) {
	for len(e.queue) > 0 && len(e.running) < e.slots {
		r := e.queue[0]
		if r.limit < 1 {
			done = append(done, r.completion(azr.PromptTooLong))
		} else if r.cached = e.hold(r); r.cached != nil {
			e.running = append(e.running, r)
		} else {
			break
		}
		e.queue = e.queue[1:]
	}
	return done
}

// grow gives each request that has begun a place for its last token, and lists them. Where no page is free the
// youngest request is put back at the head of the queue, to begin again: the oldest always goes on.
func (e *Engine) grow() (decoding []*request) {
	var from, to []int64
	for i := 0; i < len(e.running); i++ {
		r := e.running[i]
		if len(r.ids) == 0 {
			continue
		}
		needed := e.cache.PagesFor(int(r.position()) + 1)
		whole := len(r.promptID) / e.cache.PageTokens
		for needed > max(len(r.pages), whole) && !e.makeRoom(1) && len(e.running) > i {
			e.putBack(e.running[len(e.running)-1])
		}
		if len(e.running) == i {
			break
		}
		if r.pages == nil {
			r.pages = e.pages.share(r.cached.pages[:whole])
		}
		if len(r.pages) < needed {
			page := e.pages.take()
			if len(r.pages) == whole && whole < len(r.cached.pages) { // the prompt ends inside a page
				from, to = append(from, r.cached.pages[whole]), append(to, page)
			}
			r.pages = append(r.pages, page)
		}
		decoding = append(decoding, r)
	}
	if len(from) > 0 {
		e.cache.Copy(from, to)
	}
	return decoding
}

// putBack ends a request's run; it waits at the head of the queue.
func (e *Engine) putBack(r *request) {
	e.stats.Preempted++
	e.leave(r)
	r.reset()
	e.queue = slices.Insert(e.queue, 0, r)
}

// leave frees a request's slot and pages.
func (e *Engine) leave(r *request) {
	e.running = without(e.running, r)
	e.pages.giveBack(r.pages)
	e.release(r.cached)
}

// sample draws the next token of each request from its hidden state (1, D), and ends those that finish.
func (e *Engine) sample(hidden []torch.Tensor, requests []*request) (done []azr.Completion) {
	for len(requests) > 0 {
		n := min(len(requests), logitsRows)
		rows := make([]torch.Sampling, n)
		for i, r := range requests[:n] {
			rows[i] = r.sampling()
		}
		ids, logprobs := e.model.Logits(torch.Cat(0, hidden[0], hidden[1:n]...)).Sample(rows)
		e.stats.SampledTokens += n
		for i, r := range requests[:n] {
			if finish, ended := r.add(int32(ids[i]), logprobs[i], e.ends); ended {
				done = append(done, r.completion(finish))
				e.leave(r)
			}
		}
		hidden, requests = hidden[n:], requests[n:]
	}
	return done
}

func without[T comparable](list []T, x T) []T {
	return slices.DeleteFunc(list, func(y T) bool { return x == y })
}

func widen(ids []int32) []int64 {
	wide := make([]int64, len(ids))
	for i, id := range ids {
		wide[i] = int64(id)
	}
	return wide
}

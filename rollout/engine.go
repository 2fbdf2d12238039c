package rollout

import (
	"context"
	"fmt"
	"slices"

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
	seed      uint64
	kwargs    map[string]any // of the chat template
	rows      []int          // invariant batch sizes, ascending
	ends      []int32        // the tokens that end a completion
	queue     []*request
	slots     []slot
	stats     Stats
}

// slot is one sequence's place in the cache.
type slot struct {
	request *request // nil when free
	// prompt is the prompt whose keys and values the slot holds, and hidden its last token's hidden
	// state (1, D); they outlive the request until another prompt takes the slot.
	prompt []int32
	hidden *torch.Var
}

// Stats counts an engine's work since it was made.
type Stats struct {
	// Ticks that advanced anything, prompt tokens computed and forked, and tokens sampled.
	Ticks, PromptTokens, ForkedTokens, SampledTokens int
}

// New makes an engine with an empty batch. Config.Room is cut to the model's context length, and where memory
// is too small for all slots there are fewer, see [Engine.Slots]: that changes the speed, and no sample.
func New(config Config, seed uint64, m *model.Decoder, t *tokenizer.Tokenizer) (e *Engine, err error) {
	if err := config.Validate(); err != nil {
		return nil, err
	}
	if n := t.VocabSize(); n > m.Config.VocabSize {
		return nil, fmt.Errorf("rollout.New: tokenizer does not fit the model; got %d tokens, want at most vocab_size %d", n, m.Config.VocabSize)
	}
	defer torch.Catch(&err)
	slots, room := config.cacheSize(m.Config)
	rows := m.InvariantRows()
	cache, err := newCache(m, slots-1, room)
	if err != nil {
		return nil, err
	}
	return &Engine{
		model: m, tokenizer: t, seed: seed, kwargs: config.ChatTemplateKwargs,
		cache: cache,
		rows:  rows,
		ends:  t.EndIDs(),
		slots: make([]slot, cache.Slots-1),
	}, nil
}

// Close frees the cache; the weights are the caller's.
func (e *Engine) Close() {
	e.Forget()
	e.cache.Free()
}

// Forget drops all computed prompts. It must be called after the weights changed.
func (e *Engine) Forget() {
	for i := range e.slots {
		e.slots[i].hidden.Free()
		e.slots[i].prompt, e.slots[i].hidden = nil, nil
	}
}

// Slots is how many sequences run at once: the config's number, or a half, a quarter, ... of it that fits
// into memory.
func (e *Engine) Slots() int { return len(e.slots) }

// Stats returns the counts so far.
func (e *Engine) Stats() Stats { return e.stats }

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
		limit: min(p.Sampling.MaxTokens, e.cache.Room-len(ids)),
	}, nil
}

func (e *Engine) encode(p azr.Prompt) ([]int32, error) {
	if len(p.Messages) > 0 {
		return e.tokenizer.EncodeChat(p.Messages, p.Text, e.kwargs)
	}
	return e.tokenizer.EncodeDocument(p.Text)
}

// Pending counts the prompts submitted and not yet returned.
func (e *Engine) Pending() int {
	n := len(e.queue)
	for i := range e.slots {
		if e.slots[i].request != nil {
			n++
		}
	}
	return n
}

// Text returns what is certain of a running request's completion: whole characters, without an end
// that may yet turn out to begin a stop string. It only grows, and the completion's text begins with
// it. It is empty for a request that waits, is done or is unknown.
func (e *Engine) Text(id azr.SampleID) string {
	for i := range e.slots {
		if r := e.slots[i].request; r != nil && r.prompt.ID == id {
			return r.certain()
		}
	}
	return ""
}

// Tick advances every running request by one token and returns those that finished: first those
// that just entered, then those that ran before, each in slot order. After an error but a cancelled
// context the engine can only be closed.
func (e *Engine) Tick(ctx context.Context) (done []azr.Completion, err error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if e.Pending() == 0 {
		return nil, nil
	}
	defer func() { err = e.outOfMemory(err) }()
	defer torch.Catch(&err)
	e.stats.Ticks++
	running := e.running()
	torch.NoGrad(func() {
		done = e.admit()
		largest := e.rows[len(e.rows)-1]
		for block := range slices.Chunk(running, largest) {
			done = append(done, e.decode(block)...)
		}
	})
	return done, nil
}

// running lists the busy slots.
func (e *Engine) running() []int {
	var busy []int
	for i := range e.slots {
		if e.slots[i].request != nil {
			busy = append(busy, i)
		}
	}
	return busy
}

// admit fills free slots from the queue and samples each admitted request's first token.
func (e *Engine) admit() (done []azr.Completion) {
	for i := range e.slots {
		for e.slots[i].request == nil && len(e.queue) > 0 {
			r := e.queue[0]
			e.queue = e.queue[1:]
			if r.limit < 1 {
				done = append(done, r.completion(azr.PromptTooLong))
				continue
			}
			done = append(done, e.start(i, r)...)
		}
	}
	return done
}

// start computes r's prompt in slot i and samples its first token.
func (e *Engine) start(i int, r *request) []azr.Completion {
	s := torch.NewScope()
	defer s.Close()
	return e.sample(e.prefill(s, i, r), []int{i})
}

// prefill puts r into slot i and returns its prompt's last hidden state (1, D).
func (e *Engine) prefill(s *torch.Scope, i int, r *request) torch.Tensor {
	target := &e.slots[i]
	source := slices.IndexFunc(e.slots, func(o slot) bool { return o.hidden != nil && slices.Equal(o.prompt, r.promptID) })
	target.request = r
	if source != i {
		target.prompt = nil // until the cache holds the new one
	}
	switch {
	case source == i:
		e.stats.ForkedTokens += len(r.promptID)
	case source >= 0:
		e.stats.ForkedTokens += len(r.promptID)
		e.cache.Fork(source, i, len(r.promptID))
		target.hidden.Free()
		target.hidden = e.slots[source].hidden.In(s).Keep()
	default:
		e.stats.PromptTokens += len(r.promptID)
		target.hidden.Free()
		target.hidden = e.model.Prefill(s, e.cache, i, widen(r.promptID)).Keep()
	}
	target.prompt = r.promptID
	return target.hidden.In(s)
}

// decode advances the requests of at most one block of slots.
func (e *Engine) decode(busy []int) []azr.Completion {
	n := e.rows[slices.IndexFunc(e.rows, func(rows int) bool { return rows >= len(busy) })]
	ids, slots, positions := make([]int64, n), make([]int64, n), make([]int64, n)
	for row := range n {
		slots[row] = int64(len(e.slots))
		if row < len(busy) {
			r := e.slots[busy[row]].request
			ids[row], slots[row], positions[row] = int64(r.ids[len(r.ids)-1]), int64(busy[row]), r.position()
		}
	}
	s := torch.NewScope()
	defer s.Close()
	return e.sample(e.model.Decode(s, e.cache, ids, slots, positions), busy)
}

// sample draws the next token of each busy slot from hidden states (B, D), of which the first
// len(busy) rows are theirs, and frees the slots that finished.
func (e *Engine) sample(hidden torch.Tensor, busy []int) (done []azr.Completion) {
	logits := e.model.Logits(hidden).Narrow(0, 0, len(busy))
	rows := make([]torch.Sampling, len(busy))
	for row, i := range busy {
		rows[row] = e.slots[i].request.sampling()
	}
	ids, logprobs := logits.Sample(rows)
	e.stats.SampledTokens += len(busy)
	for row, i := range busy {
		r := e.slots[i].request
		if finish, ended := r.add(int32(ids[row]), logprobs[row], e.ends); ended {
			done = append(done, r.completion(finish))
			e.slots[i].request = nil
		}
	}
	return done
}

func widen(ids []int32) []int64 {
	wide := make([]int64, len(ids))
	for i, id := range ids {
		wide[i] = int64(id)
	}
	return wide
}

package azr

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// FakeGenerator is a Generator whose policy is a function. Its tokens are
// bytes: token id b+1 is byte b and id 0 ends a response, so every completion
// can be worked out by hand.
type FakeGenerator struct {
	// Complete returns the whole response to a prompt, before stop strings and MaxTokens cut it.
	Complete func(Prompt) string
	// Slots is how many requests run at once; 0 means all.
	Slots int
	// Context is the most tokens that prompt and response may have together; 0 means any number.
	Context int

	queue   []Prompt
	running []fakeRequest
}

type fakeRequest struct {
	completion Completion
	left       int // ticks until it is finished
}

// NewFakeGenerator returns a FakeGenerator with any number of slots.
func NewFakeGenerator(complete func(Prompt) string) *FakeGenerator {
	return &FakeGenerator{Complete: complete}
}

// Script returns a policy that answers each prompt with the text given for its
// ID, and panics on an ID that has none: a test that asks for more than it
// scripted is wrong.
func Script(texts map[SampleID]string) func(Prompt) string {
	return func(p Prompt) string {
		text, ok := texts[p.ID]
		if !ok {
			panic(fmt.Sprintf("azr.Script: no completion for %s", p.ID))
		}
		return text
	}
}

// Submit queues prompts.
func (g *FakeGenerator) Submit(prompts ...Prompt) error {
	g.queue = append(g.queue, prompts...)
	return nil
}

// Pending counts the prompts submitted and not yet returned.
func (g *FakeGenerator) Pending() int { return len(g.queue) + len(g.running) }

// Tick admits queued prompts while there are free slots, then advances each
// request by one token. Finished requests return in order of admission.
func (g *FakeGenerator) Tick(ctx context.Context) ([]Completion, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	for len(g.queue) > 0 && (g.Slots == 0 || len(g.running) < g.Slots) {
		c := g.complete(g.queue[0])
		g.queue = g.queue[1:]
		g.running = append(g.running, fakeRequest{c, max(1, len(c.IDs))})
	}
	var finished []Completion
	running := g.running[:0]
	for _, r := range g.running {
		if r.left--; r.left == 0 {
			finished = append(finished, r.completion)
		} else {
			running = append(running, r)
		}
	}
	g.running = running
	return finished, nil
}

func (g *FakeGenerator) complete(p Prompt) Completion {
	c := Completion{ID: p.ID, PromptIDs: fakeIDs(p.String())}
	limit := p.Sampling.MaxTokens
	if g.Context > 0 {
		limit = min(limit, g.Context-len(c.PromptIDs))
	}
	if limit <= 0 {
		c.Finish = PromptTooLong
		return c
	}
	text := g.Complete(p)
	for _, stop := range p.Sampling.Stop {
		text, _, _ = strings.Cut(text, stop)
	}
	c.Text, c.IDs = text, append(fakeIDs(text), 0)
	if len(c.IDs) > limit {
		c.Text, c.IDs, c.Finish = text[:limit], c.IDs[:limit], Truncated
	}
	key := p.ID.Key(0)
	for i := range c.IDs {
		c.LogProbs = append(c.LogProbs, -float32(key.Uniform(uint64(i))))
	}
	return c
}

func fakeIDs(text string) []int32 {
	ids := make([]int32, len(text))
	for i := range ids {
		ids[i] = int32(text[i]) + 1
	}
	return ids
}

// FakeExecutor is an Executor that runs programs by asking a function. It is
// safe for concurrent use if its function is.
type FakeExecutor struct {
	// Func returns what becomes of one input of a program.
	Func func(program, input string) Result

	mu   sync.Mutex
	runs []Execution
}

// NewFakeExecutor returns a FakeExecutor.
func NewFakeExecutor(f func(program, input string) Result) *FakeExecutor {
	return &FakeExecutor{Func: f}
}

// Run asks the function about each input.
func (x *FakeExecutor) Run(ctx context.Context, e Execution) ([]Result, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	x.mu.Lock()
	x.runs = append(x.runs, e)
	x.mu.Unlock()
	results := make([]Result, len(e.Inputs))
	for i, input := range e.Inputs {
		results[i] = x.Func(e.Program, input)
	}
	return results, nil
}

// Runs returns what was asked for so far, in the order of arrival.
func (x *FakeExecutor) Runs() []Execution {
	x.mu.Lock()
	defer x.mu.Unlock()
	return slices.Clone(x.runs)
}

// MemoryStore is a Store that lasts as long as the process. Its zero value is empty and ready.
type MemoryStore struct {
	mu      sync.Mutex
	records []StepRecord
	journal map[string]Result
}

// Commit keeps a step; a step that is already there is an error.
func (s *MemoryStore) Commit(r StepRecord) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if n := len(s.records); n > 0 && s.records[n-1].Step >= r.Step {
		return fmt.Errorf("azr.MemoryStore.Commit: steps must grow; got %d, want more than %d", r.Step, s.records[n-1].Step)
	}
	s.records = append(s.records, r)
	return nil
}

// Tasks returns the tasks of a type in the order in which they were committed.
func (s *MemoryStore) Tasks(t TaskType) ([]Task, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var tasks []Task
	for _, r := range s.records {
		for _, task := range r.Tasks {
			if task.Type == t {
				tasks = append(tasks, task)
			}
		}
	}
	return tasks, nil
}

// LastMetrics returns the metrics of the last step committed.
func (s *MemoryStore) LastMetrics() (map[string]float64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.records) == 0 {
		return nil, nil
	}
	return s.records[len(s.records)-1].Metrics, nil
}

// Records returns the steps committed, oldest first.
func (s *MemoryStore) Records() []StepRecord {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.records)
}

// Rollback forgets the steps after step.
func (s *MemoryStore) Rollback(step int) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = slices.DeleteFunc(s.records, func(r StepRecord) bool { return r.Step > step })
	return nil
}

// Lookup finds a journaled execution result.
func (s *MemoryStore) Lookup(key string) (Result, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.journal[key]
	return r, ok, nil
}

// Record keeps an execution result; the first one for a key stays.
func (s *MemoryStore) Record(key string, r Result) error {
	if key == "" {
		return errors.New("azr.MemoryStore.Record: empty key")
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.journal == nil {
		s.journal = map[string]Result{}
	}
	if _, ok := s.journal[key]; !ok {
		s.journal[key] = r
	}
	return nil
}

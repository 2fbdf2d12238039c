package executor

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"sync"

	"github.com/azr-train/azr"
)

// key names everything that the result of a task of one input depends on: program and arguments, limits,
// interpreter, level, the worker's own code and whether it was run twice.
func (p *Pool) key(t task, twice bool) string {
	c := p.config
	content, err := json.Marshal([]any{
		t.Program, t.Inputs[0].Text, t.Gate, twice, c.Timeout, c.Memory, c.ValueBytes, c.OutputBytes,
		p.python.Version, p.level.String(), workerHash(),
	})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// recall finds a result in memory or in the journal.
func (p *Pool) recall(key string) (azr.Result, bool, error) {
	if r, known := p.cache.get(key); known {
		p.counts.cacheHit()
		return r, true, nil
	}
	if p.config.Journal == nil {
		return azr.Result{}, false, nil
	}
	r, known, err := p.config.Journal.Lookup(key)
	if err != nil {
		return azr.Result{}, false, fmt.Errorf("executor.Pool: journal lookup; %w", err)
	}
	if known {
		p.counts.journalHit()
		p.cache.put(key, r)
	}
	return r, known, nil
}

// remember records what came of a run. What the sandbox failed at is not
// recorded: it says nothing of the program.
func (p *Pool) remember(key, program string, r azr.Result) error {
	if r.Status == azr.Infra {
		return nil
	}
	if suspicious(r) {
		if err := p.samples.add(program, r); err != nil {
			return err
		}
	}
	if p.config.Journal != nil {
		if err := p.config.Journal.Record(key, r); err != nil {
			return fmt.Errorf("executor.Pool: journal record; %w", err)
		}
	}
	p.cache.put(key, r)
	return nil
}

// flights lets those who ask for the same execution at the same time share one.
type flights struct {
	mu    sync.Mutex
	byKey map[string]*flight
}

type flight struct {
	done   chan struct{}
	result azr.Result
	err    error
}

// share returns what run returns, to the first who asks, and to those who ask meanwhile. If
// the first one's run fails (its context may have ended) one of the others runs it.
func (f *flights) share(ctx context.Context, key string, c *counts, run func() (azr.Result, error)) (azr.Result, error) {
	for {
		under, first := f.join(key)
		if first {
			r, err := run()
			f.land(key, r, err)
			return r, err
		}
		r, done, err := under.follow(ctx)
		if err != nil {
			return azr.Result{}, err
		}
		if done {
			c.sharedRun()
			return r, nil
		}
	}
}

// follow waits for the end of a flight that another began. It is not done if that failed.
func (under *flight) follow(ctx context.Context) (r azr.Result, done bool, err error) {
	select {
	case <-under.done:
	case <-ctx.Done():
	}
	if ctx.Err() != nil {
		return azr.Result{}, false, context.Cause(ctx)
	}
	return under.result, under.err == nil, nil
}

// join returns the flight under way for key, or begins one, which the caller must land.
func (f *flights) join(key string) (under *flight, first bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if under := f.byKey[key]; under != nil {
		return under, false
	}
	if f.byKey == nil {
		f.byKey = map[string]*flight{}
	}
	under = &flight{done: make(chan struct{})}
	f.byKey[key] = under
	return under, true
}

func (f *flights) land(key string, r azr.Result, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	under := f.byKey[key]
	delete(f.byKey, key)
	under.result, under.err = r, err
	close(under.done)
}

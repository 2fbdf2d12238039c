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

// key names everything that a result depends on: program and arguments, limits,
// interpreter, level, the worker's own code and whether it was run twice.
func (p *Pool) key(t task, twice bool) string {
	c := p.config
	content, err := json.Marshal([]any{
		t.Program, t.Args, t.Gate, twice, c.Timeout, c.Memory, c.ValueBytes, c.OutputBytes,
		p.python.Version, p.level.String(), workerHash(),
	})
	if err != nil {
		panic(err) // strings and numbers always marshal
	}
	sum := sha256.Sum256(content)
	return hex.EncodeToString(sum[:])
}

// journaled answers from the journal or runs and records. What the sandbox
// failed at is not recorded: it says nothing of the program.
func (p *Pool) journaled(key string, run func() (azr.Result, error)) (azr.Result, error) {
	journal := p.config.Journal
	if journal == nil {
		return run()
	}
	r, known, err := journal.Lookup(key)
	if err != nil {
		return azr.Result{}, fmt.Errorf("executor.Pool: journal lookup; %w", err)
	}
	if known {
		p.counts.journalHit()
		return r, nil
	}
	if r, err = run(); err != nil || r.Status == azr.Infra {
		return r, err
	}
	if err := journal.Record(key, r); err != nil {
		return azr.Result{}, fmt.Errorf("executor.Pool: journal record; %w", err)
	}
	return r, nil
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
		other := f.join(key)
		if other == nil {
			break
		}
		select {
		case <-other.done:
			if other.err == nil {
				c.sharedRun()
				return other.result, nil
			}
		case <-ctx.Done():
			return azr.Result{}, context.Cause(ctx)
		}
		if ctx.Err() != nil {
			return azr.Result{}, context.Cause(ctx)
		}
	}
	r, err := run()
	f.land(key, r, err)
	return r, err
}

// join returns the flight under way for key, or nil after it has begun one.
func (f *flights) join(key string) *flight {
	f.mu.Lock()
	defer f.mu.Unlock()
	if under := f.byKey[key]; under != nil {
		return under
	}
	if f.byKey == nil {
		f.byKey = map[string]*flight{}
	}
	f.byKey[key] = &flight{done: make(chan struct{})}
	return nil
}

func (f *flights) land(key string, r azr.Result, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	under := f.byKey[key]
	delete(f.byKey, key)
	under.result, under.err = r, err
	close(under.done)
}

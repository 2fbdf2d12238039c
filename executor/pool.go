package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor/literal"
)

var _ azr.Executor = (*Pool)(nil)

// maxProgram bounds a program's source, in bytes.
const maxProgram = 1 << 20

// Pool is an [azr.Executor] over confined Python workers. It is safe for
// concurrent use. Close it, or its workers live as long as the process.
type Pool struct {
	config Config
	python python
	level  Level
	limits literal.Limits

	lanes [2]*lane
	// running has room for as many executions as may run at once.
	running chan struct{}
	flights flights
	counts  counts

	ctx    context.Context
	cancel context.CancelCauseFunc
	users  sync.WaitGroup
	mu     sync.Mutex // guards closing against new users
	closed bool
}

var errClosed = errors.New("executor.Pool: closed")

// Open finds the interpreter and starts a first worker at the strongest level,
// from c.AtMost down to c.Require, at which its self-test passes. The error
// says for each level which mechanism is missing and what gives it.
func Open(ctx context.Context, c Config) (*Pool, error) {
	if err := c.Validate(); err != nil {
		return nil, err
	}
	py, err := findPython(c.Python)
	if err != nil {
		return nil, err
	}
	if py.Libraries, err = findLibraries(ctx, py.Command, c.Libraries); err != nil {
		return nil, err
	}
	level, first, err := strongest(ctx, c, py)
	if err != nil {
		return nil, err
	}
	p := &Pool{
		config: c, python: py, level: level,
		limits:  literal.Limits{Depth: literal.DefaultLimits.Depth, Nodes: literal.DefaultLimits.Nodes, Bytes: c.ValueBytes},
		lanes:   [2]*lane{{seed: seedA}, {seed: seedB}},
		running: make(chan struct{}, c.Slots),
	}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	p.lanes[seedA].put(first)
	return p, nil
}

// Level returns the level that workers run at.
func (p *Pool) Level() Level { return p.level }

// Python returns the interpreter's version, for example "3.11.2", and its file.
func (p *Pool) Python() (version, file string) { return p.python.Version, p.python.Executable }

// Run runs e.Program's f on each of e.Inputs, at most Config.Slots at a time,
// and returns the results in the inputs' order. Each input has a process of its
// own, whether e is Trusted or not. The error is that of ctx, of the journal, or
// of a machine on which workers do not start any more.
func (p *Pool) Run(ctx context.Context, e azr.Execution) ([]azr.Result, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.users.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.ctx, func() { cancel(errClosed) })()

	results := make([]azr.Result, len(e.Inputs))
	var wait sync.WaitGroup
	for i := range e.Inputs {
		wait.Go(func() {
			r, err := p.one(ctx, e, e.Inputs[i])
			if err != nil {
				cancel(err)
			}
			results[i] = r
		})
	}
	wait.Wait()
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for _, r := range results {
		p.counts.result(r.Status)
	}
	return results, nil
}

// enter registers a user whom Close waits for.
func (p *Pool) enter() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return errClosed
	}
	p.users.Add(1)
	return nil
}

// Close stops what is running, whose callers get an error, and ends all
// workers. It returns when no process is left.
func (p *Pool) Close() error {
	p.mu.Lock()
	p.closed = true
	p.mu.Unlock()
	p.cancel(errClosed)
	p.users.Wait()
	for _, l := range p.lanes {
		l.close()
	}
	return nil
}

// one answers for a single input: from its form alone, from the journal, from
// the same execution under way, or by running it.
func (p *Pool) one(ctx context.Context, e azr.Execution, input string) (azr.Result, error) {
	switch {
	case len(e.Program) > maxProgram:
		return azr.Result{Status: azr.Error, Error: "program too long"}, nil
	case !utf8.ValidString(e.Program):
		return azr.Result{Status: azr.Error, Error: "program is not UTF-8"}, nil
	}
	args, err := p.limits.ParseArgs(input)
	if err != nil {
		return azr.Result{Status: azr.BadInput, Error: printable(err.Error())}, nil
	}
	t := task{Program: e.Program, Args: literal.FormatArgs(args), Gate: p.config.Gate && e.Twice}
	key := p.key(t, e.Twice)
	return p.flights.share(ctx, key, &p.counts, func() (azr.Result, error) {
		return p.journaled(key, func() (azr.Result, error) {
			if e.Twice {
				return p.twice(ctx, t)
			}
			return p.execute(ctx, p.lanes[seedA], t)
		})
	})
}

// twice runs the task under both hash seeds and lets pass what they agree on. A
// first run that ended at a limit or at the gate is the verdict already.
func (p *Pool) twice(ctx context.Context, t task) (azr.Result, error) {
	a, err := p.execute(ctx, p.lanes[seedA], t)
	if err != nil || a.Status != azr.OK && a.Status != azr.Error {
		return a, err
	}
	b, err := p.execute(ctx, p.lanes[seedB], t)
	if err != nil || b.Status == azr.Infra || a == b {
		return b, err
	}
	return azr.Result{Status: azr.Nondeterministic, Error: fmt.Sprintf("%s, then %s", a.Status, b.Status)}, nil
}

// execute runs the task on a worker of the lane and reads the value that the child claims.
func (p *Pool) execute(ctx context.Context, l *lane, t task) (azr.Result, error) {
	r, err := p.perform(ctx, l, t)
	if err != nil {
		return azr.Result{}, err
	}
	return r.result(p.limits), nil
}

// perform has a worker of the lane do the task. A task whose worker is lost
// gets one more, a new one; then it is Infra.
func (p *Pool) perform(ctx context.Context, l *lane, t task) (reply, error) {
	select {
	case p.running <- struct{}{}:
		defer func() { <-p.running }()
	case <-ctx.Done():
		return reply{}, context.Cause(ctx)
	}
	var lost error
	for attempt := range 2 {
		s, err := p.worker(ctx, l, attempt > 0)
		if err != nil {
			return reply{}, err
		}
		r, err := s.execute(ctx, t, p.config.Timeout)
		if err == nil {
			l.put(s)
			p.counts.run(r)
			return r, nil
		}
		s.kill()
		p.counts.lostWorker()
		if ctx.Err() != nil {
			return reply{}, context.Cause(ctx)
		}
		lost = err
	}
	return reply{Status: azr.Infra, Error: lost.Error()}, nil
}

// startAttempts is how often a worker is started, with growing pauses, before the machine is given up on.
const startAttempts = 4

// worker takes an idle worker of the lane, unless a fresh one is wanted, or starts one.
func (p *Pool) worker(ctx context.Context, l *lane, fresh bool) (*slot, error) {
	if !fresh {
		if s := l.take(); s != nil {
			return s, nil
		}
	}
	pause := 100 * time.Millisecond
	for attempt := 1; ; attempt++ {
		s, err := startTested(ctx, p.config, p.python, p.level, l.seed)
		if err == nil {
			return s, nil
		}
		if ctx.Err() != nil {
			return nil, context.Cause(ctx)
		}
		if attempt == startAttempts {
			return nil, fmt.Errorf("executor.Pool: workers do not start any more; %w", err)
		}
		select {
		case <-time.After(pause):
			pause *= 2
		case <-ctx.Done():
			return nil, context.Cause(ctx)
		}
	}
}

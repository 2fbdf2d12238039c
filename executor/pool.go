package executor

import (
	"context"
	"errors"
	"fmt"
	"sync"
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
	running  chan struct{}
	underWay underWay
	flights  flights
	cache    *cache
	samples  *samples
	breaker  breaker
	counts   counts

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
	if c.Slots, err = affordableSlots(c.Slots, c.Memory, AvailableMemory()); err != nil {
		return nil, err
	}
	samples, err := openSamples(c.SampleFile)
	if err != nil {
		return nil, err
	}
	level, first, err := strongest(ctx, c, py)
	if err != nil {
		return nil, errors.Join(err, samples.close())
	}
	p := &Pool{
		config: c, python: py, level: level,
		limits:  literal.Limits{Depth: literal.DefaultLimits.Depth, Nodes: literal.DefaultLimits.Nodes, Bytes: int(c.ValueBytes)},
		lanes:   [2]*lane{{seed: seedA}, {seed: seedB}},
		running: make(chan struct{}, c.Slots),
		cache:   newCache(c.CacheEntries), samples: samples,
	}
	p.ctx, p.cancel = context.WithCancelCause(context.Background())
	p.lanes[seedA].put(first)
	p.restock(p.lanes[seedA])
	return p, nil
}

// Slots returns how many programs run at once: Config.Slots, or what memory there is for.
func (p *Pool) Slots() int { return cap(p.running) }

// Level returns the level that workers run at.
func (p *Pool) Level() Level { return p.level }

// Python returns the interpreter's version, for example "3.11.2", and its file.
func (p *Pool) Python() (version, file string) { return p.python.Version, p.python.Executable }

// Run runs e.Program's f on each of e.Inputs, at most Config.Slots at a time,
// and returns the results in the inputs' order. Each input has a process of its
// own, but for those of a Trusted execution, which may share one. The error is
// that of ctx, of the journal, of the sample file, or of a machine on which
// workers do not start any more or die without an end.
func (p *Pool) Run(ctx context.Context, e azr.Execution) ([]azr.Result, error) {
	if err := p.enter(); err != nil {
		return nil, err
	}
	defer p.users.Done()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	defer context.AfterFunc(p.ctx, func() { cancel(errClosed) })()

	results := make([]azr.Result, len(e.Inputs))
	if e.Trusted && len(e.Inputs) > 1 {
		p.runShared(ctx, cancel, e, results)
	} else {
		p.runSingly(ctx, cancel, e, results)
	}
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	for _, r := range results {
		p.counts.result(r)
	}
	return results, nil
}

// runSingly fills in the results, each from a process of its own.
func (p *Pool) runSingly(ctx context.Context, cancel context.CancelCauseFunc, e azr.Execution, results []azr.Result) {
	run := func(i int) {
		r, err := p.one(ctx, e, e.Inputs[i])
		if err != nil {
			cancel(err)
		}
		results[i] = r
	}
	if len(e.Inputs) == 1 { // most often: it takes no other goroutine, which would be on another thread
		run(0)
		return
	}
	var wait sync.WaitGroup
	for i := range e.Inputs {
		wait.Go(func() { run(i) })
	}
	wait.Wait()
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
	return p.samples.close()
}

// one answers for a single input: from its form alone, from memory, from the
// same execution under way, or by running it.
func (p *Pool) one(ctx context.Context, e azr.Execution, input string) (azr.Result, error) {
	t, verdict := p.task(e, input)
	if verdict != nil {
		return *verdict, nil
	}
	key := p.key(t, e.Twice)
	return p.flights.share(ctx, key, &p.counts, func() (azr.Result, error) {
		if r, known, err := p.recall(key); known || err != nil {
			return r, err
		}
		return p.runAndRemember(ctx, key, t, e.Twice)
	})
}

// task reads an input's form; a verdict, if there is one, follows from that alone.
func (p *Pool) task(e azr.Execution, text string) (task, *azr.Result) {
	switch {
	case len(e.Program) > maxProgram:
		return task{}, &azr.Result{Status: azr.Error, Error: "program too long"}
	case !utf8.ValidString(e.Program):
		return task{}, &azr.Result{Status: azr.Error, Error: "program is not UTF-8"}
	}
	args, err := p.limits.ParseArgs(text)
	if err != nil {
		return task{}, &azr.Result{Status: azr.BadInput, Error: printable(err.Error())}
	}
	return task{Program: e.Program, Inputs: []input{newInput(args)}, Gate: p.config.Gate && e.Twice}, nil
}

// runAndRemember runs a task in processes of its own.
func (p *Pool) runAndRemember(ctx context.Context, key string, t task, twice bool) (r azr.Result, err error) {
	if twice {
		r, err = p.twice(ctx, t)
	} else {
		r, err = p.execute(ctx, p.lanes[seedA], t)
	}
	if err != nil {
		return azr.Result{}, err
	}
	return r, p.remember(key, t.Program, r)
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

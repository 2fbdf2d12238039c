package executor

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/azr-train/azr"
)

// perform has a worker of the lane do a task of one input. A task whose worker
// is lost gets one more, a new one; then it is Infra.
func (p *Pool) perform(ctx context.Context, l *lane, t task) (reply, error) {
	const attempts = 2
	rs, lost, err := p.attempt(ctx, l, t, attempts)
	if err != nil {
		return reply{}, err
	}
	if lost != nil {
		return reply{claim: claim{Status: azr.Infra, Error: lost.Error()}}, nil
	}
	return rs[0], nil
}

// attempt waits for a slot and has one worker after the other try the task.
func (p *Pool) attempt(ctx context.Context, l *lane, t task, attempts int) (rs []reply, lost, err error) {
	asked := time.Now()
	select {
	case p.running <- struct{}{}:
		defer func() { <-p.running }()
		defer p.underWay.enter(t.Program)()
	case <-ctx.Done():
		return nil, nil, context.Cause(ctx)
	}
	p.counts.waited(time.Since(asked))
	for attempt := range attempts {
		s, err := p.worker(ctx, l, attempt > 0)
		if err != nil {
			return nil, nil, err
		}
		if rs, lost = s.execute(ctx, t, p.config.Timeout); lost == nil {
			p.breaker.finished()
			p.release(l, s)
			p.counts.ran(t, rs)
			return rs, nil, nil
		}
		s.kill()
		if ctx.Err() != nil {
			p.counts.ended(causeCancelled)
			return nil, nil, context.Cause(ctx)
		}
		p.counts.ended(causeOf(lost))
		p.breaker.died(time.Now(), lost)
	}
	return nil, lost, nil
}

// release gives a worker back that has finished a task, or ends it if it has done enough.
func (p *Pool) release(l *lane, s *slot) {
	if s.tasks < p.config.RecycleAfter && !s.spent {
		l.put(s)
		return
	}
	s.kill()
	p.counts.ended(causeRecycled)
	p.restock(l)
}

// startAttempts is how often a worker is started, with growing pauses, before the machine is given up on.
const startAttempts = 4

// worker takes an idle worker of the lane, unless a fresh one is wanted, or the spare one, or starts one.
func (p *Pool) worker(ctx context.Context, l *lane, fresh bool) (*slot, error) {
	if err := p.breaker.err(); err != nil {
		return nil, err
	}
	if !fresh {
		if s := l.take(); s != nil {
			return s, nil
		}
	}
	defer p.restock(l)
	if s := l.takeSpare(); s != nil {
		return s, nil
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

// restock starts a spare worker of the lane in the background, unless there is
// one. Where that fails there is none: whoever needs a worker finds out why.
func (p *Pool) restock(l *lane) {
	if p.config.Spares == 0 || p.enter() != nil {
		return
	}
	if !l.wantsSpare() {
		p.users.Done()
		return
	}
	go func() {
		defer p.users.Done()
		s, err := startTested(p.ctx, p.config, p.python, p.level, l.seed)
		if err != nil {
			s = nil
		}
		l.stocked(s)
	}()
}

// The causes that workers end by.
const (
	causeHung      = "hung"
	causeDied      = "died"
	causeCancelled = "cancelled"
	causeRecycled  = "recycled"
)

func causeOf(lost error) string {
	if errors.Is(lost, errHung) {
		return causeHung
	}
	return causeDied
}

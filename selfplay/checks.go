package selfplay

import (
	"context"
	"sync"
	"time"

	"github.com/azr-train/azr"
)

// checks asks the Environment about tasks and answers on goroutines, a bounded
// number at a time.
type checks struct {
	env      azr.Environment
	progress azr.Progress
	ctx      context.Context
	cancel   context.CancelFunc
	slots    chan struct{}
	running  sync.WaitGroup
	answers  map[answerKey]*check
	waited   time.Duration
}

// check is one question and, once done is closed, what was said.
type check struct {
	done    chan struct{}
	task    azr.Task
	verdict azr.Verdict
	err     error
}

type answerKey struct{ taskID, answer string }

func newChecks(ctx context.Context, env azr.Environment, progress azr.Progress, workers int) *checks {
	ctx, cancel := context.WithCancel(ctx)
	return &checks{
		env: env, progress: progress, ctx: ctx, cancel: cancel,
		slots: make(chan struct{}, workers), answers: map[answerKey]*check{},
	}
}

// close ends what is still running and returns when it has ended.
func (c *checks) close() {
	c.cancel()
	c.running.Wait()
}

// validate asks whether a proposal is a task, and measures it if it is one.
func (c *checks) validate(task azr.Task, references []azr.Task) *check {
	return c.start(func(k *check) {
		if k.task, k.verdict, k.err = c.env.Validate(c.ctx, task); k.err == nil && k.verdict.Outcome == azr.Pass {
			k.task.Measures, k.err = c.env.Measure(c.ctx, k.task, references)
		}
	})
}

// verify asks whether an answer is right. The same answer to the same task is asked about once.
func (c *checks) verify(task azr.Task, answer string) *check {
	key := answerKey{task.ID, answer}
	if k, ok := c.answers[key]; ok {
		return k
	}
	k := c.start(func(k *check) { k.verdict, k.err = c.env.Verify(c.ctx, task, answer) })
	c.answers[key] = k
	return k
}

func (c *checks) start(ask func(*check)) *check {
	k := &check{done: make(chan struct{})}
	c.progress.Expect(phaseExecute, 1)
	c.running.Go(func() {
		defer close(k.done)
		select {
		case c.slots <- struct{}{}:
			defer func() { <-c.slots }()
		case <-c.ctx.Done():
			k.err = c.ctx.Err()
			return
		}
		ask(k)
		c.progress.Done(phaseExecute, 1)
	})
	return k
}

// wait returns when the check is done.
func (c *checks) wait(k *check) error {
	begin := time.Now()
	<-k.done
	c.waited += time.Since(begin)
	return k.err
}

package executor

import (
	"context"
	"slices"
	"sync"

	"github.com/azr-train/azr"
)

// The inputs that share a child are at most so many, of so many bytes in all.
const (
	maxShared      = 32
	maxSharedBytes = 1 << 20
)

// passenger is an input of a trusted execution on its way to a result.
type passenger struct {
	index  int
	key    string
	task   task
	flight *flight
}

// runShared fills in the results of a trusted execution. Inputs whose result is
// not known yet share children. From the first one on that ends with anything but
// a value or an exception there, each is run again on its own, so that each
// result is what a single run gives.
func (p *Pool) runShared(ctx context.Context, cancel context.CancelCauseFunc, e azr.Execution, results []azr.Result) {
	var lead, follow []passenger
	for i, input := range e.Inputs {
		t, verdict := p.task(e, input)
		if verdict != nil {
			results[i] = *verdict
			continue
		}
		passenger := passenger{index: i, key: p.key(t, e.Twice), task: t}
		under, first := p.flights.join(passenger.key)
		passenger.flight = under
		if first {
			lead = append(lead, passenger)
		} else {
			follow = append(follow, passenger)
		}
	}
	var wait sync.WaitGroup
	for batch := range batches(p.unknown(lead, cancel, results)) {
		wait.Go(func() { p.lead(ctx, cancel, batch, e.Twice, results) })
	}
	wait.Wait() // first: those who follow may wait for flights that this execution began itself
	for _, f := range follow {
		wait.Go(func() {
			r, done, err := f.flight.follow(ctx)
			if done {
				p.counts.sharedRun()
			} else if err == nil {
				r, err = p.one(ctx, e, e.Inputs[f.index])
			}
			if err != nil {
				cancel(err)
			}
			results[f.index] = r
		})
	}
	wait.Wait()
}

// unknown lands what is remembered and returns the rest.
func (p *Pool) unknown(lead []passenger, cancel context.CancelCauseFunc, results []azr.Result) []passenger {
	return slices.DeleteFunc(lead, func(l passenger) bool {
		r, known, err := p.recall(l.key)
		if !known && err == nil {
			return false
		}
		if err != nil {
			cancel(err)
		}
		p.flights.land(l.key, r, err)
		results[l.index] = r
		return true
	})
}

// batches cuts a list into parts that may share a child.
func batches(all []passenger) func(yield func([]passenger) bool) {
	return func(yield func([]passenger) bool) {
		for len(all) > 0 {
			n, size := 0, 0
			for n < len(all) && n < maxShared && (n == 0 || size+len(all[n].task.Inputs[0].Text) <= maxSharedBytes) {
				size += len(all[n].task.Inputs[0].Text)
				n++
			}
			if !yield(all[:n]) {
				return
			}
			all = all[n:]
		}
	}
}

// lead runs a batch and lands its flights, each with a result or an error.
func (p *Pool) lead(ctx context.Context, cancel context.CancelCauseFunc, batch []passenger, twice bool, results []azr.Result) {
	shared, err := p.shareTwice(ctx, batch, twice)
	var wait sync.WaitGroup
	for i, b := range batch {
		wait.Go(func() {
			err := err
			var r azr.Result
			switch {
			case err != nil:
			case shared[i].Status != azr.Infra:
				r = shared[i]
				err = p.remember(b.key, b.task.Program, r)
			default:
				r, err = p.runAndRemember(ctx, b.key, b.task, twice)
			}
			if err != nil {
				cancel(err)
			}
			p.flights.land(b.key, r, err)
			results[b.index] = r
		})
	}
	wait.Wait()
}

// shareTwice returns a result for each of the batch, Infra where it is to be run on its own.
//
// The second run goes through the inputs backwards: a program that keeps
// something from one input for the next gives other values then. If the two runs
// disagree on any input nothing is believed of either.
func (p *Pool) shareTwice(ctx context.Context, batch []passenger, twice bool) ([]azr.Result, error) {
	if len(batch) == 1 {
		return make([]azr.Result, 1), nil
	}
	a, err := p.share(ctx, p.lanes[seedA], batch)
	if err != nil || !twice || a[0].Status == azr.Infra {
		return a, err
	}
	backwards := slices.Clone(batch)
	slices.Reverse(backwards)
	b, err := p.share(ctx, p.lanes[seedB], backwards)
	if err != nil {
		return nil, err
	}
	slices.Reverse(b)
	if !slices.Equal(a, b) {
		clear(a)
	}
	return a, nil
}

// share runs the batch in one child.
func (p *Pool) share(ctx context.Context, l *lane, batch []passenger) ([]azr.Result, error) {
	t := batch[0].task
	t.Inputs = nil
	for _, b := range batch {
		t.Inputs = append(t.Inputs, b.task.Inputs...)
	}
	replies, lost, err := p.attempt(ctx, l, t, 1)
	if err != nil {
		return nil, err
	}
	results := make([]azr.Result, len(batch)) // all of them Infra
	if lost != nil {
		return results, nil
	}
	for i, r := range replies {
		if r.Status == azr.OK || r.Status == azr.Error {
			if result := r.result(p.limits); !suspicious(result) {
				results[i] = result
			}
		}
	}
	return results, nil
}

package parallel

import (
	"context"
	"errors"
	"fmt"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/torch/dist"
)

// Task is what a rank does when rank 0 calls it by its name. decode reads the argument into a pointer.
type Task func(decode func(into any) error) error

// Back, as the name of a task, ends the innermost [Serve] that runs inside a task.
const Back = "back"

// ErrStopped is what rank 0 ends the others with. Where rank 0 failed, it is wrapped with why.
var ErrStopped = errors.New("rank 0 has stopped")

// Await is the argument of the first task that rank 0 calls, before there is an engine to serve with.
func Await(g *dist.Group, task string, into any) error {
	all, err := exchange(g, message{})
	if err != nil {
		return err
	}
	if all[0].Stop {
		return all[0].stopped()
	}
	if all[0].Task != task {
		return unknown(all[0].Task)
	}
	return decode(all[0].Argument, into)
}

// Fail tells rank 0, in its next exchange, why this rank cannot serve, and returns that. If it is the group that failed, there is
// none.
func Fail(g *dist.Group, failure error) error {
	if errors.As(failure, new(*dist.Error)) {
		return failure
	}
	_, err := exchange(g, message{Failure: failure.Error()})
	return errors.Join(failure, err)
}

// Serve does what rank 0 asks for until that stops, see [ErrStopped], or something fails. Inside a task it also ends, with
// nil, when rank 0 calls [Back].
func Serve(ctx context.Context, g *dist.Group, engine Engine, tasks map[string]Task) error {
	s := server{group: g, engine: engine, tasks: tasks}
	for {
		all, err := exchange(g, message{Completions: s.done, Stats: engine.Stats(), Waited: g.Waited()})
		if err != nil {
			return err
		}
		order := all[0]
		s.done = nil
		switch {
		case order.Stop:
			return order.stopped()
		case order.Task == Back:
			return nil
		case order.Task != "":
			err = s.run(order)
		default:
			err = s.play(ctx, order.Prompts[g.Rank])
		}
		if errors.Is(err, ErrStopped) {
			return err
		}
		if err != nil {
			return Fail(g, err)
		}
	}
}

func (m message) stopped() error {
	if m.Failure != "" {
		return fmt.Errorf("%w: %s", ErrStopped, m.Failure)
	}
	return ErrStopped
}

func unknown(task string) error {
	return fmt.Errorf("parallel: rank 0 asks for %q, which this rank does not know; hint: the same azr-train on all ranks", task)
}

// server is a rank that is not 0.
type server struct {
	group  *dist.Group
	engine Engine
	tasks  map[string]Task
	pace   pace
	done   []azr.Completion
}

func (s *server) run(order message) error {
	task, known := s.tasks[order.Task]
	if !known {
		return unknown(order.Task)
	}
	return task(func(into any) error { return decode(order.Argument, into) })
}

// play takes prompts in and does its share.
func (s *server) play(ctx context.Context, prompts []azr.Prompt) error {
	if err := s.engine.Submit(prompts...); err != nil {
		return err
	}
	for !s.pace.over() && s.engine.Pending() > 0 {
		done, err := s.engine.Tick(ctx)
		if err != nil {
			return err
		}
		s.done = append(s.done, done...)
		s.pace.add(s.engine.Stats())
	}
	s.pace.next()
	return nil
}

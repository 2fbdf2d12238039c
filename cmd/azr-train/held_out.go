package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/eval"
	"github.com/azr-train/azr/selfplay/python/generator"
)

// HeldOutConfig says how a run measures itself: on tasks whose programs it may not propose.
type HeldOutConfig struct {
	// Tasks is a file that azr-train tasks make wrote; empty measures nothing (default).
	Tasks string `yaml:"tasks"`
	// Refuse names files of further tasks whose programs may not be proposed either, for example those of a final test (default none).
	Refuse []string `yaml:"refuse"`
	// RefuseFrom is the least number of statements of a program that may not be proposed (default 2: of one statement there
	// may be too few to play without).
	RefuseFrom int `yaml:"refuse_from"`
	// Every so many steps, before the first and after the last (default 10); answers are greedy.
	Every int `yaml:"every"`
	// MaxTokens of an answer (default 256).
	MaxTokens int `yaml:"max_tokens"`
}

// Validate returns the first setting that makes no sense.
func (c HeldOutConfig) Validate() error {
	switch {
	case c.Every < 1:
		return fmt.Errorf("config: held_out.every is too small; got %d, want at least 1", c.Every)
	case c.RefuseFrom < 1:
		return fmt.Errorf("config: held_out.refuse_from is too small; got %d, want at least 1", c.RefuseFrom)
	case c.MaxTokens < 1:
		return fmt.Errorf("config: held_out.max_tokens is too small; got %d, want at least 1", c.MaxTokens)
	}
	return nil
}

// readHeldOut reads the tasks that the run measures itself on, and those that it may not propose either.
func (s *session) readHeldOut() (err error) {
	if s.heldOut, err = s.tasksIn(s.config.HeldOut.Tasks); err != nil {
		return err
	}
	s.refused = s.heldOut
	for _, file := range s.config.HeldOut.Refuse {
		more, err := s.tasksIn(file)
		if err != nil {
			return err
		}
		s.refused = slices.Concat(s.refused, more)
	}
	return nil
}

// tasksIn are the tasks of a file of the run's world; none of no file.
func (s *session) tasksIn(file string) ([]azr.Task, error) {
	if file == "" {
		return nil, nil
	}
	tasks, err := eval.Tasks(file)
	if err != nil {
		return nil, err
	}
	return tasks, recognize(s.env, file, tasks)
}

// holdOut keeps the held-out programs out of the game.
func (s *session) holdOut(ctx context.Context) error {
	refused := slices.DeleteFunc(slices.Clone(s.refused), func(t azr.Task) bool { return t.Measures.Size > 0 && t.Measures.Size < s.config.HeldOut.RefuseFrom })
	programs, err := generator.Keys(ctx, s.env, refused)
	s.game.HoldOut(programs)
	return err
}

// bestKey is where a checkpoint's state has the best step so far.
const bestKey = "best"

// best is the step with the highest accuracy on all held-out tasks, the first of several; 0 before one was measured that has
// learned anything.
type best struct {
	Step     int     `json:"step"`
	Accuracy float64 `json:"accuracy"`
}

func (b *best) see(step int, accuracy float64) {
	if step > 0 && accuracy > b.Accuracy {
		*b = best{step, accuracy}
	}
}

// measure adds the accuracy on the held-out tasks to a record, in the steps in which that is due. It draws nothing
// that the game draws, so a run that measures itself learns the same.
func (s *session) measure(ctx context.Context, r azr.StepRecord) error {
	if len(s.heldOut) == 0 || r.Step%s.config.HeldOut.Every != 0 && r.Step != s.last {
		return nil
	}
	s.phases.enter(r.Step, phaseMeasuring)
	start := time.Now()
	settings := eval.DefaultConfig()
	settings.Sampling.MaxTokens = s.config.HeldOut.MaxTokens
	var report eval.Report
	err := s.averaged(func() (err error) {
		s.engine.Forget()
		report, err = eval.Run(ctx, ticking{s.sampler(), s.phases}, s.env, s.heldOut, settings, s.progress)
		s.engine.Forget()
		return err
	})
	if err != nil {
		return err
	}
	maps.Copy(r.Metrics, report.Metrics("held_out/"))
	s.best.see(r.Step, r.Metrics["held_out/all/accuracy"])
	r.Timings["held_out_seconds"] = time.Since(start).Seconds()
	return nil
}

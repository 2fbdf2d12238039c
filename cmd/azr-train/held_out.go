package main

import (
	"context"
	"fmt"
	"maps"
	"time"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/eval"
	"github.com/azr-train/azr/selfplay/python/generator"
)

// HeldOutConfig says how a run measures itself: on tasks whose programs it may not propose.
type HeldOutConfig struct {
	// Tasks is a file that azr-train tasks make wrote; empty measures nothing (default).
	Tasks string `yaml:"tasks"`
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
	case c.MaxTokens < 1:
		return fmt.Errorf("config: held_out.max_tokens is too small; got %d, want at least 1", c.MaxTokens)
	}
	return nil
}

// readHeldOut reads the tasks that the run measures itself on.
func (s *session) readHeldOut() (err error) {
	file := s.config.HeldOut.Tasks
	if file == "" {
		return nil
	}
	if s.heldOut, err = eval.Tasks(file); err != nil {
		return err
	}
	return recognize(s.env, file, s.heldOut)
}

// holdOut keeps the held-out programs out of the game. Programs of one statement are too few to be kept apart.
func (s *session) holdOut(ctx context.Context) error {
	var larger []azr.Task
	for _, task := range s.heldOut {
		if task.Measures.Size != 1 {
			larger = append(larger, task)
		}
	}
	programs, err := generator.Keys(ctx, s.env, larger)
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
	s.folder.enter(r.Step, phaseMeasuring)
	start := time.Now()
	settings := eval.DefaultConfig()
	settings.Sampling.MaxTokens = s.config.HeldOut.MaxTokens
	var report eval.Report
	err := s.trainer.Averaged(func() (err error) {
		s.engine.Forget()
		report, err = eval.Run(ctx, s.engine, s.env, s.heldOut, settings, s.display)
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

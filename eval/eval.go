package eval

import (
	"context"
	"fmt"
	"sync"

	"github.com/azr-train/azr"
)

// Config says how tasks are answered.
type Config struct {
	// Sampling says how answers are drawn; stop strings are the Environment's to set. Default: greedy, 1024 tokens.
	Sampling azr.Sampling `yaml:"sampling"`
	// Rollouts is the number of answers to each task. Default 1; more than one needs a temperature.
	Rollouts int `yaml:"rollouts"`
	// Workers bounds how many answers are verified at once. Default 16. It never changes a result.
	Workers int `yaml:"workers"`
}

// DefaultConfig returns the defaults.
func DefaultConfig() Config {
	return Config{Sampling: azr.Sampling{TopP: 1, MaxTokens: 1024}, Rollouts: 1, Workers: 16}
}

// Validate returns the first setting that makes no sense.
func (c Config) Validate() error {
	switch {
	case c.Rollouts < 1:
		return fmt.Errorf("eval.Config: rollouts; got %d, want at least 1", c.Rollouts)
	case !(c.Sampling.Temperature >= 0 && c.Sampling.Temperature <= 100):
		return fmt.Errorf("eval.Config: temperature is out of range; got %v, want 0 to 100", c.Sampling.Temperature)
	case c.Rollouts > 1 && c.Sampling.Temperature == 0:
		return fmt.Errorf("eval.Config: rollouts; got %d at temperature 0, where all answers are the same; want 1, or a temperature", c.Rollouts)
	case c.Sampling.MaxTokens < 1:
		return fmt.Errorf("eval.Config: max_tokens is too small; got %d, want at least 1", c.Sampling.MaxTokens)
	case c.Workers < 1:
		return fmt.Errorf("eval.Config: workers; got %d, want at least 1", c.Workers)
	}
	return nil
}

// Answer is one completion and its judgement.
type Answer struct {
	ID     azr.SampleID `json:"id"`
	TaskID string       `json:"task_id"`
	// Text is the completion, Answer what was parsed from it.
	Text           string      `json:"text"`
	Answer         string      `json:"answer,omitempty"`
	Finish         azr.Finish  `json:"finish"`
	Verdict        azr.Verdict `json:"verdict"`
	ResponseTokens int         `json:"response_tokens"`
}

// Run has each task answered and the answers verified. Progress is told of the
// phases "solve" and "execute".
func Run(ctx context.Context, gen azr.Generator, env azr.Environment, tasks []azr.Task, cfg Config, progress azr.Progress) (Report, error) {
	const op = "eval.Run"
	if err := cfg.Validate(); err != nil {
		return Report{}, err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r := &run{
		env: env, progress: progress, tasks: tasks, rollouts: cfg.Rollouts,
		answers: make([]Answer, len(tasks)*cfg.Rollouts), places: map[azr.SampleID]int{},
		slots: make(chan struct{}, cfg.Workers), fail: cancel,
	}
	prompts := r.prompts(cfg.Sampling)
	progress.Expect("solve", len(prompts))
	err := gen.Submit(prompts...)
	for err == nil && gen.Pending() > 0 {
		var completions []azr.Completion
		if completions, err = gen.Tick(ctx); err != nil {
			break
		}
		for _, c := range completions {
			if err = r.answered(ctx, c); err != nil {
				break
			}
		}
	}
	if err != nil {
		cancel(err)
	}
	r.verifying.Wait()
	if cause := context.Cause(ctx); cause != nil {
		return Report{}, fmt.Errorf("%s: %w", op, cause)
	}
	return newReport(cfg, tasks, r.answers), nil
}

// run is the state of a Run. Answer i*rollouts+k is the k-th of task i.
type run struct {
	env       azr.Environment
	progress  azr.Progress
	tasks     []azr.Task
	rollouts  int
	answers   []Answer
	places    map[azr.SampleID]int // of answers still to come
	slots     chan struct{}
	verifying sync.WaitGroup
	fail      context.CancelCauseFunc
}

// prompts asks for every answer.
func (r *run) prompts(sampling azr.Sampling) []azr.Prompt {
	var prompts []azr.Prompt
	for i, task := range r.tasks {
		prompt := r.env.SolvePrompt(task)
		stop := prompt.Sampling.Stop
		prompt.Sampling = sampling
		prompt.Sampling.Stop = stop
		for k := range r.rollouts {
			prompt.ID = azr.SampleID{Purpose: azr.Evaluating, Type: task.Type, Index: i, Rollout: k}
			r.places[prompt.ID] = i*r.rollouts + k
			prompts = append(prompts, prompt)
		}
	}
	return prompts
}

// answered reads a finished completion and has its answer verified.
func (r *run) answered(ctx context.Context, c azr.Completion) error {
	place, ok := r.places[c.ID]
	if !ok {
		return fmt.Errorf("the generator returned a completion that nobody waits for; got %s", c.ID)
	}
	delete(r.places, c.ID)
	r.progress.Done("solve", 1)
	task, a := r.tasks[place/r.rollouts], &r.answers[place]
	*a = Answer{ID: c.ID, TaskID: task.ID, Text: c.Text, Finish: c.Finish, ResponseTokens: len(c.IDs)}
	switch c.Finish {
	case azr.PromptTooLong:
		a.Verdict = azr.Verdict{Outcome: azr.Unchecked, Reason: "prompt too long"}
	case azr.Truncated:
		a.Verdict = azr.Verdict{Outcome: azr.Malformed, Reason: "truncated"}
	default:
		if a.Answer, a.Verdict = r.env.ParseAnswer(task, c.Text); a.Verdict.Outcome == azr.Pass {
			r.verify(ctx, task, a)
		}
	}
	return nil
}

// verify judges an answer on a goroutine.
func (r *run) verify(ctx context.Context, task azr.Task, a *Answer) {
	r.progress.Expect("execute", 1)
	r.verifying.Go(func() {
		select {
		case r.slots <- struct{}{}:
			defer func() { <-r.slots }()
		case <-ctx.Done():
			return
		}
		verdict, err := r.env.Verify(ctx, task, a.Answer)
		if err != nil {
			r.fail(err)
			return
		}
		a.Verdict = verdict
		r.progress.Done("execute", 1)
	})
}

package main

import (
	"context"
	"fmt"
	"slices"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/selfplay/terms"
)

// EnvironmentConfig says which world of tasks is played in. Its other keys are Python's.
type EnvironmentConfig struct {
	// World of the tasks: python (default), or terms: arithmetic over one number, for which no program is run. Of the
	// other keys of this section, terms knows induction_inputs alone.
	World string `yaml:"world"`
	python.Config
}

// The worlds of [EnvironmentConfig].
const (
	pythonWorld = "python"
	termsWorld  = "terms"
)

// Validate returns the first setting that cannot be played with.
func (c EnvironmentConfig) Validate() error {
	if c.World != pythonWorld && c.World != termsWorld {
		return fmt.Errorf("config: unknown environment.world; got %q, want %q or %q", c.World, pythonWorld, termsWorld)
	}
	return c.Config.Validate()
}

// shares tells whether answers to tasks of a type may be right in part.
func (c EnvironmentConfig) shares(t azr.TaskType) bool {
	return c.World == pythonWorld && t == azr.Induction && c.InductionVerdict == python.ShareHidden
}

// has tells whether the tasks are of a world, asked for in a style.
func (c EnvironmentConfig) has(style python.Style) bool {
	return c.World == pythonWorld && c.Style == style
}

// validateTerms refuses what the world of terms does not have.
func (c Config) validateTerms() error {
	switch {
	case c.Environment.World != termsWorld:
		return nil
	case slices.Contains(c.Game.TaskTypes, azr.ErrorPrediction):
		return fmt.Errorf("config: environment.world terms has no tasks of game.task_types error; want some of %v", azr.TaskTypes)
	case c.Game.Composite.StartStep > 0:
		return fmt.Errorf("config: environment.world terms has no functions to call; got game.composite.start_step %d, want 0", c.Game.Composite.StartStep)
	case len(c.Environment.Seeds) > 0:
		return fmt.Errorf("config: environment.world terms takes no seeds, which are Python programs; got %q", c.Environment.Seeds)
	}
	return nil
}

// environment is a world of tasks with the hashes of its prompts.
type environment interface {
	azr.Environment
	TemplateHashes() map[string]string
}

// openEnvironment opens the configured world, and the executor if it runs programs; else pool is nil.
func openEnvironment(ctx context.Context, config Config) (env environment, pool *executor.Pool, err error) {
	if config.Environment.World == termsWorld {
		env, err = terms.New(config.Environment.InductionInputs)
		return env, nil, err
	}
	if pool, err = executor.Open(ctx, config.Executor); err != nil {
		return nil, nil, err
	}
	if env, err = python.New(config.Environment.Config, pool); err != nil {
		pool.Close()
		return nil, nil, err
	}
	return env, pool, nil
}

// recognize refuses tasks of a file that an environment tells to be none of its own.
func recognize(env azr.Environment, file string, tasks []azr.Task) error {
	choosy, ok := env.(interface{ Recognize(azr.Task) error })
	if !ok {
		return nil
	}
	for i, task := range tasks {
		if err := choosy.Recognize(task); err != nil {
			return fmt.Errorf("%s: task %d: %w", file, i+1, err)
		}
	}
	return nil
}

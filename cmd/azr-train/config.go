package main

import (
	"fmt"
	"runtime"

	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/selfplay"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/trainer"
)

// Config is a run's whole configuration: a few keys of its own and a section for each package.
type Config struct {
	// Model is the Hugging Face folder that the run begins with; --model sets it.
	Model string `yaml:"model"`
	// Seed keys every random draw of the run (default 0).
	Seed uint64 `yaml:"seed"`
	// Steps of self-play (default 500, as in the paper).
	Steps int `yaml:"steps"`
	// Device is cpu, cuda, cuda:N or auto: the first CUDA device that this libtorch can use, else the CPU (default auto).
	Device string `yaml:"device"`
	// Threads of a tensor op on the CPU; 0 takes the machine's cores (default 0).
	Threads     int              `yaml:"threads"`
	Game        selfplay.Config  `yaml:"game"`
	Environment python.Config    `yaml:"environment"`
	Executor    executor.Config  `yaml:"executor"`
	Rollout     rollout.Config   `yaml:"rollout"`
	Trainer     trainer.Config   `yaml:"trainer"`
	Checkpoint  CheckpointConfig `yaml:"checkpoint"`
	HeldOut     HeldOutConfig    `yaml:"held_out"`
	Controls    Controls         `yaml:"controls"`
}

// HeldOutConfig says how a run measures itself: on tasks whose programs it may not propose.
type HeldOutConfig struct {
	// Tasks is a file that azr-train tasks make wrote; empty measures nothing (default).
	Tasks string `yaml:"tasks"`
	// Every so many steps, before the first and after the last (default 10); answers are greedy.
	Every int `yaml:"every"`
	// MaxTokens of an answer (default 256).
	MaxTokens int `yaml:"max_tokens"`
}

// CheckpointConfig says when checkpoints are written. The last step always has one.
type CheckpointConfig struct {
	// Every so many steps (default 10).
	Every int `yaml:"every"`
	// Keep so many of the newest; 0 keeps all (default 2).
	Keep int `yaml:"keep"`
}

func defaultConfig() Config {
	return Config{
		Steps: 500, Device: "auto",
		Game: selfplay.DefaultConfig(), Environment: python.DefaultConfig(), Executor: executor.DefaultConfig(),
		Rollout: rollout.DefaultConfig(), Trainer: trainer.DefaultConfig(),
		Checkpoint: CheckpointConfig{Every: 10, Keep: 2}, HeldOut: HeldOutConfig{Every: 10, MaxTokens: 256},
		Controls: Controls{Frozen: notFrozen},
	}
}

// validate checks every section, so that a run fails before it begins.
func (c Config) validate() error {
	switch {
	case c.Steps < 0:
		return fmt.Errorf("config: steps is negative; got %d, want 0 or more", c.Steps)
	case c.Threads < 0 || c.Threads > 4*runtime.NumCPU():
		return fmt.Errorf("config: threads out of range; got %d, want 0 to %d", c.Threads, 4*runtime.NumCPU())
	case c.Checkpoint.Every < 1:
		return fmt.Errorf("config: checkpoint.every is too small; got %d, want at least 1", c.Checkpoint.Every)
	case c.HeldOut.Every < 1 || c.HeldOut.MaxTokens < 1:
		return fmt.Errorf("config: held_out.every and held_out.max_tokens are too small; got %d and %d, want at least 1", c.HeldOut.Every, c.HeldOut.MaxTokens)
	case c.Checkpoint.Keep < 0:
		return fmt.Errorf("config: checkpoint.keep is negative; got %d, want 0 or more", c.Checkpoint.Keep)
	}
	if err := c.Controls.validate(); err != nil {
		return err
	}
	for _, section := range []interface{ Validate() error }{c.Game, c.Environment, c.Executor, c.Rollout, c.Trainer} {
		if err := section.Validate(); err != nil {
			return err
		}
	}
	return c.validateAlgorithm()
}

// validateAlgorithm refuses an algorithm that compares answers where a prompt has only one.
func (c Config) validateAlgorithm() error {
	several := c.Game.SolveRollouts > 1 || c.Game.ReuseEstimates && c.Game.Rollouts > 1
	if c.Trainer.Algorithm.NeedsGroups() && !several {
		return fmt.Errorf("config: trainer.algorithm %s compares several answers to a prompt; got game.solve_rollouts 1, want 2 or more, or game.reuse_estimates",
			c.Trainer.Algorithm)
	}
	return nil
}

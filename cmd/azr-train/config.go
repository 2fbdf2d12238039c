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
	Threads int `yaml:"threads"`
	// Memory bounds what tensors may hold together on the CPU: weights, gradients, moments, cache and activations.
	// An update that does not fit is made with smaller micro-batches, a cache with fewer slots. 0 sets no bound,
	// and Linux ends a process that takes too much (default 0).
	Memory      executor.Bytes   `yaml:"memory"`
	Game        selfplay.Config  `yaml:"game"`
	Environment python.Config    `yaml:"environment"`
	Executor    executor.Config  `yaml:"executor"`
	Rollout     rollout.Config   `yaml:"rollout"`
	Trainer     trainer.Config   `yaml:"trainer"`
	Checkpoint  CheckpointConfig `yaml:"checkpoint"`
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
		Checkpoint: CheckpointConfig{Every: 10, Keep: 2},
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
	case c.Checkpoint.Keep < 0:
		return fmt.Errorf("config: checkpoint.keep is negative; got %d, want 0 or more", c.Checkpoint.Keep)
	}
	for _, section := range []interface{ Validate() error }{c.Game, c.Environment, c.Executor, c.Rollout, c.Trainer} {
		if err := section.Validate(); err != nil {
			return err
		}
	}
	return nil
}

package main

import (
	"fmt"
	"runtime"
	"slices"

	"github.com/urfave/cli/v2"

	"github.com/azr-train/azr"
	"github.com/azr-train/azr/configs"
	"github.com/azr-train/azr/executor"
	"github.com/azr-train/azr/model"
	"github.com/azr-train/azr/rollout"
	"github.com/azr-train/azr/selfplay"
	"github.com/azr-train/azr/selfplay/python"
	"github.com/azr-train/azr/torch"
	"github.com/azr-train/azr/trainer"
)

// Config is a run's whole configuration: a few keys of its own and a section for each package.
type Config struct {
	// Model is what the run begins with: a Hugging Face folder, or a name in the local Hugging Face cache.
	Model string `yaml:"model"`
	// Seed keys every random draw of the run (default 0).
	Seed uint64 `yaml:"seed"`
	// Steps of self-play (default 500, as in the paper).
	Steps int `yaml:"steps"`
	// SampledTokens ends the run after the step in which its completions have come to so many tokens, before its number of
	// steps; 0 does not (default).
	SampledTokens int `yaml:"sampled_tokens"`
	// DType of the weights, in rollouts and updates: f32, or bf16 for half the memory, on GPUs and CPUs that multiply it;
	// see trainer.rounding (default f32 on CPUs, bf16 on GPUs that are fast at it).
	DType torch.DType `yaml:"dtype"`
	// LoRA trains adapters beside the weights, which stay as they are: less memory, and checkpoints of some megabytes.
	LoRA model.LoRA `yaml:"lora"`
	// BadUpdates is how many updates in a row may be left out since a loss or gradients are not finite; with one more the run
	// ends (default 3).
	BadUpdates int `yaml:"bad_updates"`
	// Device is cpu, cuda, cuda:N or auto: the first CUDA device that this libtorch can use, else the CPU (default auto).
	Device string `yaml:"device"`
	// Threads of a tensor op on the CPU; 0 takes the machine's cores (default 0).
	Threads int `yaml:"threads"`
	// Memory bounds what tensors may hold together on the CPU: weights, gradients, moments, cache and activations.
	// An update that does not fit is made with smaller micro-batches, a smaller cache. 0 sets no bound,
	// and Linux ends a process that takes too much (default 0).
	Memory executor.Bytes `yaml:"memory"`
	// Game says how propose and solve are played and rewarded.
	Game selfplay.Config `yaml:"game"`
	// Environment says which world of tasks is played in, how they are asked for and which are accepted.
	Environment EnvironmentConfig `yaml:"environment"`
	// Executor says how programs are run in the sandbox.
	Executor executor.Config `yaml:"executor"`
	// Rollout sizes the running batch of completions.
	Rollout rollout.Config `yaml:"rollout"`
	// Trainer has the constants of the update.
	Trainer trainer.Config `yaml:"trainer"`
	// Checkpoint says when checkpoints are written; the last step always has one.
	Checkpoint CheckpointConfig `yaml:"checkpoint"`
	// Watchdog says after how long without any progress a run counts as stuck.
	Watchdog WatchdogConfig `yaml:"watchdog"`
	// HeldOut says on which tasks a run measures itself.
	HeldOut HeldOutConfig `yaml:"held_out"`
	// Controls take something away from a run, to tell what its gain comes from.
	Controls Controls `yaml:"controls"`
}

// CheckpointConfig says when checkpoints are written. The last step always has one.
type CheckpointConfig struct {
	// Every so many steps (default 10).
	Every int `yaml:"every"`
	// Keep so many of the newest, beside that of the step with the highest accuracy on held-out tasks, if the run measures itself;
	// 0 keeps all (default 2).
	Keep int `yaml:"keep"`
}

// layFlags are the flags that stand for a key, where a command has them.
var layFlags = []struct{ flag, key string }{
	{"model", "model"}, {"steps", "steps"}, {"seed", "seed"}, {"device", "device"},
	{"require", "executor.require"}, {"timeout", "executor.timeout"}, {"memory", "executor.memory"},
}

// layConfig lays over the defaults what each --config names, in order, then the flags, then each --set.
func layConfig(c *cli.Context) (Config, *configs.Layers, error) {
	config := defaultConfig()
	layers := configs.Over(&config)
	for _, name := range c.StringSlice("config") {
		if err := layers.File(name); err != nil {
			return config, layers, err
		}
	}
	for _, f := range layFlags {
		if c.IsSet(f.flag) {
			if err := layers.SetText("--"+f.flag, f.key, fmt.Sprint(c.Value(f.flag))); err != nil {
				return config, layers, err
			}
		}
	}
	for _, setting := range c.StringSlice("set") {
		if err := layers.Set("--set", setting); err != nil {
			return config, layers, err
		}
	}
	if err := config.chooseDType(layers); err != nil {
		return config, layers, err
	}
	return config, layers, config.validate()
}

// layOver lays presets or files, and then settings, over what config points to.
func layOver(config any, presetsOrFiles, settings []string) (*configs.Layers, error) {
	layers := configs.Over(config)
	for _, name := range presetsOrFiles {
		if err := layers.File(name); err != nil {
			return layers, err
		}
	}
	for _, setting := range settings {
		if err := layers.Set("--set", setting); err != nil {
			return layers, err
		}
	}
	return layers, nil
}

// chooseDType takes bf16 where nobody has chosen and the device multiplies it fast.
func (c *Config) chooseDType(layers *configs.Layers) error {
	device, err := torch.ParseDevice(c.Device)
	if err != nil || layers.Origin("dtype") != "" || !torch.FastBF16(device) {
		return nil // a device that is not there is refused where it is used
	}
	return layers.SetText(device.String(), "dtype", torch.BF16.String())
}

func defaultConfig() Config {
	return Config{
		Steps: 500, LoRA: model.DefaultLoRA(), Device: "auto", BadUpdates: 3,
		Game: selfplay.DefaultConfig(), Environment: EnvironmentConfig{pythonWorld, python.DefaultConfig()}, Executor: executor.DefaultConfig(),
		Rollout: rollout.DefaultConfig(), Trainer: trainer.DefaultConfig(),
		Checkpoint: CheckpointConfig{Every: 10, Keep: 2}, HeldOut: HeldOutConfig{RefuseFrom: 2, Every: 10, MaxTokens: 256},
		Controls: Controls{Frozen: notFrozen}, Watchdog: defaultWatchdog(),
	}
}

// validate checks every section, so that a run fails before it begins.
func (c Config) validate() error {
	switch {
	case c.Steps < 0:
		return fmt.Errorf("config: steps is negative; got %d, want 0 or more", c.Steps)
	case c.Threads < 0 || c.Threads > 4*runtime.NumCPU():
		return fmt.Errorf("config: threads out of range; got %d, want 0 to %d", c.Threads, 4*runtime.NumCPU())
	case c.SampledTokens < 0:
		return fmt.Errorf("config: sampled_tokens is negative; got %d, want 0 or more", c.SampledTokens)
	case c.BadUpdates < 0:
		return fmt.Errorf("config: bad_updates is negative; got %d, want 0 or more", c.BadUpdates)
	case c.Checkpoint.Every < 1:
		return fmt.Errorf("config: checkpoint.every is too small; got %d, want at least 1", c.Checkpoint.Every)
	case c.Checkpoint.Keep < 0:
		return fmt.Errorf("config: checkpoint.keep is negative; got %d, want 0 or more", c.Checkpoint.Keep)
	}
	for _, section := range []interface{ Validate() error }{c.LoRA, c.HeldOut, c.Controls, c.Watchdog, c.Game, c.Environment, c.Executor, c.Rollout, c.Trainer} {
		if err := section.Validate(); err != nil {
			return err
		}
	}
	return c.validateTogether()
}

// validateTogether refuses sections that do not go together.
func (c Config) validateTogether() error {
	if err := c.Trainer.ValidateFor(c.DType); err != nil {
		return err
	}
	several := c.Game.SolveRollouts > 1 || c.Game.ReuseEstimates && c.Game.Rollouts > 1
	switch {
	case c.Trainer.Algorithm.NeedsGroups() && !several:
		return fmt.Errorf("config: trainer.algorithm %s compares several answers to a prompt; got game.solve_rollouts 1, want 2 or more, or game.reuse_estimates",
			c.Trainer.Algorithm)
	case c.Environment.has(python.Trace) && slices.Contains(c.Game.TaskTypes, azr.ErrorPrediction):
		return fmt.Errorf("config: environment.style trace has no prompts for game.task_types error; want chat or completion")
	}
	if trace := c.Environment.has(python.Trace); trace && c.Game.Composite.StartStep > 0 {
		return fmt.Errorf("config: environment.style trace does not show functions to call; got game.composite.start_step %d, want 0, or style chat or completion", c.Game.Composite.StartStep)
	} else if trace && c.Game.Size.Request == selfplay.SizeAbsolute {
		return fmt.Errorf("config: environment.style trace asks for no number of statements; got game.size.request absolute, want relative or off")
	}
	if len(c.Environment.Seeds) > 0 && c.Game.SeedFactor == 0 {
		return fmt.Errorf("config: environment.seeds have no room; got game.seed_factor 0, want at least 1")
	}
	return c.validateTerms()
}

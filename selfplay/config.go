package selfplay

import (
	"fmt"

	"github.com/azr-train/azr"
)

// Config says how the game is played. [DefaultConfig] has the paper's values.
type Config struct {
	// BatchSize B is the number of proposals, and of tasks to solve, for each task type in a step. Default 64.
	BatchSize int `yaml:"batch_size"`
	// References K is how many tasks a proposer of deduction or abduction is shown to differ from. Default 6.
	// A proposer of induction is shown one program.
	References int `yaml:"references"`
	// Rollouts n is how often a valid proposal is tried to estimate its learnability (equation 4). Default 8.
	Rollouts int `yaml:"rollouts"`
	// ReuseEstimates trains the solver on the n estimates of a valid proposal instead of on one fresh answer. Default false.
	ReuseEstimates bool `yaml:"reuse_estimates"`
	// MaxTasks bounds each buffer; the oldest task leaves first. Default 16384.
	MaxTasks int `yaml:"max_tasks"`
	// SeedFactor S: seeding ends when each buffer has BatchSize × S tasks. Default 4; 0 starts from the identity function alone.
	SeedFactor int `yaml:"seed_factor"`
	// SeedPasses bounds seeding: at most so many rounds of BatchSize proposals for each type. Default 16.
	SeedPasses int `yaml:"seed_passes"`
	// DuplicateReward says what a valid proposal earns that is in its buffer already (a copied reference is), or
	// that an earlier proposal of the step made too. Default invalid.
	DuplicateReward DuplicateReward `yaml:"duplicate_reward"`
	// VerdictDelay d is the number of ticks after which a proposal's verdict is consumed. Default 8.
	VerdictDelay int `yaml:"verdict_delay"`
	// Workers bounds how many tasks and answers are checked at once. Default 16. It never changes a result.
	Workers int `yaml:"workers"`
	// Rewards are the constants of equations 4 to 6.
	Rewards Rewards `yaml:"rewards"`
	// Propose says how proposals are drawn. Default, here and below: temperature 1, no truncation of the
	// distribution, 8096 tokens. Stop strings are the Environment's to set.
	Propose azr.Sampling `yaml:"propose"`
	// Estimate says how the rollouts are drawn that estimate a proposal's learnability.
	Estimate azr.Sampling `yaml:"estimate"`
	// Solve says how the answers are drawn that the solver learns from.
	Solve azr.Sampling `yaml:"solve"`
	// Seed says how proposals are drawn while the buffers are filled before the first step.
	Seed azr.Sampling `yaml:"seed"`
}

// DuplicateReward is a rule for proposals that are not new.
type DuplicateReward string

const (
	// DuplicateInvalid pays for a duplicate what an invalid proposal gets and does not estimate it. The paper has no
	// such rule; without it a weak proposer soon only copies.
	DuplicateInvalid DuplicateReward = "invalid"
	// DuplicateLearnability pays for a duplicate like for any other valid task, as the paper and its code do.
	DuplicateLearnability DuplicateReward = "learnability"
)

// DefaultConfig returns the paper's settings, but for DuplicateReward.
func DefaultConfig() Config {
	sampling := azr.Sampling{Temperature: 1, TopP: 1, MaxTokens: 8096}
	return Config{
		BatchSize:       64,
		References:      6,
		Rollouts:        8,
		MaxTasks:        16384,
		SeedFactor:      4,
		SeedPasses:      16,
		DuplicateReward: DuplicateInvalid,
		VerdictDelay:    8,
		Workers:         16,
		Rewards:         DefaultRewards(),
		Propose:         sampling,
		Estimate:        sampling,
		Solve:           sampling,
		Seed:            sampling,
	}
}

// Validate returns the first setting that cannot be played with.
func (c Config) Validate() error {
	for _, f := range []struct {
		key        string
		value, min int
	}{
		{"batch_size", c.BatchSize, 1},
		{"references", c.References, 0},
		{"rollouts", c.Rollouts, 1},
		{"max_tasks", c.MaxTasks, 1},
		{"seed_factor", c.SeedFactor, 0},
		{"seed_passes", c.SeedPasses, 1},
		{"verdict_delay", c.VerdictDelay, 0},
		{"workers", c.Workers, 1},
	} {
		if f.value < f.min {
			return fmt.Errorf("selfplay.Config: %s is too small; got %d, want at least %d", f.key, f.value, f.min)
		}
	}
	if target := c.BatchSize * c.SeedFactor; target > c.MaxTasks {
		return fmt.Errorf("selfplay.Config: seeds do not fit in a buffer; got batch_size × seed_factor = %d, want at most max_tasks = %d", target, c.MaxTasks)
	}
	switch c.DuplicateReward {
	case DuplicateInvalid, DuplicateLearnability:
	default:
		return fmt.Errorf("selfplay.Config: unknown duplicate_reward; got %q, want %q or %q", c.DuplicateReward, DuplicateInvalid, DuplicateLearnability)
	}
	if err := c.Rewards.validate(); err != nil {
		return err
	}
	for _, s := range []struct {
		key string
		azr.Sampling
	}{{"propose", c.Propose}, {"estimate", c.Estimate}, {"solve", c.Solve}, {"seed", c.Seed}} {
		if err := validateSampling(s.key, s.Sampling); err != nil {
			return err
		}
	}
	return c.validateTemperatures()
}

// validateTemperatures refuses greedy sampling where it would make no sense: all rollouts of an estimate would
// be one (W6), and there is no update towards a token that was not drawn.
func (c Config) validateTemperatures() error {
	for _, s := range []struct {
		key string
		azr.Sampling
	}{{"propose", c.Propose}, {"estimate", c.Estimate}, {"solve", c.Solve}} {
		if s.Temperature == 0 {
			return fmt.Errorf("selfplay.Config: %s.temperature is 0; want above 0: these samples are drawn to learn from or to count", s.key)
		}
	}
	return nil
}

func validateSampling(key string, s azr.Sampling) error {
	switch {
	case !(s.Temperature >= 0 && s.Temperature <= 100):
		return fmt.Errorf("selfplay.Config: %s.temperature is out of range; got %v, want 0 to 100", key, s.Temperature)
	case !(s.TopP > 0 && s.TopP <= 1):
		return fmt.Errorf("selfplay.Config: %s.top_p is out of range; got %v, want more than 0 and at most 1", key, s.TopP)
	case s.TopK < 0:
		return fmt.Errorf("selfplay.Config: %s.top_k is negative; got %d, want 0 (all tokens) or more", key, s.TopK)
	case s.MaxTokens < 1:
		return fmt.Errorf("selfplay.Config: %s.max_tokens is too small; got %d, want at least 1", key, s.MaxTokens)
	case len(s.Stop) > 0:
		return fmt.Errorf("selfplay.Config: %s.stop is set; got %q, want none: the prompts' templates come with their stop strings", key, s.Stop)
	}
	return nil
}

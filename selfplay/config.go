package selfplay

import (
	"errors"
	"fmt"
	"slices"

	"github.com/azr-train/azr"
)

// Config says how the game is played. [DefaultConfig] has the paper's values.
type Config struct {
	// TaskTypes are the types that are played: deduction, abduction and induction (default), and error. Induction
	// takes its programs from deduction and abduction.
	TaskTypes []azr.TaskType `yaml:"task_types"`
	// BatchSize B is the number of proposals, and of tasks to solve, for each task type in a step. Default 64.
	BatchSize int `yaml:"batch_size"`
	// References K is how many tasks a proposer is shown to differ from. Default 6. A proposer of induction is shown one program.
	References int `yaml:"references"`
	// IncludeReferences shows them at all, but for induction. Default true.
	IncludeReferences bool `yaml:"include_references"`
	// ReferenceSampling is uniform (default) or recency.
	ReferenceSampling ReferenceSampling `yaml:"reference_sampling"`
	// SolveBatch says which tasks are solved in a step: fresh (default), max_new, half_new, uniform or recency.
	SolveBatch SolveBatch `yaml:"solve_batch"`
	// SolveWindow is how many steps ago a task is new to max_new and half_new. Default 1.
	SolveWindow int `yaml:"solve_window"`
	// Rollouts n is how often a valid proposal is tried to estimate its learnability (equation 4). Default 8.
	Rollouts int `yaml:"rollouts"`
	// SolveRollouts is how many answers to each task of the solve batch are learnt from. Default 1.
	SolveRollouts int `yaml:"solve_rollouts"`
	// ReuseEstimates trains the solver on the n estimates of a valid proposal instead of on fresh answers. Default false.
	ReuseEstimates bool `yaml:"reuse_estimates"`
	// TrainPropose learns from proposals; without it they are made and paid, but not learnt from. Default true.
	TrainPropose bool `yaml:"train_propose"`
	// PretrainSolveSteps is the number of first steps in which nothing is proposed and the buffers alone are solved. Default 0.
	PretrainSolveSteps int `yaml:"pretrain_solve_steps"`
	// MaxTasks bounds each buffer; the oldest task leaves first. Default 16384.
	MaxTasks int `yaml:"max_tasks"`
	// SeedFactor S: seeding ends when each buffer has BatchSize × S tasks. Default 4; 0 starts from the identity function alone.
	SeedFactor int `yaml:"seed_factor"`
	// SeedPasses bounds seeding: at most so many rounds of BatchSize proposals for each type. Default 16.
	SeedPasses int `yaml:"seed_passes"`
	// ProgramFilter says which valid tasks enter the buffers: all (default), non_one or non_extremes.
	ProgramFilter ProgramFilter `yaml:"program_filter"`
	// Duplicates says which tasks are the same: none, text (default), ast, program or skeleton. Only one of them enters a buffer.
	Duplicates Duplicates `yaml:"duplicates"`
	// DuplicateReward says what a valid proposal earns that is in its buffer already (a copied reference is), or
	// that an earlier proposal of the step made too: invalid (default) or learnability. With Duplicates none it is learnability.
	DuplicateReward DuplicateReward `yaml:"duplicate_reward"`
	// VerdictDelay d is the number of ticks after which a proposal's verdict is consumed. Default 8.
	VerdictDelay int `yaml:"verdict_delay"`
	// Workers bounds how many tasks and answers are checked at once. Default 16. It never changes a result.
	Workers int `yaml:"workers"`
	// Size is what proposers are asked for beside the type. Default off.
	Size Sizes `yaml:"size"`
	// Composite asks proposers to build on programs of the buffer. Default off.
	Composite Composite `yaml:"composite"`
	// Collapse says when to warn that proposals have become all alike.
	Collapse Collapse `yaml:"collapse"`
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
		TaskTypes: []azr.TaskType{azr.Deduction, azr.Abduction, azr.Induction},
		BatchSize: 64, References: 6, IncludeReferences: true, ReferenceSampling: ReferencesUniform,
		SolveBatch: SolveFresh, SolveWindow: 1, Rollouts: 8, SolveRollouts: 1, TrainPropose: true,
		MaxTasks: 16384, SeedFactor: 4, SeedPasses: 16,
		ProgramFilter: FilterAll, Duplicates: DuplicatesText, DuplicateReward: DuplicateInvalid,
		VerdictDelay: 8, Workers: 16,
		Size: defaultSizes(), Composite: defaultComposite(), Collapse: defaultCollapse(), Rewards: DefaultRewards(),
		Propose: sampling, Estimate: sampling, Solve: sampling, Seed: sampling,
	}
}

// mostCount bounds every count: more is a slip of the pen, and would fill the memory before anything is played.
const mostCount = 1 << 20

// Validate returns the first setting that cannot be played with.
func (c Config) Validate() error {
	for _, f := range []struct {
		key        string
		value, min int
	}{
		{"batch_size", c.BatchSize, 1},
		{"references", c.References, 0},
		{"solve_window", c.SolveWindow, 0},
		{"rollouts", c.Rollouts, 1},
		{"solve_rollouts", c.SolveRollouts, 1},
		{"pretrain_solve_steps", c.PretrainSolveSteps, 0},
		{"max_tasks", c.MaxTasks, 1},
		{"seed_factor", c.SeedFactor, 0},
		{"seed_passes", c.SeedPasses, 1},
		{"verdict_delay", c.VerdictDelay, 0},
		{"workers", c.Workers, 1},
	} {
		if f.value < f.min {
			return fmt.Errorf("selfplay.Config: %s is too small; got %d, want at least %d", f.key, f.value, f.min)
		}
		if f.value > mostCount {
			return fmt.Errorf("selfplay.Config: %s is too large; got %d, want at most %d", f.key, f.value, mostCount)
		}
	}
	if target := c.BatchSize * c.SeedFactor; target > c.MaxTasks {
		return fmt.Errorf("selfplay.Config: seeds do not fit in a buffer; got batch_size × seed_factor = %d, want at most max_tasks = %d", target, c.MaxTasks)
	}
	for _, check := range []func() error{
		c.validateTypes, c.validateChoices, c.Size.validate, c.Composite.validate, c.Collapse.validate, c.Rewards.validate, c.validateSampling,
	} {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}

func (c Config) validateTypes() error {
	types := slices.Clone(c.TaskTypes)
	slices.Sort(types)
	switch {
	case len(types) == 0 || len(slices.Compact(types)) < len(c.TaskTypes):
		return fmt.Errorf("selfplay.Config: task_types is empty or names one twice; got %v, want some of %v", c.TaskTypes, azr.AllTaskTypes)
	case slices.Contains(types, azr.Induction) && !slices.Contains(types, azr.Deduction) && !slices.Contains(types, azr.Abduction):
		return fmt.Errorf("selfplay.Config: induction takes its programs from deduction and abduction; got task_types %v, want one of the two beside it", c.TaskTypes)
	}
	return nil
}

// validateChoices refuses unknown words and choices that contradict each other.
func (c Config) validateChoices() error {
	for _, f := range []struct {
		key, value string
		known      []string
	}{
		{"reference_sampling", string(c.ReferenceSampling), []string{string(ReferencesUniform), string(ReferencesRecent)}},
		{"solve_batch", string(c.SolveBatch), []string{string(SolveFresh), string(SolveMaxNew), string(SolveHalfNew), string(SolveUniform), string(SolveRecent)}},
		{"program_filter", string(c.ProgramFilter), []string{string(FilterAll), string(FilterNonOne), string(FilterNonExtremes)}},
		{"duplicates", string(c.Duplicates), []string{string(DuplicatesNone), string(DuplicatesText), string(DuplicatesAST), string(DuplicatesProgram), string(DuplicatesSkeleton)}},
		{"duplicate_reward", string(c.DuplicateReward), []string{string(DuplicateInvalid), string(DuplicateLearnability)}},
	} {
		if !slices.Contains(f.known, f.value) {
			return fmt.Errorf("selfplay.Config: unknown %s; got %q, want one of %q", f.key, f.value, f.known)
		}
	}
	switch {
	case c.ReuseEstimates && c.SolveBatch != SolveFresh:
		return fmt.Errorf("selfplay.Config: reuse_estimates takes the answers to fresh tasks; got solve_batch %s, want fresh", c.SolveBatch)
	case c.Size.Request == SizeRelative && (!c.IncludeReferences || c.References == 0):
		return fmt.Errorf("selfplay.Config: size.request relative needs references; got include_references %t and references %d", c.IncludeReferences, c.References)
	case c.Composite.StartStep > 0 && c.Size.Request != SizeOff:
		return errors.New("selfplay.Config: composite.start_step and size.request exclude each other: a composite has the size of what it calls")
	}
	return nil
}

func (c Config) validateSampling() error {
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

// refuseDuplicates tells whether a duplicate counts as an invalid proposal.
func (c Config) refuseDuplicates() bool {
	return c.DuplicateReward == DuplicateInvalid && c.Duplicates != DuplicatesNone
}

// leastDrawn is the temperature, and the top_p, below which the likeliest token is all there is.
const leastDrawn = 0.01

// validateTemperatures refuses greedy sampling where it would make no sense: all rollouts of an estimate would
// be one (W6), and there is no update towards a token that was not drawn.
func (c Config) validateTemperatures() error {
	for _, s := range []struct {
		key string
		azr.Sampling
	}{{"propose", c.Propose}, {"estimate", c.Estimate}, {"solve", c.Solve}} {
		const drawn = "these samples are drawn to learn from or to count"
		switch {
		case s.Temperature < leastDrawn:
			return fmt.Errorf("selfplay.Config: %s.temperature is greedy; got %g, want at least %g: %s", s.key, s.Temperature, leastDrawn, drawn)
		case s.TopP < leastDrawn:
			return fmt.Errorf("selfplay.Config: %s.top_p is greedy; got %g, want at least %g: %s", s.key, s.TopP, leastDrawn, drawn)
		case s.TopK == 1:
			return fmt.Errorf("selfplay.Config: %s.top_k is greedy; got 1, want 0 (all tokens) or at least 2: %s", s.key, drawn)
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

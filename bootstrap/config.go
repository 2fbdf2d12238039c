package bootstrap

import (
	"fmt"
	"slices"
)

// Config says what a starter is taught. Sizes are numbers of statements.
type Config struct {
	// Steps of supervised learning (default 2500), of Batch demonstrations each (default 64).
	Steps int `yaml:"steps"`
	Batch int `yaml:"batch"`
	// Sizes of the programs to choose from, uniformly: a size that is named more often is shown more often
	// (default 1, 1, 2, 2, 2, 3). No program of another size is ever shown, to the solver or the proposer.
	Sizes []int `yaml:"sizes"`
	// InductionSizes are those of the programs to be found from examples (default 1, 1, 2).
	InductionSizes []int `yaml:"induction_sizes"`
	// Mix weighs the six groups, solve before propose (default 5, 5, 1.2, 0.7, 0.7, 0.3).
	Mix Mix `yaml:"mix"`
	// Lively is the share of programs in which every statement changes something (default 0.9).
	Lively float64 `yaml:"lively"`
	// Dead is the share of the programs to work through in which some statements are dead: nothing reads what they
	// assign, and the trace leaves them out (default 0.6). A model that has to find the next line by what it reads, not
	// by its place, has a chance with longer programs.
	Dead float64 `yaml:"dead"`
	// Direct is the share of answers that are given without a trace, up to step DirectFrom, and DirectLast that from
	// then on, which sets the habit (default 0, 0, 0: all are traces).
	Direct     float64 `yaml:"direct"`
	DirectFrom int     `yaml:"direct_from"`
	DirectLast float64 `yaml:"direct_last"`
}

// Mix is a weight for each group of demonstrations.
type Mix struct {
	SolveDeduction   float64 `yaml:"solve_deduction"`
	SolveAbduction   float64 `yaml:"solve_abduction"`
	SolveInduction   float64 `yaml:"solve_induction"`
	ProposeDeduction float64 `yaml:"propose_deduction"`
	ProposeAbduction float64 `yaml:"propose_abduction"`
	ProposeInduction float64 `yaml:"propose_induction"`
}

// DefaultConfig returns the defaults given at each field.
func DefaultConfig() Config {
	return Config{
		Steps: 2500, Batch: 64, Sizes: []int{1, 1, 2, 2, 2, 3}, InductionSizes: []int{1, 1, 2}, Lively: 0.9, Dead: 0.6,
		Mix: Mix{5, 5, 1.2, 0.7, 0.7, 0.3},
	}
}

// Validate returns the first setting that makes no sense.
func (c Config) Validate() error {
	switch {
	case c.Steps < 1 || c.Batch < 1:
		return fmt.Errorf("bootstrap.Config: steps and batch are too small; got %d and %d, want at least 1", c.Steps, c.Batch)
	case len(c.Sizes) == 0 || len(c.InductionSizes) == 0:
		return fmt.Errorf("bootstrap.Config: no sizes; got %v and %v, want at least one each", c.Sizes, c.InductionSizes)
	case slices.Min(c.Sizes) < 1 || slices.Min(c.InductionSizes) < 1 || max(slices.Max(c.Sizes), slices.Max(c.InductionSizes)) > MaxSize:
		return fmt.Errorf("bootstrap.Config: sizes out of range; got %v and %v, want 1 to %d", c.Sizes, c.InductionSizes, MaxSize)
	}
	total := 0.0
	for _, w := range c.Mix.weights() {
		if !(w >= 0 && w < 1e9) {
			return fmt.Errorf("bootstrap.Config: a weight of mix is out of range; got %v, want 0 or more", w)
		}
		total += w
	}
	if total == 0 {
		return fmt.Errorf("bootstrap.Config: mix has no weight; want one above 0")
	}
	for _, share := range []float64{c.Lively, c.Dead, c.Direct, c.DirectLast} {
		if !(share >= 0 && share <= 1) {
			return fmt.Errorf("bootstrap.Config: a share is out of range; got %v, want 0 to 1", share)
		}
	}
	return nil
}

// MaxSize is the largest program of the generator: it has a letter for each variable.
const MaxSize = 7

// weights in the order of [azr.Groups] with the solver first.
func (m Mix) weights() []float64 {
	return []float64{m.SolveDeduction, m.SolveAbduction, m.SolveInduction, m.ProposeDeduction, m.ProposeAbduction, m.ProposeInduction}
}

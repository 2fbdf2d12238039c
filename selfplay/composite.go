package selfplay

import (
	"fmt"

	"github.com/azr-train/azr"
)

// Composite says when a proposer must build on programs of the buffer, which its
// own then calls (composite functions). Off by default: the authors saw no gain.
type Composite struct {
	// StartStep is the first step with composite requests; 0 never (default 0).
	StartStep int `yaml:"start_step"`
	// Chance that a proposal of any type but induction is one (default 0.5).
	Chance float64 `yaml:"chance"`
	// Min is the fewest programs to call; the number is drawn uniformly (default 1).
	Min int `yaml:"min"`
	// Max is the most programs to call (default 2). There is no composite request where the prompt shows no more
	// than Max references.
	Max int `yaml:"max"`
	// RaiseEvery so many steps after StartStep, Max grows by 1 and Chance by ChanceStep; 0 never (default 0).
	RaiseEvery int `yaml:"raise_every"`
	// MaxLimit is what Max grows up to (default 3).
	MaxLimit int `yaml:"max_limit"`
	// ChanceStep is what Chance grows by (default 0.01).
	ChanceStep float64 `yaml:"chance_step"`
	// ChanceLimit is what Chance grows up to (default 0.8).
	ChanceLimit float64 `yaml:"chance_limit"`
}

func defaultComposite() Composite {
	return Composite{Chance: 0.5, Min: 1, Max: 2, MaxLimit: 3, ChanceStep: 0.01, ChanceLimit: 0.8}
}

func (c Composite) validate() error {
	switch {
	case c.StartStep < 0 || c.RaiseEvery < 0:
		return fmt.Errorf("selfplay.Config: composite.start_step or composite.raise_every is negative; got %d and %d, want 0 or more", c.StartStep, c.RaiseEvery)
	case c.Min < 1 || c.Max < c.Min:
		return fmt.Errorf("selfplay.Config: composite.min and composite.max are no range; got %d and %d, want 1 <= min <= max", c.Min, c.Max)
	case !(c.Chance >= 0 && c.Chance <= 1 && c.ChanceLimit >= 0 && c.ChanceLimit <= 1 && c.ChanceStep >= 0):
		return fmt.Errorf("selfplay.Config: composite.chance, chance_step or chance_limit is no chance; got %v, %v and %v, want 0 to 1",
			c.Chance, c.ChanceStep, c.ChanceLimit)
	}
	return nil
}

// at returns the chance and the largest number of programs of a step.
func (c Composite) at(step int) (chance float64, most int) {
	if c.StartStep == 0 || step < c.StartStep {
		return 0, 0
	}
	if c.RaiseEvery == 0 {
		return c.Chance, c.Max
	}
	raises := (step - c.StartStep) / c.RaiseEvery
	return min(c.Chance+float64(raises)*c.ChanceStep, max(c.Chance, c.ChanceLimit)), min(c.Max+raises, max(c.Max, c.MaxLimit))
}

// helpers draws the programs that a proposal must call; none for most.
func (g *Game) helpers(id azr.SampleID, references int) []azr.Task {
	chance, most := g.cfg.Composite.at(id.Step)
	rng := azr.NewKey(g.seed, fmt.Sprintf("helpers of %s", id)).Rand()
	if id.Type == azr.Induction || references <= most || rng.Float64() >= chance {
		return nil
	}
	var pool []azr.Task
	for _, t := range g.buffers[id.Type].tasks {
		if t.Measures.Standalone {
			pool = append(pool, t)
		}
	}
	count := g.cfg.Composite.Min + rng.IntN(most-g.cfg.Composite.Min+1)
	if len(pool) < count {
		return nil
	}
	return pick(pool, distinct(rng, len(pool), count))
}

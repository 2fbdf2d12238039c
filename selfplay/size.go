package selfplay

import (
	"fmt"
	"slices"

	"github.com/azr-train/azr"
)

// SizeRequest says whether a proposer is asked for a size.
type SizeRequest string

const (
	// SizeOff leaves the size to the proposer, as the paper does.
	SizeOff SizeRequest = "off"
	// SizeAbsolute asks for a number.
	SizeAbsolute SizeRequest = "absolute"
	// SizeRelative asks for the size of the last reference, or one more: it can lead beyond all sizes seen so far.
	SizeRelative SizeRequest = "relative"
)

// Sizes says which [azr.Measures].Size proposers of all types but induction are
// asked for. A proposal of another size has not the required format. Without
// such a request a weak solver draws its proposer to the smallest programs.
type Sizes struct {
	// Request is off (default), absolute or relative.
	Request SizeRequest `yaml:"request"`
	// Min is the smallest size that is asked for, uniformly up to Max. Default 1.
	Min int `yaml:"min"`
	// Max is the largest size that is asked for. Default 3.
	Max int `yaml:"max"`
	// Grow makes Max the first maximum N of a type, to be raised by one as the solver gets good at it. N is then
	// asked for with chance Top, N-1 with chance Next, and else any size up to N. Default false.
	Grow bool `yaml:"grow"`
	// Limit is what N grows up to. Default 5.
	Limit int `yaml:"limit"`
	// Top is the chance of asking for N. Default 0.45.
	Top float64 `yaml:"top"`
	// Next is the chance of asking for N-1. Default 0.25.
	Next float64 `yaml:"next"`
	// Threshold is the solve rate above which N rises, over the estimates of the newest tasks of size N. Default 0.5.
	Threshold float64 `yaml:"threshold"`
	// Evidence is how many estimates that takes at least. Default 60.
	Evidence int `yaml:"evidence"`
	// Window is how many of the newest estimates count. Default 120.
	Window int `yaml:"window"`
}

func defaultSizes() Sizes {
	return Sizes{Request: SizeOff, Min: 1, Max: 3, Limit: 5, Top: 0.45, Next: 0.25, Threshold: 0.5, Evidence: 60, Window: 120}
}

func (s Sizes) validate() error {
	switch {
	case s.Request != SizeOff && s.Request != SizeAbsolute && s.Request != SizeRelative:
		return fmt.Errorf("selfplay.Config: unknown size.request; got %q, want %q, %q or %q", s.Request, SizeOff, SizeAbsolute, SizeRelative)
	case s.Min < 1 || s.Max < s.Min:
		return fmt.Errorf("selfplay.Config: size.min and size.max are no range; got %d and %d, want 1 <= min <= max", s.Min, s.Max)
	case s.Grow && s.Request == SizeOff:
		return fmt.Errorf("selfplay.Config: size.grow needs a request; got size.request off, want absolute or relative")
	case s.Grow && s.Limit < s.Max:
		return fmt.Errorf("selfplay.Config: size.limit is below size.max; got %d and %d", s.Limit, s.Max)
	case !(s.Top >= 0 && s.Next >= 0 && s.Top+s.Next <= 1):
		return fmt.Errorf("selfplay.Config: size.top and size.next are no chances; got %v and %v, want two numbers from 0 with a sum of at most 1", s.Top, s.Next)
	case !(s.Threshold >= 0 && s.Threshold <= 1):
		return fmt.Errorf("selfplay.Config: size.threshold is out of range; got %v, want 0 to 1", s.Threshold)
	case s.Evidence < 1 || s.Window < s.Evidence:
		return fmt.Errorf("selfplay.Config: size.evidence and size.window are no range; got %d and %d, want 1 <= evidence <= window", s.Evidence, s.Window)
	}
	return nil
}

// sizer holds the largest size that proposers of a type are asked for. It is a function of the tasks that were
// kept, in order, so a game that goes on from a store has the sizer that it stopped with.
type sizer struct {
	cfg      Sizes
	rollouts int // behind each solve rate
	max      int
	rates    []float64 // solve rates of tasks of size max, oldest first
}

func newSizer(cfg Config) *sizer {
	return &sizer{cfg: cfg.Size, rollouts: cfg.Rollouts, max: cfg.Size.Max}
}

// learn takes the new tasks of a step and raises the maximum, at most by one.
func (s *sizer) learn(tasks []azr.Task) {
	if !s.cfg.Grow || s.max >= s.cfg.Limit {
		return
	}
	for _, t := range tasks {
		if t.Measures.Size == s.max && t.SolveRate >= 0 {
			s.rates = append(s.rates, t.SolveRate)
		}
	}
	recent := s.rates[max(0, len(s.rates)-max(1, s.cfg.Window/s.rollouts)):]
	sum := 0.0
	for _, rate := range recent {
		sum += rate
	}
	if len(recent)*s.rollouts >= s.cfg.Evidence && sum > s.cfg.Threshold*float64(len(recent)) {
		s.max++
		s.rates = nil
	}
}

// replay takes all tasks of a type that were ever kept, step by step.
func (s *sizer) replay(tasks []azr.Task) {
	for len(tasks) > 0 {
		n := slices.IndexFunc(tasks, func(t azr.Task) bool { return t.Step != tasks[0].Step })
		if n < 0 {
			n = len(tasks)
		}
		s.learn(tasks[:n])
		tasks = tasks[n:]
	}
}

// draw returns the size to ask for, given two uniform numbers.
func (s *sizer) draw(u, v float64) int {
	if s.cfg.Grow {
		switch {
		case u < s.cfg.Top:
			return s.max
		case u < s.cfg.Top+s.cfg.Next:
			return max(s.cfg.Min, s.max-1)
		}
	}
	return s.cfg.Min + int(v*float64(s.max-s.cfg.Min+1))
}

package trainer

import (
	"math"
	"slices"

	"github.com/azr-train/azr"
)

// Algorithm is how rewards become advantages.
type Algorithm string

// estimators are the algorithms by name; each has a file of its own. An estimator returns one advantage a sample.
var estimators = map[Algorithm]func(samples []azr.Sample, w Whitening) []float64{
	TaskRelative:        taskRelative,
	ReinforcePlusPlus:   reinforcePlusPlus,
	ReinforceLeaveOne:   reinforceLeaveOneOut,
	GroupRelativePolicy: groupRelative,
}

// NeedsGroups tells whether an algorithm compares several answers to one prompt.
func (a Algorithm) NeedsGroups() bool { return a == ReinforceLeaveOne || a == GroupRelativePolicy }

// Advantages of samples by the configured algorithm; proposers' are then multiplied by ProposerWeight, and with
// PositivesOnly a solver's below 0 become 0. The advantage of a sample to imitate is its reward.
func (c Config) Advantages(samples []azr.Sample) []float64 {
	drawn := slices.DeleteFunc(slices.Clone(samples), func(s azr.Sample) bool { return s.Imitate })
	estimated := estimators[c.Algorithm](drawn, c.Whitening)
	advantages := make([]float64, len(samples))
	for i, s := range samples {
		if s.Imitate {
			advantages[i] = s.Reward
			continue
		}
		advantages[i], estimated = estimated[0], estimated[1:]
		switch {
		case s.Group.Role == azr.Propose:
			advantages[i] *= c.ProposerWeight
		case c.PositivesOnly:
			advantages[i] = max(0, advantages[i])
		}
	}
	return advantages
}

// momentsOf the rewards of the samples that key puts together.
func momentsOf[K comparable](samples []azr.Sample, key func(azr.Sample) K, weight func(azr.Sample) float64) map[K]*moment {
	moments := map[K]*moment{}
	for _, s := range samples {
		m := moments[key(s)]
		if m == nil {
			m = &moment{}
			moments[key(s)] = m
		}
		m.add(s.Reward, weight(s))
	}
	return moments
}

// whiten returns (r - mean) / deviation within each group of samples that key makes. A group of equal rewards has
// advantages 0.
func whiten[K comparable](samples []azr.Sample, key func(azr.Sample) K, weight func(azr.Sample) float64) []float64 {
	moments := momentsOf(samples, key, weight)
	advantages := make([]float64, len(samples))
	for i, s := range samples {
		m := moments[key(s)]
		if deviation := m.deviation(); deviation > 0 {
			advantages[i] = (s.Reward - m.mean) / deviation
		}
	}
	return advantages
}

// peers is the key of the samples that GRPO and RLOO compare: a solver's answers to one prompt. A proposer is asked
// each prompt once, so all proposals of a task type are peers.
type peers struct {
	group  azr.Group
	prompt azr.SampleID
}

func peersOf(s azr.Sample) peers {
	if s.Group.Role == azr.Propose {
		return peers{group: s.Group}
	}
	return peers{s.Group, s.ID.Prompt()}
}

func (w Whitening) weight(s azr.Sample) float64 {
	if w == ByToken {
		return float64(len(s.ResponseIDs))
	}
	return 1
}

// moment is a running weighted mean and sum of squared differences from it.
type moment struct{ weight, mean, squares float64 }

func (m *moment) add(x, weight float64) {
	if weight == 0 {
		return
	}
	m.weight += weight
	d := x - m.mean
	m.mean += d * (weight / m.weight) // so that equal values have a mean of exactly that value
	m.squares += weight * d * (x - m.mean)
}

// deviation is the population standard deviation; differences that are mere rounding count as none.
func (m *moment) deviation() float64 {
	if m.weight == 0 {
		return 0
	}
	if d := math.Sqrt(m.squares / m.weight); d > 1e-12*math.Abs(m.mean) {
		return d
	}
	return 0
}

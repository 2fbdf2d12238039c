package trainer

import (
	"math"

	"github.com/azr-train/azr"
)

// Advantages computes task-relative REINFORCE++ (paper, equation 8): within each role x task type,
//
//	A = (r - mean of the group's r) / (standard deviation of the group's r)
//
// The mean and the population deviation run over sequences or over response tokens, see [Whitening].
// A group of equal rewards has advantages 0. The advantage of a sample to imitate is its
// reward. The result is aligned with samples.
func Advantages(samples []azr.Sample, w Whitening) []float64 {
	moments := map[azr.Group]*moment{}
	for _, s := range samples {
		if s.Imitate {
			continue
		}
		m := moments[s.Group]
		if m == nil {
			m = &moment{}
			moments[s.Group] = m
		}
		m.add(s.Reward, w.weight(s))
	}
	advantages := make([]float64, len(samples))
	for i, s := range samples {
		if s.Imitate {
			advantages[i] = s.Reward
		} else if deviation := moments[s.Group].deviation(); deviation > 0 {
			advantages[i] = (s.Reward - moments[s.Group].mean) / deviation
		}
	}
	return advantages
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

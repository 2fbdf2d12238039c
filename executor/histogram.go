package executor

import (
	"math"
	"math/bits"
)

// Histogram counts amounts by their power of two: Counts[i] is how many were
// below 2^i and not below 2^(i-1), Counts[0] how many were 0. The last one also
// has what is larger.
type Histogram struct {
	Counts [histogramBuckets]int64 `json:"counts"`
}

const histogramBuckets = 40

func (h *Histogram) add(amount int64) {
	h.Counts[min(bits.Len64(uint64(max(0, amount))), histogramBuckets-1)]++
}

// Total returns how many amounts were counted.
func (h Histogram) Total() int64 {
	var total int64
	for _, n := range h.Counts {
		total += n
	}
	return total
}

// Quantile returns an amount that a share q of all, from 0 to 1, does not
// exceed: the upper end of the bucket in which the share is reached. It is 0 if
// nothing was counted.
func (h Histogram) Quantile(q float64) int64 {
	rank, below := int64(math.Ceil(q*float64(h.Total()))), int64(0)
	for i, n := range h.Counts {
		below += n
		if n > 0 && below >= rank {
			return 1<<i - 1
		}
	}
	return 0
}

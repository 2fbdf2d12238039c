package model

import (
	"fmt"
	"math"
	"slices"
)

// RopeParameters says how positions become angles.
type RopeParameters struct {
	RopeTheta float64 `json:"rope_theta"`
	// RopeType is "default", "linear" (positions divided by Factor) or "llama3".
	RopeType string `json:"rope_type"`
	// Type is the older name of RopeType.
	Type string `json:"type"`
	// Factor divides frequencies: all of them, or with "llama3" the slow ones.
	Factor float64 `json:"factor"`
	// Of "llama3": a frequency is slow if it turns less than LowFreqFactor times within
	// OriginalMaxPositionEmbeddings positions, and fast, left as it is, if more than HighFreqFactor times.
	LowFreqFactor                 float64 `json:"low_freq_factor"`
	HighFreqFactor                float64 `json:"high_freq_factor"`
	OriginalMaxPositionEmbeddings int     `json:"original_max_position_embeddings"`
	// PartialRotaryFactor is the share of a head that is rotated; only 1 is supported, and 0 stands for it.
	PartialRotaryFactor float64 `json:"partial_rotary_factor"`
}

func (r *RopeParameters) fillIn(theta float64) {
	if r.RopeTheta == 0 {
		r.RopeTheta = theta
	}
	if r.RopeType == "" {
		r.RopeType = r.Type
	}
	if r.RopeType == "" {
		r.RopeType = "default"
	}
}

func (r *RopeParameters) check() error {
	if known := []string{"default", "linear", "llama3"}; !slices.Contains(known, r.RopeType) {
		return fmt.Errorf("unsupported rope_type; got %q, want one of %q", r.RopeType, known)
	}
	scaled, llama3 := r.RopeType != "default", r.RopeType == "llama3"
	switch {
	case !(r.RopeTheta > 0):
		return fmt.Errorf("rope_theta out of range; got %g, want above 0", r.RopeTheta)
	case r.PartialRotaryFactor != 0 && r.PartialRotaryFactor != 1:
		return fmt.Errorf("unsupported partial_rotary_factor; got %g, want 1", r.PartialRotaryFactor)
	case scaled && !(r.Factor >= 1):
		return fmt.Errorf("factor of rope_type %q out of range; got %g, want at least 1", r.RopeType, r.Factor)
	case llama3 && !(r.LowFreqFactor > 0 && r.HighFreqFactor > r.LowFreqFactor):
		return fmt.Errorf("low_freq_factor and high_freq_factor out of order; got %g and %g, want 0 < low < high", r.LowFreqFactor, r.HighFreqFactor)
	case llama3 && (r.OriginalMaxPositionEmbeddings < 1 || r.OriginalMaxPositionEmbeddings > largest):
		return fmt.Errorf("original_max_position_embeddings out of range; got %d, want 1 to %d", r.OriginalMaxPositionEmbeddings, largest)
	}
	return nil
}

// scale stretches a frequency (radians a position) for positions beyond those of the first training.
func (r *RopeParameters) scale(frequency float64) float64 {
	switch r.RopeType {
	case "linear":
		return frequency / r.Factor
	case "llama3":
		turns := float64(r.OriginalMaxPositionEmbeddings) * frequency / (2 * math.Pi)
		// From slow to fast, the share of the frequency that stays goes from 0 to 1.
		stays := (turns - r.LowFreqFactor) / (r.HighFreqFactor - r.LowFreqFactor)
		stays = min(max(stays, 0), 1)
		return frequency * (stays + (1-stays)/r.Factor)
	}
	return frequency
}

package model

import (
	"math"

	"github.com/azr-train/azr/torch"
)

// rotary is the table of rotary position embeddings, grown as longer sequences come.
type rotary struct {
	inverseFrequency []float32 // (E/2)
	cos, sin         []float32 // (positions so far, E/2)
}

func newRotary(c Config) rotary {
	half := c.HeadDim / 2
	r := rotary{inverseFrequency: make([]float32, half)}
	for i := range r.inverseFrequency {
		frequency := 1 / math.Pow(c.RopeParameters.RopeTheta, float64(2*i)/float64(c.HeadDim))
		r.inverseFrequency[i] = float32(c.RopeParameters.scale(frequency))
	}
	return r
}

// grow extends the table to n positions. Angles are f32 products, as in the models' training.
func (r *rotary) grow(n int) {
	half := len(r.inverseFrequency)
	for position := len(r.cos) / half; position < n; position++ {
		for _, f := range r.inverseFrequency {
			angle := float64(float32(position) * f)
			r.cos = append(r.cos, float32(math.Cos(angle)))
			r.sin = append(r.sin, float32(math.Sin(angle)))
		}
	}
}

func (r *rotary) angles(s *torch.Scope, positions []int64, dtype torch.DType, device torch.Device) Angles {
	half := int64(len(r.inverseFrequency))
	cos, sin := make([]float32, 0, len(positions)*int(half)), make([]float32, 0, len(positions)*int(half))
	for _, p := range positions {
		r.grow(int(p) + 1)
		cos = append(cos, r.cos[p*half:(p+1)*half]...)
		sin = append(sin, r.sin[p*half:(p+1)*half]...)
	}
	shape := []int64{int64(len(positions)), half}
	return Angles{
		Cos: s.FromFloat32s(cos, device, shape...).To(dtype, device),
		Sin: s.FromFloat32s(sin, device, shape...).To(dtype, device),
	}
}

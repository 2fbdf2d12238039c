package model

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/azr-train/azr/torch"
)

// LoRA is low-rank adaptation (Hu et al. 2021, equation 3): a projection W (out, in) stays as it is, and what is learned
// is beside it,
//
//	y = x Wᵀ + alpha/r (x Aᵀ) Bᵀ,   A (r, in), B (out, r)
//
// B begins at zero, so that a new adapter changes nothing.
type LoRA struct {
	// Rank r of the adapters: 8 to 64 do for most models. 0 trains the weights themselves (default 0).
	Rank int `yaml:"rank"`
	// Alpha over the rank scales what adapters add (default 32).
	Alpha float64 `yaml:"alpha"`
	// Targets are the projections that get one (default all: q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj).
	Targets []string `yaml:"targets"`
}

// maxRank bounds the rank; a larger one has more numbers than what it adapts.
const maxRank = 4096

var projectionNames = []string{"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}

// DefaultLoRA is off, and for all projections where it is on.
func DefaultLoRA() LoRA { return LoRA{Alpha: 32, Targets: slices.Clone(projectionNames)} }

// Validate reports the first value that makes no sense.
func (l LoRA) Validate() error {
	switch {
	case l.Rank < 0 || l.Rank > maxRank:
		return fmt.Errorf("model.LoRA: rank out of range; got %d, want 0 (off) to %d", l.Rank, maxRank)
	case l.Rank > 0 && !(l.Alpha > 0 && l.Alpha <= 1e6):
		return fmt.Errorf("model.LoRA: alpha out of range; got %g, want above 0, at most 1e6", l.Alpha)
	case l.Rank > 0 && len(l.Targets) == 0:
		return fmt.Errorf("model.LoRA: no targets; want some of %q", projectionNames)
	}
	for i, name := range l.Targets {
		if !slices.Contains(projectionNames, name) {
			return fmt.Errorf("model.LoRA: unknown target; got %q, want some of %q", name, projectionNames)
		}
		if slices.Contains(l.Targets[:i], name) {
			return fmt.Errorf("model.LoRA: target %q is named twice", name)
		}
	}
	return nil
}

// adapts tells whether the projection of that name gets an adapter.
func (l LoRA) adapts(p place) bool {
	return l.Rank > 0 && slices.Contains(l.Targets, p.name[strings.LastIndexByte(p.name, '.')+1:])
}

// adapter is what is learned beside a projection.
type adapter struct {
	a, b  *torch.Var // (r, in), (out, r)
	scale float64
}

// of is what the adapter adds (N, out), given the input's product with A (N, r).
func (a *adapter) of(s *torch.Scope, product torch.Tensor) torch.Tensor {
	return product.MulScalar(a.scale).Linear(a.b.In(s))
}

// adapterWeights lists the matrices of d's adapters, under the names that PEFT gives them.
func (d *Decoder) adapterWeights() (list []weight) {
	for i := range d.layers {
		for _, p := range d.projections(i) {
			if p.adapter == nil {
				continue
			}
			name, rank := adapterName(i, p), int64(d.lora.Rank)
			list = append(list,
				weight{name + adapterA, []int64{rank, p.in}, &p.adapter.a},
				weight{name + adapterB, []int64{p.out, rank}, &p.adapter.b})
		}
	}
	return list
}

// Adapt gives d new adapters, which change nothing yet; from then on they are what learns. A is uniform within
// 1/sqrt(in), as PEFT draws it; the draws are a function of rng's state.
func (d *Decoder) Adapt(l LoRA, rng *rand.Rand) (err error) {
	if err := l.Validate(); err != nil {
		return err
	}
	defer torch.Catch(&err)
	d.putAdapters(l)
	s := torch.NewScope()
	defer s.Close()
	for i := range d.layers {
		for _, p := range d.projections(i) {
			if p.adapter == nil {
				continue
			}
			values := make([]float32, int64(l.Rank)*p.in)
			for i := range values {
				values[i] = float32((2*rng.Float64() - 1) / math.Sqrt(float64(p.in)))
			}
			p.adapter.a = s.FromFloat32s(values, d.Device, int64(l.Rank), p.in).To(d.DType, d.Device).Keep()
			p.adapter.b = s.Zeros(d.DType, d.Device, p.out, int64(l.Rank)).Keep()
		}
	}
	return nil
}

// putAdapters gives d's projections adapters that have no storage yet.
func (d *Decoder) putAdapters(l LoRA) {
	d.lora = l
	for i := range d.layers {
		for _, p := range d.projections(i) {
			if l.adapts(p) {
				p.adapter = &adapter{scale: l.Alpha / float64(l.Rank)}
			}
		}
	}
}

// LoRA tells what adapters d has; their rank is 0 if there are none.
func (d *Decoder) LoRA() LoRA { return d.lora }

// Trainable lists what learns: the adapters, or all parameters where there are none.
func (d *Decoder) Trainable() (list []Parameter) {
	if d.lora.Rank == 0 {
		return d.Parameters()
	}
	for _, w := range d.adapterWeights() {
		list = append(list, Parameter{w.name, w.shape, *w.into})
	}
	return list
}

// Merge adds what the adapters add to the weights and drops them: d computes the same up to rounding.
func (d *Decoder) Merge() {
	for i := range d.layers {
		for _, p := range d.projections(i) {
			if p.adapter != nil {
				p.merge()
			}
		}
	}
	d.lora = LoRA{}
}

func (p *projection) merge() {
	s := torch.NewScope()
	defer s.Close()
	torch.NoGrad(func() {
		wide := func(v *torch.Var) torch.Tensor { x := v.In(s); return x.To(torch.F32, x.Device()) }
		p.weight.Set(wide(p.weight).Add(wide(p.adapter.b).MatMul(wide(p.adapter.a)).MulScalar(p.adapter.scale)))
	})
	p.adapter.a.Free()
	p.adapter.b.Free()
	p.adapter = nil
}

package torch

import "github.com/azr-train/azr/torch/internal/capi"

// AdamW holds the constants of one optimiser step; Step counts from 1.
type AdamW = capi.AdamW

// AdamWStep updates params in place from their gradients, with first and second moments m and v of the
// same shapes and dtype (Adam with decoupled weight decay). Params without a gradient are passed over.
func AdamWStep(params, m, v []*Var, o AdamW) {
	const op = "AdamWStep"
	check(op, capi.AdamWStep(varHandles(op, params), varHandles(op, m), varHandles(op, v), o))
}

// Muon holds the constants of one optimiser step.
type Muon struct{ LR, Momentum, WeightDecay float64 }

// MuonStep updates matrices (out, in) in place: their gradient's Nesterov momentum, made orthogonal by five
// Newton-Schulz steps, with decoupled weight decay. Momenta have the params' shapes and dtype. Params without a
// gradient are passed over.
func MuonStep(params, momenta []*Var, o Muon) {
	const op = "MuonStep"
	check(op, capi.MuonStep(varHandles(op, params), varHandles(op, momenta), o.LR, o.Momentum, o.WeightDecay))
}

// Lerp moves each of vars the given share (0 to 1) of the way to the target of the same shape and dtype, in place.
func Lerp(vars, targets []*Var, share float64) {
	const op = "Lerp"
	check(op, capi.Lerp(varHandles(op, vars), varHandles(op, targets), share))
}

// RoundStochastically sets v, in bf16, to values in f32 of the same shape, each rounded up or down at random so that its mean
// is right. The draws are a function of the seed and of the device.
func (v *Var) RoundStochastically(values Tensor, seed uint64) {
	const op = "RoundStochastically"
	check(op, capi.RoundStochastically(v.handle(op), values.handle(op), seed), values)
}

// Exchange exchanges the values of a and b, pair by pair of one shape and dtype.
func Exchange(a, b []*Var) {
	const op = "Exchange"
	check(op, capi.Exchange(varHandles(op, a), varHandles(op, b)))
}

// ClipGradNorm scales the gradients of params by min(1, max / norm) and returns norm, the L2 norm of all
// of them together. A norm that is not finite is returned and nothing is scaled.
func ClipGradNorm(params []*Var, max float64) float64 {
	norm, err := capi.ClipGradNorm(varHandles("ClipGradNorm", params), max)
	check("ClipGradNorm", err)
	return norm
}

// ScaleGrads multiplies the gradients of params, those that have one.
func ScaleGrads(params []*Var, scale float64) {
	check("ScaleGrads", capi.ScaleGrads(varHandles("ScaleGrads", params), scale))
}

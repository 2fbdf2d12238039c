package torch

import (
	"runtime"

	"github.com/azr-train/azr/torch/internal/capi"
)

// NoGrad runs f without recording graphs.
func NoGrad(f func()) {
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	was := capi.GradEnabled()
	capi.SetGradEnabled(false)
	defer capi.SetGradEnabled(was)
	f()
}

// BatchInvariant runs f without recording graphs, with linear layers whose rows do not depend on each other: on the CPU
// in f32 a row has the same bits whatever the other rows are and however many, which libtorch's own products do
// not promise. On other devices and of other types they are libtorch's.
func BatchInvariant(f func()) {
	NoGrad(func() {
		was := capi.BatchInvariant()
		capi.SetBatchInvariant(true)
		defer capi.SetBatchInvariant(was)
		f()
	})
}

// Leaf returns t's values as a leaf of a new graph, whose gradient [Tensor.Grad] reads after Backward.
func (t Tensor) Leaf() Tensor {
	leaf := t.Detach()
	check("Leaf", capi.SetRequiresGrad(leaf.handle("Leaf"), true), t)
	return leaf
}

// Backward adds the gradient of t to the leaves of its graph. grad is the gradient that comes in, of
// t's shape; none means 1 for a scalar t.
func (t Tensor) Backward(grad Tensor) {
	check("Backward", capi.Backward(t.handle("Backward"), grad.orNone("Backward")), t)
}

// Grad is the gradient that Backward accumulated in the leaf t, or none.
func (t Tensor) Grad() Tensor { return t.scope.grad(t.handle("Grad")) }

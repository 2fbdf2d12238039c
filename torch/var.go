package torch

import (
	"github.com/azr-train/azr/torch/internal/capi"
)

// Var owns storage that outlives scopes: a parameter, an optimiser moment, a KV
// buffer. It has no maths; see [Var.In].
type Var struct{ h capi.Handle }

func (v *Var) handle(op string) capi.Handle {
	if v == nil || v.h.IsNil() {
		panic(misuse(op, "var used after Free"))
	}
	return v.h
}

// In is v's view as a Tensor in s: the same storage, and the same leaf of an autograd graph.
func (v *Var) In(s *Scope) Tensor {
	s.mustBeOpen("In")
	h, err := capi.Unary(capi.Alias, v.handle("In"))
	return s.own("In", h, err)
}

// Free releases the handle; storage goes when no graph holds it. Freeing twice does nothing.
func (v *Var) Free() {
	if v != nil && !v.h.IsNil() {
		capi.FreeMany([]capi.Handle{v.h})
		v.h = capi.Handle{}
	}
}

// Shape returns the sizes of v's dimensions.
func (v *Var) Shape() []int64 { return capi.Shape(v.handle("Shape")) }

// DType returns v's element type.
func (v *Var) DType() DType { return DType(capi.DType(v.handle("DType"))) }

// Release gives the memory of v's elements back, also where a graph holds them. Until [Var.Restore] nothing may look at them.
func (v *Var) Release() { check("Release", capi.ReleaseStorage(v.handle("Release"))) }

// Restore gives v, after [Var.Release], memory for its elements, which are undefined.
func (v *Var) Restore() { check("Restore", capi.RestoreStorage(v.handle("Restore"))) }

// RequireGrad makes v a leaf whose gradient Backward accumulates (or stops that).
func (v *Var) RequireGrad(on bool) {
	check("RequireGrad", capi.SetRequiresGrad(v.handle("RequireGrad"), on))
}

// Grad is v's accumulated gradient in s, or none.
func (v *Var) Grad(s *Scope) Tensor { return s.grad(v.handle("Grad")) }

// SetGrad makes t, of v's shape and dtype, v's gradient.
func (v *Var) SetGrad(t Tensor) {
	check("SetGrad", capi.SetGrad(v.handle("SetGrad"), t.handle("SetGrad")), t)
}

// Set copies t's values over v's, in place. Shapes must be equal; dtypes may differ.
func (v *Var) Set(t Tensor) {
	check("Set", capi.Copy(v.handle("Set"), t.handle("Set")), t)
}

// Bytes copies v's raw elements out, little-endian, in row-major order.
func (v *Var) Bytes() []byte {
	s := NewScope()
	defer s.Close()
	return v.In(s).Bytes()
}

// View is v's raw elements, as [Var.Bytes] has them: on the CPU where they are, so that they hold until v is changed or
// freed, elsewhere a copy. Any goroutine may ask for it while v is not changed.
func (v *Var) View() []byte {
	h, n := v.handle("View"), v.DType().Size()
	for _, size := range v.Shape() {
		n *= int(size)
	}
	if view := capi.HostData(h, n); view != nil {
		return view
	}
	return v.Bytes()
}

// ClearGrads drops the gradients of vars and frees them.
func ClearGrads(vars []*Var) { capi.ClearGrad(varHandles("ClearGrads", vars)) }

func varHandles(op string, vars []*Var) []capi.Handle {
	hs := make([]capi.Handle, len(vars))
	for i, v := range vars {
		hs[i] = v.handle(op)
	}
	return hs
}

func (s *Scope) grad(of capi.Handle) Tensor {
	s.mustBeOpen("Grad")
	h, err := capi.Grad(of)
	check("Grad", err)
	if h.IsNil() {
		return Tensor{}
	}
	return s.own("Grad", h, nil)
}

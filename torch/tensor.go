package torch

import (
	"fmt"
	"strings"
	"unsafe"

	"github.com/azr-train/azr/torch/internal/capi"
)

// Tensor is a value in a Scope. It is small and copied freely; the zero Tensor is none.
type Tensor struct {
	scope *Scope
	index int
}

// IsNone tells whether t is the zero Tensor.
func (t Tensor) IsNone() bool { return t.scope == nil }

// Scope returns the scope that t lives in.
func (t Tensor) Scope() *Scope { return t.scope }

// Handle is t as libtorch's packages below this one take it.
func (t Tensor) Handle() capi.Handle { return t.handle("Handle") }

func (t Tensor) handle(op string) capi.Handle {
	if t.scope == nil {
		panic(misuse(op, "tensor is none"))
	}
	if t.scope.closed {
		panic(misuse(op, "tensor used after its scope was closed"))
	}
	h := t.scope.handles[t.index]
	if h.IsNil() {
		panic(misuse(op, "tensor used after Keep moved it out of its scope"))
	}
	return h
}

func (t Tensor) orNone(op string) capi.Handle {
	if t.IsNone() {
		return capi.Handle{}
	}
	return t.handle(op)
}

// Shape returns the sizes of t's dimensions.
func (t Tensor) Shape() []int64 { return capi.Shape(t.handle("Shape")) }

// Size returns the size of dimension dim; negative ones count from the end.
func (t Tensor) Size(dim int) int {
	shape := t.Shape()
	if dim < 0 {
		dim += len(shape)
	}
	return int(shape[dim])
}

// DType returns t's element type.
func (t Tensor) DType() DType { return DType(capi.DType(t.handle("DType"))) }

// Device returns where t's storage is.
func (t Tensor) Device() Device { return Device{capi.Device(t.handle("Device")) + 1} }

// String describes t without its values, for example "(2, 3) f32 cpu".
func (t Tensor) String() string {
	if t.IsNone() || t.scope.closed || t.scope.handles[t.index].IsNil() {
		return "none"
	}
	sizes := make([]string, 0, 4)
	for _, n := range t.Shape() {
		sizes = append(sizes, fmt.Sprint(n))
	}
	return fmt.Sprintf("(%s) %s %s", strings.Join(sizes, ", "), t.DType(), t.Device())
}

// Keep moves t out of its scope into a Var, detached from any graph.
func (t Tensor) Keep() *Var {
	h, err := capi.Unary(capi.Detach, t.handle("Keep"))
	check("Keep", err, t)
	capi.FreeMany([]capi.Handle{t.scope.handles[t.index]})
	t.scope.handles[t.index] = capi.Handle{}
	return &Var{h}
}

// Float32s copies t out as f32, in row-major order, whatever its dtype.
func (t Tensor) Float32s() []float32 { return read[float32](t, F32) }

// Float64s copies t out as f64, in row-major order, whatever its dtype.
func (t Tensor) Float64s() []float64 { return read[float64](t, F64) }

// Int64s copies t out as i64, in row-major order, whatever its dtype.
func (t Tensor) Int64s() []int64 { return read[int64](t, I64) }

// Item returns the value of a one-element tensor.
func (t Tensor) Item() float64 {
	values := t.Float64s()
	if len(values) != 1 {
		panic(misuse("Item", fmt.Sprintf("want one element, got %s", t)))
	}
	return values[0]
}

// Bytes copies t's raw elements out, little-endian, in row-major order.
func (t Tensor) Bytes() []byte {
	buf := make([]byte, t.elements()*t.DType().Size())
	check("Bytes", capi.ToHost(t.handle("Bytes"), buf), t)
	return buf
}

func (t Tensor) elements() int {
	n := 1
	for _, size := range t.Shape() {
		n *= int(size)
	}
	return n
}

func read[E float32 | float64 | int64](t Tensor, dtype DType) []E {
	s := t.scope.Child()
	defer s.Close()
	h, err := capi.To(t.handle("To"), int32(dtype), capi.Device(t.handle("To")))
	same := s.own("To", h, err, t)
	values := make([]E, same.elements())
	check("Read", capi.ToHost(same.handle("Read"), asBytes(values)), t)
	return values
}

func asBytes[E any](values []E) []byte {
	var e E
	return unsafe.Slice((*byte)(unsafe.Pointer(unsafe.SliceData(values))), len(values)*int(unsafe.Sizeof(e)))
}

// Zeros makes a tensor of zeros.
func (s *Scope) Zeros(dtype DType, device Device, shape ...int64) Tensor {
	return s.Full(0, dtype, device, shape...)
}

// Full makes a tensor of one value.
func (s *Scope) Full(value float64, dtype DType, device Device, shape ...int64) Tensor {
	s.mustBeOpen("Full")
	h, err := capi.Full(value, int32(dtype), device.Index(), shape)
	return s.own("Full", h, err)
}

// Arange makes the i64 tensor start, start+1, ... end-1.
func (s *Scope) Arange(start, end int64, device Device) Tensor {
	s.mustBeOpen("Arange")
	h, err := capi.Arange(start, end, int32(I64), device.Index())
	return s.own("Arange", h, err)
}

// FromFloat32s copies values into a new f32 tensor; without a shape it is one-dimensional.
func (s *Scope) FromFloat32s(values []float32, device Device, shape ...int64) Tensor {
	return s.FromBytes(asBytes(values), F32, device, orFlat(shape, len(values))...)
}

// FromFloat64s copies values into a new f64 tensor; without a shape it is one-dimensional.
func (s *Scope) FromFloat64s(values []float64, device Device, shape ...int64) Tensor {
	return s.FromBytes(asBytes(values), F64, device, orFlat(shape, len(values))...)
}

// FromInt64s copies values into a new i64 tensor; without a shape it is one-dimensional.
func (s *Scope) FromInt64s(values []int64, device Device, shape ...int64) Tensor {
	return s.FromBytes(asBytes(values), I64, device, orFlat(shape, len(values))...)
}

// FromBytes copies raw little-endian elements into a new tensor.
func (s *Scope) FromBytes(data []byte, dtype DType, device Device, shape ...int64) Tensor {
	s.mustBeOpen("FromBytes")
	h, err := capi.FromHost(data, int32(dtype), device.Index(), shape)
	return s.own("FromBytes", h, err)
}

func orFlat(shape []int64, n int) []int64 {
	if len(shape) == 0 {
		return []int64{int64(n)}
	}
	return shape
}

// In is t under another handle in s, which need not be related to t's scope: storage is shared. It is
// how a result outlives the scope that it was computed in.
func (t Tensor) In(s *Scope) Tensor {
	s.mustBeOpen("In")
	h, err := capi.Unary(capi.Alias, t.handle("In"))
	return s.own("In", h, err)
}

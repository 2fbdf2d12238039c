package torch

import "github.com/azr-train/azr/torch/internal/capi"

func (t Tensor) unary(name string, op capi.Op) Tensor {
	h, err := capi.Unary(op, t.handle(name))
	return t.scope.own(name, h, err, t)
}

func (t Tensor) scalar(name string, op capi.Op, x float64) Tensor {
	h, err := capi.Scalar(op, t.handle(name), x)
	return t.scope.own(name, h, err, t)
}

func (t Tensor) binary(name string, op capi.Op, o Tensor) Tensor {
	h, err := capi.Binary(op, t.handle(name), o.handle(name))
	return innermost(name, t, o).own(name, h, err, t, o)
}

func (t Tensor) reduce(name string, op capi.Op, dim int, keep bool) Tensor {
	h, err := capi.Reduce(op, t.handle(name), dim, keep)
	return t.scope.own(name, h, err, t)
}

// Neg returns -t.
func (t Tensor) Neg() Tensor { return t.unary("Neg", capi.Neg) }

// Exp returns e to the t.
func (t Tensor) Exp() Tensor { return t.unary("Exp", capi.Exp) }

// Log returns the natural logarithm.
func (t Tensor) Log() Tensor { return t.unary("Log", capi.Log) }

// Sqrt returns the square root.
func (t Tensor) Sqrt() Tensor { return t.unary("Sqrt", capi.Sqrt) }

// Rsqrt returns the reciprocal of the square root.
func (t Tensor) Rsqrt() Tensor { return t.unary("Rsqrt", capi.Rsqrt) }

// Sin returns the sine of t (radians).
func (t Tensor) Sin() Tensor { return t.unary("Sin", capi.Sin) }

// Cos returns the cosine of t (radians).
func (t Tensor) Cos() Tensor { return t.unary("Cos", capi.Cos) }

// Tanh returns the hyperbolic tangent.
func (t Tensor) Tanh() Tensor { return t.unary("Tanh", capi.Tanh) }

// Sigmoid returns 1 / (1 + e^-t).
func (t Tensor) Sigmoid() Tensor { return t.unary("Sigmoid", capi.Sigmoid) }

// Silu returns t * sigmoid(t).
func (t Tensor) Silu() Tensor { return t.unary("Silu", capi.Silu) }

// Relu returns max(t, 0).
func (t Tensor) Relu() Tensor { return t.unary("Relu", capi.Relu) }

// Abs returns |t|.
func (t Tensor) Abs() Tensor { return t.unary("Abs", capi.Abs) }

// Square returns t * t.
func (t Tensor) Square() Tensor { return t.unary("Square", capi.Square) }

// Reciprocal returns 1 / t.
func (t Tensor) Reciprocal() Tensor { return t.unary("Reciprocal", capi.Reciprocal) }

// SumAll returns the sum of all elements, a scalar.
func (t Tensor) SumAll() Tensor { return t.unary("SumAll", capi.SumAll) }

// MeanAll returns the mean of all elements, a scalar.
func (t Tensor) MeanAll() Tensor { return t.unary("MeanAll", capi.MeanAll) }

// Contiguous returns t in row-major storage, itself if it is already.
func (t Tensor) Contiguous() Tensor { return t.unary("Contiguous", capi.Contiguous) }

// Detach returns t's values outside any graph, sharing storage.
func (t Tensor) Detach() Tensor { return t.unary("Detach", capi.Detach) }

// AddScalar returns t + x.
func (t Tensor) AddScalar(x float64) Tensor { return t.scalar("AddScalar", capi.AddScalar, x) }

// MulScalar returns t * x.
func (t Tensor) MulScalar(x float64) Tensor { return t.scalar("MulScalar", capi.MulScalar, x) }

// PowScalar returns t to the x.
func (t Tensor) PowScalar(x float64) Tensor { return t.scalar("PowScalar", capi.PowScalar, x) }

// Add returns t + o, broadcasting.
func (t Tensor) Add(o Tensor) Tensor { return t.binary("Add", capi.Add, o) }

// Sub returns t - o, broadcasting.
func (t Tensor) Sub(o Tensor) Tensor { return t.binary("Sub", capi.Sub, o) }

// Mul returns t * o elementwise, broadcasting.
func (t Tensor) Mul(o Tensor) Tensor { return t.binary("Mul", capi.Mul, o) }

// Div returns t / o elementwise, broadcasting.
func (t Tensor) Div(o Tensor) Tensor { return t.binary("Div", capi.Div, o) }

// Minimum returns the elementwise minimum, broadcasting.
func (t Tensor) Minimum(o Tensor) Tensor { return t.binary("Minimum", capi.Minimum, o) }

// Maximum returns the elementwise maximum, broadcasting.
func (t Tensor) Maximum(o Tensor) Tensor { return t.binary("Maximum", capi.Maximum, o) }

// MatMul returns the matrix product of (..., N, K) and (..., K, M).
func (t Tensor) MatMul(o Tensor) Tensor { return t.binary("MatMul", capi.MatMul, o) }

// Gt returns t > o as Bool.
func (t Tensor) Gt(o Tensor) Tensor { return t.binary("Gt", capi.Gt, o) }

// Ge returns t >= o as Bool.
func (t Tensor) Ge(o Tensor) Tensor { return t.binary("Ge", capi.Ge, o) }

// Lt returns t < o as Bool.
func (t Tensor) Lt(o Tensor) Tensor { return t.binary("Lt", capi.Lt, o) }

// Le returns t <= o as Bool.
func (t Tensor) Le(o Tensor) Tensor { return t.binary("Le", capi.Le, o) }

// Eq returns t == o as Bool.
func (t Tensor) Eq(o Tensor) Tensor { return t.binary("Eq", capi.Eq, o) }

// Ne returns t != o as Bool.
func (t Tensor) Ne(o Tensor) Tensor { return t.binary("Ne", capi.Ne, o) }

// Sum adds along dim.
func (t Tensor) Sum(dim int, keep bool) Tensor { return t.reduce("Sum", capi.Sum, dim, keep) }

// Mean averages along dim.
func (t Tensor) Mean(dim int, keep bool) Tensor { return t.reduce("Mean", capi.Mean, dim, keep) }

// Amax returns the maximum along dim.
func (t Tensor) Amax(dim int, keep bool) Tensor { return t.reduce("Amax", capi.Amax, dim, keep) }

// Argmax returns the index (I64) of the maximum along dim.
func (t Tensor) Argmax(dim int, keep bool) Tensor { return t.reduce("Argmax", capi.Argmax, dim, keep) }

// LogSumExp returns log(sum(exp(t))) along dim.
func (t Tensor) LogSumExp(dim int, keep bool) Tensor {
	return t.reduce("LogSumExp", capi.LogSumExp, dim, keep)
}

// Softmax normalises exp(t) along dim.
func (t Tensor) Softmax(dim int) Tensor { return t.reduce("Softmax", capi.Softmax, dim, false) }

// LogSoftmax is the logarithm of Softmax.
func (t Tensor) LogSoftmax(dim int) Tensor {
	return t.reduce("LogSoftmax", capi.LogSoftmax, dim, false)
}

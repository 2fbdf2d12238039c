package torch_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch"
)

func panics(t *testing.T, f func()) *torch.Error {
	t.Helper()
	var err error
	func() {
		defer torch.Catch(&err)
		f()
	}()
	require.Error(t, err)
	var e *torch.Error
	require.ErrorAs(t, err, &e)
	return e
}

func TestResultLivesInTheInnermostScope(t *testing.T) {
	outer := torch.NewScope()
	defer outer.Close()
	inner := outer.Child()
	defer inner.Close()
	a, b := outer.Full(2, torch.F32, torch.CPU, 3), inner.Full(5, torch.F32, torch.CPU, 3)
	assert.Same(t, inner, a.Add(b).Scope())
	assert.Same(t, inner, b.Add(a).Scope())
	assert.Same(t, outer, a.Add(a).Scope())
	assert.Equal(t, []float32{7, 7, 7}, a.Add(b).Float32s())
}

func TestUseAfterClosePanics(t *testing.T) {
	s := torch.NewScope()
	x := s.Zeros(torch.F32, torch.CPU, 2)
	s.Close()
	s.Close()
	assert.Contains(t, panics(t, func() { x.Neg() }).Msg, "after its scope was closed")
	assert.Contains(t, panics(t, func() { s.Zeros(torch.F32, torch.CPU, 2) }).Msg, "after Close")
}

func TestSiblingScopesPanic(t *testing.T) {
	root := torch.NewScope()
	defer root.Close()
	a, b := root.Child(), root.Child()
	defer a.Close()
	defer b.Close()
	x, y := a.Zeros(torch.F32, torch.CPU, 2), b.Zeros(torch.F32, torch.CPU, 2)
	assert.Contains(t, panics(t, func() { x.Add(y) }).Msg, "sibling scopes")
	assert.Equal(t, []float32{0, 0}, x.In(b).Add(y).Float32s())
}

func TestCloseClosesTheChildren(t *testing.T) {
	before := torch.Live()
	root := torch.NewScope()
	first, second := root.Child(), root.Child()
	x := second.Child().Full(1, torch.F32, torch.CPU, 2)
	first.Full(1, torch.F32, torch.CPU, 2)
	second.Close()
	assert.Contains(t, panics(t, func() { x.Neg() }).Msg, "after its scope was closed")
	assert.Equal(t, before+1, torch.Live(), "first's tensor")
	root.Close()
	first.Close()
	assert.Equal(t, before, torch.Live())
}

// A bound on memory and the machine's own end are the same kind of error, with the numbers.
func TestWantOfMemoryHasItsKindAndNumbers(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	t.Cleanup(func() { torch.LimitBytes(0) })
	torch.LimitBytes(torch.AllocatedBytes() + 1<<20)
	s.Zeros(torch.F32, torch.CPU, 1000)
	live := torch.Live()
	e := panics(t, func() { s.Zeros(torch.F32, torch.CPU, 1<<20) })
	assert.True(t, torch.IsOutOfMemory(fmt.Errorf("a step: %w", e)))
	assert.Regexp(t, `^torch.Full: not enough memory: tried to allocate 4194304 bytes beside \d+ of at most \d+ \(CPU tensors held \d+\.\d MiB\)$`, e.Error())
	assert.Equal(t, live, torch.Live())
	torch.LimitBytes(0)
	s.Zeros(torch.F32, torch.CPU, 1<<20)

	e = panics(t, func() { s.Zeros(torch.F32, torch.CPU, 1<<50) }) // 4 PiB: beyond any address space
	assert.True(t, torch.IsOutOfMemory(e), "%v", e)
	assert.Contains(t, e.Error(), "allocate")
	assert.NotContains(t, e.Error(), "\n")
	assert.False(t, torch.IsOutOfMemory(panics(t, func() { s.Zeros(torch.F32, torch.CPU, 2).Add(s.Zeros(torch.F32, torch.CPU, 3)) })))
	assert.False(t, torch.IsOutOfMemory(nil))
}

func TestKeepMovesATensorIntoAVar(t *testing.T) {
	before := torch.Live()
	s := torch.NewScope()
	x := s.Full(3, torch.F32, torch.CPU, 2)
	v := x.Keep()
	assert.Contains(t, panics(t, func() { x.Neg() }).Msg, "Keep")
	s.Close()
	s = torch.NewScope()
	assert.Equal(t, []float32{3, 3}, v.In(s).Float32s())
	s.Close()
	v.Free()
	v.Free()
	assert.Contains(t, panics(t, func() { v.Shape() }).Msg, "after Free")
	assert.Equal(t, before, torch.Live())
}

func TestErrorNamesOpAndOperands(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	e := panics(t, func() { s.Zeros(torch.F32, torch.CPU, 2, 3).MatMul(s.Zeros(torch.BF16, torch.CPU, 4, 5)) })
	assert.Equal(t, "MatMul", e.Op)
	assert.Equal(t, torch.Invalid, e.Kind)
	assert.Equal(t, []string{"(2, 3) f32 cpu", "(4, 5) bf16 cpu"}, e.Args)
	assert.NotContains(t, e.Error(), "\n")
}

func TestExhaustionIsOutOfMemory(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	e := panics(t, func() { s.Zeros(torch.F32, torch.CPU, 1<<45) })
	assert.Equal(t, torch.OutOfMemory, e.Kind)
}

func TestAllocatorCountsBytes(t *testing.T) {
	before := torch.AllocatedBytes()
	s := torch.NewScope()
	s.Zeros(torch.F32, torch.CPU, 1000)
	assert.Equal(t, before+4000, torch.AllocatedBytes())
	torch.ResetPeak()
	s.Zeros(torch.F32, torch.CPU, 2000)
	s.Close()
	assert.Equal(t, before+12000, torch.PeakBytes())
	assert.Equal(t, before, torch.AllocatedBytes())
}

func TestGradientsOfALeafAndAVar(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	w := s.FromFloat32s([]float32{2, 3}, torch.CPU).Keep()
	defer w.Free()
	w.RequireGrad(true)
	x := s.FromFloat32s([]float32{5, 7}, torch.CPU).Leaf()
	for range 2 {
		x.Mul(w.In(s)).SumAll().Backward(torch.Tensor{})
	}
	assert.Equal(t, []float32{4, 6}, x.Grad().Float32s())
	assert.Equal(t, []float32{10, 14}, w.Grad(s).Float32s())
	torch.ClearGrads([]*torch.Var{w})
	assert.True(t, w.Grad(s).IsNone())
	torch.NoGrad(func() {
		e := panics(t, func() { x.Mul(w.In(s)).SumAll().Backward(torch.Tensor{}) })
		assert.Contains(t, e.Msg, "does not require grad")
	})
}

func TestDTypeAndDeviceNames(t *testing.T) {
	for _, name := range []string{"f32", "bf16", "f16", "f64", "i64", "i32", "bool"} {
		d, err := torch.ParseDType(name)
		require.NoError(t, err)
		assert.Equal(t, name, d.String())
	}
	_, err := torch.ParseDType("f8")
	assert.ErrorContains(t, err, "unknown dtype")
	d, err := torch.ParseDevice("cpu")
	require.NoError(t, err)
	assert.Equal(t, torch.CPU, d)
	_, err = torch.ParseDevice("cuda:99")
	assert.ErrorContains(t, err, "no such device")
	_, err = torch.ParseDevice("tpu")
	assert.ErrorContains(t, err, "unknown device")
}

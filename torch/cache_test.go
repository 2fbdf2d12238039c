package torch_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/azr-train/azr/torch"
)

func random(s *torch.Scope, r *rand.Rand, shape ...int64) torch.Tensor {
	n := int64(1)
	for _, size := range shape {
		n *= size
	}
	values := make([]float32, n)
	for i := range values {
		values[i] = float32(r.NormFloat64())
	}
	return s.FromFloat32s(values, torch.CPU, shape...)
}

// cached writes keys and values (N, K, E) of one sequence to a slot of new caches.
func cached(s *torch.Scope, k, v torch.Tensor, slot int64) (keys, values *torch.Var) {
	const slots, room = 4, 16
	shape := []int64{slots, int64(k.Size(1)), room, int64(k.Size(2))}
	keys, values = s.Full(99, k.DType(), torch.CPU, shape...).Keep(), s.Full(99, k.DType(), torch.CPU, shape...).Keep()
	at, positions := make([]int64, k.Size(0)), make([]int64, k.Size(0))
	for i := range at {
		at[i], positions[i] = slot, int64(i)
	}
	keys.KVWrite(k, at, positions)
	values.KVWrite(v, at, positions)
	return keys, values
}

func TestDecodeAttentionEqualsPackedAttention(t *testing.T) {
	lockThread(t)
	s, r := torch.NewScope(), rand.New(rand.NewPCG(1, 1))
	defer s.Close()
	const n, heads, kvHeads, dim, slot, scale = 9, 6, 2, 8, 2, 0.3
	q, k, v := random(s, r, n, heads, dim), random(s, r, n, kvHeads, dim), random(s, r, n, kvHeads, dim)
	keys, values := cached(s, k, v, slot)
	defer keys.Free()
	defer values.Free()
	slots, lengths := make([]int64, n), make([]int64, n)
	for i := range slots {
		slots[i], lengths[i] = slot, int64(i+1)
	}
	want := torch.Attention(q, k, v, []int64{0}, scale).Float32s()
	together := torch.DecodeAttention(q, keys, values, slots, lengths, scale)
	assert.InDeltaSlice(t, want, together.Float32s(), 1e-5)
	for i := range n {
		alone := torch.DecodeAttention(q.Narrow(0, i, 1), keys, values, slots[i:i+1], lengths[i:i+1], scale)
		require.Equal(t, together.Narrow(0, i, 1).Bytes(), alone.Bytes(), "row %d has other bits alone", i)
	}
}

// Other element types than f32 go through libtorch's attention over the gathered slots.
func TestDecodeAttentionOfOtherDTypes(t *testing.T) {
	lockThread(t)
	s, r := torch.NewScope(), rand.New(rand.NewPCG(1, 3))
	defer s.Close()
	const n, scale = 5, 0.3
	var in [3]torch.Tensor
	for i, heads := range []int64{6, 2, 2} {
		in[i] = random(s, r, n, heads, 8)
	}
	want := torch.Attention(in[0], in[1], in[2], []int64{0}, scale).Float32s()
	for dtype, tolerance := range map[torch.DType]float64{torch.F64: 1e-5, torch.BF16: 0.05} {
		keys, values := cached(s, in[1].To(dtype, torch.CPU), in[2].To(dtype, torch.CPU), 3)
		got := torch.DecodeAttention(in[0].To(dtype, torch.CPU), keys, values, []int64{3, 3, 3, 3, 3}, []int64{1, 2, 3, 4, 5}, scale)
		assert.Equal(t, dtype, got.DType())
		assert.InDeltaSlice(t, want, got.Float32s(), tolerance, dtype.String())
		keys.Free()
		values.Free()
	}
}

func TestKVCopyForksASlot(t *testing.T) {
	lockThread(t)
	s, r := torch.NewScope(), rand.New(rand.NewPCG(1, 2))
	defer s.Close()
	k := random(s, r, 5, 2, 4)
	keys, values := cached(s, k, k, 1)
	defer keys.Free()
	defer values.Free()
	keys.KVCopy(1, 3, 4)
	slot := func(i, from, n int) []float32 { return keys.In(s).Narrow(0, i, 1).Narrow(2, from, n).Float32s() }
	assert.Equal(t, slot(1, 0, 4), slot(3, 0, 4))
	for _, untouched := range append(slot(3, 4, 12), slot(2, 0, 16)...) {
		require.EqualValues(t, 99, untouched)
	}
}

func TestCacheMisuseIsAnError(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	k := s.Zeros(torch.F32, torch.CPU, 2, 2, 4)
	keys, values := cached(s, k, k, 0)
	defer keys.Free()
	defer values.Free()
	q := s.Zeros(torch.F32, torch.CPU, 1, 4, 4)
	for want, f := range map[string]func(){
		"slot 4 of 4":               func() { keys.KVWrite(k, []int64{0, 4}, []int64{0, 0}) },
		"length 17 in a room of 16": func() { keys.KVWrite(k, []int64{0, 1}, []int64{0, 16}) },
		"slot -1 of 4":              func() { keys.KVCopy(-1, 0, 1) },
		"length 0 in a room":        func() { torch.DecodeAttention(q, keys, values, []int64{0}, []int64{0}, 1) },
		"rows 2":                    func() { torch.DecodeAttention(q, keys, values, []int64{0, 0}, []int64{1, 1}, 1) },
	} {
		assert.Contains(t, panics(t, f).Msg, want)
	}
}

func TestSetCopiesOverAVar(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	v := s.Zeros(torch.BF16, torch.CPU, 2).Keep()
	defer v.Free()
	v.Set(s.FromFloat32s([]float32{1.5, -2}, torch.CPU))
	assert.Equal(t, []float32{1.5, -2}, v.In(s).Float32s())
	assert.Contains(t, panics(t, func() { v.Set(s.Zeros(torch.F32, torch.CPU, 3)) }).Msg, "copy_")
}

func TestMakersAndConversions(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	assert.Equal(t, []int64{3, 4, 5}, s.Arange(3, 6, torch.CPU).Int64s())
	x := s.FromFloat32s([]float32{1, -2.5, 3.00390625}, torch.CPU) // the last is halfway between two bf16
	assert.Equal(t, []float32{1, -2.5, 3}, x.To(torch.BF16, torch.CPU).Float32s())
	assert.Equal(t, []int64{1, -2, 3}, x.To(torch.I32, torch.CPU).Int64s())
	assert.Equal(t, torch.F64, x.To(torch.F64, torch.CPU).DType())
	assert.Contains(t, panics(t, func() { s.FromFloat32s([]float32{1}, torch.CPU, 2) }).Msg, "bytes")
}

func TestRuntimeDescribesItself(t *testing.T) {
	lockThread(t)
	r := torch.Describe()
	assert.Regexp(t, `^\d+\.\d+\.\d+`, r.Version)
	assert.NotEmpty(t, r.CPU)
	assert.GreaterOrEqual(t, r.CUDADevices, 0)
	assert.Empty(t, r.CUDAError)
	defer torch.SetNumThreads(r.Threads)
	torch.SetNumThreads(1)
	assert.Equal(t, 1, torch.Describe().Threads)
	assert.Contains(t, panics(t, func() { torch.SetNumThreads(0) }).Msg, "at least 1")
}

// What only a CUDA build knows is an error elsewhere, of a kind that a caller can report.
func TestDeviceMemoryIsOfADevice(t *testing.T) {
	_, _, err := torch.DeviceMemory(torch.CPU)
	assert.ErrorContains(t, err, "want a CUDA device, got the CPU")
	if torch.Describe().CUDADevices == 0 {
		_, _, err = torch.DeviceMemory(torch.CUDA(0))
		assert.Error(t, err)
	}
}

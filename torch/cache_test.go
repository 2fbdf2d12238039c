package torch_test

import (
	"math"
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

const pageTokens = 4

// caches are new ones of 8 pages for keys and values (N, K, E).
func caches(s *torch.Scope, k torch.Tensor) (keys, values *torch.Var) {
	shape := []int64{int64(k.Size(1)), 8, pageTokens, int64(k.Size(2))}
	return s.Full(99, k.DType(), torch.CPU, shape...).Keep(), s.Full(99, k.DType(), torch.CPU, shape...).Keep()
}

// sequence is random queries, keys and values (N, 6, 8), (N, 2, 8) and (N, 2, 8).
func sequence(s *torch.Scope, seed uint64, n int64) (q, k, v torch.Tensor) {
	r := rand.New(rand.NewPCG(seed, 1))
	return random(s, r, n, 6, 8), random(s, r, n, 2, 8), random(s, r, n, 2, 8)
}

// causal is attention as it is written down: softmax(scale q kᵀ) v over the keys up to each row's own.
func causal(q, k, v torch.Tensor, scale float64) torch.Tensor {
	s, n := q.Scope(), int64(q.Size(0))
	heads := func(x torch.Tensor) torch.Tensor { return x.RepeatInterleave(q.Size(1)/x.Size(1), 1).Transpose(0, 1) }
	seen := s.Arange(0, n, torch.CPU).Unsqueeze(1).Ge(s.Arange(0, n, torch.CPU))
	scores := heads(q).MatMul(heads(k).Transpose(1, 2)).MulScalar(scale)
	return seen.Where(scores, s.Full(math.Inf(-1), q.DType(), torch.CPU)).Softmax(-1).MatMul(heads(v)).Transpose(0, 1)
}

// spans cuts a sequence of n tokens at the given lengths.
func spans(lengths ...int64) (list []torch.Span) {
	start := int64(0)
	for _, n := range lengths {
		list = append(list, torch.Span{Rows: n, Start: start})
		start += n
	}
	return list
}

// However a sequence is cut, in one pass or in many, the result is that of attention over all of it.
func TestPagedAttentionEqualsPackedAttention(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	const n, scale = 9, 0.3
	q, k, v := sequence(s, 1, n)
	want := causal(q, k, v, scale).Float32s()
	pages := []int64{6, 1, 3}
	for _, cut := range [][]int64{{9}, {1, 1, 1, 1, 1, 1, 1, 1, 1}, {4, 4, 1}, {4, 5}, {1, 8}, {8, 1}, {2, 3, 4}} {
		keys, values := caches(s, k)
		together := torch.PagedAttention(q, k, v, keys, values, spans(cut...), pages, scale)
		assert.InDeltaSlice(t, want, together.Float32s(), 1e-5, "%v", cut)
		keys.Free()
		values.Free()
		keys, values = caches(s, k)
		row := 0
		for _, span := range spans(cut...) {
			rows := func(x torch.Tensor) torch.Tensor { return x.Narrow(0, row, int(span.Rows)) }
			alone := torch.PagedAttention(rows(q), rows(k), rows(v), keys, values, []torch.Span{span}, pages, scale)
			require.Equal(t, rows(together).Bytes(), alone.Bytes(), "%v: the span from row %d has other bits alone", cut, row)
			row += int(span.Rows)
		}
		keys.Free()
		values.Free()
	}
}

// A prompt's attention in the shapes of models: heads of more and less than a tile's width, pages of 64 tokens. A row has the bits
// that it has where its span ends earlier.
func TestPromptsAttendInTiles(t *testing.T) {
	lockThread(t)
	const n, page, kvHeads, groups, scale = 150, 64, 2, 3, 0.2
	for _, dim := range []int64{64, 128, 80, 20} {
		s := torch.NewScope()
		r := rand.New(rand.NewPCG(uint64(dim), 1))
		q, k, v := random(s, r, n, kvHeads*groups, dim), random(s, r, n, kvHeads, dim), random(s, r, n, kvHeads, dim)
		want := causal(q, k, v, scale)
		for _, cut := range [][]int64{{150}, {64, 64, 22}, {100, 50}, {64, 7, 79}} {
			keys, values := s.Full(99, torch.F32, torch.CPU, kvHeads, 4, page, dim).Keep(), s.Full(99, torch.F32, torch.CPU, kvHeads, 4, page, dim).Keep()
			got := torch.PagedAttention(q, k, v, keys, values, spans(cut...), []int64{2, 0, 3}, scale)
			assert.InDeltaSlice(t, want.Float32s(), got.Float32s(), 1e-5, "%d numbers a head, %v", dim, cut)
			row := int(cut[0])
			short := []torch.Span{{Rows: 5, Start: int64(row)}}
			if len(cut) > 1 {
				rows := func(x torch.Tensor) torch.Tensor { return x.Narrow(0, row, 5) }
				alone := torch.PagedAttention(rows(q), rows(k), rows(v), keys, values, short, []int64{2, 0, 3}, scale)
				require.Equal(t, rows(got).Bytes(), alone.Bytes(), "%d numbers a head, %v", dim, cut)
			}
			keys.Free()
			values.Free()
		}
		s.Close()
	}
}

// Sequences of one pass do not see each other, shared pages are seen by both, and padding is zero.
func TestPagedAttentionOfTwoSequences(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	const scale = 0.3
	q, k, v := sequence(s, 2, 12)
	keys, values := caches(s, k)
	defer keys.Free()
	defer values.Free()
	rows := func(x torch.Tensor, parts ...int) torch.Tensor {
		list := []torch.Tensor{}
		for i := 0; i < len(parts); i += 2 {
			list = append(list, x.Narrow(0, parts[i], parts[i+1]))
		}
		return torch.Cat(0, list[0], list[1:]...)
	}
	whole := func(parts ...int) []float32 {
		return causal(rows(q, parts...), rows(k, parts...), rows(v, parts...), scale).Float32s()
	}
	// Rows 0 to 4 begin both; 4 to 7 and 7 to 10 follow; 10 and 11 are padding.
	got := torch.PagedAttention(q, k, v, keys, values,
		[]torch.Span{{Rows: 4}, {Rows: 3, Start: 4}, {Rows: 3, Start: 4, First: 2}}, []int64{5, 0, 5, 7}, scale)
	first, second := whole(0, 4, 4, 3), whole(0, 4, 7, 3)
	assert.InDeltaSlice(t, first, rows(got, 0, 7).Float32s(), 1e-5)
	assert.InDeltaSlice(t, second[4*48:], rows(got, 7, 3).Float32s(), 1e-5)
	assert.Equal(t, make([]float32, 2*48), rows(got, 10, 2).Float32s())
	for _, untouched := range keys.In(s).Narrow(1, 1, 4).Float32s() {
		require.EqualValues(t, 99, untouched)
	}
}

// Weights that sum over many keys are as exact as libtorch's.
func TestPagedAttentionOverManyKeys(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	for scale, tolerance := range map[float64]float64{1e-3: 2e-6, 0.3: 2e-6, 30: 5e-5} { // even weights, and one that has nearly all
		q, k, v := sequence(s, 3, 29)
		keys, values := caches(s, k)
		want := causal(q, k, v, scale).Float32s()
		cut := make([]int64, 29)
		for i := range cut {
			cut[i] = 1
		}
		got := torch.PagedAttention(q, k, v, keys, values, spans(cut...), []int64{0, 1, 2, 3, 4, 5, 6, 7}, scale)
		assert.InDeltaSlice(t, want, got.Float32s(), tolerance, "scale %g", scale)
		keys.Free()
		values.Free()
	}
}

// Other element types than f32 go through libtorch's attention over the gathered pages.
func TestPagedAttentionOfOtherDTypes(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	const scale = 0.3
	q, k, v := sequence(s, 4, 7)
	want := causal(q, k, v, scale).Float32s()
	for dtype, tolerance := range map[torch.DType]float64{torch.F64: 1e-5, torch.BF16: 0.05} {
		keys, values := caches(s, k.To(dtype, torch.CPU))
		to := func(x torch.Tensor) torch.Tensor { return x.To(dtype, torch.CPU) }
		got := torch.PagedAttention(to(q), to(k), to(v), keys, values, spans(4, 1, 1, 1), []int64{3, 2}, scale)
		assert.Equal(t, dtype, got.DType())
		assert.InDeltaSlice(t, want, got.Float32s(), tolerance, dtype.String())
		keys.Free()
		values.Free()
	}
}

func TestCopyPages(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	q, k, v := sequence(s, 5, 8)
	keys, values := caches(s, k)
	defer keys.Free()
	defer values.Free()
	torch.PagedAttention(q, k, v, keys, values, spans(8), []int64{1, 2}, 1)
	keys.CopyPages([]int64{1, 2}, []int64{7, 3})
	page := func(i int) []float32 { return keys.In(s).Narrow(1, i, 1).Float32s() }
	assert.Equal(t, page(1), page(7))
	assert.Equal(t, page(2), page(3))
	assert.NotEqual(t, page(1), page(2))
	for _, untouched := range append(page(0), page(4)...) {
		require.EqualValues(t, 99, untouched)
	}
}

func TestCacheMisuseIsAnError(t *testing.T) {
	lockThread(t)
	s := torch.NewScope()
	defer s.Close()
	q, k, v := sequence(s, 6, 2)
	keys, values := caches(s, k)
	defer keys.Free()
	defer values.Free()
	attend := func(span torch.Span, pages ...int64) func() {
		return func() { torch.PagedAttention(q, k, v, keys, values, []torch.Span{span}, pages, 1) }
	}
	for want, f := range map[string]func(){
		"page 8 of 8":       attend(torch.Span{Rows: 2}, 8),
		"page -1 of 8":      attend(torch.Span{Rows: 2, Start: 4}, 0, -1),
		"has 1 pages of 4":  attend(torch.Span{Rows: 2, Start: 3}, 0),
		"has 0 pages":       attend(torch.Span{Rows: 2, First: 1}, 0),
		"has 3 rows":        attend(torch.Span{Rows: 3}, 0),
		"has 0 rows":        attend(torch.Span{}, 0),
		"from position -1":  attend(torch.Span{Rows: 2, Start: -1}, 0),
		"keys [2, 6, 8]":    func() { torch.PagedAttention(q, q, v, keys, values, []torch.Span{{Rows: 2}}, []int64{0}, 1) },
		"page 0 to 8 of 8":  func() { keys.CopyPages([]int64{0}, []int64{8}) },
		"page -1 to 0 of 8": func() { keys.CopyPages([]int64{-1}, []int64{0}) },
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

func TestViewIsTheVarsOwnBytes(t *testing.T) {
	s := torch.NewScope()
	defer s.Close()
	v := s.FromFloat32s([]float32{1, -2, 0.5, 4, 0, 8}, torch.CPU, 2, 3).Keep()
	defer v.Free()
	view := v.View()
	assert.Equal(t, v.Bytes(), view)
	v.Set(s.Zeros(torch.F32, torch.CPU, 2, 3))
	assert.Equal(t, make([]byte, 24), view, "it shows the change")
	turned := v.In(s).Transpose(0, 1).Keep()
	defer turned.Free()
	assert.Equal(t, turned.Bytes(), turned.View(), "laid out otherwise, a copy")
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
	assert.GreaterOrEqual(t, r.CUDA.Devices, 0)
	assert.Empty(t, r.CUDA.Error)
	defer torch.SetNumThreads(r.Threads)
	torch.SetNumThreads(1)
	assert.Equal(t, 1, torch.Describe().Threads)
	assert.Contains(t, panics(t, func() { torch.SetNumThreads(0) }).Msg, "at least 1")
}

// What only a CUDA build knows is an error elsewhere, of a kind that a caller can report.
func TestDeviceMemoryIsOfADevice(t *testing.T) {
	lockThread(t)
	_, _, err := torch.DeviceMemory(torch.CPU)
	assert.ErrorContains(t, err, "want a CUDA device, got the CPU")
	s := torch.NewScope()
	s.Zeros(torch.F32, torch.CPU, 1<<20)
	s.Close()
	peak, err := torch.DevicePeak(torch.CPU)
	require.NoError(t, err)
	assert.GreaterOrEqual(t, peak, int64(4<<20))
	peak, err = torch.DevicePeak(torch.CPU)
	require.NoError(t, err)
	assert.Less(t, peak, int64(4<<20), "since the last call")
	if torch.Describe().CUDA.Devices == 0 {
		_, _, err = torch.DeviceMemory(torch.CUDA(0))
		assert.Error(t, err)
		_, err = torch.DevicePeak(torch.CUDA(0))
		assert.Error(t, err)
		_, err = torch.DescribeCard(torch.CUDA(0))
		assert.Error(t, err)
	}
}

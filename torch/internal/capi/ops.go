package capi

// #include "azr_torch.h"
import "C"

import "unsafe"

// Op numbers an op of one of the families in csrc/ops.def.
type Op int32

// Unary ops.
const (
	Neg        Op = C.AZ_UNARY_neg
	Exp        Op = C.AZ_UNARY_exp
	Log        Op = C.AZ_UNARY_log
	Sqrt       Op = C.AZ_UNARY_sqrt
	Rsqrt      Op = C.AZ_UNARY_rsqrt
	Sin        Op = C.AZ_UNARY_sin
	Cos        Op = C.AZ_UNARY_cos
	Tanh       Op = C.AZ_UNARY_tanh
	Sigmoid    Op = C.AZ_UNARY_sigmoid
	Silu       Op = C.AZ_UNARY_silu
	Relu       Op = C.AZ_UNARY_relu
	Abs        Op = C.AZ_UNARY_abs
	Square     Op = C.AZ_UNARY_square
	Reciprocal Op = C.AZ_UNARY_reciprocal
	SumAll     Op = C.AZ_UNARY_sum_all
	MeanAll    Op = C.AZ_UNARY_mean_all
	Contiguous Op = C.AZ_UNARY_contiguous
	Detach     Op = C.AZ_UNARY_detach
	Alias      Op = C.AZ_UNARY_alias
)

// Ops of a tensor and a number.
const (
	AddScalar Op = C.AZ_SCALAR_add_scalar
	MulScalar Op = C.AZ_SCALAR_mul_scalar
	PowScalar Op = C.AZ_SCALAR_pow_scalar
)

// Binary ops, broadcasting.
const (
	Add     Op = C.AZ_BINARY_add
	Sub     Op = C.AZ_BINARY_sub
	Mul     Op = C.AZ_BINARY_mul
	Div     Op = C.AZ_BINARY_div
	Minimum Op = C.AZ_BINARY_minimum
	Maximum Op = C.AZ_BINARY_maximum
	MatMul  Op = C.AZ_BINARY_matmul
	Gt      Op = C.AZ_BINARY_gt
	Ge      Op = C.AZ_BINARY_ge
	Lt      Op = C.AZ_BINARY_lt
	Le      Op = C.AZ_BINARY_le
	Eq      Op = C.AZ_BINARY_eq
	Ne      Op = C.AZ_BINARY_ne
)

// Reductions along one dimension.
const (
	Sum        Op = C.AZ_REDUCE_sum
	Mean       Op = C.AZ_REDUCE_mean
	Amax       Op = C.AZ_REDUCE_amax
	Argmax     Op = C.AZ_REDUCE_argmax
	LogSumExp  Op = C.AZ_REDUCE_logsumexp
	Softmax    Op = C.AZ_REDUCE_softmax
	LogSoftmax Op = C.AZ_REDUCE_log_softmax
)

// Unary applies a unary op.
func Unary(op Op, x Handle) (Handle, *Error) { return result(C.az_unary(C.int32_t(op), x.p)) }

// Scalar applies an op of a tensor and a number.
func Scalar(op Op, x Handle, s float64) (Handle, *Error) {
	return result(C.az_scalar(C.int32_t(op), x.p, C.double(s)))
}

// Binary applies a binary op.
func Binary(op Op, a, b Handle) (Handle, *Error) {
	return result(C.az_binary(C.int32_t(op), a.p, b.p))
}

// Reduce applies a reduction.
func Reduce(op Op, x Handle, dim int, keep bool) (Handle, *Error) {
	return result(C.az_reduce(C.int32_t(op), x.p, C.int64_t(dim), flag(keep)))
}

// Clamp is az_clamp.
func Clamp(x Handle, lo, hi float64) (Handle, *Error) {
	return result(C.az_clamp(x.p, C.double(lo), C.double(hi)))
}

// Where is az_where.
func Where(condition, a, b Handle) (Handle, *Error) {
	return result(C.az_where(condition.p, a.p, b.p))
}

// Reshape is az_reshape.
func Reshape(x Handle, shape []int64) (Handle, *Error) {
	return result(C.az_reshape(x.p, ints(shape), C.int32_t(len(shape))))
}

// Expand is az_expand.
func Expand(x Handle, shape []int64) (Handle, *Error) {
	return result(C.az_expand(x.p, ints(shape), C.int32_t(len(shape))))
}

// Permute is az_permute.
func Permute(x Handle, dims []int64) (Handle, *Error) {
	return result(C.az_permute(x.p, ints(dims), C.int32_t(len(dims))))
}

// Transpose is az_transpose.
func Transpose(x Handle, a, b int) (Handle, *Error) {
	return result(C.az_transpose(x.p, C.int64_t(a), C.int64_t(b)))
}

// Narrow is az_narrow.
func Narrow(x Handle, dim int, start, length int64) (Handle, *Error) {
	return result(C.az_narrow(x.p, C.int64_t(dim), C.int64_t(start), C.int64_t(length)))
}

// Unsqueeze is az_unsqueeze.
func Unsqueeze(x Handle, dim int) (Handle, *Error) {
	return result(C.az_unsqueeze(x.p, C.int64_t(dim)))
}

// Squeeze is az_squeeze.
func Squeeze(x Handle, dim int) (Handle, *Error) { return result(C.az_squeeze(x.p, C.int64_t(dim))) }

// Cat is az_cat.
func Cat(xs []Handle, dim int) (Handle, *Error) {
	return result(C.az_cat(handles(xs), C.size_t(len(xs)), C.int64_t(dim)))
}

// IndexSelect is az_index_select.
func IndexSelect(x Handle, dim int, index Handle) (Handle, *Error) {
	return result(C.az_index_select(x.p, C.int64_t(dim), index.p))
}

// RepeatInterleave is az_repeat_interleave.
func RepeatInterleave(x Handle, repeats int64, dim int) (Handle, *Error) {
	return result(C.az_repeat_interleave(x.p, C.int64_t(repeats), C.int64_t(dim)))
}

// To is az_to.
func To(x Handle, dtype, device int32) (Handle, *Error) {
	return result(C.az_to(x.p, C.int32_t(dtype), C.az_device(device)))
}

// Embedding is az_embedding.
func Embedding(weight, ids Handle) (Handle, *Error) { return result(C.az_embedding(weight.p, ids.p)) }

// Linear is az_linear.
func Linear(x, weight Handle) (Handle, *Error) { return result(C.az_linear(x.p, weight.p)) }

// RMSNorm is az_rms_norm.
func RMSNorm(x, weight Handle, eps float64) (Handle, *Error) {
	return result(C.az_rms_norm(x.p, weight.p, C.double(eps)))
}

// NormLinears is az_norm_linears.
func NormLinears(x, norm Handle, eps float64, weights []Handle) ([]Handle, *Error) {
	products := make([]Handle, len(weights))
	err := failure(C.az_norm_linears(x.p, norm.p, C.double(eps), handles(weights), C.size_t(len(weights)), handles(products)))
	return products, err
}

// SiluMulLinear is az_silu_mul_linear.
func SiluMulLinear(gate, up, weight Handle) (Handle, *Error) {
	return result(C.az_silu_mul_linear(gate.p, up.p, weight.p))
}

// Rope is az_rope.
func Rope(x, cos, sin Handle) (Handle, *Error) { return result(C.az_rope(x.p, cos.p, sin.p)) }

// Segment is az_segment: rows of packed tokens, and those below them.
type Segment struct {
	// Start and Rows are its own; the segments below it end before End.
	Start, Rows, End int64
}

// TreeAttention is az_tree_attention.
func TreeAttention(q, k, v Handle, segments []Segment, scale float64) (Handle, *Error) {
	return result(C.az_tree_attention(q.p, k.p, v.p, (*C.az_segment)(unsafe.Pointer(unsafe.SliceData(segments))), C.size_t(len(segments)), C.double(scale)))
}

// Span is az_span: consecutive tokens of one sequence.
type Span struct {
	// Rows of the pass, the position of the first, and where the sequence's pages begin.
	Rows, Start, First int64
}

// PagedAttention is az_paged_attention.
func PagedAttention(q, k, v, keyPages, valuePages Handle, spans []Span, pages []int64, scale float64) (Handle, *Error) {
	return result(C.az_paged_attention(q.p, k.p, v.p, keyPages.p, valuePages.p,
		(*C.az_span)(unsafe.Pointer(unsafe.SliceData(spans))), C.size_t(len(spans)), ints(pages), C.size_t(len(pages)), C.double(scale)))
}

// DecodeAttention is az_decode_attention.
func DecodeAttention(q, k, v, keyPages, valuePages, positions, table Handle, scale float64) (Handle, *Error) {
	return result(C.az_decode_attention(q.p, k.p, v.p, keyPages.p, valuePages.p, positions.p, table.p, C.double(scale)))
}

// CopyPages is az_copy_pages.
func CopyPages(cache Handle, from, to []int64) *Error {
	return failure(C.az_copy_pages(cache.p, ints(from), ints(to), C.size_t(len(from))))
}

// SetRequiresGrad is az_set_requires_grad.
func SetRequiresGrad(h Handle, on bool) *Error {
	return failure(C.az_set_requires_grad(h.p, flag(on)))
}

// SetGrad is az_set_grad.
func SetGrad(h, grad Handle) *Error { return failure(C.az_set_grad(h.p, grad.p)) }

// Backward is az_backward; grad may be none.
func Backward(h, grad Handle) *Error { return failure(C.az_backward(h.p, grad.p)) }

// Grad is az_grad; the handle is none where there is no gradient.
func Grad(h Handle) (Handle, *Error) { return result(C.az_grad(h.p)) }

// ClearGrad is az_clear_grad.
func ClearGrad(hs []Handle) {
	if len(hs) > 0 {
		C.az_clear_grad(handles(hs), C.size_t(len(hs)))
	}
}

// TokenLogProbs is az_token_logprobs.
func TokenLogProbs(hidden, weight, targets Handle, temperature float64) (logp, entropy Handle, err *Error) {
	r := C.az_token_logprobs(hidden.p, weight.p, targets.p, C.double(temperature))
	return Handle{r.first}, Handle{r.second}, failure(r.status)
}

// AdamW holds the constants of one step.
type AdamW struct {
	LR, Beta1, Beta2, Eps, WeightDecay float64
	Step                               int64
}

// AdamWStep is az_adamw_step.
func AdamWStep(params, m, v []Handle, o AdamW) *Error {
	options := C.az_adamw{lr: C.double(o.LR), beta1: C.double(o.Beta1), beta2: C.double(o.Beta2), eps: C.double(o.Eps), weight_decay: C.double(o.WeightDecay), step: C.int64_t(o.Step)}
	return failure(C.az_adamw_step(handles(params), handles(m), handles(v), C.size_t(len(params)), options))
}

// MuonStep is az_muon_step.
func MuonStep(params, momenta []Handle, lr, momentum, weightDecay float64) *Error {
	return failure(C.az_muon_step(handles(params), handles(momenta), C.size_t(len(params)), C.double(lr), C.double(momentum), C.double(weightDecay)))
}

// RoundStochastically is az_round_stochastically.
func RoundStochastically(into, values Handle, seed uint64) *Error {
	return failure(C.az_round_stochastically(into.p, values.p, C.uint64_t(seed)))
}

// Lerp is az_lerp.
func Lerp(vars, targets []Handle, share float64) *Error {
	return failure(C.az_lerp(handles(vars), handles(targets), C.size_t(len(vars)), C.double(share)))
}

// Exchange is az_exchange.
func Exchange(a, b []Handle) *Error {
	return failure(C.az_exchange(handles(a), handles(b), C.size_t(len(a))))
}

// ReleaseStorage is az_release_storage.
func ReleaseStorage(t Handle) *Error { return failure(C.az_release_storage(t.p)) }

// RestoreStorage is az_restore_storage.
func RestoreStorage(t Handle) *Error { return failure(C.az_restore_storage(t.p)) }

// ScaleGrads is az_scale_grads.
func ScaleGrads(params []Handle, scale float64) *Error {
	return failure(C.az_scale_grads(handles(params), C.size_t(len(params)), C.double(scale)))
}

// ClipGradNorm is az_clip_grad_norm.
func ClipGradNorm(params []Handle, maxNorm float64) (float64, *Error) {
	var norm C.double
	err := failure(C.az_clip_grad_norm(handles(params), C.size_t(len(params)), C.double(maxNorm), &norm))
	return float64(norm), err
}

// Sampling is how to draw one row.
type Sampling struct {
	Temperature, TopP, Uniform float64
	TopK                       int64
}

// Sample is az_sample. The memory layout of Sampling is that of az_sampling.
func Sample(logits Handle, rows []Sampling, ids []int64, logprobs []float32) *Error {
	return failure(C.az_sample(logits.p, (*C.az_sampling)(unsafe.Pointer(unsafe.SliceData(rows))), C.size_t(len(rows)), ints(ids), (*C.float)(unsafe.Pointer(unsafe.SliceData(logprobs)))))
}

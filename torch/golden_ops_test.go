package torch_test

import (
	"math"

	"github.com/azr-train/azr/torch"
)

// opCall runs an op on the inputs of a golden case and returns its outputs.
type opCall func(s *torch.Scope, a arguments, in []torch.Tensor) []torch.Tensor

func unary(method func(torch.Tensor) torch.Tensor) opCall {
	return func(_ *torch.Scope, _ arguments, in []torch.Tensor) []torch.Tensor {
		return []torch.Tensor{method(in[0])}
	}
}

func pairwise(method func(a, b torch.Tensor) torch.Tensor) opCall {
	return func(_ *torch.Scope, _ arguments, in []torch.Tensor) []torch.Tensor {
		return []torch.Tensor{method(in[0], in[1])}
	}
}

func scalar(method func(x torch.Tensor, scalar float64) torch.Tensor) opCall {
	return with(func(a arguments, in []torch.Tensor) torch.Tensor { return method(in[0], a.number("scalar")) })
}

func reduce(method func(x torch.Tensor, dim int, keep bool) torch.Tensor) opCall {
	return with(func(a arguments, in []torch.Tensor) torch.Tensor {
		return method(in[0], a.int("dim"), a.flag("keepdim"))
	})
}

func with(call func(a arguments, in []torch.Tensor) torch.Tensor) opCall {
	return func(_ *torch.Scope, a arguments, in []torch.Tensor) []torch.Tensor {
		return []torch.Tensor{call(a, in)}
	}
}

// ops maps the names of ops.json to the Go methods.
var ops = map[string]opCall{
	"neg": unary(torch.Tensor.Neg), "exp": unary(torch.Tensor.Exp), "log": unary(torch.Tensor.Log), "sqrt": unary(torch.Tensor.Sqrt),
	"rsqrt": unary(torch.Tensor.Rsqrt), "sin": unary(torch.Tensor.Sin), "cos": unary(torch.Tensor.Cos), "tanh": unary(torch.Tensor.Tanh),
	"sigmoid": unary(torch.Tensor.Sigmoid), "silu": unary(torch.Tensor.Silu), "relu": unary(torch.Tensor.Relu), "abs": unary(torch.Tensor.Abs),
	"square": unary(torch.Tensor.Square), "reciprocal": unary(torch.Tensor.Reciprocal),
	"sum_all": unary(torch.Tensor.SumAll), "mean_all": unary(torch.Tensor.MeanAll),

	"add_scalar": scalar(torch.Tensor.AddScalar), "mul_scalar": scalar(torch.Tensor.MulScalar), "pow_scalar": scalar(torch.Tensor.PowScalar),

	"add": pairwise(torch.Tensor.Add), "sub": pairwise(torch.Tensor.Sub), "mul": pairwise(torch.Tensor.Mul), "div": pairwise(torch.Tensor.Div),
	"minimum": pairwise(torch.Tensor.Minimum), "maximum": pairwise(torch.Tensor.Maximum), "matmul": pairwise(torch.Tensor.MatMul),
	"gt": pairwise(torch.Tensor.Gt), "ge": pairwise(torch.Tensor.Ge), "lt": pairwise(torch.Tensor.Lt), "le": pairwise(torch.Tensor.Le),
	"eq": pairwise(torch.Tensor.Eq), "ne": pairwise(torch.Tensor.Ne),

	"sum": reduce(torch.Tensor.Sum), "mean": reduce(torch.Tensor.Mean), "amax": reduce(torch.Tensor.Amax),
	"argmax": reduce(torch.Tensor.Argmax), "logsumexp": reduce(torch.Tensor.LogSumExp),
	"softmax":     with(func(a arguments, in []torch.Tensor) torch.Tensor { return in[0].Softmax(a.int("dim")) }),
	"log_softmax": with(func(a arguments, in []torch.Tensor) torch.Tensor { return in[0].LogSoftmax(a.int("dim")) }),

	"clamp":   with(func(a arguments, in []torch.Tensor) torch.Tensor { return in[0].Clamp(a.number("lo"), a.number("hi")) }),
	"where":   with(func(a arguments, in []torch.Tensor) torch.Tensor { return in[0].Where(in[1], in[2]) }),
	"reshape": with(func(a arguments, in []torch.Tensor) torch.Tensor { return in[0].Reshape(a.ints("shape")...) }),
	"expand":  with(func(a arguments, in []torch.Tensor) torch.Tensor { return in[0].Expand(a.ints("size")...) }),
	"permute": with(func(a arguments, in []torch.Tensor) torch.Tensor { return in[0].Permute(a.ints("dims")...) }),
	"transpose": with(func(a arguments, in []torch.Tensor) torch.Tensor {
		return in[0].Transpose(a.int("dim0"), a.int("dim1"))
	}),
	"contiguous": with(func(a arguments, in []torch.Tensor) torch.Tensor {
		return in[0].Transpose(a.int("dim0"), a.int("dim1")).Contiguous()
	}),
	"narrow": with(func(a arguments, in []torch.Tensor) torch.Tensor {
		return in[0].Narrow(a.int("dim"), a.int("start"), a.int("length"))
	}),
	"unsqueeze":    with(func(a arguments, in []torch.Tensor) torch.Tensor { return in[0].Unsqueeze(a.int("dim")) }),
	"squeeze":      with(func(a arguments, in []torch.Tensor) torch.Tensor { return in[0].Squeeze(a.int("dim")) }),
	"cat":          with(func(a arguments, in []torch.Tensor) torch.Tensor { return torch.Cat(a.int("dim"), in[0], in[1:]...) }),
	"index_select": with(func(a arguments, in []torch.Tensor) torch.Tensor { return in[0].IndexSelect(a.int("dim"), in[1]) }),
	"repeat_interleave": with(func(a arguments, in []torch.Tensor) torch.Tensor {
		return in[0].RepeatInterleave(a.int("repeats"), a.int("dim"))
	}),

	"embedding": pairwise(torch.Tensor.Embedding),
	"linear": with(func(_ arguments, in []torch.Tensor) torch.Tensor {
		if len(in) == 3 {
			return in[0].Linear(in[1]).Add(in[2])
		}
		return in[0].Linear(in[1])
	}),
	"silu_mul_linear": with(func(_ arguments, in []torch.Tensor) torch.Tensor {
		return in[0].SiluMulLinear(in[1], in[2])
	}),
	"rms_norm":       with(func(a arguments, in []torch.Tensor) torch.Tensor { return in[0].RMSNorm(in[1], a.number("eps")) }),
	"rope":           with(rope),
	"tree_attention": with(treeAttention),
	"norm_linears":   normLinears,
	"token_logprobs": tokenLogProbs,
	"adamw_step":     adamwStep,
	"clip_grad_norm": clipGradNorm,
	"sample":         sample,
}

// rope takes positions (N) and inverse frequencies (D/2); the Go method takes the angles' cos and sin.
func rope(_ arguments, in []torch.Tensor) torch.Tensor {
	angles := in[1].To(torch.F32, torch.CPU).Unsqueeze(1).Mul(in[2].Unsqueeze(0))
	return in[0].Rope(angles.Cos(), angles.Sin())
}

// treeAttention takes the offsets (S + 1) of sequences that share nothing; the Go method takes segments.
func treeAttention(_ arguments, in []torch.Tensor) torch.Tensor {
	var list [][3]int64
	for offsets := in[3].Int64s(); len(offsets) > 1; offsets = offsets[1:] {
		list = append(list, [3]int64{offsets[0], offsets[1] - offsets[0], offsets[1]})
	}
	return torch.TreeAttention(in[0], in[1], in[2], segments(list), 1/math.Sqrt(float64(in[0].Size(-1))))
}

func tokenLogProbs(_ *torch.Scope, a arguments, in []torch.Tensor) []torch.Tensor {
	logp, entropy := in[0].TokenLogProbs(in[1], in[2], a.number("temperature"))
	return []torch.Tensor{logp, entropy}
}

func normLinears(_ *torch.Scope, a arguments, in []torch.Tensor) []torch.Tensor {
	return in[0].NormLinears(in[1], a.number("eps"), in[2], in[3])
}

// withGrad makes a Var of x's values whose gradient is grad.
func withGrad(s *torch.Scope, x, grad torch.Tensor) *torch.Var {
	v := x.In(s).Keep()
	v.RequireGrad(true)
	v.In(s).Mul(grad).SumAll().Backward(torch.Tensor{})
	return v
}

func adamwStep(s *torch.Scope, a arguments, in []torch.Tensor) (out []torch.Tensor) {
	n := a.int("count")
	var params, m, v []*torch.Var
	for i := range n {
		params = append(params, withGrad(s, in[i], in[n+i]))
		m, v = append(m, in[2*n+i].In(s).Keep()), append(v, in[3*n+i].In(s).Keep())
	}
	torch.AdamWStep(params, m, v, torch.AdamW{
		LR: a.number("lr"), Beta1: a.number("beta1"), Beta2: a.number("beta2"), Eps: a.number("eps"),
		WeightDecay: a.number("weight_decay"), Step: int64(a.int("step")),
	})
	for _, vars := range [][]*torch.Var{params, m, v} {
		for _, x := range vars {
			out = append(out, x.In(s))
			x.Free()
		}
	}
	return out
}

func clipGradNorm(s *torch.Scope, a arguments, in []torch.Tensor) (out []torch.Tensor) {
	var params []*torch.Var
	for _, grad := range in {
		params = append(params, withGrad(s, s.Zeros(torch.F32, torch.CPU, grad.Shape()...), grad))
	}
	norm := torch.ClipGradNorm(params, a.number("max_norm"))
	for _, p := range params {
		out = append(out, p.Grad(s))
		p.Free()
	}
	return append(out, s.Full(norm, torch.F32, torch.CPU))
}

func sample(s *torch.Scope, a arguments, in []torch.Tensor) []torch.Tensor {
	var rows []torch.Sampling
	for _, u := range float64s(in[1]) {
		rows = append(rows, torch.Sampling{Temperature: a.number("temperature"), TopP: a.number("top_p"), TopK: int64(a.int("top_k")), Uniform: u})
	}
	ids, logprobs := in[0].Sample(rows)
	return []torch.Tensor{s.FromInt64s(ids, torch.CPU), s.FromFloat32s(logprobs, torch.CPU)}
}

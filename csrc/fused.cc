// Ops of a layer that would otherwise be several, each saving its intermediate results for the backward: RMSNorm, alone
// and with the projections of what it normalised, the rotary embedding, and the gated product of a SwiGLU with the projection
// of it. On the CPU in f32 they are loops of their own; elsewhere libtorch's ops.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/functions/utils.h>

#include <cmath>

#include "guard.h"
#include "simd.h"

using az::ref;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

bool own_loops(const at::Tensor &t) { return t.is_cpu() && t.scalar_type() == at::kFloat; }

// Numbers that a thread takes at least: to wake another one takes as long as some ten thousand of them.
constexpr int64_t grain = 1 << 16;

// y = silu(gate) up
template <int BYTES>
AZ_INLINE void silu_mul_of(const float *gate, const float *up, float *y, int64_t n) {
  az::each_vector<BYTES>(gate, n, [&](az::Floats<BYTES> g, int64_t i, int64_t count) __attribute__((always_inline)) {
    const az::Floats<BYTES> v = g / (1.0f + az::exp_lanes<BYTES>(-g)) * az::load_some<BYTES>(up + i, count);
    std::memcpy(y + i, &v, count * sizeof(float));
  });
}
AZ_KERNEL(silu_mul, silu_mul_of, (const float *gate, const float *up, float *y, int64_t n), (gate, up, y, n))

// d silu(g) / dg = s (1 + g (1 - s)) with s = sigmoid(g). d_up may be dy itself.
template <int BYTES>
AZ_INLINE void silu_mul_backward_of(const float *gate, const float *up, const float *dy, float *d_gate, float *d_up, int64_t n) {
  az::each_vector<BYTES>(gate, n, [&](az::Floats<BYTES> g, int64_t i, int64_t count) __attribute__((always_inline)) {
    const auto u = az::load_some<BYTES>(up + i, count), d = az::load_some<BYTES>(dy + i, count), s = 1.0f / (1.0f + az::exp_lanes<BYTES>(-g));
    const az::Floats<BYTES> dg = d * u * s * (1.0f + g * (1.0f - s)), du = d * g * s;
    std::memcpy(d_gate + i, &dg, count * sizeof(float));
    std::memcpy(d_up + i, &du, count * sizeof(float));
  });
}
AZ_KERNEL(silu_mul_backward, silu_mul_backward_of, (const float *gate, const float *up, const float *dy, float *d_gate, float *d_up, int64_t n), (gate, up, dy, d_gate, d_up, n))

at::Tensor silu_mul(const at::Tensor &gate, const at::Tensor &up) {
  if (!own_loops(gate) || !own_loops(up)) return at::silu(gate).mul_(up);
  at::Tensor out = at::empty_like(gate);
  at::parallel_for(0, gate.numel(), grain, [&](int64_t from, int64_t to) {
    silu_mul(gate.const_data_ptr<float>() + from, up.const_data_ptr<float>() + from, out.mutable_data_ptr<float>() + from, to - from);
  });
  return out;
}

// The gradients of gate and up. That of up takes the place of dy.
std::pair<at::Tensor, at::Tensor> silu_mul_backward(const at::Tensor &gate, const at::Tensor &up, at::Tensor dy) {
  if (!own_loops(gate) || !own_loops(up)) return {at::silu_backward(dy.mul(up), gate), dy.mul_(at::silu(gate))};
  at::Tensor d_gate = at::empty_like(gate);
  float *d_up = dy.mutable_data_ptr<float>();
  at::parallel_for(0, gate.numel(), grain, [&](int64_t from, int64_t to) {
    silu_mul_backward(gate.const_data_ptr<float>() + from, up.const_data_ptr<float>() + from, d_up + from, d_gate.mutable_data_ptr<float>() + from, d_up + from, to - from);
  });
  return {d_gate, dy};
}

// The product, which only the weight's gradient needs, is cheaper to compute again than to keep.
struct SiluMulLinear : torch::autograd::Function<SiluMulLinear> {
  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &gate, const at::Tensor &up, const at::Tensor &weight) {
    ctx->save_for_backward({gate, up, weight});
    return az::linear(silu_mul(gate, up), weight);
  }
  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &gate = saved[0], &up = saved[1], &weight = saved[2], &dy = grads[0];
    at::Tensor d_gate, d_up, d_weight;
    if (ctx->needs_input_grad(2)) d_weight = az::weight_gradient(weight, dy, silu_mul(gate, up));
    if (ctx->needs_input_grad(0) || ctx->needs_input_grad(1)) std::tie(d_gate, d_up) = silu_mul_backward(gate, up, at::matmul(dy, weight));
    return {d_gate, d_up, d_weight};
  }
};

// Each of a row's heads is two halves, whose pairs turn by the row's angles: y = (a cos - b sin, b cos + a sin). With sign -1
// they turn back.
template <int BYTES>
AZ_INLINE void rotate_of(const float *x, const float *cos, const float *sin, float *y, int64_t heads, int64_t half, float sign) {
  for (const float *end = x + heads * 2 * half; x < end; x += 2 * half, y += 2 * half)
    az::each_vector<BYTES>(x, half, [&](az::Floats<BYTES> a, int64_t i, int64_t count) __attribute__((always_inline)) {
      const auto b = az::load_some<BYTES>(x + half + i, count), c = az::load_some<BYTES>(cos + i, count), s = az::load_some<BYTES>(sin + i, count) * sign;
      const az::Floats<BYTES> first = a * c - b * s, second = b * c + a * s;
      std::memcpy(y + i, &first, count * sizeof(float));
      std::memcpy(y + half + i, &second, count * sizeof(float));
    });
}
AZ_KERNEL(rotate_row, rotate_of, (const float *x, const float *cos, const float *sin, float *y, int64_t heads, int64_t half, float sign), (x, cos, sin, y, heads, half, sign))

// x (N, H, D), cos and sin (N, D/2).
at::Tensor rotate(const at::Tensor &x, const at::Tensor &cos, const at::Tensor &sin, int sign) {
  if (!own_loops(x) || !own_loops(cos) || !own_loops(sin)) {
    auto halves = x.chunk(2, -1);
    const at::Tensor c = cos.unsqueeze(1), s = sin.unsqueeze(1) * sign;
    return at::cat({halves[0] * c - halves[1] * s, halves[1] * c + halves[0] * s}, -1);
  }
  const at::Tensor in = x.contiguous(), c = cos.contiguous(), s = sin.contiguous();
  const int64_t heads = x.size(1), half = c.size(1), row = heads * 2 * half;
  at::Tensor out = at::empty_like(in);
  at::parallel_for(0, x.size(0), std::max<int64_t>(1, grain / std::max<int64_t>(1, row)), [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++)
      rotate_row(in.const_data_ptr<float>() + i * row, c.const_data_ptr<float>() + i * half, s.const_data_ptr<float>() + i * half, out.mutable_data_ptr<float>() + i * row, heads, half, static_cast<float>(sign));
  });
  return out;
}

struct Rope : torch::autograd::Function<Rope> {
  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &cos, const at::Tensor &sin) {
    ctx->save_for_backward({cos, sin});
    return rotate(x, cos, sin, 1);
  }
  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    return {rotate(grads[0], saved[0], saved[1], -1), at::Tensor(), at::Tensor()};
  }
};

// A row of D numbers: y = x r weight with r = 1 / sqrt(mean x² + eps), which it returns.
template <int BYTES>
AZ_INLINE void rms_norm_of(const float *x, const float *weight, float *y, float *scale, int64_t d, float eps) {
  az::Floats<BYTES> squares = {};
  az::each_vector<BYTES>(x, d, [&](az::Floats<BYTES> v, int64_t, int64_t) __attribute__((always_inline)) { squares += v * v; });
  const float r = 1 / std::sqrt(az::total<BYTES>(squares) / static_cast<float>(d) + eps);
  az::each_vector<BYTES>(x, d, [&](az::Floats<BYTES> v, int64_t i, int64_t count) __attribute__((always_inline)) {
    v = v * r * az::load_some<BYTES>(weight + i, count);
    std::memcpy(y + i, &v, count * sizeof(float));
  });
  *scale = r;
}
AZ_KERNEL(rms_norm_row, rms_norm_of, (const float *x, const float *weight, float *y, float *scale, int64_t d, float eps), (x, weight, y, scale, d, eps))

// dx = r dy weight - x r³ mean(dy weight x)
template <int BYTES>
AZ_INLINE void rms_norm_backward_of(const float *x, const float *weight, const float *dy, float r, float *dx, int64_t d) {
  az::Floats<BYTES> products = {};
  az::each_vector<BYTES>(x, d, [&](az::Floats<BYTES> v, int64_t i, int64_t count) __attribute__((always_inline)) {
    products += v * az::load_some<BYTES>(weight + i, count) * az::load_some<BYTES>(dy + i, count);
  });
  const float mean = az::total<BYTES>(products) / static_cast<float>(d) * r * r * r;
  az::each_vector<BYTES>(x, d, [&](az::Floats<BYTES> v, int64_t i, int64_t count) __attribute__((always_inline)) {
    v = az::load_some<BYTES>(weight + i, count) * az::load_some<BYTES>(dy + i, count) * r - v * mean;
    std::memcpy(dx + i, &v, count * sizeof(float));
  });
}
AZ_KERNEL(rms_norm_backward_row, rms_norm_backward_of, (const float *x, const float *weight, const float *dy, float r, float *dx, int64_t d), (x, weight, dy, r, dx, d))

// d weight += dy x r for a row.
template <int BYTES>
AZ_INLINE void add_weight_gradient_of(const float *x, const float *dy, float r, float *dw, int64_t d) {
  az::each_vector<BYTES>(x, d, [&](az::Floats<BYTES> v, int64_t i, int64_t count) __attribute__((always_inline)) {
    v = az::load_some<BYTES>(dw + i, count) + v * az::load_some<BYTES>(dy + i, count) * r;
    std::memcpy(dw + i, &v, count * sizeof(float));
  });
}
AZ_KERNEL(add_weight_gradient, add_weight_gradient_of, (const float *x, const float *dy, float r, float *dw, int64_t d), (x, dy, r, dw, d))

// Of other types than f32 the loops see copies, which go at once.
at::Tensor in_f32(const at::Tensor &t) { return t.contiguous().to(at::kFloat); }

// x (..., D) and weight (D): the result, and each row's scale, f32.
std::tuple<at::Tensor, at::Tensor> rms_norm(const at::Tensor &x, const at::Tensor &weight, double eps) {
  if (!x.is_cpu()) return at::_fused_rms_norm(x, weight.sizes(), weight, eps);
  const at::Tensor in = in_f32(x), w = in_f32(weight);
  const int64_t d = w.numel(), n = d ? in.numel() / d : 0;
  at::Tensor out = at::empty_like(in), scale = at::empty({n}, in.options());
  at::parallel_for(0, n, std::max<int64_t>(1, grain / std::max<int64_t>(1, d)), [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++)
      rms_norm_row(in.const_data_ptr<float>() + i * d, w.const_data_ptr<float>(), out.mutable_data_ptr<float>() + i * d, scale.mutable_data_ptr<float>() + i, d, static_cast<float>(eps));
  });
  return {out.to(x.scalar_type()), scale};
}

// The gradients of x and weight, given that of the result.
std::tuple<at::Tensor, at::Tensor> rms_norm_backward(const at::Tensor &x, const at::Tensor &weight, const at::Tensor &scale, const at::Tensor &grad) {
  if (!x.is_cpu()) return at::_fused_rms_norm_backward(grad, x, weight.sizes(), scale, weight, {true, true});
  const at::Tensor in = in_f32(x), w = in_f32(weight), dy = in_f32(grad);
  const int64_t d = w.numel(), n = scale.numel();
  const float *xs = in.const_data_ptr<float>(), *ws = w.const_data_ptr<float>(), *dys = dy.const_data_ptr<float>(), *rs = scale.const_data_ptr<float>();
  at::Tensor dx = at::empty_like(in), dw = at::zeros_like(w);
  at::parallel_for(0, n, std::max<int64_t>(1, grain / std::max<int64_t>(1, d)), [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) rms_norm_backward_row(xs + i * d, ws, dys + i * d, rs[i], dx.mutable_data_ptr<float>() + i * d, d);
  });
  // Columns to each thread, so that the order of a sum does not depend on the threads.
  at::parallel_for(0, d, std::max<int64_t>(64, grain / std::max<int64_t>(1, n)), [&](int64_t from, int64_t to) {
    for (int64_t i = 0; i < n; i++) add_weight_gradient(xs + i * d + from, dys + i * d + from, rs[i], dw.mutable_data_ptr<float>() + from, to - from);
  });
  return {dx.to(x.scalar_type()), dw.to(weight.scalar_type())};
}

struct RMSNorm : torch::autograd::Function<RMSNorm> {
  static at::Tensor forward(AutogradContext *ctx, const at::Tensor &x, const at::Tensor &weight, double eps) {
    auto [out, scale] = rms_norm(x, weight, eps);
    ctx->save_for_backward({x, weight, scale});
    return out;
  }
  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    auto [dx, dw] = rms_norm_backward(saved[0], saved[1], saved[2], grads[0]);
    return {dx, dw, at::Tensor()};
  }
};

// The inputs are x (N, D), norm (D), and the weights (Out, D) of any number of linear layers, which is why this is a node of
// its own: a Function takes no lists. What is normalised, which only the gradients of the weights need, is cheaper to
// compute again than to keep.
struct NormLinearsBackward : torch::autograd::Node {
  std::vector<torch::autograd::SavedVariable> saved;
  double eps = 0;

  std::string name() const override { return "NormLinearsBackward"; }
  void release_variables() override { saved.clear(); }

  variable_list apply(variable_list &&grads) override {
    TORCH_CHECK(!saved.empty(), "norm_linears: a second backward through the same graph");
    variable_list inputs, gradients(saved.size());
    for (const auto &s : saved) inputs.push_back(s.unpack());
    auto [h, scale] = rms_norm(inputs[0], inputs[1], eps);
    at::Tensor dh;
    for (size_t i = 0; i < grads.size(); i++) {
      if (!grads[i].defined()) continue;
      const at::Tensor &weight = inputs[2 + i], &dy = grads[i];
      if (task_should_compute_output(2 + i)) gradients[2 + i] = az::weight_gradient(weight, dy, h);
      dh = dh.defined() ? dh.addmm_(dy, weight) : at::mm(dy, weight);
    }
    h.reset();
    if (dh.defined()) std::tie(gradients[0], gradients[1]) = rms_norm_backward(inputs[0], inputs[1], scale, dh);
    return gradients;
  }
};

variable_list norm_linears(const variable_list &inputs, double eps) {
  variable_list products;
  {
    at::NoGradGuard no_grad;
    const at::Tensor h = std::get<0>(rms_norm(inputs[0], inputs[1], eps));
    products = az::linears(h, {inputs.begin() + 2, inputs.end()});
  }
  if (at::GradMode::is_enabled() && torch::autograd::any_variable_requires_grad(inputs)) {
    auto node = c10::make_intrusive<NormLinearsBackward>();
    node->set_next_edges(torch::autograd::collect_next_edges(inputs));
    for (const at::Tensor &t : inputs) node->saved.emplace_back(t, false);
    node->eps = eps;
    torch::autograd::set_history(products, node);
  }
  return products;
}

}  // namespace

extern "C" {

// x (N, H, D), cos and sin (N, D/2): the halves of each head are rotated as pairs, as HF's rotate_half does.
az_result az_rope(const az_tensor *x, const az_tensor *cos, const az_tensor *sin) {
  return az::guard([&] {
    const at::Tensor &t = ref(x), &c = ref(cos), &s = ref(sin);
    TORCH_CHECK(t.dim() == 3 && c.dim() == 2 && c.sizes() == s.sizes() && c.size(0) == t.size(0) && 2 * c.size(1) == t.size(2), "rope: input ", t.sizes(), ", cos ", c.sizes(), ", sin ", s.sizes());
    return Rope::apply(t, c, s);
  });
}

// silu(gate) times up, both (N, In), times weight (Out, In) transposed.
az_result az_silu_mul_linear(const az_tensor *gate, const az_tensor *up, const az_tensor *weight) {
  return az::guard([&] {
    const at::Tensor &g = ref(gate), &u = ref(up), &w = ref(weight);
    TORCH_CHECK(g.dim() == 2 && g.sizes() == u.sizes() && w.dim() == 2 && w.size(1) == g.size(1), "silu_mul_linear: gate ", g.sizes(), ", up ", u.sizes(), ", weight ", w.sizes());
    return SiluMulLinear::apply(g.contiguous(), u.contiguous(), w);
  });
}

// x (..., D) over its root mean square, times weight (D).
az_result az_rms_norm(const az_tensor *x, const az_tensor *weight, double eps) {
  return az::guard([&] {
    const at::Tensor &t = ref(x), &w = ref(weight);
    TORCH_CHECK(w.dim() == 1 && t.dim() > 0 && t.size(-1) == w.size(0), "rms_norm: input ", t.sizes(), ", weight ", w.sizes());
    return RMSNorm::apply(t, w, eps);
  });
}

// x (N, D) over its root mean square, times norm (D), times each of n weights (Out, D) transposed. products has room for n.
az_status az_norm_linears(const az_tensor *x, const az_tensor *norm, double eps, az_tensor *const *weights, size_t n, az_tensor **products) {
  return az::attempt([&] {
    const at::Tensor &t = ref(x), &w = ref(norm);
    TORCH_CHECK(t.dim() == 2 && w.dim() == 1 && t.size(1) == w.size(0), "norm_linears: input ", t.sizes(), ", norm ", w.sizes());
    variable_list inputs{t, w};
    for (const at::Tensor &each : az::refs(weights, n)) {
      TORCH_CHECK(each.dim() == 2 && each.size(1) == t.size(1), "norm_linears: input ", t.sizes(), ", weight ", each.sizes());
      inputs.push_back(each);
    }
    const variable_list results = norm_linears(inputs, eps);
    for (size_t i = 0; i < n; i++) products[i] = az::wrap(results[i]);
  });
}

}  // extern "C"

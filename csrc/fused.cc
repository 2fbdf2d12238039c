// Ops of a layer that would otherwise be several, each saving its intermediate results for the backward: RMSNorm, and
// the gated product of a SwiGLU with the projection of it. On the CPU in f32 norm and product are loops of their own;
// elsewhere libtorch's ops.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "guard.h"
#include "simd.h"

using az::ref;

namespace {

bool own_loops(const at::Tensor &t) { return t.is_cpu() && t.scalar_type() == at::kFloat; }

// Numbers that a thread takes at least.
constexpr int64_t grain = 8192;

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
  static at::Tensor forward(torch::autograd::AutogradContext *ctx, const at::Tensor &gate, const at::Tensor &up, const at::Tensor &weight) {
    ctx->save_for_backward({gate, up, weight});
    return az::linear(silu_mul(gate, up), weight);
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx, torch::autograd::variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &gate = saved[0], &up = saved[1], &weight = saved[2], &dy = grads[0];
    at::Tensor d_gate, d_up, d_weight;
    if (ctx->needs_input_grad(2)) d_weight = az::weight_gradient(weight, dy, silu_mul(gate, up));
    if (ctx->needs_input_grad(0) || ctx->needs_input_grad(1)) std::tie(d_gate, d_up) = silu_mul_backward(gate, up, at::matmul(dy, weight));
    return {d_gate, d_up, d_weight};
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

// x (N, D) and weight (D): the result, and each row's scale (N).
std::pair<at::Tensor, at::Tensor> rms_norm_forward(const at::Tensor &x, const at::Tensor &weight, double eps) {
  const int64_t d = weight.numel(), n = d ? x.numel() / d : 0;
  at::Tensor out = at::empty_like(x), scale = at::empty({n}, x.options());
  at::parallel_for(0, n, std::max<int64_t>(1, grain / std::max<int64_t>(1, d)), [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++)
      rms_norm_row(x.const_data_ptr<float>() + i * d, weight.const_data_ptr<float>(), out.mutable_data_ptr<float>() + i * d, scale.mutable_data_ptr<float>() + i, d, static_cast<float>(eps));
  });
  return {out, scale};
}

// Of other types than f32 the loops see copies, which go at once.
at::Tensor in_f32(const at::Tensor &t) { return t.contiguous().to(at::kFloat); }

struct RMSNorm : torch::autograd::Function<RMSNorm> {
  static at::Tensor forward(torch::autograd::AutogradContext *ctx, const at::Tensor &x, const at::Tensor &weight, double eps) {
    auto [out, scale] = rms_norm_forward(in_f32(x), in_f32(weight), eps);
    ctx->save_for_backward({x, weight, scale});
    return out.to(x.scalar_type());
  }
  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx, torch::autograd::variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor x = in_f32(saved[0]), weight = in_f32(saved[1]), dy = in_f32(grads[0]), &scale = saved[2];
    const int64_t d = weight.numel(), n = scale.numel();
    const float *xs = x.const_data_ptr<float>(), *ws = weight.const_data_ptr<float>(), *dys = dy.const_data_ptr<float>(), *rs = scale.const_data_ptr<float>();
    at::Tensor dx = at::empty_like(x), dw = at::zeros_like(weight);
    at::parallel_for(0, n, std::max<int64_t>(1, grain / std::max<int64_t>(1, d)), [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; i++) rms_norm_backward_row(xs + i * d, ws, dys + i * d, rs[i], dx.mutable_data_ptr<float>() + i * d, d);
    });
    // Columns to each thread, so that the order of a sum does not depend on the threads.
    at::parallel_for(0, d, std::max<int64_t>(64, grain / std::max<int64_t>(1, n)), [&](int64_t from, int64_t to) {
      for (int64_t i = 0; i < n; i++) add_weight_gradient(xs + i * d + from, dys + i * d + from, rs[i], dw.mutable_data_ptr<float>() + from, to - from);
    });
    return {dx.to(saved[0].scalar_type()), dw.to(saved[1].scalar_type()), at::Tensor()};
  }
};

}  // namespace

extern "C" {

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
    if (!t.is_cpu()) return at::rms_norm(t, w.sizes(), w, eps);
    return at::GradMode::is_enabled() ? RMSNorm::apply(t, w, eps) : rms_norm_forward(in_f32(t), in_f32(w), eps).first.to(t.scalar_type());
  });
}

}  // extern "C"

// Log-probs of tokens and entropies from hidden states. The tensor of logits becomes that of log-probs, and in the
// backward that of gradients: on the CPU in loops of our own, which pass over a row while it is in the cache.
#include <ATen/Parallel.h>
#include <torch/csrc/autograd/custom_function.h>

#include <cmath>

#include "guard.h"
#include "simd.h"

using az::ref;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// z := log softmax(z), with the entropy H = log S - sum e u / S of u = z - max, e = exp(u), S = sum e.
template <int BYTES>
AZ_INLINE void log_softmax_of(float *z, int64_t n, float *entropy) {
  using V = az::Floats<BYTES>;
  const float highest = az::greatest<BYTES>(z, n);
  double sum = 0, products = 0;
  constexpr int64_t block = 4096;  // so many are added up in f32
  for (int64_t from = 0; from < n; from += block) {
    V s = {}, p = {};
    az::each_vector<BYTES>(z + from, std::min(block, n - from), [&](V v, int64_t, int64_t count) __attribute__((always_inline)) {
      const V u = v - highest, all = az::exp_lanes<BYTES>(u);
      const V e = az::load_some<BYTES>(reinterpret_cast<const float *>(&all), count);
      s += e;
      p += e * u;
    });
    sum += az::total<BYTES>(s);
    products += az::total<BYTES>(p);
  }
  const float log_sum = static_cast<float>(std::log(sum));
  az::each_vector<BYTES>(z, n, [&](V v, int64_t i, int64_t count) __attribute__((always_inline)) {
    v = v - highest - log_sum;
    std::memcpy(z + i, &v, count * sizeof(float));
  });
  *entropy = static_cast<float>(std::log(sum) - products / sum);
}
AZ_KERNEL(log_softmax_row, log_softmax_of, (float *z, int64_t n, float *entropy), (z, n, entropy))

// log p := p (a + b log p)
template <int BYTES>
AZ_INLINE void gradient_of(float *log_p, int64_t n, float a, float b) {
  az::each_vector<BYTES>(log_p, n, [&](az::Floats<BYTES> v, int64_t i, int64_t count) __attribute__((always_inline)) {
    v = az::exp_lanes<BYTES>(v) * (a + b * v);
    std::memcpy(log_p + i, &v, count * sizeof(float));
  });
}
AZ_KERNEL(gradient_row, gradient_of, (float *log_p, int64_t n, float a, float b), (log_p, n, a, b))

// Calls f(row, its numbers) for each row of a contiguous t (N, V).
template <class F>
void each_row(at::Tensor &t, F f) {
  float *data = t.mutable_data_ptr<float>();
  at::parallel_for(0, t.size(0), 1, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; i++) f(i, data + i * t.size(1));
  });
}

// Turns logits (N, V) f32 into log-probs, and returns the entropies (N).
at::Tensor log_softmax_(at::Tensor &logits) {
  if (!logits.is_cpu()) {
    logits = at::log_softmax(logits, 1);
    return logits.exp().mul_(logits).sum(1).neg_();
  }
  at::Tensor entropy = at::empty({logits.size(0)}, logits.options());
  float *entropies = entropy.mutable_data_ptr<float>();
  each_row(logits, [&](int64_t i, float *row) { log_softmax_row(row, logits.size(1), entropies + i); });
  return entropy;
}

// log p := p (a + b log p), with a and b (N).
void gradient_(at::Tensor &log_p, const at::Tensor &a, const at::Tensor &b) {
  if (!log_p.is_cpu()) {
    const at::Tensor p = log_p.exp();
    at::addcmul_out(log_p, a.unsqueeze(1), b.unsqueeze(1), log_p).mul_(p);
    return;
  }
  const at::Tensor as = a.contiguous(), bs = b.contiguous();
  each_row(log_p, [&](int64_t i, float *row) { gradient_row(row, log_p.size(1), as.const_data_ptr<float>()[i], bs.const_data_ptr<float>()[i]); });
}

// log p(target) and entropy of softmax(hidden weightᵀ / temperature). The log-probs of all tokens are kept for the
// backward, so that logits are computed once.
struct TokenLogProbs : torch::autograd::Function<TokenLogProbs> {
  static variable_list forward(AutogradContext *ctx, const at::Tensor &hidden, const at::Tensor &weight, const at::Tensor &targets, double temperature) {
    at::Tensor log_p = at::matmul(hidden, weight.t()).to(at::kFloat);
    if (temperature != 1) log_p.div_(temperature);
    const at::Tensor entropy = log_softmax_(log_p);
    ctx->save_for_backward({hidden, weight, targets, entropy, log_p});
    ctx->saved_data["temperature"] = temperature;
    return {log_p.gather(1, targets.unsqueeze(1)).squeeze(1), entropy};
  }

  // With z the scaled logits and p their softmax: d logp / dz = onehot − p, d entropy / dz = −p (log p + entropy).
  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &hidden = saved[0], &weight = saved[1], &targets = saved[2], &entropy = saved[3];
    const double temperature = ctx->saved_data["temperature"].toDouble();
    const at::Tensor d_logp = grads[0].div(temperature), d_entropy = grads[1].div(temperature);
    at::Tensor dz = saved[4];  // log p so far
    gradient_(dz, d_entropy.mul(entropy).add_(d_logp).neg_(), d_entropy.neg());
    dz.scatter_add_(1, targets.unsqueeze(1), d_logp.unsqueeze(1));
    dz = dz.to(weight.scalar_type());
    at::Tensor d_weight = ctx->needs_input_grad(1) ? az::weight_gradient(weight, dz, hidden) : at::Tensor();
    return {at::matmul(dz, weight), d_weight, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

extern "C" {

// hidden (N, D), weight (V, D), targets (N) i64. Returns log-probs (N) and entropies (N), f32, in nats.
az_pair az_token_logprobs(const az_tensor *hidden, const az_tensor *weight, const az_tensor *targets, double temperature) {
  az_pair r{nullptr, nullptr, {nullptr, AZ_OK}};
  r.status = az::attempt([&] {
    const at::Tensor &h = ref(hidden), &w = ref(weight), &ids = ref(targets);
    TORCH_CHECK(h.dim() == 2 && w.dim() == 2 && h.size(1) == w.size(1) && ids.dim() == 1 && ids.size(0) == h.size(0),
                "token_logprobs: hidden ", h.sizes(), ", weight ", w.sizes(), ", targets ", ids.sizes());
    TORCH_CHECK(temperature > 0, "token_logprobs: temperature ", temperature);
    auto out = TokenLogProbs::apply(h, w, ids, temperature);
    r.first = az::wrap(out[0]);
    r.second = az::wrap(out[1]);
  });
  return r;
}

}  // extern "C"

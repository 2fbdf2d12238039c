// Backward, gradients, and the one op whose gradient is written by hand.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/variable.h>

#include "guard.h"

using az::ref;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// Rows of logits that are alive at once: about 32 MiB of f32 whatever the vocabulary.
int64_t chunk_rows(int64_t vocab) { return std::max<int64_t>(16, (8 << 20) / vocab); }

// log softmax(hidden weightᵀ / temperature). Subtracting a log-sum-exp would cancel where logits are large.
at::Tensor log_probs(const at::Tensor &hidden, const at::Tensor &weight, double temperature) {
  at::Tensor logits = at::matmul(hidden, weight.t()).to(at::kFloat);
  return at::log_softmax(temperature == 1 ? logits : logits.div_(temperature), 1);
}

// log p(target) and entropy of softmax(hidden weightᵀ / temperature), without the (N, V) tensor:
// logits live a chunk of rows at a time and are computed again in backward.
struct TokenLogProbs : torch::autograd::Function<TokenLogProbs> {
  static variable_list forward(AutogradContext *ctx, const at::Tensor &hidden, const at::Tensor &weight, const at::Tensor &targets, double temperature) {
    const int64_t n = hidden.size(0), step = chunk_rows(weight.size(0));
    at::Tensor logp = at::empty({n}, hidden.options().dtype(at::kFloat)), entropy = at::empty_like(logp);
    for (int64_t from = 0; from < n; from += step) {
      const int64_t rows = std::min(step, n - from);
      auto part = [&](const at::Tensor &t) { return t.narrow(0, from, rows); };
      at::Tensor log_p = log_probs(part(hidden), weight, temperature);
      part(logp).copy_(log_p.gather(1, part(targets).unsqueeze(1)).squeeze(1));
      part(entropy).copy_(log_p.exp().mul_(log_p).sum(1).neg_());
    }
    ctx->save_for_backward({hidden, weight, targets, entropy});
    ctx->saved_data["temperature"] = temperature;
    return {logp, entropy};
  }

  // With z the scaled logits and p their softmax: d logp / dz = onehot − p, d entropy / dz = −p (log p + entropy).
  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &hidden = saved[0], &weight = saved[1], &targets = saved[2], &entropy = saved[3];
    const double temperature = ctx->saved_data["temperature"].toDouble();
    const int64_t n = hidden.size(0), step = chunk_rows(weight.size(0));
    at::Tensor d_hidden = at::empty_like(hidden);
    at::Tensor d_weight = ctx->needs_input_grad(1) ? at::zeros_like(weight) : at::Tensor();
    for (int64_t from = 0; from < n; from += step) {
      const int64_t rows = std::min(step, n - from);
      auto part = [&](const at::Tensor &t) { return t.narrow(0, from, rows); };
      at::Tensor log_p = log_probs(part(hidden), weight, temperature);
      at::Tensor d_logp = grads[0].defined() ? part(grads[0]).unsqueeze(1) : at::zeros({rows, 1}, entropy.options());
      at::Tensor dz = log_p.exp();
      if (grads[1].defined()) {
        at::Tensor d_entropy = part(grads[1]).unsqueeze(1);
        dz.mul_((log_p.add_(part(entropy).unsqueeze(1))).mul_(d_entropy).add_(d_logp)).neg_();
      } else {
        dz.mul_(-d_logp);
      }
      dz.scatter_add_(1, part(targets).unsqueeze(1), d_logp.contiguous());
      dz = dz.mul_(1 / temperature).to(weight.scalar_type());
      part(d_hidden).copy_(at::matmul(dz, weight));
      if (d_weight.defined()) d_weight.addmm_(dz.t(), part(hidden));
    }
    return {d_hidden, d_weight, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

at::Tensor az::weight_gradient(const at::Tensor &weight, const at::Tensor &dy, const at::Tensor &x) {
  at::Tensor grad = weight.is_leaf() ? weight.grad() : at::Tensor();
  if (!grad.defined()) return at::matmul(dy.t(), x);
  grad.addmm_(dy.t(), x);
  return at::Tensor();
}

extern "C" {

az_status az_set_requires_grad(az_tensor *t, int32_t on) {
  return az::attempt([&] { t->value.set_requires_grad(on != 0); });
}

// grad has the tensor's shape and dtype.
az_status az_set_grad(az_tensor *t, const az_tensor *grad) {
  return az::attempt([&] { t->value.mutable_grad() = ref(grad).detach(); });
}

az_status az_backward(const az_tensor *t, const az_tensor *grad) {
  return az::attempt([&] { ref(t).backward(grad ? ref(grad) : at::Tensor()); });
}

az_result az_grad(const az_tensor *t) {
  az_result r{nullptr, {nullptr, AZ_OK}};
  r.status = az::attempt([&] {
    if (ref(t).grad().defined()) r.tensor = az::wrap(ref(t).grad());
  });
  return r;
}

void az_clear_grad(az_tensor *const *ts, size_t n) {
  for (size_t i = 0; i < n; i++) ts[i]->value.mutable_grad() = at::Tensor();
}

int64_t az_logits_rows(int64_t vocab) { return chunk_rows(vocab); }

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

// Backward, gradients, and the log-probs of tokens.
#include <torch/csrc/autograd/custom_function.h>
#include <torch/csrc/autograd/variable.h>

#include "guard.h"

using az::ref;

namespace {

using torch::autograd::AutogradContext;
using torch::autograd::variable_list;

// log p(target) and entropy of softmax(hidden weightᵀ / temperature). What the softmax gave is kept for the backward, so
// that the logits are computed once; two tensors of their size are there at most.
struct TokenLogProbs : torch::autograd::Function<TokenLogProbs> {
  static variable_list forward(AutogradContext *ctx, const at::Tensor &hidden, const at::Tensor &weight, const at::Tensor &targets, double temperature) {
    at::Tensor logits = at::matmul(hidden, weight.t()).to(at::kFloat);
    if (temperature != 1) logits.div_(temperature);
    const at::Tensor log_p = at::log_softmax(logits, 1);  // subtracting a log-sum-exp would cancel where logits are large
    logits.reset();
    const at::Tensor entropy = log_p.exp().mul_(log_p).sum(1).neg_();
    ctx->save_for_backward({hidden, weight, targets, entropy, log_p});
    ctx->saved_data["temperature"] = temperature;
    return {log_p.gather(1, targets.unsqueeze(1)).squeeze(1), entropy};
  }

  // With z the scaled logits and p their softmax: d logp / dz = onehot − p, d entropy / dz = −p (log p + entropy).
  static variable_list backward(AutogradContext *ctx, variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &hidden = saved[0], &weight = saved[1], &targets = saved[2], &entropy = saved[3];
    at::Tensor log_p = saved[4];
    const double temperature = ctx->saved_data["temperature"].toDouble();
    const at::Tensor d_logp = grads[0].div(temperature).unsqueeze(1), d_entropy = grads[1].div(temperature).unsqueeze(1);
    at::Tensor p = log_p.exp();
    at::addcmul_out(log_p, d_entropy.mul(entropy.unsqueeze(1)).add_(d_logp).neg_(), d_entropy, log_p, -1).mul_(p);
    p.reset();
    log_p.scatter_add_(1, targets.unsqueeze(1), d_logp);
    const at::Tensor d_logits = log_p.to(weight.scalar_type());
    at::Tensor d_weight = ctx->needs_input_grad(1) ? az::weight_gradient(weight, d_logits, hidden) : at::Tensor();
    return {at::matmul(d_logits, weight), d_weight, at::Tensor(), at::Tensor()};
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

// The optimiser's kernels: many tensors in one call. Parameters without a gradient are passed over.
#include <algorithm>
#include <cmath>

#include "guard.h"

namespace {

std::vector<at::Tensor> gradients(az_tensor *const *params, size_t n) {
  std::vector<at::Tensor> out;
  for (size_t i = 0; i < n; i++)
    if (az::ref(params[i]).grad().defined()) out.push_back(az::ref(params[i]).grad());
  return out;
}

// The nearest matrix to x with all singular values about 1: five Newton-Schulz steps of the quintic whose
// coefficients the authors of Muon chose. Wide matrices cost less, so a tall one is turned.
at::Tensor orthogonal(at::Tensor x) {
  const bool tall = x.size(0) > x.size(1);
  if (tall) x = x.t();
  x = x / (x.norm() + 1e-7);
  for (int i = 0; i < 5; i++) {
    const auto a = at::mm(x, x.t());
    x = at::addmm(x, at::addmm(a, a, a, -4.7750, 2.0315), x, 3.4445);
  }
  return tall ? x.t() : x;
}

// Random numbers on a device that are a function of the seed.
at::Generator generator(const at::Device &device, uint64_t seed) {
  at::Generator g = device.is_cpu() ? at::detail::createCPUGenerator() : at::globalContext().getAcceleratorHooksInterface(device.type()).getNewGenerator(device.index());
  g.set_current_seed(seed);
  return g;
}

// Numbers that are rounded at once, each of which takes 12 bytes meanwhile.
constexpr int64_t rounded_at_once = 1 << 20;

}  // namespace

extern "C" {

// One AdamW step (decoupled weight decay) over parameters and moments of equal dtype. step counts from 1.
az_status az_adamw_step(az_tensor *const *params, az_tensor *const *exp_avg, az_tensor *const *exp_avg_sq, size_t n, az_adamw o) {
  return az::attempt([&] {
    at::NoGradGuard no_grad;
    std::vector<at::Tensor> ps, ms, vs, steps;
    for (size_t i = 0; i < n; i++) {
      if (!az::ref(params[i]).grad().defined()) continue;
      ps.push_back(az::ref(params[i]));
      ms.push_back(az::ref(exp_avg[i]));
      vs.push_back(az::ref(exp_avg_sq[i]));
      steps.push_back(at::full({}, static_cast<double>(o.step), ps.back().options().dtype(at::kFloat)));
    }
    if (ps.empty()) return;
    at::_fused_adamw_(ps, gradients(params, n), ms, vs, {}, steps, o.lr, o.beta1, o.beta2, o.weight_decay, o.eps, false, false);
  });
}

// One Muon step over matrices (out, in): Nesterov momentum, made orthogonal, decoupled weight decay. A tall matrix
// takes a longer step, by the root of its shape's ratio.
az_status az_muon_step(az_tensor *const *params, az_tensor *const *momenta, size_t n, double lr, double momentum, double weight_decay) {
  return az::attempt([&] {
    at::NoGradGuard no_grad;
    for (size_t i = 0; i < n; i++) {
      auto p = az::ref(params[i]), m = az::ref(momenta[i]);
      if (!p.grad().defined()) continue;
      TORCH_CHECK(p.dim() == 2, "muon: want matrices; got ", p.dim(), " dimensions");
      m.mul_(momentum).add_(p.grad());
      const double stretch = std::sqrt(std::max(1.0, static_cast<double>(p.size(0)) / p.size(1)));
      p.mul_(1 - lr * weight_decay).add_(orthogonal(p.grad().add(m, momentum)), -lr * stretch);
    }
  });
}

// Moves each of vars the given share of the way to its target.
az_status az_lerp(az_tensor *const *vars, az_tensor *const *targets, size_t n, double share) {
  return az::attempt([&] {
    at::NoGradGuard no_grad;
    for (size_t i = 0; i < n; i++) az::ref(vars[i]).lerp_(az::ref(targets[i]), share);
  });
}

// Rounds f32 values to bf16, up or down at random with the odds that make the mean right: the low half of a number's bits
// is added to random bits, and what carries over stays.
az_status az_round_stochastically(az_tensor *into, const az_tensor *values, uint64_t seed) {
  return az::attempt([&] {
    at::NoGradGuard no_grad;
    const at::Tensor &to = az::ref(into), &from = az::ref(values);
    TORCH_CHECK(to.scalar_type() == at::kBFloat16 && from.scalar_type() == at::kFloat && to.sizes() == from.sizes() && to.is_contiguous(),
                "round_stochastically: ", from.scalar_type(), " ", from.sizes(), " to ", to.scalar_type(), " ", to.sizes());
    const at::Generator g = generator(from.device(), seed);
    const at::Tensor flat = from.reshape(-1), rounded = to.view(-1);
    for (int64_t at = 0; at < flat.size(0); at += rounded_at_once) {
      const int64_t n = std::min(rounded_at_once, flat.size(0) - at);
      const at::Tensor random = at::randint(0, 1 << 16, {n}, g, flat.options().dtype(at::kInt));
      const at::Tensor bits = random.add_(flat.narrow(0, at, n).view(at::kInt)).bitwise_and_(~0xffff);
      rounded.narrow(0, at, n).copy_(bits.view(at::kFloat));
    }
  });
}

// Exchanges the values of tensors of equal shape and dtype.
az_status az_exchange(az_tensor *const *a, az_tensor *const *b, size_t n) {
  return az::attempt([&] {
    at::NoGradGuard no_grad;
    for (size_t i = 0; i < n; i++) {
      const auto kept = az::ref(a[i]).clone();
      az::ref(a[i]).copy_(az::ref(b[i]));
      az::ref(b[i]).copy_(kept);
    }
  });
}

// Scales all gradients by min(1, max_norm / norm) of their joint L2 norm, which it returns; a norm that is not
// finite leaves them as they are.
az_status az_clip_grad_norm(az_tensor *const *params, size_t n, double max_norm, double *norm) {
  return az::attempt([&] {
    at::NoGradGuard no_grad;
    auto grads = gradients(params, n);
    *norm = 0;
    if (grads.empty()) return;
    *norm = at::stack(at::_foreach_norm(grads, 2, at::kFloat)).norm().item<double>();
    const double scale = max_norm / (*norm + 1e-6);
    if (std::isfinite(*norm) && scale < 1) at::_foreach_mul_(grads, scale);
  });
}

az_status az_scale_grads(az_tensor *const *params, size_t n, double scale) {
  return az::attempt([&] {
    at::NoGradGuard no_grad;
    auto grads = gradients(params, n);
    if (!grads.empty()) at::_foreach_mul_(grads, scale);
  });
}

}  // extern "C"

// Backward and gradients.
#include <torch/csrc/autograd/variable.h>

#include "guard.h"

using az::ref;

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
  az::Stay here;
  for (size_t i = 0; i < n; i++) ts[i]->value.mutable_grad() = at::Tensor();
}

}  // extern "C"

// Differentiable ops: the families of ops.def, then the irregular ones.
#include "guard.h"

using az::guard;
using az::ref;

namespace az {
namespace {

// The names of ops.def resolve here: libtorch's own, and the few that need a wrapper.
using at::abs, at::cos, at::exp, at::log, at::neg, at::reciprocal, at::relu, at::rsqrt, at::sigmoid, at::silu, at::sin, at::sqrt, at::square, at::tanh;
using at::add, at::div, at::eq, at::ge, at::gt, at::le, at::lt, at::matmul, at::maximum, at::minimum, at::mul, at::ne, at::sub;

at::Tensor sum_all(const at::Tensor &x) { return x.sum(); }
at::Tensor mean_all(const at::Tensor &x) { return x.mean(); }
at::Tensor contiguous(const at::Tensor &x) { return x.contiguous(); }
at::Tensor detach(const at::Tensor &x) { return x.detach(); }
at::Tensor alias(const at::Tensor &x) { return x; }  // the same tensor under another handle

at::Tensor sum(const at::Tensor &x, int64_t d, bool k) { return at::sum(x, d, k); }
at::Tensor mean(const at::Tensor &x, int64_t d, bool k) { return at::mean(x, d, k); }
at::Tensor amax(const at::Tensor &x, int64_t d, bool k) { return at::amax(x, d, k); }
at::Tensor argmax(const at::Tensor &x, int64_t d, bool k) { return at::argmax(x, d, k); }
at::Tensor logsumexp(const at::Tensor &x, int64_t d, bool k) { return at::logsumexp(x, d, k); }
at::Tensor softmax(const at::Tensor &x, int64_t d, bool) { return at::softmax(x, d); }
at::Tensor log_softmax(const at::Tensor &x, int64_t d, bool) { return at::log_softmax(x, d); }

}  // namespace
}  // namespace az

extern "C" {

az_result az_unary(int32_t op, const az_tensor *x) {
  return guard([&]() -> at::Tensor {
    switch (op) {
#define AZ_UNARY(name) \
  case AZ_UNARY_##name: return az::name(ref(x));
#define AZ_SCALAR(name, expr)
#define AZ_BINARY(name)
#define AZ_REDUCE(name)
#include "ops.def"
    }
    TORCH_CHECK(false, "unknown unary op ", op);
  });
}

az_result az_scalar(int32_t op, const az_tensor *x, double s) {
  return guard([&]() -> at::Tensor {
    switch (op) {
#define AZ_UNARY(name)
#define AZ_SCALAR(name, expr) \
  case AZ_SCALAR_##name: return expr(ref(x), s);
#define AZ_BINARY(name)
#define AZ_REDUCE(name)
#include "ops.def"
    }
    TORCH_CHECK(false, "unknown scalar op ", op);
  });
}

az_result az_binary(int32_t op, const az_tensor *a, const az_tensor *b) {
  return guard([&]() -> at::Tensor {
    switch (op) {
#define AZ_UNARY(name)
#define AZ_SCALAR(name, expr)
#define AZ_BINARY(name) \
  case AZ_BINARY_##name: return az::name(ref(a), ref(b));
#define AZ_REDUCE(name)
#include "ops.def"
    }
    TORCH_CHECK(false, "unknown binary op ", op);
  });
}

az_result az_reduce(int32_t op, const az_tensor *x, int64_t dim, int32_t keepdim) {
  return guard([&]() -> at::Tensor {
    switch (op) {
#define AZ_UNARY(name)
#define AZ_SCALAR(name, expr)
#define AZ_BINARY(name)
#define AZ_REDUCE(name) \
  case AZ_REDUCE_##name: return az::name(ref(x), dim, keepdim != 0);
#include "ops.def"
    }
    TORCH_CHECK(false, "unknown reduce op ", op);
  });
}

az_result az_clamp(const az_tensor *x, double lo, double hi) {
  return guard([&] { return at::clamp(ref(x), lo, hi); });
}
az_result az_where(const az_tensor *condition, const az_tensor *a, const az_tensor *b) {
  return guard([&] { return at::where(ref(condition), ref(a), ref(b)); });
}
az_result az_reshape(const az_tensor *x, const int64_t *shape, int32_t ndim) {
  return guard([&] { return ref(x).reshape(az::dims(shape, ndim)); });
}
az_result az_expand(const az_tensor *x, const int64_t *shape, int32_t ndim) {
  return guard([&] { return ref(x).expand(az::dims(shape, ndim)); });
}
az_result az_permute(const az_tensor *x, const int64_t *order, int32_t ndim) {
  return guard([&] { return ref(x).permute(az::dims(order, ndim)); });
}
az_result az_transpose(const az_tensor *x, int64_t a, int64_t b) {
  return guard([&] { return ref(x).transpose(a, b); });
}
az_result az_narrow(const az_tensor *x, int64_t dim, int64_t start, int64_t length) {
  return guard([&] { return ref(x).narrow(dim, start, length); });
}
az_result az_unsqueeze(const az_tensor *x, int64_t dim) {
  return guard([&] { return ref(x).unsqueeze(dim); });
}
az_result az_squeeze(const az_tensor *x, int64_t dim) {
  return guard([&] { return ref(x).squeeze(dim); });
}
az_result az_cat(az_tensor *const *xs, size_t n, int64_t dim) {
  return guard([&] { return at::cat(az::refs(xs, n), dim); });
}
az_result az_index_select(const az_tensor *x, int64_t dim, const az_tensor *index) {
  return guard([&] { return at::index_select(ref(x), dim, ref(index)); });
}
az_result az_repeat_interleave(const az_tensor *x, int64_t repeats, int64_t dim) {
  return guard([&] { return at::repeat_interleave(ref(x), repeats, dim); });
}
az_result az_to(const az_tensor *x, int32_t dtype, az_device device) {
  return guard([&] { return ref(x).to(az::device(device), az::scalar_type(dtype)); });
}
az_result az_embedding(const az_tensor *weight, const az_tensor *ids) {
  return guard([&] { return at::embedding(ref(weight), ref(ids)); });
}
}  // extern "C"

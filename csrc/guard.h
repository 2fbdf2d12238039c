// What every translation unit of csrc shares: handles and the exception border.
#pragma once

#include <ATen/ATen.h>
#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <c10/util/Exception.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <string>

#include "azr_torch.h"

struct az_tensor {
  at::Tensor value;
};

namespace az {

az_tensor *wrap(at::Tensor t);  // counts the handle

inline const at::Tensor &ref(const az_tensor *t) { return t->value; }

inline std::vector<at::Tensor> refs(az_tensor *const *ts, size_t n) {
  std::vector<at::Tensor> out;
  out.reserve(n);
  for (size_t i = 0; i < n; i++) out.push_back(ts[i]->value);
  return out;
}

az_status failure(const std::string &message, int32_t kind);
int32_t kind_of(const std::string &message);

// Stay adds the time until its end to what az_compute_nanoseconds tells; two of them must not be one inside the other.
struct Stay {
  const std::chrono::steady_clock::time_point begin = std::chrono::steady_clock::now();
  ~Stay();
};

// guarded runs f and turns whatever it throws into a status.
template <class F>
az_status guarded(F &&f) noexcept {
  try {
    f();
    return {nullptr, AZ_OK};
  } catch (const c10::OutOfMemoryError &e) {
    return failure(e.what_without_backtrace(), AZ_OUT_OF_MEMORY);
  } catch (const c10::Error &e) {
    return failure(e.what_without_backtrace(), kind_of(e.what_without_backtrace()));
  } catch (const std::bad_alloc &e) {
    return failure(e.what(), AZ_OUT_OF_MEMORY);
  } catch (const std::exception &e) {
    return failure(e.what(), AZ_INTERNAL);
  } catch (...) {
    return failure("unknown exception", AZ_INTERNAL);
  }
}

// attempt is guarded for calls whose time counts as computing.
template <class F>
az_status attempt(F &&f) noexcept {
  Stay here;
  return guarded(std::forward<F>(f));
}

// guard is attempt for functions that make a tensor.
template <class F>
az_result guard(F &&f) noexcept {
  az_result r{nullptr, {nullptr, AZ_OK}};
  r.status = attempt([&] { r.tensor = wrap(f()); });
  return r;
}

inline at::ScalarType scalar_type(int32_t dtype) {
  static constexpr at::ScalarType types[] = {at::kFloat, at::kBFloat16, at::kHalf, at::kDouble, at::kLong, at::kInt, at::kBool};
  TORCH_CHECK(dtype >= 0 && dtype < 7, "unknown dtype ", dtype);
  return types[dtype];
}

inline at::Device device(az_device d) { return d < 0 ? at::Device(at::kCPU) : at::Device(at::kCUDA, static_cast<c10::DeviceIndex>(d)); }

inline at::TensorOptions options(int32_t dtype, az_device d) { return at::TensorOptions().dtype(scalar_type(dtype)).device(device(d)); }

inline at::IntArrayRef dims(const int64_t *shape, int32_t ndim) { return {shape, static_cast<size_t>(ndim)}; }

// Rows (N, H, D) from so many on as attention takes them, heads first: (1, H, rows, D).
inline at::Tensor heads_first(const at::Tensor &t, int64_t from, int64_t rows) { return t.narrow(0, from, rows).transpose(0, 1).unsqueeze(0); }

// Calls f(i) for each i below n, on the threads of parallel loops: whichever is free takes the next, since one that has to be
// woken comes late. least is how many a thread has to be woken for.
template <class F>
void share_out(int64_t n, int64_t least, const F &f) {
  std::atomic<int64_t> next{0};
  const int64_t threads = std::min<int64_t>(at::get_num_threads(), n / std::max<int64_t>(1, least));
  at::parallel_for(0, std::max<int64_t>(1, threads), 1, [&](int64_t, int64_t) {
    for (int64_t i; (i = next.fetch_add(1, std::memory_order_relaxed)) < n;) f(i);
  });
}

// The plugin, or an error that says what it is wanted for.
struct CudaPlugin;
const CudaPlugin &cuda_plugin(const char *for_what);

// x (..., In) times weight (Out, In) transposed: in batch-invariant mode, row by row alike.
at::Tensor linear(const at::Tensor &x, const at::Tensor &weight);
std::vector<at::Tensor> linears(const at::Tensor &x, const std::vector<at::Tensor> &weights);

// Of y = x weightᵀ, x (N, In), the gradient dyᵀ x of the weight. A leaf that has a gradient has it added there in place, and
// none is returned: autograd would hold and add another tensor of the weight's size.
at::Tensor weight_gradient(const at::Tensor &weight, const at::Tensor &dy, const at::Tensor &x);

}  // namespace az

// Making tensors, looking at them, and moving their bytes.
#include "guard.h"

using az::ref;

extern "C" {

az_result az_full(double value, int32_t dtype, az_device device, const int64_t *shape, int32_t ndim) {
  return az::guard([&] { return at::full(az::dims(shape, ndim), value, az::options(dtype, device)); });
}

az_result az_arange(int64_t start, int64_t end, int32_t dtype, az_device device) {
  return az::guard([&] { return at::arange(start, end, az::options(dtype, device)); });
}

az_result az_from_host(const void *data, size_t bytes, int32_t dtype, az_device device, const int64_t *shape, int32_t ndim) {
  return az::guard([&] {
    at::Tensor host = at::empty(az::dims(shape, ndim), az::options(dtype, -1));
    TORCH_CHECK(host.nbytes() == bytes, "from_host: shape wants ", host.nbytes(), " bytes, got ", bytes);
    if (bytes) std::memcpy(host.data_ptr(), data, bytes);
    return host.to(az::device(device));
  });
}

az_status az_to_host(const az_tensor *t, void *data, size_t bytes) {
  return az::attempt([&] {
    at::Tensor host = ref(t).detach().to(at::kCPU).contiguous();
    TORCH_CHECK(host.nbytes() == bytes, "to_host: tensor has ", host.nbytes(), " bytes, buffer ", bytes);
    if (bytes) std::memcpy(data, host.data_ptr(), bytes);
  });
}

const void *az_host_data(const az_tensor *t) {
  const at::Tensor &host = ref(t);
  return host.is_cpu() && host.is_contiguous() ? host.const_data_ptr() : nullptr;
}

int32_t az_ndim(const az_tensor *t) { return static_cast<int32_t>(ref(t).dim()); }
int64_t az_size(const az_tensor *t, int32_t dim) { return ref(t).size(dim); }

int32_t az_dtype_of(const az_tensor *t) {
  switch (ref(t).scalar_type()) {
    case at::kFloat: return AZ_F32;
    case at::kBFloat16: return AZ_BF16;
    case at::kHalf: return AZ_F16;
    case at::kDouble: return AZ_F64;
    case at::kLong: return AZ_I64;
    case at::kInt: return AZ_I32;
    case at::kBool: return AZ_BOOL;
    default: return -1;
  }
}

az_device az_device_of(const az_tensor *t) { return ref(t).is_cuda() ? ref(t).get_device() : -1; }

az_status az_copy_(az_tensor *dst, const az_tensor *src) {
  return az::attempt([&] {
    at::NoGradGuard no_grad;
    TORCH_CHECK(dst->value.sizes() == ref(src).sizes(), "copy_: destination ", dst->value.sizes(), ", source ", ref(src).sizes());
    dst->value.copy_(ref(src));
  });
}

}  // extern "C"

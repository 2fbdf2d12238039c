// Process-wide facts and switches.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <torch/version.h>
#include <unistd.h>

#include <atomic>

#include "guard.h"

namespace {

// A CUDA build of libtorch has its GPU half in a library beside libtorch_cpu. It is opened while this
// library is loaded: once libtorch has been asked for a device, it would be too late.
std::string open_cuda() {
  Dl_info cpu;
  if (!dladdr(reinterpret_cast<void *>(&at::get_num_threads), &cpu) || !cpu.dli_fname) return "";
  std::string path = cpu.dli_fname;
  path = path.substr(0, path.rfind('/') + 1) + "libtorch_cuda.so";
  if (access(path.c_str(), F_OK) != 0) return "";
  return dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL) ? "" : dlerror();
}

const std::string cuda_error = open_cuda();

std::atomic<int64_t> stayed{0};

}  // namespace

az::Stay::~Stay() {
  const auto time = std::chrono::steady_clock::now() - begin;
  stayed.fetch_add(std::chrono::duration_cast<std::chrono::nanoseconds>(time).count(), std::memory_order_relaxed);
}

extern "C" {

const char *az_libtorch_version(void) { return TORCH_VERSION; }

const char *az_cpu_capability(void) {
  static const std::string name = at::get_cpu_capability();
  return name.c_str();
}

// Without AVX512-BF16 libtorch's bf16 products are slower than f32's by an order of magnitude.
int32_t az_fast_bf16(void) {
#if defined(__x86_64__)
  __builtin_cpu_init();
  return __builtin_cpu_supports("avx512bf16") ? 1 : 0;
#else
  return 0;
#endif
}

int32_t az_cuda_devices(void) {
  int32_t n = 0;
  az_status s = az::attempt([&] { n = at::hasCUDA() ? static_cast<int32_t>(at::detail::getCUDAHooks().deviceCount()) : 0; });
  std::free(s.error);
  return n;
}

const char *az_cuda_error(void) { return cuda_error.c_str(); }

int32_t az_num_threads(void) { return at::get_num_threads(); }

az_status az_set_num_threads(int32_t n) {
  return az::attempt([&] {
    TORCH_CHECK(n > 0, "set_num_threads: want at least 1, got ", n);
    at::set_num_threads(n);
  });
}

int64_t az_compute_nanoseconds(void) { return stayed.load(); }

int32_t az_grad_enabled(void) { return at::GradMode::is_enabled(); }
void az_set_grad_enabled(int32_t on) { at::GradMode::set_enabled(on != 0); }

}  // extern "C"

// Process-wide facts and switches.
#include <ATen/Context.h>
#include <ATen/Parallel.h>
#include <ATen/detail/CUDAHooksInterface.h>
#include <dlfcn.h>
#include <torch/version.h>
#include <unistd.h>

#include <atomic>

#include "cuda/plugin.h"
#include "guard.h"

namespace {

// The folder of the file that holds a function, as it was named, with the slash.
std::string folder_of(void *function) {
  Dl_info file;
  if (!dladdr(function, &file) || !file.dli_fname) return "";
  const std::string path = file.dli_fname;
  return path.substr(0, path.rfind('/') + 1);
}

struct Cuda {
  std::string error;
  const az::CudaPlugin *plugin = nullptr;

  void *open(const std::string &path) {
    if (access(path.c_str(), F_OK) != 0) return nullptr;
    void *library = dlopen(path.c_str(), RTLD_NOW | RTLD_GLOBAL);
    if (!library) error = dlerror();
    return library;
  }

  // Opens the plugin, made by third_party/build.sh beside this library, and with it libtorch's GPU half; without a plugin
  // that half where it lies beside libtorch_cpu.so.
  Cuda() {
#define AZ_NAME(symbol) AZ_QUOTE(symbol)
#define AZ_QUOTE(symbol) #symbol
    std::string build = folder_of(reinterpret_cast<void *>(&az_libtorch_version));
    build = build.substr(0, build.rfind('/', build.size() - 2) + 1);  // by name: the folder itself is a link
    if (void *library = open(build + "csrc_cuda/libazrcuda.so")) {
      auto symbol = reinterpret_cast<decltype(&AZ_CUDA_PLUGIN)>(dlsym(library, AZ_NAME(AZ_CUDA_PLUGIN)));
      if (symbol) plugin = symbol();
      else error = "the CUDA plugin is of another version of azr-train; hint: make cuda";
    } else if (error.empty()) {
      open(folder_of(reinterpret_cast<void *>(&at::get_num_threads)) + "libtorch_cuda.so");
    }
#undef AZ_NAME
#undef AZ_QUOTE
  }
};

// While this library is loaded: once libtorch has been asked for a device, it would be too late.
const Cuda cuda;

std::atomic<int64_t> stayed{0};

}  // namespace

const az::CudaPlugin &az::cuda_plugin(const char *for_what) {
  TORCH_CHECK(cuda.plugin, for_what, ": needs the CUDA plugin; ", cuda.error.empty() ? "hint: make cuda" : cuda.error);
  return *cuda.plugin;
}

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

const char *az_cuda_error(void) { return cuda.error.c_str(); }

az_cuda_versions az_cuda_describe(void) {
  if (!cuda.plugin) return {};
  const az::CudaVersions known = cuda.plugin->versions();
  return {1, known.driver, known.runtime, known.nccl};
}

az_status az_cuda_card(az_device device, char **name, int32_t *major, int32_t *minor) {
  return az::guarded([&] {
    const az::CudaCard card = az::cuda_plugin("what a card is").card(device);
    *name = strdup(card.name.c_str());
    *major = card.major;
    *minor = card.minor;
  });
}

const char *az_cuda_config(void) {
  static const std::string text = [] {
    std::string config;
    // It throws without the library, and without a driver.
    std::free(az::guarded([&] { config = at::detail::getCUDAHooks().showConfig(); }).error);
    return config;
  }();
  return text.c_str();
}

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

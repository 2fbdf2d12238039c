#include "plugin.h"

#include <c10/cuda/CUDAException.h>
#include <c10/cuda/CUDAGuard.h>
#include <cuda_runtime_api.h>
#include <nccl.h>
#include <torch/csrc/distributed/c10d/ProcessGroupNCCL.hpp>

namespace {

az::CudaVersions versions() {
  az::CudaVersions v{0, 0, 0};
  // What fails leaves 0; where there is no driver, C10_CUDA_CHECK would find an error of before.
  (void)cudaDriverGetVersion(&v.driver);
  (void)cudaRuntimeGetVersion(&v.runtime);
  (void)ncclGetVersion(&v.nccl);
  return v;
}

az::CudaCard card(int device) {
  cudaDeviceProp properties{};
  C10_CUDA_CHECK(cudaGetDeviceProperties(&properties, device));
  return {properties.name, properties.major, properties.minor};
}

c10::intrusive_ptr<c10d::Backend> nccl(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size, int device, std::chrono::milliseconds timeout) {
  const c10::cuda::CUDAGuard guard(static_cast<c10::DeviceIndex>(device));
  auto options = c10d::ProcessGroupNCCL::Options::create();
  options->timeout = timeout;
  auto backend = c10::make_intrusive<c10d::ProcessGroupNCCL>(store, rank, size, options);
  const at::Device on(at::kCUDA, static_cast<c10::DeviceIndex>(device));
  backend->setBoundDeviceId(on);
  backend->eagerConnectSingleDevice(on);
  return backend;
}

constexpr az::CudaPlugin plugin{versions, card, nccl};

}  // namespace

const az::CudaPlugin *AZ_CUDA_PLUGIN() { return &plugin; }

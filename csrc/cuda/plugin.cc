#include "plugin.h"

#include <ATen/cuda/CUDAGraph.h>
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

struct Recording final : az::CudaGraph {
  const c10::cuda::CUDAStream before;
  at::cuda::CUDAGraph graph;

  explicit Recording(c10::DeviceIndex device) : before(c10::cuda::getCurrentCUDAStream(device)) {
    c10::cuda::device_synchronize();
    c10::cuda::setCurrentCUDAStream(c10::cuda::getStreamFromPool(false, device));
    try {
      graph.capture_begin({0, 0}, cudaStreamCaptureModeThreadLocal);  // NCCL's threads ask for events meanwhile, others copy
    } catch (...) {
      c10::cuda::setCurrentCUDAStream(before);
      throw;
    }
  }
  // capture_end asks for the stream that recorded.
  void end() override {
    try {
      graph.capture_end();
    } catch (...) {
      c10::cuda::setCurrentCUDAStream(before);
      throw;
    }
    c10::cuda::setCurrentCUDAStream(before);
  }
  void replay() override { graph.replay(); }
};

// The device stays the thread's own, as that of its current stream.
std::unique_ptr<az::CudaGraph> record(int device) {
  const auto index = static_cast<c10::DeviceIndex>(device);
  c10::cuda::set_device(index);
  return std::make_unique<Recording>(index);
}

constexpr az::CudaPlugin plugin{versions, card, nccl, record};

}  // namespace

const az::CudaPlugin *AZ_CUDA_PLUGIN() { return &plugin; }

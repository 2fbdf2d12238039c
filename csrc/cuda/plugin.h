// What the CUDA plugin gives: what cannot be had without naming CUDA. Devices, streams and memory csrc reaches by libtorch's
// interfaces for any accelerator. It has one for graphs too, behind which the wheel has nothing for CUDA.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
#include <memory>
#include <string>

namespace az {

// Versions of CUDA are 1000 major + 10 minor, of NCCL 10000 major + 100 minor + patch.
struct CudaVersions {
  int driver;  // the newest CUDA that the machine's driver can do; 0 if there is no driver
  int runtime, nccl;
};

struct CudaCard {
  std::string name;
  int major, minor;  // compute capability
};

// A recording of what the calling thread does on a device, on a stream of its own.
struct CudaGraph {
  virtual ~CudaGraph() = default;
  virtual void end() = 0;  // of recording: the stream is the one of before again
  virtual void replay() = 0;
};

struct CudaPlugin {
  CudaVersions (*versions)();
  CudaCard (*card)(int device);
  // A backend whose ranks are connected when it is there.
  c10::intrusive_ptr<c10d::Backend> (*nccl)(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size, int device, std::chrono::milliseconds timeout);
  std::unique_ptr<CudaGraph> (*record)(int device);  // from now on
};

}  // namespace az

// The plugin's one symbol; its number is raised whenever something above changes.
#define AZ_CUDA_PLUGIN az_cuda_plugin_2
extern "C" const az::CudaPlugin *AZ_CUDA_PLUGIN();

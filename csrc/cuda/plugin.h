// What the CUDA plugin gives: what cannot be had without naming CUDA. Devices, streams, graphs and memory csrc reaches by
// libtorch's interfaces for any accelerator, so that they are compiled, and tested as far as the CPU goes, without it.
#pragma once

#include <torch/csrc/distributed/c10d/Backend.hpp>
#include <torch/csrc/distributed/c10d/Store.hpp>

#include <chrono>
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

struct CudaPlugin {
  CudaVersions (*versions)();
  CudaCard (*card)(int device);
  // A backend whose ranks are connected when it is there.
  c10::intrusive_ptr<c10d::Backend> (*nccl)(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size, int device, std::chrono::milliseconds timeout);
};

}  // namespace az

// The plugin's one symbol; its number is raised whenever something above changes.
#define AZ_CUDA_PLUGIN az_cuda_plugin_1
extern "C" const az::CudaPlugin *AZ_CUDA_PLUGIN();

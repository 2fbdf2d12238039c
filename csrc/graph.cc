// Runs of ops on a CUDA device that are recorded once and launched in one call from then on: between the small kernels of
// decoding the host would take longer than the device.
#include "cuda/plugin.h"
#include "guard.h"

struct az_graph {
  std::unique_ptr<az::CudaGraph> recording;
};

extern "C" {

// From here to az_graph_end the ops of this thread on the device are recorded and do not run. They may neither read what is
// on the device nor bring anything there.
az_status az_graph_begin(az_device device, az_graph **graph) {
  return az::attempt([&] {
    TORCH_CHECK(device >= 0, "graph: the CPU records none; want a CUDA device");
    *graph = new az_graph{az::cuda_plugin("a graph").record(device)};
  });
}

az_status az_graph_end(az_graph *graph) {
  return az::attempt([&] { graph->recording->end(); });
}

az_status az_graph_replay(az_graph *graph) {
  return az::attempt([&] { graph->recording->replay(); });
}

void az_graph_free(az_graph *graph) { delete graph; }

}  // extern "C"

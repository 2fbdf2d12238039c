// Runs of ops on a CUDA device that are recorded once and launched in one call from then on: between the small kernels of
// decoding the host would take longer than the device.
#include <ATen/accelerator/Graph.h>
#include <c10/core/impl/VirtualGuardImpl.h>

#include "guard.h"

struct az_graph {
  at::accelerator::Graph graph;
  c10::Stream before;  // recording is on a stream of its own
};

extern "C" {

// From here to az_graph_end the ops of this thread on the device are recorded and do not run. They may neither read what is
// on the device nor bring anything there.
az_status az_graph_begin(az_device device, az_graph **graph) {
  return az::attempt([&] {
    TORCH_CHECK(device >= 0, "graph: the CPU records none; want a CUDA device");
    const c10::impl::VirtualGuardImpl impl(at::kCUDA);
    const c10::Device on = az::device(device);
    impl.setDevice(on);
    impl.synchronizeDevice(on.index());
    auto made = std::unique_ptr<az_graph>(new az_graph{{}, impl.exchangeStream(impl.getStreamFromGlobalPool(on))});
    try {
      made->graph.capture_begin({0, 0}, at::GraphCaptureMode::ThreadLocal);  // NCCL's threads ask for events meanwhile
    } catch (...) {
      impl.exchangeStream(made->before);
      throw;
    }
    *graph = made.release();
  });
}

az_status az_graph_end(az_graph *graph) {
  return az::attempt([&] {
    const c10::impl::VirtualGuardImpl impl(at::kCUDA);
    try {
      graph->graph.capture_end();
    } catch (...) {
      impl.exchangeStream(graph->before);
      throw;
    }
    impl.exchangeStream(graph->before);
  });
}

az_status az_graph_replay(az_graph *graph) {
  return az::attempt([&] { graph->graph.replay(); });
}

void az_graph_free(az_graph *graph) { delete graph; }

}  // extern "C"

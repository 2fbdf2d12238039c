// Process groups over c10d: Gloo between CPUs and, by the CUDA plugin, NCCL between GPUs.
#include <torch/csrc/distributed/c10d/ProcessGroupGloo.hpp>
#include <torch/csrc/distributed/c10d/PrefixStore.hpp>
#include <torch/csrc/distributed/c10d/TCPStore.hpp>

#include "cuda/plugin.h"
#include "guard.h"

C10_DECLARE_int(caffe2_log_level);

using Milliseconds = std::chrono::milliseconds;

struct az_group {
  c10::intrusive_ptr<c10d::Store> store;
  int rank, size;
  Milliseconds timeout;
  c10::intrusive_ptr<c10d::Backend> gloo, nccl;  // nccl once devices are connected
  std::atomic<bool> failed{false};

  // Gloo takes tensors on CUDA devices too, by way of the CPU.
  c10d::Backend &of(const at::Tensor &t) const { return nccl && !t.is_cpu() ? *nccl : *gloo; }
};

struct az_work {
  az_group *group;
  c10::intrusive_ptr<c10d::Work> value;
  std::vector<at::Tensor> operands;  // which must live until it is done
};

namespace {

// begun runs a collective by the backend of its operands' device and hands its work out.
template <class F>
az_status begun(az_group *g, az_work **out, std::initializer_list<const az_tensor *> operands, F &&collective) {
  az_status s = az::guarded([&] {
    auto work = std::unique_ptr<az_work>(new az_work{g, {}, {}});
    for (const az_tensor *t : operands) work->operands.push_back(az::ref(t).view(-1));  // backends disagree about shapes
    work->value = collective(g->of(work->operands[0]), work->operands);
    *out = work.release();
  });
  if (s.error) g->failed = true;
  return s;
}

std::shared_ptr<::gloo::transport::Device> device(const std::string &interface) {
  return interface.empty() ? c10d::ProcessGroupGloo::createDefaultDevice() : c10d::ProcessGroupGloo::createDeviceForInterface(interface);
}

c10::intrusive_ptr<c10d::Backend> gloo_group(const c10::intrusive_ptr<c10d::Store> &store, int rank, int size, Milliseconds timeout, const std::string &interface) {
  auto options = c10d::ProcessGroupGloo::Options::create(timeout);
  options->devices.push_back(device(interface));
  return c10::make_intrusive<c10d::ProcessGroupGloo>(store, rank, size, options);
}

}  // namespace

az_status az_group_open(const az_membership *m, az_group **out) {
  return az::guarded([&] {
    FLAGS_caffe2_log_level = c10::GLOG_ERROR;  // what c10d warns of comes back as an error
    c10d::TCPStoreOptions options;
    options.port = static_cast<uint16_t>(m->port);
    options.isServer = m->listener >= 0;
    if (options.isServer) options.masterListenFd = m->listener;
    options.numWorkers = static_cast<size_t>(m->size);
    options.timeout = Milliseconds(m->timeout_ms);
    auto group = std::unique_ptr<az_group>(new az_group{{}, m->rank, m->size, options.timeout, {}, {}});
    // Whoever starts the processes may keep the store, and its keys, over several attempts.
    group->store = c10::make_intrusive<c10d::PrefixStore>(m->prefix, c10::make_intrusive<c10d::TCPStore>(m->host, options));
    auto own = c10::make_intrusive<c10d::PrefixStore>("gloo", group->store);
    group->gloo = gloo_group(own, m->rank, m->size, options.timeout, m->interface);
    *out = group.release();
  });
}

az_status az_group_connect(az_group *g, az_device device) {
  return az::guarded([&] {
    auto own = c10::make_intrusive<c10d::PrefixStore>("nccl", g->store);
    g->nccl = az::cuda_plugin("nccl").nccl(own, g->rank, g->size, device, g->timeout);
  });
}

void az_group_close(az_group *g) {
  // Shut down in order it would wait for a rank that is gone.
  if (g->nccl) std::free(az::guarded([&] { g->failed ? g->nccl->abort() : g->nccl->shutdown(); }).error);
  delete g;
}

az_status az_all_reduce(az_group *g, const az_tensor *t, int32_t op, az_work **out) {
  return begun(g, out, {t}, [&](c10d::Backend &backend, std::vector<at::Tensor> &operands) {
    c10d::AllreduceOptions options;
    options.reduceOp = op == AZ_MAX ? c10d::ReduceOp::MAX : c10d::ReduceOp::SUM;
    return backend.allreduce(operands, options);
  });
}

az_status az_broadcast(az_group *g, const az_tensor *t, int32_t root, az_work **out) {
  return begun(g, out, {t}, [&](c10d::Backend &backend, std::vector<at::Tensor> &operands) {
    c10d::BroadcastOptions options;
    options.rootRank = root;
    return backend.broadcast(operands, options);
  });
}

az_status az_all_gather(az_group *g, const az_tensor *into, const az_tensor *own, az_work **out) {
  return begun(g, out, {into, own},
               [&](c10d::Backend &backend, std::vector<at::Tensor> &operands) { return backend._allgather_base(operands[0], operands[1]); });
}

az_status az_reduce_to(az_group *g, const az_tensor *t, int32_t root, az_work **out) {
  return begun(g, out, {t}, [&](c10d::Backend &backend, std::vector<at::Tensor> &operands) {
    c10d::ReduceOptions options;
    options.rootRank = root;
    return backend.reduce(operands, options);
  });
}

az_status az_work_wait(az_work *w) {
  std::unique_ptr<az_work> work(w);
  az_status s = az::guarded([&] { work->value->wait(); });
  if (s.error) work->group->failed = true;
  return s;
}

az_status az_store_set(az_group *g, const char *key, const void *data, size_t bytes) {
  return az::guarded([&] {
    auto begin = static_cast<const uint8_t *>(data);
    g->store->set(key, std::vector<uint8_t>(begin, begin + bytes));
  });
}

az_status az_store_get(az_group *g, const char *key, void **data, size_t *bytes) {
  return az::guarded([&] {
    std::vector<uint8_t> value = g->store->get(key);
    *bytes = value.size();
    *data = std::malloc(value.size() + 1);
    TORCH_CHECK(*data, "store_get: no memory for ", value.size(), " bytes");
    std::memcpy(*data, value.data(), value.size());
  });
}

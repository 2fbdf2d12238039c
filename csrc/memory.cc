// Handles and bytes, both counted live, so that a leak is a number.
#include <ATen/Context.h>
#include <c10/core/Allocator.h>
#include <c10/core/CPUAllocator.h>
#include <c10/core/CachingDeviceAllocator.h>
#include <c10/core/DeviceGuard.h>
#include <c10/core/impl/alloc_cpu.h>

#include <atomic>

#include "guard.h"

namespace {

std::atomic<int64_t> live{0}, allocated{0}, peak{0}, limit{INT64_MAX};

// The size of a block stands before its data, in as many bytes as keep the data aligned.
constexpr size_t kHeader = c10::gAlignment;
static_assert(kHeader >= sizeof(int64_t));

void release(void *data) {
  if (!data) return;
  void *block = static_cast<char *>(data) - kHeader;
  allocated.fetch_sub(*static_cast<int64_t *>(block), std::memory_order_relaxed);
  c10::free_cpu(block);
}

// libtorch's CPU allocator with a count: its own has none that can be read. Data and context are one
// pointer, without which oneDNN (bf16 products) cannot use an allocator.
struct CountingAllocator final : c10::Allocator {
  c10::DataPtr allocate(size_t bytes) override {
    if (bytes == 0) return {nullptr, nullptr, &release, at::Device(at::kCPU)};
    const int64_t held = allocated.load(std::memory_order_relaxed), most = limit.load(std::memory_order_relaxed);
    TORCH_CHECK_WITH(OutOfMemoryError, static_cast<int64_t>(bytes) <= most - held, "not enough memory: tried to allocate ", bytes, " bytes beside ", held, " of at most ", most);
    void *block = c10::alloc_cpu(bytes + kHeader), *data = static_cast<char *>(block) + kHeader;
    *static_cast<int64_t *>(block) = static_cast<int64_t>(bytes);
    int64_t now = allocated.fetch_add(static_cast<int64_t>(bytes), std::memory_order_relaxed) + static_cast<int64_t>(bytes);
    for (int64_t old = peak.load(std::memory_order_relaxed); now > old && !peak.compare_exchange_weak(old, now);) {
    }
    return {data, data, &release, at::Device(at::kCPU)};
  }
  c10::DeleterFnPtr raw_deleter() const override { return &release; }
  void copy_data(void *dst, const void *src, size_t n) const override { std::memcpy(dst, src, n); }
};

CountingAllocator counting;
// Static, so that it is in place before the first tensor; priority 1 outranks the default's 0.
const bool installed = (c10::SetCPUAllocator(&counting, 1), true);

}  // namespace

namespace az {

az_tensor *wrap(at::Tensor t) {
  live.fetch_add(1, std::memory_order_relaxed);
  return new az_tensor{std::move(t)};
}

az_status failure(const std::string &message, int32_t kind) {
  std::string line = message.substr(0, message.find('\n'));
  return {strdup(line.c_str()), kind};
}

// The CPU allocator reports exhaustion as a plain c10::Error.
int32_t kind_of(const std::string &message) {
  bool exhausted = message.find("can't allocate memory") != std::string::npos || message.find("not enough memory") != std::string::npos;
  return exhausted ? AZ_OUT_OF_MEMORY : AZ_INVALID;
}

}  // namespace az

extern "C" {

az_status az_release_storage(az_tensor *t) {
  return az::attempt([&] {
    c10::StorageImpl *storage = t->value.storage().unsafeGetStorageImpl();
    storage->set_data_ptr_noswap(at::DataPtr(nullptr, storage->device()));
    storage->set_nbytes(0);
  });
}

az_status az_restore_storage(az_tensor *t) {
  return az::attempt([&] {
    const at::Tensor &x = t->value;
    TORCH_CHECK(x.is_contiguous() && x.storage_offset() == 0, "restore_storage: want all of a storage");
    c10::StorageImpl *storage = x.storage().unsafeGetStorageImpl();
    const c10::DeviceGuard guard(storage->device());  // allocators take the thread's device
    const size_t bytes = static_cast<size_t>(x.numel()) * x.element_size();
    c10::Allocator *allocator = storage->allocator() ? storage->allocator() : c10::GetAllocator(storage->device_type());
    storage->set_data_ptr_noswap(allocator->allocate(bytes));
    storage->set_nbytes(bytes);
  });
}

void az_abi_4(void) {}

void az_free_many(az_tensor *const *ts, size_t n) {
  az::Stay here;
  for (size_t i = 0; i < n; i++) delete ts[i];
  live.fetch_sub(static_cast<int64_t>(n), std::memory_order_relaxed);
}

int64_t az_live(void) { return live.load(); }
int64_t az_allocated_bytes(void) { return allocated.load(); }
int64_t az_peak_bytes(void) { return peak.load(); }
void az_reset_peak(void) { peak.store(allocated.load()); }
void az_limit_bytes(int64_t most) { limit.store(most); }

az_status az_device_bytes(az_device device, int64_t *allocated, int64_t *peak) {
  return az::attempt([&] {
    TORCH_CHECK(device >= 0, "device_bytes: want a CUDA device, got the CPU");
    at::globalContext().lazyInitDevice(at::kCUDA);
    const auto stats = at::getDeviceAllocator(at::kCUDA)->getDeviceStats(static_cast<c10::DeviceIndex>(device));
    const auto &all = stats.allocated_bytes[static_cast<size_t>(c10::CachingAllocator::StatType::AGGREGATE)];
    *allocated = all.current;
    *peak = all.peak;
  });
}

az_status az_reset_device_peak(az_device device) {
  return az::attempt([&] {
    TORCH_CHECK(device >= 0, "reset_device_peak: want a CUDA device, got the CPU");
    at::getDeviceAllocator(at::kCUDA)->resetPeakStats(static_cast<c10::DeviceIndex>(device));
  });
}

az_status az_device_memory(az_device device, int64_t *free, int64_t *total) {
  return az::attempt([&] {
    TORCH_CHECK(device >= 0, "device_memory: want a CUDA device, got the CPU");
    auto bytes = at::getDeviceAllocator(at::kCUDA)->getMemoryInfo(static_cast<c10::DeviceIndex>(device));
    *free = static_cast<int64_t>(bytes.first);
    *total = static_cast<int64_t>(bytes.second);
  });
}

}  // extern "C"

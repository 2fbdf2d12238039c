// C ABI over libtorch for the Go package torch/internal/capi.
//
// Rules that hold for every function here:
//   - A tensor is an opaque handle that the caller frees with az_free_many.
//     Functions never keep or free a handle that they are given.
//   - A failure comes back from the same call: error is a malloc'd one-line
//     text that the caller frees, or NULL. No exception crosses the border and
//     nothing is kept in thread-local state.
//   - Shapes are int64; sizes of arrays are explicit; no C++ calls back into Go.
#ifndef AZR_TORCH_H
#define AZR_TORCH_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

// The ABI's version is a symbol: a library of another version does not link.
// Raise it whenever a signature here changes its meaning.
void az_abi_4(void);

typedef struct az_tensor az_tensor;

enum az_kind { AZ_OK = 0, AZ_INVALID = 1, AZ_OUT_OF_MEMORY = 2, AZ_INTERNAL = 3 };

typedef struct {
  char *error;
  int32_t kind;
} az_status;

typedef struct {
  az_tensor *tensor;
  az_status status;
} az_result;

typedef struct {
  az_tensor *first, *second;
  az_status status;
} az_pair;

enum az_dtype { AZ_F32 = 0, AZ_BF16 = 1, AZ_F16 = 2, AZ_F64 = 3, AZ_I64 = 4, AZ_I32 = 5, AZ_BOOL = 6 };

// A device is -1 for the CPU, or the index of a CUDA device.
typedef int32_t az_device;

// ---- runtime.cc
const char *az_libtorch_version(void);
const char *az_cpu_capability(void);
int32_t az_fast_bf16(void);
int32_t az_cuda_devices(void);
const char *az_cuda_error(void);  // why the plugin or libtorch's CUDA library could not be opened; "" if it is open or there is none
// CUDA as 1000 major + 10 minor, NCCL as 10000 major + 100 minor + patch; driver is 0 if the machine has none.
typedef struct {
  int32_t plugin, driver, runtime, nccl;  // 0 in plugin, and all others, if there is no plugin
} az_cuda_versions;
az_cuda_versions az_cuda_describe(void);
az_status az_cuda_card(az_device device, char **name, int32_t *major, int32_t *minor);  // its compute capability; free name
const char *az_cuda_config(void);  // how libtorch's CUDA library was compiled; "" if it is not open or finds no driver
int32_t az_num_threads(void);
az_status az_set_num_threads(int32_t n);
int64_t az_compute_nanoseconds(void);  // that calls which compute, copy or free have taken so far, all threads together
int32_t az_grad_enabled(void);
void az_set_grad_enabled(int32_t on);

// ---- memory.cc
void az_free_many(az_tensor *const *ts, size_t n);
int64_t az_live(void);             // handles not freed
int64_t az_allocated_bytes(void);  // bytes that CPU tensors hold
int64_t az_peak_bytes(void);       // their highest value since the last reset
void az_reset_peak(void);
az_status az_device_bytes(az_device device, int64_t *allocated, int64_t *peak);  // that tensors on a CUDA device hold
az_status az_reset_device_peak(az_device device);
az_status az_device_memory(az_device device, int64_t *free, int64_t *total);  // of a CUDA device, in bytes
void az_limit_bytes(int64_t most);  // CPU tensors that would hold more are not made, as if memory had run out

// ---- tensor.cc
az_result az_full(double value, int32_t dtype, az_device device, const int64_t *shape, int32_t ndim);
az_result az_arange(int64_t start, int64_t end, int32_t dtype, az_device device);
az_result az_from_host(const void *data, size_t bytes, int32_t dtype, az_device device, const int64_t *shape, int32_t ndim);
az_status az_to_host(const az_tensor *t, void *data, size_t bytes);
const void *az_host_data(const az_tensor *t);  // the bytes of a contiguous CPU tensor where they are; null for others
int32_t az_ndim(const az_tensor *t);
int64_t az_size(const az_tensor *t, int32_t dim);
int32_t az_dtype_of(const az_tensor *t);
az_device az_device_of(const az_tensor *t);
az_status az_copy_(az_tensor *dst, const az_tensor *src);

// ---- ops.cc: the families of ops.def
enum az_unary_op {
#define AZ_UNARY(name) AZ_UNARY_##name,
#define AZ_SCALAR(name, expr)
#define AZ_BINARY(name)
#define AZ_REDUCE(name)
#include "ops.def"
};
enum az_scalar_op {
#define AZ_UNARY(name)
#define AZ_SCALAR(name, expr) AZ_SCALAR_##name,
#define AZ_BINARY(name)
#define AZ_REDUCE(name)
#include "ops.def"
};
enum az_binary_op {
#define AZ_UNARY(name)
#define AZ_SCALAR(name, expr)
#define AZ_BINARY(name) AZ_BINARY_##name,
#define AZ_REDUCE(name)
#include "ops.def"
};
enum az_reduce_op {
#define AZ_UNARY(name)
#define AZ_SCALAR(name, expr)
#define AZ_BINARY(name)
#define AZ_REDUCE(name) AZ_REDUCE_##name,
#include "ops.def"
};
az_result az_unary(int32_t op, const az_tensor *x);
az_result az_scalar(int32_t op, const az_tensor *x, double s);
az_result az_binary(int32_t op, const az_tensor *a, const az_tensor *b);
az_result az_reduce(int32_t op, const az_tensor *x, int64_t dim, int32_t keepdim);

// ---- ops.cc: the irregular ones
az_result az_clamp(const az_tensor *x, double lo, double hi);
az_result az_where(const az_tensor *condition, const az_tensor *a, const az_tensor *b);
az_result az_reshape(const az_tensor *x, const int64_t *shape, int32_t ndim);
az_result az_expand(const az_tensor *x, const int64_t *shape, int32_t ndim);
az_result az_permute(const az_tensor *x, const int64_t *dims, int32_t ndim);
az_result az_transpose(const az_tensor *x, int64_t a, int64_t b);
az_result az_narrow(const az_tensor *x, int64_t dim, int64_t start, int64_t length);
az_result az_unsqueeze(const az_tensor *x, int64_t dim);
az_result az_squeeze(const az_tensor *x, int64_t dim);
az_result az_cat(az_tensor *const *xs, size_t n, int64_t dim);
az_result az_index_select(const az_tensor *x, int64_t dim, const az_tensor *index);
az_result az_repeat_interleave(const az_tensor *x, int64_t repeats, int64_t dim);
az_result az_to(const az_tensor *x, int32_t dtype, az_device device);
az_result az_embedding(const az_tensor *weight, const az_tensor *ids);

// ---- batch_invariant.cc
az_result az_linear(const az_tensor *x, const az_tensor *weight);
int32_t az_batch_invariant(void);
void az_set_batch_invariant(int32_t on);

// ---- fused.cc
az_result az_rope(const az_tensor *x, const az_tensor *cos, const az_tensor *sin);
az_result az_rms_norm(const az_tensor *x, const az_tensor *weight, double eps);
az_status az_norm_linears(const az_tensor *x, const az_tensor *norm, double eps, az_tensor *const *weights, size_t n, az_tensor **products);
az_result az_silu_mul_linear(const az_tensor *gate, const az_tensor *up, const az_tensor *weight);

// ---- tree_attention.cc
typedef struct {
  int64_t start, rows;  // its rows
  int64_t end;          // where the rows of the segments below it end
} az_segment;
az_result az_tree_attention(const az_tensor *q, const az_tensor *k, const az_tensor *v, const az_segment *segments, size_t n, double scale);

// ---- paged_attention.cc
typedef struct {
  int64_t rows;   // consecutive tokens of one sequence
  int64_t start;  // position of the first
  int64_t first;  // where the sequence's pages begin in the array of page numbers
} az_span;
az_result az_paged_attention(const az_tensor *q, const az_tensor *k, const az_tensor *v, az_tensor *key_pages, az_tensor *value_pages, const az_span *spans, size_t n, const int64_t *pages, size_t num_pages, double scale);
az_result az_decode_attention(const az_tensor *q, const az_tensor *k, const az_tensor *v, az_tensor *key_pages, az_tensor *value_pages, const az_tensor *positions, const az_tensor *table, double scale);
az_status az_copy_pages(az_tensor *cache, const int64_t *from, const int64_t *to, size_t n);

// ---- graph.cc
typedef struct az_graph az_graph;
az_status az_graph_begin(az_device device, az_graph **graph);
az_status az_graph_end(az_graph *graph);
az_status az_graph_replay(az_graph *graph);
void az_graph_free(az_graph *graph);

// ---- autograd.cc
az_status az_set_requires_grad(az_tensor *t, int32_t on);
az_status az_set_grad(az_tensor *t, const az_tensor *grad);
az_status az_backward(const az_tensor *t, const az_tensor *grad /* or NULL */);
az_result az_grad(const az_tensor *t);  // tensor is NULL where there is none
void az_clear_grad(az_tensor *const *ts, size_t n);

// ---- token_logprobs.cc
az_pair az_token_logprobs(const az_tensor *hidden, const az_tensor *weight, const az_tensor *targets, double temperature);

// ---- optim.cc
typedef struct {
  double lr, beta1, beta2, eps, weight_decay;
  int64_t step;
} az_adamw;
az_status az_adamw_step(az_tensor *const *params, az_tensor *const *exp_avg, az_tensor *const *exp_avg_sq, size_t n, az_adamw options);
az_status az_muon_step(az_tensor *const *params, az_tensor *const *momenta, size_t n, double lr, double momentum, double weight_decay);
az_status az_round_stochastically(az_tensor *into, const az_tensor *values, uint64_t seed);
az_status az_lerp(az_tensor *const *vars, az_tensor *const *targets, size_t n, double share);
az_status az_exchange(az_tensor *const *a, az_tensor *const *b, size_t n);
az_status az_clip_grad_norm(az_tensor *const *params, size_t n, double max_norm, double *norm);
az_status az_release_storage(az_tensor *t);  // gives the memory of all of its elements back; it has its sizes still
az_status az_restore_storage(az_tensor *t);  // gives it memory again, of any content
az_status az_scale_grads(az_tensor *const *params, size_t n, double scale);

// ---- sample.cc
typedef struct {
  double temperature, top_p, uniform;
  int64_t top_k;
} az_sampling;
az_status az_sample(const az_tensor *logits, const az_sampling *rows, size_t n, int64_t *ids, float *logprobs);

// ---- dist.cc: processes that work together. A collective begins at once and is done when its work has been waited
// for, on every rank; ranks have to begin the same ones in the same order.
typedef struct az_group az_group;
typedef struct az_work az_work;
typedef struct {
  const char *host;       // of rank 0, which keeps the store
  const char *interface;  // of the network, "" for the one that the host's name stands for
  int32_t port, rank, size;
  int32_t listener;    // of the rank that keeps the store: the socket that it listens at, and closes; else -1
  const char *prefix;  // of the store's keys
  int64_t timeout_ms;  // of opening and of each collective
} az_membership;
enum az_reduction { AZ_SUM = 0, AZ_MAX = 1 };
az_status az_group_open(const az_membership *m, az_group **group);  // by Gloo; returns when all ranks have
az_status az_group_connect(az_group *group, az_device device);      // all ranks' CUDA devices, by NCCL; returns when all have
void az_group_close(az_group *group);
az_status az_all_reduce(az_group *group, const az_tensor *t, int32_t reduction, az_work **work);  // in place
az_status az_broadcast(az_group *group, const az_tensor *t, int32_t root, az_work **work);        // in place
az_status az_all_gather(az_group *group, const az_tensor *into, const az_tensor *own, az_work **work);
az_status az_reduce_to(az_group *group, const az_tensor *t, int32_t root, az_work **work);  // root's becomes the sum, others' are spent
az_status az_work_wait(az_work *work);  // and frees it
az_status az_store_set(az_group *group, const char *key, const void *data, size_t bytes);
az_status az_store_get(az_group *group, const char *key, void **data, size_t *bytes);  // waits for the key; free data

#ifdef __cplusplus
}
#endif
#endif

// Batch-invariant mode: ops whose rows do not depend on each other, on the CPU in f32 and without a graph.
//
// In a matrix product y = x wᵀ + bias each number is a sum in one fixed order, whatever the other rows are and however
// many; libraries choose another order for another number of rows. Small numbers of rows stream the weights from
// memory, which nothing packs or copies. libtorch's silu takes another exp for what its vectors leave over.
#include <ATen/Parallel.h>

#include "guard.h"
#include "simd.h"

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed between inlined functions only

namespace {

template <int BYTES>
struct Lanes {
  typedef float type __attribute__((vector_size(BYTES), aligned(4), may_alias));
};

template <int BYTES>
AZ_INLINE float total(typename Lanes<BYTES>::type v) {
  if constexpr (BYTES == 16) {
    return (v[0] + v[2]) + (v[1] + v[3]);
  } else {
    typename Lanes<BYTES / 2>::type low, high;
    std::memcpy(&low, &v, BYTES / 2);
    std::memcpy(&high, reinterpret_cast<const char *>(&v) + BYTES / 2, BYTES / 2);
    return total<BYTES / 2>(low + high);
  }
}

// y (M rows, O columns of out): products summed lane by lane over k, then over the lanes. With FETCH the next O rows of w
// are fetched meanwhile.
template <int BYTES, int O, int M, bool FETCH>
AZ_INLINE void tile(const float *x, const float *w, float *y, int64_t in, int64_t out) {
  using V = typename Lanes<BYTES>::type;
  constexpr int64_t lanes = BYTES / 4;
  V sum[O][M] = {};
  int64_t k = 0;
  for (; k + lanes <= in; k += lanes) {
    V a[O];
    for (int o = 0; o < O; o++) {
      if (FETCH) __builtin_prefetch(w + (O + o) * in + k);
      a[o] = *reinterpret_cast<const V *>(w + o * in + k);
    }
    for (int m = 0; m < M; m++) {
      const V b = *reinterpret_cast<const V *>(x + m * in + k);
      for (int o = 0; o < O; o++) sum[o][m] += a[o] * b;
    }
  }
  if (k < in) {  // the rest, and zeros
    V a[O] = {};
    for (int o = 0; o < O; o++) std::memcpy(&a[o], w + o * in + k, (in - k) * sizeof(float));
    for (int m = 0; m < M; m++) {
      V b = {};
      std::memcpy(&b, x + m * in + k, (in - k) * sizeof(float));
      for (int o = 0; o < O; o++) sum[o][m] += a[o] * b;
    }
  }
  for (int m = 0; m < M; m++)
    for (int o = 0; o < O; o++) y[m * out + o] = total<BYTES>(sum[o][m]);
}

// A tile of n rows, n at most M.
template <int BYTES, int O, int M>
AZ_INLINE void tile_of(int64_t n, bool fetch, const float *x, const float *w, float *y, int64_t in, int64_t out) {
  if (n == M)
    return fetch ? tile<BYTES, O, M, true>(x, w, y, in, out) : tile<BYTES, O, M, false>(x, w, y, in, out);
  if constexpr (M > 1) tile_of<BYTES, O, M - 1>(n, fetch, x, w, y, in, out);
}

// All rows of O columns, in tiles of about equally many rows, M at most.
template <int BYTES, int O, int M>
AZ_INLINE void columns(const float *x, const float *w, float *y, int64_t rows, int64_t in, int64_t out) {
  for (int64_t m = 0, tiles = (rows + M - 1) / M; tiles > 0; tiles--) {
    const int64_t n = (rows - m + tiles - 1) / tiles;
    tile_of<BYTES, O, M>(n, m == 0, x + m * in, w, y + m * out, in, out);
    m += n;
  }
}

struct Product {
  const float *x, *w;
  float *y;
  int64_t rows, in, out;
};

// Columns from..to of all rows; a panel of rows stays in the second cache while the weights pass.
template <int BYTES, int O, int M>
AZ_INLINE void product(const Product &p, int64_t from, int64_t to) {
  constexpr int64_t panel = 48;
  for (int64_t m = 0; m < p.rows; m += panel) {
    const int64_t n = std::min(panel, p.rows - m);
    const float *x = p.x + m * p.in;
    float *y = p.y + m * p.out;
    int64_t o = from;
    for (; o + O <= to; o += O) columns<BYTES, O, M>(x, p.w + o * p.in, y + o, n, p.in, p.out);
    for (; o < to; o++) columns<BYTES, 1, M>(x, p.w + o * p.in, y + o, n, p.in, p.out);
  }
}

// As many sums as the registers of a CPU generation hold.
using Kernel = void (*)(const Product &, int64_t, int64_t);
#if defined(__x86_64__)
__attribute__((target("avx512f"))) void product_avx512(const Product &p, int64_t from, int64_t to) { product<64, 4, 6>(p, from, to); }
__attribute__((target("avx2,fma"))) void product_avx2(const Product &p, int64_t from, int64_t to) { product<32, 3, 4>(p, from, to); }
#endif
void product_any(const Product &p, int64_t from, int64_t to) { product<16, 2, 4>(p, from, to); }

Kernel choose_kernel() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return product_avx512;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return product_avx2;
#endif
  return product_any;
}

at::Tensor linear_rows(const at::Tensor &x, const at::Tensor &weight, const az_tensor *bias) {
  static const Kernel kernel = choose_kernel();
  const at::Tensor in = x.contiguous(), w = weight.contiguous();
  auto shape = x.sizes().vec();
  TORCH_CHECK(!shape.empty() && w.dim() == 2 && shape.back() == w.size(1), "linear: ", x.sizes(), " times ", w.sizes(), " transposed");
  shape.back() = w.size(0);
  at::Tensor out = at::empty(shape, x.options());
  const int64_t width = w.size(1);
  const Product p{in.const_data_ptr<float>(), w.const_data_ptr<float>(), out.mutable_data_ptr<float>(), width ? in.numel() / width : 0, width, w.size(0)};
  // Whole tiles to each thread, whose bits are the same wherever the cut is.
  constexpr int64_t step = 16;
  const int64_t steps = (p.out + step - 1) / step, each = std::max<int64_t>(1, 32768 / (step * std::max<int64_t>(1, width * p.rows)));
  at::parallel_for(0, steps, each, [&](int64_t begin, int64_t end) { kernel(p, begin * step, std::min(end * step, p.out)); });
  return bias ? out.add_(az::ref(bias)) : out;
}

AZ_CLONES void silu_rows(const float *x, float *y, int64_t n) {
#pragma omp simd
  for (int64_t i = 0; i < n; i++) y[i] = x[i] / (1 + az::exp_f32(-x[i]));
}

bool batch_invariant = false;

bool applies(const at::Tensor &t) { return batch_invariant && !at::GradMode::is_enabled() && t.is_cpu() && t.scalar_type() == at::kFloat; }

}  // namespace

at::Tensor az::silu(const at::Tensor &x) {
  if (!applies(x)) return at::silu(x);
  const at::Tensor in = x.contiguous();
  at::Tensor out = at::empty_like(in);
  at::parallel_for(0, in.numel(), 8192, [&](int64_t from, int64_t to) { silu_rows(in.const_data_ptr<float>() + from, out.mutable_data_ptr<float>() + from, to - from); });
  return out;
}

extern "C" {

void az_set_batch_invariant(int32_t on) { batch_invariant = on != 0; }
int32_t az_batch_invariant(void) { return batch_invariant; }

// x (..., In) times weight (Out, In) transposed, plus bias (Out) or NULL.
az_result az_linear(const az_tensor *x, const az_tensor *weight, const az_tensor *bias) {
  return az::guard([&] {
    const at::Tensor &t = az::ref(x), &w = az::ref(weight);
    if (applies(t) && applies(w)) return linear_rows(t, w, bias);
    return at::linear(t, w, bias ? std::optional<at::Tensor>(az::ref(bias)) : std::nullopt);
  });
}

}  // extern "C"

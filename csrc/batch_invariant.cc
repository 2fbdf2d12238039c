// Batch-invariant mode: matrix products whose rows do not depend on each other, on the CPU in f32 and without a graph.
//
// In y = x wᵀ each number is a sum in one fixed order, whatever the other rows are and however many; libraries
// choose another order for another number of rows. Small numbers of rows stream the weights from memory, which
// nothing packs or copies.
#include <ATen/Parallel.h>

#include "guard.h"
#include "simd.h"

namespace {

// y (M rows, O columns of out): products summed lane by lane over k, then over the lanes. With FETCH the next O rows of w
// are fetched meanwhile.
template <int BYTES, int O, int M, bool FETCH>
AZ_INLINE void tile(const float *x, const float *w, float *y, int64_t in, int64_t out) {
  using V = az::Floats<BYTES>;
  constexpr int64_t lanes = az::Lanes<BYTES>::count;
  V sum[O][M] = {};
  int64_t k = 0;
  for (; k + lanes <= in; k += lanes) {
    V a[O];
    for (int o = 0; o < O; o++) {
      if (FETCH) __builtin_prefetch(w + (O + o) * in + k);
      a[o] = az::load<BYTES>(w + o * in + k);
    }
    for (int m = 0; m < M; m++) {
      const V b = az::load<BYTES>(x + m * in + k);
      for (int o = 0; o < O; o++) sum[o][m] += a[o] * b;
    }
  }
  if (k < in) {  // the rest, and zeros
    V a[O];
    for (int o = 0; o < O; o++) a[o] = az::load_some<BYTES>(w + o * in + k, in - k);
    for (int m = 0; m < M; m++) {
      const V b = az::load_some<BYTES>(x + m * in + k, in - k);
      for (int o = 0; o < O; o++) sum[o][m] += a[o] * b;
    }
  }
  for (int m = 0; m < M; m++) {
    if constexpr (BYTES == 64 && O == 4) {
      az::totals_of_four(sum[0][m], sum[1][m], sum[2][m], sum[3][m], y + m * out);
    } else {
      for (int o = 0; o < O; o++) y[m * out + o] = az::total<BYTES>(sum[o][m]);
    }
  }
}

// A tile of n rows, n at most M.
template <int BYTES, int O, int M>
AZ_INLINE void tile_of(int64_t n, bool fetch, const float *x, const float *w, float *y, int64_t in, int64_t out) {
  if (n == M)
    return fetch ? tile<BYTES, O, M, true>(x, w, y, in, out) : tile<BYTES, O, M, false>(x, w, y, in, out);
  if constexpr (M > 1) tile_of<BYTES, O, M - 1>(n, fetch, x, w, y, in, out);
}

struct Product {
  const float *x, *w;
  float *y;
  int64_t rows, in, out;
};

// Columns from..to of all rows. Some columns of the weights come from memory once and stay in the second cache while all
// rows pass, in tiles of about equally many: as many sums as the registers hold.
template <int BYTES>
AZ_INLINE void product_of(const Product &p, int64_t from, int64_t to) {
  constexpr int O = BYTES == 64 ? 4 : BYTES == 32 ? 3 : 2, M = BYTES == 64 ? 6 : 4;
  constexpr int64_t cached = 64 << 10;  // numbers
  const int64_t columns = std::max<int64_t>(1, cached / std::max<int64_t>(1, p.in) / O) * O;
  for (; from < to; from += columns) {
    const int64_t end = std::min(from + columns, to);
    for (int64_t m = 0, tiles = (p.rows + M - 1) / M; tiles > 0; tiles--) {
      const int64_t n = (p.rows - m + tiles - 1) / tiles;
      const float *x = p.x + m * p.in;
      float *y = p.y + m * p.out;
      int64_t o = from;
      for (; o + O <= end; o += O) tile_of<BYTES, O, M>(n, m == 0, x, p.w + o * p.in, y + o, p.in, p.out);
      for (; o < end; o++) tile_of<BYTES, 1, M>(n, m == 0, x, p.w + o * p.in, y + o, p.in, p.out);
      m += n;
    }
  }
}

AZ_KERNEL(product, product_of, (const Product &p, int64_t from, int64_t to), (p, from, to))

at::Tensor linear_rows(const at::Tensor &x, const at::Tensor &weight) {
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
  at::parallel_for(0, steps, each, [&](int64_t begin, int64_t end) { product(p, begin * step, std::min(end * step, p.out)); });
  return out;
}

bool batch_invariant = false;

bool applies(const at::Tensor &t) { return batch_invariant && !at::GradMode::is_enabled() && t.is_cpu() && t.scalar_type() == at::kFloat; }

}  // namespace

at::Tensor az::linear(const at::Tensor &x, const at::Tensor &weight) {
  return applies(x) && applies(weight) ? linear_rows(x, weight) : at::linear(x, weight);
}

extern "C" {

void az_set_batch_invariant(int32_t on) { batch_invariant = on != 0; }
int32_t az_batch_invariant(void) { return batch_invariant; }

az_result az_linear(const az_tensor *x, const az_tensor *weight) {
  return az::guard([&] { return az::linear(az::ref(x), az::ref(weight)); });
}

}  // extern "C"

// Batch-invariant mode: matrix products whose rows do not depend on each other, on the CPU in f32 and without a graph.
//
// In y = x wᵀ each number is a sum in one fixed order, whatever the other rows are and however many; libraries
// choose another order for another number of rows. Small numbers of rows stream the weights from memory, which
// nothing packs or copies.
#include "guard.h"
#include "simd.h"

namespace {

// So many numbers of the weights stay in the second cache of the processor beside the rows.
constexpr int64_t cached = 64 << 10;

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

// Each of weights times x, in one parallel loop: where a pass has few rows, to wake the threads costs as much as a small
// product. A piece of the work is some columns of one product, whole tiles, whose bits are the same wherever the cut is:
// a few pieces for each thread, none larger than what stays in the cache.
std::vector<at::Tensor> linears_of_rows(const at::Tensor &x, const std::vector<at::Tensor> &weights) {
  const at::Tensor in = x.contiguous();
  const int64_t width = x.size(-1), rows = width ? in.numel() / width : 0;
  int64_t all = 0;  // columns
  for (const at::Tensor &w : weights) all += w.size(0);
  const int64_t columns = std::max<int64_t>(1, std::min(cached / std::max<int64_t>(1, width), all / (4 * at::get_num_threads())) / 16) * 16;
  std::vector<at::Tensor> kept, results;
  std::vector<std::pair<Product, int64_t>> pieces;  // the first column of each
  for (const at::Tensor &weight : weights) {
    const at::Tensor &w = kept.emplace_back(weight.contiguous());
    TORCH_CHECK(w.dim() == 2 && width == w.size(1), "linear: ", x.sizes(), " times ", w.sizes(), " transposed");
    auto shape = x.sizes().vec();
    shape.back() = w.size(0);
    const at::Tensor &out = results.emplace_back(at::empty(shape, x.options()));
    const Product p{in.const_data_ptr<float>(), w.const_data_ptr<float>(), out.mutable_data_ptr<float>(), rows, width, w.size(0)};
    for (int64_t from = 0; from < p.out; from += columns) pieces.emplace_back(p, from);
  }
  const int64_t cost = columns * width * std::max<int64_t>(rows, 16);  // a weight from memory takes as long as some products
  const int64_t worth = (1 << 20) / std::max<int64_t>(1, cost);
  az::share_out(pieces.size(), worth, [&](int64_t i) { product(pieces[i].first, pieces[i].second, std::min(pieces[i].second + columns, pieces[i].first.out)); });
  return results;
}

bool batch_invariant = false;

bool applies(const at::Tensor &t) { return batch_invariant && !at::GradMode::is_enabled() && t.is_cpu() && t.scalar_type() == at::kFloat; }

}  // namespace

at::Tensor az::linear(const at::Tensor &x, const at::Tensor &weight) { return az::linears(x, {weight})[0]; }

std::vector<at::Tensor> az::linears(const at::Tensor &x, const std::vector<at::Tensor> &weights) {
  if (applies(x) && std::all_of(weights.begin(), weights.end(), applies)) return linears_of_rows(x, weights);
  std::vector<at::Tensor> results;
  for (const at::Tensor &w : weights) results.push_back(at::linear(x, w));
  return results;
}

extern "C" {

void az_set_batch_invariant(int32_t on) { batch_invariant = on != 0; }
int32_t az_batch_invariant(void) { return batch_invariant; }

az_result az_linear(const az_tensor *x, const az_tensor *weight) {
  return az::guard([&] { return az::linear(az::ref(x), az::ref(weight)); });
}

}  // extern "C"

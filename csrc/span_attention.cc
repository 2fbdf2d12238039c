// Attention of a prompt's rows over its pages: the softmax goes along block by block (Dao et al., 2022, algorithm 1), so that
// scores of some rows and one block are all that there is of them.
#include "attention.h"

#include <algorithm>
#include <limits>
#include <vector>

#include "simd.h"

namespace {

// A tile is M rows by V vectors: as many sums as the registers hold.
template <int BYTES>
struct Tile {
  static constexpr int M = BYTES == 64 ? 6 : 4, V = BYTES == 64 ? 4 : 2;
  static constexpr int64_t lanes = az::Lanes<BYTES>::count, width = V * lanes;
};

// y[m][j] = y[m][j] * keep[m] + the sum over k of x[m][k] w[k][j], for M rows and V vectors of j.
template <int BYTES, int M, int V>
AZ_INLINE void multiply_add(const float *x, int64_t x_stride, const float *w, int64_t w_stride, int64_t depth, const float *keep, float *y, int64_t y_stride) {
  constexpr int64_t lanes = az::Lanes<BYTES>::count;
  az::Floats<BYTES> sum[M][V];
  for (int m = 0; m < M; m++)
    for (int v = 0; v < V; v++) sum[m][v] = az::load<BYTES>(y + m * y_stride + v * lanes) * keep[m];
  for (int64_t k = 0; k < depth; k++) {
    az::Floats<BYTES> b[V];
    for (int v = 0; v < V; v++) b[v] = az::load<BYTES>(w + k * w_stride + v * lanes);
    for (int m = 0; m < M; m++) {
      const az::Floats<BYTES> a = az::Floats<BYTES>{} + x[m * x_stride + k];
      for (int v = 0; v < V; v++) sum[m][v] += a * b[v];
    }
  }
  for (int m = 0; m < M; m++)
    for (int v = 0; v < V; v++) std::memcpy(y + m * y_stride + v * lanes, &sum[m][v], BYTES);
}

// The same of n rows, n at most M.
template <int BYTES, int M, int V, class... Args>
AZ_INLINE void multiply_add_of(int64_t n, Args... args) {
  if (n == M) return multiply_add<BYTES, M, V>(args...);
  if constexpr (M > 1) multiply_add_of<BYTES, M - 1, V>(n, args...);
}

// What has been seen of a row so far: the greatest score, and the sum of the weights relative to it.
struct Seen {
  float top = -std::numeric_limits<float>::infinity(), sum = 0;
};

// Turns the scores of a block into weights relative to the greatest so far, and returns what weights of before shrink by.
template <int BYTES>
AZ_INLINE float weigh(float *scores, int64_t count, int64_t width, float scale, Seen &seen) {
  using F = az::Floats<BYTES>;
  std::fill(scores + std::max<int64_t>(count, 0), scores + width, 0.0f);
  if (count <= 0) return 1;
  for (int64_t t = 0; t < count; t++) scores[t] *= scale;
  const float top = std::max(seen.top, az::greatest<BYTES>(scores, count));
  F sum = {};
  az::each_vector<BYTES>(scores, count, [&](F v, int64_t t, int64_t n) __attribute__((always_inline)) {
    v = az::exp_lanes<BYTES>(v - top);
    std::memcpy(scores + t, &v, n * sizeof(float));
    sum += az::load_some<BYTES>(scores + t, n);
  });
  const float shrink = az::exp_lanes<BYTES>(F{} + (seen.top - top))[0];
  seen = {top, seen.sum * shrink + az::total<BYTES>(sum)};
  return shrink;
}

// Rows r..r+n of a head against a block of tokens: transposed keys (dim, width) and values (tokens, dim). The block begins at
// position first; out holds what values of before have summed up to.
template <int BYTES>
AZ_INLINE void attend_block(const az::SpanHeads &s, int64_t r, int64_t n, int64_t head, const float *keys, const float *values, int64_t first, int64_t tokens, Seen *seen) {
  using T = Tile<BYTES>;
  const float nothing[T::M] = {};
  float scores[T::M * T::width] = {}, shrink[T::M];
  const int64_t at = r * s.stride + head * s.dim;
  multiply_add_of<BYTES, T::M, T::V>(n, s.q + at, s.stride, keys, T::width, s.dim, nothing, scores, T::width);
  auto visible = [&](int64_t m) { return std::min(tokens, s.start + r + m + 1 - first); };
  for (int64_t m = 0; m < n; m++) shrink[m] = weigh<BYTES>(scores + m * T::width, visible(m), T::width, s.scale, seen[m]);
  const int64_t most = visible(n - 1);
  float *out = s.out + at;
  int64_t d = 0;
  for (; d + T::width <= s.dim; d += T::width) multiply_add_of<BYTES, T::M, T::V>(n, scores, T::width, values + d, s.dim, most, shrink, out + d, s.stride);
  for (; d + T::lanes <= s.dim; d += T::lanes) multiply_add_of<BYTES, T::M, 1>(n, scores, T::width, values + d, s.dim, most, shrink, out + d, s.stride);
  for (; d < s.dim; d++)
    for (int64_t m = 0; m < n; m++) {
      float sum = out[m * s.stride + d] * shrink[m];
      for (int64_t t = 0; t < most; t++) sum += scores[m * T::width + t] * values[t * s.dim + d];
      out[m * s.stride + d] = sum;
    }
}

template <int BYTES>
AZ_INLINE void attend_span_of(const az::SpanHeads &s) {
  using T = Tile<BYTES>;
  std::vector<float> keys(s.dim * T::width);
  std::vector<Seen> seen(s.groups * s.rows);
  for (int64_t r = 0; r < s.rows; r++) std::fill(s.out + r * s.stride, s.out + r * s.stride + s.groups * s.dim, 0.0f);
  const int64_t length = s.start + s.rows;
  for (int64_t page = 0; page * s.pages.tokens < length; page++) {
    const int64_t page_at = s.pages.numbers[page] * s.pages.stride, end = std::min((page + 1) * s.pages.tokens, length);
    for (int64_t first = page * s.pages.tokens; first < end; first += T::width) {
      const int64_t tokens = std::min(T::width, end - first), at = page_at + (first - page * s.pages.tokens) * s.dim;
      for (int64_t d = 0; d < s.dim; d++)
        for (int64_t t = 0; t < T::width; t++) keys[d * T::width + t] = t < tokens ? s.keys[at + t * s.dim + d] : 0.0f;
      for (int64_t head = 0; head < s.groups; head++)
        for (int64_t r = std::max<int64_t>(0, first - s.start), n; r < s.rows; r += n) {
          n = std::min<int64_t>(T::M, s.rows - r);
          attend_block<BYTES>(s, r, n, head, keys.data(), s.values + at, first, tokens, seen.data() + head * s.rows + r);
        }
    }
  }
  for (int64_t r = 0; r < s.rows; r++)
    for (int64_t head = 0; head < s.groups; head++) {
      const float share = 1 / seen[head * s.rows + r].sum;
      for (int64_t d = 0; d < s.dim; d++) s.out[r * s.stride + head * s.dim + d] *= share;
    }
}

AZ_KERNEL(attend_rows_of_span, attend_span_of, (const az::SpanHeads &s), (s))

}  // namespace

void az::attend_span(const SpanHeads &s) { attend_rows_of_span(s); }

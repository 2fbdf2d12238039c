// Attention over the KV cache, whose storage is pages of equally many tokens: (KVH, pages, tokens a page, D).
#include <algorithm>
#include <cmath>

#include "attention.h"
#include "guard.h"
#include "simd.h"

using az::ref;

namespace {

using az::Pages;

// Adds weight[t] * value[t] over a page's tokens to G heads' out.
template <int BYTES, int G>
AZ_INLINE void add_values(const float *weights, int64_t weight_stride, const float *value, int64_t tokens, float *out, int64_t dim) {
  constexpr int64_t lanes = az::Lanes<BYTES>::count;
  for (int64_t d = 0; d < dim; d += lanes) {
    const int64_t count = std::min(lanes, dim - d);
    az::Floats<BYTES> sum[G];
    for (int g = 0; g < G; g++) sum[g] = az::load_some<BYTES>(out + g * dim + d, count);
    for (int64_t t = 0; t < tokens; t++) {
      const auto v = count == lanes ? az::load<BYTES>(value + t * dim + d) : az::load_some<BYTES>(value + t * dim + d, count);
      for (int g = 0; g < G; g++) sum[g] += weights[g * weight_stride + t] * v;
    }
    for (int g = 0; g < G; g++) std::memcpy(out + g * dim + d, &sum[g], count * sizeof(float));
  }
}

// scores[t] = scale q · key[t] of a page's tokens.
template <int BYTES>
AZ_INLINE void score_page(const float *q, const float *key, float *scores, int64_t tokens, int64_t dim, float scale) {
  constexpr int64_t lanes = az::Lanes<BYTES>::count;
  auto dot = [&](const float *k, az::Floats<BYTES> &sum) __attribute__((always_inline)) {
    az::each_vector<BYTES>(k, dim, [&](az::Floats<BYTES> v, int64_t d, int64_t count) __attribute__((always_inline)) {
      sum += v * (count == lanes ? az::load<BYTES>(q + d) : az::load_some<BYTES>(q + d, count));
    });
  };
  int64_t t = 0;
  if constexpr (BYTES == 64)
    for (; t + 4 <= tokens; t += 4) {
      az::Floats<BYTES> sum[4] = {};
      for (int i = 0; i < 4; i++) dot(key + (t + i) * dim, sum[i]);
      az::totals_of_four(sum[0], sum[1], sum[2], sum[3], scores + t);
      for (int i = 0; i < 4; i++) scores[t + i] *= scale;
    }
  for (; t < tokens; t++) {
    az::Floats<BYTES> sum = {};
    dot(key + t * dim, sum);
    scores[t] = az::total<BYTES>(sum) * scale;
  }
}

// Turns scores into weights that sum to 1.
template <int BYTES>
AZ_INLINE void softmax(float *score, int64_t length) {
  const float highest = az::greatest<BYTES>(score, length);
  az::Floats<BYTES> sum = {};
  az::each_vector<BYTES>(score, length, [&](az::Floats<BYTES> v, int64_t t, int64_t count) __attribute__((always_inline)) {
    v = az::exp_lanes<BYTES>(v - highest);
    std::memcpy(score + t, &v, count * sizeof(float));
    sum += az::load_some<BYTES>(score + t, count);
  });
  const float share = 1 / az::total<BYTES>(sum);
  for (int64_t t = 0; t < length; t++) score[t] *= share;
}

// One query of each head of a group against their KV head: out = softmax(scale q kᵀ) v.
// q, out (groups, dim); keys, values are the KV head's pages; scores (groups, length) is scratch.
// Every sum runs in one fixed order, so a row's bits do not depend on what else is in the pass.
template <int BYTES>
AZ_INLINE void attend_of(const float *q, const float *keys, const float *values, const Pages &pages, float *out, float *scores, int64_t groups, int64_t length, int64_t dim, float scale) {
  for (int64_t first = 0, i = 0; first < length; first += pages.tokens, i++) {
    const float *key = keys + pages.numbers[i] * pages.stride;
    const int64_t tokens = std::min(pages.tokens, length - first);
    for (int64_t g = 0; g < groups; g++) score_page<BYTES>(q + g * dim, key, scores + g * length + first, tokens, dim, scale);
  }
  for (int64_t g = 0; g < groups; g++) softmax<BYTES>(scores + g * length, length);
  std::fill(out, out + groups * dim, 0.0f);
  for (int64_t first = 0, i = 0; first < length; first += pages.tokens, i++) {
    const float *value = values + pages.numbers[i] * pages.stride;
    const int64_t tokens = std::min(pages.tokens, length - first);
    int64_t g = 0;
    for (; g + 4 <= groups; g += 4) add_values<BYTES, 4>(scores + g * length + first, length, value, tokens, out + g * dim, dim);
    for (; g + 3 <= groups; g += 3) add_values<BYTES, 3>(scores + g * length + first, length, value, tokens, out + g * dim, dim);
    for (; g < groups; g++) add_values<BYTES, 1>(scores + g * length + first, length, value, tokens, out + g * dim, dim);
  }
}
AZ_KERNEL(attend, attend_of, (const float *q, const float *keys, const float *values, const Pages &pages, float *out, float *scores, int64_t groups, int64_t length, int64_t dim, float scale),
          (q, keys, values, pages, out, scores, groups, length, dim, scale))

// What one call works on.
struct Pass {
  at::Tensor q, k, v;       // (N, H, D), (N, KVH, D) twice
  at::Tensor keys, values;  // the caches
  std::vector<int64_t> rows;  // first row of each span
  const az_span *spans;
  size_t n;
  const int64_t *pages;
  double scale;

  int64_t page_tokens() const { return keys.size(2); }
  int64_t kv_heads() const { return keys.size(0); }
  int64_t dim() const { return keys.size(3); }
  int64_t length(size_t i) const { return spans[i].start + spans[i].rows; }
  int64_t pages_of(size_t i) const { return (length(i) + page_tokens() - 1) / page_tokens(); }
  at::Tensor index(const std::vector<int64_t> &numbers) const { return at::tensor(numbers, at::kLong).to(q.device()); }
};

void check(const Pass &p, size_t num_pages) {
  const at::Tensor &q = p.q, &c = p.keys;
  TORCH_CHECK(c.dim() == 4 && c.is_contiguous() && p.values.sizes() == c.sizes() && p.values.is_contiguous(), "paged_attention: want two contiguous caches (kv_heads, pages, tokens, head_dim), got ", c.sizes(), " and ", p.values.sizes());
  TORCH_CHECK(q.dim() == 3 && q.size(2) == c.size(3) && q.size(1) % c.size(0) == 0 && p.k.sizes() == at::IntArrayRef({q.size(0), c.size(0), c.size(3)}) && p.v.sizes() == p.k.sizes(),
              "paged_attention: query ", q.sizes(), ", keys ", p.k.sizes(), ", values ", p.v.sizes(), ", cache ", c.sizes());
  for (size_t i = 0; i < p.n; i++) {
    const az_span &s = p.spans[i];
    TORCH_CHECK(s.rows > 0 && s.start >= 0 && p.rows[i] + s.rows <= q.size(0), "paged_attention: span ", i, " has ", s.rows, " rows from position ", s.start, ", and begins at row ", p.rows[i], " of ", q.size(0));
    TORCH_CHECK(s.first >= 0 && s.first + p.pages_of(i) <= static_cast<int64_t>(num_pages), "paged_attention: span ", i, " ends at position ", p.length(i), " and has ", static_cast<int64_t>(num_pages) - s.first, " pages of ", p.page_tokens(), " tokens");
    for (int64_t j = 0; j < p.pages_of(i); j++)
      TORCH_CHECK(p.pages[s.first + j] >= 0 && p.pages[s.first + j] < c.size(1), "paged_attention: page ", p.pages[s.first + j], " of ", c.size(1));
  }
}

// Calls f(row, page, offset) for each token that the pass writes.
template <class F>
void each_token(const Pass &p, F f) {
  for (size_t i = 0; i < p.n; i++)
    for (int64_t r = 0; r < p.spans[i].rows; r++) {
      const int64_t at = p.spans[i].start + r;
      f(p.rows[i] + r, p.pages[p.spans[i].first + at / p.page_tokens()], at % p.page_tokens());
    }
}

void write_cpu(const Pass &p, at::Tensor &cache, const at::Tensor &rows) {
  const int64_t bytes = p.dim() * cache.element_size(), heads = p.kv_heads();
  char *to = static_cast<char *>(cache.mutable_data_ptr());
  const char *from = static_cast<const char *>(rows.const_data_ptr());
  each_token(p, [&](int64_t row, int64_t page, int64_t offset) {
    for (int64_t h = 0; h < heads; h++)
      std::memcpy(to + ((h * cache.size(1) + page) * p.page_tokens() + offset) * bytes, from + (row * heads + h) * bytes, bytes);
  });
}

void write(const Pass &p, at::Tensor cache, const at::Tensor &rows) {
  if (cache.is_cpu() && cache.scalar_type() == rows.scalar_type()) return write_cpu(p, cache, rows);
  std::vector<int64_t> which, pages, offsets;
  each_token(p, [&](int64_t row, int64_t page, int64_t offset) {
    which.push_back(row);
    pages.push_back(page);
    offsets.push_back(offset);
  });
  using at::indexing::Slice;
  cache.index_put_({Slice(), p.index(pages), p.index(offsets)}, rows.index_select(0, p.index(which)).transpose(0, 1).to(cache.scalar_type()));
}

// Spans of one row on the CPU in f32.
void decode_cpu(const Pass &p, const std::vector<size_t> &singles, at::Tensor &out) {
  const int64_t heads = p.q.size(1), dim = p.dim(), groups = heads / p.kv_heads(), n = static_cast<int64_t>(singles.size());
  const float *qs = p.q.const_data_ptr<float>(), *ks = p.keys.const_data_ptr<float>(), *vs = p.values.const_data_ptr<float>();
  float *outs = out.mutable_data_ptr<float>();
  // One KV head after the other: rows that share a prompt's pages find them in the cache of the processor.
  az::share_out(n * p.kv_heads(), 1, [&](int64_t j) {
    const size_t i = singles[j % n];
    const int64_t head = j / n, q_at = (p.rows[i] * heads + head * groups) * dim, head_at = head * p.keys.stride(0);
    std::vector<float> scores(groups * p.length(i));
    attend(qs + q_at, ks + head_at, vs + head_at, {p.pages + p.spans[i].first, p.page_tokens(), p.keys.stride(1)}, outs + q_at, scores.data(), groups, p.length(i), dim, static_cast<float>(p.scale));
  });
}

// Spans of many rows on the CPU in f32, the longest sequences first: they take longest.
void prefill_cpu(const Pass &p, const std::vector<size_t> &many, at::Tensor &out) {
  const int64_t dim = p.dim(), groups = p.q.size(1) / p.kv_heads();
  const float *qs = p.q.const_data_ptr<float>(), *ks = p.keys.const_data_ptr<float>(), *vs = p.values.const_data_ptr<float>();
  float *outs = out.mutable_data_ptr<float>();
  std::vector<size_t> order = many;
  std::stable_sort(order.begin(), order.end(), [&](size_t a, size_t b) { return p.length(a) > p.length(b); });
  az::share_out(static_cast<int64_t>(order.size()) * p.kv_heads(), 1, [&](int64_t j) {
    const size_t i = order[j / p.kv_heads()];
    const az_span &s = p.spans[i];
    const int64_t head = j % p.kv_heads(), at = (p.rows[i] * p.q.size(1) + head * groups) * dim, head_at = head * p.keys.stride(0);
    az::attend_span({qs + at, ks + head_at, vs + head_at, outs + at, {p.pages + s.first, p.page_tokens(), p.keys.stride(1)}, s.rows, s.start, groups, dim, p.q.stride(0), static_cast<float>(p.scale)});
  });
}

// Attention of one row each of N sequences: q (N, H, D), table (N, W) the pages of each, lengths (N) i64. libtorch's flash
// attention reads the pages where they are; where it does not take them, its attention runs over gathered ones. Nothing
// here comes to the host.
at::Tensor attend_rows(const at::Tensor &q, const at::Tensor &keys, const at::Tensor &values, const at::Tensor &table, const at::Tensor &lengths, double scale) {
  const int64_t n = q.size(0), kv_heads = keys.size(0), dim = keys.size(3), room = table.size(1) * keys.size(2);
  const auto type = q.scalar_type();
  if (q.is_cuda() && (type == at::kBFloat16 || type == at::kHalf) && keys.scalar_type() == type && dim % 8 == 0) {
    auto pages_first = [](const at::Tensor &cache) { return cache.permute({1, 2, 0, 3}); };
    const at::Tensor starts = at::arange(n + 1, lengths.options().dtype(at::kInt)), ends = at::constant_pad_nd(lengths.cumsum(0), {1, 0}).to(at::kInt);
    return std::get<0>(at::_flash_attention_forward(q, pages_first(keys), pages_first(values), starts, ends, 1, room, 0.0, false, false, scale, std::nullopt, std::nullopt, lengths.to(at::kInt), std::nullopt, table.to(at::kInt), std::nullopt));
  }
  auto gather = [&, numbers = table.flatten()](const at::Tensor &cache) { return cache.index_select(1, numbers).view({kv_heads, n, room, dim}).transpose(0, 1); };
  const at::Tensor mask = at::arange(room, lengths.options()).unsqueeze(0).lt(lengths.unsqueeze(1)).view({n, 1, 1, room});
  return at::scaled_dot_product_attention(q.unsqueeze(2), gather(keys), gather(values), mask, 0.0, false, scale, true).squeeze(2);
}

// Spans of one row on any device in any dtype.
void decode_generic(const Pass &p, const std::vector<size_t> &singles, at::Tensor &out) {
  const int64_t n = static_cast<int64_t>(singles.size());
  int64_t width = 0;
  for (size_t i : singles) width = std::max(width, p.pages_of(i));
  std::vector<int64_t> pages(n * width), rows, lengths;
  for (int64_t j = 0; j < n; j++) {
    const size_t i = singles[j];
    std::copy_n(p.pages + p.spans[i].first, p.pages_of(i), pages.begin() + j * width);
    rows.push_back(p.rows[i]);
    lengths.push_back(p.length(i));
  }
  const at::Tensor which = p.index(rows);
  out.index_copy_(0, which, attend_rows(p.q.index_select(0, which), p.keys, p.values, p.index(pages).view({n, width}), p.index(lengths), p.scale));
}

// A span of many rows on any device in any dtype. Its keys and values are those of the pass if it begins its sequence.
void prefill_generic(const Pass &p, size_t i, at::Tensor &out) {
  const az_span &s = p.spans[i];
  auto rows = [&](const at::Tensor &t) { return az::heads_first(t, p.rows[i], s.rows); };
  const std::vector<int64_t> numbers(p.pages + s.first, p.pages + s.first + p.pages_of(i));
  auto sequence = [&](const at::Tensor &cache, const at::Tensor &own) {
    if (s.start == 0) return rows(own);
    return cache.index_select(1, p.index(numbers)).view({1, p.kv_heads(), -1, p.dim()}).narrow(2, 0, p.length(i));
  };
  std::optional<at::Tensor> mask;
  if (s.start > 0) mask = at::ones({s.rows, p.length(i)}, p.q.options().dtype(at::kBool)).tril(s.start);
  const at::Tensor o = at::scaled_dot_product_attention(rows(p.q), sequence(p.keys, p.k), sequence(p.values, p.v), mask, 0.0, s.start == 0, p.scale, true);
  out.narrow(0, p.rows[i], s.rows).copy_(o.squeeze(0).transpose(0, 1));
}

}  // namespace

extern "C" {

// Writes k and v (N, KVH, D) to their places in the pages and returns causal attention of q (N, H, D) over each
// span's sequence; rows after the last span are zero.
az_result az_paged_attention(const az_tensor *q, const az_tensor *k, const az_tensor *v, az_tensor *key_pages, az_tensor *value_pages, const az_span *spans, size_t n, const int64_t *pages, size_t num_pages, double scale) {
  return az::guard([&] {
    at::NoGradGuard no_grad;
    Pass p{ref(q).contiguous(), ref(k).contiguous(), ref(v).contiguous(), ref(key_pages), ref(value_pages), {}, spans, n, pages, scale};
    std::vector<size_t> singles, many;
    int64_t row = 0;
    for (size_t i = 0; i < n; i++) {
      p.rows.push_back(row);
      row += spans[i].rows;
      (spans[i].rows == 1 ? singles : many).push_back(i);
    }
    check(p, num_pages);
    write(p, p.keys, p.k);
    write(p, p.values, p.v);
    at::Tensor out = at::empty_like(p.q);
    out.narrow(0, row, out.size(0) - row).zero_();
    const bool own = out.is_cpu() && out.scalar_type() == at::kFloat && p.keys.scalar_type() == at::kFloat;
    if (!singles.empty()) own ? decode_cpu(p, singles, out) : decode_generic(p, singles, out);
    if (own && !many.empty()) {
      prefill_cpu(p, many, out);
    } else {
      for (size_t i : many) prefill_generic(p, i, out);
    }
    return out;
  });
}

// The same for one token each of N sequences, told by tensors: positions (N) and table (N, W), the pages of each, both i64
// on the device, are not looked at by the host, so that a graph can replay it.
az_result az_decode_attention(const az_tensor *q, const az_tensor *k, const az_tensor *v, az_tensor *key_pages, az_tensor *value_pages, const az_tensor *positions, const az_tensor *table, double scale) {
  return az::guard([&] {
    at::NoGradGuard no_grad;
    const at::Tensor &keys = ref(key_pages), &values = ref(value_pages), &places = ref(positions), &pages = ref(table);
    const int64_t n = ref(q).size(0);
    TORCH_CHECK(keys.dim() == 4 && values.sizes() == keys.sizes() && places.sizes() == at::IntArrayRef({n}) && pages.dim() == 2 && pages.size(0) == n,
                "decode_attention: query ", ref(q).sizes(), ", caches ", keys.sizes(), " and ", values.sizes(), ", positions ", places.sizes(), ", table ", pages.sizes());
    TORCH_CHECK(ref(q).dim() == 3 && ref(q).size(2) == keys.size(3) && ref(q).size(1) % keys.size(0) == 0 && ref(k).sizes() == at::IntArrayRef({n, keys.size(0), keys.size(3)}) && ref(v).sizes() == ref(k).sizes(),
                "decode_attention: query ", ref(q).sizes(), ", keys ", ref(k).sizes(), ", values ", ref(v).sizes(), ", cache ", keys.sizes());
    const at::Tensor page = pages.gather(1, places.floor_divide(keys.size(2)).unsqueeze(1)).squeeze(1), offset = places.remainder(keys.size(2));
    auto put = [&](at::Tensor cache, const at::Tensor &rows) { cache.index_put_({at::indexing::Slice(), page, offset}, rows.transpose(0, 1).to(cache.scalar_type())); };
    put(keys, ref(k));
    put(values, ref(v));
    return attend_rows(ref(q), keys, values, pages, places.add(1), scale);
  });
}

// Copies pages of a cache (KVH, pages, tokens a page, D) over others.
az_status az_copy_pages(az_tensor *cache, const int64_t *from, const int64_t *to, size_t n) {
  return az::attempt([&] {
    at::NoGradGuard no_grad;
    const at::Tensor &c = ref(cache);
    TORCH_CHECK(c.dim() == 4, "copy_pages: want a cache (kv_heads, pages, tokens, head_dim), got ", c.sizes());
    for (size_t i = 0; i < n; i++)
      TORCH_CHECK(from[i] >= 0 && from[i] < c.size(1) && to[i] >= 0 && to[i] < c.size(1), "copy_pages: page ", from[i], " to ", to[i], " of ", c.size(1));
    auto index = [&](const int64_t *pages) { return at::tensor(at::ArrayRef<int64_t>(pages, n), at::kLong).to(c.device()); };
    cache->value.index_copy_(1, index(to), c.index_select(1, index(from)));
  });
}

}  // extern "C"

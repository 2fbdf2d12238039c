// Attention over packed sequences (training, prefill) and over the KV cache (decode).
#include <ATen/Parallel.h>

#include <cmath>

#include "guard.h"

using az::ref;

// One clone a CPU generation: libtorch's wheel is built the same way.
#if defined(__x86_64__)
#define AZ_CLONES __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define AZ_CLONES
#endif

namespace {

// Query head group g of one sequence against its KV head: out = softmax(scale q kᵀ) v.
// q, out (groups, dim) are strided by dim; keys, values (length, dim); scores (length) is scratch.
// Every sum runs in one fixed order, so a row's bits do not depend on what else is in the batch.
AZ_CLONES void attend(const float *q, const float *keys, const float *values, float *out, float *scores, int64_t groups, int64_t length, int64_t dim, float scale) {
  for (int64_t g = 0; g < groups; g++, q += dim, out += dim) {
    float highest = -INFINITY;
    for (int64_t t = 0; t < length; t++) {
      const float *key = keys + t * dim;
      float dot = 0;
#pragma omp simd reduction(+ : dot)
      for (int64_t d = 0; d < dim; d++) dot += q[d] * key[d];
      scores[t] = dot * scale;
      highest = std::max(highest, scores[t]);
    }
    float total = 0;
    for (int64_t t = 0; t < length; t++) total += scores[t] = std::exp(scores[t] - highest);
    std::fill(out, out + dim, 0.0f);
    for (int64_t t = 0; t < length; t++) {
      const float *value = values + t * dim;
      const float weight = scores[t] / total;
#pragma omp simd
      for (int64_t d = 0; d < dim; d++) out[d] += weight * value[d];
    }
  }
}

at::Tensor decode_attention_cpu(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const int64_t *slots, const int64_t *lengths, int64_t n, double scale) {
  const int64_t heads = q.size(1), dim = q.size(2), kv_heads = k.size(1), room = k.size(2), groups = heads / kv_heads;
  at::Tensor out = at::empty_like(q);
  const float *qs = q.const_data_ptr<float>(), *ks = k.const_data_ptr<float>(), *vs = v.const_data_ptr<float>();
  float *outs = out.mutable_data_ptr<float>();
  at::parallel_for(0, n * kv_heads, 1, [&](int64_t begin, int64_t end) {
    std::vector<float> scores(room);
    for (int64_t i = begin; i < end; i++) {
      const int64_t row = i / kv_heads, head = i % kv_heads;
      const int64_t q_at = (row * heads + head * groups) * dim, kv_at = (slots[row] * kv_heads + head) * room * dim;
      attend(qs + q_at, ks + kv_at, vs + kv_at, outs + q_at, scores.data(), groups, lengths[row], dim, static_cast<float>(scale));
    }
  });
  return out;
}

// Any device and dtype, by libtorch's own attention over the gathered slots.
at::Tensor decode_attention_generic(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const int64_t *slots, const int64_t *lengths, int64_t n, double scale) {
  const int64_t longest = *std::max_element(lengths, lengths + n);
  at::Tensor index = at::tensor(at::ArrayRef<int64_t>(slots, n), at::kLong).to(q.device());
  at::Tensor length = at::tensor(at::ArrayRef<int64_t>(lengths, n), at::kLong).to(q.device());
  at::Tensor keys = k.narrow(2, 0, longest).index_select(0, index), values = v.narrow(2, 0, longest).index_select(0, index);
  at::Tensor mask = at::arange(longest, length.options()).unsqueeze(0).lt(length.unsqueeze(1)).view({n, 1, 1, longest});
  return at::scaled_dot_product_attention(q.unsqueeze(2), keys, values, mask, 0.0, false, scale, true).squeeze(2);
}

void check_cache(const char *op, const at::Tensor &cache, const int64_t *slots, const int64_t *ends, size_t n) {
  TORCH_CHECK(cache.dim() == 4 && cache.is_contiguous(), op, ": want a contiguous cache (slots, kv_heads, room, head_dim), got ", cache.sizes());
  for (size_t i = 0; i < n; i++) {
    TORCH_CHECK(slots[i] >= 0 && slots[i] < cache.size(0), op, ": slot ", slots[i], " of ", cache.size(0));
    TORCH_CHECK(ends[i] > 0 && ends[i] <= cache.size(2), op, ": length ", ends[i], " in a room of ", cache.size(2));
  }
}

}  // namespace

extern "C" {

// Causal self-attention inside each segment of packed tokens: q (N, H, D), k and v (N, KVH, D),
// starts[i] the first row of segment i in ascending order. Returns (N, H, D).
az_result az_attention(const az_tensor *q, const az_tensor *k, const az_tensor *v, const int64_t *starts, size_t segments, double scale) {
  return az::guard([&] {
    const int64_t rows = ref(q).size(0);
    std::vector<at::Tensor> outs;
    for (size_t i = 0; i < segments; i++) {
      const int64_t from = starts[i], length = (i + 1 < segments ? starts[i + 1] : rows) - from;
      TORCH_CHECK(length > 0, "attention: segment ", i, " starts at ", from, " and has ", length, " rows of ", rows);
      auto segment = [&](const az_tensor *t) { return ref(t).narrow(0, from, length).transpose(0, 1).unsqueeze(0); };
      at::Tensor out = at::scaled_dot_product_attention(segment(q), segment(k), segment(v), {}, 0.0, true, scale, true);
      outs.push_back(out.squeeze(0).transpose(0, 1));
    }
    return outs.size() == 1 ? outs[0].contiguous() : at::cat(outs);
  });
}

// cache (S, KVH, T, D): cache[slots[i], :, positions[i], :] = rows[i] for rows (n, KVH, D).
az_status az_kv_write(az_tensor *cache, const az_tensor *rows, const int64_t *slots, const int64_t *positions, size_t n) {
  return az::attempt([&] {
    at::NoGradGuard no_grad;
    std::vector<int64_t> ends(positions, positions + n);
    for (auto &end : ends) end++;
    check_cache("kv_write", ref(cache), slots, ends.data(), n);
    at::Tensor where = at::tensor(at::ArrayRef<int64_t>(slots, n), at::kLong).to(ref(cache).device());
    at::Tensor when = at::tensor(at::ArrayRef<int64_t>(positions, n), at::kLong).to(ref(cache).device());
    using at::indexing::Slice;
    cache->value.index_put_({where, Slice(), when}, ref(rows));
  });
}

// Copies the first length positions of one slot to another.
az_status az_kv_copy(az_tensor *cache, int64_t from, int64_t to, int64_t length) {
  return az::attempt([&] {
    at::NoGradGuard no_grad;
    const int64_t slots[] = {from, to}, ends[] = {length, length};
    check_cache("kv_copy", ref(cache), slots, ends, 2);
    cache->value[to].narrow(1, 0, length).copy_(cache->value[from].narrow(1, 0, length));
  });
}

// One query a row against its slot: q (n, H, D), caches (S, KVH, T, D), the first lengths[i] positions of slots[i].
// On the CPU a row's bits are the same whatever the batch. Returns (n, H, D).
az_result az_decode_attention(const az_tensor *q, const az_tensor *k_cache, const az_tensor *v_cache, const int64_t *slots, const int64_t *lengths, size_t n, double scale) {
  return az::guard([&] {
    at::NoGradGuard no_grad;
    const at::Tensor &k = ref(k_cache), &v = ref(v_cache);
    TORCH_CHECK(ref(q).dim() == 3 && static_cast<size_t>(ref(q).size(0)) == n && ref(q).size(1) % k.size(1) == 0 && ref(q).size(2) == k.size(3),
                "decode_attention: query ", ref(q).sizes(), ", cache ", k.sizes(), ", rows ", n);
    check_cache("decode_attention", k, slots, lengths, n);
    check_cache("decode_attention", v, slots, lengths, n);
    const bool own = ref(q).is_cpu() && ref(q).scalar_type() == at::kFloat && k.scalar_type() == at::kFloat && v.scalar_type() == at::kFloat;
    const int64_t rows = static_cast<int64_t>(n);
    return own ? decode_attention_cpu(ref(q).contiguous(), k, v, slots, lengths, rows, scale) : decode_attention_generic(ref(q), k, v, slots, lengths, rows, scale);
  });
}

}  // extern "C"

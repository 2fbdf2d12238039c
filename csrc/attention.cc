// Attention over packed sequences (training, scoring).
#include "guard.h"

using az::ref;

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

}  // extern "C"

// Attention of packed tokens whose sequences may share beginnings (training, scoring). Segments are a tree in depth-first order:
// a row sees the rows of its segment up to itself, and all rows of the segments above.
#include <torch/csrc/autograd/custom_function.h>

#include "guard.h"

using az::heads_first, az::ref;

namespace {

// One attention whose softmax is a part of a larger one: heads first, (1, H, rows, D).
struct Part {
  at::Tensor out, lse;  // lse (1, H, rows)
};

// libtorch's kernel for this device, which tells the log-sum-exp of each row.
Part partial_attention(const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, bool causal, double scale) {
  if (q.is_cpu()) {
    auto [out, lse] = at::_scaled_dot_product_flash_attention_for_cpu(q, k, v, 0.0, causal, {}, scale);
    return {out, lse};
  }
  auto [out, lse, seed, offset] = at::_scaled_dot_product_efficient_attention(q, k, v, {}, true, 0.0, causal, scale);
  return {out, lse.narrow(2, 0, q.size(2))};  // that kernel pads it
}

// Given the out and lse of the whole softmax, the gradients through this part of it.
std::tuple<at::Tensor, at::Tensor, at::Tensor> partial_attention_backward(const at::Tensor &grad, const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const Part &whole, bool causal, double scale) {
  if (q.is_cpu()) return at::_scaled_dot_product_flash_attention_for_cpu_backward(grad, q, k, v, whole.out, whole.lse, 0.0, causal, {}, scale);
  const int64_t rows = q.size(2), padded = (rows + 31) / 32 * 32;
  const at::Tensor lse = at::constant_pad_nd(whole.lse, {0, padded - rows}, std::numeric_limits<double>::infinity());
  const at::Tensor none = at::zeros({}, q.options().dtype(at::kLong).device(at::kCPU));  // without dropout nothing is drawn
  auto [dq, dk, dv, bias] = at::_scaled_dot_product_efficient_attention_backward(grad, q, k, v, {}, whole.out, lse, none, none, 0.0, {true, true, true, false}, causal, scale);
  return {dq, dk, dv};
}

// Calls f(first query row, query rows, segment, causal) for each part: a segment's own rows, then those below it.
template <class F>
void each_part(const std::vector<az_segment> &segments, F f) {
  for (const az_segment &s : segments) {
    f(s.start, s.rows, s, true);
    if (const int64_t below = s.end - s.start - s.rows; below > 0) f(s.start + s.rows, below, s, false);
  }
}

std::vector<az_segment> segments_of(const at::Tensor &t) {
  const auto *first = reinterpret_cast<const az_segment *>(t.const_data_ptr<int64_t>());
  return {first, first + t.size(0)};
}

struct TreeAttention : torch::autograd::Function<TreeAttention> {
  // q (N, H, D), k and v (N, H, D); segments (S, 3) i64 on the CPU.
  static at::Tensor forward(torch::autograd::AutogradContext *ctx, const at::Tensor &q, const at::Tensor &k, const at::Tensor &v, const at::Tensor &segments, double scale) {
    const int64_t n = q.size(0), heads = q.size(1);
    at::Tensor out = at::empty({n, heads, q.size(2)}, q.options()), lse = at::empty({n, heads}, q.options().dtype(at::kFloat));
    std::vector<bool> begun(n);  // rows that have a part already; all rows of a part have or none has
    each_part(segments_of(segments), [&](int64_t from, int64_t rows, const az_segment &s, bool causal) {
      const Part part = partial_attention(heads_first(q, from, rows), heads_first(k, s.start, s.rows), heads_first(v, s.start, s.rows), causal, scale);
      at::Tensor o = out.narrow(0, from, rows), l = lse.narrow(0, from, rows);
      const at::Tensor po = part.out.squeeze(0).transpose(0, 1), pl = part.lse.squeeze(0).transpose(0, 1);
      if (begun[from]) {
        const at::Tensor both = at::logaddexp(l, pl);
        o.copy_(o.mul((l - both).exp().unsqueeze(2)).add(po.mul((pl - both).exp().unsqueeze(2))));
        l.copy_(both);
      } else {
        o.copy_(po);
        l.copy_(pl);
        std::fill(begun.begin() + from, begun.begin() + from + rows, true);
      }
    });
    ctx->save_for_backward({q, k, v, out, lse, segments});
    ctx->saved_data["scale"] = scale;
    return out;
  }

  static torch::autograd::variable_list backward(torch::autograd::AutogradContext *ctx, torch::autograd::variable_list grads) {
    auto saved = ctx->get_saved_variables();
    const at::Tensor &q = saved[0], &k = saved[1], &v = saved[2], &out = saved[3], &lse = saved[4], grad = grads[0].contiguous();
    const double scale = ctx->saved_data["scale"].toDouble();
    at::Tensor dq = at::zeros_like(q), dk = at::zeros_like(k), dv = at::zeros_like(v);
    each_part(segments_of(saved[5]), [&](int64_t from, int64_t rows, const az_segment &s, bool causal) {
      const Part whole{heads_first(out, from, rows), lse.narrow(0, from, rows).transpose(0, 1).unsqueeze(0)};
      auto [pq, pk, pv] = partial_attention_backward(heads_first(grad, from, rows), heads_first(q, from, rows), heads_first(k, s.start, s.rows), heads_first(v, s.start, s.rows), whole, causal, scale);
      auto rows_first = [](const at::Tensor &t) { return t.squeeze(0).transpose(0, 1); };
      dq.narrow(0, from, rows).add_(rows_first(pq));
      dk.narrow(0, s.start, s.rows).add_(rows_first(pk));
      dv.narrow(0, s.start, s.rows).add_(rows_first(pv));
    });
    return {dq, dk, dv, at::Tensor(), at::Tensor()};
  }
};

}  // namespace

extern "C" {

// q (N, H, D), k and v (N, KVH, D); the segments cover the rows in depth-first order. Returns (N, H, D).
az_result az_tree_attention(const az_tensor *q, const az_tensor *k, const az_tensor *v, const az_segment *segments, size_t n, double scale) {
  return az::guard([&] {
    int64_t row = 0;
    std::vector<int64_t> ends;  // of the segments above
    for (size_t i = 0; i < n; i++) {
      const az_segment &s = segments[i];
      while (!ends.empty() && ends.back() <= s.start) ends.pop_back();
      TORCH_CHECK(s.start == row && s.rows > 0 && s.end >= s.start + s.rows && s.end <= (ends.empty() ? ref(q).size(0) : ends.back()),
                  "tree_attention: segment ", i, " has ", s.rows, " rows from ", s.start, " and ends at ", s.end, ", want it to begin at ", row, " inside those above");
      row += s.rows;
      ends.push_back(s.end);
    }
    TORCH_CHECK(row == ref(q).size(0) && ref(k).size(0) == row && ref(v).size(0) == row, "tree_attention: segments of ", row, " rows for query ", ref(q).sizes(), ", keys ", ref(k).sizes(), ", values ", ref(v).sizes());
    TORCH_CHECK(ref(q).size(1) % ref(k).size(1) == 0, "tree_attention: ", ref(q).size(1), " query heads for ", ref(k).size(1), " of keys");
    const int64_t groups = ref(q).size(1) / ref(k).size(1);
    auto expand = [&](const at::Tensor &t) { return groups == 1 || t.is_cpu() ? t : t.repeat_interleave(groups, 1); };
    const at::Tensor table = at::from_blob(const_cast<az_segment *>(segments), {static_cast<int64_t>(n), 3}, at::kLong).clone();
    return TreeAttention::apply(ref(q).contiguous(), expand(ref(k)).contiguous(), expand(ref(v)).contiguous(), table, scale);
  });
}

}  // extern "C"

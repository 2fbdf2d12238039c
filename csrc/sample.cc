// Drawing tokens: inverse CDF in f64 of one uniform number a row, so that a draw depends on its row alone.
#include <ATen/Parallel.h>

#include <algorithm>
#include <cmath>
#include <numeric>

#include "guard.h"

namespace {

struct Drawn {
  int64_t id;
  float logprob;
};

// Tokens that top-k and top-p keep, in ascending id order; ties go to the lower id.
std::vector<int64_t> kept(const std::vector<double> &weight, double total, const az_sampling &s) {
  std::vector<int64_t> ids(weight.size());
  std::iota(ids.begin(), ids.end(), 0);
  auto likelier = [&](int64_t a, int64_t b) { return weight[a] != weight[b] ? weight[a] > weight[b] : a < b; };
  if (s.top_k > 0 && s.top_k < static_cast<int64_t>(ids.size())) {
    std::nth_element(ids.begin(), ids.begin() + s.top_k - 1, ids.end(), likelier);
    ids.resize(s.top_k);
    total = 0;
    for (int64_t id : ids) total += weight[id];
  }
  if (s.top_p < 1) {
    std::sort(ids.begin(), ids.end(), likelier);
    double sum = 0;
    size_t n = 0;
    while (n < ids.size() && sum < s.top_p * total) sum += weight[ids[n++]];
    ids.resize(std::max<size_t>(n, 1));
  }
  std::sort(ids.begin(), ids.end());
  return ids;
}

Drawn draw(const float *logits, int64_t vocab, const az_sampling &s) {
  const int64_t best = std::max_element(logits, logits + vocab) - logits;
  TORCH_CHECK(std::isfinite(logits[best]), "sample: a logit is not finite");
  const double temperature = s.temperature > 0 ? s.temperature : 1;
  std::vector<double> weight(vocab);
  double total = 0;
  for (int64_t i = 0; i < vocab; i++) total += weight[i] = std::exp((static_cast<double>(logits[i]) - logits[best]) / temperature);
  TORCH_CHECK(std::isfinite(total), "sample: a logit is not finite");
  auto answer = [&](int64_t id) { return Drawn{id, static_cast<float>((static_cast<double>(logits[id]) - logits[best]) / temperature - std::log(total))}; };
  if (s.temperature <= 0) return answer(best);
  const bool all = s.top_k <= 0 && s.top_p >= 1;
  std::vector<int64_t> ids = all ? std::vector<int64_t>() : kept(weight, total, s);
  const int64_t n = all ? vocab : static_cast<int64_t>(ids.size());
  auto id = [&](int64_t i) { return all ? i : ids[i]; };
  double mass = 0;
  for (int64_t i = 0; i < n; i++) mass += weight[id(i)];
  const double target = s.uniform * mass;
  double sum = 0;
  int64_t last = id(0);
  for (int64_t i = 0; i < n; i++) {
    if (weight[id(i)] == 0) continue;  // underflow: such a token has no share of the unit interval
    last = id(i);
    sum += weight[last];
    if (sum > target) break;
  }
  return answer(last);
}

}  // namespace

extern "C" {

// logits (n, V). Writes the drawn ids and their log-probs at the row's temperature before truncation;
// temperature 0 takes the likeliest token (the lowest id of equals) with its log-prob at temperature 1.
az_status az_sample(const az_tensor *logits, const az_sampling *rows, size_t n, int64_t *ids, float *logprobs) {
  return az::attempt([&] {
    at::Tensor host = az::ref(logits).detach().to(at::kCPU, at::kFloat).contiguous();
    TORCH_CHECK(host.dim() == 2 && static_cast<size_t>(host.size(0)) == n && host.size(1) > 0, "sample: logits ", host.sizes(), " for ", n, " rows");
    const int64_t vocab = host.size(1);
    const float *data = host.const_data_ptr<float>();
    at::parallel_for(0, static_cast<int64_t>(n), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; i++) {
        const Drawn d = draw(data + i * vocab, vocab, rows[i]);
        ids[i] = d.id;
        logprobs[i] = d.logprob;
      }
    });
  });
}

}  // extern "C"

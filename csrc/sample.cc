// Drawing tokens: inverse CDF of one uniform number a row, so that a draw depends on its row alone.
#include <algorithm>
#include <cmath>
#include <numeric>

#include "guard.h"
#include "simd.h"

namespace {

struct Drawn {
  int64_t id;
  float logprob;
};

// So many numbers are added up in f32; their sums in f64.
constexpr int64_t block = 4096;

// Weights exp(scale (logits - best)) of n tokens and the sum of each block. A weight below e^-87 is 0: its token has no
// share of the unit interval.
template <int BYTES>
AZ_INLINE void weigh_of(const float *logits, int64_t n, float best, float scale, float *weight, double *sums) {
  using V = az::Floats<BYTES>;
  for (int64_t from = 0; from < n; from += block) {
    V sum = {};
    az::each_vector<BYTES>(logits + from, std::min(block, n - from), [&](V v, int64_t i, int64_t count) __attribute__((always_inline)) {
      v = (v - best) * scale;
      const V e = v < -87.0f ? V{} : az::exp_lanes<BYTES>(v);
      std::memcpy(weight + from + i, &e, count * sizeof(float));
      sum += az::load_some<BYTES>(weight + from + i, count);
    });
    *sums++ = az::total<BYTES>(sum);
  }
}
AZ_KERNEL(weigh, weigh_of, (const float *logits, int64_t n, float best, float scale, float *weight, double *sums), (logits, n, best, scale, weight, sums))

template <int BYTES>
AZ_INLINE void greatest_of(const float *x, int64_t n, float *y) { *y = az::greatest<BYTES>(x, n); }
AZ_KERNEL(greatest, greatest_of, (const float *x, int64_t n, float *y), (x, n, y))

// Tokens that top-k and top-p keep, in ascending id order; ties go to the lower id.
std::vector<int64_t> kept(const std::vector<float> &weight, double total, const az_sampling &s) {
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

// The first of tokens id(0), ..., id(n-1) up to which the weights, added to sum, come to more than target: the last one
// that weighs anything if they do not.
template <class ID>
int64_t reach(const std::vector<float> &weight, int64_t n, ID id, double sum, double target) {
  int64_t last = id(0);
  for (int64_t i = 0; i < n; i++) {
    if (weight[id(i)] == 0) continue;
    last = id(i);
    sum += weight[last];
    if (sum > target) break;
  }
  return last;
}

int64_t reach_of_all(const std::vector<float> &weight, const std::vector<double> &sums, double target) {
  size_t b = 0;
  double sum = 0;
  for (; b + 1 < sums.size() && sum + sums[b] <= target; b++) sum += sums[b];
  while (b > 0 && sums[b] == 0) sum -= sums[--b];  // rounding led past the last token that weighs anything
  const int64_t from = static_cast<int64_t>(b) * block;
  return reach(weight, std::min<int64_t>(block, weight.size() - from), [&](int64_t i) { return from + i; }, sum, target);
}

int64_t reach_of_some(const std::vector<float> &weight, const std::vector<int64_t> &ids, double uniform) {
  double mass = 0;
  for (int64_t id : ids) mass += weight[id];
  return reach(weight, ids.size(), [&](int64_t i) { return ids[i]; }, 0, uniform * mass);
}

Drawn draw(const float *logits, int64_t vocab, const az_sampling &s) {
  float best = 0;
  greatest(logits, vocab, &best);
  TORCH_CHECK(std::isfinite(best), "sample: a logit is not finite");
  const double scale = s.temperature > 0 ? 1 / s.temperature : 1;
  std::vector<float> weight(vocab);
  std::vector<double> sums((vocab + block - 1) / block);
  weigh(logits, vocab, best, static_cast<float>(scale), weight.data(), sums.data());
  const double total = std::accumulate(sums.begin(), sums.end(), 0.0);
  TORCH_CHECK(std::isfinite(total), "sample: a logit is not finite");
  int64_t id;
  if (s.temperature <= 0) id = std::find(logits, logits + vocab, best) - logits;
  else if (s.top_k <= 0 && s.top_p >= 1) id = reach_of_all(weight, sums, s.uniform * total);
  else id = reach_of_some(weight, kept(weight, total, s), s.uniform);
  return {id, static_cast<float>((static_cast<double>(logits[id]) - best) * scale - std::log(total))};
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
    az::share_out(static_cast<int64_t>(n), 1, [&](int64_t i) {
      const Drawn d = draw(data + i * vocab, vocab, rows[i]);
      ids[i] = d.id;
      logprobs[i] = d.logprob;
    });
  });
}

}  // extern "C"

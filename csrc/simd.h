// Loops written on vectors of floats, once for all CPU generations. What is left over of a row goes through the same
// arithmetic in a vector filled up with zeros, so that a number's bits do not depend on its place.
#pragma once

#include <cstdint>
#include <cstring>

#pragma GCC diagnostic ignored "-Wpsabi"  // vectors are passed between inlined functions only

#define AZ_INLINE inline __attribute__((always_inline))

// AZ_KERNEL(name, kernel, (parameters), (arguments)) defines name as kernel<bytes of a vector> for the CPU at hand.
#if defined(__x86_64__)
#define AZ_KERNEL(name, kernel, parameters, arguments)                                             \
  __attribute__((target("avx512f"))) void name##_avx512 parameters { kernel<64> arguments; }       \
  __attribute__((target("avx2,fma"))) void name##_avx2 parameters { kernel<32> arguments; }        \
  void name##_any parameters { kernel<16> arguments; }                                             \
  void name parameters {                                                                           \
    static const auto chosen = az::vector_bytes() == 64 ? name##_avx512 : az::vector_bytes() == 32 ? name##_avx2 : name##_any; \
    chosen arguments;                                                                              \
  }
#else
#define AZ_KERNEL(name, kernel, parameters, arguments) \
  void name parameters { kernel<16> arguments; }
#endif

namespace az {

inline int vector_bytes() {
#if defined(__x86_64__)
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f")) return 64;
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma")) return 32;
#endif
  return 16;
}

template <int BYTES>
struct Lanes {
  static constexpr int64_t count = BYTES / sizeof(float);
  typedef float floats __attribute__((vector_size(BYTES), aligned(4), may_alias));
  typedef int32_t ints __attribute__((vector_size(BYTES), aligned(4), may_alias));
};

template <int BYTES>
using Floats = typename Lanes<BYTES>::floats;

template <int BYTES>
AZ_INLINE Floats<BYTES> load(const float *x) { return *reinterpret_cast<const Floats<BYTES> *>(x); }

// The first n numbers at x, and zeros.
template <int BYTES>
AZ_INLINE Floats<BYTES> load_some(const float *x, int64_t n) {
  Floats<BYTES> v = {};
  std::memcpy(&v, x, n * sizeof(float));
  return v;
}

template <int BYTES>
AZ_INLINE float total(Floats<BYTES> v) {
  if constexpr (BYTES == 16) {
    return (v[0] + v[2]) + (v[1] + v[3]);
  } else {
    Floats<BYTES / 2> low, high;
    std::memcpy(&low, &v, BYTES / 2);
    std::memcpy(&high, reinterpret_cast<const char *>(&v) + BYTES / 2, BYTES / 2);
    return total<BYTES / 2>(low + high);
  }
}

// The totals of four vectors, in the same order of sums: all four at once take less than two by themselves.
AZ_INLINE void totals_of_four(Floats<64> a, Floats<64> b, Floats<64> c, Floats<64> d, float *y) {
#if __has_builtin(__builtin_shufflevector)  // since GCC 12
#define AZ_SHUFFLE __builtin_shufflevector
  const Floats<64> ab = AZ_SHUFFLE(a, b, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) + AZ_SHUFFLE(a, b, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  const Floats<64> cd = AZ_SHUFFLE(c, d, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23) + AZ_SHUFFLE(c, d, 8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31);
  const Floats<64> fours = AZ_SHUFFLE(ab, cd, 0, 1, 2, 3, 8, 9, 10, 11, 16, 17, 18, 19, 24, 25, 26, 27) + AZ_SHUFFLE(ab, cd, 4, 5, 6, 7, 12, 13, 14, 15, 20, 21, 22, 23, 28, 29, 30, 31);
  const Floats<64> twos = fours + AZ_SHUFFLE(fours, fours, 2, 3, 0, 1, 6, 7, 4, 5, 10, 11, 8, 9, 14, 15, 12, 13);
  const Floats<64> ones = twos + AZ_SHUFFLE(twos, twos, 1, 0, 3, 2, 5, 4, 7, 6, 9, 8, 11, 10, 13, 12, 15, 14);
#undef AZ_SHUFFLE
  for (int i = 0; i < 4; i++) y[i] = ones[4 * i];
#else
  const Floats<64> all[] = {a, b, c, d};
  for (int i = 0; i < 4; i++) y[i] = total<64>(all[i]);
#endif
}

// exp(x) to two units in the last place; x is cut to -87..88.
template <int BYTES>
AZ_INLINE Floats<BYTES> exp_lanes(Floats<BYTES> x) {
  using F = Floats<BYTES>;
  using I = typename Lanes<BYTES>::ints;
  const F zero = {}, low = zero - 87.0f, high = zero + 88.0f;
  x = x < low ? low : x;
  x = x > high ? high : x;
  const F shifted = x * 1.44269504f + 12582912.0f;  // adding 1.5 * 2^23 rounds to an integer
  const F n = shifted - 12582912.0f;
  const F r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
  F p = zero + 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  const I exponent = (__builtin_convertvector(n, I) + 127) << 23;
  F scale;
  std::memcpy(&scale, &exponent, BYTES);
  return (p * r * r + r + 1.0f) * scale;
}

// Calls f(vector, first number, count) over n numbers; only the last vector may hold fewer than all lanes.
template <int BYTES, class F>
AZ_INLINE void each_vector(const float *x, int64_t n, F f) {
  constexpr int64_t lanes = Lanes<BYTES>::count;
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) f(load<BYTES>(x + i), i, lanes);
  if (i < n) f(load_some<BYTES>(x + i, n - i), i, n - i);
}

// The greatest of n numbers, n at least 1. NaN if the first is; others are passed over.
template <int BYTES>
AZ_INLINE float greatest(const float *x, int64_t n) {
  using V = Floats<BYTES>;
  const V first = V{} + x[0];
  V top = first;
  each_vector<BYTES>(x, n, [&](V, int64_t i, int64_t count) __attribute__((always_inline)) {
    V v = first;
    std::memcpy(&v, x + i, count * sizeof(float));
    top = v > top ? v : top;
  });
  float highest = x[0];
  for (int64_t i = 0; i < Lanes<BYTES>::count; i++) highest = top[i] > highest ? top[i] : highest;
  return highest;
}

}  // namespace az

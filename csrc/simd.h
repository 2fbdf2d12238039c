// Loops that one compilation holds for several CPU generations, and arithmetic that vectorises in them.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#define AZ_INLINE inline __attribute__((always_inline))

// One clone a CPU generation: libtorch's wheel is built the same way.
#if defined(__x86_64__)
#define AZ_CLONES __attribute__((target_clones("arch=skylake-avx512", "arch=haswell", "default")))
#else
#define AZ_CLONES
#endif

namespace az {

// exp(x) to two units in the last place, the same bits in a vector and alone; x is cut to -87..88.
AZ_INLINE float exp_f32(float x) {
  x = std::min(std::max(x, -87.0f), 88.0f);
  const float shifted = x * 1.44269504f + 12582912.0f;  // adding 1.5 * 2^23 rounds to an integer
  const float n = shifted - 12582912.0f;
  const float r = (x - n * 0.693359375f) + n * 2.12194440e-4f;  // ln 2 in two parts
  float p = 1.9875691500e-4f;
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  return (p * r * r + r + 1) * std::bit_cast<float>((static_cast<int32_t>(n) + 127) << 23);
}

}  // namespace az

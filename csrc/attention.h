// Attention kernels over the pages of a cache, on the CPU in f32.
#pragma once

#include <cstdint>

namespace az {

// Where one sequence's tokens are: page numbers in the order of its positions.
struct Pages {
  const int64_t *numbers;
  int64_t tokens, stride;  // of a page: tokens, and floats
};

// Rows of one sequence, from position start on, in the heads of one KV head. Row r of head g is dim floats at
// q + r * stride + g * dim, and so it is in out; keys and values are the KV head's pages.
struct SpanHeads {
  const float *q, *keys, *values;
  float *out;
  Pages pages;
  int64_t rows, start, groups, dim, stride;
  float scale;
};

// out = softmax(scale q kᵀ) v, each row over the positions up to its own. A row's bits depend on nothing else in the span.
void attend_span(const SpanHeads &s);

}  // namespace az

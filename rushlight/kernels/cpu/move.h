// Moving elements without looking into them: kernels that know only the size of an element.
#pragma once

#include <cstdint>
#include <span>

#include "rushlight/core/shape.h"

namespace rushlight::cpu {

// An element of 16 bytes, for complex128.
struct Wide {
  uint64_t low, high;
};

// Calls f.template operator()<T>() with a plain type of `size` bytes: 1, 2, 4, 8 or 16.
template <class F>
decltype(auto) visit_size(int64_t size, F&& f) {
  switch (size) {
    case 1: return f.template operator()<uint8_t>();
    case 2: return f.template operator()<uint16_t>();
    case 4: return f.template operator()<uint32_t>();
    case 8: return f.template operator()<uint64_t>();
    default: return f.template operator()<Wide>();
  }
}

// out[...] = in[...] for elements of `size` bytes; strides in elements, of any sign, 0 repeats. The two do
// not overlap.
void move(int64_t size, const Dims& sizes, void* out, const Dims& out_strides, const void* in,
          const Dims& in_strides);

// Rows side by side: each row of `out`, which is dense, is a row of every part in turn.
struct RowPart {
  const void* in;
  int64_t bytes;  // of one row
  int64_t pitch;  // bytes from row to row
};
void join_rows(std::span<const RowPart> parts, int64_t rows, void* out);

// Zeroes what lies above (lower) or below (upper) diagonal number `diagonal` of dense row-major matrices,
// copying the rest; `out` may be `in`.
void triangle(int64_t size, int64_t count, int64_t rows, int64_t columns, int64_t diagonal, bool lower,
              const void* in, void* out);

}  // namespace rushlight::cpu

// Transposed copies of small blocks, by vectors where elements have 1, 2, 4 or 8 bytes.
#pragma once

#include <cstdint>

namespace rushlight::cpu {

// out[i * out_stride + j] = in[i + j * in_stride] for i < rows, j < columns; strides in elements, that of the
// input of any sign. The two do not overlap.
using Transpose = void (*)(const void* in, int64_t in_stride, void* out, int64_t out_stride, int64_t rows,
                           int64_t columns);

// For elements of 1, 2, 4, 8 or 16 bytes.
Transpose transpose_function(int64_t size);

}  // namespace rushlight::cpu

// Evenly spaced values.
#pragma once

#include <cstdint>

#include "rushlight/core/dtype.h"

namespace rushlight::cpu {

// out[i] = start + i * step in wrapping int64, converted to the dtype (integers, and floats through double).
void arange_integers(DType dtype, int64_t start, int64_t step, int64_t n, void* out);
// out[i] = start + i * step in double.
void arange_floats(DType dtype, double start, double step, int64_t n, void* out);

// n values from start to end, both included, computed from the nearer end in the dtype itself (integers: in
// double).
void linspace(DType dtype, complex128 start, complex128 end, int64_t n, void* out);

}  // namespace rushlight::cpu

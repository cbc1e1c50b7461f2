// Running sums and products of several rows of floats in vectors.
#pragma once

#include "rushlight/kernels/cpu/scan.h"

namespace rushlight::cpu {

inline constexpr int64_t kScanRows = 4;

// Of kScanRows rows of n floats, `stride` apart, from the first element to the last. Each row is summed in
// double in order, so the results are those of the plain loop to the bit.
using ScanFloats = void (*)(const float* in, float* out, int64_t n, int64_t stride);

// nullptr where the plain loop is as good: an operation that takes long, or vectors of less than four
// doubles.
ScanFloats scan_floats(Scan op);

}  // namespace rushlight::cpu

// Running sums, products and extremes of several rows at a time, in vectors that hold an element of each row:
// every row goes in order, so the results are those of the plain loops of scan.cpp to the bit.
#pragma once

#include "rushlight/kernels/cpu/scan.h"

namespace rushlight::cpu {

inline constexpr int64_t kScanRows = 4;

// Of kScanRows rows of n elements, `stride` apart, from the first to the last.
using ScanRows = void (*)(const void* in, void* out, int64_t n, int64_t stride);
// The same; n is below 2^31, and the places are in rows `stride` apart too.
using ScanExtremes = void (*)(const void* in, void* out, int64_t* places, int64_t n, int64_t stride);

// nullptr where the plain loop is as good: an operation that takes long, or vectors of less than four numbers
// of 64 bits.
ScanRows scan_rows_function(Scan op, Compute type);
ScanExtremes scan_extremes_function(bool largest, Compute type);

}  // namespace rushlight::cpu

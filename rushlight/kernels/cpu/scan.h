// Running sums and their like along one dimension of dense tensors, seen as (outer, size, inner).
#pragma once

#include "rushlight/kernels/cpu/convert.h"

namespace rushlight::cpu {

enum class Scan : uint8_t { Sum, Prod, LogSumExp };

struct ScanShape {
  int64_t outer, size, inner;
};

// in and out hold the compute type; floats are accumulated in double. LogSumExp: floats, doubles and complex
// only. `reverse` runs from the end.
void scan(Scan op, const ScanShape& shape, Compute type, const void* in, void* out, bool reverse);

// Running maxima (minima) and the place of each: the last among equals. NaN beats all. Real types only.
void scan_extreme(bool largest, const ScanShape& shape, Compute type, const void* in, void* out,
                  int64_t* indices);

}  // namespace rushlight::cpu

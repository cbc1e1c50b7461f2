// Packing and unpacking by mask.
#pragma once

#include <cstdint>
#include <vector>

#include "rushlight/core/dtype.h"

namespace rushlight::cpu {

inline constexpr int64_t kMaskBlock = 16 * 1024;  // elements that are counted and packed as one

// For each block of the mask how many true elements lie before it; the last entry is the total.
std::vector<int64_t> count_mask(const bool* mask, int64_t n);

// packed[k] = in[i] for the k-th true element i; counts from count_mask.
void pack(int64_t size, const bool* mask, int64_t n, const std::vector<int64_t>& counts, const void* in,
          void* packed);
// out[i] = packed[k] where the mask holds.
void unpack(int64_t size, const bool* mask, int64_t n, const std::vector<int64_t>& counts, const void* packed,
            void* out);
// places[k] = i.
void places(const bool* mask, int64_t n, const std::vector<int64_t>& counts, int64_t* places);

}  // namespace rushlight::cpu

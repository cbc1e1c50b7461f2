#include "rushlight/kernels/cpu/masked.h"

#include <algorithm>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/move.h"

namespace rushlight::cpu {
namespace {

// Calls f(first, last, packed) for each block.
template <class F>
void for_each_block(int64_t n, const std::vector<int64_t>& counts, F&& f) {
  const int64_t blocks = static_cast<int64_t>(counts.size()) - 1;
  parallel_for(0, blocks, 1, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      if (counts[b] < counts[b + 1])
        f(b * kMaskBlock, std::min(n, (b + 1) * kMaskBlock), counts[b], counts[b + 1]);
    }
  });
}

}  // namespace

std::vector<int64_t> count_mask(const bool* mask, int64_t n) {
  const int64_t blocks = ceil_div(n, kMaskBlock);
  std::vector<int64_t> counts(blocks + 1, 0);
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(mask);
  parallel_for(0, blocks, 8, [&](int64_t begin, int64_t end) {
    for (int64_t b = begin; b < end; ++b) {
      int64_t count = 0;
      for (int64_t i = b * kMaskBlock; i < std::min(n, (b + 1) * kMaskBlock); ++i) count += bytes[i] != 0;
      counts[b + 1] = count;
    }
  });
  for (int64_t b = 0; b < blocks; ++b) counts[b + 1] += counts[b];
  return counts;
}

void pack(int64_t size, const bool* mask, int64_t n, const std::vector<int64_t>& counts, const void* in,
          void* packed) {
  visit_size(size, [&]<class T>() {
    const T* from = static_cast<const T*>(in);
    for_each_block(n, counts, [&](int64_t first, int64_t last, int64_t at, int64_t stop) {
      T* to = static_cast<T*>(packed) + at;
      T* const limit = static_cast<T*>(packed) + stop - 1;
      // Written whether it counts or not, then overwritten: no branch that depends on the data.
      for (int64_t i = first; i < last && to <= limit; ++i) {
        *to = from[i];
        to += mask[i];
      }
    });
  });
}

void unpack(int64_t size, const bool* mask, int64_t n, const std::vector<int64_t>& counts, const void* packed,
            void* out) {
  visit_size(size, [&]<class T>() {
    for_each_block(n, counts, [&](int64_t first, int64_t last, int64_t at, int64_t) {
      const T* from = static_cast<const T*>(packed) + at;
      T* to = static_cast<T*>(out);
      for (int64_t i = first; i < last; ++i)
        if (mask[i]) to[i] = *from++;
    });
  });
}

void places(const bool* mask, int64_t n, const std::vector<int64_t>& counts, int64_t* places) {
  for_each_block(n, counts, [&](int64_t first, int64_t last, int64_t at, int64_t stop) {
    int64_t k = at;
    for (int64_t i = first; i < last && k < stop; ++i) {
      places[k] = i;
      k += mask[i];
    }
  });
}

}  // namespace rushlight::cpu

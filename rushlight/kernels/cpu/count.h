// Counting integers.
#pragma once

#include <cstdint>

namespace rushlight::cpu {

struct IntegerRange {
  int64_t low, high;
  // How many integers there are between them, both included; INT64_MAX where that does not fit.
  int64_t size() const;
};

// The least and the greatest of n > 0 integers.
IntegerRange range_of(const int64_t* x, int64_t n);

// counts[x[i] - low] += 1 for all of them, every one of which lies in [low, low + bins).
void count_integers(const int64_t* x, int64_t n, int64_t low, int64_t bins, int64_t* counts);

}  // namespace rushlight::cpu

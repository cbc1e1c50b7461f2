// Where values belong among sorted ones.
#pragma once

#include <cstdint>

#include "rushlight/kernels/cpu/convert.h"

namespace rushlight::cpu {

// Rows of n sorted elements; `values` of them, one row's after the other's, are looked up in each. The sorter
// gives the places of a row's elements in order, or is null where they lie in order. Real types only.
struct SearchRows {
  Compute type;
  const void* sorted;
  const int64_t* sorter;
  int64_t n;
  const void* values;
  int64_t count;  // of all values
  int64_t each;   // of those of one row
  bool right;     // the first element above the value; else the first that is not below it
};

// places[i] in [0, n]; a NaN comes after everything.
void search_rows(const SearchRows& job, int64_t* places);

// out[i] = is values[i] among the `tests` (at least one)? Not for tests that lie so far apart that a table of
// truths would not pay: false, and nothing was written.
bool find_in_table(const int64_t* tests, int64_t num_tests, const int64_t* values, int64_t n, bool* out);

}  // namespace rushlight::cpu

// Sorting and selecting along the rows of a dense matrix. Every real dtype; NaN counts as the largest and -0
// equals 0. Elements that are equal keep their order, in either direction.
#pragma once

#include <cstdint>

#include "rushlight/core/dtype.h"

namespace rushlight::cpu {

struct SortRows {
  const void* in;
  DType dtype;
  int64_t rows, n;
};

// Indices of the elements in order; values may be nullptr.
void sort_rows(const SortRows& job, bool descending, void* values, int64_t* indices);

// The k first of that order.
void topk_rows(const SortRows& job, int64_t k, bool largest, bool sorted, void* values, int64_t* indices);

// One element of each row: the k-th smallest, counted from 0; the lower median, which is a NaN if there is
// one; or that of the elements that are not NaN.
enum class Select : uint8_t { Kth, Median, NanMedian };
void select_rows(const SortRows& job, Select what, int64_t k, void* values, int64_t* indices);

// The smallest of the most frequent elements of each row, and its last place.
void mode_rows(const SortRows& job, void* values, int64_t* indices);

}  // namespace rushlight::cpu

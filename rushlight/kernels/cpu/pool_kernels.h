// Rows of pooled planes, compiled for each target.
#pragma once

#include "rushlight/kernels/cpu/pool.h"

namespace rushlight::cpu {

template <class T>
struct PoolKernels {
  // Row `oy` of one output plane. `at` has room for out_w places in the input plane, or is null.
  void (*max_row)(const PoolShape& shape, const T* plane, int64_t oy, T* y, int32_t* at);
  // Sums instead of maxima.
  void (*sum_row)(const PoolShape& shape, const T* plane, int64_t oy, T* y);
  // Adds each of a row's values to all places of its window.
  void (*spread_row)(const PoolShape& shape, const T* values, int64_t oy, T* plane);
};

struct PoolTable {
  PoolKernels<float> of_float;
  PoolKernels<double> of_double;
  PoolKernels<int64_t> of_int64;

  template <class T>
  const PoolKernels<T>& of() const {
    if constexpr (sizeof(T) == 4) return of_float;
    else if constexpr (static_cast<T>(0.5) == T(0)) return of_int64;
    else return of_double;
  }
};

const PoolTable& pool_table();

}  // namespace rushlight::cpu

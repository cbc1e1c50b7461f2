// What one reduction does to dense blocks of one compute type. Accumulators ("states") come in tiles of
// `width`: each component of the state is a row of `width` numbers, one row after the other.
#pragma once

#include "rushlight/kernels/cpu/reduce.h"

namespace rushlight::cpu {

struct ReduceKernel {
  int64_t state_size = 0;  // bytes of one accumulator
  Compute result = Compute::Float, second = Compute::Int64;
  void (*init)(void* states, int64_t width) = nullptr;
  // A dense row of n elements into one accumulator (width 1). `first` is the index of the row's first
  // element.
  void (*fold)(const void* row, int64_t n, void* state, int64_t first) = nullptr;
  // `count` rows of `width` elements, `row_stride` elements apart, into a tile: column by column.
  void (*zip)(const void* rows, int64_t row_stride, int64_t count, int64_t width, void* states,
              int64_t first) = nullptr;
  // `later` are the accumulators of elements that come after those of `states`.
  void (*merge)(void* states, const void* later, int64_t width) = nullptr;
  // The results as dense blocks.
  void (*finish)(const void* states, int64_t width, void* result, void* second) = nullptr;
  // `count` rows of n elements, `row_stride` elements apart, into an accumulator each: fold for many. Absent
  // where the index of an element counts or a state has several components.
  void (*fold_rows)(const void* rows, int64_t row_stride, int64_t count, int64_t n, void* states) = nullptr;
};

// nullptr when the operation is not defined on the type.
const ReduceKernel* reduce_kernel(Reduce op, Compute compute);

inline constexpr int64_t kMaxState = 24;  // bytes

}  // namespace rushlight::cpu

// Reductions of strided operands of any dtype. Sizes alone decide how the work is cut up and in which order
// the parts are combined, so a result is the same to the bit on any number of threads.
#pragma once

#include "rushlight/core/shape.h"
#include "rushlight/kernels/cpu/convert.h"

namespace rushlight::cpu {

enum class Reduce : uint8_t {
  Sum,     // floats add up in blocks of float, the blocks in double
  NanSum,  // NaN counts as 0
  Prod,
  Max,  // NaN if there is one
  Min,
  CountNonzero,  // int64
  SumAbs,        // real types only, as are the next three
  SumSquares,
  MaxAbs,
  MinAbs,
  Moments,  // result: sum of squared differences from the mean; second: the mean
  ArgMax,   // result: the value; second: its index along the reduced dimension, the first among equals, NaN
            // before all
  ArgMin,
  kCount
};

// What is done to a result that is a double or complex128, before it is converted to the output's dtype.
enum class Finish : uint8_t { None, Divide, DivideSqrt, Sqrt };

struct Reduction {
  const void* in = nullptr;
  DType dtype = DType::Float32;         // of the input's elements
  Compute compute = Compute::Float;     // what they are converted to first
  Dims kept_sizes, kept_strides;        // strides are the input's, in elements
  Dims reduced_sizes, reduced_strides;  // ArgMax, ArgMin: exactly one
  Reduce op = Reduce::Sum;
  Finish finish = Finish::None;
  double divisor = 1;
  void* out = nullptr;  // row-major over kept_sizes
  DType out_dtype = DType::Float32;
  void* second = nullptr;  // may be absent
  DType second_dtype = DType::Int64;
};

// Is the operation defined on the type.
bool has_reduction(Reduce op, Compute compute);

void run(Reduction& job);

}  // namespace rushlight::cpu

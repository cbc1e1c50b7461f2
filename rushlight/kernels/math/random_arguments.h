// What random operations demand of their arguments, in PyTorch's words and order, for every device. The
// functions throw RuntimeError (NotImplementedError where the dtype has no such operation) and are called
// before an empty output is returned as it is, unless they are said to come after.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "rushlight/core/dtype.h"

namespace rushlight {

// The integers that random_(from, to) draws from: base + [0, range), or all of int64 when `full` is set.
struct RandomRange {
  uint64_t range = 0;
  int64_t base = 0;
  bool full = false;
  std::array<std::string, 2>
      warnings;  // UserWarnings for bounds that a floating dtype cannot tell apart; "" for none
};
// `to` empty: up to the dtype's largest value, which for floating dtypes is 2^digits.
RandomRange random_range_arguments(DType dtype, int64_t from, std::optional<int64_t> to);

void check_uniform(DType dtype, double from, double to);
void check_normal(double std);
void check_log_normal(double std);
void check_geometric(double p);
void check_bernoulli(double p);
void check_exponential(double lambda);
void check_exponential_dtype(DType dtype);  // after the return of empty outputs
void check_cauchy(DType dtype, double sigma);
void check_multinomial(DType dtype, int64_t dim, int64_t categories, int64_t samples, bool replacement);
// n >= 0, and (except for bfloat16) the dtype holds the numbers below n. PyTorch says the first of `out=`
// alone.
void check_randperm(DType dtype, int64_t n);

}  // namespace rushlight

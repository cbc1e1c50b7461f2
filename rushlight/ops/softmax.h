#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight {

// log(sum(exp(x))) along one dimension of a real floating tensor that is not empty, that dimension kept with
// size 1; no recording.
Tensor log_sum_exp_along(const Tensor& x, int64_t dim);

}  // namespace rushlight

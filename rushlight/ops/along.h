// Moving elements along one dimension by an index tensor of the same rank: what sort, topk, max and their
// gradients share.
#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight {

// out[..., i, ...] = x[..., index[..., i, ...], ...]; the indices are known to be in range.
Tensor take_along(const Tensor& x, int64_t dim, const Tensor& index);

// The reverse: zeros of `sizes` with g[..., i, ...] added at index[..., i, ...].
Tensor put_along(const Tensor& g, int64_t dim, const Tensor& index, const Dims& sizes);

}  // namespace rushlight

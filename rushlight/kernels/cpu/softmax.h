// Softmax along one dimension of dense tensors, seen as (outer, size, inner). Floats and doubles; narrower
// floats compute in float.
#pragma once

#include <cstdint>

#include "rushlight/core/dtype.h"

namespace rushlight::cpu {

struct SoftmaxShape {
  int64_t outer, size, inner;
};

enum class Softmax : uint8_t { Plain, Log, LogSumExp };  // LogSumExp: out is (outer, inner)

void softmax(Softmax kind, const SoftmaxShape& shape, const void* in, DType in_dtype, void* out,
             DType out_dtype);

// Plain: y (g - sum(g y)); Log: g - exp(y) sum(g), where y is the forward's result. All operands have
// `dtype`.
void softmax_backward(Softmax kind, const SoftmaxShape& shape, const void* g, const void* y, void* out,
                      DType dtype);

}  // namespace rushlight::cpu

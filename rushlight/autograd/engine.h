// Runs a graph backwards.
#pragma once

#include <optional>
#include <vector>

#include "rushlight/core/tensor.h"

namespace rushlight::autograd {

struct BackwardOptions {
  bool retain_graph = false;
  bool create_graph = false;
};

// Adds the gradients of the outputs with respect to the leaves to the leaves' grad (all leaves, or only
// `inputs` when given). Undefined grad_outputs stand for 1 and are allowed for scalars only. Errors:
// PyTorch's.
void backward(TensorList outputs, TensorList grad_outputs, BackwardOptions options, TensorList inputs = {});

// The gradients with respect to `inputs`, leaves or not; undefined where unused, if that is allowed.
std::vector<Tensor> grad(TensorList outputs, TensorList inputs, TensorList grad_outputs = {},
                         BackwardOptions options = {}, bool allow_unused = false);

// What is in `gradient` brought to the given sizes and dtype: sums what was broadcast, converts.
Tensor conform(Tensor gradient, DimsRef sizes, DType dtype);

// Runs `callback` when the backward that is running now on this thread has finished.
void queue_callback(void (*callback)(void*), void* context);

}  // namespace rushlight::autograd

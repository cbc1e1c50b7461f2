// Runs a graph backwards.
//
//   Tensor x = tensor({3.0, 4.0}).set_requires_grad(true);
//   x.prod().backward();  // autograd::backward({x.prod()}, {}, {})
//   assert(equal(x.grad(), tensor({4.0, 3.0})));
//
//   // The derivative of a derivative.
//   Tensor first = autograd::grad({x.pow(3).sum()}, {x}, {}, {.create_graph = true})[0];
//   Tensor second = autograd::grad({first.sum()}, {x})[0];
//   assert(equal(second, 6 * x));
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
// `inputs` when given). Each of grad_outputs has the sizes of its output; undefined or missing ones stand for
// 1 and are allowed for outputs of one element only. RuntimeError with PyTorch's words for outputs that do
// not require grad, for sizes that differ, and for a graph that an earlier backward has released.
void backward(TensorList outputs, TensorList grad_outputs, BackwardOptions options, TensorList inputs = {});

// The gradients with respect to `inputs`, leaves or not, each with the sizes of its input; nothing is added
// to any grad. An input that the outputs do not depend on is a RuntimeError, or undefined if that is allowed.
std::vector<Tensor> grad(TensorList outputs, TensorList inputs, TensorList grad_outputs = {},
                         BackwardOptions options = {}, bool allow_unused = false);

// What is in `gradient` brought to the given sizes and dtype: sums what was broadcast, converts.
Tensor conform(Tensor gradient, DimsRef sizes, DType dtype);

// Runs `callback` when the backward that is running now on this thread has finished.
void queue_callback(void (*callback)(void*), void* context);

}  // namespace rushlight::autograd

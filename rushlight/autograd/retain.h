// Gradients of tensors that are no leaves, kept on request (Tensor::retain_grad).
#pragma once

#include "rushlight/autograd/variable.h"

namespace rushlight::autograd {

void retain_gradient(const Tensor& tensor);
// An in-place operation gave the tensor another grad_fn.
void move_retained(const Tensor& tensor);
// The tensor goes.
void forget_retained(AutogradMeta& meta);

}  // namespace rushlight::autograd

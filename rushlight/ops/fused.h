// Gradients in one pass over memory, with the composition of simple operations that they stand for.
#pragma once

#include "rushlight/ops/pointwise.h"

namespace rushlight {

// The formula of (g, x) while nobody asks for its gradient, else the composition, which is recorded and so
// has gradients of any order. Dtypes that the formula has not take the composition too.
template <class Composition>
Tensor fused(cpu::Formula formula, const cpu::Params& params, const Tensor& g, const Tensor& x,
             Composition composition) {
  if (!autograd::tracks(g, x) && is_floating(x.dtype())) return pointwise(formula, {g, x}, params);
  return composition();
}

Tensor sigmoid_backward(const Tensor& g, const Tensor& y);                      // g y (1 - y)
Tensor tanh_backward(const Tensor& g, const Tensor& y);                         // g (1 - y^2)
Tensor threshold_backward(const Tensor& g, const Tensor& x, double threshold);  // g where x > threshold
Tensor angle_backward(const Tensor& g, const Tensor& x);
Tensor sinc_backward(const Tensor& g, const Tensor& x);  // 0 where x is 0

// The output of an operation without a gradient, whose inputs may ask for one: backward says so.
template <class... Inputs>
Tensor not_differentiable(const char* name, const Tensor& out, const Inputs&... inputs) {
  if (!autograd::tracks(inputs...)) return out;
  return autograd::Record("torch::autograd::NotImplemented", {inputs...})
      .rule(out, [name](autograd::Node&, const Tensor&) -> Tensor {
        throw_error<RuntimeError>("derivative for aten::", name, " is not implemented");
      });
}

// The same for operations that have a node of their own.
inline Tensor refuse_gradient(const char* node, const char* name, const Tensor& out, const Tensor& input) {
  if (!autograd::tracks(input)) return out;
  return autograd::Record(node, {input}).rule(out, [name](autograd::Node&, const Tensor&) -> Tensor {
    throw_error<NotImplementedError>("the derivative for '", name, "' is not implemented.");
  });
}

}  // namespace rushlight

// Gradients checked against differences.
//
//   Tensor x = tensor({0.3, -1.2}, DType::Float64).set_requires_grad(true);
//   auto failure = autograd::gradcheck([](const auto& in) { return std::vector{in[0].sin()}; }, {x});
//   assert(!failure);
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "rushlight/core/tensor.h"

namespace rushlight::autograd {

using TensorFunction = std::function<std::vector<Tensor>(const std::vector<Tensor>& inputs)>;

struct GradcheckOptions {
  double eps = 1e-6;   // step of the differences
  double atol = 1e-5;  // |numerical - analytical| <= atol + rtol |analytical|
  double rtol = 1e-3;
  double nondet_tol = 0;  // how far two runs of the same backward may differ
};

struct GradcheckFailure {
  std::string message;
  // Jacobians, inputs by outputs; undefined when the failure is of another kind.
  Tensor numerical, analytical;
};

// Compares the derivatives of all outputs with respect to all inputs that require grad: the Jacobian by
// central differences and the one that backward gives. Complex numbers count as pairs of real ones. Nothing
// when they agree. The inputs are changed and put back; they should be float64. ValueError when no input
// requires grad.
std::optional<GradcheckFailure> gradcheck(const TensorFunction& function, const std::vector<Tensor>& inputs,
                                          const GradcheckOptions& options = {});

// The same for second derivatives: the gradients of `function` for random gradients of its outputs, or the
// given ones.
std::optional<GradcheckFailure> gradgradcheck(const TensorFunction& function,
                                              const std::vector<Tensor>& inputs,
                                              const std::vector<Tensor>& grad_outputs = {},
                                              const GradcheckOptions& options = {});

}  // namespace rushlight::autograd

#include "rushlight/nn/activation.h"

#include "rushlight/ops/ops.h"

namespace rushlight::nn {

Tensor ReLU::forward(const Tensor& input) { return functional::relu(input, inplace); }
Tensor Tanh::forward(const Tensor& input) { return tanh(input); }
Tensor Sigmoid::forward(const Tensor& input) { return sigmoid(input); }

}  // namespace rushlight::nn

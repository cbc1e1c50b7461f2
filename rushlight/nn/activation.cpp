#include "rushlight/nn/activation.h"

#include "rushlight/nn/init.h"
#include "rushlight/ops/ops.h"

namespace rushlight::nn {

namespace F = functional;

Tensor ReLU::forward(const Tensor& input) { return F::relu(input, inplace); }
Tensor ReLU6::forward(const Tensor& input) { return F::relu6(input, inplace); }
Tensor SELU::forward(const Tensor& input) { return F::selu(input, inplace); }
Tensor SiLU::forward(const Tensor& input) { return F::silu(input, inplace); }
Tensor Mish::forward(const Tensor& input) { return F::mish(input, inplace); }
Tensor Hardswish::forward(const Tensor& input) { return F::hardswish(input, inplace); }
Tensor Hardsigmoid::forward(const Tensor& input) { return F::hardsigmoid(input, inplace); }

Tensor Tanh::forward(const Tensor& input) { return tanh(input); }
Tensor Sigmoid::forward(const Tensor& input) { return sigmoid(input); }
Tensor LogSigmoid::forward(const Tensor& input) { return F::logsigmoid(input); }
Tensor Softsign::forward(const Tensor& input) { return F::softsign(input); }
Tensor Tanhshrink::forward(const Tensor& input) { return F::tanhshrink(input); }

// min_value and max_value are older names.
void Hardtanh::build() {
  if (min_value.value) min_val = *min_value.value;
  if (max_value.value) max_val = *max_value.value;
  RL_CHECK_AS(AssertionError, max_val > min_val,
              "max_val must be larger than min_val, but got max_val=", max_val, " and min_val=", min_val);
}
Tensor Hardtanh::forward(const Tensor& input) { return F::hardtanh(input, min_val, max_val, inplace); }
Tensor Threshold::forward(const Tensor& input) { return F::threshold(input, threshold, value, inplace); }
Tensor LeakyReLU::forward(const Tensor& input) { return F::leaky_relu(input, negative_slope, inplace); }
Tensor ELU::forward(const Tensor& input) { return F::elu(input, alpha, inplace); }
Tensor CELU::forward(const Tensor& input) { return F::celu(input, alpha, inplace); }
Tensor RReLU::forward(const Tensor& input) { return F::rrelu(input, lower, upper, training(), inplace); }
Tensor Softplus::forward(const Tensor& input) { return F::softplus(input, beta, threshold); }
Tensor Hardshrink::forward(const Tensor& input) { return hardshrink(input, lambd); }
Tensor Softshrink::forward(const Tensor& input) { return F::softshrink(input, lambd); }
Tensor GELU::forward(const Tensor& input) { return F::gelu(input, approximate); }

void PReLU::build() { new_parameter("weight", num_parameters, device, dtype); }
void PReLU::reset_parameters() {
  static const Name weight{"weight"};
  nn::init::constant_(tensor(weight), init);
}
Tensor PReLU::forward(const Tensor& input) {
  static const Name weight{"weight"};
  return prelu(input, tensor(weight));
}

Tensor GLU::forward(const Tensor& input) { return F::glu(input, dim); }
Tensor Softmin::forward(const Tensor& input) { return F::softmin(input, dim); }
Tensor Softmax::forward(const Tensor& input) { return F::softmax(input, dim); }
Tensor LogSoftmax::forward(const Tensor& input) { return F::log_softmax(input, dim); }
Tensor Softmax2d::forward(const Tensor& input) {
  RL_CHECK_AS(ValueError, input.dim() == 3 || input.dim() == 4,
              "Softmax2d: expected input to be 3D or 4D, got ", input.dim(), "D instead");
  return F::softmax(input, -3);
}

}  // namespace rushlight::nn

#include "rushlight/nn/linear.h"

#include <cmath>

#include "rushlight/nn/init.h"
#include "rushlight/ops/ops.h"

namespace rushlight::nn {

namespace {
const Name kWeight{"weight"}, kBias{"bias"};
}

void Linear::build() {
  new_parameter("weight", {out_features, in_features}, device, dtype);
  if (bias) new_parameter("bias", out_features, device, dtype);
  else register_parameter("bias", {});
}

// U(-1/sqrt(in_features), 1/sqrt(in_features)) for both, the weight's drawn as kaiming_uniform_ with slope
// sqrt(5).
void Linear::reset_parameters() {
  init::kaiming_uniform_(tensor(kWeight), std::sqrt(5.0));
  const Tensor b = tensor(kBias);
  if (!b.defined()) return;
  const int64_t fan_in = init::calculate_fan_in_and_fan_out(tensor(kWeight)).first;
  const double bound = fan_in > 0 ? 1 / std::sqrt(static_cast<double>(fan_in)) : 0;
  init::uniform_(b, -bound, bound);
}

Tensor Linear::forward(const Tensor& input) {
  return functional::linear(input, tensor(kWeight), tensor(kBias));
}

std::string Linear::extra_repr() {
  return format("in_features={in_features}, out_features={out_features}, bias=") +
         (tensor(kBias).defined() ? "True" : "False");
}

void Bilinear::build() {
  RL_CHECK_AS(ValueError, in1_features > 0, "in1_features must be > 0, but got ", in1_features);
  new_parameter("weight", {out_features, in1_features, in2_features}, device, dtype);
  if (bias) new_parameter("bias", out_features, device, dtype);
  else register_parameter("bias", {});
}

void Bilinear::reset_parameters() {
  const double bound = 1 / std::sqrt(static_cast<double>(tensor(kWeight).size(1)));
  init::uniform_(tensor(kWeight), -bound, bound);
  if (const Tensor b = tensor(kBias); b.defined()) init::uniform_(b, -bound, bound);
}

Tensor Bilinear::forward(const Tensor& input1, const Tensor& input2) {
  return functional::bilinear(input1, input2, tensor(kWeight), tensor(kBias));
}

std::string Bilinear::extra_repr() {
  return format(
             "in1_features={in1_features}, in2_features={in2_features}, out_features={out_features}, bias=") +
         (tensor(kBias).defined() ? "True" : "False");
}

Tensor Flatten::forward(const Tensor& input) { return input.flatten(start_dim, end_dim); }
Tensor Unflatten::forward(const Tensor& input) { return input.unflatten(dim, unflattened_size); }

}  // namespace rushlight::nn

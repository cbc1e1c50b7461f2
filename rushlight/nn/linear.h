// Layers with a weight matrix.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

// Gives back its input; takes any arguments.
class Identity : public Module {
 public:
  RL_OPTIONS(Identity)
  Tensor forward(const Tensor& input) override { return input; }
};

// y = x W^T + b: (*, in_features) -> (*, out_features).
class Linear : public Module {
 public:
  RL_OPTIONS(Linear, (int64_t, in_features), (int64_t, out_features), (Once<bool>, bias, true),
             (OnDevice, device, {}), (OfDType, dtype, {}))
  Tensor forward(const Tensor& input) override;
  void build() override;
  void reset_parameters() override;
  std::string extra_repr() override;
};

// y = x1^T A x2 + b: (*, in1_features), (*, in2_features) -> (*, out_features).
class Bilinear : public Module {
 public:
  RL_OPTIONS(Bilinear, (int64_t, in1_features), (int64_t, in2_features), (int64_t, out_features),
             (Once<bool>, bias, true), (OnDevice, device, {}), (OfDType, dtype, {}))
  Tensor forward(const Tensor& input1, const Tensor& input2) override;
  void build() override;
  void reset_parameters() override;
  std::string extra_repr() override;
};

// Dimensions start_dim .. end_dim become one.
class Flatten : public Module {
 public:
  RL_OPTIONS(Flatten, (int64_t, start_dim, 1), (int64_t, end_dim, -1))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("start_dim={start_dim}, end_dim={end_dim}"); }
};

// One dimension becomes several.
class Unflatten : public Module {
 public:
  RL_OPTIONS(Unflatten, (int64_t, dim), (Dims, unflattened_size))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("dim={dim}, unflattened_size={unflattened_size}"); }
};

}  // namespace rushlight::nn

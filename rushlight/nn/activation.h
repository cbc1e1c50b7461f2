// Activations.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

class ReLU : public Module {
 public:
  RL_OPTIONS(ReLU, (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return inplace ? "inplace=True" : ""; }
};

class Tanh : public Module {
 public:
  RL_OPTIONS(Tanh)
  Tensor forward(const Tensor& input) override;
};

class Sigmoid : public Module {
 public:
  RL_OPTIONS(Sigmoid)
  Tensor forward(const Tensor& input) override;
};

}  // namespace rushlight::nn

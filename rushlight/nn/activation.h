// Activations, element by element unless they have a dimension.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

// Those with no option but working in place.
class ReLU : public Module {
 public:
  RL_OPTIONS(ReLU, (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return inplace ? "inplace=True" : ""; }
};

class ReLU6 : public Module {
 public:
  RL_OPTIONS(ReLU6, (bool, inplace, false), (Derived<double>, min_val, 0.0), (Derived<double>, max_val, 6.0))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return inplace ? "inplace=True" : ""; }
};

class SELU : public Module {
 public:
  RL_OPTIONS(SELU, (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return inplace ? "inplace=True" : ""; }
};

class SiLU : public Module {
 public:
  RL_OPTIONS(SiLU, (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return inplace ? "inplace=True" : ""; }
};

class Mish : public Module {
 public:
  RL_OPTIONS(Mish, (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return inplace ? "inplace=True" : ""; }
};

class Hardswish : public Module {
 public:
  RL_OPTIONS(Hardswish, (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
};

class Hardsigmoid : public Module {
 public:
  RL_OPTIONS(Hardsigmoid, (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
};

// Those with none.
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

class LogSigmoid : public Module {
 public:
  RL_OPTIONS(LogSigmoid)
  Tensor forward(const Tensor& input) override;
};

class Softsign : public Module {
 public:
  RL_OPTIONS(Softsign)
  Tensor forward(const Tensor& input) override;
};

class Tanhshrink : public Module {
 public:
  RL_OPTIONS(Tanhshrink)
  Tensor forward(const Tensor& input) override;
};

// Those with numbers of their own.
class Hardtanh : public Module {
 public:
  RL_OPTIONS(Hardtanh, (double, min_val, -1.0), (double, max_val, 1.0), (bool, inplace, false),
             (Once<OptDouble>, min_value, {}), (Once<OptDouble>, max_value, {}))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override {
    return format("min_val={min_val}, max_val={max_val}") + (inplace ? ", inplace=True" : "");
  }
  void build() override;
};

class Threshold : public Module {
 public:
  RL_OPTIONS(Threshold, (double, threshold), (double, value), (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override {
    return format("threshold={threshold}, value={value}") + (inplace ? ", inplace=True" : "");
  }
};

class LeakyReLU : public Module {
 public:
  RL_OPTIONS(LeakyReLU, (double, negative_slope, 0.01), (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override {
    return format("negative_slope={negative_slope}") + (inplace ? ", inplace=True" : "");
  }
};

class ELU : public Module {
 public:
  RL_OPTIONS(ELU, (double, alpha, 1.0), (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("alpha={alpha}") + (inplace ? ", inplace=True" : ""); }
};

class CELU : public Module {
 public:
  RL_OPTIONS(CELU, (double, alpha, 1.0), (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("alpha={alpha}") + (inplace ? ", inplace=True" : ""); }
};

class RReLU : public Module {
 public:
  RL_OPTIONS(RReLU, (double, lower, 0.125), (double, upper, 0.3333333333333333), (bool, inplace, false))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override {
    return format("lower={lower}, upper={upper}") + (inplace ? ", inplace=True" : "");
  }
};

class Softplus : public Module {
 public:
  RL_OPTIONS(Softplus, (double, beta, 1.0), (double, threshold, 20.0))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("beta={beta}, threshold={threshold}"); }
};

class Hardshrink : public Module {
 public:
  RL_OPTIONS(Hardshrink, (double, lambd, 0.5))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("{lambd}"); }
};

class Softshrink : public Module {
 public:
  RL_OPTIONS(Softshrink, (double, lambd, 0.5))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("{lambd}"); }
};

class GELU : public Module {
 public:
  RL_OPTIONS(GELU, (std::string, approximate, "none"))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("approximate={approximate!r}"); }
};

// Slopes below zero are learnt: one, or one a channel.
class PReLU : public Module {
 public:
  RL_OPTIONS(PReLU, (int64_t, num_parameters, 1), (double, init, 0.25), (OnDevice, device, {}),
             (OfDType, dtype, {}))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("num_parameters={num_parameters}"); }
  void build() override;
  void reset_parameters() override;
};

// Along a dimension.
class GLU : public Module {
 public:
  RL_OPTIONS(GLU, (int64_t, dim, -1))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("dim={dim}"); }
};

class Softmin : public Module {
 public:
  RL_OPTIONS(Softmin, (OptInt, dim, {}))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("dim={dim}"); }
};

class Softmax : public Module {
 public:
  RL_OPTIONS(Softmax, (OptInt, dim, {}))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("dim={dim}"); }
};

class LogSoftmax : public Module {
 public:
  RL_OPTIONS(LogSoftmax, (OptInt, dim, {}))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("dim={dim}"); }
};

class Softmax2d : public Module {
 public:
  RL_OPTIONS(Softmax2d)
  Tensor forward(const Tensor& input) override;
};

}  // namespace rushlight::nn

// What each optimizer is: its options, the state it keeps for a parameter, and the coefficients of its
// update. The C++ optimizers and those of the Python package are both made from these structs; the loops are
// kernels/cpu/optim.cpp.
//
// The formulas are those of PyTorch's optimizers of the same names, whose documentation states them as
// pseudocode.
#pragma once

#include <algorithm>
#include <cmath>

#include "rushlight/core/inline_vector.h"
#include "rushlight/kernels/cpu/optim.h"

namespace rushlight::optim {

// One entry of a parameter's state, under PyTorch's name. Numbers are 0-d tensors, `step` the first of them;
// arrays have the parameter's shape.
struct Slot {
  enum Kind : uint8_t { Number, Array, FirstGradient } kind;
  const char* name;
  int index = 0;       // of an array: its place in Update::state
  double initial = 0;  // every element at first; FirstGradient: the first gradient is
};
using Slots = InlineVector<Slot, 5>;

// The numbers of a parameter's state, in the order of the slots. Step has been counted up by one already.
struct Numbers {
  double step = 0, second = 0, third = 0;
  bool single = true;  // they are kept as float32
  double stored(double x) const { return single ? static_cast<float>(x) : x; }
};

// Every options struct has:
//   kRule
//   visit(v)            calls v("lr", lr), v("betas", beta1, beta2), ... for what the rule reads, under
//   PyTorch's names; the
//                       Python package needs it
//   slots(out)          the state wanted
//   prepare(numbers, u) fills the coefficients and switches of an update, may change the numbers

struct SgdOptions {
  double lr = 1e-3, momentum = 0, dampening = 0, weight_decay = 0;
  bool nesterov = false, maximize = false;

  static constexpr cpu::UpdateRule kRule = cpu::UpdateRule::Sgd;
  template <class V>
  void visit(V&& v) {
    v("lr", lr), v("momentum", momentum), v("dampening", dampening), v("weight_decay", weight_decay);
    v("nesterov", nesterov), v("maximize", maximize);
  }
  void slots(Slots& s) const {
    if (momentum != 0) s.push_back({Slot::FirstGradient, "momentum_buffer", 0});
  }
  void prepare(Numbers&, cpu::Update& u) const {
    u.c[0] = -lr, u.c[1] = weight_decay, u.c[2] = momentum, u.c[3] = 1 - dampening;
    u.flags[0] = nesterov;
  }
};

struct AdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool amsgrad = false, maximize = false, decoupled_weight_decay = false;

  static constexpr cpu::UpdateRule kRule = cpu::UpdateRule::Adam;
  template <class V>
  void visit(V&& v) {
    v("lr", lr), v("betas", beta1, beta2), v("eps", eps), v("weight_decay", weight_decay);
    v("amsgrad", amsgrad), v("maximize", maximize), v("decoupled_weight_decay", decoupled_weight_decay);
  }
  void slots(Slots& s) const {
    s.push_back({Slot::Number, "step"});
    s.push_back({Slot::Array, "exp_avg", 0});
    s.push_back({Slot::Array, "exp_avg_sq", 1});
    if (amsgrad) s.push_back({Slot::Array, "max_exp_avg_sq", 2});
  }
  void prepare(Numbers& numbers, cpu::Update& u) const {
    const bool decoupled = decoupled_weight_decay && weight_decay != 0;
    u.c[0] = -(lr / (1 - std::pow(beta1, numbers.step)));
    u.c[1] = decoupled ? 1 - lr * weight_decay : weight_decay;
    u.c[2] = 1 - beta1, u.c[3] = beta2, u.c[4] = 1 - beta2;
    u.c[5] = std::pow(1 - std::pow(beta2, numbers.step), 0.5);
    u.c[6] = eps;
    u.flags[0] = amsgrad, u.flags[1] = decoupled;
  }
};

// Adam with decoupled weight decay.
struct AdamWOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 1e-2;
  bool amsgrad = false, maximize = false;

  static constexpr cpu::UpdateRule kRule = cpu::UpdateRule::Adam;
  AdamOptions adam() const { return {lr, beta1, beta2, eps, weight_decay, amsgrad, maximize, true}; }
  void slots(Slots& s) const { adam().slots(s); }
  void prepare(Numbers& numbers, cpu::Update& u) const { adam().prepare(numbers, u); }
};

struct AdagradOptions {
  double lr = 1e-2, lr_decay = 0, weight_decay = 0, initial_accumulator_value = 0, eps = 1e-10;
  bool maximize = false;

  static constexpr cpu::UpdateRule kRule = cpu::UpdateRule::Adagrad;
  template <class V>
  void visit(V&& v) {
    v("lr", lr), v("lr_decay", lr_decay), v("weight_decay", weight_decay), v("eps", eps);
    v("initial_accumulator_value", initial_accumulator_value), v("maximize", maximize);
  }
  void slots(Slots& s) const {
    s.push_back({Slot::Number, "step"});
    s.push_back({Slot::Array, "sum", 0, initial_accumulator_value});
  }
  void prepare(Numbers& numbers, cpu::Update& u) const {
    u.c[0] = -(lr / (1 + (numbers.step - 1) * lr_decay)), u.c[1] = weight_decay, u.c[2] = eps;
  }
};

struct RmsPropOptions {
  double lr = 1e-2, alpha = 0.99, eps = 1e-8, weight_decay = 0, momentum = 0;
  bool centered = false, maximize = false;

  static constexpr cpu::UpdateRule kRule = cpu::UpdateRule::RmsProp;
  template <class V>
  void visit(V&& v) {
    v("lr", lr), v("alpha", alpha), v("eps", eps), v("weight_decay", weight_decay), v("momentum", momentum);
    v("centered", centered), v("maximize", maximize);
  }
  void slots(Slots& s) const {
    s.push_back({Slot::Number, "step"});
    s.push_back({Slot::Array, "square_avg", 0});
    if (momentum > 0) s.push_back({Slot::Array, "momentum_buffer", 1});
    if (centered) s.push_back({Slot::Array, "grad_avg", 2});
  }
  void prepare(Numbers&, cpu::Update& u) const {
    u.c[0] = -lr, u.c[1] = weight_decay, u.c[2] = alpha, u.c[3] = 1 - alpha, u.c[4] = eps, u.c[5] = momentum;
    u.flags[0] = centered;
  }
};

struct AdadeltaOptions {
  double lr = 1, rho = 0.9, eps = 1e-6, weight_decay = 0;
  bool maximize = false;

  static constexpr cpu::UpdateRule kRule = cpu::UpdateRule::Adadelta;
  template <class V>
  void visit(V&& v) {
    v("lr", lr), v("rho", rho), v("eps", eps), v("weight_decay", weight_decay), v("maximize", maximize);
  }
  void slots(Slots& s) const {
    s.push_back({Slot::Number, "step"});
    s.push_back({Slot::Array, "square_avg", 0});
    s.push_back({Slot::Array, "acc_delta", 1});
  }
  void prepare(Numbers&, cpu::Update& u) const {
    u.c[0] = -lr, u.c[1] = weight_decay, u.c[2] = rho, u.c[3] = 1 - rho, u.c[4] = eps;
  }
};

struct AdamaxOptions {
  double lr = 2e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool maximize = false;

  static constexpr cpu::UpdateRule kRule = cpu::UpdateRule::Adamax;
  template <class V>
  void visit(V&& v) {
    v("lr", lr), v("betas", beta1, beta2), v("eps", eps), v("weight_decay", weight_decay),
        v("maximize", maximize);
  }
  void slots(Slots& s) const {
    s.push_back({Slot::Number, "step"});
    s.push_back({Slot::Array, "exp_avg", 0});
    s.push_back({Slot::Array, "exp_inf", 1});
  }
  void prepare(Numbers& numbers, cpu::Update& u) const {
    u.c[0] = -(lr / (1 - std::pow(beta1, numbers.step)));
    u.c[1] = weight_decay, u.c[2] = 1 - beta1, u.c[3] = beta2, u.c[4] = eps;
  }
};

struct NAdamOptions {
  double lr = 2e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0, momentum_decay = 4e-3;
  bool decoupled_weight_decay = false, maximize = false;

  static constexpr cpu::UpdateRule kRule = cpu::UpdateRule::NAdam;
  template <class V>
  void visit(V&& v) {
    v("lr", lr), v("betas", beta1, beta2), v("eps", eps), v("weight_decay", weight_decay);
    v("momentum_decay", momentum_decay), v("decoupled_weight_decay", decoupled_weight_decay),
        v("maximize", maximize);
  }
  void slots(Slots& s) const {
    s.push_back({Slot::Number, "step"});
    s.push_back({Slot::Number, "mu_product", 0, 1});
    s.push_back({Slot::Array, "exp_avg", 0});
    s.push_back({Slot::Array, "exp_avg_sq", 1});
  }
  void prepare(Numbers& numbers, cpu::Update& u) const {
    const double mu = beta1 * (1 - 0.5 * std::pow(0.96, numbers.step * momentum_decay));
    const double next = beta1 * (1 - 0.5 * std::pow(0.96, (numbers.step + 1) * momentum_decay));
    numbers.second = numbers.stored(numbers.second * numbers.stored(mu));
    const bool decoupled = decoupled_weight_decay && weight_decay != 0;
    u.c[0] = -lr * (1 - mu) / (1 - numbers.second);
    u.c[1] = decoupled ? 1 - lr * weight_decay : weight_decay;
    u.c[2] = 1 - beta1, u.c[3] = beta2, u.c[4] = 1 - beta2;
    u.c[5] = 1 - std::pow(beta2, numbers.step), u.c[6] = eps;
    u.c[7] = -lr * next / (1 - numbers.second * next);
    u.flags[1] = decoupled;
  }
};

struct RAdamOptions {
  double lr = 1e-3, beta1 = 0.9, beta2 = 0.999, eps = 1e-8, weight_decay = 0;
  bool decoupled_weight_decay = false, maximize = false;

  static constexpr cpu::UpdateRule kRule = cpu::UpdateRule::RAdam;
  template <class V>
  void visit(V&& v) {
    v("lr", lr), v("betas", beta1, beta2), v("eps", eps), v("weight_decay", weight_decay);
    v("decoupled_weight_decay", decoupled_weight_decay), v("maximize", maximize);
  }
  void slots(Slots& s) const {
    s.push_back({Slot::Number, "step"});
    s.push_back({Slot::Array, "exp_avg", 0});
    s.push_back({Slot::Array, "exp_avg_sq", 1});
  }
  void prepare(Numbers& numbers, cpu::Update& u) const {
    const double power = std::pow(beta2, numbers.step), correction2 = 1 - power;
    const double rho_max = 2 / (1 - beta2) - 1, rho = rho_max - 2 * numbers.step * power / correction2;
    const bool decoupled = decoupled_weight_decay && weight_decay != 0;
    u.c[0] = lr;
    u.c[1] = decoupled ? 1 - lr * weight_decay : weight_decay;
    u.c[2] = 1 - beta1, u.c[3] = beta2, u.c[4] = 1 - beta2;
    u.c[5] = 1 - std::pow(beta1, numbers.step), u.c[6] = eps, u.c[7] = std::pow(correction2, 0.5);
    u.flags[0] = rho > 5;
    u.flags[1] = decoupled;
    if (u.flags[0])
      u.c[8] = std::pow((rho - 4) * (rho - 2) * rho_max / ((rho_max - 4) * (rho_max - 2) * rho), 0.5);
  }
};

struct RpropOptions {
  double lr = 1e-2, eta_minus = 0.5, eta_plus = 1.2, smallest_step = 1e-6, largest_step = 50;
  bool maximize = false;

  static constexpr cpu::UpdateRule kRule = cpu::UpdateRule::Rprop;
  template <class V>
  void visit(V&& v) {
    v("lr", lr), v("etas", eta_minus, eta_plus), v("step_sizes", smallest_step, largest_step),
        v("maximize", maximize);
  }
  void slots(Slots& s) const {
    s.push_back({Slot::Number, "step"});
    s.push_back({Slot::Array, "prev", 0});
    s.push_back({Slot::Array, "step_size", 1, lr});
  }
  void prepare(Numbers&, cpu::Update& u) const {
    u.c[0] = eta_minus, u.c[1] = eta_plus, u.c[2] = smallest_step, u.c[3] = largest_step;
  }
};

struct AsgdOptions {
  double lr = 1e-2, lambd = 1e-4, alpha = 0.75, t0 = 1e6, weight_decay = 0;
  bool maximize = false;

  static constexpr cpu::UpdateRule kRule = cpu::UpdateRule::Asgd;
  template <class V>
  void visit(V&& v) {
    v("lr", lr), v("lambd", lambd), v("alpha", alpha), v("t0", t0), v("weight_decay", weight_decay),
        v("maximize", maximize);
  }
  void slots(Slots& s) const {
    s.push_back({Slot::Number, "step"});
    s.push_back({Slot::Number, "eta", 0, lr});
    s.push_back({Slot::Number, "mu", 0, 1});
    s.push_back({Slot::Array, "ax", 0});
  }
  void prepare(Numbers& numbers, cpu::Update& u) const {
    u.c[0] = -numbers.second, u.c[1] = weight_decay, u.c[2] = 1 - lambd * numbers.second,
    u.c[3] = numbers.third;
    numbers.second = numbers.stored(lr / std::pow(1 + lambd * lr * numbers.step, alpha));
    numbers.third = numbers.stored(1 / std::max(1.0, numbers.step - t0));
  }
};

}  // namespace rushlight::optim

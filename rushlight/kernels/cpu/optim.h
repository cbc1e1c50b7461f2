// Optimizer updates: one pass over a parameter, its gradient and its state, whatever the rule.
#pragma once

#include <cstdint>
#include <span>

#include "rushlight/core/dtype.h"

namespace rushlight::cpu {

enum class UpdateRule : uint8_t {
  Sgd,
  Adam,
  Adagrad,
  RmsProp,
  Adadelta,
  Adamax,
  NAdam,
  RAdam,
  Rprop,
  Asgd,
  kCount
};

// One parameter's step. All pointers are dense arrays of `n` elements of `dtype` (Half and BFloat16 are
// computed in float); complex parameters are passed as twice as many real numbers, which is what every rule
// here means for them. The coefficients are those of the rule's struct in optim.cpp, in its order.
struct Update {
  static constexpr int kMaxState = 3, kMaxCoefficients = 10;

  UpdateRule rule;
  DType dtype;
  bool maximize = false;  // the gradient counts with its sign changed
  bool first = false;     // Sgd: there is no momentum yet, the gradient becomes it
  bool flags[2] = {};     // the rule's switches
  int64_t n = 0;
  void* param = nullptr;
  const void* grad = nullptr;
  void* state[kMaxState] = {};
  double c[kMaxCoefficients] = {};
};

// Runs all updates, spread over threads where there is enough to do. Results do not depend on their number.
void run_updates(std::span<const Update> updates);

}  // namespace rushlight::cpu

// Distances between the rows of two tensors.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

class CosineSimilarity : public Module {
 public:
  RL_OPTIONS(CosineSimilarity, (int64_t, dim, 1), (double, eps, 1e-8))
  Tensor forward(const Tensor& x1, const Tensor& x2) override;
};

// The p-norm of x1 - x2 + eps.
class PairwiseDistance : public Module {
 public:
  RL_OPTIONS(PairwiseDistance, (Once<double>, p, 2.0), (double, eps, 1e-6), (bool, keepdim, false),
             (Derived<double>, norm, 2.0))
  Tensor forward(const Tensor& x1, const Tensor& x2) override;
  void build() override { norm = p.value; }
};

}  // namespace rushlight::nn

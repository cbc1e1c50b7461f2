#include "rushlight/nn/dropout.h"

#include "rushlight/nn/text.h"
#include "rushlight/ops/ops.h"

namespace rushlight::nn {

namespace F = functional;

void check_probability(double p) {
  RL_CHECK_AS(ValueError, p >= 0 && p <= 1, "dropout probability has to be between 0 and 1, but got ",
              python_repr(p));
}

Tensor Dropout::forward(const Tensor& input) { return F::dropout(input, p, training(), inplace); }
Tensor Dropout1d::forward(const Tensor& input) { return F::dropout1d(input, p, training(), inplace); }
Tensor Dropout2d::forward(const Tensor& input) { return F::dropout2d(input, p, training(), inplace); }
Tensor Dropout3d::forward(const Tensor& input) { return F::dropout3d(input, p, training(), inplace); }
Tensor AlphaDropout::forward(const Tensor& input) { return F::alpha_dropout(input, p, training(), inplace); }
Tensor FeatureAlphaDropout::forward(const Tensor& input) {
  return F::feature_alpha_dropout(input, p, training(), inplace);
}

}  // namespace rushlight::nn

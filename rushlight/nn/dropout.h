// Dropout: zeroes elements, or whole channels, at random while training.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

// All have the same options. ValueError unless 0 <= p <= 1.
#define RL_DROPOUT(Class)                                                            \
  class Class : public Module {                                                      \
   public:                                                                           \
    RL_OPTIONS(Class, (double, p, 0.5), (bool, inplace, false))                      \
    Tensor forward(const Tensor& input) override;                                    \
    void build() override { check_probability(p); }                                  \
    std::string extra_repr() override { return format("p={p}, inplace={inplace}"); } \
  };

void check_probability(double p);

RL_DROPOUT(Dropout)
RL_DROPOUT(Dropout1d)  // channels of (N, C, L)
RL_DROPOUT(Dropout2d)  // channels of (N, C, H, W)
RL_DROPOUT(Dropout3d)
// For networks of SELU: keeps mean and variance (Klambauer et al., 2017).
RL_DROPOUT(AlphaDropout)
RL_DROPOUT(FeatureAlphaDropout)
#undef RL_DROPOUT

}  // namespace rushlight::nn

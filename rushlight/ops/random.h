// What operations that draw random numbers share.
#pragma once

#include "rushlight/core/generator.h"
#include "rushlight/core/tensor.h"

namespace rushlight {

// Seeds the default generator.
void manual_seed(uint64_t seed);

inline Generator& generator_or_default(OptGenerator generator) {
  return generator ? *generator : default_generator();
}

// Overwrites `slopes` (contiguous): a number uniform on [lower, upper) where `negative` holds, else 1; draws
// as PyTorch's rrelu does.
void draw_rrelu_slopes(const Tensor& slopes, const Tensor& negative, double lower, double upper,
                       OptGenerator generator);

}  // namespace rushlight

// Initial values of parameters: torch.nn.init. Documentation stands in declarations/init.def.
#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight::nn::init {

#define INIT(Result, name, doc, samples, ...) Result name(RL_PARAMS(__VA_ARGS__));
#include "rushlight/declarations/init.def"

// {fan_in, fan_out} of a weight; ValueError for fewer than 2 dimensions.
std::pair<int64_t, int64_t> calculate_fan_in_and_fan_out(const Tensor& tensor);

}  // namespace rushlight::nn::init

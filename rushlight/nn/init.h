// Initial values of parameters: torch.nn.init. Every function fills its tensor in place, outside of autograd, and returns it.
#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight::nn::init {

const Tensor& uniform_(const Tensor& tensor, double a = 0, double b = 1, Generator* generator = nullptr);
const Tensor& normal_(const Tensor& tensor, double mean = 0, double std = 1, Generator* generator = nullptr);
// Normal values drawn anew until they lie in [a, b].
const Tensor& trunc_normal_(const Tensor& tensor, double mean = 0, double std = 1, double a = -2, double b = 2, Generator* generator = nullptr);
const Tensor& constant_(const Tensor& tensor, double val);
const Tensor& ones_(const Tensor& tensor);
const Tensor& zeros_(const Tensor& tensor);

// Glorot and Bengio (2010): variance gain^2 * 2 / (fan_in + fan_out).
const Tensor& xavier_uniform_(const Tensor& tensor, double gain = 1, Generator* generator = nullptr);
const Tensor& xavier_normal_(const Tensor& tensor, double gain = 1, Generator* generator = nullptr);
// He et al. (2015): variance gain^2 / fan.
const Tensor& kaiming_uniform_(const Tensor& tensor, double a = 0, std::string_view mode = "fan_in",
                               std::string_view nonlinearity = "leaky_relu", Generator* generator = nullptr);
const Tensor& kaiming_normal_(const Tensor& tensor, double a = 0, std::string_view mode = "fan_in",
                              std::string_view nonlinearity = "leaky_relu", Generator* generator = nullptr);

// The factor for the standard deviation that suits a nonlinearity; `param` is leaky_relu's negative slope.
double calculate_gain(std::string_view nonlinearity, std::optional<double> param = {});
// {fan_in, fan_out} of a weight; ValueError for fewer than 2 dimensions.
std::pair<int64_t, int64_t> calculate_fan_in_and_fan_out(const Tensor& tensor);

}  // namespace rushlight::nn::init

// Convolutions over one, two or three dimensions.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

// (batch, in_channels, ...) -> (batch, out_channels, ...). padding_mode: "zeros", "reflect", "replicate" or
// "circular".
template <int N>
class ConvNd : public Module {
 public:
  RL_OPTIONS(ConvNd, (int64_t, in_channels), (int64_t, out_channels), (Tuple<N>, kernel_size),
             (Tuple<N>, stride, 1), (WordOr<N>, padding, 0), (Tuple<N>, dilation, 1), (int64_t, groups, 1),
             (Once<bool>, bias, true), (std::string, padding_mode, "zeros"), (OnDevice, device, {}),
             (OfDType, dtype, {}), (Derived<bool>, transposed, false),
             (Derived<Tuple<N>>, output_padding, Tuple<N>(0)))
  Tensor forward(const Tensor& input) override;
  void build() override;
  void reset_parameters() override;
  std::string extra_repr() override;

 private:
  Dims padding_for_pad() const;  // as nn::functional::pad takes it
};
struct Conv1d : ConvNd<1> {
  using ConvNd::ConvNd;
};
struct Conv2d : ConvNd<2> {
  using ConvNd::ConvNd;
};
struct Conv3d : ConvNd<3> {
  using ConvNd::ConvNd;
};

// The gradient of a convolution as a layer of its own: (batch, in_channels, ...) -> (batch, out_channels,
// ...).
template <int N>
class ConvTransposeNd : public Module {
 public:
  RL_OPTIONS(ConvTransposeNd, (int64_t, in_channels), (int64_t, out_channels), (Tuple<N>, kernel_size),
             (Tuple<N>, stride, 1), (Tuple<N>, padding, 0), (Tuple<N>, output_padding, 0),
             (int64_t, groups, 1), (Once<bool>, bias, true), (Tuple<N>, dilation, 1),
             (std::string, padding_mode, "zeros"), (OnDevice, device, {}), (OfDType, dtype, {}),
             (Derived<bool>, transposed, true))
  Tensor forward(const Tensor& input) override { return forward_to(input, {}); }
  // The output size, where the strides leave a choice.
  Tensor forward_to(const Tensor& input, OptDims output_size);
  void build() override;
  void reset_parameters() override;
  std::string extra_repr() override;

 private:
  Dims output_padding_for(const Tensor& input, OptDims output_size) const;
};
struct ConvTranspose1d : ConvTransposeNd<1> {
  using ConvTransposeNd::ConvTransposeNd;
};
struct ConvTranspose2d : ConvTransposeNd<2> {
  using ConvTransposeNd::ConvTransposeNd;
};

}  // namespace rushlight::nn

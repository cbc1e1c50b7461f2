#include "rushlight/nn/conv.h"

#include <algorithm>
#include <cmath>

#include "rushlight/nn/init.h"
#include "rushlight/ops/ops.h"

namespace rushlight::nn {

namespace F = functional;

namespace {

const Name kWeight{"weight"}, kBias{"bias"};

void check_channels(int64_t in, int64_t out, int64_t groups) {
  RL_CHECK_AS(ValueError, groups > 0, "groups must be a positive integer");
  RL_CHECK_AS(ValueError, in % groups == 0, "in_channels must be divisible by groups");
  RL_CHECK_AS(ValueError, out % groups == 0, "out_channels must be divisible by groups");
}

Dims weight_sizes(int64_t first, int64_t second, const Dims& kernel) {
  Dims sizes{first, second};
  for (int64_t k : kernel) sizes.push_back(k);
  return sizes;
}

// As Linear's, with the fan of the kernel.
void reset(const Tensor& weight, const Tensor& bias) {
  init::kaiming_uniform_(weight, std::sqrt(5.0));
  if (!bias.defined()) return;
  const int64_t fan_in = init::calculate_fan_in_and_fan_out(weight).first;
  if (fan_in == 0) return;
  const double bound = 1 / std::sqrt(static_cast<double>(fan_in));
  init::uniform_(bias, -bound, bound);
}

bool all_are(const Dims& d, int64_t value) {
  return std::all_of(d.begin(), d.end(), [&](int64_t v) { return v == value; });
}

}  // namespace

template <int N>
void ConvNd<N>::build() {
  check_channels(in_channels, out_channels, groups);
  if (!padding.word.empty()) {
    RL_CHECK_AS(ValueError, padding.word == "same" || padding.word == "valid", "Invalid padding string '",
                padding.word, "', should be one of {'same', 'valid'}");
    RL_CHECK_AS(ValueError, padding.word != "same" || all_are(stride, 1),
                "padding='same' is not supported for strided convolutions");
  }
  RL_CHECK_AS(
      ValueError,
      padding_mode == "zeros" || padding_mode == "reflect" || padding_mode == "replicate" ||
          padding_mode == "circular",
      "padding_mode must be one of {'circular', 'replicate', 'zeros', 'reflect'}, but got padding_mode='",
      padding_mode, "'");
  output_padding = Tuple<N>(0);
  new_parameter("weight", weight_sizes(out_channels, in_channels / groups, kernel_size), device, dtype);
  if (bias) new_parameter("bias", out_channels, device, dtype);
  else register_parameter("bias", {});
}

template <int N>
void ConvNd<N>::reset_parameters() {
  reset(tensor(kWeight), tensor(kBias));
}

// Both sides of the last dimension first.
template <int N>
Dims ConvNd<N>::padding_for_pad() const {
  Dims out;
  for (int d = N - 1; d >= 0; --d) {
    if (padding.word == "same") {
      const int64_t total = dilation[d] * (kernel_size[d] - 1);
      out.push_back(total / 2);
      out.push_back(total - total / 2);
    } else {
      const int64_t width = padding.word.empty() ? padding.sizes[d] : 0;
      out.push_back(width);
      out.push_back(width);
    }
  }
  return out;
}

template <int N>
Tensor ConvNd<N>::forward(const Tensor& input) {
  auto convolve = [&](const Tensor& x, const Padding& p) {
    if constexpr (N == 1) return F::conv1d(x, tensor(kWeight), tensor(kBias), stride, p, dilation, groups);
    else if constexpr (N == 2)
      return F::conv2d(x, tensor(kWeight), tensor(kBias), stride, p, dilation, groups);
    else return F::conv3d(x, tensor(kWeight), tensor(kBias), stride, p, dilation, groups);
  };
  if (padding_mode != "zeros") return convolve(pad(input, padding_for_pad(), padding_mode), 0);
  return padding.word.empty() ? convolve(input, Padding(static_cast<const Dims&>(padding.sizes)))
                              : convolve(input, std::string_view(padding.word));
}

template <int N>
std::string ConvNd<N>::extra_repr() {
  std::string out = format("{in_channels}, {out_channels}, kernel_size={kernel_size}, stride={stride}");
  if (!padding.word.empty() || !all_are(padding.sizes, 0)) out += format(", padding={padding}");
  if (!all_are(dilation, 1)) out += format(", dilation={dilation}");
  if (groups != 1) out += format(", groups={groups}");
  if (!tensor(kBias).defined()) out += ", bias=False";
  if (padding_mode != "zeros") out += format(", padding_mode={padding_mode}");
  return out;
}

template <int N>
void ConvTransposeNd<N>::build() {
  RL_CHECK_AS(ValueError, padding_mode == "zeros",
              "Only \"zeros\" padding mode is supported for ConvTranspose", N, "d");
  check_channels(in_channels, out_channels, groups);
  new_parameter("weight", weight_sizes(in_channels, out_channels / groups, kernel_size), device, dtype);
  if (bias) new_parameter("bias", out_channels, device, dtype);
  else register_parameter("bias", {});
}

template <int N>
void ConvTransposeNd<N>::reset_parameters() {
  reset(tensor(kWeight), tensor(kBias));
}

template <int N>
Dims ConvTransposeNd<N>::output_padding_for(const Tensor& input, OptDims output_size) const {
  if (!output_size.has_value()) return output_padding;
  const bool batched = input.dim() == N + 2;
  const int64_t given = output_size.size(), skip = given == N ? 0 : batched ? 2 : 1;
  RL_CHECK_AS(ValueError, given == N || given == N + skip, "ConvTranspose", N, "D: for ", input.dim(),
              "D input, output_size must have ", N, " or ", batched ? N + 2 : N + 1, " elements (got ", given,
              ")");
  Dims extra, least, most;
  for (int d = 0; d < N; ++d) {
    const int64_t size = (input.size(d + (batched ? 2 : 1)) - 1) * stride[d] - 2 * padding[d] +
                         dilation[d] * (kernel_size[d] - 1) + 1;
    least.push_back(size);
    most.push_back(size + stride[d] - 1);
    extra.push_back(output_size[skip + d] - size);
  }
  for (int d = 0; d < N; ++d) {
    RL_CHECK_AS(ValueError, extra[d] >= 0 && extra[d] < stride[d], "requested an output size of ",
                rushlight::to_string(output_size), ", but valid sizes range from ",
                rushlight::to_string(least), " to ", rushlight::to_string(most), " (for an input of ",
                "torch.Size(", rushlight::to_string(Dims(input.sizes().data() + (batched ? 2 : 1), N)), "))");
  }
  return extra;
}

template <int N>
Tensor ConvTransposeNd<N>::forward_to(const Tensor& input, OptDims output_size) {
  const Dims extra = output_padding_for(input, output_size);
  if constexpr (N == 1)
    return F::conv_transpose1d(input, tensor(kWeight), tensor(kBias), stride, padding, extra, groups,
                               dilation);
  else
    return F::conv_transpose2d(input, tensor(kWeight), tensor(kBias), stride, padding, extra, groups,
                               dilation);
}

template <int N>
std::string ConvTransposeNd<N>::extra_repr() {
  std::string out = format("{in_channels}, {out_channels}, kernel_size={kernel_size}, stride={stride}");
  if (!all_are(padding, 0)) out += format(", padding={padding}");
  if (!all_are(dilation, 1)) out += format(", dilation={dilation}");
  if (!all_are(output_padding, 0)) out += format(", output_padding={output_padding}");
  if (groups != 1) out += format(", groups={groups}");
  if (!tensor(kBias).defined()) out += ", bias=False";
  return out;
}

template class ConvNd<1>;
template class ConvNd<2>;
template class ConvNd<3>;
template class ConvTransposeNd<1>;
template class ConvTransposeNd<2>;

}  // namespace rushlight::nn

#include "rushlight/nn/pooling.h"

#include "rushlight/ops/ops.h"

namespace rushlight::nn {

namespace F = functional;

namespace {

OptDims optional(const std::optional<Dims>& d) { return d ? OptDims(*d) : OptDims(); }

Extents extents(const OpenSizes& sizes) {
  std::vector<std::optional<int64_t>> out;
  for (int64_t s : sizes) out.push_back(s < 0 ? std::nullopt : std::optional<int64_t>(s));
  return Extents(std::move(out));
}

}  // namespace

WithIndices MaxPool1d::pool(const Tensor& x) {
  return F::max_pool1d(x, kernel_size, optional(stride), padding, dilation, ceil_mode, return_indices);
}
WithIndices MaxPool2d::pool(const Tensor& x) {
  return F::max_pool2d(x, kernel_size, optional(stride), padding, dilation, ceil_mode, return_indices);
}
WithIndices MaxPool3d::pool(const Tensor& x) {
  return F::max_pool3d(x, kernel_size, optional(stride), padding, dilation, ceil_mode, return_indices);
}
Tensor AvgPool1d::forward(const Tensor& x) {
  return F::avg_pool1d(x, kernel_size, stride, padding, ceil_mode, count_include_pad);
}
Tensor AvgPool2d::forward(const Tensor& x) {
  return F::avg_pool2d(x, kernel_size, optional(stride), padding, ceil_mode, count_include_pad,
                       divisor_override);
}
Tensor AvgPool3d::forward(const Tensor& x) {
  return F::avg_pool3d(x, kernel_size, optional(stride), padding, ceil_mode, count_include_pad,
                       divisor_override);
}
Tensor AdaptiveAvgPool1d::forward(const Tensor& x) { return F::adaptive_avg_pool1d(x, output_size); }
Tensor AdaptiveAvgPool2d::forward(const Tensor& x) { return F::adaptive_avg_pool2d(x, extents(output_size)); }
Tensor AdaptiveAvgPool3d::forward(const Tensor& x) { return F::adaptive_avg_pool3d(x, extents(output_size)); }
WithIndices AdaptiveMaxPool1d::pool(const Tensor& x) {
  return F::adaptive_max_pool1d(x, output_size, return_indices);
}
WithIndices AdaptiveMaxPool2d::pool(const Tensor& x) {
  return F::adaptive_max_pool2d(x, extents(output_size), return_indices);
}
WithIndices AdaptiveMaxPool3d::pool(const Tensor& x) {
  return F::adaptive_max_pool3d(x, extents(output_size), return_indices);
}
Tensor LPPool1d::forward(const Tensor& x) {
  return F::lp_pool1d(x, norm_type, kernel_size[0], stride ? OptInt((*stride)[0]) : OptInt(), ceil_mode);
}
Tensor LPPool2d::forward(const Tensor& x) {
  return F::lp_pool2d(x, norm_type, kernel_size, optional(stride), ceil_mode);
}
Tensor LPPool3d::forward(const Tensor& x) {
  return F::lp_pool3d(x, norm_type, kernel_size, optional(stride), ceil_mode);
}

}  // namespace rushlight::nn

#include "rushlight/nn/vision.h"

#include "rushlight/ops/ops.h"

namespace rushlight::nn {

namespace F = functional;

namespace {

Tensor resample(const Tensor& x, const std::optional<Dims>& size,
                const std::optional<std::vector<double>>& factor, const std::string& mode,
                const OptBool& align_corners, const OptBool& recompute = {}) {
  return F::interpolate(x, size ? OptDims(*size) : OptDims(), factor ? OptDoubles(*factor) : OptDoubles(),
                        mode, align_corners, recompute);
}

const char* what_is_given(const std::optional<std::vector<double>>& factor) {
  return factor ? "scale_factor={scale_factor}, mode={mode!r}" : "size={size}, mode={mode!r}";
}

}  // namespace

Tensor pad_with(const Tensor& input, const Dims& padding, const char* mode, const OptDouble& value) {
  return pad(input, padding, mode, value);
}

Tensor Upsample::forward(const Tensor& x) {
  return resample(x, size, scale_factor, mode, align_corners, recompute_scale_factor);
}
std::string Upsample::extra_repr() { return format(what_is_given(scale_factor)); }
Tensor UpsamplingNearest2d::forward(const Tensor& x) {
  return resample(x, size, scale_factor, "nearest", {});
}
std::string UpsamplingNearest2d::extra_repr() { return format(what_is_given(scale_factor)); }
Tensor UpsamplingBilinear2d::forward(const Tensor& x) {
  return resample(x, size, scale_factor, "bilinear", true);
}
std::string UpsamplingBilinear2d::extra_repr() { return format(what_is_given(scale_factor)); }

Tensor PixelShuffle::forward(const Tensor& x) { return F::pixel_shuffle(x, upscale_factor); }
Tensor PixelUnshuffle::forward(const Tensor& x) { return F::pixel_unshuffle(x, downscale_factor); }
Tensor ChannelShuffle::forward(const Tensor& x) { return F::channel_shuffle(x, groups); }
Tensor Unfold::forward(const Tensor& x) { return F::unfold(x, kernel_size, dilation, padding, stride); }
Tensor Fold::forward(const Tensor& x) {
  return F::fold(x, output_size, kernel_size, dilation, padding, stride);
}

}  // namespace rushlight::nn

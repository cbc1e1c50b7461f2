// Margins, resampling and the rearrangement of channels.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

// Margins of the last N dimensions, (before, after) for each, the last dimension first; one number for all
// sides.
#define RL_PADDING(Class, N, mode)                                                              \
  class Class : public Module {                                                                 \
   public:                                                                                      \
    RL_OPTIONS(Class, (Tuple<2 * N>, padding))                                                  \
    Tensor forward(const Tensor& input) override { return pad_with(input, padding, mode, {}); } \
    std::string extra_repr() override { return format("{padding}"); }                           \
  };
#define RL_ZERO_PADDING(Class, N)                                                                      \
  class Class : public Module {                                                                        \
   public:                                                                                             \
    RL_OPTIONS(Class, (Tuple<2 * N>, padding), (Derived<double>, value, 0.0))                          \
    Tensor forward(const Tensor& input) override { return pad_with(input, padding, "constant", 0.0); } \
    std::string extra_repr() override { return format("{padding}"); }                                  \
  };
#define RL_CONSTANT_PADDING(Class, N)                                                                    \
  class Class : public Module {                                                                          \
   public:                                                                                               \
    RL_OPTIONS(Class, (Tuple<2 * N>, padding), (double, value))                                          \
    Tensor forward(const Tensor& input) override { return pad_with(input, padding, "constant", value); } \
    std::string extra_repr() override { return format("padding={padding}, value={value}"); }             \
  };

Tensor pad_with(const Tensor& input, const Dims& padding, const char* mode, const OptDouble& value);

RL_ZERO_PADDING(ZeroPad1d, 1)
RL_CONSTANT_PADDING(ConstantPad1d, 1)
RL_PADDING(ReflectionPad1d, 1, "reflect")
RL_PADDING(ReplicationPad1d, 1, "replicate")
RL_PADDING(CircularPad1d, 1, "circular")
RL_ZERO_PADDING(ZeroPad2d, 2)
RL_CONSTANT_PADDING(ConstantPad2d, 2)
RL_PADDING(ReflectionPad2d, 2, "reflect")
RL_PADDING(ReplicationPad2d, 2, "replicate")
RL_PADDING(CircularPad2d, 2, "circular")
RL_ZERO_PADDING(ZeroPad3d, 3)
RL_CONSTANT_PADDING(ConstantPad3d, 3)
RL_PADDING(ReflectionPad3d, 3, "reflect")
RL_PADDING(ReplicationPad3d, 3, "replicate")
RL_PADDING(CircularPad3d, 3, "circular")
#undef RL_PADDING
#undef RL_ZERO_PADDING
#undef RL_CONSTANT_PADDING

// To a size or by a factor. mode: "nearest", "linear", "bilinear", ...
class Upsample : public Module {
 public:
  RL_OPTIONS(Upsample, (OptSizes, size, {}), (OptFactors, scale_factor, {}), (std::string, mode, "nearest"),
             (OptBool, align_corners, {}), (OptBool, recompute_scale_factor, {}))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override;
};
class UpsamplingNearest2d : public Module {
 public:
  RL_OPTIONS(UpsamplingNearest2d, (OptSizes, size, {}), (OptFactors, scale_factor, {}),
             (Derived<std::string>, mode, std::string("nearest")),
             (Derived<OptBool>, align_corners, OptBool()),
             (Derived<OptBool>, recompute_scale_factor, OptBool()))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override;
};
class UpsamplingBilinear2d : public Module {
 public:
  RL_OPTIONS(UpsamplingBilinear2d, (OptSizes, size, {}), (OptFactors, scale_factor, {}),
             (Derived<std::string>, mode, std::string("bilinear")),
             (Derived<OptBool>, align_corners, OptBool(true)),
             (Derived<OptBool>, recompute_scale_factor, OptBool()))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override;
};

// (N, C r^2, H, W) -> (N, C, H r, W r) and back.
class PixelShuffle : public Module {
 public:
  RL_OPTIONS(PixelShuffle, (int64_t, upscale_factor))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("upscale_factor={upscale_factor}"); }
};
class PixelUnshuffle : public Module {
 public:
  RL_OPTIONS(PixelUnshuffle, (int64_t, downscale_factor))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("downscale_factor={downscale_factor}"); }
};
class ChannelShuffle : public Module {
 public:
  RL_OPTIONS(ChannelShuffle, (int64_t, groups))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("groups={groups}"); }
};

// The patches of an image as columns, and their sum back in place.
class Unfold : public Module {
 public:
  RL_OPTIONS(Unfold, (Sizes, kernel_size), (Sizes, dilation, 1), (Sizes, padding, 0), (Sizes, stride, 1))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override {
    return format("kernel_size={kernel_size}, dilation={dilation}, padding={padding}, stride={stride}");
  }
};
class Fold : public Module {
 public:
  RL_OPTIONS(Fold, (Sizes, output_size), (Sizes, kernel_size), (Sizes, dilation, 1), (Sizes, padding, 0),
             (Sizes, stride, 1))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override {
    return format(
        "output_size={output_size}, kernel_size={kernel_size}, dilation={dilation}, padding={padding}, "
        "stride={stride}");
  }
};

}  // namespace rushlight::nn

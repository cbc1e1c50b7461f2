// Pooling: windows become their greatest element, their mean or their norm.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

// Without a stride, windows follow each other without overlap. pool() gives the places of the maxima too,
// when return_indices asks for them.
#define RL_MAX_POOL(Class)                                                                       \
  class Class : public Module {                                                                  \
   public:                                                                                       \
    RL_OPTIONS(Class, (Sizes, kernel_size), (OptSizes, stride, {}), (Sizes, padding, 0),         \
               (Sizes, dilation, 1), (bool, return_indices, false), (bool, ceil_mode, false))    \
    Tensor forward(const Tensor& input) override { return pool(input); }                         \
    WithIndices pool(const Tensor& input);                                                       \
    void build() override {                                                                      \
      if (!stride) stride = kernel_size;                                                         \
    }                                                                                            \
    std::string extra_repr() override {                                                          \
      return format(                                                                             \
          "kernel_size={kernel_size}, stride={stride}, padding={padding}, dilation={dilation}, " \
          "ceil_mode={ceil_mode}");                                                              \
    }                                                                                            \
  };
RL_MAX_POOL(MaxPool1d)
RL_MAX_POOL(MaxPool2d)
RL_MAX_POOL(MaxPool3d)
#undef RL_MAX_POOL

class AvgPool1d : public Module {
 public:
  RL_OPTIONS(AvgPool1d, (Tuple<1>, kernel_size), (Tuple<1>, stride, Tuple<1>(Dims())), (Tuple<1>, padding, 0),
             (bool, ceil_mode, false), (bool, count_include_pad, true))
  Tensor forward(const Tensor& input) override;
  void build() override {
    if (stride.empty()) stride = kernel_size;
  }
  std::string extra_repr() override {
    return format("kernel_size={kernel_size}, stride={stride}, padding={padding}");
  }
};

#define RL_AVG_POOL(Class)                                                                                \
  class Class : public Module {                                                                           \
   public:                                                                                                \
    RL_OPTIONS(Class, (Sizes, kernel_size), (OptSizes, stride, {}), (Sizes, padding, 0),                  \
               (bool, ceil_mode, false), (bool, count_include_pad, true), (OptInt, divisor_override, {})) \
    Tensor forward(const Tensor& input) override;                                                         \
    void build() override {                                                                               \
      if (!stride) stride = kernel_size;                                                                  \
    }                                                                                                     \
    std::string extra_repr() override {                                                                   \
      return format("kernel_size={kernel_size}, stride={stride}, padding={padding}");                     \
    }                                                                                                     \
  };
RL_AVG_POOL(AvgPool2d)
RL_AVG_POOL(AvgPool3d)
#undef RL_AVG_POOL

// The output has the given size, whatever the input's; None (-1) leaves a dimension as it is.
#define RL_ADAPTIVE_AVG_POOL(Class)                                                   \
  class Class : public Module {                                                       \
   public:                                                                            \
    RL_OPTIONS(Class, (OpenSizes, output_size))                                       \
    Tensor forward(const Tensor& input) override;                                     \
    std::string extra_repr() override { return format("output_size={output_size}"); } \
  };
RL_ADAPTIVE_AVG_POOL(AdaptiveAvgPool1d)
RL_ADAPTIVE_AVG_POOL(AdaptiveAvgPool2d)
RL_ADAPTIVE_AVG_POOL(AdaptiveAvgPool3d)
#undef RL_ADAPTIVE_AVG_POOL

#define RL_ADAPTIVE_MAX_POOL(Class)                                                   \
  class Class : public Module {                                                       \
   public:                                                                            \
    RL_OPTIONS(Class, (OpenSizes, output_size), (bool, return_indices, false))        \
    Tensor forward(const Tensor& input) override { return pool(input); }              \
    WithIndices pool(const Tensor& input);                                            \
    std::string extra_repr() override { return format("output_size={output_size}"); } \
  };
RL_ADAPTIVE_MAX_POOL(AdaptiveMaxPool1d)
RL_ADAPTIVE_MAX_POOL(AdaptiveMaxPool2d)
RL_ADAPTIVE_MAX_POOL(AdaptiveMaxPool3d)
#undef RL_ADAPTIVE_MAX_POOL

#define RL_LP_POOL(Class)                                                                              \
  class Class : public Module {                                                                        \
   public:                                                                                             \
    RL_OPTIONS(Class, (double, norm_type), (Sizes, kernel_size), (OptSizes, stride, {}),               \
               (bool, ceil_mode, false))                                                               \
    Tensor forward(const Tensor& input) override;                                                      \
    std::string extra_repr() override {                                                                \
      return format(                                                                                   \
          "norm_type={norm_type}, kernel_size={kernel_size}, stride={stride}, ceil_mode={ceil_mode}"); \
    }                                                                                                  \
  };
RL_LP_POOL(LPPool1d)
RL_LP_POOL(LPPool2d)
RL_LP_POOL(LPPool3d)
#undef RL_LP_POOL

}  // namespace rushlight::nn

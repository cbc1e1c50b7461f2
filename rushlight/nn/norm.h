// Normalisation.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

// Over the batch, each channel of (N, C, ...): Ioffe and Szegedy (2015). Running statistics serve when not
// training.
#define RL_BATCH_NORM_OPTIONS(Class, affine_default, track_default)                                       \
  RL_OPTIONS(Class, (int64_t, num_features), (double, eps, 1e-5), (OptDouble, momentum, 0.1),             \
             (bool, affine, affine_default), (bool, track_running_stats, track_default),                  \
             (OnDevice, device, {}), (OfDType, dtype, {}), (Keyword<bool>, bias, true))                   \
  Tensor forward(const Tensor& input) override;                                                           \
  void build() override { build_affine(num_features, affine, track_running_stats, bias, device, dtype); } \
  void reset_parameters() override { reset_affine(); }                                                    \
  std::string extra_repr() override {                                                                     \
    return format("{num_features}, eps={eps}, momentum={momentum}, affine={affine}, bias=") +             \
           (has_bias() ? "True" : "False") + format(", track_running_stats={track_running_stats}");       \
  }

class FeatureNorm : public Module {
 protected:
  void build_affine(int64_t features, bool affine, bool track, bool with_bias, const OptDevice& device,
                    const OptDType& dtype);
  void reset_affine();
  bool has_bias() const;
  void reset_running_stats();
  Tensor batch_norm(const Tensor& input, bool track, const OptDouble& momentum, double eps);
  Tensor instance_norm(const Tensor& input, int64_t rank, int64_t features, bool affine, bool track,
                       const OptDouble& momentum, double eps);
};

class BatchNorm1d : public FeatureNorm {
 public:
  RL_BATCH_NORM_OPTIONS(BatchNorm1d, true, true)
};
class BatchNorm2d : public FeatureNorm {
 public:
  RL_BATCH_NORM_OPTIONS(BatchNorm2d, true, true)
};
class BatchNorm3d : public FeatureNorm {
 public:
  RL_BATCH_NORM_OPTIONS(BatchNorm3d, true, true)
};

// Over each channel of each sample: Ulyanov et al. (2016).
class InstanceNorm1d : public FeatureNorm {
 public:
  RL_BATCH_NORM_OPTIONS(InstanceNorm1d, false, false)
};
class InstanceNorm2d : public FeatureNorm {
 public:
  RL_BATCH_NORM_OPTIONS(InstanceNorm2d, false, false)
};
#undef RL_BATCH_NORM_OPTIONS

// Over the last dimensions, normalized_shape: Ba et al. (2016).
class LayerNorm : public Module {
 public:
  RL_OPTIONS(LayerNorm, (Tuple<0>, normalized_shape), (double, eps, 1e-5), (bool, elementwise_affine, true),
             (Once<bool>, bias, true), (OnDevice, device, {}), (OfDType, dtype, {}))
  Tensor forward(const Tensor& input) override;
  void build() override;
  void reset_parameters() override;
  std::string extra_repr() override;
};

// The same without the mean: Zhang and Sennrich (2019).
class RMSNorm : public Module {
 public:
  RL_OPTIONS(RMSNorm, (Tuple<0>, normalized_shape), (OptDouble, eps, {}), (bool, elementwise_affine, true),
             (OnDevice, device, {}), (OfDType, dtype, {}))
  Tensor forward(const Tensor& input) override;
  void build() override;
  void reset_parameters() override;
  std::string extra_repr() override {
    return format("{normalized_shape}, eps={eps}, elementwise_affine={elementwise_affine}");
  }
};

// Over groups of channels: Wu and He (2018).
class GroupNorm : public Module {
 public:
  RL_OPTIONS(GroupNorm, (int64_t, num_groups), (int64_t, num_channels), (double, eps, 1e-5),
             (bool, affine, true), (OnDevice, device, {}), (OfDType, dtype, {}), (Keyword<bool>, bias, true))
  Tensor forward(const Tensor& input) override;
  void build() override;
  void reset_parameters() override;
  std::string extra_repr() override;
};

// Over neighbouring channels: Krizhevsky et al. (2012).
class LocalResponseNorm : public Module {
 public:
  RL_OPTIONS(LocalResponseNorm, (int64_t, size), (double, alpha, 0.0001), (double, beta, 0.75),
             (double, k, 1.0))
  Tensor forward(const Tensor& input) override;
  std::string extra_repr() override { return format("{size}, alpha={alpha}, beta={beta}, k={k}"); }
};

}  // namespace rushlight::nn

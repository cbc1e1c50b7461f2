#include "rushlight/nn/norm.h"

#include "rushlight/autograd/variable.h"
#include "rushlight/nn/init.h"
#include "rushlight/ops/ops.h"

namespace rushlight::nn {

namespace F = functional;

namespace {

const Name kWeight{"weight"}, kBias{"bias"}, kMean{"running_mean"}, kVar{"running_var"},
    kCount{"num_batches_tracked"};

void ones_if(const Tensor& t) {
  if (t.defined()) init::ones_(t);
}
void zeros_if(const Tensor& t) {
  if (t.defined()) init::zeros_(t);
}

void check_rank(const Tensor& input, int64_t low, int64_t high) {
  const int64_t rank = input.dim();
  const std::string expected = low == high ? concat(low, "D") : concat(low, "D or ", high, "D");
  RL_CHECK_AS(ValueError, rank == low || rank == high, "expected ", expected, " input (got ", rank,
              "D input)");
}

std::string truth(bool v) { return v ? "True" : "False"; }

}  // namespace

void FeatureNorm::build_affine(int64_t features, bool affine, bool track, bool with_bias,
                               const OptDevice& device, const OptDType& dtype) {
  if (affine) new_parameter("weight", features, device, dtype);
  else register_parameter("weight", {});
  if (affine && with_bias) new_parameter("bias", features, device, dtype);
  else register_parameter("bias", {});
  const DType kind = dtype.value_or(default_dtype());
  register_buffer("running_mean", track ? zeros(features, kind) : Tensor());
  register_buffer("running_var", track ? ones(features, kind) : Tensor());
  register_buffer("num_batches_tracked", track ? zeros(DimsRef(nullptr, 0), DType::Int64) : Tensor());
}

void FeatureNorm::reset_running_stats() {
  zeros_if(tensor(kMean));
  ones_if(tensor(kVar));
  zeros_if(tensor(kCount));
}

void FeatureNorm::reset_affine() {
  reset_running_stats();
  ones_if(tensor(kWeight));
  zeros_if(tensor(kBias));
}

bool FeatureNorm::has_bias() const { return tensor(kBias).defined(); }

Tensor FeatureNorm::batch_norm(const Tensor& input, bool track, const OptDouble& momentum, double eps) {
  const bool train = training();
  const Tensor mean = tensor(kMean), var = tensor(kVar);
  double factor = momentum.value_or(0);
  if (train && track) {
    if (const Tensor count = tensor(kCount); count.defined()) {
      autograd::NoGrad guard;
      count.add_(1);
      if (!momentum) factor = 1 / count.item<double>();  // the plain average of all batches
    }
  }
  const bool use_running = !train || track;
  return F::batch_norm(input, use_running ? mean : Tensor(), use_running ? var : Tensor(), tensor(kWeight),
                       tensor(kBias), train || (!mean.defined() && !var.defined()), factor, eps);
}

Tensor FeatureNorm::instance_norm(const Tensor& input, int64_t rank, int64_t features, bool affine,
                                  bool track, const OptDouble& momentum, double eps) {
  check_rank(input, rank, rank + 1);
  const bool batched = input.dim() == rank + 1;
  const int64_t channels = input.size(batched ? 1 : 0);
  RL_CHECK_AS(ValueError, channels == features || !affine, "expected input's size at dim=", batched ? 1 : 0,
              " to match num_features (", features, "), but got: ", channels, ".");
  const Tensor y =
      F::instance_norm(batched ? input : input.unsqueeze(0), tensor(kMean), tensor(kVar), tensor(kWeight),
                       tensor(kBias), training() || !track, momentum.value_or(0), eps);
  return batched ? y : y.squeeze(0);
}

Tensor BatchNorm1d::forward(const Tensor& input) {
  check_rank(input, 2, 3);
  return batch_norm(input, track_running_stats, momentum, eps);
}
Tensor BatchNorm2d::forward(const Tensor& input) {
  check_rank(input, 4, 4);
  return batch_norm(input, track_running_stats, momentum, eps);
}
Tensor BatchNorm3d::forward(const Tensor& input) {
  check_rank(input, 5, 5);
  return batch_norm(input, track_running_stats, momentum, eps);
}
Tensor InstanceNorm1d::forward(const Tensor& input) {
  return instance_norm(input, 2, num_features, affine, track_running_stats, momentum, eps);
}
Tensor InstanceNorm2d::forward(const Tensor& input) {
  return instance_norm(input, 3, num_features, affine, track_running_stats, momentum, eps);
}

void LayerNorm::build() {
  if (elementwise_affine) new_parameter("weight", normalized_shape, device, dtype);
  else register_parameter("weight", {});
  if (elementwise_affine && bias) new_parameter("bias", normalized_shape, device, dtype);
  else register_parameter("bias", {});
}
void LayerNorm::reset_parameters() {
  ones_if(tensor(kWeight));
  zeros_if(tensor(kBias));
}
Tensor LayerNorm::forward(const Tensor& input) {
  return F::layer_norm(input, normalized_shape, tensor(kWeight), tensor(kBias), eps);
}
std::string LayerNorm::extra_repr() {
  return format("{normalized_shape}, eps={eps}, elementwise_affine={elementwise_affine}, bias=") +
         truth(tensor(kBias).defined());
}

void RMSNorm::build() {
  if (elementwise_affine) new_parameter("weight", normalized_shape, device, dtype);
  else register_parameter("weight", {});
}
void RMSNorm::reset_parameters() { ones_if(tensor(kWeight)); }
Tensor RMSNorm::forward(const Tensor& input) {
  return F::rms_norm(input, normalized_shape, tensor(kWeight), eps);
}

void GroupNorm::build() {
  RL_CHECK_AS(ValueError, num_groups != 0 && num_channels % num_groups == 0, "num_channels (", num_channels,
              ") must be divisible by num_groups (", num_groups, ")");
  if (affine) new_parameter("weight", num_channels, device, dtype);
  else register_parameter("weight", {});
  if (affine && bias) new_parameter("bias", num_channels, device, dtype);
  else register_parameter("bias", {});
}
void GroupNorm::reset_parameters() {
  ones_if(tensor(kWeight));
  zeros_if(tensor(kBias));
}
Tensor GroupNorm::forward(const Tensor& input) {
  return F::group_norm(input, num_groups, tensor(kWeight), tensor(kBias), eps);
}
std::string GroupNorm::extra_repr() {
  return format("{num_groups}, {num_channels}, eps={eps}, affine={affine}, bias=") +
         truth(tensor(kBias).defined());
}

Tensor LocalResponseNorm::forward(const Tensor& input) {
  return F::local_response_norm(input, size, alpha, beta, k);
}

}  // namespace rushlight::nn

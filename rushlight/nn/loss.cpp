#include "rushlight/nn/loss.h"

#include "rushlight/ops/ops.h"

namespace rushlight::nn {

namespace F = functional;

namespace {
const Name kWeight{"weight"}, kPosWeight{"pos_weight"};
}

std::string reduction_of(const OptBool& size_average, const OptBool& reduce, const std::string& reduction) {
  if (!size_average && !reduce) return reduction;
  if (!reduce.value_or(true)) return "none";
  return size_average.value_or(true) ? "mean" : "sum";
}

Tensor L1Loss::forward(const Tensor& input, const Tensor& target) {
  return F::l1_loss(input, target, {}, {}, reduction);
}
Tensor MSELoss::forward(const Tensor& input, const Tensor& target) {
  return F::mse_loss(input, target, {}, {}, reduction);
}
Tensor SmoothL1Loss::forward(const Tensor& input, const Tensor& target) {
  return F::smooth_l1_loss(input, target, {}, {}, reduction, beta);
}
Tensor HuberLoss::forward(const Tensor& input, const Tensor& target) {
  return F::huber_loss(input, target, reduction, delta);
}
Tensor NLLLoss::forward(const Tensor& input, const Tensor& target) {
  return F::nll_loss(input, target, tensor(kWeight), {}, ignore_index, {}, reduction);
}
Tensor CrossEntropyLoss::forward(const Tensor& input, const Tensor& target) {
  return F::cross_entropy(input, target, tensor(kWeight), {}, ignore_index, {}, reduction, label_smoothing);
}
Tensor KLDivLoss::forward(const Tensor& input, const Tensor& target) {
  return F::kl_div(input, target, {}, {}, reduction, log_target);
}
Tensor BCELoss::forward(const Tensor& input, const Tensor& target) {
  return F::binary_cross_entropy(input, target, tensor(kWeight), {}, {}, reduction);
}
Tensor BCEWithLogitsLoss::forward(const Tensor& input, const Tensor& target) {
  return F::binary_cross_entropy_with_logits(input, target, tensor(kWeight), {}, {}, reduction,
                                             tensor(kPosWeight));
}
Tensor HingeEmbeddingLoss::forward(const Tensor& input, const Tensor& target) {
  return F::hinge_embedding_loss(input, target, margin, {}, {}, reduction);
}
Tensor SoftMarginLoss::forward(const Tensor& input, const Tensor& target) {
  return F::soft_margin_loss(input, target, {}, {}, reduction);
}
Tensor MultiLabelSoftMarginLoss::forward(const Tensor& input, const Tensor& target) {
  return F::multilabel_soft_margin_loss(input, target, tensor(kWeight), {}, {}, reduction);
}
Tensor MultiMarginLoss::forward(const Tensor& input, const Tensor& target) {
  return F::multi_margin_loss(input, target, p, margin, tensor(kWeight), {}, {}, reduction);
}
Tensor CTCLoss::align(const Tensor& log_probs, const Tensor& targets, const Lengths& input_lengths,
                      const Lengths& target_lengths) {
  return F::ctc_loss(log_probs, targets, input_lengths.values, target_lengths.values, blank, reduction,
                     zero_infinity);
}
Tensor PoissonNLLLoss::forward(const Tensor& input, const Tensor& target) {
  return F::poisson_nll_loss(input, target, log_input, full, {}, eps, {}, reduction);
}
Tensor CosineEmbeddingLoss::forward(const Tensor& input1, const Tensor& input2, const Tensor& target) {
  return F::cosine_embedding_loss(input1, input2, target, margin, {}, {}, reduction);
}
Tensor MarginRankingLoss::forward(const Tensor& input1, const Tensor& input2, const Tensor& target) {
  return F::margin_ranking_loss(input1, input2, target, margin, {}, {}, reduction);
}
Tensor TripletMarginLoss::forward(const Tensor& anchor, const Tensor& positive, const Tensor& negative) {
  return F::triplet_margin_loss(anchor, positive, negative, margin, p, eps, swap, {}, {}, reduction);
}

}  // namespace rushlight::nn

// Losses. `reduction` is "mean", "sum" or "none"; size_average and reduce are its older forms.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

// "none", "mean" or "sum" from the older forms; `reduction` itself when neither is given.
std::string reduction_of(const OptBool& size_average, const OptBool& reduce, const std::string& reduction);

// |x - y|.
class L1Loss : public Module {
 public:
  RL_OPTIONS(L1Loss, (Once<OptBool>, size_average, {}), (Once<OptBool>, reduce, {}),
             (std::string, reduction, "mean"))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override { reduction = reduction_of(size_average, reduce, reduction); }
};

// (x - y)^2.
class MSELoss : public Module {
 public:
  RL_OPTIONS(MSELoss, (Once<OptBool>, size_average, {}), (Once<OptBool>, reduce, {}),
             (std::string, reduction, "mean"))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override { reduction = reduction_of(size_average, reduce, reduction); }
};

// Squares below beta, absolute values above.
class SmoothL1Loss : public Module {
 public:
  RL_OPTIONS(SmoothL1Loss, (Once<OptBool>, size_average, {}), (Once<OptBool>, reduce, {}),
             (std::string, reduction, "mean"), (double, beta, 1.0))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override { reduction = reduction_of(size_average, reduce, reduction); }
};

// Squares below delta, delta times absolute values above.
class HuberLoss : public Module {
 public:
  RL_OPTIONS(HuberLoss, (std::string, reduction, "mean"), (double, delta, 1.0))
  Tensor forward(const Tensor& input, const Tensor& target) override;
};

// Minus the log-probability (N, C, ...) of the target class (N, ...).
class NLLLoss : public Module {
 public:
  RL_OPTIONS(NLLLoss, (Once<Tensor>, weight, {}), (Once<OptBool>, size_average, {}),
             (int64_t, ignore_index, -100), (Once<OptBool>, reduce, {}), (std::string, reduction, "mean"))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override {
    register_buffer("weight", weight);
    reduction = reduction_of(size_average, reduce, reduction);
  }
};

// NLLLoss of the log-softmax; targets are classes or probabilities.
class CrossEntropyLoss : public Module {
 public:
  RL_OPTIONS(CrossEntropyLoss, (Once<Tensor>, weight, {}), (Once<OptBool>, size_average, {}),
             (int64_t, ignore_index, -100), (Once<OptBool>, reduce, {}), (std::string, reduction, "mean"),
             (double, label_smoothing, 0.0))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override {
    register_buffer("weight", weight);
    reduction = reduction_of(size_average, reduce, reduction);
  }
};

// y (log y - x); x holds log-probabilities.
class KLDivLoss : public Module {
 public:
  RL_OPTIONS(KLDivLoss, (Once<OptBool>, size_average, {}), (Once<OptBool>, reduce, {}),
             (std::string, reduction, "mean"), (bool, log_target, false))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override { reduction = reduction_of(size_average, reduce, reduction); }
};

// Cross entropy of probabilities against 0 and 1.
class BCELoss : public Module {
 public:
  RL_OPTIONS(BCELoss, (Once<Tensor>, weight, {}), (Once<OptBool>, size_average, {}),
             (Once<OptBool>, reduce, {}), (std::string, reduction, "mean"))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override {
    register_buffer("weight", weight);
    reduction = reduction_of(size_average, reduce, reduction);
  }
};

// BCELoss of the sigmoid.
class BCEWithLogitsLoss : public Module {
 public:
  RL_OPTIONS(BCEWithLogitsLoss, (Once<Tensor>, weight, {}), (Once<OptBool>, size_average, {}),
             (Once<OptBool>, reduce, {}), (std::string, reduction, "mean"), (Once<Tensor>, pos_weight, {}))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override {
    register_buffer("weight", weight);
    register_buffer("pos_weight", pos_weight);
    reduction = reduction_of(size_average, reduce, reduction);
  }
};

// x where y = 1, max(0, margin - x) where y = -1.
class HingeEmbeddingLoss : public Module {
 public:
  RL_OPTIONS(HingeEmbeddingLoss, (double, margin, 1.0), (Once<OptBool>, size_average, {}),
             (Once<OptBool>, reduce, {}), (std::string, reduction, "mean"))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override { reduction = reduction_of(size_average, reduce, reduction); }
};

// log(1 + exp(-y x)).
class SoftMarginLoss : public Module {
 public:
  RL_OPTIONS(SoftMarginLoss, (Once<OptBool>, size_average, {}), (Once<OptBool>, reduce, {}),
             (std::string, reduction, "mean"))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override { reduction = reduction_of(size_average, reduce, reduction); }
};

// BCEWithLogitsLoss averaged over classes.
class MultiLabelSoftMarginLoss : public Module {
 public:
  RL_OPTIONS(MultiLabelSoftMarginLoss, (Once<Tensor>, weight, {}), (Once<OptBool>, size_average, {}),
             (Once<OptBool>, reduce, {}), (std::string, reduction, "mean"))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override {
    register_buffer("weight", weight);
    reduction = reduction_of(size_average, reduce, reduction);
  }
};

// Hinge loss over classes.
class MultiMarginLoss : public Module {
 public:
  RL_OPTIONS(MultiMarginLoss, (int64_t, p, 1), (double, margin, 1.0), (Once<Tensor>, weight, {}),
             (Once<OptBool>, size_average, {}), (Once<OptBool>, reduce, {}), (std::string, reduction, "mean"))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override {
    register_buffer("weight", weight);
    reduction = reduction_of(size_average, reduce, reduction);
  }
};

// For counts y of rate exp(x), or x.
// How long each sample of a batch is; in Python ints or a tensor of them.
struct Lengths {
  Dims values;
};

// Log-probabilities (T, N, C) and labels -> minus the log-probability of all alignments:
// functional::ctc_loss.
class CTCLoss : public Module {
 public:
  RL_OPTIONS(CTCLoss, (int64_t, blank, 0), (std::string, reduction, "mean"), (bool, zero_infinity, false))
  Tensor align(const Tensor& log_probs, const Tensor& targets, const Lengths& input_lengths,
               const Lengths& target_lengths);
};

class PoissonNLLLoss : public Module {
 public:
  RL_OPTIONS(PoissonNLLLoss, (bool, log_input, true), (bool, full, false), (Once<OptBool>, size_average, {}),
             (double, eps, 1e-8), (Once<OptBool>, reduce, {}), (std::string, reduction, "mean"))
  Tensor forward(const Tensor& input, const Tensor& target) override;
  void build() override { reduction = reduction_of(size_average, reduce, reduction); }
};

// 1 - cos where y = 1, max(0, cos - margin) where y = -1.
class CosineEmbeddingLoss : public Module {
 public:
  RL_OPTIONS(CosineEmbeddingLoss, (double, margin, 0.0), (Once<OptBool>, size_average, {}),
             (Once<OptBool>, reduce, {}), (std::string, reduction, "mean"))
  Tensor forward(const Tensor& input1, const Tensor& input2, const Tensor& target);
  void build() override { reduction = reduction_of(size_average, reduce, reduction); }
};

// max(0, -y (x1 - x2) + margin).
class MarginRankingLoss : public Module {
 public:
  RL_OPTIONS(MarginRankingLoss, (double, margin, 0.0), (Once<OptBool>, size_average, {}),
             (Once<OptBool>, reduce, {}), (std::string, reduction, "mean"))
  Tensor forward(const Tensor& input1, const Tensor& input2, const Tensor& target);
  void build() override { reduction = reduction_of(size_average, reduce, reduction); }
};

// max(0, d(a, p) - d(a, n) + margin).
class TripletMarginLoss : public Module {
 public:
  RL_OPTIONS(TripletMarginLoss, (double, margin, 1.0), (double, p, 2.0), (double, eps, 1e-6),
             (bool, swap, false), (Once<OptBool>, size_average, {}), (Once<OptBool>, reduce, {}),
             (std::string, reduction, "mean"))
  Tensor forward(const Tensor& anchor, const Tensor& positive, const Tensor& negative);
  void build() override { reduction = reduction_of(size_average, reduce, reduction); }
};

}  // namespace rushlight::nn

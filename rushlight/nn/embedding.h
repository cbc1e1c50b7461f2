// Tables of vectors.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

// Indices (*) -> vectors (*, embedding_dim). The row padding_idx is zero at first and gets no gradient; with
// max_norm, rows that are looked up are first scaled down to it, in place.
class Embedding : public Module {
 public:
  RL_OPTIONS(Embedding, (int64_t, num_embeddings), (int64_t, embedding_dim), (OptInt, padding_idx, {}),
             (OptDouble, max_norm, {}), (double, norm_type, 2.0), (bool, scale_grad_by_freq, false),
             (bool, sparse, false), (Once<Tensor>, _weight, {}), (Once<bool>, _freeze, false),
             (OnDevice, device, {}), (OfDType, dtype, {}))
  Tensor forward(const Tensor& input) override;
  void build() override;
  void reset_parameters() override;
  std::string extra_repr() override;

 private:
  bool given_ = false;  // the weight came with the constructor
};

// Bags of indices -> the sums, means or maxima (`mode`) of their vectors: the rows of a matrix (N, L), or
// what lies between two `offsets` of a vector. The row padding_idx does not count.
class EmbeddingBag : public Module {
 public:
  RL_OPTIONS(EmbeddingBag, (int64_t, num_embeddings), (int64_t, embedding_dim), (OptDouble, max_norm, {}),
             (double, norm_type, 2.0), (bool, scale_grad_by_freq, false), (std::string, mode, "mean"),
             (bool, sparse, false), (Once<Tensor>, _weight, {}), (bool, include_last_offset, false),
             (OptInt, padding_idx, {}), (OnDevice, device, {}), (OfDType, dtype, {}))
  Tensor forward(const Tensor& input) override { return bags(input, {}, {}); }
  Tensor bags(const Tensor& input, const Tensor& offsets, const Tensor& per_sample_weights);
  void build() override;
  void reset_parameters() override;
  std::string extra_repr() override;

 private:
  bool given_ = false;
};

}  // namespace rushlight::nn

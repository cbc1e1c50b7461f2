#include "rushlight/nn/embedding.h"

#include "rushlight/autograd/variable.h"
#include "rushlight/nn/init.h"
#include "rushlight/ops/ops.h"

namespace rushlight::nn {

namespace {

const Name kWeight{"weight"};

void wrap_padding(OptInt& padding_idx, int64_t rows, const char* what) {
  if (!padding_idx) return;
  RL_CHECK_AS(AssertionError, *padding_idx < rows && *padding_idx >= -rows, what,
              " must be within num_embeddings");
  if (*padding_idx < 0) *padding_idx += rows;
}

// A table that shares the memory of the given one.
Tensor given_table(const Tensor& given, const Dims& sizes) {
  RL_CHECK_AS(AssertionError, given.sizes() == sizes,
              "Shape of weight does not match num_embeddings and embedding_dim");
  return make_alias(given, sizes, given.strides(), given.storage_offset());
}

void draw_table(const Tensor& weight, OptInt padding_idx) {
  init::normal_(weight);
  autograd::NoGrad guard;
  if (padding_idx) weight[*padding_idx].zero_();
}

}  // namespace

void Embedding::build() {
  wrap_padding(padding_idx, num_embeddings, "Padding_idx");
  given_ = _weight.value.defined();
  const Dims sizes{num_embeddings, embedding_dim};
  if (given_) register_parameter("weight", given_table(_weight.value, sizes));
  else new_parameter("weight", sizes, device, dtype);
  if (_freeze) tensor(kWeight).set_requires_grad(false);
}

void Embedding::reset_parameters() {
  if (!std::exchange(given_, false)) draw_table(tensor(kWeight), padding_idx);
}

Tensor Embedding::forward(const Tensor& input) {
  return functional::embedding(input, tensor(kWeight), padding_idx, max_norm, norm_type, scale_grad_by_freq,
                               sparse);
}

std::string Embedding::extra_repr() {
  std::string out = format("{num_embeddings}, {embedding_dim}");
  if (padding_idx) out += format(", padding_idx={padding_idx}");
  if (max_norm) out += format(", max_norm={max_norm}");
  if (norm_type != 2) out += format(", norm_type={norm_type}");
  if (scale_grad_by_freq) out += ", scale_grad_by_freq=True";
  if (sparse) out += ", sparse=True";
  return out;
}

void EmbeddingBag::build() {
  wrap_padding(padding_idx, num_embeddings, "padding_idx");
  given_ = _weight.value.defined();
  const Dims sizes{num_embeddings, embedding_dim};
  if (given_) register_parameter("weight", given_table(_weight.value, sizes));
  else new_parameter("weight", sizes, device, dtype);
}

void EmbeddingBag::reset_parameters() {
  if (!std::exchange(given_, false)) draw_table(tensor(kWeight), padding_idx);
}

Tensor EmbeddingBag::bags(const Tensor& input, const Tensor& offsets, const Tensor& per_sample_weights) {
  return functional::embedding_bag(input, tensor(kWeight), offsets, max_norm, norm_type, scale_grad_by_freq,
                                   mode, sparse, per_sample_weights, include_last_offset, padding_idx);
}

std::string EmbeddingBag::extra_repr() {
  std::string out = format("{num_embeddings}, {embedding_dim}");
  if (max_norm) out += format(", max_norm={max_norm}");
  if (norm_type != 2) out += format(", norm_type={norm_type}");
  if (scale_grad_by_freq) out += ", scale_grad_by_freq=True";
  out += format(", mode='{mode}'");
  if (padding_idx) out += format(", padding_idx={padding_idx}");
  return out;
}

}  // namespace rushlight::nn

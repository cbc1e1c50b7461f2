#include "rushlight/nn/embedding.h"

#include "rushlight/autograd/variable.h"
#include "rushlight/nn/init.h"
#include "rushlight/ops/ops.h"

namespace rushlight::nn {

namespace {
const Name kWeight{"weight"};
}

void Embedding::build() {
  if (padding_idx) {
    RL_CHECK_AS(AssertionError, *padding_idx < num_embeddings && *padding_idx >= -num_embeddings,
                "Padding_idx must be within num_embeddings");
    if (*padding_idx < 0) padding_idx = num_embeddings + *padding_idx;
  }
  given_ = _weight.value.defined();
  if (!given_) {
    new_parameter("weight", {num_embeddings, embedding_dim}, device, dtype);
  } else {
    RL_CHECK_AS(AssertionError, _weight.value.sizes() == Dims({num_embeddings, embedding_dim}),
                "Shape of weight does not match num_embeddings and embedding_dim");
    const Tensor& w = _weight.value;
    register_parameter("weight", make_alias(w, w.sizes(), w.strides(), w.storage_offset()));
  }
  if (_freeze) tensor(kWeight).set_requires_grad(false);
}

void Embedding::reset_parameters() {
  if (std::exchange(given_, false)) return;
  const Tensor weight = tensor(kWeight);
  init::normal_(weight);
  autograd::NoGrad guard;
  if (padding_idx) weight[*padding_idx].zero_();
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

}  // namespace rushlight::nn

// Multi-head attention: Vaswani et al. (2017).
#pragma once

#include <array>

#include "rushlight/nn/linear.h"

namespace rushlight::nn {

// A Linear under the name that PyTorch prints for the last layer of MultiheadAttention.
class NonDynamicallyQuantizableLinear : public Linear {
 public:
  using Linear::Linear;
};

// Queries (L, N, E), keys and values (S, N, *), or (N, L, E) with batch_first, or without N -> outputs like
// the queries and the weights (N, L, S), or (N, heads, L, S) when they are not averaged.
class MultiheadAttention : public Module {
 public:
  RL_OPTIONS(MultiheadAttention, (int64_t, embed_dim), (int64_t, num_heads), (double, dropout, 0.0),
             (Once<bool>, bias, true), (Once<bool>, add_bias_kv, false), (bool, add_zero_attn, false),
             (OptInt, kdim, {}), (OptInt, vdim, {}), (bool, batch_first, false), (OnDevice, device, {}),
             (OfDType, dtype, {}), (Derived<int64_t>, head_dim, 0),
             (Derived<bool>, _qkv_same_embed_dim, true))
  // Masks are boolean (true: not allowed) or added to the scores: key_padding_mask (N, S), attn_mask (L, S)
  // or (N heads, L, S).
  std::tuple<Tensor, Tensor> attend(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& key_padding_mask, const OptBool need_weights,
                                    const Tensor& attn_mask, const OptBool average_attn_weights,
                                    const OptBool is_causal);
  void build() override;
  void reset_parameters() override;

 private:
  std::array<Tensor, 3> project(const Tensor& query, const Tensor& key, const Tensor& value);
};

}  // namespace rushlight::nn

#include "rushlight/nn/attention.h"

#include <cmath>
#include <limits>

#include "rushlight/nn/init.h"
#include "rushlight/ops/ops.h"

namespace rushlight::nn {

namespace F = functional;

namespace {

const Name kInWeight{"in_proj_weight"}, kInBias{"in_proj_bias"}, kQuery{"q_proj_weight"},
    kKey{"k_proj_weight"}, kValue{"v_proj_weight"}, kBiasK{"bias_k"}, kBiasV{"bias_v"};

// A boolean mask as what is added to scores.
Tensor additive(const Tensor& mask, DType dtype) {
  if (!mask.defined() || mask.dtype() != DType::Bool) return mask;
  const Tensor zero = zeros(mask.sizes(), dtype);
  return where(mask, full_like(zero, -std::numeric_limits<double>::infinity()), zero);
}

Tensor one_more_column(const Tensor& mask) { return mask.defined() ? pad(mask, {0, 1}) : mask; }

}  // namespace

void MultiheadAttention::build() {
  RL_CHECK_AS(ValueError, embed_dim > 0 && num_heads > 0,
              "embed_dim and num_heads must be greater than 0, got embed_dim=", embed_dim,
              " and num_heads=", num_heads, " instead");
  head_dim = embed_dim / num_heads;
  RL_CHECK_AS(AssertionError, head_dim.value * num_heads == embed_dim,
              "embed_dim must be divisible by num_heads");
  kdim = kdim.value_or(embed_dim);
  vdim = vdim.value_or(embed_dim);
  _qkv_same_embed_dim = *kdim == embed_dim && *vdim == embed_dim;
  if (_qkv_same_embed_dim) {
    new_parameter("in_proj_weight", {3 * embed_dim, embed_dim}, device, dtype);
    for (const char* name : {"q_proj_weight", "k_proj_weight", "v_proj_weight"}) register_parameter(name, {});
  } else {
    new_parameter("q_proj_weight", {embed_dim, embed_dim}, device, dtype);
    new_parameter("k_proj_weight", {embed_dim, *kdim}, device, dtype);
    new_parameter("v_proj_weight", {embed_dim, *vdim}, device, dtype);
    register_parameter("in_proj_weight", {});
  }
  if (bias) new_parameter("in_proj_bias", 3 * embed_dim, device, dtype);
  else register_parameter("in_proj_bias", {});
  register_module("out_proj",
                  make<NonDynamicallyQuantizableLinear>(embed_dim, embed_dim, bias, device, dtype));
  for (const char* name : {"bias_k", "bias_v"}) {
    if (add_bias_kv) new_parameter(name, {1, 1, embed_dim}, device, dtype);
    else register_parameter(name, {});
  }
}

void MultiheadAttention::reset_parameters() {
  for (const Name* name : {&kInWeight, &kQuery, &kKey, &kValue}) {
    if (const Tensor w = tensor(*name); w.defined()) init::xavier_uniform_(w);
  }
  if (const Tensor b = tensor(kInBias); b.defined()) {
    init::zeros_(b);
    static const Name out_bias{"bias"};
    for (auto& [name, child] : children()) init::zeros_(child->tensor(out_bias));
  }
  for (const Name* name : {&kBiasK, &kBiasV}) {
    if (const Tensor b = tensor(*name); b.defined()) init::xavier_normal_(b);
  }
}

std::array<Tensor, 3> MultiheadAttention::project(const Tensor& query, const Tensor& key,
                                                  const Tensor& value) {
  const Tensor b = tensor(kInBias);
  const TensorVector biases = b.defined() ? b.chunk(3, 0) : TensorVector(3);
  if (!tensor(kInWeight).defined()) {
    return {F::linear(query, tensor(kQuery), biases[0]), F::linear(key, tensor(kKey), biases[1]),
            F::linear(value, tensor(kValue), biases[2])};
  }
  const Tensor w = tensor(kInWeight);
  if (query.is_same(key) && key.is_same(value)) {  // one product for all three
    const TensorVector parts = F::linear(query, w, b).chunk(3, -1);
    return {parts[0], parts[1], parts[2]};
  }
  const TensorVector weights = w.chunk(3, 0);
  return {F::linear(query, weights[0], biases[0]), F::linear(key, weights[1], biases[1]),
          F::linear(value, weights[2], biases[2])};
}

std::tuple<Tensor, Tensor> MultiheadAttention::attend(const Tensor& query, const Tensor& key,
                                                      const Tensor& value, const Tensor& key_padding_mask,
                                                      const OptBool need_weights, const Tensor& attn_mask,
                                                      const OptBool average_attn_weights,
                                                      const OptBool is_causal) {
  RL_CHECK(!is_causal.value_or(false) || attn_mask.defined(),
           "Need attn_mask if specifying the is_causal hint.");
  RL_CHECK_AS(AssertionError, query.dim() == 2 || query.dim() == 3,
              "query should be unbatched 2D or batched 3D tensor but received ", query.dim(),
              "-D query tensor");
  const bool batched = query.dim() == 3;
  auto steps_first = [&](const Tensor& t) {
    return !batched ? t.unsqueeze(1) : batch_first ? t.transpose(0, 1) : t;
  };
  const bool same = query.is_same(key) && key.is_same(value);
  const Tensor q_in = steps_first(query), k_in = same ? q_in : steps_first(key),
               v_in = same ? q_in : steps_first(value);
  const int64_t length = q_in.size(0), batch = q_in.size(1);
  RL_CHECK_AS(AssertionError, q_in.size(2) == embed_dim, "was expecting embedding dimension of ", embed_dim,
              ", but got ", q_in.size(2));
  auto [q, k, v] = project(q_in, k_in, v_in);

  Tensor mask = additive(attn_mask, q.dtype()), padding = additive(key_padding_mask, q.dtype());
  if (tensor(kBiasK).defined()) {
    k = cat({k, tensor(kBiasK).repeat({1, batch, 1})}, 0);
    v = cat({v, tensor(kBiasV).repeat({1, batch, 1})}, 0);
    mask = one_more_column(mask);
    padding = one_more_column(padding);
  }
  auto heads_first = [&](const Tensor& t) {
    return t.reshape({t.size(0), batch * num_heads, head_dim}).transpose(0, 1);
  };
  q = heads_first(q);
  k = heads_first(k);
  v = heads_first(v);
  if (add_zero_attn) {
    const Tensor zero = zeros({batch * num_heads, 1, head_dim}, k.dtype());
    k = cat({k, zero}, 1);
    v = cat({v, zero}, 1);
    mask = one_more_column(mask);
    padding = one_more_column(padding);
  }
  const int64_t sources = k.size(1);
  Tensor scores = (q * (1 / std::sqrt(static_cast<double>(head_dim)))).bmm(k.transpose(1, 2));
  if (mask.defined()) scores = scores + mask;  // (L, S) or (N heads, L, S)
  if (padding.defined()) {
    const Tensor wide = (batched ? padding : padding.unsqueeze(0))
                            .view({batch, 1, 1, sources})
                            .expand({batch, num_heads, 1, sources});
    scores = scores + wide.reshape({batch * num_heads, 1, sources});
  }
  Tensor weights = scores.softmax(-1);
  if (dropout > 0 && training()) weights = F::dropout(weights, dropout, true);
  Tensor out = weights.bmm(v).transpose(0, 1).reshape({length * batch, embed_dim});
  for (auto& [name, child] : children()) out = (*child)(out);
  out = out.view({length, batch, embed_dim});
  if (!batched) out = out.squeeze(1);
  else if (batch_first) out = out.transpose(0, 1);
  if (!need_weights.value_or(true)) return {out, Tensor()};
  weights = weights.view({batch, num_heads, length, sources});
  if (average_attn_weights.value_or(true)) weights = weights.mean(1);
  return {out, batched ? weights : weights.squeeze(0)};
}

}  // namespace rushlight::nn

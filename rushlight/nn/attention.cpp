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

// A mask of all heads (L, S), or of each (N heads, L, S).
void check_mask(const Tensor& mask, bool batched, int64_t heads, int64_t length, int64_t sources) {
  const bool each = mask.dim() == 3;
  if (mask.sizes() == (each ? Dims{heads, length, sources} : Dims{length, sources})) return;
  const std::string found = concat("torch.Size(", rushlight::to_string(mask.sizes()), ")"),
                    wanted = concat("(", each ? concat(heads, ", ") : "", length, ", ", sources, ")");
  if (each && !batched)
    throw_error<AssertionError>("Expected `attn_mask` shape to be ", wanted, " but got ", found);
  throw_error<RuntimeError>("The shape of the ", mask.dim(), "D attn_mask is ", found, ", but should be ",
                            wanted, ".");
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
  RL_CHECK_AS(AssertionError, !attn_mask.defined() || attn_mask.dim() == 2 || attn_mask.dim() == 3, "For ",
              query.dim() == 3 ? "batched (3-D)" : "unbatched (2-D)",
              " `query`, expected `attn_mask` to be `None`, 2-D or 3-D but found ",
              attn_mask.defined() ? attn_mask.dim() : 0, "-D tensor instead");
  RL_CHECK_AS(AssertionError, query.size(-1) == embed_dim, "was expecting embedding dimension of ", embed_dim,
              ", but got ", query.size(-1));
  const bool batched = query.dim() == 3, weighed = need_weights.value_or(true);
  auto [q, k, v] = project(query, key, value);
  // Between the layout of the arguments and (N, heads, steps, head_dim).
  const Dims order = batched && batch_first ? Dims{0, 2, 1, 3} : Dims{1, 2, 0, 3};
  const auto by_heads = [&](const Tensor& t) {
    return (batched ? t : t.unsqueeze(1)).unflatten(-1, {num_heads, head_dim}).permute(order);
  };
  q = by_heads(q), k = by_heads(k), v = by_heads(v);
  const int64_t batch = q.size(0), length = q.size(2);

  // Without weights to show, and without padding, a causal mask need not be read.
  const bool causal = is_causal.value_or(false) && !key_padding_mask.defined() && !weighed;
  Tensor mask = causal ? Tensor() : additive(attn_mask, q.dtype()),
         padding = additive(key_padding_mask, q.dtype());
  if (mask.defined()) check_mask(mask, batched, batch * num_heads, length, k.size(2));
  const auto append = [&](const Tensor& to_keys, const Tensor& to_values) {
    k = cat({k, to_keys.expand({batch, num_heads, 1, head_dim})}, 2);
    v = cat({v, to_values.expand({batch, num_heads, 1, head_dim})}, 2);
    mask = one_more_column(mask);
    padding = one_more_column(padding);
  };
  if (const Tensor b = tensor(kBiasK); b.defined())
    append(b.view({num_heads, 1, head_dim}), tensor(kBiasV).view({num_heads, 1, head_dim}));
  if (add_zero_attn) append(zeros({1}, k.dtype()), zeros({1}, v.dtype()));
  const int64_t sources = k.size(2);
  if (mask.defined() && mask.dim() == 3) mask = mask.reshape({batch, num_heads, length, sources});
  if (padding.defined()) {
    const Tensor of_keys = padding.view({batch, 1, 1, sources});
    mask = mask.defined() ? mask + of_keys : of_keys;
  }

  const double drop = training() ? dropout : 0.0;
  Tensor out, weights;
  if (weighed) {
    const Tensor scores = (q * (1 / std::sqrt(static_cast<double>(head_dim)))).matmul(k.transpose(-2, -1));
    weights = (mask.defined() ? scores + mask : scores).softmax(-1);
    if (drop > 0) weights = F::dropout(weights, drop, true);
    out = weights.matmul(v);
  } else {
    out = F::scaled_dot_product_attention(q, k, v, mask, drop, causal);
  }
  out = batched && batch_first ? out.transpose(1, 2) : out.permute({2, 0, 1, 3});
  out = out.flatten(2);
  for (auto& [name, child] : children()) out = (*child)(out);
  if (!batched) out = out.squeeze(1);
  if (!weighed) return {out, Tensor()};
  if (average_attn_weights.value_or(true)) weights = weights.mean(1);
  return {out, batched ? weights : weights.squeeze(0)};
}

}  // namespace rushlight::nn

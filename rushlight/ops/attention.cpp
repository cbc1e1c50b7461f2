// Scaled dot product attention: composed of public operations, or by a kernel where its conditions hold; the
// composition is also the gradient of the gradient.
#include <cmath>
#include <limits>

#include "rushlight/autograd/record.h"
#include "rushlight/kernels/cpu/attention.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/type_name.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;

struct Attention {
  bool causal;
  double scale;
};

// A bool mask as one that is added: zero where it holds, minus infinity elsewhere.
Tensor additive_mask(const Tensor& mask, DType dtype) {
  if (mask.dtype() != DType::Bool) return mask;
  return zeros(mask.sizes(), dtype, mask.device())
      .masked_fill(mask.logical_not(), -std::numeric_limits<double>::infinity());
}

Tensor causal_mask(int64_t queries, int64_t keys, DType dtype, Device device) {
  const Tensor hidden = arange(keys, {}, device).unsqueeze(0).gt(arange(queries, {}, device).unsqueeze(1));
  return zeros({queries, keys}, dtype, device).masked_fill(hidden, -std::numeric_limits<double>::infinity());
}

// Softmax whose rows without any finite score are zero.
Tensor safe_softmax(const Tensor& scores) {
  const Tensor weights = softmax(scores, -1, {});
  const Tensor empty = scores.detach().eq(-std::numeric_limits<double>::infinity()).all(-1, true);
  return weights.masked_fill(empty, 0);
}

Tensor share_heads(const Tensor& t, int64_t heads) {
  const int64_t times = t.size(-3) ? heads / t.size(-3) : 1;
  if (times == 1) return t;
  Dims sizes = t.sizes(), wide = t.sizes();
  sizes[t.dim() - 3] = heads;
  wide.insert(t.dim() - 2, times);
  return t.unsqueeze(-3).expand(wide).reshape(sizes);
}

// Scale is taken half by each factor, as PyTorch does, which keeps narrow floats in range.
Tensor composed(const Attention& a, const Tensor& query, const Tensor& key, const Tensor& value,
                const Tensor& mask, double dropout) {
  const double root = std::sqrt(std::abs(a.scale));
  const Tensor q = query * root, k = key * (a.scale < 0 ? -root : root);
  Tensor scores = q.matmul(k.transpose(-2, -1));
  if (mask.defined()) scores = scores + mask;
  if (a.causal) scores = scores + causal_mask(query.size(-2), key.size(-2), query.dtype(), query.device());
  Tensor weights = safe_softmax(scores);
  if (dropout > 0) weights = nn::functional::dropout(weights, dropout);
  return weights.matmul(value);
}

// The kernels compute in these.
DType compute_dtype(DType t) { return t == DType::Float64 ? t : DType::Float32; }

Tensor with_dense_rows(const Tensor& t) {
  const Tensor plain = t.detach().to(compute_dtype(t.dtype()));
  return plain.strides()[3] == 1 || plain.sizes()[3] <= 1 ? plain : plain.contiguous();
}

struct Prepared {
  cpu::AttentionShape shape;
  Tensor query, key, value, mask;
};

Prepared prepare(const Attention& a, const Tensor& query, const Tensor& key, const Tensor& value,
                 const Tensor& mask) {
  Prepared p{{query.sizes()[0], query.sizes()[1], key.sizes()[1], query.sizes()[2], key.sizes()[2],
              query.sizes()[3], value.sizes()[3]},
             with_dense_rows(query),
             with_dense_rows(key),
             with_dense_rows(value),
             {}};
  p.shape.causal = a.causal;
  p.shape.scale = a.scale;
  for (int d = 0; d < 3; ++d) {
    p.shape.query_strides[d] = p.query.strides()[d];
    p.shape.key_strides[d] = p.key.strides()[d];
    p.shape.value_strides[d] = p.value.strides()[d];
  }
  for (int64_t& s : p.shape.mask_strides) s = 0;
  if (!mask.defined()) return p;
  p.mask = mask.detach()
               .to(compute_dtype(mask.dtype()))
               .expand({query.sizes()[0], query.sizes()[1], query.sizes()[2], key.sizes()[2]});
  for (int d = 0; d < 4; ++d) p.shape.mask_strides[d] = p.mask.strides()[d];
  return p;
}

template <class T>
const T* mask_pointer(const Prepared& p) {
  return p.mask.defined() ? p.mask.data<T>() : nullptr;
}

// Gradients by differentiating the composition, which records it once more when a graph is wanted.
Gradients composed_gradients(const Attention& a, Node& n, const Tensor& g, const Tensor& q, const Tensor& k,
                             const Tensor& v, const Tensor& mask) {
  const double scale = a.scale;
  const Tensor key = share_heads(k, q.size(-3)), value = share_heads(v, q.size(-3));
  Tensor scores = q.matmul(key.transpose(-2, -1)) * scale;
  if (mask.defined()) scores = scores + mask;
  if (a.causal) scores = scores + causal_mask(q.size(-2), k.size(-2), q.dtype(), q.device());
  const Tensor p = safe_softmax(scores), dp = g.matmul(value.transpose(-2, -1));
  const Tensor ds = p * (dp - (p * dp).sum({-1}, true)) * scale;
  // Heads that share a key head add up.
  const auto add_shared = [&](const Tensor& t, const Tensor& like) {
    if (t.sizes() == like.sizes()) return t;
    const int64_t heads = like.size(-3);
    Dims split = t.sizes();
    split[t.dim() - 3] = heads;
    split.insert(t.dim() - 2, heads ? t.size(-3) / heads : 1);
    return t.reshape(split).sum({-3});
  };
  Gradients out;
  out.resize(3);
  if (n.needs(0)) out[0] = ds.matmul(key);
  if (n.needs(1)) out[1] = add_shared(ds.transpose(-2, -1).matmul(q), k);
  if (n.needs(2)) out[2] = add_shared(p.transpose(-2, -1).matmul(g), v);
  return out;
}

struct AttentionRule {
  Attention a;
  Gradients operator()(Node& n, const Gradients& grads) const {
    const Tensor &g = grads[0], q = n.saved(0), k = n.saved(1), v = n.saved(2), mask = n.saved(3);
    if (tracks(g, q, k, v)) return composed_gradients(a, n, g, q, k, v, mask);
    const Prepared p = prepare(a, q, k, v, mask);
    const DType dtype = compute_dtype(q.dtype());
    const Tensor dense_g = g.to(dtype).contiguous();
    Tensor dq = make_tensor(q.sizes(), dtype), dk = make_tensor(k.sizes(), dtype),
           dv = make_tensor(v.sizes(), dtype);
    const auto run = [&]<class T>() {
      cpu::attention_backward<T>(p.shape, p.query.data<T>(), p.key.data<T>(), p.value.data<T>(),
                                 mask_pointer<T>(p), dense_g.data<T>(), dq.data<T>(), dk.data<T>(),
                                 dv.data<T>());
    };
    if (dtype == DType::Float32) run.template operator()<float>();
    else run.template operator()<double>();
    return {dq.to(q.dtype()), dk.to(q.dtype()), dv.to(q.dtype())};
  }
};

Tensor fused(const Attention& a, const Tensor& query, const Tensor& key, const Tensor& value,
             const Tensor& mask) {
  Tensor out = make_tensor({query.sizes()[0], query.sizes()[1], query.sizes()[2], value.sizes()[3]},
                           compute_dtype(query.dtype()), query.device());
  {
    autograd::NoGrad guard;
    const Prepared p = prepare(a, query, key, value, mask);
    const auto run = [&]<class T>() {
      cpu::attention<T>(p.shape, p.query.data<T>(), p.key.data<T>(), p.value.data<T>(), mask_pointer<T>(p),
                        out.data<T>());
    };
    if (out.dtype() == DType::Float32) run.template operator()<float>();
    else run.template operator()<double>();
    out = out.to(query.dtype());
  }
  if (!tracks(query, key, value)) return out;
  return Record("ScaledDotProductFlashAttentionForCpuBackward0", {query, key, value})
      .save(query, key, value, mask)
      .save_output(out)  // not needed, but PyTorch forbids that it changes
      .rule(out, AttentionRule{a});
}

bool kernel_fits(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask, double dropout) {
  const bool floats = is_floating(q.dtype());
  const bool ranks = q.dim() == 4 && k.dim() == 4 && v.dim() == 4;
  if (!floats || !ranks || dropout > 0 || q.numel() == 0 || k.numel() == 0 || v.numel() == 0) return false;
  const bool sizes = q.sizes()[0] == k.sizes()[0] && q.sizes()[0] == v.sizes()[0] &&
                     k.sizes()[1] == v.sizes()[1] && k.sizes()[2] == v.sizes()[2] &&
                     q.sizes()[3] == k.sizes()[3] && q.sizes()[3] == v.sizes()[3];
  if (!sizes || q.sizes()[1] % k.sizes()[1] != 0) return false;
  if (!mask.defined()) return true;
  const int64_t scores[4] = {q.sizes()[0], q.sizes()[1], q.sizes()[2], k.sizes()[2]};
  bool broadcasts = mask.dim() <= 4;
  for (int64_t d = 1; broadcasts && d <= mask.dim(); ++d)
    broadcasts = mask.size(-d) == 1 || mask.size(-d) == scores[4 - d];
  return broadcasts && !autograd::has_history(mask);
}

void check_operands(const Tensor& q, const Tensor& k, const Tensor& v, const Tensor& mask) {
  RL_CHECK(
      q.dtype() == k.dtype() && q.dtype() == v.dtype(),
      "Expected query, key, and value to have the same dtype, but got query.dtype: ", c_type_name(q.dtype()),
      " key.dtype: ", c_type_name(k.dtype()), " and value.dtype: ", c_type_name(v.dtype()), " instead.");
  RL_CHECK(q.dim() >= 2 && k.dim() >= 2 && v.dim() >= 2,
           "Expected query, key, and value to all be  at least 2 dimensional, but got query.dim: ", q.dim(),
           " key.dim: ", k.dim(), " and value.dim: ", v.dim(), " instead.");
  RL_CHECK(!mask.defined() || mask.dtype() == DType::Bool || mask.dtype() == DType::Float32 ||
               mask.dtype() == q.dtype(),
           "Expected attn_mask dtype to be bool or float or to match query dtype, but got attn_mask.dtype: ",
           mask.defined() ? c_type_name(mask.dtype()) : "", " and  query.dtype: ", c_type_name(q.dtype()),
           " instead.");
  RL_CHECK(is_inexact(q.dtype()), "expected scalar type Float but found ", info(q.dtype()).message_name);
}

}  // namespace

namespace nn::functional {

Tensor scaled_dot_product_attention(const Tensor& query, const Tensor& key, const Tensor& value,
                                    const Tensor& attn_mask, double dropout_p, bool is_causal,
                                    OptDouble scale, bool enable_gqa) {
  check_operands(query, key, value, attn_mask);
  const Attention a{is_causal, scale.value_or(1 / std::sqrt(static_cast<double>(query.size(-1))))};
  if (enable_gqa) {
    const bool fits = query.dim() >= 3 && key.dim() >= 3 && value.dim() >= 3 && key.size(-3) > 0 &&
                      value.size(-3) > 0 && query.size(-3) % key.size(-3) == 0 &&
                      query.size(-3) % value.size(-3) == 0;
    RL_CHECK(fits, "Number of heads in key and value must divide the number of heads in ");
  }
  Tensor mask = attn_mask.defined() ? additive_mask(attn_mask, query.dtype()) : attn_mask;
  if (mask.defined() && mask.dtype() != query.dtype()) mask = mask.to(query.dtype());
  const bool heads_match =
      enable_gqa || query.dim() != 4 || key.dim() != 4 || query.sizes()[1] == key.sizes()[1];
  if (heads_match && kernel_fits(query, key, value, mask, dropout_p))
    return fused(a, query, key, value, mask);
  const Tensor k = enable_gqa ? share_heads(key, query.size(-3)) : key,
               v = enable_gqa ? share_heads(value, query.size(-3)) : value;
  return composed(a, query, k, v, mask, dropout_p);
}

}  // namespace nn::functional
}  // namespace rushlight

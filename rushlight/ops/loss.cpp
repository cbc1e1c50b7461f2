// Losses over pairs of elements, and distances.
#include "rushlight/ops/loss.h"

#include <cmath>

#include "rushlight/core/warning.h"
#include "rushlight/ops/fused.h"
#include "rushlight/ops/in_place.h"

namespace rushlight {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Formula;

Reduction parse_reduction(OptBool size_average, OptBool reduce, String reduction) {
  if (size_average || reduce) {
    const bool all = reduce.value_or(true), average = size_average.value_or(true);
    reduction = !all ? "none" : average ? "mean" : "sum";
    warn(concat("size_average and reduce args will be deprecated, please use reduction='", reduction,
                "' instead."));
  }
  if (reduction == "elementwise_mean") {
    warn("reduction='elementwise_mean' is deprecated. Please use reduction='mean' instead.");
    return Reduction::Mean;
  }
  if (reduction == "none") return Reduction::None;
  if (reduction == "mean") return Reduction::Mean;
  RL_CHECK_AS(ValueError, reduction == "sum", reduction, " is not a valid value for reduction");
  return Reduction::Sum;
}

void check_constant(const char* function, const char* argument, const Tensor& t) {
  RL_CHECK(!tracks(t), "The function '", function, "' is not differentiable with respect to argument '",
           argument, "'. This input cannot have requires_grad True.");
}

Tensor reduced(const Tensor& loss, Reduction reduction) {
  return reduction == Reduction::None ? loss : reduction == Reduction::Mean ? loss.mean() : loss.sum();
}

namespace {

std::string size_text(const Tensor& t) { return concat("torch.Size(", to_string(t.sizes()), ")"); }

void warn_of_sizes(const Tensor& x, const Tensor& t) {
  if (x.sizes() == t.sizes()) return;
  warn(concat("Using a target size (", size_text(t), ") that is different to the input size (", size_text(x),
              "). This will likely lead to incorrect results due to broadcasting. Please ensure they have "
              "the same size."));
}

void check_floating(const char* kernel, const Tensor& x) {
  RL_CHECK_AS(NotImplementedError, is_floating(x.dtype()), "\"", kernel, "\" not implemented for '",
              info(x.dtype()).message_name, "'");
}

// A loss that is one node: loss(x, t) for each element, and its slopes in x and in t (undefined: t has no
// gradient).
template <class Loss, class Slopes>
Tensor pair_loss(const char* node, const Tensor& x, const Tensor& t, Reduction reduction, Loss loss,
                 Slopes slopes) {
  Tensor out;
  {
    autograd::NoGrad guard;
    out = reduced(loss(x, t), reduction);
  }
  if (!tracks(x, t)) return out;
  return Record(node, {x, t}).save(x, t).rule(out, [=](Node& n, const Gradients& grads) {
    const Tensor x = n.saved(0), t = n.saved(1);
    const int64_t count = numel_of(broadcast_shapes(x.sizes(), t.sizes()));
    const Tensor g = reduction == Reduction::Mean ? grads[0] / static_cast<double>(count) : grads[0];
    const auto [sx, st] = slopes(x, t, n.needs(0), n.needs(1));
    Gradients out;
    out.resize(2);
    if (n.needs(0)) out[0] = sx * g;
    if (n.needs(1)) out[1] = st * g;
    return out;
  });
}

// The slopes of a loss of the difference x - t.
template <class Slope>
auto of_difference(Slope slope) {
  return [slope](const Tensor& x, const Tensor& t, bool, bool needs_t) {
    const Tensor s = slope(x - t);
    return TensorPair(s, needs_t ? -s : Tensor());
  };
}

Tensor weighted(const Tensor& loss, const Tensor& x, const Tensor& weight, const std::string_view reduction,
                bool by_weight) {
  RL_CHECK_AS(ValueError, weight.sizes() == x.sizes(), "Weights and input must have the same size.");
  const Tensor all = loss * weight;
  if (reduction == "none") return all;
  if (reduction == "sum") return all.sum();
  RL_CHECK_AS(ValueError, reduction == "mean", "Invalid reduction mode: ", reduction,
              ". Expected one of 'none', 'mean', 'sum'.");
  return by_weight ? all.sum() / weight.sum() : all.mean();
}

std::string_view legacy(OptBool size_average, OptBool reduce, std::string_view reduction) {
  if (!size_average && !reduce) return reduction;
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  return r == Reduction::None ? "none" : r == Reduction::Mean ? "mean" : "sum";
}

Tensor huber(const Tensor& x, const Tensor& t, Reduction reduction, double delta) {
  check_floating("huber_cpu", x);
  RL_CHECK(delta > 0, "huber_loss does not support non-positive values for delta.");
  return pair_loss(
      "HuberLossBackward0", x, t, reduction,
      [=](const Tensor& x, const Tensor& t) {
        const Tensor d = (x - t).abs();
        return where(d.le(delta), d * d * 0.5, (d - 0.5 * delta) * delta);
      },
      of_difference([=](const Tensor& d) { return d.clamp(-delta, delta); }));
}

}  // namespace

// Norms below eps count as eps; the gradient does not see that limit.
Tensor cosine_similarity(const Tensor& x1, const Tensor& x2, int64_t dim, double eps) {
  const DType common = promote_types(x1.dtype(), x2.dtype());
  RL_CHECK(is_floating(common), "expected common dtype to be floating point, yet common dtype is ",
           info(common).message_name);
  const Dims sizes = broadcast_shapes(x1.sizes(), x2.sizes());
  auto unit = [&](const Tensor& x) {
    const Tensor wide = x.to(common).expand(sizes);
    const Tensor length = linalg_vector_norm(wide, 2, Dims{dim}, true, {}).clone();
    {
      autograd::NoGrad guard;
      length.clamp_min_(eps);
    }
    return wide / length;
  };
  return (unit(x1) * unit(x2)).sum(Dims{dim});
}

Tensor pairwise_distance(const Tensor& x1, const Tensor& x2, double p, double eps, bool keepdim) {
  const int64_t rank = std::max(x1.dim(), x2.dim());
  return norm(x1 - x2 + eps, OptScalar(p), OptDims(Dims{rank - 1}), keepdim, {});
}

}  // namespace rushlight

namespace rushlight::nn::functional {

Tensor mse_loss(const Tensor& x, const Tensor& t, OptBool size_average, OptBool reduce, String reduction,
                const Tensor& weight) {
  warn_of_sizes(x, t);
  reduction = legacy(size_average, reduce, reduction);
  if (weight.defined()) return weighted((x - t).pow(2), x, weight, reduction, true);
  check_floating("mse_cpu", x);
  return pair_loss(
      "MseLossBackward0", x, t, parse_reduction({}, {}, reduction),
      [](const Tensor& x, const Tensor& t) {
        return pointwise(Formula::SquaredDifference, {x, t});
      },
      of_difference([](const Tensor& d) { return d * 2; }));
}

Tensor l1_loss(const Tensor& x, const Tensor& t, OptBool size_average, OptBool reduce, String reduction,
               const Tensor& weight) {
  warn_of_sizes(x, t);
  reduction = legacy(size_average, reduce, reduction);
  const Tensor loss = (x - t).abs();
  return weight.defined() ? weighted(loss, x, weight, reduction, true)
                          : reduced(loss, parse_reduction({}, {}, reduction));
}

Tensor smooth_l1_loss(const Tensor& x, const Tensor& t, OptBool size_average, OptBool reduce,
                      String reduction, double beta) {
  warn_of_sizes(x, t);
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  RL_CHECK(beta >= 0, "smooth_l1_loss does not support negative values for beta.");
  if (beta == 0) return reduced((x - t).abs(), r);
  check_floating("smooth_l1_cpu", x);
  return pair_loss(
      "SmoothL1LossBackward0", x, t, r,
      [=](const Tensor& x, const Tensor& t) {
        const Tensor d = (x - t).abs();
        return where(d.lt(beta), d * d * 0.5 / beta, d - 0.5 * beta);
      },
      of_difference([=](const Tensor& d) { return d.clamp(-beta, beta) / beta; }));
}

Tensor huber_loss(const Tensor& x, const Tensor& t, String reduction, double delta, const Tensor& weight) {
  warn_of_sizes(x, t);
  if (!weight.defined()) return huber(x, t, parse_reduction({}, {}, reduction), delta);
  return weighted(huber(x, t, Reduction::None, delta), x, weight, reduction, false);
}

Tensor binary_cross_entropy(const Tensor& x, const Tensor& t, const Tensor& weight, OptBool size_average,
                            OptBool reduce, String reduction) {
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  check_constant("binary_cross_entropy", "weight", weight);
  RL_CHECK_AS(ValueError, x.sizes() == t.sizes(), "Using a target size (", size_text(t),
              ") that is different to the input size (", size_text(x),
              ") is deprecated. Please ensure they have the same size.");
  check_floating("binary_cross_entropy", x);
  RL_CHECK(t.dtype() == x.dtype(), "Found dtype ", info(t.dtype()).message_name, " but expected ",
           info(x.dtype()).message_name);
  auto within = [](const Tensor& v) { return v.ge(0).logical_and(v.le(1)).all().item().to_bool(); };
  RL_CHECK(x.numel() == 0 || within(x.detach()), "all elements of input should be between 0 and 1");
  RL_CHECK(t.numel() == 0 || within(t.detach()), "all elements of target should be between 0 and 1");
  const Tensor w = weight.defined() ? weight.expand(broadcast_shapes(t.sizes(), weight.sizes())) : weight;
  auto scale = [w](const Tensor& v) { return w.defined() ? v * w : v; };
  return pair_loss(
      "BinaryCrossEntropyBackward0", x, t, r,
      [=](const Tensor& x, const Tensor& t) {
        return scale((t - 1) * (-x).log1p().clamp_min(-100) - t * x.log().clamp_min(-100));
      },
      [=](const Tensor& x, const Tensor& t, bool needs_x, bool needs_t) {
        return TensorPair(needs_x ? scale((x - t) / ((1 - x) * x).clamp_min(1e-12)) : Tensor(),
                          needs_t ? scale((-x).log1p().clamp_min(-100) - x.log().clamp_min(-100)) : Tensor());
      });
}

Tensor binary_cross_entropy_with_logits(const Tensor& x, const Tensor& t, const Tensor& weight,
                                        OptBool size_average, OptBool reduce, String reduction,
                                        const Tensor& pos_weight) {
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  RL_CHECK_AS(ValueError, x.sizes() == t.sizes(), "Target size (", size_text(t),
              ") must be the same as input size (", size_text(x), ")");
  check_constant("binary_cross_entropy_with_logits", "weight", weight);
  check_constant("binary_cross_entropy_with_logits", "pos_weight", pos_weight);
  const Tensor w = weight, p = pos_weight;
  auto scale = [w](const Tensor& v) { return w.defined() ? v * w : v; };
  return pair_loss(
      "BinaryCrossEntropyWithLogitsBackward0", x, t, r,
      [=](const Tensor& x, const Tensor& t) {
        if (!p.defined()) return scale(pointwise(Formula::BceWithLogits, {x, t}));
        return scale((1 - t) * x - ((p - 1) * t + 1) * logsigmoid(x));
      },
      [=](const Tensor& x, const Tensor& t, bool needs_x, bool needs_t) {
        Tensor sx, st;
        if (needs_x && p.defined()) sx = scale((p * t + 1 - t) * x.sigmoid() - p * t);
        else if (needs_x)
          sx = scale(tracks(x, t) ? x.sigmoid() - t : pointwise(Formula::BceWithLogitsBackward, {x, t}));
        if (needs_t) st = scale(p.defined() ? -x - (p - 1) * logsigmoid(x) : -x);
        return TensorPair(sx, st);
      });
}

Tensor kl_div(const Tensor& x, const Tensor& t, OptBool size_average, OptBool reduce, String reduction,
              bool log_target) {
  const bool old = size_average || reduce;
  if (!old && reduction == "mean") {
    warn(
        "reduction: 'mean' divides the total loss by both the batch size and the support size.'batchmean' "
        "divides only by the batch size, "
        "and aligns with the KL div math definition.'mean' will be changed to behave the same as 'batchmean' "
        "in the next major release.");
  }
  const bool batch = reduction == "batchmean";
  const Reduction r = parse_reduction(size_average, reduce, batch && !old ? "sum" : reduction);
  RL_CHECK(!is_complex(x.dtype()) && !is_complex(t.dtype()), "kl_div: Complex inputs not supported.");
  RL_CHECK(is_floating(x.dtype()) && is_floating(t.dtype()), "kl_div: Integral inputs not supported.");
  const Tensor loss = log_target ? t.exp() * (t - x) : t.xlogy(t) - t * x;
  const Tensor out = reduced(loss, r);
  return batch && x.dim() != 0 ? out / x.sizes()[0] : out;
}

Tensor hinge_embedding_loss(const Tensor& x, const Tensor& t, double margin, OptBool size_average,
                            OptBool reduce, String reduction) {
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  const Tensor slack = full_like(x, margin).sub(x).clamp_min(0);  // in the dtype of x
  const Tensor far = where(t.ne(1), slack, 0), near = where(t.ne(-1), x, 0);
  return reduced(far + near, r);
}

Tensor cosine_embedding_loss(const Tensor& x1, const Tensor& x2, const Tensor& t, double margin,
                             OptBool size_average, OptBool reduce, String reduction) {
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  RL_CHECK(t.dim() <= 1, "0D or 1D target tensor expected, multi-target not supported");
  const int64_t rank = t.dim() + 1;
  RL_CHECK(x1.dim() == rank && x2.dim() == rank,
           rank == 2 ? "1D target tensor expects 2D input tensors, but found inputs with sizes "
                     : "0D target tensor expects 1D input tensors, but found inputs with sizes ",
           to_string(x1.sizes()), " and ", to_string(x2.sizes()), ".");
  constexpr double kEpsilon = 1e-12;
  const Dims dim{t.dim()};
  const Tensor lengths = ((x1 * x1).sum(dim) + kEpsilon) * ((x2 * x2).sum(dim) + kEpsilon);
  const Tensor cosine = (x1 * x2).sum(dim) / lengths.sqrt();
  return reduced(where(t.eq(1), 1 - cosine, 0) + where(t.eq(-1), (cosine - margin).clamp_min(0), 0), r);
}

Tensor margin_ranking_loss(const Tensor& x1, const Tensor& x2, const Tensor& t, double margin,
                           OptBool size_average, OptBool reduce, String reduction) {
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  RL_CHECK(x1.dim() == x2.dim() && x1.dim() == t.dim(),
           "margin_ranking_loss : All input tensors should have same dimension but got sizes: input1: ",
           size_text(x1), ", input2: ", size_text(x2), ", target: ", size_text(t), " ");
  return reduced((-t * (x1 - x2) + margin).clamp_min(0), r);
}

Tensor soft_margin_loss(const Tensor& x, const Tensor& t, OptBool size_average, OptBool reduce,
                        String reduction) {
  return pair_loss(
      "SoftMarginLossBackward0", x, t, parse_reduction(size_average, reduce, reduction),
      [](const Tensor& x, const Tensor& t) { return x.neg().mul(t).exp_().log1p_(); },
      [](const Tensor& x, const Tensor& t, bool, bool needs_t) {
        const Tensor s = (-t * x).sigmoid();
        return TensorPair(-t * s, needs_t ? -x * s : Tensor());
      });
}

Tensor triplet_margin_loss(const Tensor& anchor, const Tensor& positive, const Tensor& negative,
                           double margin, double p, double eps, bool swap, OptBool size_average,
                           OptBool reduce, String reduction) {
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  RL_CHECK_AS(ValueError, margin > 0, "margin must be greater than 0, got ", margin);
  RL_CHECK(anchor.dim() == positive.dim() && anchor.dim() == negative.dim(),
           "The anchor, positive, and negative tensors are expected to have the same number of dimensions, "
           "but got: anchor ",
           anchor.dim(), "D, positive ", positive.dim(), "D, and negative ", negative.dim(), "D inputs");
  auto distance = [&](const Tensor& a, const Tensor& b) {
    return rushlight::pairwise_distance(a, b, p, eps, false);
  };
  const Tensor near = distance(anchor, positive);
  Tensor far = distance(anchor, negative);
  if (swap) far = minimum(far, distance(positive, negative));
  return reduced((near - far + margin).clamp_min(0), r);
}

Tensor poisson_nll_loss(const Tensor& x, const Tensor& t, bool log_input, bool full, OptBool size_average,
                        double eps, OptBool reduce, String reduction) {
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  Tensor loss = log_input ? x.exp() - t * x : x - t * (x + eps).log();
  if (full) {  // Stirling's approximation of log(t!)
    const Tensor stirling = t * t.log() - t + (t * (2 * M_PI)).log() * 0.5;
    loss = loss + where(t.le(1), 0, stirling);
  }
  return reduced(loss, r);
}

Tensor gaussian_nll_loss(const Tensor& x, const Tensor& t, const Operand& var, bool full, double eps,
                         String reduction) {
  constexpr const char* kNegative = "var has negative entry/entries";
  RL_CHECK_AS(ValueError, var.is_tensor() || var.scalar().to_double() >= 0, kNegative);
  Tensor v = var.is_tensor() ? var.tensor() : full_like(x, var.scalar());
  RL_CHECK_AS(ValueError, v.numel() == 0 || !v.detach().lt(0).any().item().to_bool(), kNegative);
  if (!(v.sizes() == x.sizes())) {
    bool prefix = v.dim() == x.dim() - 1;
    for (int64_t d = 0; prefix && d < v.dim(); ++d) prefix = v.sizes()[d] == x.sizes()[d];
    int64_t different = 0;
    for (int64_t d = 0; v.dim() == x.dim() && d < v.dim(); ++d)
      if (v.sizes()[d] != x.sizes()[d]) different += v.sizes()[d];
    RL_CHECK_AS(ValueError, prefix || (v.dim() == x.dim() && different == 1), "var is of incorrect size");
    if (prefix) v = v.unsqueeze(-1);
  }
  RL_CHECK_AS(ValueError, reduction == "none" || reduction == "mean" || reduction == "sum", reduction,
              " is not valid");
  if (!tracks(v) && is_floating(v.dtype())) {
    v = v.clamp_min(eps);
  } else {  // the limit has no gradient, and integers refuse it
    v = v.clone();
    autograd::NoGrad guard;
    v.clamp_min_(eps);
  }
  Tensor loss = (v.log() + (x - t).pow(2) / v) * 0.5;
  if (full) loss = loss + 0.5 * std::log(2 * M_PI);
  return reduced(loss, parse_reduction({}, {}, reduction));
}

Tensor multilabel_soft_margin_loss(const Tensor& x, const Tensor& t, const Tensor& weight,
                                   OptBool size_average, OptBool reduce, String reduction) {
  reduction = legacy(size_average, reduce, reduction);
  const Tensor chosen = t * logsigmoid(x);
  Tensor loss = -(chosen + (1 - t) * logsigmoid(-x));
  if (weight.defined()) loss = loss * weight;
  loss = loss.sum(Dims{x.dim() - 1}) / x.size(-1);
  RL_CHECK_AS(ValueError, reduction == "none" || reduction == "mean" || reduction == "sum", reduction,
              " is not valid");
  return reduced(loss, parse_reduction({}, {}, reduction));
}

Tensor normalize(const Tensor& x, double p, int64_t dim, double eps, const Tensor& out) {
  const Tensor length = norm(x, OptScalar(p), OptDims(Dims{dim}), true, {}).clamp_min(eps).expand(x.sizes());
  if (!out.defined()) return x / length;
  write_out("div", out, x / length, x.requires_grad());
  return out;
}

}  // namespace rushlight::nn::functional

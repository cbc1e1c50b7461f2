// Losses over classes: nll_loss, cross_entropy, multi_margin_loss.
#include "rushlight/kernels/cpu/loss.h"
#include "rushlight/ops/fused.h"
#include "rushlight/ops/loss.h"

namespace rushlight {
namespace {

using autograd::Node;
using autograd::Record;
using autograd::tracks;

// The class dimension of (C), (N, C) and (N, C, d1, ...).
int64_t class_dim(const Tensor& x) { return x.dim() == 1 ? 0 : 1; }

const char* nll_node(const Tensor& x) { return x.dim() <= 2 ? "NllLossBackward0" : "NllLoss2DBackward0"; }

struct Targets {
  Tensor index;   // int64, with 0 for what is ignored
  Tensor kept;    // which are not ignored; undefined: all
  Tensor weight;  // of every target, 0 for what is ignored; undefined: all 1
  Tensor total;   // of the weights, 0-d; undefined: the number of targets
};

void check_shapes(const Tensor& x, const Tensor& target) {
  RL_CHECK_AS(ValueError, x.dim() > 0, "Expected 1 or more dimensions (got 0)");
  if (x.dim() == 1) {
    RL_CHECK(target.dim() <= 1, "0D or 1D target tensor expected, multi-target not supported");
    RL_CHECK(target.dim() == 0 || target.numel() == 1, "size mismatch (got input: ", to_string(x.sizes()),
             ", target: ", to_string(target.sizes()), ")");
    return;
  }
  RL_CHECK_AS(ValueError, target.dim() > 0 && x.sizes()[0] == target.sizes()[0],
              "Expected input batch_size (", x.sizes()[0], ") to match target batch_size (",
              target.dim() ? target.sizes()[0] : 0, ").");
  if (x.dim() == 2) {
    RL_CHECK(target.dim() == 1, "0D or 1D target tensor expected, multi-target not supported");
    return;
  }
  Dims expected{x.sizes()[0]};
  for (int64_t d = 2; d < x.dim(); ++d) expected.push_back(x.sizes()[d]);
  if (x.dim() == 4 && target.dim() != 3) {
    throw_error<RuntimeError>(
        "only batches of spatial targets supported (3D tensors) but got targets of dimension: ",
        target.dim());
  }
  if (x.dim() == 4) {
    RL_CHECK(target.sizes() == expected, "size mismatch (got input: ", to_string(x.sizes()),
             " , target: ", to_string(target.sizes()));
  }
  RL_CHECK(target.sizes() == expected, "Expected target size ", to_string(expected), ", got ",
           to_string(target.sizes()));
}

Targets read_targets(const char* name, const Tensor& x, const Tensor& target, const Tensor& weight,
                     int64_t ignore_index) {
  check_constant(name, "weight", weight);
  check_shapes(x, target);
  RL_CHECK(target.dtype() == DType::Int64 || target.dtype() == DType::UInt8,
           "expected target dtype to be Long or Byte, but got ", info(target.dtype()).message_name);
  const int64_t classes = x.sizes()[class_dim(x)];
  RL_CHECK(!weight.defined() || (weight.dim() == 1 && weight.numel() == classes),
           "weight tensor should be defined either for all ", classes,
           " classes or no classes but got weight tensor of shape: ",
           weight.defined() ? to_string(weight.sizes()) : "");
  RL_CHECK(!weight.defined() || weight.dtype() == x.dtype(), "expected scalar type ",
           info(x.dtype()).message_name, " but found ",
           weight.defined() ? info(weight.dtype()).message_name : "");
  const Tensor given = target.detach().to(DType::Int64).contiguous();
  Targets out;
  out.index = make_tensor(x.dim() == 1 ? Dims() : given.sizes(), DType::Int64);
  int64_t ignored = 0, bad = 0;
  RL_CHECK_AS(IndexError,
              cpu::check_classes(given.data<int64_t>(), given.numel(), classes, ignore_index,
                                 out.index.data<int64_t>(), &ignored, &bad),
              "Target ", bad, " is out of bounds.");
  if (weight.defined())
    out.weight = weight.detach().index_select(0, out.index.reshape(Dims{-1})).view(out.index.sizes());
  if (ignored > 0) {
    out.kept = given.view(out.index.sizes()).ne(ignore_index);
    out.weight = out.weight.defined() ? where(out.kept, out.weight, 0) : out.kept.to(x.dtype());
  }
  if (out.weight.defined()) out.total = out.weight.sum();
  return out;
}

// Losses of given log-probabilities; not recorded.
Tensor nll_forward(const Tensor& log_p, const Targets& targets, Reduction reduction) {
  const int64_t d = class_dim(log_p);
  Tensor loss = -log_p.gather(d, targets.index.unsqueeze(d)).squeeze(d);
  if (targets.weight.defined()) loss = loss * targets.weight;
  if (reduction == Reduction::Mean && targets.total.defined()) return loss.sum() / targets.total;
  return reduced(loss, reduction);
}

// What the gradient of each target's log-probability is multiplied by, of the targets' shape.
Tensor target_factor(const Tensor& g, const Targets& targets, Reduction reduction) {
  Tensor f = g;
  if (reduction == Reduction::Mean)
    f = targets.total.defined() ? g / targets.total : g / static_cast<double>(targets.index.numel());
  return targets.weight.defined() ? f * targets.weight : f.expand(targets.index.sizes());
}

Tensor at_targets(const Tensor& like, const Tensor& factor, const Targets& targets) {
  const int64_t d = class_dim(like);
  return zeros(like.sizes(), factor.dtype()).scatter(d, targets.index.unsqueeze(d), factor.unsqueeze(d));
}

Tensor nll(const Tensor& log_p, const Targets& targets, Reduction reduction) {
  Tensor out;
  {
    autograd::NoGrad guard;
    out = nll_forward(log_p, targets, reduction);
  }
  if (!tracks(log_p)) return out;
  return Record(nll_node(log_p), {log_p}).save(log_p).rule(out, [=](Node& n, const Tensor& g) -> Tensor {
    return at_targets(n.saved(0), -target_factor(g, targets, reduction), targets);
  });
}

// (softmax - one_hot) * factor, in one pass over dense floats.
Tensor cross_entropy_gradient(const Tensor& log_p, const Tensor& factor, const Targets& targets) {
  const Tensor out = make_tensor(log_p.sizes(), log_p.dtype());
  const bool flat = log_p.dim() == 1;
  const int64_t rows = flat ? 1 : log_p.sizes()[0], classes = log_p.sizes()[flat ? 0 : 1];
  const int64_t inner = flat ? 1 : rows ? targets.index.numel() / rows : 0;
  const Tensor dense = log_p.contiguous(), f = factor.contiguous();
  auto run = [&]<class T>() {
    cpu::cross_entropy_backward<T>(dense.data<T>(), targets.index.data<int64_t>(), f.data<T>(), out.data<T>(),
                                   rows, classes, inner);
  };
  if (log_p.dtype() == DType::Float32) run.template operator()<float>();
  else run.template operator()<double>();
  return out;
}

// log_softmax and nll in one node, so that the gradient is one pass.
Tensor cross_entropy_of_classes(const Tensor& x, const Targets& targets, Reduction reduction) {
  const int64_t d = class_dim(x);
  Tensor log_p, out;
  {
    autograd::NoGrad guard;
    log_p = log_softmax(x, d);
    out = nll_forward(log_p, targets, reduction);
  }
  if (!tracks(x)) return out;
  return Record(nll_node(x), {x}).save(x, log_p).rule(out, [=](Node& n, const Tensor& g) -> Tensor {
    const Tensor x = n.saved(0), factor = target_factor(g, targets, reduction);
    const bool quick = x.dtype() == DType::Float32 || x.dtype() == DType::Float64;
    if (quick && !tracks(x, g) && factor.dtype() == x.dtype())
      return cross_entropy_gradient(n.saved(1), factor, targets);
    return softmax(x, d) * factor.unsqueeze(d) - at_targets(x, factor, targets);
  });
}

Dims class_shape(const Tensor& x) {
  Dims shape(x.dim());
  for (int64_t& s : shape) s = 1;
  shape[class_dim(x)] = x.sizes()[class_dim(x)];
  return shape;
}

Tensor cross_entropy_smoothed(const Tensor& x, const Targets& targets, const Tensor& weight,
                              Reduction reduction, double smoothing) {
  const int64_t d = class_dim(x);
  const Tensor log_p = log_softmax(x, d);
  const Tensor all = weight.defined() ? log_p * weight.view(class_shape(x)) : log_p;
  Tensor smooth = -all.sum(Dims{d});
  if (targets.kept.defined()) smooth = where(targets.kept, smooth, 0);
  if (reduction == Reduction::Mean && targets.total.defined()) smooth = smooth.sum() / targets.total;
  else smooth = reduced(smooth, reduction);
  return nll(log_p, targets, reduction) * (1 - smoothing) +
         smooth * (smoothing / static_cast<double>(x.sizes()[d]));
}

Tensor cross_entropy_of_probabilities(const Tensor& x, const Tensor& target, const Tensor& weight,
                                      Reduction reduction, double smoothing) {
  const int64_t d = class_dim(x), classes = x.sizes()[d];
  RL_CHECK(!weight.defined() || (weight.dim() == 1 && weight.numel() == classes),
           "cross_entropy: weight tensor should be defined either for all ", classes,
           " classes or no classes but got weight tensor of shape: ",
           weight.defined() ? to_string(weight.sizes()) : "");
  const Tensor log_p = log_softmax(x, d);
  const Tensor t =
      smoothing > 0 ? target * (1 - smoothing) + smoothing / static_cast<double>(classes) : target;
  Tensor all = log_p * t;
  if (weight.defined()) all = all * weight.view(class_shape(x));
  if (reduction == Reduction::None) return -all.sum(Dims{d});
  if (reduction == Reduction::Sum) return -all.sum();
  const int64_t count = classes > 0 ? x.numel() / classes : 0;
  return -(all.sum()) / static_cast<double>(count);
}

}  // namespace
}  // namespace rushlight

namespace rushlight::nn::functional {

Tensor nll_loss(const Tensor& x, const Tensor& target, const Tensor& weight, OptBool size_average,
                int64_t ignore_index, OptBool reduce, String reduction) {
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  RL_CHECK_AS(NotImplementedError, is_floating(x.dtype()), "\"nll_loss_out_frame\" not implemented for '",
              info(x.dtype()).message_name, "'");
  return nll(x, read_targets("nll_loss_forward", x, target, weight, ignore_index), r);
}

Tensor cross_entropy(const Tensor& x, const Tensor& target, const Tensor& weight, OptBool size_average,
                     int64_t ignore_index, OptBool reduce, String reduction, double label_smoothing) {
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  RL_CHECK(label_smoothing >= 0 && label_smoothing <= 1,
           "label_smoothing must be between 0.0 and 1.0. Got: ", label_smoothing);
  if (x.sizes() == target.sizes()) {
    RL_CHECK(is_floating(target.dtype()),
             "Expected floating point type for target with class probabilities, got ",
             info(target.dtype()).message_name);
    RL_CHECK(ignore_index < 0, "ignore_index is not supported for floating point target");
    return cross_entropy_of_probabilities(x, target, weight, r, label_smoothing);
  }
  const Targets targets = read_targets("nll_loss_forward", x, target, weight, ignore_index);
  if (label_smoothing > 0) return cross_entropy_smoothed(x, targets, weight, r, label_smoothing);
  return cross_entropy_of_classes(x, targets, r);
}

Tensor multi_margin_loss(const Tensor& x, const Tensor& target, int64_t p, double margin,
                         const Tensor& weight, OptBool size_average, OptBool reduce, String reduction) {
  const Reduction r = parse_reduction(size_average, reduce, reduction);
  RL_CHECK(p == 1 || p == 2, "only p == 1 and p == 2 supported");
  RL_CHECK(!weight.defined() || weight.dim() == 1, "weight must be one-dimensional");
  RL_CHECK_AS(NotImplementedError, x.dtype() == DType::Float32 || x.dtype() == DType::Float64,
              "\"multi_margin_loss_cpu_kernel\" not implemented for '", info(x.dtype()).message_name, "'");
  if (x.dim() == 0)
    return multi_margin_loss(x.unsqueeze(0), target, p, margin, weight, size_average, reduce, reduction);
  const int64_t d = class_dim(x);
  RL_CHECK(x.sizes()[d] > 0, "Expected non-empty vector or matrix with optional 0-dim batch size, but got: ",
           to_string(x.sizes()));
  const Targets targets = read_targets("multi_margin_loss", x, target, weight, INT64_MIN);
  const Tensor index = targets.index.unsqueeze(d);
  Tensor gap = (x - x.gather(d, index) + margin).clamp_min(0);
  if (p == 2) gap = gap * gap;
  if (targets.weight.defined()) gap = gap * targets.weight.unsqueeze(d);
  const Tensor others = ones(x.sizes(), x.dtype()).scatter(d, index, 0);
  return reduced((gap * others).sum(Dims{d}) / x.sizes()[d], r);
}

}  // namespace rushlight::nn::functional

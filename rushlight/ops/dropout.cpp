// Dropout in its forms: of elements or of whole channels, plain or keeping selu's statistics.
#include <cmath>

#include "rushlight/core/warning.h"
#include "rushlight/kernels/cpu/random.h"
#include "rushlight/ops/memory.h"
#include "rushlight/ops/ops.h"
#include "rushlight/autograd/record.h"
#include "rushlight/ops/random.h"

namespace rushlight {
namespace {

enum class Unit { Element, Channel };
enum class Kind { Plain, Alpha };

// One place for each element, or for each of the first two dimensions.
Tensor make_noise(const Tensor& x, Unit unit) {
  if (unit == Unit::Element) return make_tensor_like(x, x.dtype());
  RL_CHECK(x.dim() >= 2, "Feature dropout requires at least 2 dimensions in the input");
  Dims sizes(x.dim());
  for (int64_t d = 0; d < x.dim(); ++d) sizes[d] = d < 2 ? x.sizes()[d] : 1;
  return make_tensor(sizes, x.dtype());
}

Tensor combine(const Tensor& x, const Tensor& factor, bool in_place) {
  return in_place ? x.mul_(factor) : x.mul(factor);
}

// Klambauer et al., "Self-normalizing neural networks", 2017: dropped elements take selu's lower limit -alpha
// * scale, and an affine map brings mean and variance back.
Tensor alpha_drop(const Tensor& x, const Tensor& noise, double p, bool in_place) {
  constexpr double kAlpha = 1.7580993408473766;
  const double a = 1 / std::sqrt((kAlpha * kAlpha * p + 1) * (1 - p));
  const Tensor shift = noise.add(-1).mul_(kAlpha * a).add_(kAlpha * a * p);
  noise.mul_(a);
  return in_place ? x.mul_(noise).add_(shift) : x.mul(noise).add(shift);
}

Tensor drop(const Tensor& x, double p, bool train, bool in_place, Unit unit, Kind kind) {
  RL_CHECK(p >= 0 && p <= 1, "dropout probability has to be between 0 and 1, but got ", p);
  if (p == 0 || !train || x.numel() == 0) return x;
  if (p == 1) return combine(x, zeros({}, x.dtype()), in_place);
  Tensor noise;
  {
    autograd::NoGrad guard;
    noise = make_noise(x, unit);
    if (kind == Kind::Alpha || !is_floating(x.dtype())) noise.bernoulli_(1 - p);
    else cpu::dropout_mask(noise.dtype(), noise.raw_data(), noise.numel(), p, default_generator());
    if (kind == Kind::Plain && !is_floating(x.dtype())) noise.div_(1 - p);
  }
  return kind == Kind::Alpha ? alpha_drop(x, noise, p, in_place) : combine(x, noise, in_place);
}

}  // namespace

#define RL_DROPOUT(name, unit, kind)                         \
  Tensor name(const Tensor& x, double p, bool train) {       \
    return drop(x, p, train, false, Unit::unit, Kind::kind); \
  }
RL_DROPOUT(dropout, Element, Plain)
RL_DROPOUT(feature_dropout, Channel, Plain)
RL_DROPOUT(alpha_dropout, Element, Alpha)
RL_DROPOUT(feature_alpha_dropout, Channel, Alpha)

}  // namespace rushlight

namespace rushlight::nn::functional {
namespace {

void check_probability(double p) {
  RL_CHECK_AS(ValueError, !(p < 0 || p > 1), "dropout probability has to be between 0 and 1, but got ", p);
}

Tensor run(const Tensor& x, double p, bool training, bool inplace, Unit unit, Kind kind) {
  check_probability(p);
  return drop(x, p, training, inplace, unit, kind);
}

// Channel dropout of an input that may lack the batch dimension.
Tensor run_batched(const Tensor& x, double p, bool training, bool inplace, bool batched) {
  if (batched) return drop(x, p, training, inplace, Unit::Channel, Kind::Plain);
  Tensor y =
      drop(inplace ? x.unsqueeze_(0) : x.unsqueeze(0), p, training, inplace, Unit::Channel, Kind::Plain);
  return inplace ? y.squeeze_(0) : y.squeeze(0);
}

void warn_of_rank(const char* name, int64_t rank, const char* spatial, const char* ranks) {
  warn(concat(name, ": Received a ", rank, "-D input to ", name,
              ", which is deprecated and will result in an error in a future release. "
              "To retain the behavior and silence this warning, please use dropout instead. Note that ",
              name, " exists to provide channel-wise dropout on inputs with ", spatial,
              " spatial dimensions, a channel dimension, and an optional batch dimension (i.e. ", ranks,
              " inputs)."));
}

}  // namespace

Tensor dropout(const Tensor& x, double p, bool training, bool inplace) {
  return run(x, p, training, inplace, Unit::Element, Kind::Plain);
}
Tensor alpha_dropout(const Tensor& x, double p, bool training, bool inplace) {
  return run(x, p, training, inplace, Unit::Element, Kind::Alpha);
}
Tensor feature_alpha_dropout(const Tensor& x, double p, bool training, bool inplace) {
  return run(x, p, training, inplace, Unit::Channel, Kind::Alpha);
}

Tensor dropout1d(const Tensor& x, double p, bool training, bool inplace) {
  check_probability(p);
  RL_CHECK(x.dim() == 2 || x.dim() == 3, "dropout1d: Expected 2D or 3D input, but received a ", x.dim(),
           "D input. Note that dropout1d exists to provide channel-wise dropout on inputs with 1 spatial "
           "dimension, a channel dimension, "
           "and an optional batch dimension (i.e. 2D or 3D inputs).");
  return run_batched(x, p, training, inplace, x.dim() == 3);
}
Tensor dropout2d(const Tensor& x, double p, bool training, bool inplace) {
  check_probability(p);
  if (x.dim() != 3 && x.dim() != 4) warn_of_rank("dropout2d", x.dim(), "2", "3D or 4D");
  if (x.dim() == 3) {
    warn(
        "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout behavior is "
        "desired - input is interpreted "
        "as shape (N, C, L), where C is the channel dim. This behavior will change in a future release to "
        "interpret the input as one "
        "without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise dropout behavior, "
        "please switch to using "
        "dropout1d instead.");
  }
  return drop(x, p, training, inplace, Unit::Channel, Kind::Plain);
}
Tensor dropout3d(const Tensor& x, double p, bool training, bool inplace) {
  check_probability(p);
  if (x.dim() != 4 && x.dim() != 5) warn_of_rank("dropout3d", x.dim(), "3", "4D or 5D");
  return run_batched(x, p, training, inplace, x.dim() == 5);
}

Tensor gumbel_softmax(const Tensor& logits, double tau, bool hard, double eps, int64_t dim) {
  if (eps != 1e-10) warn("`eps` parameter is deprecated and has no effect.");
  const Tensor gumbels = -make_tensor(logits.sizes(), logits.dtype()).exponential_().log();
  const Tensor soft = rushlight::softmax((logits + gumbels) / tau, dim);
  if (!hard) return soft;
  const Tensor index = soft.detach().argmax(dim, true);
  const Tensor one_hot = zeros(logits.sizes(), logits.dtype()).scatter_(dim, index, 1.0);
  return one_hot - soft.detach() + soft;  // forward the one, backward the other
}

}  // namespace rushlight::nn::functional

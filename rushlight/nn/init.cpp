#include "rushlight/nn/init.h"

#include <cmath>
#include <numeric>

#include "rushlight/autograd/variable.h"
#include "rushlight/core/warning.h"
#include "rushlight/kernels/cpu/random.h"
#include "rushlight/ops/ops.h"

namespace rushlight::nn::init {

namespace {

Generator& or_default(Generator* generator) { return generator ? *generator : default_generator(); }

int64_t fan(const Tensor& tensor, std::string_view mode) {
  RL_CHECK_AS(ValueError, mode == "fan_in" || mode == "fan_out", "Mode ", mode,
              " not supported, please use one of ['fan_in', 'fan_out']");
  const auto [in, out] = calculate_fan_in_and_fan_out(tensor);
  return mode == "fan_in" ? in : out;
}

// The standard deviation of He initialisation.
double kaiming_std(const Tensor& tensor, double a, std::string_view mode, std::string_view nonlinearity) {
  const int64_t n = fan(tensor, mode);
  return calculate_gain(nonlinearity, a) / std::sqrt(static_cast<double>(n));
}

double xavier_std(const Tensor& tensor, double gain) {
  const auto [in, out] = calculate_fan_in_and_fan_out(tensor);
  return gain * std::sqrt(2.0 / static_cast<double>(in + out));
}

// Draws into memory of its own when the tensor is not contiguous.
template <class F>
const Tensor& draw(const Tensor& tensor, F&& f) {
  autograd::NoGrad guard;
  if (tensor.is_contiguous()) {
    f(tensor.dtype(), tensor.raw_data(), tensor.numel());
    tensor.bump_version();
    return tensor;
  }
  const Tensor buffer = make_tensor(tensor.sizes(), tensor.dtype(), tensor.device());
  f(buffer.dtype(), buffer.raw_data(), buffer.numel());
  return tensor.copy_(buffer);
}

}  // namespace

const Tensor& uniform_(const Tensor& tensor, double a, double b, Generator* generator) {
  RL_CHECK(a <= b, "uniform_ expects to return a [from, to) range, but found from=", a, " > to=", b);
  return draw(tensor, [&](DType dtype, void* out, int64_t n) {
    cpu::uniform(dtype, out, n, a, b, or_default(generator));
  });
}
const Tensor& normal_(const Tensor& tensor, double mean, double std, Generator* generator) {
  return draw(tensor, [&](DType dtype, void* out, int64_t n) {
    cpu::normal(dtype, out, n, mean, std, or_default(generator));
  });
}
const Tensor& constant_(const Tensor& tensor, double val) {
  autograd::NoGrad guard;
  return tensor.fill_(val);
}
// Rejection: draws until all values lie within the bounds. When few would, proposals are uniform and accepted
// with the density's height relative to its peak.
const Tensor& trunc_normal_(const Tensor& tensor, double mean, double std, double a, double b,
                            Generator* generator) {
  // Senseless bounds would have it draw for ever; sensible ones take some hundred rounds at most.
  constexpr int kRounds = 100'000;
  static constexpr char kNothingFound[] = "trunc_normal_ found no values within the bounds";
  autograd::NoGrad guard;
  auto below = [&](double x) { return (1 + std::erf((x - mean) / std / std::sqrt(2.0))) / 2; };
  if (below(b) - below(a) > 0.3) {
    const double lo = full({}, a, tensor.dtype()).item<double>(),
                 hi = full({}, b, tensor.dtype()).item<double>();
    init::normal_(tensor, mean, std, generator);
    for (int round = 0; round < kRounds; ++round) {
      const Tensor outside = tensor.lt(lo) + tensor.gt(hi);
      if (!outside.any().item<bool>()) return tensor;
      tensor.copy_(where(outside, init::normal_(empty_like(tensor), mean, std, generator), tensor));
    }
    throw_error<RuntimeError>(kNothingFound);
  }
  const double mode = std::max(a, std::min(mean, b)),
               peak = -0.5 * ((mode - mean) / std) * ((mode - mean) / std);
  Tensor pending;
  for (int round = 0; round < kRounds; ++round) {
    const Tensor candidates = pending.defined() ? init::uniform_(empty_like(tensor), a, b, generator)
                                                : init::uniform_(tensor, a, b, generator).clone();
    if (pending.defined()) tensor.copy_(where(pending, candidates, tensor));
    const Tensor density = candidates.sub(mean).div(std).pow(2).mul(-0.5).sub(peak);
    const Tensor rejected = init::uniform_(empty_like(tensor), 0, 1, generator).log().gt(density);
    pending = pending.defined() ? where(pending, rejected, pending) : rejected;
    if (!pending.any().item<bool>()) return tensor;
  }
  throw_error<RuntimeError>(kNothingFound);
}

const Tensor& ones_(const Tensor& tensor) { return constant_(tensor, 1); }
const Tensor& zeros_(const Tensor& tensor) { return constant_(tensor, 0); }

const Tensor& xavier_uniform_(const Tensor& tensor, double gain, Generator* generator) {
  const double bound = std::sqrt(3.0) * xavier_std(tensor, gain);
  return init::uniform_(tensor, -bound, bound, generator);
}
const Tensor& xavier_normal_(const Tensor& tensor, double gain, Generator* generator) {
  return init::normal_(tensor, 0, xavier_std(tensor, gain), generator);
}
namespace {

bool is_no_op(const Tensor& tensor) {
  if (tensor.numel() != 0) return false;
  warn("Initializing zero-element tensors is a no-op");
  return true;
}

}  // namespace

const Tensor& kaiming_uniform_(const Tensor& tensor, double a, std::string_view mode,
                               std::string_view nonlinearity, Generator* generator) {
  if (is_no_op(tensor)) return tensor;
  const double bound = std::sqrt(3.0) * kaiming_std(tensor, a, mode, nonlinearity);
  return init::uniform_(tensor, -bound, bound, generator);
}
const Tensor& kaiming_normal_(const Tensor& tensor, double a, std::string_view mode,
                              std::string_view nonlinearity, Generator* generator) {
  if (is_no_op(tensor)) return tensor;
  return init::normal_(tensor, 0, kaiming_std(tensor, a, mode, nonlinearity), generator);
}

const Tensor& eye_(const Tensor& tensor) {
  autograd::NoGrad guard;
  RL_CHECK_AS(ValueError, tensor.dim() == 2, "Only tensors with 2 dimensions are supported");
  return tensor.copy_(eye(tensor.size(0), tensor.size(1)));
}

const Tensor& dirac_(const Tensor& tensor, int64_t groups) {
  autograd::NoGrad guard;
  RL_CHECK_AS(ValueError, tensor.dim() >= 3 && tensor.dim() <= 5,
              "Only tensors with 3, 4, or 5 dimensions are supported");
  RL_CHECK_AS(ValueError, groups > 0 && tensor.size(0) % groups == 0, "dim 0 must be divisible by groups");
  const int64_t out = tensor.size(0) / groups;
  tensor.zero_();
  if (tensor.numel() == 0) return tensor;
  for (int64_t g = 0; g < groups; ++g) {
    for (int64_t d = 0; d < std::min(out, tensor.size(1)); ++d) {
      Tensor place = tensor[g * out + d][d];
      while (place.dim() > 0) place = place[place.size(0) / 2];
      place.fill_(1);
    }
  }
  return tensor;
}

namespace {

// Gram-Schmidt on the rows of a block of `count` rows of length `n`; twice, which is enough for orthogonality
// to rounding (Giraud, Langou, Rozloznik, "The loss of orthogonality in the Gram-Schmidt process", 2005).
void orthonormalize_block(double* block, int64_t count, int64_t n) {
  for (int64_t i = 0; i < count; ++i) {
    double* row = block + i * n;
    for (int64_t k = 0; k < 2 * i; ++k) {
      const double* earlier = block + (k % i) * n;
      const double overlap = std::inner_product(row, row + n, earlier, 0.0);
      for (int64_t c = 0; c < n; ++c) row[c] -= overlap * earlier[c];
    }
    const double length = std::sqrt(std::inner_product(row, row + n, row, 0.0));
    for (int64_t c = 0; c < n; ++c) row[c] /= length;
  }
}

// The rows of `rows` (m x n with m <= n, float64, contiguous) made orthonormal in place, each in the half
// space of the row it was: the factor Q of the QR decomposition whose R has a positive diagonal, which is
// unique.
void orthonormalize_rows(const Tensor& rows) {
  constexpr int64_t kBlock = 64;
  for (int64_t begin = 0; begin < rows.size(0); begin += kBlock) {
    const Tensor block = rows.narrow(0, begin, std::min(kBlock, rows.size(0) - begin));
    const Tensor earlier = rows.narrow(0, 0, begin);
    for (int pass = 0; begin > 0 && pass < 2; ++pass) block.sub_(block.mm(earlier.t()).mm(earlier));
    orthonormalize_block(block.data<double>(), block.size(0), block.size(1));
  }
}

}  // namespace

const Tensor& orthogonal_(const Tensor& tensor, double gain, Generator* generator) {
  RL_CHECK_AS(ValueError, tensor.dim() >= 2, "Only tensors with 2 or more dimensions are supported");
  if (tensor.numel() == 0) return tensor;
  autograd::NoGrad guard;
  const Tensor drawn = make_tensor({tensor.size(0), tensor.numel() / tensor.size(0)}, tensor.dtype());
  init::normal_(drawn, 0, 1, generator);
  const bool tall = drawn.size(0) > drawn.size(1);
  const Tensor rows = (tall ? drawn.t() : drawn).to(DType::Float64).contiguous();
  orthonormalize_rows(rows);
  tensor.copy_((tall ? rows.t() : rows).reshape(tensor.sizes()));
  return tensor.mul_(gain);
}

const Tensor& sparse_(const Tensor& tensor, double sparsity, double std, Generator* generator) {
  autograd::NoGrad guard;
  RL_CHECK_AS(ValueError, tensor.dim() == 2, "Only tensors with 2 dimensions are supported");
  const int64_t rows = tensor.size(0),
                zeros = static_cast<int64_t>(std::ceil(sparsity * static_cast<double>(rows)));
  init::normal_(tensor, 0, std, generator);
  for (int64_t column = 0; column < tensor.size(1); ++column) {
    const Tensor order = make_tensor(rows, DType::Int64);
    cpu::randperm(DType::Int64, order.raw_data(), rows, default_generator());
    for (int64_t i = 0; i < zeros; ++i) tensor[order.data<int64_t>()[i]][column].fill_(0);
  }
  return tensor;
}

double calculate_gain(std::string_view nonlinearity, std::optional<double> param) {
  if (nonlinearity == "sigmoid" || nonlinearity == "linear" || nonlinearity.starts_with("conv")) return 1;
  if (nonlinearity == "tanh") return 5.0 / 3;
  if (nonlinearity == "relu") return std::sqrt(2.0);
  if (nonlinearity == "leaky_relu") {
    const double slope = param.value_or(0.01);
    return std::sqrt(2.0 / (1 + slope * slope));
  }
  if (nonlinearity == "selu") return 3.0 / 4;
  throw_error<ValueError>("Unsupported nonlinearity ", nonlinearity);
}

std::pair<int64_t, int64_t> calculate_fan_in_and_fan_out(const Tensor& tensor) {
  RL_CHECK_AS(ValueError, tensor.dim() >= 2,
              "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions");
  int64_t field = 1;
  for (int64_t d = 2; d < tensor.dim(); ++d) field *= tensor.sizes()[d];
  return {tensor.sizes()[1] * field, tensor.sizes()[0] * field};
}

}  // namespace rushlight::nn::init

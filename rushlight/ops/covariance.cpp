// Covariances and correlations.
#include "rushlight/core/warning.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

// Of observations: counts (`integral`) or weights.
void check_weights(const char* name, const Tensor& w, bool integral, int64_t observations) {
  RL_CHECK(w.dim() <= 1, "cov(): expected ", name, " to have one or fewer dimensions but got ", name,
           " with ", w.dim(), " dimensions");
  RL_CHECK(integral ? is_integral(w.dtype(), false) : is_floating(w.dtype()), "cov(): expected ", name,
           " to have ", integral ? "integral" : "floating point", " dtype but got ", name, " with ",
           info(w.dtype()).message_name, " dtype");
  RL_CHECK(w.numel() == observations, "cov(): expected ", name,
           " to have the same numel as there are observations in the input but got ", w.numel(),
           " != ", observations);
  RL_CHECK(w.numel() == 0 || w.detach().amin().item().to_double() >= 0, "cov(): ", name,
           " cannot be negative");
}

}  // namespace

Tensor cov(const Tensor& input, int64_t correction, const Tensor& fweights, const Tensor& aweights) {
  RL_CHECK(input.dim() <= 2, "cov(): expected input to have two or fewer dimensions but got an input with ",
           input.dim(), " dimensions");
  RL_CHECK(input.dtype() != DType::Bool, "cov(): bool dtype is not supported for input");
  const Tensor x = input.dim() < 2 ? input.reshape({1, -1}) : input;
  const int64_t observations = x.sizes()[1];
  Tensor weights;
  if (fweights.defined()) {
    check_weights("fweights", fweights, true, observations);
    weights = fweights.reshape({observations});
  }
  if (aweights.defined()) {
    check_weights("aweights", aweights, false, observations);
    const Tensor flat = aweights.reshape({observations});
    weights = weights.defined() ? weights * flat : flat;
  }
  const bool weighted = weights.defined();
  const DType real = is_inexact(input.dtype()) ? to_real(input.dtype()) : default_dtype();
  const Tensor total = weighted ? weights.sum() : make_tensor({}, real).fill_(observations);
  RL_CHECK(!weighted || total.item().to_double() != 0, "cov(): weights sum to zero, can't be normalized");
  const Tensor mean = (weighted ? x * weights : x).sum(Dims{1}) / total;
  Tensor divisor = total - correction;
  if (aweights.defined() && correction != 0)  // of unequal weights fewer observations count
    divisor = total - correction * (weights * aweights.reshape({observations})).sum() / total;
  if (divisor.item().to_double() <= 0)
    warn(
        "cov(): degrees of freedom is <= 0. Correction should be strictly less than the number of "
        "observations.");
  const Tensor apart = x - mean.unsqueeze(1), heavy = weighted ? apart * weights : apart;
  const Tensor product = apart.to(heavy.dtype()).mm(heavy.t().conj());
  return (product / divisor.clamp_min(0)).squeeze();
}

Tensor corrcoef(const Tensor& input) {
  RL_CHECK(input.dim() <= 2,
           "corrcoef(): expected input to have two or fewer dimensions but got an input with ", input.dim(),
           " dimensions");
  Tensor c = input.cov();
  if (c.dim() == 0) return c / c;
  const Tensor deviation = c.diag().real().sqrt();
  c = c / deviation.unsqueeze(1) / deviation.unsqueeze(0);
  if (!is_complex(c.dtype())) return c.clamp(-1, 1);
  const Tensor parts = view_as_real(c);
  return view_as_complex(parts.clamp(-1, 1));
}

}  // namespace rushlight

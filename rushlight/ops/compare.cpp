// Are two tensors the same, or near; how far apart.
#include <cmath>

#include "rushlight/ops/ops.h"

namespace rushlight {

bool equal(const Tensor& a, const Tensor& b) {
  if (!(a.sizes() == b.sizes())) return false;
  if (a.is_same(b) && is_integral(a.dtype(), true)) return true;
  return a.detach().eq(b.detach()).all().item().to_bool();
}

Tensor isclose(const Tensor& input, const Tensor& other, double rtol, double atol, bool equal_nan) {
  RL_CHECK(input.dtype() == other.dtype(), info(input.dtype()).message_name, " did not match ",
           info(other.dtype()).message_name);
  RL_CHECK(rtol >= 0, "rtol must be greater than or equal to zero, but got ", rtol);
  RL_CHECK(atol >= 0, "atol must be greater than or equal to zero, but got ", atol);
  const Tensor a = input.detach(), b = other.detach();
  Tensor close = a.eq(b);
  if (equal_nan && is_inexact(a.dtype())) close = where(a.isnan().mul(b.isnan()), true, close);
  if (rtol == 0 && atol == 0) return close;
  const bool integral = is_integral(a.dtype(), true);
  const Tensor left = integral ? a.to(default_dtype()) : a, right = integral ? b.to(default_dtype()) : b;
  const Tensor allowed = (right * rtol).abs() + atol, actual = (left - right).abs();
  return where(actual.isfinite().mul(actual.le(allowed)), true, close);
}

bool allclose(const Tensor& a, const Tensor& b, double rtol, double atol, bool equal_nan) {
  return isclose(a, b, rtol, atol, equal_nan).all().item().to_bool();
}

Tensor dist(const Tensor& a, const Tensor& b, const Scalar& p) { return norm(a - b, p); }

Tensor renorm(const Tensor& x, const Scalar& p, int64_t dim, const Scalar& maxnorm) {
  RL_CHECK(p.to_double() > 0, "renorm: non-positive-norm not supported");
  RL_CHECK(maxnorm.to_double() >= 0, "renorm: expected maxnorm to be >= 0 but got ", maxnorm.to_double());
  RL_CHECK(x.dim() > 1, "renorm: input needs at least 2 dimensions, got ", x.dim(), " dimensions");
  dim = wrap_dim(dim, x.dim());
  Dims others;
  for (int64_t d = 0; d < x.dim(); ++d)
    if (d != dim) others.push_back(d);
  const Tensor norm = linalg_vector_norm(x, p, others, true);
  const Tensor factor = where(norm.gt(maxnorm), maxnorm.to_double() / (norm + 1e-7), 1.0);
  return x * factor.to(x.dtype());
}

}  // namespace rushlight

// The functions of torch.special on plain doubles: short forms, slower than those on vectors, for single
// lanes that these leave out, for nvcc, and to test against.
#if defined(RUSHLIGHT_MATH_SCALAR_SPECIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_SCALAR_SPECIAL_INL_H_
#undef RUSHLIGHT_MATH_SCALAR_SPECIAL_INL_H_
#else
#define RUSHLIGHT_MATH_SCALAR_SPECIAL_INL_H_
#endif

#include <cmath>
#include <limits>

#include "rushlight/kernels/math/scalar-inl.h"

RL_MATH_BEGIN

// The orders of polygamma that have a vector form.
inline constexpr int kMostDerivatives = 10;

namespace special {

// exp(-|x|) I_order(|x|) for order 0 or 1: the power series, whose terms are all positive, up to 30, and
// Hankel's asymptotic series beyond (Abramowitz and Stegun 9.6.10 and 9.7.1).
RL_INLINE double bessel_i_scaled(int order, double x) {
  const double a = std::fabs(x);
  if (!(a > 30)) {
    const double z = a * a / 4;
    double term = order == 0 ? 1 : a / 2, sum = term;
    for (int k = 1; k < 200 && term > sum * 1e-17; ++k) {
      term *= z / (static_cast<double>(k) * (k + order));
      sum += term;
    }
    return std::exp(-a) * sum;
  }
  const double mu = 4.0 * order * order;
  double term = 1, sum = 1;
  for (int k = 1; k < 25; ++k) {
    const double odd = 2 * k - 1;
    term *= -(mu - odd * odd) / (8 * a * k);
    sum += term;
  }
  return sum / std::sqrt(2 * 3.14159265358979323846 * a);
}
RL_INLINE double i0e(double x) { return std::isnan(x) ? x : bessel_i_scaled(0, x); }
RL_INLINE double i1e(double x) { return std::isnan(x) ? x : std::copysign(bessel_i_scaled(1, x), x); }
RL_INLINE double i1(double x) {
  const double half = std::exp(std::fabs(x) / 2);  // its square may overflow where the result does not
  return half * (half * i1e(x));
}

// The Hurwitz zeta function, the sum of (q + k)^-s over k >= 0: ten terms and the Euler-Maclaurin formula for
// the rest.
RL_INLINE double zeta(double s, double q) {
  constexpr double kInf = std::numeric_limits<double>::infinity(),
                   kNan = std::numeric_limits<double>::quiet_NaN();
  if (s == 1) return kInf;
  if (s < 1 || std::isnan(s) || std::isnan(q)) return kNan;
  if (q <= 0) {
    if (q == std::floor(q)) return kInf;
    if (s != std::floor(s)) return kNan;
  }
  // (2k)! / B_2k
  constexpr double kFactors[] = {12.0,
                                 -720.0,
                                 30240.0,
                                 -1209600.0,
                                 47900160.0,
                                 -1.8924375803183791606e9,
                                 7.47242496e10,
                                 -2.950130727918164224e12,
                                 1.1646782814350067249e14,
                                 -4.5979787224074726105e15,
                                 1.8152105401943546773e17,
                                 -7.1661652561756670113e18};
  double sum = std::pow(q, -s), a = q, b = 0;
  for (int i = 0; i < 9 || a <= 9; ++i) {
    a += 1;
    b = std::pow(a, -s);
    sum += b;
    if (std::fabs(b) < 1.1e-16 * std::fabs(sum)) return sum;
  }
  sum += b * a / (s - 1) - b / 2;
  double factor = 1, k = 0;
  for (double f : kFactors) {
    factor *= s + k;
    b /= a;
    const double t = factor * b / f;
    sum += t;
    if (std::fabs(t) < 1.1e-16 * std::fabs(sum)) break;
    k += 1;
    factor *= s + k;
    b /= a;
    k += 1;
  }
  return sum;
}
RL_INLINE double polygamma(double n, double x) {
  const double sign = static_cast<int64_t>(n) % 2 ? 1 : -1;
  return sign * std::exp(lgamma(n + 1)) * zeta(n + 1, x);
}

// exp(x^2) erfc(x); for large x the continued fraction of erfc (Abramowitz and Stegun 7.1.14), from its tail.
RL_INLINE double erfcx(double x) {
  if (x < 3) return std::exp(x * x) * std::erfc(x);
  double tail = x;
  for (int k = 60; k > 0; --k) tail = x + k / (2 * tail);
  return std::isinf(x) ? 0 : 0.56418958354775628695 / tail;
}
RL_INLINE double ndtr(double x) { return std::erfc(x * -0.70710678118654752440) / 2; }
RL_INLINE double log_ndtr(double x) {
  constexpr double kHalfRoot = 0.70710678118654752440;
  if (x < -1) return std::log(erfcx(-x * kHalfRoot) / 2) - x * x / 2;
  return std::log1p(-std::erfc(x * kHalfRoot) / 2);
}
// P. J. Acklam's rational approximation, and one step of Halley's method.
RL_INLINE double ndtri(double p) {
  constexpr double kInf = std::numeric_limits<double>::infinity();
  if (!(p > 0 && p < 1)) return p == 0 ? -kInf : p == 1 ? kInf : std::numeric_limits<double>::quiet_NaN();
  auto tail = [](double q) {
    return (((((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q - 2.400758277161838) * q -
              2.549732539343734) *
                 q +
             4.374664141464968) *
                q +
            2.938163982698783) /
           ((((7.784695709041462e-03 * q + 3.224671290700398e-01) * q + 2.445134137142996) * q +
             3.754408661907416) *
                q +
            1);
  };
  double x;
  if (p < 0.02425) {
    x = tail(std::sqrt(-2 * std::log(p)));
  } else if (p > 1 - 0.02425) {
    x = -tail(std::sqrt(-2 * std::log1p(-p)));
  } else {
    const double q = p - 0.5, r = q * q;
    x = (((((-3.969683028665376e+01 * r + 2.209460984245205e+02) * r - 2.759285104469687e+02) * r +
           1.383577518672690e+02) *
              r -
          3.066479806614716e+01) *
             r +
         2.506628277459239) *
        q /
        (((((-5.447609879822406e+01 * r + 1.615858368580409e+02) * r - 1.556989798598866e+02) * r +
           6.680131188771972e+01) *
              r -
          1.328068155288572e+01) *
             r +
         1);
  }
  constexpr double kHalfRoot = 0.70710678118654752440;
  if (p < 1e-16)  // one step of Newton's method on the logarithm: erfc itself would underflow
    return x - (log_ndtr(x) - std::log(p)) * 1.25331413731550025121 * erfcx(-x * kHalfRoot);
  // the error of the smaller tail, so that no digits cancel
  const double error = x < 0 ? std::erfc(-x * kHalfRoot) / 2 - p : (1 - p) - std::erfc(x * kHalfRoot) / 2;
  const double step = error * 2.50662827463100050242 * std::exp(x * x / 2);
  return x - step / (1 + x * step / 2);
}

}  // namespace special

RL_MATH_END

#endif

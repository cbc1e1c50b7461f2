// log|gamma| and its derivatives on Simd<float> and Simd<double>. Included by simd-inl.h. Polynomials: see
// simd_exp-inl.h.
#if defined(RUSHLIGHT_MATH_SIMD_GAMMA_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_SIMD_GAMMA_INL_H_
#undef RUSHLIGHT_MATH_SIMD_GAMMA_INL_H_
#else
#define RUSHLIGHT_MATH_SIMD_GAMMA_INL_H_
#endif

#include "rushlight/kernels/math/scalar_special-inl.h"
#include "rushlight/kernels/math/simd-inl.h"
#include "rushlight/kernels/math/simd_exp-inl.h"
#include "rushlight/kernels/math/simd_trig-inl.h"

RL_MATH_BEGIN

inline constexpr double kGammaPi = 3.14159265358979323846;

// log gamma(2 + y) / y for |y| <= 1/2: relative accuracy at the zero.
RL_INLINE Simd<double> lgamma_ratio(Simd<double> y) {
  return poly_split(
      y, 4.2278433509846714e-1, 3.2246703342411322e-1, -6.7352301053198139e-2, 2.0580808427784569e-2,
      -7.3855510286681537e-3, 2.890510330738737e-3, -1.1927539120010226e-3, 5.0966952488530961e-4,
      -2.2315475074520367e-4, 9.9457509098893916e-5, -4.4926351103833331e-5, 2.0507267416057788e-5,
      -9.4384587162428112e-6, 4.3743749169151307e-6, -2.0449201467015115e-6, 9.5786633341147577e-7,
      -4.3035587603599612e-7, 2.0304806751615228e-7, -1.3412819758517286e-7, 6.3790475076197737e-8);
}
// x (log gamma(x) - (x - 1/2) log x + x - log(2 pi) / 2) in z = 1 / x^2 for x >= 8 (Stirling's series,
// economised).
RL_INLINE Simd<double> stirling_tail(Simd<double> z) {
  return poly(z, 8.3333333333333333e-2, -2.7777777777739882e-3, 7.9365078975240582e-4, -5.9523658450570487e-4,
              8.4147008525031473e-4, -1.890382993887715e-3, 5.0659053601561324e-3);
}
// x >= 0. Below 8, gamma(x) = p gamma(2 + y) or gamma(2 + y) / p with |y| <= 1/2 and a product p of at most
// six factors; one logarithm, of p or of x, serves both ways.
RL_INLINE Simd<double> lgamma_positive(Simd<double> x) {
  using S = Simd<double>;
  const S one(1.0), two(2.0);
  const auto large = x >= S(8.0);
  const auto up = x < S(1.5), twice = x < S(0.5);
  S z = select(up, select(twice, x + two, x + one), x), p = select(up, select(twice, x * (x + one), x), one);
  for (int step = 0; step < 6; ++step) {
    const auto above = z >= S(2.5);
    const S below = z - one;
    p = select(above, p * below, p);
    z = select(above, below, z);
  }
  const S y = select(twice, x, select(up, x - one, z - two));  // no digit of a small x is lost
  const S logarithm = log(select(large, x, p));
  const S near = fma(y, lgamma_ratio(y), select(up, -logarithm, logarithm));
  if (!any_true(large)) return near;
  const S inverse = one / x;
  const S tail = fma(inverse, stirling_tail(inverse * inverse), S(0.41893853320467274178));
  return select(large, fma(x - S(0.5), logarithm - one, tail), near);
}
// gamma(-a) gamma(1 + a) = -pi / sin(pi a), of which the fraction of a is enough.
// Where the two logarithms cancel by more than double forgives (kLong) libm takes over.
template <bool kLong>
RL_INLINE Simd<double> lgamma_in_double(Simd<double> x) {
  using S = Simd<double>;
  const auto negative = x < S(0.0);
  if (HWY_LIKELY(!any_true(negative))) return lgamma_positive(x);
  const S a = abs(x), fraction = a - round_even(a);
  const S y = lgamma_positive(select(negative, a + S(1.0), a));
  const S s = sin(abs(fraction) * S(kGammaPi)) * S(1 / kGammaPi);
  const auto pole = (fraction == S(0.0)) | isinf(x);
  const S r = select(negative, select(pole, S(kInfinity<double>), -log(s) - y), y);
  if constexpr (!kLong) return r;
  const auto cancelled = negative & (abs(r) < raw_max(S(1.0), y * S(0.5)));
  if (!any_true(cancelled)) return r;
  return map_lanes_where(cancelled, x, r, [](double v) { return lgamma(v); });
}
RL_INLINE Simd<double> lgamma(Simd<double> x) { return lgamma_in_double<true>(x); }

// The same for floats, to 33 bits, with Stirling's series from 4 on. 0 < x, and normal.
RL_INLINE Simd<double> lgamma_positive_short(Simd<double> x) {
  using S = Simd<double>;
  const S one(1.0), two(2.0), log_2(0.69314718055994530942);
  const auto large = x >= S(4.0);
  const auto up = x < S(1.5), twice = x < S(0.5);
  S z = select(up, select(twice, x + two, x + one), x), p = select(up, select(twice, x * (x + one), x), one);
  for (int step = 0; step < 2; ++step) {
    const auto above = z >= S(2.5);
    const S below = z - one;
    p = select(above, p * below, p);
    z = select(above, below, z);
  }
  const S y = select(twice, x, select(up, x - one, z - two));
  const S logarithm = log2_short(select(large, x, p)) * log_2;
  const S ratio =
      poly_split(y, 4.2278433510634694e-1, 3.2246703366133145e-1, -6.7352302745388489e-2,
                 2.0580789163606042e-2, -7.385491350311264e-3, 2.8909442125236847e-3, -1.1935240423505294e-3,
                 5.057213070745442e-4, -2.1872450871178643e-4, 1.1488998226030515e-4, -5.621944733373755e-5);
  const S near = fma(y, ratio, select(up, -logarithm, logarithm));
  if (!any_true(large)) return near;
  const S inverse = one / x;
  const S series = poly(inverse * inverse, 8.33333330072744e-2, -2.777706276025987e-3, 7.893756878955789e-4,
                        -4.976004927274545e-4);
  const S tail = fma(inverse, series, S(0.41893853320467274178));
  return select(large, fma(x - S(0.5), logarithm - one, tail), near);
}
// sin(pi x) / pi for |x| <= 1/2.
RL_INLINE Simd<double> sin_pi_short(Simd<double> x) {
  return x * poly(x * x, 9.999999999788491e-1, -1.6449340611395915, 8.117421707753034e-1,
                  -1.9074762267793324e-1, 2.6116205318463908e-2, -2.235224037325596e-3);
}
RL_INLINE Simd<double> lgamma_short(Simd<double> x) {
  using S = Simd<double>;
  const S a = abs(x);
  const auto negative = x < S(0.0), usual = (a > S(1e-30)) & (a < S(1e30));
  S r = lgamma_positive_short(select(negative, a + S(1.0), a));
  auto exact = usual;  // enough for a float
  if (any_true(negative)) {
    const S s = sin_pi_short(abs(a - round_even(a)));
    const S reflected = S(-0.69314718055994530942) * log2_short(s) - r;
    r = select(negative, select(s == S(0.0), S(kInfinity<double>), reflected), r);
    exact = exact & (~negative | (abs(r) > S(0x1p-6)));  // the two logarithms may cancel
  }
  if (HWY_LIKELY(all_true(exact))) return r;
  return lgamma_in_double<false>(x);
}
// (log x - 1 / (2 x) - psi(x)) x^2 in z = 1 / x^2 for x >= 8.
RL_INLINE Simd<double> digamma_tail(Simd<double> z) {
  return poly(z, 8.3333333333333333e-2, -8.3333333333316642e-3, 3.9682539659997006e-3, -4.1666655015167246e-3,
              7.5754599203691761e-3, -2.1051060908047742e-2, 8.0023374653977566e-2, -2.99425370626735e-1);
}
// x > 0. Below 8, psi(x) = psi(x + 8) less 1 / x + ... + 1 / (x + 7), a sum of four pairs
// (2 x + 7) / (t + c) with t = x (x + 7) and c = 0, 6, 10, 12.
RL_INLINE Simd<double> digamma_positive(Simd<double> x) {
  using S = Simd<double>;
  const auto small = x < S(8.0);
  const S y = select(small, x + S(8.0), x);
  const S inverse = S(1.0) / y, z = inverse * inverse;
  const S high = log(y) - fma(z, digamma_tail(z), S(0.5) * inverse);
  if (!any_true(small)) return high;
  const S t = raw_min(S(120.0), x * (x + S(7.0)));
  const S outer = t * (t + S(6.0)), inner = (t + S(10.0)) * (t + S(12.0));
  const S numerator = (t + S(3.0)) * inner + (t + S(11.0)) * outer;
  const S sum = fma(S(4.0), x, S(14.0)) * numerator / (outer * inner);
  return select(small, high - sum, high);
}
RL_INLINE Simd<double> digamma(Simd<double> x) {
  using S = Simd<double>;
  const auto special = x <= S(0.0);
  if (HWY_LIKELY(!any_true(special))) return digamma_positive(x);
  const S fraction = x - round_even(x);  // exact, and small where tan(pi x) is
  const S y = digamma_positive(select(special, S(1.0) - x, x));
  const S reflected = y - S(kGammaPi) / tan(S(kGammaPi) * fraction);
  const S pole = select(x == S(0.0), copysign(S(kInfinity<double>), -x), S(kNan<double>));
  return select(special, select(fraction == S(0.0), pole, reflected), y);
}
RL_INLINE Simd<float> lgamma(Simd<float> x) {
  return via_double(x, [](Simd<double> v) HWY_ATTR { return lgamma_short(v); });
}
RL_INLINE Simd<float> digamma(Simd<float> x) {
  return via_double(x, [](Simd<double> v) HWY_ATTR { return digamma(v); });
}

// x^n for n >= 0, by squaring.
RL_INLINE Simd<double> whole_power(Simd<double> x, int n) {
  Simd<double> y(1.0);
  for (; n != 0; n >>= 1, x = x * x) {
    if (n & 1) y = y * x;
  }
  return y;
}
// The Hurwitz zeta function of a whole s >= 2 at x > 0: ten terms, two to a division, and the Euler-Maclaurin
// formula for the rest, as special::zeta has it.
RL_INLINE Simd<double> zeta_whole(int s, Simd<double> x) {
  using S = Simd<double>;
  const S one(1.0);
  S sum(0.0);
  for (int k = 8; k >= 0; k -= 2) {
    const S a = x + S(static_cast<double>(k)), b = a + one;
    const S inverse = one / (a * b);
    sum = sum + whole_power(a * inverse, s) + whole_power(b * inverse, s);
  }
  const S r = one / (x + S(10.0)), z = r * r;
  // f_j / f_(j + 1) of f_j = (2 j)! / B_2j for j = 1 to 11
  constexpr double kRatios[] = {-1.0 / 60,
                                -1.0 / 42,
                                -0.025,
                                -2.5252525252525252e-2,
                                -2.531135531135531e-2,
                                -2.532561505065123e-2,
                                -2.5329131652661065e-2,
                                -2.5330005504037488e-2,
                                -2.533022338183393e-2,
                                -2.5330277786482922e-2,
                                -2.5330291380456796e-2};
  S tail(1.0);
  for (int j = 11; j > 0; --j) tail = fma(z * S((s + 2 * j - 1) * (s + 2 * j) * kRatios[j - 1]), tail, one);
  const S power = whole_power(r, s - 1), next = power * r;
  return sum + (power * S(1.0 / (s - 1)) + next * fma(r * S(s / 12.0), tail, S(0.5)));
}
// The n-th derivative of psi for 1 <= n <= kMostDerivatives: (-1)^(n + 1) n! zeta(n + 1, x), and for negative
// x of n = 1 the reflection psi'(1 - x) + psi'(x) = pi^2 / sin^2(pi x).
RL_INLINE Simd<double> polygamma(int n, Simd<double> x) {
  using S = Simd<double>;
  double factor = n % 2 ? 1 : -1;
  for (int k = 2; k <= n; ++k) factor *= k;
  const auto negative = x <= S(0.0), infinite = isinf(x);
  if (n > 1) {
    const S y = S(factor) * zeta_whole(n + 1, x);
    const auto rare = negative | infinite;
    if (HWY_LIKELY(!any_true(rare))) return y;
    return map_lanes_where(rare, x, y, [n](double v) { return special::polygamma(n, v); });
  }
  const S y = select(infinite, S(0.0), zeta_whole(2, select(negative, S(1.0) - x, x)));
  if (HWY_LIKELY(!any_true(negative))) return y;
  const S s = sin((x - round_even(x)) * S(kGammaPi)), ratio = S(kGammaPi) / s;
  return select(negative, fma(ratio, ratio, -y), y);
}
RL_INLINE Simd<float> polygamma(int n, Simd<float> x) {
  return via_double(x, [n](Simd<double> v) HWY_ATTR { return polygamma(n, v); });
}

RL_MATH_END

#endif

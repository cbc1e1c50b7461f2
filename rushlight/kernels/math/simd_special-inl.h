// Powers, error functions, gamma functions and functions of two arguments on Simd<float> and Simd<double>.
// Included by simd-inl.h.
#if defined(RUSHLIGHT_MATH_SIMD_SPECIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_SIMD_SPECIAL_INL_H_
#undef RUSHLIGHT_MATH_SIMD_SPECIAL_INL_H_
#else
#define RUSHLIGHT_MATH_SIMD_SPECIAL_INL_H_
#endif

#include <cmath>

#include "rushlight/kernels/math/scalar-inl.h"
#include "rushlight/kernels/math/simd-inl.h"
#include "rushlight/kernels/math/simd_exp-inl.h"
#include "rushlight/kernels/math/simd_trig-inl.h"

RL_MATH_BEGIN

// Inverse hyperbolic functions. log1p carries the small arguments; beyond 2^28 the square root adds nothing.
RL_INLINE Simd<double> asinh(Simd<double> x) {
  using S = Simd<double>;
  const S one(1.0), a = abs(x), b = raw_min(S(268435456.0), a);
  const auto huge = a > S(268435456.0);
  const S y = log1p(select(huge, a - one, b + b * b / (one + sqrt(fma(b, b, one)))));
  return copysign(select(huge, y + S(0.69314718055994530942), y), x);
}
RL_INLINE Simd<double> acosh(Simd<double> x) {
  using S = Simd<double>;
  const auto huge = x > S(268435456.0);
  const S t = x - S(1.0);
  const S y = log1p(select(huge, t, t + sqrt(t * (t + S(2.0)))));
  const S z = select(huge, y + S(0.69314718055994530942), y);
  return select(t < S(0.0), S(kNan<double>), z);
}
RL_INLINE Simd<double> atanh(Simd<double> x) {
  using S = Simd<double>;
  const S a = abs(x);
  return copysign(log1p((a + a) / (S(1.0) - a)) * S(0.5), x);
}
RL_INLINE Simd<float> asinh(Simd<float> x) {
  return via_double(x, [](Simd<double> v) HWY_ATTR { return asinh(v); });
}
RL_INLINE Simd<float> acosh(Simd<float> x) {
  return via_double(x, [](Simd<double> v) HWY_ATTR { return acosh(v); });
}
RL_INLINE Simd<float> atanh(Simd<float> x) {
  return via_double(x, [](Simd<double> v) HWY_ATTR { return atanh(v); });
}

// exp(x^2) erfc(x) (1 + 2 x) in u = (x - 4) / (x + 4), for x >= 0 (the form of Shepherd and Laframboise,
// 1981). Degree 11 carries 29 bits up to x = 11, where float's erfc is 0; degree 22 carries 56 bits up to 28.
RL_INLINE Simd<double> erfcx_short(Simd<double> u) {
  return poly(u, 1.2329951189208189, -1.3962113736814268e-1, 1.5379593787053266e-2, 6.8098064924633185e-2,
              -1.0103670089378695e-1, 9.3720120139660498e-2, -6.6364846876103258e-2, 3.7213483276662041e-2,
              -1.6002144964977946e-2, 5.092426432461594e-3, -1.1006446361984264e-3, -6.3258145104210899e-4);
}
RL_INLINE Simd<double> erfcx_long(Simd<double> u) {
  return poly(u, 1.2329951186255525, -1.3962111684056289e-1, 1.5379652102620741e-2, 6.8097054254737324e-2,
              -1.0103906603635213e-1, 9.3732834996794116e-2, -6.6330365811529384e-2, 3.7167515562492866e-2,
              -1.6197734059115007e-2, 5.0319697558954261e-3, -7.5777334141333004e-4, -1.9925550755614952e-4,
              1.5062224394830299e-4, -2.4403169244974075e-5, -1.1224789135154701e-5, 5.7178872846321852e-6,
              3.0135049944875395e-7, -8.3516196886968471e-7, 6.2707271571983109e-8, 1.1534943745754157e-7,
              -7.7154186144178301e-9, -1.3670989863347382e-8, -1.8206098680308683e-9);
}

// exp(-a^2) for 0 <= a <= 28. a^2 = hi + lo with an exact hi, since exp would magnify what a rounded square
// loses; lo is below 5e-5.
RL_INLINE Simd<double> exp_minus_square(Simd<double> a) {
  using S = Simd<double>;
  const S top = S::from_bits(hn::And(a.bits(), hn::Set(S::IntTag(), -(int64_t{1} << 27))));
  const S lo = (a - top) * (a + top);
  const S e = exp(-(top * top));
  return e - e * (lo * fma(lo, fma(lo, S(1.0 / 6), S(-0.5)), S(1.0)));
}

// erf(x) / x in z = x^2 for |x| <= 1.
RL_INLINE Simd<double> erf_ratio(Simd<double> z) {
  return poly(z, 1.1283791670955126, -3.761263890318354e-1, 1.1283791670945006e-1, -2.686617064323777e-2,
              5.2239776071164227e-3, -8.5483259753896921e-4, 1.2055294904839708e-4, -1.492473690741966e-5,
              1.6447424703317362e-6, -1.6208483801871706e-7, 1.3720064546777686e-8, -7.7958988270021422e-10);
}
template <bool kLong>
RL_INLINE Simd<double> erfc_in_double(Simd<double> x) {
  using S = Simd<double>;
  const S a = raw_min(S(kLong ? 28.0 : 11.0), abs(x));
  const S u = (a - S(4.0)) / (a + S(4.0));
  const S y = exp_minus_square(a) * (kLong ? erfcx_long(u) : erfcx_short(u)) / fma(S(2.0), a, S(1.0));
  const S far = select(signbit(x), S(2.0) - y, y);
  if constexpr (!kLong) return far;
  return select(a < S(0.5), S(1.0) - x * erf_ratio(x * x), far);
}
RL_INLINE Simd<double> erfc(Simd<double> x) { return erfc_in_double<true>(x); }
RL_INLINE Simd<float> erfc(Simd<float> x) {
  return via_double(x, [](Simd<double> v) HWY_ATTR { return erfc_in_double<false>(v); });
}

// Up to 1 the series; beyond, 1 - exp(-p(x)) with p = -log(erfc) in float, and 1 - erfc in double.
RL_INLINE Simd<float> erf(Simd<float> x) {
  using S = Simd<float>;
  const S a = raw_min(S(4.0f), abs(x));
  const S z = a * a;
  const S ratio_minus_1 = poly(z, 1.28379167e-1f, -3.76126267e-1f, 1.12835947e-1f, -2.6854212e-2f,
                               5.18908742e-3f, -8.01686429e-4f, 7.87587506e-5f);
  const S p = poly(a, -3.18539662e-4f, 1.13023106f, 6.31823918e-1f, 1.10087166e-1f, -2.64276372e-2f,
                   4.76262583e-3f, -5.9758577e-4f, 4.61638586e-5f, -1.64306366e-6f);
  const auto [n, r] = reduce_exp(-p);
  const S e = (fma(r * r, expm1_tail(r), r) + S(1.0f)) * pow2_integer(n);
  return copysign(select(a < S(0.92f), fma(a, ratio_minus_1, a), S(1.0f) - e), x);
}
RL_INLINE Simd<double> erf(Simd<double> x) {
  using S = Simd<double>;
  const S a = raw_min(S(6.0), abs(x));
  const S u = (a - S(4.0)) / (a + S(4.0));
  const S y = exp(-(a * a)) * erfcx_long(u) / fma(S(2.0), a, S(1.0));
  return copysign(select(a < S(1.0), a * erf_ratio(a * a), S(1.0) - y), x);
}

// The modified Bessel function of order 0: its power series, economised, up to 12; e^x / sqrt(x) times a
// polynomial in 12 / x beyond.
RL_INLINE Simd<double> i0(Simd<double> x) {
  using S = Simd<double>;
  const S a = abs(x);
  const S near = raw_min(S(12.0), a), z = near * near;
  const S small =
      poly(z, 1.0, 2.5e-1, 1.5625000000000001e-2, 4.3402777777777732e-4, 6.781684027777876e-6,
           6.7816840277764913e-8, 4.7095027970791431e-10, 2.4028075494551094e-12, 9.385966993466485e-15,
           2.896903381379642e-17, 7.242258760519719e-20, 1.4963338249511784e-22, 2.5978119210801307e-25,
           3.8427883073519932e-28, 4.9028024095982664e-31, 5.4374923012713917e-34, 5.3709367161081707e-37,
           4.3672657189372775e-40, 4.304324064229968e-43, 8.2063150952984868e-47, 3.5901399675893518e-49);
  const S far = bound(a, 12.0, 1000.0);
  const S u = S(12.0) / far;
  const S e = exp(far * S(0.5));  // the square of e may overflow where the result does not
  const S large = e * (e * (poly(u, 3.9894228040143268e-1, 4.1556487541779729e-3, 1.9479603569365254e-4,
                                 1.6909365333845232e-5, 2.1579557833075587e-6, 3.6118785604203508e-7,
                                 9.8980267650836196e-8, -9.9709306094627155e-8, 4.5239976693129342e-7,
                                 -1.2124511690852478e-6, 2.4081850987391542e-6, -3.4725684799381782e-6,
                                 3.593700829186273e-6, -2.5871842677650828e-6, 1.2237756515668417e-6,
                                 -3.3935918051648483e-7, 4.1480376357999464e-8) /
                            sqrt(far)));
  return select(a > S(12.0), large, select(isnan(x), x, small));
}
RL_INLINE Simd<float> i0(Simd<float> x) {
  return via_double(x, [](Simd<double> v) HWY_ATTR { return i0(v); });
}

// Functions that only libm computes well enough in double.
RL_INLINE Simd<double> lgamma(Simd<double> x) {
  return map_lanes(x, [](double v) { return lgamma(v); });
}
RL_INLINE Simd<double> digamma(Simd<double> x) {
  return map_lanes(x, [](double v) { return digamma(v); });
}
RL_INLINE Simd<double> erfinv(Simd<double> x) {
  return map_lanes(x, [](double v) { return erfinv(v); });
}
RL_INLINE Simd<float> lgamma(Simd<float> x) {
  return map_lanes(x, [](float v) { return static_cast<float>(lgamma(static_cast<double>(v))); });
}
RL_INLINE Simd<float> digamma(Simd<float> x) {
  return map_lanes(x, [](float v) { return static_cast<float>(digamma(static_cast<double>(v))); });
}
// erfinv(x) / x in w = -log(1 - x^2) and in its square root (the split of Giles, "Approximating the erfinv
// function", 2010).
RL_INLINE Simd<float> erfinv(Simd<float> x) {
  const auto r = via_double(x, [](Simd<double> v) HWY_ATTR {
    using S = Simd<double>;
    const S w = -log(fma(-v, v, S(1.0)));
    const S root = sqrt(raw_min(S(16.0), w)) - S(3.0);
    const S shifted = w - S(2.5);
    const S near =
        poly(shifted, 1.5014093604503288, 2.4664027905463663e-1, -4.1773928752031487e-3,
             -1.2527263917732291e-3, 2.1834938623976643e-4, -4.9724196894547512e-6, -3.4639852676333716e-6,
             4.6813134805534122e-7, 2.3335967195708106e-8, -8.9319259702442215e-9);
    const S far =
        poly(root, 2.8329767944738632, 1.0016750658410518, 9.4457438205598015e-3, -7.6391390344015252e-3,
             5.6826785220781224e-3, -3.5878157701021543e-3, 1.4972225088201108e-3, -7.6047901708027346e-5,
             -3.199266729325994e-4, 1.2924175469266932e-4);
    return v * select(w < S(5.0), near, far);
  });
  return select(abs(x) == Simd<float>(1.0f), copysign(Simd<float>(kInfinity<float>), x), r);
}
// The cases of x^y that the logarithm of |x| does not settle (C23, F.10.4.4).
template <class T>
RL_INLINE Simd<T> pow_edges(Simd<T> x, Simd<T> y, Simd<T> r) {
  using S = Simd<T>;
  const S zero(T(0)), one(T(1)), half(T(0.5));
  const auto integer = trunc(y) == y;
  const auto odd = integer & (trunc(y * half) != y * half);
  r = select(abs(x) == one, select(isnan(y), y, one), r);
  r = select((x < zero) & !integer & (x != S(-kInfinity<T>)) & (y == y), S(kNan<T>), r);
  r = select(odd, flip_sign(r, x), r);
  return select((y == zero) | (x == one), one, r);
}
RL_INLINE Simd<float> pow(Simd<float> x, Simd<float> y) {
  const auto r =
      via_double(x, y, [](Simd<double> a, Simd<double> b) HWY_ATTR { return exp(b * log(abs(a))); });
  return pow_edges(x, y, r);
}
#if HWY_NATIVE_FMA
// log x in two parts, good to about 64 bits: y log x may be 700 times the error that exp forgives. The first
// two terms of the series in s = f / (2 + f) are kept in two parts, the rest is small enough to be rounded.
struct LogParts {
  Simd<double> hi, lo;
};
RL_INLINE LogParts log_parts(Simd<double> x) {
  using S = Simd<double>;
  using I = Ieee<double>;
  const auto [k, m] = reduce_log(x);
  const S f = m - S(1.0), den = f + S(2.0);
  const S den_lo = f - (den - S(2.0));
  const S s = f / den;
  const S s_lo = fma(-s, den_lo, fma(-s, den, f)) / den;
  const S z = s * s;
  const S z_lo = fma(s, s, -z) + S(2.0) * s * s_lo;
  const S cube = s * z;
  const S cube_lo = fma(s, z, -cube) + fma(s, z_lo, s_lo * z);
  const S third = cube * S(2.0 / 3), third_lo = fma(cube, S(2.0 / 3), -third) +
                                                fma(cube, S(3.7007434154171886e-17), cube_lo * S(2.0 / 3));
  // (log_tail(z) - 2/3) / z, to 66 bits of the whole logarithm
  const S rest =
      cube * z *
      poly(z, 4.0e-1, 2.8571428571429424e-1, 2.2222222221620759e-1, 1.8181818343316126e-1,
           1.5384594120126369e-1, 1.3334850282547114e-1, 1.1705021567538628e-1, 1.1735818855512967e-1);
  // hi + lo = k ln2 + 2 s + third, each sum exact (the larger first).
  const S twice = s + s;
  const S a = twice + third, a_lo = (twice - a) + third;
  const S big = k * S(I::kLn2Hi);
  const S sum = big + a;
  const S part = sum - big;
  const S sum_lo = (big - (sum - part)) + (a - part);
  const S lo = sum_lo + (fma(k, S(I::kLn2Lo), a_lo) + (fma(S(2.0), s_lo, third_lo) + rest));
  const S hi = sum + lo;
  return {hi, (sum - hi) + lo};
}
RL_INLINE Simd<double> pow(Simd<double> x, Simd<double> y) {
  using S = Simd<double>;
  const S a = abs(x), zero(0.0);
  const auto [hi, lo] = log_parts(a);
  const S product = y * hi;
  const auto [n, r] = reduce_exp(bound(product, -1000.0, 1000.0));
  const S product_lo = fma(y, hi, -product) + y * lo;
  const S t = r + select(abs(product) < S(1000.0), product_lo, zero);
  const S p = fma(t * t, expm1_tail(t), t) + S(1.0);
  const S finite = scale_by_pow2(p, n);
  // Where log is infinite, or y is, the sign of y log x decides.
  const auto plain = (a > zero) & isfinite(a) & isfinite(y);
  const S direction = y * select(a > S(1.0), S(1.0), S(-1.0));
  const S infinity(kInfinity<double>);
  const S limit = select(direction > zero, infinity, select(direction < zero, zero, direction));
  return pow_edges(x, y, select(plain, finite, select(isnan(x), x, limit)));
}
#else
RL_INLINE Simd<double> pow(Simd<double> x, Simd<double> y) {
  return map_lanes(x, y, [](double a, double b) { return std::pow(a, b); });
}
#endif

RL_INLINE Simd<double> atan2(Simd<double> y, Simd<double> x) {
  using S = Simd<double>;
  const S zero(0.0), one(1.0);
  // Scaled where a sum of both could overflow, or a product with a constant lose bits.
  const S larger = raw_max(abs(y), abs(x));
  const S scale = select(larger > S(0x1p1000), S(0x1p-100), select(larger < S(0x1p-900), S(0x1p100), one));
  const S ay = abs(y) * scale, ax = abs(x) * scale;
  // 0/0 counts as 0/1 and inf/inf as 1/1: the signs then give the eight special angles of C23, F.10.1.4.
  const auto infinite = isinf(y) & isinf(x);
  const S num = select(infinite, one, ay);
  const S den = select(infinite | ((ay == zero) & (ax == zero)), one, ax);
  const S angle = atan_of_ratio(num, den);
  const S folded = S(2 * HalfPiSum<double>::kHi) - (angle - S(2 * HalfPiSum<double>::kLo));
  return copysign(select(isnan(x), x, select(isnan(y), y, select(signbit(x), folded, angle))), y);
}
RL_INLINE Simd<float> atan2(Simd<float> y, Simd<float> x) {
  return via_double(y, x, [](Simd<double> a, Simd<double> b) HWY_ATTR { return atan2(a, b); });
}

// The squares of floats are exact in double. Doubles are brought near 1 by a power of two first.
RL_INLINE Simd<double> hypot(Simd<double> x, Simd<double> y) {
  using S = Simd<double>;
  const S ax = abs(x), ay = abs(y);
  const S large = raw_max(ax, ay), small = raw_min(ax, ay);
  const S tiny(0x1p-500), huge(0x1p500), one(1.0);
  const S scale = select(large > huge, S(0x1p-600), select(large < tiny, S(0x1p600), one));
  const S back = select(large > huge, S(0x1p600), select(large < tiny, S(0x1p-600), one));
  const S a = large * scale, b = small * scale;
  const S y0 = sqrt(fma(a, a, b * b)) * back;
  const S infinity(kInfinity<double>);
  return select((ax == infinity) | (ay == infinity), infinity, select(isnan(x), x, select(isnan(y), y, y0)));
}
RL_INLINE Simd<float> hypot(Simd<float> x, Simd<float> y) {
  const Simd<float> infinity(kInfinity<float>);
  const Simd<float> r =
      via_double(x, y, [](Simd<double> a, Simd<double> b) HWY_ATTR { return sqrt(fma(a, a, b * b)); });
  return select(isinf(x) | isinf(y), infinity, r);
}

// The remainder of truncating division, exact: x - trunc(x / y) y is a representable number, and one step
// corrects a quotient that rounded up. Large quotients, and targets without fma, go to libm.
template <class T>
RL_INLINE Simd<T> fmod(Simd<T> x, Simd<T> y) {
#if HWY_NATIVE_FMA
  using S = Simd<T>;
  using L = std::numeric_limits<T>;
  const S ax = abs(x), ay = abs(y), quotient = ax / ay;
  const auto ordinary =
      (quotient < S(1 / L::epsilon() / 2)) & (ay > S(L::min() / L::epsilon())) & (ay < S(kInfinity<T>));
  if (HWY_LIKELY(all_true(ordinary))) {
    const S r = fma(-trunc(quotient), ay, ax);
    return copysign(select(r < S(T(0)), r + ay, r), x);
  }
#endif
  return map_lanes(x, y, [](T a, T b) { return std::fmod(a, b); });
}

// The numbers of one sign have the order of their bits: the next one away from zero is one bit pattern on.
template <class T>
RL_INLINE Simd<T> nextafter(Simd<T> x, Simd<T> y) {
  using S = Simd<T>;
  using Int = typename Ieee<T>::Int;
  const typename S::IntTag di;
  const S zero(T(0));
  const auto outwards = hn::RebindMask(di, ((x < y) ^ (x < zero)).raw);
  const S step =
      S::from_bits(hn::Add(x.bits(), hn::IfThenElse(outwards, hn::Set(di, Int{1}), hn::Set(di, Int{-1}))));
  const S from_zero = copysign(S(std::numeric_limits<T>::denorm_min()), y);
  const S next = select(x == y, y, select(x == zero, from_zero, step));
  return select(isnan(x) | isnan(y), x + y, next);
}
// x 2^n for an integral n held as a number.
template <class T>
RL_INLINE Simd<T> ldexp(Simd<T> x, Simd<T> n) {
  return x * exp2(n);
}

RL_MATH_END

#endif

// Inverse hyperbolic functions, powers and functions of two arguments on Simd<float> and Simd<double>.
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
// In double (1 + a) / (1 - a) = num / (2^k m) with exact num and m, sqrt(1/2) <= m < sqrt(2), and
// atanh((num - m) / (num + m)) is half its logarithm but for k: one division. Where k is 0 that quotient is
// a.
RL_INLINE Simd<double> atanh_short(Simd<double> a) {
  using S = Simd<double>;
  const S num = a + S(1.0);
  const auto [k, m] = reduce_log_normal(S(1.0) - a);
  const S s = select(k == S(0.0), a, (num - m) / (num + m)), z = s * s;
  const S ratio =
      poly(z, 9.9999999996671481e-1, 3.3333335190807435e-1, 1.9999831066670915e-1, 1.4291521876780175e-1,
           1.1014108178118542e-1, 9.9558387557638036e-2, 3.5573386555673859e-2, 1.6146381820357718e-1);
  return fma(k, S(-0.34657359027997265471), s * ratio);
}
RL_INLINE Simd<float> atanh(Simd<float> x) {
  using S = Simd<float>;
  const S a = abs(x), one(1.0f);
  const S y = via_double(a, [](Simd<double> v) HWY_ATTR { return atanh_short(v); });
  return select(a < one, copysign(y, x), select(a == one, copysign(S(kInfinity<float>), x), S(kNan<float>)));
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
// |x|^y where the logarithm of |x| is infinite, or y is: the sign of y log|x| decides. Elsewhere r.
template <class T>
RL_INLINE Simd<T> pow_limits(Simd<T> x, Simd<T> y, Simd<T> r) {
  using S = Simd<T>;
  const S a = abs(x), zero(T(0)), infinity(kInfinity<T>);
  const auto plain = (a > zero) & isfinite(a) & isfinite(y);
  const S direction = y * select(a > S(T(1)), S(T(1)), S(T(-1)));
  const S limit = select(direction > zero, infinity, select(direction < zero, zero, direction));
  return select(plain, r, select(isnan(x), x, limit));
}
// Positive finite numbers to finite powers, which have no special case.
template <class T>
RL_INLINE SimdMask<T> pow_is_plain(Simd<T> x, Simd<T> y) {
  return (x > Simd<T>(T(0))) & (x < Simd<T>(kInfinity<T>)) & isfinite(y);
}
RL_INLINE Simd<float> pow(Simd<float> x, Simd<float> y) {
  const auto r = via_double(
      abs(x), y, [](Simd<double> a, Simd<double> b) HWY_ATTR { return exp2_short(b * log2_short(a)); });
  if (HWY_LIKELY(all_true(pow_is_plain(x, y)))) return r;
  return pow_edges(x, y, pow_limits(x, y, r));
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
  if (HWY_LIKELY(all_true(pow_is_plain(x, y)))) return finite;
  return pow_edges(x, y, pow_limits(x, y, finite));
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
// n pi/2 + atan(q), where q is the smaller of |y| and |x| by the larger, with the sign that brings the angle
// to its quadrant: the folding is done in float, the quotient and the sum in double.
RL_INLINE Simd<float> atan2(Simd<float> y, Simd<float> x) {
  using S = Simd<float>;
  const S ay = abs(y), ax = abs(x), zero(0.0f), one(1.0f);
  const auto steep = ay > ax, infinite = isinf(y) & isinf(x);
  const S large = select(steep, ay, ax), small = select(steep, ax, ay);
  const S den = select(infinite | (large == zero), one, large);  // 0/0 counts as 0/1 and inf/inf as 1/1
  const S num = flip_sign(flip_sign(select(infinite, one, small), x), select(steep, -one, one));
  const S turns = select(steep, one, select(signbit(x), S(2.0f), zero));
  const auto angle = [](Simd<double> n, Simd<double> q, Simd<double> t) HWY_ATTR {
    const Simd<double> s = q / t, z = s * s;
    const Simd<double> ratio =
        poly(z, 9.9999999992930368e-1, -3.3333331290889988e-1, 1.9999901102171554e-1, -1.4283813255743194e-1,
             1.1091922963683302e-1, -8.9741719583638811e-2, 7.2282783453772522e-2, -5.3956680571371718e-2,
             3.3826218952786872e-2, -1.5828322749149416e-2, 4.7324841934219207e-3, -6.6339545711047872e-4);
    return fma(n, Simd<double>(HalfPiSum<double>::kHi), s * ratio);
  };
  const DoubleHalves n = to_halves(turns), q = to_halves(num), t = to_halves(den);
  const S r = from_halves(angle(n.lo, q.lo, t.lo), angle(n.hi, q.hi, t.hi));
  return copysign(select(isnan(x), x, select(isnan(y), y, r)), y);
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

// From the bits; subnormal numbers are made normal first.
template <class T>
RL_INLINE MantissaAndExponent<Simd<T>> frexp(Simd<T> x) {
  using S = Simd<T>;
  using I = Ieee<T>;
  using Int = typename I::Int;
  const typename S::IntTag di;
  const S zero(T(0)), a = abs(x);
  const auto subnormal = a < S(std::numeric_limits<T>::min());
  const auto odd = (x == zero) | !isfinite(x);
  const S y = select(subnormal, x * S(I::kExponentMagic * 2), x);
  const auto exponent = hn::ShiftRight<I::kMantissaBits>(abs(y).bits());
  const S shift =
      select(subnormal, S(static_cast<T>(I::kBias + I::kMantissaBits)), S(static_cast<T>(I::kBias - 1)));
  const S e = S::from_bits(hn::Or(exponent, S(I::kExponentMagic).bits())) - S(I::kExponentMagic) - shift;
  constexpr Int kExponentField = static_cast<Int>(2 * I::kBias + 1) << I::kMantissaBits;
  const auto bits = hn::Or(hn::AndNot(hn::Set(di, kExponentField), y.bits()), S(T(0.5)).bits());
  return {select(odd, x, S::from_bits(bits)), select(odd, zero, e)};
}

RL_MATH_END

#endif

// Exponentials, logarithms and hyperbolic functions on Simd<float> and Simd<double>. Included by simd-inl.h.
//
// Every function reduces its argument exactly enough, evaluates one polynomial and puts the result together
// again, as fdlibm does (Sun Microsystems, 1993; the reductions of e_exp.c, e_log.c, s_log1p.c). The
// coefficients interpolate the stated function at Chebyshev nodes; they were computed with 60 digits. Each
// polynomial's own error is below 1/5 ulp.
#if defined(RUSHLIGHT_MATH_SIMD_EXP_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_SIMD_EXP_INL_H_
#undef RUSHLIGHT_MATH_SIMD_EXP_INL_H_
#else
#define RUSHLIGHT_MATH_SIMD_EXP_INL_H_
#endif

#include "rushlight/kernels/math/simd-inl.h"

RL_MATH_BEGIN

// The layout of an IEEE number, and ln 2 in two parts: the high one short enough that n * kLn2Hi is exact for
// every exponent n.
template <class T>
struct Ieee;
template <>
struct Ieee<float> {
  using Int = int32_t;
  static constexpr int kMantissaBits = 23;
  static constexpr Int kBias = 127;
  static constexpr Int kSqrtHalf = 0x3f3504f3;  // bits of sqrt(1/2)
  static constexpr Int kOne = 0x3f800000;
  static constexpr float kRoundMagic =
      12582912.0f;  // 1.5 * 2^23: adding it rounds to an integer held in the low bits
  static constexpr float kExponentMagic = 8388608.0f;  // 2^23
  static constexpr float kLn2Hi = 0x1.62e4p-1f;
  static constexpr float kLn2Lo = 1.42860677e-6f;
  static constexpr float kExpMax = 89.0f;    // exp overflows before
  static constexpr float kExpMin = -104.0f;  // exp is 0 from here on
};
template <>
struct Ieee<double> {
  using Int = int64_t;
  static constexpr int kMantissaBits = 52;
  static constexpr Int kBias = 1023;
  static constexpr Int kSqrtHalf = 0x3fe6a09e667f3bcd;
  static constexpr Int kOne = 0x3ff0000000000000;
  static constexpr double kRoundMagic = 6755399441055744.0;
  static constexpr double kExponentMagic = 4503599627370496.0;
  static constexpr double kLn2Hi = 0x1.62e42feep-1;
  static constexpr double kLn2Lo = 0x1.a39ef35793c76p-33;
  static constexpr double kExpMax = 709.9;
  static constexpr double kExpMin = -745.2;
};

// 2^n for an integer n that is the exponent of a normal number.
template <class T>
RL_INLINE Simd<T> pow2_integer(Simd<T> n) {
  using I = Ieee<T>;
  const Simd<T> shifted = n + Simd<T>(I::kRoundMagic + static_cast<T>(I::kBias));
  return Simd<T>::from_bits(hn::ShiftLeft<I::kMantissaBits>(shifted.bits()));
}
// p * 2^n for p between 1/2 and 2. Where the results are normal numbers, n is added to the exponent; where
// one may be subnormal, zero or infinite, there are two factors, each of them normal.
template <class T>
RL_INLINE Simd<T> scale_by_pow2(Simd<T> p, Simd<T> n) {
  using I = Ieee<T>;
  if (HWY_LIKELY(all_true(abs(n) <= Simd<T>(static_cast<T>(I::kBias - 2))))) {
    const Simd<T> shifted = n + Simd<T>(I::kRoundMagic);
    return Simd<T>::from_bits(hn::Add(p.bits(), hn::ShiftLeft<I::kMantissaBits>(shifted.bits())));
  }
  const Simd<T> half = floor(n * Simd<T>(T(0.5)));
  return p * pow2_integer(half) * pow2_integer(n - half);
}

// (e^r - 1 - r) / r^2 for |r| <= ln 2 / 2.
RL_INLINE Simd<float> expm1_tail(Simd<float> r) {
  return poly(r, 5.0e-1f, 1.66665734e-1f, 4.16665501e-2f, 8.36377387e-3f, 1.39269266e-3f);
}
RL_INLINE Simd<double> expm1_tail(Simd<double> r) {
  return poly(r, 5.0e-1, 1.6666666666666671e-1, 4.166666666666667e-2, 8.3333333333255447e-3,
              1.3888888888883327e-3, 1.9841269876864355e-4, 2.4801587327007187e-5, 2.755725283351691e-6,
              2.75572718102198e-7, 2.5106274733573295e-8, 2.0915442297780115e-9);
}

// x = n ln 2 + r with |r| <= ln 2 / 2, for |x| in the range of exp.
template <class T>
struct ExpReduced {
  Simd<T> n, r;
};
template <class T>
RL_INLINE ExpReduced<T> reduce_exp(Simd<T> x) {
  using I = Ieee<T>;
  const Simd<T> magic(I::kRoundMagic);
  const Simd<T> n = fma(x, Simd<T>(T(1.44269504088896340736)), magic) - magic;
  const Simd<T> r = fma(n, Simd<T>(-I::kLn2Lo), fma(n, Simd<T>(-I::kLn2Hi), x));
  return {n, r};
}
// Limits that let NaN through: x86's min and max return their second operand when one is NaN.
template <class T>
RL_INLINE Simd<T> bound(Simd<T> x, T lo, T hi) {
  return raw_max(Simd<T>(lo), raw_min(Simd<T>(hi), x));
}

template <class T>
RL_INLINE Simd<T> exp(Simd<T> x) {
  const auto [n, r] = reduce_exp(bound(x, Ieee<T>::kExpMin, Ieee<T>::kExpMax));
  return scale_by_pow2(fma(r * r, expm1_tail(r), r) + Simd<T>(T(1)), n);
}
// exp(x) / 2, which does not overflow before it must.
template <class T>
RL_INLINE Simd<T> half_exp(Simd<T> x) {
  const auto [n, r] = reduce_exp(bound(x, Ieee<T>::kExpMin, Ieee<T>::kExpMax + 1));
  return scale_by_pow2(fma(r * r, expm1_tail(r), r) + Simd<T>(T(1)), n - Simd<T>(T(1)));
}
template <class T>
RL_INLINE Simd<T> exp2(Simd<T> x) {
  const T limit = static_cast<T>(Ieee<T>::kBias + Ieee<T>::kMantissaBits + 1);
  const Simd<T> y = bound(x, -limit, limit);
  const Simd<T> n = round_even(y);
  const Simd<T> r = (y - n) * Simd<T>(T(0.69314718055994530942));
  return scale_by_pow2(fma(r * r, expm1_tail(r), r) + Simd<T>(T(1)), n);
}
template <class T>
RL_INLINE Simd<T> expm1(Simd<T> x) {
  const Simd<T> half(T(0.5));
  const T low = sizeof(T) == 4 ? T(-20) : T(-40);  // the result is -1 already
  const auto [n, r] = reduce_exp(bound(x, low, Ieee<T>::kExpMax));
  const Simd<T> p = fma(r * r, expm1_tail(r), r);
  const Simd<T> scale = pow2_integer(n - Simd<T>(T(1)));  // half of 2^n: 2^n itself may overflow
  const Simd<T> y = fma(scale, p, scale - half);
  return copysign(y + y, x);
}

// (log((1 + s) / (1 - s)) - 2 s) / (s z) with z = s^2, for |s| <= 3 - 2 sqrt(2).
RL_INLINE Simd<float> log_tail(Simd<float> z) {
  return poly(z, 6.66666856e-1f, 3.9988551e-1f, 2.95903174e-1f);
}
RL_INLINE Simd<double> log_tail(Simd<double> z) {
  return poly(z, 6.6666666666666699e-1, 3.9999999999893222e-1, 2.8571428628810996e-1, 2.2222210674238515e-1,
              1.8182922513515942e-1, 1.5330617306743305e-1, 1.463003136412286e-1);
}

// x = 2^k m with sqrt(1/2) <= m < sqrt(2), for a positive normal x.
template <class T>
struct LogReduced {
  Simd<T> k, m;
};
template <class T>
RL_INLINE LogReduced<T> reduce_log_normal(Simd<T> x) {
  using I = Ieee<T>;
  using S = Simd<T>;
  const typename S::IntTag di;
  const auto u = hn::Add(x.bits(), hn::Set(di, I::kOne - I::kSqrtHalf));
  const auto exponent = hn::ShiftRight<I::kMantissaBits>(u);
  const S k = S::from_bits(hn::Or(exponent, S(I::kExponentMagic).bits())) -
              S(I::kExponentMagic + static_cast<T>(I::kBias));
  const auto mantissa = hn::And(u, hn::Set(di, (typename I::Int{1} << I::kMantissaBits) - 1));
  return {k, S::from_bits(hn::Add(mantissa, hn::Set(di, I::kSqrtHalf)))};
}
template <class T>
RL_INLINE LogReduced<T> reduce_log(Simd<T> x) {
  using I = Ieee<T>;
  const T two_to_bits = I::kExponentMagic * 2;
  const auto subnormal = x < Simd<T>(std::numeric_limits<T>::min());
  auto [k, m] = reduce_log_normal(select(subnormal, x * Simd<T>(two_to_bits), x));
  k = k - select(subnormal, Simd<T>(static_cast<T>(I::kMantissaBits + 1)), Simd<T>(T(0)));
  return {k, m};
}
// The values of a logarithm outside (0, inf).
template <class T>
RL_INLINE Simd<T> log_edges(Simd<T> x, Simd<T> y) {
  y = select(x < Simd<T>(kInfinity<T>), y, x);
  return select(x > Simd<T>(T(0)), y, select(x == Simd<T>(T(0)), Simd<T>(-kInfinity<T>), Simd<T>(kNan<T>)));
}

template <class T>
RL_INLINE Simd<T> log(Simd<T> x) {
  const auto [k, m] = reduce_log(x);
  const Simd<T> f = m - Simd<T>(T(1));
  const Simd<T> s = f / (f + Simd<T>(T(2)));
  const Simd<T> z = s * s;
  const Simd<T> hfsq = f * f * Simd<T>(T(0.5));
  const Simd<T> tail = fma(s, fma(z, log_tail(z), hfsq), k * Simd<T>(Ieee<T>::kLn2Lo));
  return log_edges(x, fma(k, Simd<T>(Ieee<T>::kLn2Hi), f - (hfsq - tail)));
}

// log(x) / ln(base) = k log_base(2) + log(m) / ln(base), every constant in two parts whose products with k,
// and with the leading bits of log(m), are exact (fdlibm's e_log2.c and e_log10.c; the constants are theirs).
template <class T>
struct LogBase {
  T inverse_hi, inverse_lo;  // 1 / ln(base)
  T two_hi, two_lo;          // log_base(2)
};
template <class T>
RL_INLINE Simd<T> log_in_base(Simd<T> x, LogBase<T> base) {
  using S = Simd<T>;
  using Int = typename Ieee<T>::Int;
  constexpr int kDropped = sizeof(T) == 4 ? 12 : 32;  // mantissa bits
  const auto [k, m] = reduce_log(x);
  const S f = m - S(T(1));
  const S s = f / (f + S(T(2)));
  const S z = s * s;
  const S hfsq = f * f * S(T(0.5));
  const S hi = S::from_bits(hn::And((f - hfsq).bits(), hn::Set(typename S::IntTag(), -(Int{1} << kDropped))));
  const S lo = fma(s, fma(z, log_tail(z), hfsq), (f - hi) - hfsq);
  const S rest = k * S(base.two_lo) + fma(lo + hi, S(base.inverse_lo), lo * S(base.inverse_hi));
  const S top = k * S(base.two_hi);
  const S head = hi * S(base.inverse_hi);
  const S sum = top + head;
  return log_edges(x, sum + (((top - sum) + head) + rest));
}
RL_INLINE Simd<float> log2(Simd<float> x) {
  return log_in_base(x, LogBase<float>{1.4428710938f, -1.7605285393e-04f, 1.0f, 0.0f});
}
RL_INLINE Simd<double> log2(Simd<double> x) {
  return log_in_base(x, LogBase<double>{1.44269504072144627571, 1.67517131648865118353e-10, 1.0, 0.0});
}
RL_INLINE Simd<float> log10(Simd<float> x) {
  return log_in_base(
      x, LogBase<float>{4.3432617188e-01f, -3.1689971365e-05f, 3.0102920532e-01f, 7.9034151668e-07f});
}
RL_INLINE Simd<double> log10(Simd<double> x) {
  return log_in_base(x, LogBase<double>{4.34294481878168880939e-01, 2.50829467116452752298e-11,
                                        3.01029995663611771306e-01, 3.69423907715893078616e-13});
}

// For floats computed in double, to 37 and 34 bits. log2_short wants a positive normal number; exp2_short
// overflows and vanishes as float does.
RL_INLINE Simd<double> log2_short(Simd<double> x) {
  using S = Simd<double>;
  const auto [k, m] = reduce_log_normal(x);
  const S s = (m - S(1.0)) / (m + S(1.0));
  return fma(s,
             poly(s * s, 2.8853900817899932, 9.6179667344322826e-1, 5.7708356770348925e-1,
                  4.1167365840081596e-1, 3.4071413665191199e-1),
             k);
}
RL_INLINE Simd<double> exp2_short(Simd<double> x) {
  using S = Simd<double>;
  const S y = bound(x, -1000.0, 1000.0);
  const S n = round_even(y);
  const S p =
      poly(y - n, 9.9999999995956175e-1, 6.9314718055683241e-1, 2.4022651213498093e-1, 5.5504109063258666e-2,
           9.6180256133180342e-3, 1.3333478473685415e-3, 1.5469729214118297e-4, 1.5303700711365694e-5);
  return p * pow2_integer(n);
}

template <class T>
RL_INLINE Simd<T> log1p(Simd<T> x) {
  using S = Simd<T>;
  const S one(T(1));
  const S u = x + one;
  const auto [k, m] = reduce_log_normal(u);
  const S back = u - one;
  const S lost = (one - (u - back)) + (x - back);  // 1 + x = u + lost exactly (Knuth's two-sum)
  const auto direct = k == S(T(0));
  const S f = select(direct, x, m - one);
  const S c = select(direct, S(T(0)), lost / u);
  const S s = f / (f + S(T(2)));
  const S z = s * s;
  const S hfsq = f * f * S(T(0.5));
  const S tail = fma(s, fma(z, log_tail(z), hfsq), fma(k, S(Ieee<T>::kLn2Lo), c));
  S y = fma(k, S(Ieee<T>::kLn2Hi), f - (hfsq - tail));
  y = select(x < S(kInfinity<T>), copysign(y, x), x);
  return select(u > S(T(0)), y, select(u == S(T(0)), S(-kInfinity<T>), S(kNan<T>)));
}

// (tanh x - x) / x^3 in z = x^2, for |x| <= 0.55.
RL_INLINE Simd<float> tanh_tail(Simd<float> z) {
  return poly(z, -3.3333332e-1f, 1.33331137e-1f, -5.39094288e-2f, 2.13093887e-2f, -6.61022783e-3f);
}
RL_INLINE Simd<double> tanh_tail(Simd<double> z) {
  return poly(z, -3.3333333333333333e-1, 1.3333333333332715e-1, -5.3968253967434015e-2, 2.1869488493666942e-2,
              -8.8632343978143548e-3, 3.5921103786890239e-3, -1.455661830100716e-3, 5.8893605200740578e-4,
              -2.3463474108872371e-4, 8.5113136855776715e-5, -2.0602765376366342e-5);
}
template <class T>
RL_INLINE Simd<T> tanh(Simd<T> x) {
  using S = Simd<T>;
  const S one(T(1));
  const S a = raw_min(S(T(20)), abs(x));
  const auto [n, r] = reduce_exp(a + a);
  const S e = (fma(r * r, expm1_tail(r), r) + one) * pow2_integer(n);
  const S large = one - S(T(2)) / (e + one);
  const S z = a * a;
  const S small = fma(a * z, tanh_tail(z), a);
  return copysign(select(a < S(T(0.55)), small, large), x);
}

// (sinh x - x) / x^3 in z = x^2, for |x| <= 1.
RL_INLINE Simd<float> sinh_tail(Simd<float> z) {
  return poly(z, 1.66666666e-1f, 8.33333968e-3f, 1.9838102e-4f, 2.80628026e-6f);
}
RL_INLINE Simd<double> sinh_tail(Simd<double> z) {
  return poly(z, 1.6666666666666667e-1, 8.3333333333332994e-3, 1.9841269841324198e-4, 2.7557319191381817e-6,
              2.5052117695907824e-8, 1.6057679623801638e-10, 7.7461785930188275e-13);
}
template <class T>
RL_INLINE Simd<T> sinh(Simd<T> x) {
  using S = Simd<T>;
  const S a = abs(x);
  const S z = a * a;
  const S e = half_exp(a);
  const S y = select(a < S(T(1)), fma(a * z, sinh_tail(z), a), e - S(T(0.25)) / e);
  return copysign(y, x);
}
template <class T>
RL_INLINE Simd<T> cosh(Simd<T> x) {
  const Simd<T> e = half_exp(abs(x));
  return e + Simd<T>(T(0.25)) / e;
}

// 1 / (1 + exp(-x)) from exp(-|x|), which never overflows: both tails keep their relative accuracy.
template <class T>
RL_INLINE Simd<T> sigmoid(Simd<T> x) {
  const Simd<T> one(T(1));
  const Simd<T> e = exp(-abs(x));
  return select(signbit(x), e, one) / (one + e);
}

RL_MATH_END

#endif

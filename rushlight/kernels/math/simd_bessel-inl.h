// The modified Bessel functions of order 0 and 1 on Simd<float> and Simd<double>. Included by simd-inl.h.
// Polynomials: see simd_exp-inl.h.
#if defined(RUSHLIGHT_MATH_SIMD_BESSEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_SIMD_BESSEL_INL_H_
#undef RUSHLIGHT_MATH_SIMD_BESSEL_INL_H_
#else
#define RUSHLIGHT_MATH_SIMD_BESSEL_INL_H_
#endif

#include "rushlight/kernels/math/simd-inl.h"
#include "rushlight/kernels/math/simd_exp-inl.h"

RL_MATH_BEGIN

// I_order(x) / x^order in z = x^2 up to 12^2: the power series, economised. The short forms carry 35 bits.
template <int kOrder, bool kLong>
RL_INLINE Simd<double> bessel_near(Simd<double> z) {
  if constexpr (kOrder == 0 && kLong)
    return poly_split(
        z, 1.0, 2.5e-1, 1.5625000000000001e-2, 4.3402777777777732e-4, 6.781684027777876e-6,
        6.7816840277764913e-8, 4.7095027970791431e-10, 2.4028075494551094e-12, 9.385966993466485e-15,
        2.896903381379642e-17, 7.242258760519719e-20, 1.4963338249511784e-22, 2.5978119210801307e-25,
        3.8427883073519932e-28, 4.9028024095982664e-31, 5.4374923012713917e-34, 5.3709367161081707e-37,
        4.3672657189372775e-40, 4.304324064229968e-43, 8.2063150952984868e-47, 3.5901399675893518e-49);
  else if constexpr (kOrder == 0)
    return poly_split(
        z, 9.9999999997733565e-1, 2.5000000008056667e-1, 1.5624999952495718e-2, 4.3402778883970531e-4,
        6.7816826765647778e-6, 6.7816939952190541e-8, 4.7094546099432409e-10, 2.4029681982964318e-12,
        9.3821535241871038e-15, 2.9034704353121236e-17, 7.1595778774906349e-20, 1.5722228389443129e-22,
        2.0978518349353418e-25, 6.1271996793473376e-28, -1.8516517391389488e-31, 1.6462512080108918e-33);
  else if constexpr (kLong)
    return poly_split(
        z, 0.5, 0.0625, 2.6041666666666667e-3, 5.4253472222222212e-5, 6.7816840277777994e-7,
        5.6514033564811985e-9, 3.3639305693366878e-11, 1.501754718437524e-13, 5.2144261064288501e-16,
        1.4484516936848325e-18, 3.291935734504438e-21, 6.2347253945208804e-24, 9.9915692661193199e-27,
        1.3724401679178697e-29, 1.6341386585834362e-32, 1.7000265089804626e-35, 1.575841886152801e-38,
        1.2264433053175281e-41, 1.1010014938445778e-44, 2.5160959044806096e-48, 8.2327154740168162e-51);
  else
    return poly_split(
        z, 4.9999999999936772e-1, 6.2500000002247628e-2, 2.6041666653413342e-3, 5.425347253087153e-5,
        6.7816836507080543e-7, 5.6514061385547387e-9, 3.3639171159744179e-11, 1.5017995853497097e-13,
        5.2133605882345096e-16, 1.450287641540585e-18, 3.2688032065948348e-21, 6.4472654659874076e-24,
        8.5893281000387996e-27, 2.0145380107496325e-29, -2.712727851280228e-33, 4.8335819851063282e-35);
}
// exp(-x) sqrt(x) I_order(x) in u = 12 / x for x >= 12. The short forms carry 34 bits.
template <int kOrder, bool kLong>
RL_INLINE Simd<double> bessel_far(Simd<double> u) {
  if constexpr (kOrder == 0 && kLong)
    return poly_split(u, 3.9894228040143268e-1, 4.1556487541779729e-3, 1.9479603569365254e-4,
                      1.6909365333845232e-5, 2.1579557833075587e-6, 3.6118785604203508e-7,
                      9.8980267650836196e-8, -9.9709306094627155e-8, 4.5239976693129342e-7,
                      -1.2124511690852478e-6, 2.4081850987391542e-6, -3.4725684799381782e-6,
                      3.593700829186273e-6, -2.5871842677650828e-6, 1.2237756515668417e-6,
                      -3.3935918051648483e-7, 4.1480376357999464e-8);
  else if constexpr (kOrder == 0)
    return poly(u, 3.9894228041087688e-1, 4.1556478322606642e-3, 1.9481049158015068e-4, 1.6826032408334151e-5,
                2.3800373728507133e-6, 7.4946750126081192e-8, 2.4118223206136289e-7);
  else if constexpr (kLong)
    return poly_split(u, 3.9894228040143267e-1, -1.2466946262541117e-2, -3.2466005926842168e-4,
                      -2.3673116266372268e-5, -2.7744497767176821e-6, -4.4202523068080017e-7,
                      -1.1348829272965529e-7, 9.9944296357587305e-8, -4.6507569972849563e-7,
                      1.2441131630130563e-6, -2.4697844844569859e-6, 3.5578670636939506e-6,
                      -3.6772688117093774e-6, 2.6428603275433414e-6, -1.2473334560559827e-6,
                      3.4486472370944294e-7, -4.1985864999159591e-8);
  else
    return poly(u, 3.9894228039083532e-1, -1.2466945227988602e-2, -3.2467628684328319e-4,
                -2.3579506162743755e-5, -3.024228653121399e-6, -1.1917927261844847e-7,
                -2.7674241370083032e-7);
}
template <bool kLong>
RL_INLINE Simd<double> bessel_exp(Simd<double> x) {
  if constexpr (kLong) return exp(x);
  else return exp2_short(x * Simd<double>(1.44269504088896340736));
}
// I_order(x), times exp(-|x|) where kScaled.
template <int kOrder, bool kScaled, bool kLong>
RL_INLINE Simd<double> bessel_in_double(Simd<double> x) {
  using S = Simd<double>;
  const S limit(12.0), a = abs(x);
  const S near = raw_min(limit, a);
  const S z = near * near;
  S y = bessel_near<kOrder, kLong>(z);
  if constexpr (kLong) {
    // What the square lost would be worth 3 ulp at 12: d log I / dz is about 1 / (2 + 2 x) where that counts.
    y = fma(y, fma(near, near, -z) / fma(S(2.0), near, S(2.0)), y);
  }
  if constexpr (kOrder == 1) y = y * near;
  if constexpr (kScaled) y = y * bessel_exp<kLong>(-near);
  const auto large = a > limit;
  if (any_true(large)) {
    const S far = raw_max(limit, kScaled ? a : raw_min(S(1000.0), a));
    S tail = bessel_far<kOrder, kLong>(limit / far) / sqrt(far);
    if constexpr (!kScaled) {
      const S e = bessel_exp<kLong>(far * S(0.5));  // its square may overflow where the result does not
      tail = e * (e * tail);
    }
    y = select(large, tail, y);
  }
  if constexpr (kOrder == 1) y = select(x < S(0.0), -y, y);
  return y;
}
template <int kOrder, bool kScaled>
RL_INLINE Simd<double> bessel(Simd<double> x) {
  return bessel_in_double<kOrder, kScaled, true>(x);
}
template <int kOrder, bool kScaled>
RL_INLINE Simd<float> bessel(Simd<float> x) {
  return via_double(x, [](Simd<double> v) HWY_ATTR { return bessel_in_double<kOrder, kScaled, false>(v); });
}

template <class T>
RL_INLINE Simd<T> i0(Simd<T> x) {
  return bessel<0, false>(x);
}
template <class T>
RL_INLINE Simd<T> i0e(Simd<T> x) {
  return bessel<0, true>(x);
}
template <class T>
RL_INLINE Simd<T> i1(Simd<T> x) {  // NaN, not infinity, at the infinities: PyTorch's exp(x) i1e(x) there
  return select(isinf(x), Simd<T>(kNan<T>), bessel<1, false>(x));
}
template <class T>
RL_INLINE Simd<T> i1e(Simd<T> x) {
  return bessel<1, true>(x);
}

RL_MATH_END

#endif

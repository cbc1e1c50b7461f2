// Trigonometric functions and their inverses on Simd<float> and Simd<double>. Included by simd-inl.h.
//
// Arguments are reduced by multiples of pi/2 that are held in four parts (Cody and Waite, 1980): up to
// kTrigBound every product is exact even without an fma. Lanes beyond go to libm. Polynomials: see
// simd_exp-inl.h.
#if defined(RUSHLIGHT_MATH_SIMD_TRIG_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_SIMD_TRIG_INL_H_
#undef RUSHLIGHT_MATH_SIMD_TRIG_INL_H_
#else
#define RUSHLIGHT_MATH_SIMD_TRIG_INL_H_
#endif

#include <cmath>

#include "rushlight/kernels/math/simd-inl.h"
#include "rushlight/kernels/math/simd_exp-inl.h"

RL_MATH_BEGIN

template <class T>
struct HalfPi;
template <>
struct HalfPi<float> {
  static constexpr float kBound = 12800.0f;
  static constexpr float kParts[4] = {0x1.920000p+0f, 0x1.fb4000p-12f, 0x1.444000p-24f, 0x1.68c234p-39f};
};
template <>
struct HalfPi<double> {
  static constexpr double kBound = 1.6e6;
  static constexpr double kParts[4] = {0x1.921fb54400000p+0, 0x1.0b46000000000p-34, 0x1.1a62633100000p-54,
                                       0x1.1701b839a2520p-88};
};

// x = q pi/2 + r + lo with |r| <= pi/4; q is held in the low bits of `quadrant`.
template <class T>
struct TrigReduced {
  Simd<T> r, lo;
  typename Simd<T>::IntRaw quadrant;
};
template <class T>
RL_INLINE TrigReduced<T> reduce_trig(Simd<T> x) {
  using S = Simd<T>;
  using P = HalfPi<T>;
  const S shifted = fma(x, S(T(0.63661977236758134308)), S(Ieee<T>::kRoundMagic));
  const S n = shifted - S(Ieee<T>::kRoundMagic);
  const S head = fma(n, S(-P::kParts[1]), fma(n, S(-P::kParts[0]), x));  // exact
  const S third = n * S(P::kParts[2]);
  const S partial = head - third;
  const S lost = (head - partial) - third;
  const S tail = fma(n, S(-P::kParts[3]), lost);
  const S r = partial + tail;
  return {r, (partial - r) + tail, shifted.bits()};
}

RL_INLINE Simd<float> sin_tail(Simd<float> z) {  // (sin r - r) / r^3
  return poly(z, -1.66666667e-1f, 8.33333179e-3f, -1.98400391e-4f, 2.7243812e-6f);
}
RL_INLINE Simd<double> sin_tail(Simd<double> z) {
  return poly(z, -1.6666666666666667e-1, 8.3333333333333313e-3, -1.9841269841264568e-4, 2.7557319218956732e-6,
              -2.5052106100926673e-8, 1.6058510979535351e-10, -7.5854925078212398e-13);
}
RL_INLINE Simd<float> cos_tail(Simd<float> z) {  // (cos r - 1 + r^2 / 2) / r^4
  return poly(z, 4.16666645e-2f, -1.38882794e-3f, 2.45428963e-5f);
}
RL_INLINE Simd<double> cos_tail(Simd<double> z) {
  return poly(z, 4.1666666666666665e-2, -1.3888888888887242e-3, 2.4801587298533455e-5, -2.755731715246704e-7,
              2.0876121658871159e-9, -1.1380876948169716e-11);
}

// sin(r + q pi/2): the odd quadrants take the cosine, the third and fourth change sign.
template <class T>
RL_INLINE Simd<T> sin_of_quadrant(Simd<T> r, Simd<T> lo, typename Simd<T>::IntRaw q) {
  using S = Simd<T>;
  const typename S::IntTag di;
  const S z = r * r;
  const S half_z = z * S(T(0.5));
  const S one(T(1));
  const S w = one - half_z;
  const S cosine = w + (((one - w) - half_z) + fma(z * z, cos_tail(z), -(r * lo)));
  const S sine = r + fma(r * z, sin_tail(z), lo * w);
  const auto odd = hn::RebindMask(typename S::D(), hn::TestBit(q, hn::Set(di, 1)));
  const S y = select(SimdMask<T>(odd), cosine, sine);
  const auto sign = hn::ShiftLeft<static_cast<int>(sizeof(T)) * 8 - 2>(hn::And(q, hn::Set(di, 2)));
  return S::from_bits(hn::Xor(y.bits(), sign));
}

template <class T>
RL_INLINE Simd<T> sin(Simd<T> x) {
  const Simd<T> a = abs(x);
  const auto [r, lo, q] = reduce_trig(a);
  const Simd<T> y = flip_sign(sin_of_quadrant(r, lo, q), x);
  const auto huge = a > Simd<T>(HalfPi<T>::kBound);
  if (HWY_UNLIKELY(any_true(huge))) return map_lanes_where(huge, x, y, [](T v) { return std::sin(v); });
  return y;
}
template <class T>
RL_INLINE Simd<T> cos(Simd<T> x) {
  const Simd<T> a = abs(x);
  const auto [r, lo, q] = reduce_trig(a);
  const auto next = hn::Add(q, hn::Set(typename Simd<T>::IntTag(), 1));
  const Simd<T> y = sin_of_quadrant(r, lo, next);
  const auto huge = a > Simd<T>(HalfPi<T>::kBound);
  if (HWY_UNLIKELY(any_true(huge))) return map_lanes_where(huge, x, y, [](T v) { return std::cos(v); });
  return y;
}

// sin(x + quadrants pi/2) for results that are rounded to 11 bits or fewer: without the low parts.
RL_INLINE Simd<float> sin_short(Simd<float> x, int quadrants) {
  using S = Simd<float>;
  using P = HalfPi<float>;
  const S::IntTag di;
  const S shifted = fma(x, S(0.63661977236758134308f), S(Ieee<float>::kRoundMagic));
  const S n = shifted - S(Ieee<float>::kRoundMagic);
  S r = x;
  for (const float part : P::kParts) r = fma(n, S(-part), r);
  const S z = r * r;
  const S sine = fma(r * z, sin_tail(z), r);
  const S cosine = fma(z * z, cos_tail(z), fma(z, S(-0.5f), S(1.0f)));
  const auto q = hn::Add(shifted.bits(), hn::Set(di, quadrants));
  const auto odd = hn::RebindMask(S::D(), hn::TestBit(q, hn::Set(di, 1)));
  const S y = select(SimdMask<float>(odd), cosine, sine);
  return S::from_bits(hn::Xor(y.bits(), hn::ShiftLeft<30>(hn::And(q, hn::Set(di, 2)))));
}
RL_INLINE Simd<float> sin_short(Simd<float> x) {
  const Simd<float> a = abs(x), y = flip_sign(sin_short(a, 0), x);
  const auto huge = a > Simd<float>(HalfPi<float>::kBound);
  if (HWY_UNLIKELY(any_true(huge))) return map_lanes_where(huge, x, y, [](float v) { return std::sin(v); });
  return y;
}
RL_INLINE Simd<float> cos_short(Simd<float> x) {
  const Simd<float> a = abs(x), y = sin_short(a, 1);
  const auto huge = a > Simd<float>(HalfPi<float>::kBound);
  if (HWY_UNLIKELY(any_true(huge))) return map_lanes_where(huge, x, y, [](float v) { return std::cos(v); });
  return y;
}

RL_INLINE Simd<float> tan_tail(Simd<float> z) {  // (tan r - r) / r^3
  return poly(z, 3.33333341e-1f, 1.33332155e-1f, 5.39978186e-2f, 2.15949852e-2f, 1.00529154e-2f,
              1.04175052e-3f, 3.92749101e-3f);
}
RL_INLINE Simd<double> tan_tail(Simd<double> z) {
  return poly(z, 3.3333333333333325e-1, 1.3333333333338785e-1, 5.3968253962640347e-2, 2.1869488763182794e-2,
              8.8632307539999092e-3, 3.5921879955877339e-3, 1.4553489400235026e-3, 5.9267963965600731e-4,
              2.291104761923854e-4, 1.2327800871180114e-4, -8.5697639095854293e-6, 7.3849340453576741e-5,
              -3.6859510226127209e-5, 1.9030059641213213e-5);
}
template <class T>
RL_INLINE Simd<T> tan(Simd<T> x) {
  using S = Simd<T>;
  const S a = abs(x);
  const auto [r, lo, q] = reduce_trig(a);
  const S z = r * r;
  const S rough = r * z * tan_tail(z);
  const S t0 = r + rough;
  const S t = r + fma(lo, fma(t0, t0, S(T(1))), rough);  // tan(r + lo) = tan r + lo (1 + tan^2 r)
  const auto odd = hn::RebindMask(typename S::D(), hn::TestBit(q, hn::Set(typename S::IntTag(), 1)));
  const S y = flip_sign(select(SimdMask<T>(odd), S(T(-1)) / t, t), x);
  const auto huge = a > S(HalfPi<T>::kBound);
  if (HWY_UNLIKELY(any_true(huge))) return map_lanes_where(huge, x, y, [](T v) { return std::tan(v); });
  return y;
}

RL_INLINE Simd<float> asin_tail(Simd<float> z) {  // (asin x - x) / x^3 for |x| <= 1/2
  return poly(z, 1.66666724e-1f, 7.49885296e-2f, 4.50018941e-2f, 2.6550663e-2f, 3.80939621e-2f);
}
RL_INLINE Simd<double> asin_tail(Simd<double> z) {
  return poly(z, 1.6666666666666668e-1, 7.4999999999984243e-2, 4.4642857146373381e-2, 3.0381944137085214e-2,
              2.2372173002005597e-2, 1.7352391265909228e-2, 1.3971235301124539e-2, 1.1478952690257387e-2,
              1.0324318288744112e-2, 5.4508781877205499e-3, 1.7419357964884857e-2, -1.4881409392818067e-2,
              2.8778442612593041e-2);
}
template <class T>
struct HalfPiSum;  // pi/2 rounded, and what was rounded off
template <>
struct HalfPiSum<float> {
  static constexpr float kHi = 1.57079637f, kLo = -4.37113883e-8f;
};
template <>
struct HalfPiSum<double> {
  static constexpr double kHi = 1.5707963267948966, kLo = 6.1232339957367660e-17;
};

// asin(s) for s = |x| <= 1/2, and for s = sqrt((1 - |x|) / 2) otherwise, where asin|x| = pi/2 - 2 asin(s).
// `lo` is what the square root rounded off, to first order.
template <class T>
struct AsinReduced {
  SimdMask<T> large;
  Simd<T> s, tail, lo;
};
template <class T>
RL_INLINE AsinReduced<T> reduce_asin(Simd<T> a) {
  using S = Simd<T>;
  const S half(T(0.5));
  const auto large = a > half;
  const S z = select(large, (S(T(1)) - a) * half, a * a);
  const S root = sqrt(z);
  const S s = select(large, root, a);
  const S lo = select(large & (root > S(T(0))), fma(-root, root, z) * half / root, S(T(0)));
  return {large, s, s * z * asin_tail(z), lo};
}
template <class T>
RL_INLINE Simd<T> asin(Simd<T> x) {
  using S = Simd<T>;
  const auto [large, s, tail, lo] = reduce_asin(abs(x));
  const S two(T(2));
  const S folded = S(HalfPiSum<T>::kHi) - (fma(two, tail + lo, -S(HalfPiSum<T>::kLo)) + two * s);
  return copysign(select(large, folded, s + tail), x);
}
template <class T>
RL_INLINE Simd<T> acos(Simd<T> x) {
  using S = Simd<T>;
  const auto [large, s, tail, lo] = reduce_asin(abs(x));
  const S two(T(2)), pi_hi(2 * HalfPiSum<T>::kHi), pi_lo(2 * HalfPiSum<T>::kLo);
  const S twice = two * (s + (tail + lo));
  const S folded = select(signbit(x), pi_hi - (twice - pi_lo), twice);
  const S central = S(HalfPiSum<T>::kHi) - (x - (S(HalfPiSum<T>::kLo) - flip_sign(tail, x)));
  return select(large, folded, central);
}

RL_INLINE Simd<float> atan_tail(Simd<float> z) {  // (atan x - x) / x^3 for |x| <= tan(pi/8)
  return poly(z, -3.33333317e-1f, 1.99995234e-1f, -1.42633666e-1f, 1.0737397e-1f, -6.43103871e-2f);
}
RL_INLINE Simd<double> atan_tail(Simd<double> z) {
  return poly(z, -3.3333333333333333e-1, 1.9999999999999784e-1, -1.4285714285654639e-1, 1.1111111104652255e-1,
              -9.090908728587459e-2, 7.6922956583278735e-2, -6.6664120777252743e-2, 5.8787824694439812e-2,
              -5.2293804737818406e-2, 4.5467195095551665e-2, -3.4445844423577385e-2, 1.614822854677187e-2);
}
// atan(num / den) for num, den >= 0, as an angle in [0, pi/2]: one division brings |y| below tan(pi/8).
template <class T>
RL_INLINE Simd<T> atan_of_ratio(Simd<T> num, Simd<T> den) {
  using S = Simd<T>;
  const S zero(T(0));
  const auto steep = num * S(T(0.41421356237309504880)) > den;
  const auto middle = num > den * S(T(0.41421356237309504880));
  const S y = select(steep, -den, select(middle, num - den, num)) /
              select(steep, num, select(middle, num + den, den));
  const S base_hi = select(steep, S(HalfPiSum<T>::kHi), select(middle, S(HalfPiSum<T>::kHi / 2), zero));
  const S base_lo = select(steep, S(HalfPiSum<T>::kLo), select(middle, S(HalfPiSum<T>::kLo / 2), zero));
  const S z = y * y;
  return base_hi + (y + fma(y * z, atan_tail(z), base_lo));
}
template <class T>
RL_INLINE Simd<T> atan(Simd<T> x) {
  return copysign(atan_of_ratio(abs(x), Simd<T>(T(1))), x);
}

RL_MATH_END

#endif

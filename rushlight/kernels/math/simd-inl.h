// Simd<T>: one full-width Highway vector of float or double that behaves as a number. Formulas are templates
// on the value type, so the same text runs on Simd<float>, on Simd<double>, on plain scalars and, under nvcc,
// on the GPU. The functions on it (exp, sin, ...) are in the other simd_*-inl.h; ADL finds them all.
#if defined(RUSHLIGHT_MATH_SIMD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_SIMD_INL_H_
#undef RUSHLIGHT_MATH_SIMD_INL_H_
#else
#define RUSHLIGHT_MATH_SIMD_INL_H_
#endif

#include <cstdint>
#include <cstring>
#include <limits>

#include "rushlight/kernels/math/scalar-inl.h"
#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

namespace hn = hwy::HWY_NAMESPACE;

// One truth value a lane. `!`, `&`, `|` and `^` read the same on masks and on bool, and formulas use only
// those.
template <class T>
struct SimdMask {
  using D = hn::ScalableTag<T>;
  using Raw = hn::Mask<D>;
  Raw raw;

  SimdMask() = default;
  RL_INLINE SimdMask(Raw r) : raw(r) {}

  friend RL_INLINE SimdMask operator&(SimdMask a, SimdMask b) { return hn::And(a.raw, b.raw); }
  friend RL_INLINE SimdMask operator|(SimdMask a, SimdMask b) { return hn::Or(a.raw, b.raw); }
  friend RL_INLINE SimdMask operator^(SimdMask a, SimdMask b) { return hn::Xor(a.raw, b.raw); }
  friend RL_INLINE SimdMask operator!(SimdMask a) { return hn::Not(a.raw); }
  friend RL_INLINE SimdMask operator~(SimdMask a) { return hn::Not(a.raw); }
};

template <class T>
struct Simd {
  using Scalar = T;
  using Mask = SimdMask<T>;
  using D = hn::ScalableTag<T>;
  using Raw = hn::Vec<D>;
  using IntTag = hn::RebindToSigned<D>;
  using IntRaw = hn::Vec<IntTag>;
  static constexpr int kLanes =
      static_cast<int>(HWY_LANES(T));  // exact on x86 and NEON, whose vectors have a fixed size
  Raw raw;

  Simd() = default;
  RL_INLINE Simd(Raw r) : raw(r) {}
  RL_INLINE explicit Simd(T value) : raw(hn::Set(D(), value)) {}

  // No alignment is needed.
  static RL_INLINE Simd load(const T* p) { return hn::LoadU(D(), p); }
  RL_INLINE void store(T* p) const { hn::StoreU(raw, D(), p); }
  // The first `count` < kLanes elements, by memcpy: nothing beyond them is touched. Lanes that are not there
  // load as zero.
  static RL_INLINE Simd load_part(const T* p, int64_t count) {
    HWY_ALIGN T lanes[kLanes] = {};
    std::memcpy(lanes, p, static_cast<size_t>(count) * sizeof(T));
    return hn::Load(D(), lanes);
  }
  RL_INLINE void store_part(T* p, int64_t count) const {
    HWY_ALIGN T lanes[kLanes];
    hn::Store(raw, D(), lanes);
    std::memcpy(p, lanes, static_cast<size_t>(count) * sizeof(T));
  }

  RL_INLINE IntRaw bits() const { return hn::BitCast(IntTag(), raw); }
  static RL_INLINE Simd from_bits(IntRaw i) { return hn::BitCast(D(), i); }

  friend RL_INLINE Simd operator+(Simd a, Simd b) { return hn::Add(a.raw, b.raw); }
  friend RL_INLINE Simd operator-(Simd a, Simd b) { return hn::Sub(a.raw, b.raw); }
  friend RL_INLINE Simd operator*(Simd a, Simd b) { return hn::Mul(a.raw, b.raw); }
  friend RL_INLINE Simd operator/(Simd a, Simd b) { return hn::Div(a.raw, b.raw); }
  friend RL_INLINE Simd operator-(Simd a) { return hn::Neg(a.raw); }
  friend RL_INLINE Mask operator==(Simd a, Simd b) { return hn::Eq(a.raw, b.raw); }
  // Not hn::Ne, which is false for NaN on AVX2 and AVX-512.
  friend RL_INLINE Mask operator!=(Simd a, Simd b) { return hn::Not(hn::Eq(a.raw, b.raw)); }
  friend RL_INLINE Mask operator<(Simd a, Simd b) { return hn::Lt(a.raw, b.raw); }
  friend RL_INLINE Mask operator<=(Simd a, Simd b) { return hn::Le(a.raw, b.raw); }
  friend RL_INLINE Mask operator>(Simd a, Simd b) { return hn::Gt(a.raw, b.raw); }
  friend RL_INLINE Mask operator>=(Simd a, Simd b) { return hn::Ge(a.raw, b.raw); }
};

template <class T>
struct ScalarOfImpl<Simd<T>> {
  using type = T;
};

// Writes one byte, 0 or 1, a lane.
RL_INLINE void store_mask(SimdMask<float> m, bool* p) {
  const hn::RebindToSigned<hn::ScalableTag<float>> d32;
  const hn::Rebind<uint8_t, decltype(d32)> d8;
  const auto ones = hn::BitCast(d32, hn::VecFromMask(hn::ScalableTag<float>(), m.raw));
  hn::StoreU(hn::DemoteTo(d8, hn::And(ones, hn::Set(d32, 1))), d8, reinterpret_cast<uint8_t*>(p));
}
RL_INLINE void store_mask(SimdMask<double> m, bool* p) {
  const hn::ScalableTag<double> d;
  const hn::Rebind<int32_t, decltype(d)> d32;
  const hn::Rebind<uint8_t, decltype(d)> d8;
  const auto ones = hn::DemoteTo(d32, hn::IfThenElseZero(m.raw, hn::Set(d, 1.0)));
  hn::StoreU(hn::DemoteTo(d8, ones), d8, reinterpret_cast<uint8_t*>(p));
}
template <class T>
RL_INLINE void store_mask_part(SimdMask<T> m, bool* p, int64_t count) {
  bool lanes[Simd<T>::kLanes];
  store_mask(m, lanes);
  std::memcpy(p, lanes, static_cast<size_t>(count));
}

// As many masks as make one vector of bytes, which costs little more than a single one.
template <class T>
inline constexpr int kMasksAtOnce = sizeof(T);
#if HWY_TARGET != HWY_SCALAR
using LaneBits = hn::Vec<hn::ScalableTag<uint32_t>>;

// Mask k goes to byte k of each lane. What is then in rows of four bytes is turned within blocks of 16 bytes,
// and the blocks' pieces are put in order.
RL_INLINE void store_lane_bits(const LaneBits (&masks)[4], bool* p) {
  const hn::ScalableTag<uint32_t> d;
  const hn::Repartition<uint8_t, decltype(d)> d8;
  constexpr int kBlocks = Simd<float>::kLanes / 4;
  alignas(16) static constexpr uint8_t kTurn[] = {0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15};
  const auto low = hn::Or(hn::And(masks[0], hn::Set(d, 1)), hn::And(masks[1], hn::Set(d, 1 << 8)));
  const auto high = hn::Or(hn::And(masks[2], hn::Set(d, 1 << 16)), hn::And(masks[3], hn::Set(d, 1 << 24)));
  const auto turned = hn::TableLookupBytes(hn::BitCast(d8, hn::Or(low, high)), hn::LoadDup128(d8, kTurn));
  if constexpr (kBlocks == 1) {
    hn::StoreU(turned, d8, reinterpret_cast<uint8_t*>(p));
  } else {
    HWY_ALIGN uint32_t order[4 * kBlocks];
    for (uint32_t i = 0; i < 4 * kBlocks; ++i) order[i] = i % kBlocks * 4 + i / kBlocks;
    const auto sorted = hn::TableLookupLanes(hn::BitCast(d, turned), hn::SetTableIndices(d, order));
    hn::StoreU(hn::BitCast(d8, sorted), d8, reinterpret_cast<uint8_t*>(p));
  }
}
RL_INLINE void store_masks(const SimdMask<float> (&m)[4], bool* p) {
  const hn::ScalableTag<uint32_t> d;
  LaneBits bits[4];
  for (int k = 0; k < 4; ++k) bits[k] = hn::BitCast(d, hn::VecFromMask(hn::ScalableTag<float>(), m[k].raw));
  store_lane_bits(bits, p);
}
RL_INLINE void store_masks(const SimdMask<double> (&m)[8], bool* p) {
  const hn::ScalableTag<uint32_t> d;
  LaneBits wide[8], bits[4];
  for (int k = 0; k < 8; ++k) wide[k] = hn::BitCast(d, hn::VecFromMask(hn::ScalableTag<double>(), m[k].raw));
  for (int k = 0; k < 4; ++k) bits[k] = hn::ConcatEven(d, wide[2 * k + 1], wide[2 * k]);
  store_lane_bits(bits, p);
}
#endif

// The reverse: byte != 0.
template <class T>
RL_INLINE SimdMask<T> load_mask(const bool* p) {
  using D = hn::ScalableTag<T>;
  const hn::Rebind<uint8_t, D> d8;
  const hn::Rebind<int32_t, D> d32;
  const auto wide = hn::PromoteTo(d32, hn::LoadU(d8, reinterpret_cast<const uint8_t*>(p)));
  if constexpr (sizeof(T) == 4) {
    return hn::Gt(hn::ConvertTo(D(), wide), hn::Zero(D()));
  } else {
    return hn::Gt(hn::PromoteTo(D(), wide), hn::Zero(D()));
  }
}
template <class T>
RL_INLINE SimdMask<T> load_mask_part(const bool* p, int64_t count) {
  bool lanes[Simd<T>::kLanes] = {};
  std::memcpy(lanes, p, static_cast<size_t>(count));
  return load_mask<T>(lanes);
}

template <class T>
RL_INLINE bool any_true(SimdMask<T> m) {
  return !hn::AllFalse(hn::ScalableTag<T>(), m.raw);
}
template <class T>
RL_INLINE bool all_true(SimdMask<T> m) {
  return hn::AllTrue(hn::ScalableTag<T>(), m.raw);
}

template <class T>
RL_INLINE Simd<T> select(SimdMask<T> m, Simd<T> yes, Simd<T> no) {
  return hn::IfThenElse(m.raw, yes.raw, no.raw);
}

// a * b + c; rounded once where the target has the instruction, twice on SSE4.
template <class T>
RL_INLINE Simd<T> fma(Simd<T> a, Simd<T> b, Simd<T> c) {
  return hn::MulAdd(a.raw, b.raw, c.raw);
}
template <class T>
RL_INLINE Simd<T> abs(Simd<T> x) {
  return hn::Abs(x.raw);
}
template <class T>
RL_INLINE Simd<T> sqrt(Simd<T> x) {
  return hn::Sqrt(x.raw);
}
template <class T>
RL_INLINE Simd<T> floor(Simd<T> x) {
  return hn::Floor(x.raw);
}
template <class T>
RL_INLINE Simd<T> ceil(Simd<T> x) {
  return hn::Ceil(x.raw);
}
template <class T>
RL_INLINE Simd<T> trunc(Simd<T> x) {
  return hn::Trunc(x.raw);
}
template <class T>
RL_INLINE Simd<T> round_even(Simd<T> x) {
  return hn::Round(x.raw);
}
template <class T>
RL_INLINE Simd<T> copysign(Simd<T> magnitude, Simd<T> sign) {
  return hn::CopySign(magnitude.raw, sign.raw);
}
// x with its sign flipped where `sign` is negative (-0 included): a multiplication by the sign without
// rounding.
template <class T>
RL_INLINE Simd<T> flip_sign(Simd<T> x, Simd<T> sign) {
  return hn::Xor(x.raw, hn::And(sign.raw, hn::SignBit(typename Simd<T>::D())));
}
template <class T>
RL_INLINE SimdMask<T> isnan(Simd<T> x) {
  return hn::IsNaN(x.raw);
}
template <class T>
RL_INLINE SimdMask<T> isinf(Simd<T> x) {
  return abs(x) == Simd<T>(kInfinity<T>);
}
template <class T>
RL_INLINE SimdMask<T> isfinite(Simd<T> x) {
  return abs(x) < Simd<T>(kInfinity<T>);
}
template <class T>
RL_INLINE SimdMask<T> signbit(Simd<T> x) {
  const typename Simd<T>::IntTag di;
  return hn::RebindMask(typename Simd<T>::D(), hn::Lt(x.bits(), hn::Zero(di)));
}

// One instruction each; which operand comes back when one is NaN is the target's affair.
template <class T>
RL_INLINE Simd<T> raw_min(Simd<T> a, Simd<T> b) {
  return hn::Min(a.raw, b.raw);
}
template <class T>
RL_INLINE Simd<T> raw_max(Simd<T> a, Simd<T> b) {
  return hn::Max(a.raw, b.raw);
}

// Gathers are avoided everywhere, so this is the one way to call libm: `f` on every lane, or on those where
// `m` is true.
template <class T, class F>
HWY_NOINLINE Simd<T> map_lanes(Simd<T> x, F f) {
  HWY_ALIGN T lanes[Simd<T>::kLanes];
  x.store(lanes);
  for (T& v : lanes) v = f(v);
  return Simd<T>::load(lanes);
}
template <class T, class F>
HWY_NOINLINE Simd<T> map_lanes(Simd<T> x, Simd<T> y, F f) {
  HWY_ALIGN T a[Simd<T>::kLanes], b[Simd<T>::kLanes];
  x.store(a);
  y.store(b);
  for (int i = 0; i < Simd<T>::kLanes; ++i) a[i] = f(a[i], b[i]);
  return Simd<T>::load(a);
}
template <class T, class F>
HWY_NOINLINE Simd<T> map_lanes_where(SimdMask<T> m, Simd<T> x, Simd<T> otherwise, F f) {
  HWY_ALIGN T lanes[Simd<T>::kLanes], out[Simd<T>::kLanes];
  bool chosen[Simd<T>::kLanes];
  x.store(lanes);
  otherwise.store(out);
  store_mask(m, chosen);
  for (int i = 0; i < Simd<T>::kLanes; ++i) {
    if (chosen[i]) out[i] = f(lanes[i]);
  }
  return Simd<T>::load(out);
}

// c0 + c1 x + c2 x^2 + ... by Horner's rule. Independent vectors of a loop fill the pipeline, so no Estrin
// here.
template <class T>
RL_INLINE Simd<T> poly(Simd<T>, T c0) {
  return Simd<T>(c0);
}
template <class T, class... C>
RL_INLINE Simd<T> poly(Simd<T> x, T c0, C... rest) {
  return fma(poly(x, rest...), x, Simd<T>(c0));
}

// The same as an even and an odd half, for degrees so high that one chain of multiply-adds is longer than the
// processor looks ahead.
template <class T>
RL_INLINE Simd<T> poly_even(Simd<T>, T c0) {
  return Simd<T>(c0);
}
template <class T>
RL_INLINE Simd<T> poly_even(Simd<T>, T c0, T) {
  return Simd<T>(c0);
}
template <class T, class... C>
RL_INLINE Simd<T> poly_even(Simd<T> z, T c0, T, C... rest) {
  return fma(poly_even(z, rest...), z, Simd<T>(c0));
}
template <class T, class... C>
RL_INLINE Simd<T> poly_split(Simd<T> x, T c0, C... rest) {
  const Simd<T> z = x * x;
  return fma(poly_even(z, rest...), x, poly_even(z, c0, rest...));
}

// A float formula whose rounding errors would add up to more than its bound runs as two halves in double: the
// result is then correctly rounded but for one case in millions. `f` takes and returns Simd<double>.
struct DoubleHalves {
  Simd<double> lo, hi;
};
#if HWY_TARGET == HWY_SCALAR  // one lane, no halves
RL_INLINE DoubleHalves to_halves(Simd<float> x) {
  const Simd<double> v = hn::PromoteTo(hn::ScalableTag<double>(), x.raw);
  return {v, v};
}
RL_INLINE Simd<float> from_halves(Simd<double> lo, Simd<double>) {
  return hn::DemoteTo(hn::ScalableTag<float>(), lo.raw);
}
#else
RL_INLINE DoubleHalves to_halves(Simd<float> x) {
  const hn::ScalableTag<double> dd;
  const hn::Rebind<float, decltype(dd)> half;
  return {hn::PromoteTo(dd, hn::LowerHalf(half, x.raw)), hn::PromoteTo(dd, hn::UpperHalf(half, x.raw))};
}
RL_INLINE Simd<float> from_halves(Simd<double> lo, Simd<double> hi) {
  const hn::Rebind<float, hn::ScalableTag<double>> half;
  return hn::Combine(hn::ScalableTag<float>(), hn::DemoteTo(half, hi.raw), hn::DemoteTo(half, lo.raw));
}
#endif
template <class F>
RL_INLINE Simd<float> via_double(Simd<float> x, F f) {
  const auto [lo, hi] = to_halves(x);
  return from_halves(f(lo), f(hi));
}
template <class F>
RL_INLINE Simd<float> via_double(Simd<float> x, Simd<float> y, F f) {
  const DoubleHalves a = to_halves(x), b = to_halves(y);
  return from_halves(f(a.lo, b.lo), f(a.hi, b.hi));
}

RL_MATH_END

#include "rushlight/kernels/math/simd_exp-inl.h"
#include "rushlight/kernels/math/simd_trig-inl.h"
#include "rushlight/kernels/math/simd_erf-inl.h"
#include "rushlight/kernels/math/simd_gamma-inl.h"
#include "rushlight/kernels/math/simd_bessel-inl.h"
#include "rushlight/kernels/math/simd_special-inl.h"

#endif

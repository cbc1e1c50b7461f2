// Half and BFloat16 in vectors: 2 N elements in memory are a pair of vectors of N floats.
#if defined(RUSHLIGHT_CPU_NARROW_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_CPU_NARROW_INL_H_
#undef RUSHLIGHT_CPU_NARROW_INL_H_
#else
#define RUSHLIGHT_CPU_NARROW_INL_H_
#endif

#include <type_traits>

#include "rushlight/core/float16.h"
#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET == HWY_SCALAR
template <class H>
inline constexpr bool kHasPairs = false;
#else
// AVX2 and AVX-512 convert half precision in hardware, with the same rounding as Half's constructor; BFloat16
// takes no more than integer arithmetic.
template <class H>
inline constexpr bool kHasPairs = std::is_same_v<H, BFloat16> || HWY_TARGET <= HWY_AVX2;

using FloatTag = hn::ScalableTag<float>;
using BitsTag = hn::RebindToUnsigned<FloatTag>;
inline constexpr int64_t kPairLanes = 2 * static_cast<int64_t>(HWY_LANES(float));

struct FloatPair {
  hn::Vec<FloatTag> low, high;
};

template <class H>
RL_INLINE hn::Vec<FloatTag> widen(const H* p) {
  const FloatTag d;
  if constexpr (std::is_same_v<H, BFloat16>) {  // the upper half of a float
    const hn::Rebind<uint16_t, FloatTag> half;
    const auto bits = hn::PromoteTo(BitsTag(), hn::LoadU(half, reinterpret_cast<const uint16_t*>(p)));
    return hn::BitCast(d, hn::ShiftLeft<16>(bits));
  } else {
    const hn::Rebind<hwy::float16_t, FloatTag> half;
    return hn::PromoteTo(d, hn::LoadU(half, reinterpret_cast<const hwy::float16_t*>(p)));
  }
}
template <class H>
RL_INLINE FloatPair load_pair(const H* p) {
  return {widen(p), widen(p + kPairLanes / 2)};
}

RL_INLINE void store_pair(FloatPair x, Half* p) {
  const hn::Rebind<hwy::float16_t, FloatTag> half;
  hwy::float16_t* to = reinterpret_cast<hwy::float16_t*>(p);
  hn::StoreU(hn::DemoteTo(half, x.low), half, to);
  hn::StoreU(hn::DemoteTo(half, x.high), half, to + kPairLanes / 2);
}

// To the nearest BFloat16, halves to the even one, in the upper half of each lane: what BFloat16's
// constructor does with a number.
RL_INLINE hn::Vec<BitsTag> rounded_to_upper_half(hn::Vec<FloatTag> x) {
  const BitsTag d;
  const auto bits = hn::BitCast(d, x);
  const auto odd = hn::And(hn::ShiftRight<16>(bits), hn::Set(d, 1));
  return hn::Add(hn::Add(bits, hn::Set(d, 0x7fff)), odd);
}
RL_INLINE void store_pair(FloatPair x, BFloat16* p) {
  const FloatTag d;
  const hn::Repartition<uint16_t, FloatTag> halves;
  auto low = rounded_to_upper_half(x.low), high = rounded_to_upper_half(x.high);
  const auto numbers = hn::And(hn::Eq(x.low, x.low), hn::Eq(x.high, x.high));
  if (HWY_UNLIKELY(!hn::AllTrue(d, numbers))) {  // the sum carried NaNs on to other values
    const auto nan = hn::Set(BitsTag(), 0x7fc00000);
    low = hn::IfThenElse(hn::RebindMask(BitsTag(), hn::IsNaN(x.low)), nan, low);
    high = hn::IfThenElse(hn::RebindMask(BitsTag(), hn::IsNaN(x.high)), nan, high);
  }
  const auto packed = hn::ConcatOdd(halves, hn::BitCast(halves, high), hn::BitCast(halves, low));
  hn::StoreU(packed, halves, reinterpret_cast<uint16_t*>(p));
}
#endif

RL_MATH_END

#endif

// The loops of keys are plain, and the compiler makes vectors of them for each SIMD target.
#include "rushlight/kernels/cpu/sort_keys.h"

#include <bit>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/sort_keys.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

namespace hn = hwy::HWY_NAMESPACE;
using cpu::Encode;
using cpu::FindBelow;

// The key of x: unsigned, of the same order.
template <class T>
HWY_INLINE auto encode(T x) {
  if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return encode(static_cast<float>(x));
  } else {
    using Key = std::conditional_t<(sizeof(T) > 4), uint64_t, uint32_t>;
    constexpr int kSignBit = 8 * sizeof(Key) - 1;
    constexpr Key kSign = Key{1} << kSignBit;
    if constexpr (std::is_floating_point_v<T>) {
      const Key bits = std::bit_cast<Key>(x + T(0));  // -0 becomes 0
      // A negative number's bits are all turned over, of the others the sign.
      const Key turned = bits ^ (static_cast<Key>(-static_cast<Key>(bits >> kSignBit)) | kSign);
      return x != x ? static_cast<Key>(~Key{0}) : turned;
    } else if constexpr (std::is_signed_v<T>) {
      return static_cast<Key>(static_cast<Key>(x) ^ kSign);
    } else {
      return static_cast<Key>(x);
    }
  }
}

template <class T, class Key>
void encode_block(const void* source, int64_t n, bool descending, uint64_t base, Key* HWY_RESTRICT keys) {
  using Own = decltype(encode(T()));
  const T* x = static_cast<const T*>(source);
  const Own flip = descending ? static_cast<Own>(~Own{0}) : Own{0}, first = static_cast<Own>(base);
  for (int64_t i = 0; i < n; ++i)
    keys[i] = static_cast<Key>(static_cast<Own>(static_cast<Own>(encode(x[i]) ^ flip) - first));
}

template <class Key>
Encode<Key> find_encode(DType dtype) {
  return visit_dtype(dtype, []<class T>() -> Encode<Key> {
    if constexpr (std::is_same_v<T, complex64> || std::is_same_v<T, complex128>) return nullptr;
    else return encode_block<T, Key>;
  });
}

template <class Key>
int64_t find_below(const Key* keys, int64_t from, int64_t n, Key limit) {
  int64_t i = from;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<Key> d;
  const auto top = hn::Set(d, limit);
  constexpr int64_t kLanes = HWY_LANES(Key);
  for (; i + kLanes <= n; i += kLanes) {
    const int64_t first = hn::FindFirstTrue(d, hn::Lt(hn::LoadU(d, keys + i), top));
    if (first >= 0) return i + first;
  }
#endif
  while (i < n && keys[i] >= limit) ++i;
  return i;
}

Encode<uint32_t> encode32(DType dtype) { return find_encode<uint32_t>(dtype); }
Encode<uint64_t> encode64(DType dtype) { return find_encode<uint64_t>(dtype); }
FindBelow<uint32_t> below32() { return find_below<uint32_t>; }
FindBelow<uint64_t> below64() { return find_below<uint64_t>; }

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(encode32);
HWY_EXPORT(encode64);
HWY_EXPORT(below32);
HWY_EXPORT(below64);
}  // namespace rushlight::math
namespace rushlight::cpu {
using namespace math;
template <>
Encode<uint32_t> encode_function(DType dtype) {
  return HWY_DYNAMIC_DISPATCH(encode32)(dtype);
}
template <>
Encode<uint64_t> encode_function(DType dtype) {
  return HWY_DYNAMIC_DISPATCH(encode64)(dtype);
}
template <>
FindBelow<uint32_t> find_below_function() {
  return HWY_DYNAMIC_DISPATCH(below32)();
}
template <>
FindBelow<uint64_t> find_below_function() {
  return HWY_DYNAMIC_DISPATCH(below64)();
}
}  // namespace rushlight::cpu
#endif

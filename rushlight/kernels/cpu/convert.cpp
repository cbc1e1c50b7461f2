// Conversion of blocks. The loops are plain: compiled once for each SIMD target, the compiler turns them into
// vectors. Only what it cannot see (half precision's instructions, every second element) is written with
// Highway.
#include "rushlight/kernels/cpu/convert.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/convert.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/bytes.h"
#include "rushlight/kernels/cpu/narrow-inl.h"
#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

namespace hn = hwy::HWY_NAMESPACE;
using cpu::Compute;
using cpu::Load;
using cpu::Store;
using cpu::StoreBool;
using cpu::visit_compute;

template <class T>
inline constexpr bool is_complex_type = std::is_same_v<T, complex64> || std::is_same_v<T, complex128>;

template <class T>
inline constexpr bool kIsNarrow = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;

// Floats out of an integer's range convert as x86's instructions do, never as undefined behaviour.
template <class To, class From>
To float_to_integer(From v) {
  if constexpr (std::is_same_v<To, uint64_t>) {
    if (v >= From(9223372036854775808.0))
      return v < From(18446744073709551616.0) ? static_cast<uint64_t>(v) : 0;
    return static_cast<uint64_t>(v > From(-9223372036854775808.0) ? static_cast<int64_t>(v) : INT64_MIN);
  } else if constexpr (sizeof(To) == 8) {
    return v >= From(-9223372036854775808.0) && v < From(9223372036854775808.0) ? static_cast<int64_t>(v)
                                                                                : INT64_MIN;
  } else {
    const bool fits = v > From(-2147483649.0) && v < From(2147483648.0);
    return static_cast<To>(fits ? static_cast<int32_t>(v) : INT32_MIN);
  }
}

template <class To, class From>
To convert(From v) {
  if constexpr (std::is_same_v<To, From>) {
    return v;
  } else if constexpr (is_complex_type<From>) {
    if constexpr (is_complex_type<To>) return To(v);
    else if constexpr (std::is_same_v<To, bool>) return v != From(0);
    else return convert<To>(v.real());
  } else if constexpr (kIsNarrow<From>) {
    return convert<To>(static_cast<float>(v));
  } else if constexpr (std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (is_complex_type<To>) {
    return To(static_cast<typename To::value_type>(v));
  } else if constexpr (kIsNarrow<To>) {
    return To(static_cast<float>(v));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return float_to_integer<To>(v);
  } else {
    return static_cast<To>(v);
  }
}

#if HWY_TARGET != HWY_SCALAR
// The elements up to the last whole pair of vectors; the number converted.
template <class H>
int64_t widen_pairs(const H* in, float* out, int64_t n) {
  int64_t i = 0;
  for (; i + kPairLanes <= n; i += kPairLanes) {
    const FloatPair x = load_pair(in + i);
    hn::StoreU(x.low, FloatTag(), out + i);
    hn::StoreU(x.high, FloatTag(), out + i + kPairLanes / 2);
  }
  return i;
}
template <class H>
int64_t narrow_pairs(const float* in, H* out, int64_t n) {
  int64_t i = 0;
  for (; i + kPairLanes <= n; i += kPairLanes)
    store_pair({hn::LoadU(FloatTag(), in + i), hn::LoadU(FloatTag(), in + i + kPairLanes / 2)}, out + i);
  return i;
}

// A vector of every first or second element; of the latter, the one behind the last is read.
template <int64_t kStride, class D>
hn::Vec<D> load_every(D d, const hn::TFromD<D>* in) {
  if constexpr (kStride == 1) return hn::LoadU(d, in);
  else return hn::ConcatEven(d, hn::LoadU(d, in + hn::Lanes(d)), hn::LoadU(d, in));
}

// Between floats and 64-bit integers there is no instruction before AVX-512: vectors of numbers that fit 32
// bits go that way, the others one by one.
inline int64_t to_wide_integers(const float* in, int64_t* out, int64_t n) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::ScalableTag<int64_t> wide;
  const hn::Half<decltype(di)> half;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) {
    const auto x = hn::LoadU(d, in + i);
    if (HWY_LIKELY(hn::AllTrue(d, hn::Lt(hn::Abs(x), hn::Set(d, 2147483648.0f))))) {
      const auto narrow = hn::ConvertTo(di, x);
      hn::StoreU(hn::PromoteTo(wide, hn::LowerHalf(half, narrow)), wide, out + i);
      hn::StoreU(hn::PromoteTo(wide, hn::UpperHalf(half, narrow)), wide, out + i + lanes / 2);
    } else {
      for (int64_t k = i; k < i + lanes; ++k) out[k] = convert<int64_t>(in[k]);
    }
  }
  return i;
}
template <int64_t kStride>
int64_t from_wide_integers(const int64_t* in, float* out, int64_t n) {
  const hn::ScalableTag<float> d;
  const hn::RebindToSigned<decltype(d)> di;
  const hn::ScalableTag<int64_t> wide;
  const hn::Half<decltype(di)> half;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes + kStride - 1 <= n; i += lanes) {
    const auto low = load_every<kStride>(wide, in + i * kStride),
               high = load_every<kStride>(wide, in + (i + lanes / 2) * kStride);
    const auto narrow = hn::ConcatEven(di, hn::BitCast(di, high), hn::BitCast(di, low));
    const auto same = hn::And(hn::Eq(hn::PromoteTo(wide, hn::LowerHalf(half, narrow)), low),
                              hn::Eq(hn::PromoteTo(wide, hn::UpperHalf(half, narrow)), high));
    if (HWY_LIKELY(hn::AllTrue(wide, same))) {
      hn::StoreU(hn::ConvertTo(d, narrow), d, out + i);
    } else {
      for (int64_t k = i; k < i + lanes; ++k) out[k] = static_cast<float>(in[k * kStride]);
    }
  }
  return i;
}
#endif

// What the compiler would not turn into vectors by itself; the number converted.
template <int64_t kStride, class From, class To>
int64_t convert_vectors(const From* in, To* out, int64_t n) {
  constexpr bool kFromFloat = std::is_same_v<From, float>, kToFloat = std::is_same_v<To, float>;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (std::is_same_v<From, int64_t> && kToFloat) return from_wide_integers<kStride>(in, out, n);
  if constexpr (kStride != 1) return 0;
  if constexpr (kIsNarrow<From> && kToFloat && kHasPairs<From>) return widen_pairs(in, out, n);
  if constexpr (kFromFloat && kIsNarrow<To> && kHasPairs<To>) return narrow_pairs(in, out, n);
  if constexpr (kFromFloat && std::is_same_v<To, int64_t>) return to_wide_integers(in, out, n);
#endif
  return 0;
}

template <class From, class To>
void convert_dense(const From* in, To* out, int64_t n) {
  if constexpr (std::is_same_v<From, To>) {
    cpu::copy_bytes(out, in, n * sizeof(From));
  } else if constexpr (std::is_same_v<From, bool>) {  // which the compiler would load one by one
    convert_dense(reinterpret_cast<const uint8_t*>(in), out, n);
  } else {
    for (int64_t i = convert_vectors<1>(in, out, n); i < n; ++i) out[i] = convert<To>(in[i]);
  }
}

// Every second element, vectors at a time; the number loaded. The element after the last one is never
// touched.
template <class T>
int64_t load_second(const T* in, T* out, int64_t n) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes < n; i += lanes) {
    hn::Vec<decltype(d)> even, odd;
    hn::LoadInterleaved2(d, in + 2 * i, even, odd);
    hn::StoreU(even, d, out + i);
  }
  return i;
}

// The elements at and before `in`, vectors at a time; the number loaded. They are read from the last to the
// first, upwards in memory, and in groups of four before the first is stored: both ways around take up to a
// third longer.
template <class T>
int64_t load_reversed(const T* in, T* out, int64_t n) {
  const hn::ScalableTag<T> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto reversed = [&](int64_t i)
                            HWY_ATTR { return hn::Reverse(d, hn::LoadU(d, in - i - (lanes - 1))); };
  const int64_t whole = n - n % lanes;
  int64_t i = whole;
  for (; i >= 4 * lanes; i -= 4 * lanes) {
    const auto a = reversed(i - lanes), b = reversed(i - 2 * lanes);
    const auto c = reversed(i - 3 * lanes), e = reversed(i - 4 * lanes);
    hn::StoreU(a, d, out + i - lanes);
    hn::StoreU(b, d, out + i - 2 * lanes);
    hn::StoreU(c, d, out + i - 3 * lanes);
    hn::StoreU(e, d, out + i - 4 * lanes);
  }
  for (; i > 0; i -= lanes) hn::StoreU(reversed(i - lanes), d, out + i - lanes);
  return whole;
}

template <class T>
void load_strided(const T* in, int64_t stride, T* out, int64_t n) {
  int64_t i = 0;
  if constexpr (kIsNarrow<T>) {
    return load_strided(reinterpret_cast<const uint16_t*>(in), stride, reinterpret_cast<uint16_t*>(out), n);
  } else if constexpr (std::is_arithmetic_v<T> && !std::is_same_v<T, bool>) {
    if (stride == 2) i = load_second(in, out, n);
    if constexpr (sizeof(T) >= 2)  // Highway does not reverse bytes
      if (stride == -1) i = load_reversed(in, out, n);
  }
  for (; i < n; ++i) out[i] = in[i * stride];
}

// Lines are stored whole, in one step each: a loop of half lines takes up to twice the time on Zen 3.
template <class T>
void fill_dense(T* out, int64_t n, T value) {
  if constexpr (std::has_single_bit(sizeof(T)) && sizeof(T) <= 8) {
    using Bits = hwy::UnsignedFromSize<sizeof(T)>;
    const hn::ScalableTag<Bits> d;
    const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
    constexpr int64_t kLine = 64 / sizeof(T);
    Bits bits;
    std::memcpy(&bits, &value, sizeof(T));
    Bits* to = reinterpret_cast<Bits*>(out);
    const int64_t before = -reinterpret_cast<uintptr_t>(out) % 64 / sizeof(T);
    const int64_t head = std::min(n, before), lines = (n - head) / kLine * kLine;
    const auto v = hn::Set(d, bits);
    std::fill_n(to, head, bits);
    for (int64_t i = head; i < head + lines; i += kLine) {
#pragma GCC unroll 4
      for (int64_t k = 0; k < kLine; k += lanes) hn::StoreU(v, d, to + i + k);
    }
    std::fill_n(to + head + lines, n - head - lines, bits);
  } else {
    std::fill_n(out, n, value);
  }
}

template <class S, class C>
void load(const void* source, int64_t stride, void* block, int64_t n) {
  const S* in = static_cast<const S*>(source);
  C* out = static_cast<C*>(block);
  if (stride == 1) return convert_dense(in, out, n);
  if (stride == 0) {
    fill_dense(out, n, convert<C>(*in));
  } else if constexpr (std::is_same_v<S, C>) {
    load_strided(in, stride, out, n);
  } else {
    if constexpr (std::is_arithmetic_v<S> && sizeof(S) == 8 && std::is_arithmetic_v<C>) {
      if (stride == 2) {
        for (int64_t i = convert_vectors<2>(in, out, n); i < n; ++i) out[i] = convert<C>(in[2 * i]);
        return;
      }
    }
    constexpr int64_t kPart = 256;
    S part[kPart];
    for (int64_t i = 0; i < n; i += kPart) {
      const int64_t count = std::min(kPart, n - i);
      load_strided(in + i * stride, stride, part, count);
      convert_dense(part, out + i, count);
    }
  }
}

template <class C, class D>
void store(const void* block, void* target, int64_t stride, int64_t n) {
  const C* in = static_cast<const C*>(block);
  D* out = static_cast<D*>(target);
  if (stride == 1) return convert_dense(in, out, n);
  for (int64_t i = 0; i < n; ++i) out[i * stride] = convert<D>(in[i]);
}

template <class D>
void store_bool(const bool* in, void* target, int64_t stride, int64_t n) {
  D* out = static_cast<D*>(target);
  for (int64_t i = 0; i < n; ++i) out[i * stride] = convert<D>(static_cast<int32_t>(in[i]));
}

Load find_load(DType from, Compute to) {
  return visit_dtype(from, [&]<class S>() -> Load {
    return visit_compute(to, [&]<class C>() -> Load { return &load<S, C>; });
  });
}

Store find_store(Compute from, DType to) {
  return visit_compute(from, [&]<class C>() -> Store {
    return visit_dtype(to, [&]<class D>() -> Store { return &store<C, D>; });
  });
}

Load find_gather(int64_t item_size) {
  return item_size == 1 ? &load<uint8_t, uint8_t> : &load<uint16_t, uint16_t>;
}
Store find_scatter(int64_t item_size) {
  return item_size == 1 ? &store<uint8_t, uint8_t> : &store<uint16_t, uint16_t>;
}

StoreBool find_store_bool(DType to) {
  return visit_dtype(to, []<class D>() -> StoreBool { return &store_bool<D>; });
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(find_load);
HWY_EXPORT(find_store);
HWY_EXPORT(find_gather);
HWY_EXPORT(find_scatter);
HWY_EXPORT(find_store_bool);
}  // namespace rushlight::math

namespace rushlight::cpu {
using namespace math;
Load load_function(DType from, Compute to) { return HWY_DYNAMIC_DISPATCH(find_load)(from, to); }
Store store_function(Compute from, DType to) { return HWY_DYNAMIC_DISPATCH(find_store)(from, to); }
Load gather_function(int64_t item_size) { return HWY_DYNAMIC_DISPATCH(find_gather)(item_size); }
Store scatter_function(int64_t item_size) { return HWY_DYNAMIC_DISPATCH(find_scatter)(item_size); }
StoreBool store_bool_function(DType to) { return HWY_DYNAMIC_DISPATCH(find_store_bool)(to); }
}  // namespace rushlight::cpu
#endif

#include "rushlight/kernels/cpu/scan_kernels.h"

#include <algorithm>
#include <type_traits>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/scan_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

namespace hn = hwy::HWY_NAMESPACE;
using cpu::Compute;
using cpu::Scan;
using cpu::ScanExtremes;
using cpu::ScanRows;

#if HWY_TARGET != HWY_SCALAR && HWY_MAX_BYTES >= 32
constexpr int64_t kRows = cpu::kScanRows;
template <class T>
using Four = hn::FixedTag<T, kRows>;
template <class T>
using FourOf = hn::Vec<Four<T> >;
// Columns that are read and written together: 16 bytes of each row.
template <class T>
constexpr int64_t kColumns = 16 / static_cast<int64_t>(sizeof(T));

// Four vectors of four numbers of 32 bits: rows become columns.
template <class T>
HWY_INLINE void transpose_four(FourOf<T>* v) {
  const Four<T> d;
  const auto low_even = hn::InterleaveLower(d, v[0], v[2]), low_odd = hn::InterleaveLower(d, v[1], v[3]),
             high_even = hn::InterleaveUpper(d, v[0], v[2]), high_odd = hn::InterleaveUpper(d, v[1], v[3]);
  v[0] = hn::InterleaveLower(d, low_even, low_odd);
  v[1] = hn::InterleaveUpper(d, low_even, low_odd);
  v[2] = hn::InterleaveLower(d, high_even, high_odd);
  v[3] = hn::InterleaveUpper(d, high_even, high_odd);
}

// v[c]: column c of the four rows.
template <class T>
HWY_INLINE void load_columns(const T* in, int64_t stride, FourOf<T>* v) {
  const Four<T> d;
  if constexpr (sizeof(T) == 4) {
    for (int64_t r = 0; r < kRows; ++r) v[r] = hn::LoadU(d, in + r * stride);
    transpose_four<T>(v);
  } else {
    const hn::Half<Four<T> > half;
    const auto even = hn::Combine(d, hn::LoadU(half, in + 2 * stride), hn::LoadU(half, in)),
               odd = hn::Combine(d, hn::LoadU(half, in + 3 * stride), hn::LoadU(half, in + stride));
    v[0] = hn::InterleaveLower(d, even, odd);
    v[1] = hn::InterleaveUpper(d, even, odd);
  }
}
template <class T>
HWY_INLINE void store_columns(FourOf<T>* v, T* out, int64_t stride) {
  const Four<T> d;
  if constexpr (sizeof(T) == 4) {
    transpose_four<T>(v);
    for (int64_t r = 0; r < kRows; ++r) hn::StoreU(v[r], d, out + r * stride);
  } else {
    const hn::Half<Four<T> > half;
    const auto even = hn::InterleaveLower(d, v[0], v[1]), odd = hn::InterleaveUpper(d, v[0], v[1]);
    hn::StoreU(hn::LowerHalf(half, even), half, out);
    hn::StoreU(hn::LowerHalf(half, odd), half, out + stride);
    hn::StoreU(hn::UpperHalf(half, even), half, out + 2 * stride);
    hn::StoreU(hn::UpperHalf(half, odd), half, out + 3 * stride);
  }
}
// Places of 32 bits widen on their way out.
template <class I>
HWY_INLINE void store_places(FourOf<I>* v, int64_t* out, int64_t stride) {
  if constexpr (sizeof(I) == 8) {
    store_columns<I>(v, out, stride);
  } else {
    const Four<int64_t> d;
    transpose_four<I>(v);
    for (int64_t r = 0; r < kRows; ++r) hn::StoreU(hn::PromoteTo(d, v[r]), d, out + r * stride);
  }
}

struct Sum {
  static constexpr int kIdentity = 0;
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return hn::Add(a, b);
  }
};
struct Product {
  static constexpr int kIdentity = 1;
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return hn::Mul(a, b);
  }
};

// Rows of T, accumulated as A. Columns that are left over are copied to rows of their own, with anything
// behind them.
template <class T, class A, class Combine>
void scan_four(const void* source, void* target, int64_t n, int64_t stride) {
  const T* in = static_cast<const T*>(source);
  T* out = static_cast<T*>(target);
  const Four<A> wide;
  auto total = hn::Set(wide, static_cast<A>(Combine::kIdentity));
  const auto step = [&](const T* from, int64_t from_stride, T* to, int64_t to_stride) HWY_ATTR {
    FourOf<T> v[kColumns<T>];
    load_columns(from, from_stride, v);
    for (int64_t c = 0; c < kColumns<T>; ++c) {
      if constexpr (std::is_same_v<T, A>) {
        v[c] = total = Combine()(total, v[c]);
      } else {
        total = Combine()(total, hn::PromoteTo(wide, v[c]));
        v[c] = hn::DemoteTo(Four<T>(), total);
      }
    }
    store_columns(v, to, to_stride);
  };
  int64_t i = 0;
  for (; i + kColumns<T> <= n; i += kColumns<T>) step(in + i, stride, out + i, stride);
  if (i == n) return;
  T rest[kRows * kColumns<T>] = {};
  for (int64_t r = 0; r < kRows; ++r) std::copy_n(in + r * stride + i, n - i, rest + r * kColumns<T>);
  step(rest, kColumns<T>, rest, kColumns<T>);
  for (int64_t r = 0; r < kRows; ++r) std::copy_n(rest + r * kColumns<T>, n - i, out + r * stride + i);
}

// Is x as good as the best, or NaN.
template <bool kLargest, class T>
HWY_INLINE auto replaces(FourOf<T> x, FourOf<T> best) {
  if constexpr (std::is_integral_v<T>) return hn::Not(kLargest ? hn::Lt(x, best) : hn::Lt(best, x));
  else return hn::Or(kLargest ? hn::Ge(x, best) : hn::Le(x, best), hn::Not(hn::Eq(x, x)));
}

template <bool kLargest, class T>
void extremes_of_four(const void* source, void* target, int64_t* places, int64_t n, int64_t stride) {
  using I = std::conditional_t<sizeof(T) == 4, int32_t, int64_t>;
  const T* in = static_cast<const T*>(source);
  T* out = static_cast<T*>(target);
  const Four<T> d;
  const Four<I> di;
  HWY_ALIGN T first[kRows];
  for (int64_t r = 0; r < kRows; ++r) first[r] = in[r * stride];
  auto best = hn::Load(d, first);
  auto place = hn::Zero(di), now = hn::Zero(di);
  const auto step = [&](const T* from, int64_t from_stride, T* to, int64_t* at, int64_t to_stride) HWY_ATTR {
    FourOf<T> v[kColumns<T>];
    FourOf<I> p[kColumns<T>];
    load_columns(from, from_stride, v);
    for (int64_t c = 0; c < kColumns<T>; ++c) {
      const auto better = replaces<kLargest, T>(v[c], best);
      v[c] = best = hn::IfThenElse(better, v[c], best);
      p[c] = place = hn::IfThenElse(hn::RebindMask(di, better), now, place);
      now = hn::Add(now, hn::Set(di, I{1}));
    }
    store_columns(v, to, to_stride);
    store_places<I>(p, at, to_stride);
  };
  int64_t i = 0;
  for (; i + kColumns<T> <= n; i += kColumns<T>) step(in + i, stride, out + i, places + i, stride);
  if (i == n) return;
  T rest[kRows * kColumns<T>] = {};
  int64_t rest_places[kRows * kColumns<T>];
  for (int64_t r = 0; r < kRows; ++r) std::copy_n(in + r * stride + i, n - i, rest + r * kColumns<T>);
  step(rest, kColumns<T>, rest, rest_places, kColumns<T>);
  for (int64_t r = 0; r < kRows; ++r) {
    std::copy_n(rest + r * kColumns<T>, n - i, out + r * stride + i);
    std::copy_n(rest_places + r * kColumns<T>, n - i, places + r * stride + i);
  }
}

ScanRows find_scan_rows(Scan op, Compute type) {
  if (op == Scan::LogSumExp) return nullptr;
  switch (type) {
    case Compute::Float:
      return op == Scan::Sum ? scan_four<float, double, Sum> : scan_four<float, double, Product>;
    case Compute::Double:
      return op == Scan::Sum ? scan_four<double, double, Sum> : scan_four<double, double, Product>;
    case Compute::Int64:  // a product has no instruction before AVX-512
      return op == Scan::Sum ? scan_four<int64_t, int64_t, Sum> : nullptr;
    default: return nullptr;
  }
}

template <bool kLargest>
ScanExtremes extremes_of(Compute type) {
  switch (type) {
    case Compute::Float: return extremes_of_four<kLargest, float>;
    case Compute::Double: return extremes_of_four<kLargest, double>;
    case Compute::Int32: return extremes_of_four<kLargest, int32_t>;
    case Compute::Int64: return extremes_of_four<kLargest, int64_t>;
    default: return nullptr;
  }
}
ScanExtremes find_scan_extremes(bool largest, Compute type) {
  return largest ? extremes_of<true>(type) : extremes_of<false>(type);
}
#else
ScanRows find_scan_rows(Scan, Compute) { return nullptr; }
ScanExtremes find_scan_extremes(bool, Compute) { return nullptr; }
#endif

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(find_scan_rows);
HWY_EXPORT(find_scan_extremes);
}  // namespace rushlight::math
namespace rushlight::cpu {
using namespace math;
ScanRows scan_rows_function(Scan op, Compute type) { return HWY_DYNAMIC_DISPATCH(find_scan_rows)(op, type); }
ScanExtremes scan_extremes_function(bool largest, Compute type) {
  return HWY_DYNAMIC_DISPATCH(find_scan_extremes)(largest, type);
}
}  // namespace rushlight::cpu
#endif

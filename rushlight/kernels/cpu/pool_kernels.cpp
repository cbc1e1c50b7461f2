// One position of the window at a time, for a whole row of outputs: the compiler turns these loops into
// vectors.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/pool_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>
#include <limits>

#include "rushlight/kernels/cpu/pool_kernels.h"
#include "rushlight/kernels/math/target-inl.h"

#include "rushlight/core/ceil_div.h"

RL_MATH_BEGIN

using cpu::PoolKernels;
using cpu::PoolShape;
using cpu::PoolTable;

// The outputs [lo, hi) of a row whose window position `offset` (from the output's first place) lies inside.
struct Reach {
  int64_t lo, hi;
};
RL_INLINE Reach reach(int64_t offset, int64_t stride, int64_t in_size, int64_t out_size) {
  const int64_t lo = offset >= 0 ? 0 : ceil_div(-offset, stride);
  const int64_t last = in_size - 1 - offset;
  return {lo, last < 0 ? 0 : std::min(out_size, last / stride + 1)};
}

// f(first, lo, hi) for every position of the windows of row oy: outputs [lo, hi) find theirs in the input
// plane at `first` and a stride apart.
template <class F>
RL_INLINE void each_position(const PoolShape& s, int64_t oy, F f) {
  const int64_t top = oy * s.stride_h - s.pad_h;
  const cpu::Positions rows = cpu::positions_inside(top, top, s.kernel_h, s.dilation_h, s.in_h);
  const cpu::Positions columns =
      cpu::positions_inside(-s.pad_w, (s.out_w - 1) * s.stride_w - s.pad_w, s.kernel_w, s.dilation_w, s.in_w);
  for (int64_t ky = rows.begin; ky < rows.end; ++ky) {
    const int64_t iy = top + ky * s.dilation_h;
    for (int64_t kx = columns.begin; kx < columns.end; ++kx) {
      const int64_t offset = kx * s.dilation_w - s.pad_w;
      const Reach r = reach(offset, s.stride_w, s.in_w, s.out_w);
      f(iy * s.in_w + offset, r.lo, r.hi);
    }
  }
}

template <class T, bool kPlaces>
RL_INLINE void larger(const T* HWY_RESTRICT source, int64_t stride, int32_t first, int64_t lo, int64_t hi,
                      T* HWY_RESTRICT best, int32_t* HWY_RESTRICT at) {
  for (int64_t i = lo; i < hi; ++i) {
    const T v = source[i * stride];
    const bool take = v > best[i] || v != v;
    best[i] = take ? v : best[i];
    if constexpr (kPlaces) at[i] = take ? first + static_cast<int32_t>(i * stride) : at[i];
  }
}

template <class T, bool kPlaces>
RL_INLINE void larger_strided(const T* source, int64_t stride, int32_t first, int64_t lo, int64_t hi, T* best,
                              int32_t* at) {
  if (stride == 1) return larger<T, kPlaces>(source, 1, first, lo, hi, best, at);
  if (stride == 2) return larger<T, kPlaces>(source, 2, first, lo, hi, best, at);
  larger<T, kPlaces>(source, stride, first, lo, hi, best, at);
}

// The first place inside of a window that begins at `start`; the last place there is when the window has
// none.
RL_INLINE int64_t first_inside(int64_t start, int64_t dilation, int64_t size) {
  return std::min(start >= 0 ? start : start + ceil_div(-start, dilation) * dilation, size - 1);
}

template <class T>
void max_row(const PoolShape& s, const T* plane, int64_t oy, T* y, int32_t* at) {
  using Limits = std::numeric_limits<T>;
  std::fill_n(y, s.out_w, Limits::has_infinity ? -Limits::infinity() : Limits::lowest());
  if (at == nullptr) {
    return each_position(s, oy, [&](int64_t first, int64_t lo, int64_t hi) HWY_ATTR {
      larger_strided<T, false>(plane + first, s.stride_w, 0, lo, hi, y, nullptr);
    });
  }
  const int64_t row = first_inside(oy * s.stride_h - s.pad_h, s.dilation_h, s.in_h) * s.in_w;
  for (int64_t i = 0; i < s.out_w; ++i)
    at[i] = static_cast<int32_t>(row + first_inside(i * s.stride_w - s.pad_w, s.dilation_w, s.in_w));
  each_position(s, oy, [&](int64_t first, int64_t lo, int64_t hi) HWY_ATTR {
    larger_strided<T, true>(plane + first, s.stride_w, static_cast<int32_t>(first), lo, hi, y, at);
  });
}

template <class T>
RL_INLINE void add_strided(const T* HWY_RESTRICT source, int64_t stride, int64_t lo, int64_t hi,
                           T* HWY_RESTRICT y) {
  if (stride == 1) {
    for (int64_t i = lo; i < hi; ++i) y[i] += source[i];
  } else if (stride == 2) {
    for (int64_t i = lo; i < hi; ++i) y[i] += source[2 * i];
  } else {
    for (int64_t i = lo; i < hi; ++i) y[i] += source[i * stride];
  }
}

template <class T>
void sum_row(const PoolShape& s, const T* plane, int64_t oy, T* y) {
  std::fill_n(y, s.out_w, T(0));
  each_position(s, oy, [&](int64_t first, int64_t lo, int64_t hi) HWY_ATTR {
    add_strided(plane + first, s.stride_w, lo, hi, y);
  });
}

template <class T>
void spread_row(const PoolShape& s, const T* HWY_RESTRICT values, int64_t oy, T* HWY_RESTRICT plane) {
  each_position(s, oy, [&](int64_t first, int64_t lo, int64_t hi) HWY_ATTR {
    T* to = plane + first;
    if (s.stride_w == 1) {
      for (int64_t i = lo; i < hi; ++i) to[i] += values[i];
    } else {
      for (int64_t i = lo; i < hi; ++i) to[i * s.stride_w] += values[i];
    }
  });
}

template <class T>
constexpr PoolKernels<T> kPoolKernels{max_row<T>, sum_row<T>, spread_row<T>};

const PoolTable* pool_table_of_target() {
  static constexpr PoolTable kTable{kPoolKernels<float>, kPoolKernels<double>, kPoolKernels<int64_t>};
  return &kTable;
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(pool_table_of_target);
}
namespace rushlight::cpu {
const PoolTable& pool_table() {
  using namespace math;
  return *HWY_DYNAMIC_DISPATCH(pool_table_of_target)();
}
}  // namespace rushlight::cpu
#endif

#include "rushlight/kernels/cpu/transpose.h"

#include "rushlight/kernels/cpu/move.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/transpose.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

namespace hn = hwy::HWY_NAMESPACE;

template <class T>
void transpose_plain(const T* in, int64_t in_stride, T* out, int64_t out_stride, int64_t rows,
                     int64_t columns) {
  for (int64_t i = 0; i < rows; ++i)
    for (int64_t j = 0; j < columns; ++j) out[i * out_stride + j] = in[i + j * in_stride];
}

#if HWY_TARGET == HWY_SCALAR
template <class T>
inline constexpr int64_t kSide = 1;
#else
// A square of vectors of 16 bytes; wider vectors hold two squares side by side.
template <class T>
inline constexpr int64_t kSide = 16 / sizeof(T);
template <class T>
using Tag = hn::CappedTag<T, 32 / sizeof(T)>;
template <class T>
inline constexpr int64_t kWidth = static_cast<int64_t>(hn::MaxLanes(Tag<T>()));

// kSide elements of row j, and of row j + kSide in the upper half of a wider vector.
template <class T>
HWY_INLINE hn::Vec<Tag<T> > load_rows(const T* in, int64_t in_stride) {
  const Tag<T> d;
  if constexpr (kWidth<T> == kSide<T>) {
    return hn::LoadU(d, in);
  } else {
    const hn::Half<Tag<T> > half;
    return hn::Combine(d, hn::LoadU(half, in + kSide<T> * in_stride), hn::LoadU(half, in));
  }
}

// kSide rows, kWidth columns. Interleaving vector k with vector k + kSide / 2 moves one bit of an element's
// row number into its lane number; when all bits have moved, the square is transposed.
template <class T>
HWY_INLINE void transpose_square(const T* in, int64_t in_stride, T* out, int64_t out_stride) {
  constexpr int64_t kHalf = kSide<T> / 2;
  const Tag<T> d;
  hn::Vec<Tag<T> > v[kSide<T>], w[kSide<T>];
  for (int64_t k = 0; k < kSide<T>; ++k) v[k] = load_rows(in + k * in_stride, in_stride);
  for (int64_t step = 1; step < kSide<T>; step *= 2) {
    for (int64_t k = 0; k < kHalf; ++k) {
      w[2 * k] = hn::InterleaveLower(d, v[k], v[k + kHalf]);
      w[2 * k + 1] = hn::InterleaveUpper(d, v[k], v[k + kHalf]);
    }
    for (int64_t k = 0; k < kSide<T>; ++k) v[k] = w[k];
  }
  for (int64_t k = 0; k < kSide<T>; ++k) hn::StoreU(v[k], d, out + k * out_stride);
}
#endif

template <class T>
void transpose(const void* source, int64_t in_stride, void* target, int64_t out_stride, int64_t rows,
               int64_t columns) {
  const T* in = static_cast<const T*>(source);
  T* out = static_cast<T*>(target);
  int64_t j = 0;
#if HWY_TARGET != HWY_SCALAR
  if constexpr (kSide < T >> 1) {
    const int64_t whole = rows / kSide<T> * kSide<T>;
    for (; j + kWidth<T> <= columns; j += kWidth<T>) {
      const T* from = in + j * in_stride;
      for (int64_t i = 0; i < whole; i += kSide<T>)
        transpose_square(from + i, in_stride, out + i * out_stride + j, out_stride);
      transpose_plain(from + whole, in_stride, out + whole * out_stride + j, out_stride, rows - whole,
                      kWidth<T>);
    }
  }
#endif
  transpose_plain(in + j * in_stride, in_stride, out + j, out_stride, rows, columns - j);
}

cpu::Transpose find_transpose(int64_t size) {
  return cpu::visit_size(size, []<class T>() -> cpu::Transpose { return &transpose<T>; });
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(find_transpose);
}
namespace rushlight::cpu {
using namespace math;
Transpose transpose_function(int64_t size) { return HWY_DYNAMIC_DISPATCH(find_transpose)(size); }
}  // namespace rushlight::cpu
#endif

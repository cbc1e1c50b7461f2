// Pooling of planes (height, width) that follow one another in memory. T is float, double or int64_t (int64_t
// not where means of adaptive windows are asked for). Windows reach over the edge by the padding; what lies
// outside is left out.
#pragma once

#include <algorithm>
#include <cstdint>

#include "rushlight/core/ceil_div.h"

namespace rushlight::cpu {

struct PoolShape {
  int64_t planes = 1;
  int64_t in_h = 1, in_w = 1, out_h = 1, out_w = 1;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t pad_h = 0, pad_w = 0;
  int64_t dilation_h = 1, dilation_w = 1;
};

// The positions [begin, end) of a window's side that lie in [0, size) for one window at least, of those that
// begin at `first` to `last`: a window may be longer than anyone waits for.
struct Positions {
  int64_t begin, end;
};
inline Positions positions_inside(int64_t first, int64_t last, int64_t kernel, int64_t dilation,
                                  int64_t size) {
  return {last >= 0 ? 0 : ceil_div(-last, dilation),
          first >= size ? 0 : std::min(kernel, (size - 1 - first) / dilation + 1)};
}

// The largest element of each window and, unless indices is null, its place in the plane: the first of
// equals, the last NaN.
template <class T>
void max_pool2d(const PoolShape& shape, const T* x, T* y, int64_t* indices);

// The sum of each window over: `divisor` if that is not 0, else the window's size, with or without its
// padding.
template <class T>
void avg_pool2d(const PoolShape& shape, bool count_padding, int64_t divisor, const T* x, T* y);
template <class T>
void avg_pool2d_backward(const PoolShape& shape, bool count_padding, int64_t divisor, const T* dy, T* dx);

// Windows that divide the plane into (out_h, out_w) parts, which may overlap by one; only the sizes of the
// shape count.
template <class T>
void adaptive_avg_pool2d(const PoolShape& shape, const T* x, T* y);
template <class T>
void adaptive_avg_pool2d_backward(const PoolShape& shape, const T* dy, T* dx);
template <class T>
void adaptive_max_pool2d(const PoolShape& shape, const T* x, T* y, int64_t* indices);

// For each of `planes`: out (out_size) is zero but for the values (count) at their indices, of several for
// one place their sum (`add`) or the last; or the other way round, values (count) picked from in (in_size).
// The indices are in range.
template <class T>
void scatter_planes(int64_t planes, int64_t count, int64_t out_size, const T* values, const int64_t* indices,
                    bool add, T* out);
template <class T>
void pick_planes(int64_t planes, int64_t count, int64_t in_size, const T* in, const int64_t* indices,
                 T* values);

}  // namespace rushlight::cpu

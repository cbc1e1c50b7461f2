// Spreads pooling over threads, a few rows or planes at a time.
#include "rushlight/kernels/cpu/pool.h"

#include <algorithm>
#include <limits>
#include <memory>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/pool_kernels.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 16 * 1024;  // additions or comparisons

// Places of the input that one row of outputs looks at, at most.
int64_t row_work(const PoolShape& s) {
  return s.out_w * std::min(s.kernel_h, s.in_h) * std::min(s.kernel_w, s.in_w);
}

int64_t grain(int64_t work_each) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, work_each)); }

// The element that max_pool2d chooses, one at a time, for planes with more places than int32 counts.
template <class T>
void max_row_large(const PoolShape& s, const T* plane, int64_t oy, T* y, int64_t* at) {
  using Limits = std::numeric_limits<T>;
  for (int64_t ox = 0; ox < s.out_w; ++ox) {
    T best = Limits::has_infinity ? -Limits::infinity() : Limits::lowest();
    int64_t place = -1;
    const int64_t top = oy * s.stride_h - s.pad_h, left = ox * s.stride_w - s.pad_w;
    const Positions rows = positions_inside(top, top, s.kernel_h, s.dilation_h, s.in_h);
    const Positions columns = positions_inside(left, left, s.kernel_w, s.dilation_w, s.in_w);
    for (int64_t ky = rows.begin; ky < rows.end; ++ky) {
      const int64_t iy = top + ky * s.dilation_h;
      for (int64_t kx = columns.begin; kx < columns.end; ++kx) {
        const int64_t ix = left + kx * s.dilation_w;
        const T v = plane[iy * s.in_w + ix];
        if (v > best || v != v || place < 0) {
          best = v;
          place = iy * s.in_w + ix;
        }
      }
    }
    y[ox] = best;
    if (at) at[ox] = std::max<int64_t>(place, 0);
  }
}

// How many places a window covers along one dimension, with or without those in the padding.
int64_t window_count(int64_t o, int64_t stride, int64_t pad, int64_t kernel, int64_t in_size,
                     bool count_padding) {
  const int64_t begin = o * stride - pad, end = std::min(begin + kernel, in_size + pad);
  return count_padding ? end - begin : std::min(end, in_size) - std::max<int64_t>(begin, 0);
}

// What the sums of row oy are divided by.
void row_divisors(const PoolShape& s, bool count_padding, int64_t divisor, int64_t oy, int64_t* out) {
  const int64_t rows = window_count(oy, s.stride_h, s.pad_h, s.kernel_h, s.in_h, count_padding);
  for (int64_t ox = 0; ox < s.out_w; ++ox) {
    out[ox] =
        divisor ? divisor : rows * window_count(ox, s.stride_w, s.pad_w, s.kernel_w, s.in_w, count_padding);
  }
}

// Where part o of `parts` begins and ends.
int64_t part_begin(int64_t o, int64_t parts, int64_t size) {
  return o / parts * size + (o % parts) * size / parts;
}
int64_t part_end(int64_t o, int64_t parts, int64_t size) { return 1 + ((o + 1) * size - 1) / parts; }

// f(first row, last row, first column, last column) of each adaptive window of a plane, in order.
template <class F>
void each_part(const PoolShape& s, F&& f) {
  for (int64_t oy = 0; oy < s.out_h; ++oy) {
    for (int64_t ox = 0; ox < s.out_w; ++ox) {
      f(oy * s.out_w + ox, part_begin(oy, s.out_h, s.in_h), part_end(oy, s.out_h, s.in_h),
        part_begin(ox, s.out_w, s.in_w), part_end(ox, s.out_w, s.in_w));
    }
  }
}

template <class F>
void each_plane(const PoolShape& s, F&& f) {
  parallel_for(0, s.planes, grain(s.in_h * s.in_w + s.out_h * s.out_w), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) f(p);
  });
}

}  // namespace

template <class T>
void max_pool2d(const PoolShape& s, const T* x, T* y, int64_t* indices) {
  const bool large =
      s.in_w > 0 && (s.in_h + s.kernel_h * s.dilation_h) >
                        std::numeric_limits<int32_t>::max() / (s.in_w + s.kernel_w * s.dilation_w + 1);
  const PoolKernels<T>& kernels = pool_table().of<T>();
  parallel_for(0, s.planes * s.out_h, grain(row_work(s)), [&](int64_t begin, int64_t end) {
    const auto at = indices && !large ? std::make_unique_for_overwrite<int32_t[]>(s.out_w) : nullptr;
    for (int64_t r = begin; r < end; ++r) {
      const T* plane = x + r / s.out_h * s.in_h * s.in_w;
      int64_t* places = indices ? indices + r * s.out_w : nullptr;
      if (large) {
        max_row_large(s, plane, r % s.out_h, y + r * s.out_w, places);
        continue;
      }
      kernels.max_row(s, plane, r % s.out_h, y + r * s.out_w, at.get());
      if (places) std::copy_n(at.get(), s.out_w, places);
    }
  });
}

template <class T>
void avg_pool2d(const PoolShape& s, bool count_padding, int64_t divisor, const T* x, T* y) {
  const PoolKernels<T>& kernels = pool_table().of<T>();
  parallel_for(0, s.planes * s.out_h, grain(row_work(s)), [&](int64_t begin, int64_t end) {
    const auto divisors = std::make_unique_for_overwrite<int64_t[]>(s.out_w);
    for (int64_t r = begin; r < end; ++r) {
      T* row = y + r * s.out_w;
      kernels.sum_row(s, x + r / s.out_h * s.in_h * s.in_w, r % s.out_h, row);
      row_divisors(s, count_padding, divisor, r % s.out_h, divisors.get());
      for (int64_t i = 0; i < s.out_w; ++i) row[i] /= static_cast<T>(divisors[i]);
    }
  });
}

template <class T>
void avg_pool2d_backward(const PoolShape& s, bool count_padding, int64_t divisor, const T* dy, T* dx) {
  const PoolKernels<T>& kernels = pool_table().of<T>();
  each_plane(s, [&](int64_t p) {
    const auto divisors = std::make_unique_for_overwrite<int64_t[]>(s.out_w);
    const auto values = std::make_unique_for_overwrite<T[]>(s.out_w);
    T* plane = dx + p * s.in_h * s.in_w;
    std::fill_n(plane, s.in_h * s.in_w, T(0));
    for (int64_t oy = 0; oy < s.out_h; ++oy) {
      const T* row = dy + (p * s.out_h + oy) * s.out_w;
      row_divisors(s, count_padding, divisor, oy, divisors.get());
      for (int64_t i = 0; i < s.out_w; ++i) values[i] = row[i] / static_cast<T>(divisors[i]);
      kernels.spread_row(s, values.get(), oy, plane);
    }
  });
}

template <class T>
void adaptive_avg_pool2d(const PoolShape& s, const T* x, T* y) {
  each_plane(s, [&](int64_t p) {
    const T* plane = x + p * s.in_h * s.in_w;
    each_part(s, [&](int64_t o, int64_t y0, int64_t y1, int64_t x0, int64_t x1) {
      T sum = 0;
      for (int64_t iy = y0; iy < y1; ++iy) {
        for (int64_t ix = x0; ix < x1; ++ix) sum += plane[iy * s.in_w + ix];
      }
      y[p * s.out_h * s.out_w + o] = sum / static_cast<T>(y1 - y0) / static_cast<T>(x1 - x0);
    });
  });
}

template <class T>
void adaptive_avg_pool2d_backward(const PoolShape& s, const T* dy, T* dx) {
  each_plane(s, [&](int64_t p) {
    T* plane = dx + p * s.in_h * s.in_w;
    std::fill_n(plane, s.in_h * s.in_w, T(0));
    each_part(s, [&](int64_t o, int64_t y0, int64_t y1, int64_t x0, int64_t x1) {
      const T value = dy[p * s.out_h * s.out_w + o] / static_cast<T>(y1 - y0) / static_cast<T>(x1 - x0);
      for (int64_t iy = y0; iy < y1; ++iy) {
        for (int64_t ix = x0; ix < x1; ++ix) plane[iy * s.in_w + ix] += value;
      }
    });
  });
}

template <class T>
void adaptive_max_pool2d(const PoolShape& s, const T* x, T* y, int64_t* indices) {
  each_plane(s, [&](int64_t p) {
    const T* plane = x + p * s.in_h * s.in_w;
    each_part(s, [&](int64_t o, int64_t y0, int64_t y1, int64_t x0, int64_t x1) {
      T best = -std::numeric_limits<T>::infinity();
      int64_t place = y0 * s.in_w + x0;
      for (int64_t iy = y0; iy < y1; ++iy) {
        for (int64_t ix = x0; ix < x1; ++ix) {
          const T v = plane[iy * s.in_w + ix];
          if (!(v > best) && v == v) continue;
          best = v;
          place = iy * s.in_w + ix;
        }
      }
      y[p * s.out_h * s.out_w + o] = best;
      indices[p * s.out_h * s.out_w + o] = place;
    });
  });
}

template <class T>
void scatter_planes(int64_t planes, int64_t count, int64_t out_size, const T* values, const int64_t* indices,
                    bool add, T* out) {
  parallel_for(0, planes, grain(count + out_size), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      T* plane = out + p * out_size;
      std::fill_n(plane, out_size, T(0));
      for (int64_t i = p * count; i < (p + 1) * count; ++i)
        plane[indices[i]] = add ? plane[indices[i]] + values[i] : values[i];
    }
  });
}

template <class T>
void pick_planes(int64_t planes, int64_t count, int64_t in_size, const T* in, const int64_t* indices,
                 T* values) {
  parallel_for(0, planes, grain(count), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      for (int64_t i = p * count; i < (p + 1) * count; ++i) values[i] = in[p * in_size + indices[i]];
    }
  });
}

#define RL_POOL(T)                                                                                \
  template void max_pool2d<T>(const PoolShape&, const T*, T*, int64_t*);                          \
  template void avg_pool2d<T>(const PoolShape&, bool, int64_t, const T*, T*);                     \
  template void avg_pool2d_backward<T>(const PoolShape&, bool, int64_t, const T*, T*);            \
  template void scatter_planes<T>(int64_t, int64_t, int64_t, const T*, const int64_t*, bool, T*); \
  template void pick_planes<T>(int64_t, int64_t, int64_t, const T*, const int64_t*, T*);
RL_POOL(float)
RL_POOL(double)
RL_POOL(int64_t)
#undef RL_POOL
#define RL_ADAPTIVE_POOL(T)                                                      \
  template void adaptive_avg_pool2d<T>(const PoolShape&, const T*, T*);          \
  template void adaptive_avg_pool2d_backward<T>(const PoolShape&, const T*, T*); \
  template void adaptive_max_pool2d<T>(const PoolShape&, const T*, T*, int64_t*);
RL_ADAPTIVE_POOL(float)
RL_ADAPTIVE_POOL(double)
#undef RL_ADAPTIVE_POOL

}  // namespace rushlight::cpu

#include "rushlight/kernels/cpu/resample.h"

#include <algorithm>
#include <vector>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 16 * 1024;  // elements

int64_t grain(int64_t size_each) { return std::max<int64_t>(1, kGrain / std::max<int64_t>(1, size_each)); }

// The outputs [lo, hi) of a row whose source, `offset` from the output's first place, lies inside.
struct Reach {
  int64_t lo, hi;
};
Reach reach(int64_t offset, int64_t stride, int64_t in_size, int64_t out_size) {
  const int64_t lo = std::min(out_size, offset >= 0 ? 0 : ceil_div(-offset, stride)),
                last = in_size - 1 - offset;
  return {lo, std::max(lo, last < 0 ? 0 : std::min(out_size, last / stride + 1))};
}

// f(plane, column row, input row or -1, offset, reach) for each row of outputs of each window position.
template <class F>
void each_row(const WindowShape& s, int64_t plane, F&& f) {
  for (int64_t ky = 0; ky < s.kernel_h; ++ky) {
    for (int64_t kx = 0; kx < s.kernel_w; ++kx) {
      const int64_t offset = kx * s.dilation_w - s.pad_w;
      const Reach r = reach(offset, s.stride_w, s.in_w, s.out_w);
      for (int64_t oy = 0; oy < s.out_h; ++oy) {
        const int64_t iy = oy * s.stride_h - s.pad_h + ky * s.dilation_h;
        const int64_t row = ((plane * s.kernel_h + ky) * s.kernel_w + kx) * s.out_h + oy;
        f(row * s.out_w, iy < 0 || iy >= s.in_h ? -1 : (plane * s.in_h + iy) * s.in_w, offset, r);
      }
    }
  }
}

template <class F>
void each_plane(const WindowShape& s, F&& f) {
  parallel_for(0, s.planes, grain(s.kernel_h * s.kernel_w * s.out_h * s.out_w),
               [&](int64_t begin, int64_t end) {
                 for (int64_t p = begin; p < end; ++p) f(p);
               });
}

// One contiguous row: each output gathers its taps.
template <class T>
void resample_row(const AxisShape& s, const int64_t* __restrict index, const T* __restrict weight,
                  const T* __restrict x, T* __restrict y) {
  switch (s.taps) {
    case 1:
      for (int64_t i = 0; i < s.out_size; ++i) y[i] = x[index[i]];
      break;
    case 2:
      for (int64_t i = 0; i < s.out_size; ++i)
        y[i] = weight[2 * i] * x[index[2 * i]] + weight[2 * i + 1] * x[index[2 * i + 1]];
      break;
    default:
      for (int64_t i = 0; i < s.out_size; ++i) {
        T sum = 0;
        for (int64_t k = i * s.taps; k < (i + 1) * s.taps; ++k) sum += weight[k] * x[index[k]];
        y[i] = sum;
      }
  }
}

// One output row of `inner` elements: a weighted sum of input rows.
template <class T>
void resample_rows(const AxisShape& s, const int64_t* index, const double* weight, const T* __restrict from,
                   T* __restrict row) {
  const T* first = from + index[0] * s.inner;
  if (s.taps == 1) {
    std::copy_n(first, s.inner, row);
    return;
  }
  const T* second = from + index[1] * s.inner;
  const T w0 = static_cast<T>(weight[0]), w1 = static_cast<T>(weight[1]);
  for (int64_t j = 0; j < s.inner; ++j) row[j] = w0 * first[j] + w1 * second[j];
  for (int64_t k = 2; k < s.taps; ++k) {
    const T* source = from + index[k] * s.inner;
    const T w = static_cast<T>(weight[k]);
    for (int64_t j = 0; j < s.inner; ++j) row[j] += w * source[j];
  }
}

}  // namespace

template <class T>
void resample_axis(const AxisShape& s, const int64_t* index, const double* weight, const T* x, T* y) {
  if (s.inner == 1) {
    const std::vector<T> narrow(weight, weight + s.out_size * s.taps);
    parallel_for(0, s.outer, grain(s.out_size * s.taps), [&](int64_t begin, int64_t end) {
      for (int64_t o = begin; o < end; ++o)
        resample_row(s, index, narrow.data(), x + o * s.in_size, y + o * s.out_size);
    });
    return;
  }
  parallel_for(0, s.outer, grain(s.out_size * s.inner * s.taps), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      const T* from = x + o * s.in_size * s.inner;
      for (int64_t i = 0; i < s.out_size; ++i) {
        resample_rows(s, index + i * s.taps, weight + i * s.taps, from, y + (o * s.out_size + i) * s.inner);
      }
    }
  });
}

template <class T>
void resample_axis_transposed(const AxisShape& s, const int64_t* index, const double* weight, const T* y,
                              T* x) {
  parallel_for(0, s.outer, grain(s.out_size * s.inner * s.taps), [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      T* to = x + o * s.in_size * s.inner;
      std::fill_n(to, s.in_size * s.inner, T(0));
      for (int64_t i = 0; i < s.out_size; ++i) {
        const T* row = y + (o * s.out_size + i) * s.inner;
        for (int64_t k = 0; k < s.taps; ++k) {
          const T w = static_cast<T>(weight[i * s.taps + k]);
          T* target = to + index[i * s.taps + k] * s.inner;
          for (int64_t j = 0; j < s.inner; ++j) target[j] += w * row[j];
        }
      }
    }
  });
}

template <class T>
void unfold_planes(const WindowShape& s, const T* planes, T* columns) {
  each_plane(s, [&](int64_t p) {
    each_row(s, p, [&](int64_t column, int64_t row, int64_t offset, Reach r) {
      T* to = columns + column;
      if (row < 0) {
        std::fill_n(to, s.out_w, T(0));
        return;
      }
      std::fill_n(to, r.lo, T(0));
      for (int64_t i = r.lo; i < r.hi; ++i) to[i] = planes[row + offset + i * s.stride_w];
      std::fill(to + r.hi, to + s.out_w, T(0));
    });
  });
}

template <class T>
void fold_columns(const WindowShape& s, const T* columns, T* planes) {
  each_plane(s, [&](int64_t p) {
    std::fill_n(planes + p * s.in_h * s.in_w, s.in_h * s.in_w, T(0));
    each_row(s, p, [&](int64_t column, int64_t row, int64_t offset, Reach r) {
      if (row < 0) return;
      for (int64_t i = r.lo; i < r.hi; ++i) planes[row + offset + i * s.stride_w] += columns[column + i];
    });
  });
}

#define RL_RESAMPLE(T)                                                                                      \
  template void resample_axis<T>(const AxisShape&, const int64_t*, const double*, const T*, T*);            \
  template void resample_axis_transposed<T>(const AxisShape&, const int64_t*, const double*, const T*, T*); \
  template void unfold_planes<T>(const WindowShape&, const T*, T*);                                         \
  template void fold_columns<T>(const WindowShape&, const T*, T*);
RL_RESAMPLE(float)
RL_RESAMPLE(double)
#undef RL_RESAMPLE

}  // namespace rushlight::cpu

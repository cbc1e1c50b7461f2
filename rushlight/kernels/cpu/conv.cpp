#include "rushlight/kernels/cpu/conv.h"

#include <algorithm>
#include <vector>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_correlation.h"
#include "rushlight/kernels/cpu/conv_direct.h"
#include "rushlight/kernels/cpu/conv_positions.h"
#include "rushlight/kernels/cpu/conv_scatter.h"
#include "rushlight/kernels/cpu/conv_weight.h"
#include "rushlight/kernels/cpu/depthwise.h"
#include "rushlight/kernels/cpu/gemm.h"
#include "rushlight/kernels/cpu/gemm_kernels.h"
#include "rushlight/kernels/cpu/transpose.h"
#include "rushlight/kernels/cpu/winograd.h"

namespace rushlight::cpu {
namespace {

// The gradient with respect to the weight is a matrix product from so many output channels on; one for each
// image where planes are so long.
constexpr int64_t kManyChannels = 96, kLongPlane = 256;

template <class T>
void correlate(const Correlation& c, const T* x, const T* w, const T* bias, T* y) {
  if (!c.is_empty() && c.taps() > 0 && is_depthwise(c)) return depthwise_correlate(c, x, w, bias, y);
  correlate_direct(c, x, w, bias, y);
}

Correlation forward_correlation(const ConvShape& s) {
  Correlation c{s.batch,
                s.groups,
                s.in_channels / s.groups,
                s.out_channels / s.groups,
                s.in_h,
                s.in_w,
                s.out_h,
                s.out_w,
                s.stride_h,
                s.stride_w,
                s.out_h * s.out_w,
                s.out_w,
                1,
                {},
                {}};
  for (int64_t i = 0; i < s.kernel_h; ++i) {
    for (int64_t j = 0; j < s.kernel_w; ++j) {
      c.row.push_back(i * s.dilation_h - s.pad_top);
      c.column.push_back(j * s.dilation_w - s.pad_left);
    }
  }
  return c;
}

// The correlation of the output's gradient with the taps that reach input positions with a given residue.
struct Residue {
  Correlation c;
  std::vector<int64_t> taps;  // their places in the kernel
  int64_t begin;              // the first such position
  bool is_odd;                // column of two
};
Residue residue_correlation(const ConvShape& s, int64_t residue_h, int64_t residue_w) {
  Correlation c{s.batch,
                s.groups,
                s.out_channels / s.groups,
                s.in_channels / s.groups,
                s.out_h,
                s.out_w,
                ceil_div(s.in_h - residue_h, s.stride_h),
                ceil_div(s.in_w - residue_w, s.stride_w),
                1,
                1,
                s.in_h * s.in_w,
                s.stride_h * s.in_w,
                s.stride_w,
                {},
                {}};
  std::vector<int64_t> taps;
  for (int64_t i = 0; i < s.kernel_h; ++i) {
    const int64_t row = residue_h + s.pad_top - i * s.dilation_h;
    if (row % s.stride_h != 0) continue;
    for (int64_t j = 0; j < s.kernel_w; ++j) {
      const int64_t column = residue_w + s.pad_left - j * s.dilation_w;
      if (column % s.stride_w != 0) continue;
      c.row.push_back(row / s.stride_h);
      c.column.push_back(column / s.stride_w);
      taps.push_back(i * s.kernel_w + j);
    }
  }
  return {c, taps, residue_h * s.in_w + residue_w, s.stride_w == 2 && residue_w == 1};
}

// (groups, out, in, kernel) to (groups, in, out, taps) of each residue, one after the other. Blocks of
// channels go through a copy: a line of the cache holds little that is wanted together, and where weights are
// powers of two apart few such lines stay.
template <class T>
void transpose_weights(const ConvShape& s, const std::vector<Residue>& residues, const T* w, T* dst) {
  constexpr int64_t kBlock = 16;
  const int64_t out = s.out_channels / s.groups, in = s.in_channels / s.groups, blocks = ceil_div(in, kBlock);
  const int64_t kernel_size = s.kernel_h * s.kernel_w;
  const int64_t grain = std::max<int64_t>(1, 32768 / (std::min(in, kBlock) * out * kernel_size + 1));
  parallel_for(0, s.groups * blocks, grain, [&](int64_t begin, int64_t end) {
    T* copy = ThreadScratch::get<T>(Slot::ConvColumns, kBlock * kBlock * kernel_size);
    for (int64_t task = begin; task < end; ++task) {
      const int64_t group = task / blocks, i = task % blocks * kBlock, rows = std::min(kBlock, in - i);
      for (int64_t o = 0; o < out; o += kBlock) {
        const int64_t columns = std::min(kBlock, out - o), pitch = rows * kernel_size;
        for (int64_t q = 0; q < columns; ++q)
          std::copy_n(w + ((group * out + o + q) * in + i) * kernel_size, pitch, copy + q * pitch);
        T* target = dst;
        for (const Residue& residue : residues) {
          const int64_t taps = residue.c.taps();
          for (int64_t r = 0; r < rows; ++r) {
            T* row = target + ((group * in + i + r) * out + o) * taps;
            for (int64_t t = 0; t < taps; ++t) {
              const T* src = copy + r * kernel_size + residue.taps[static_cast<size_t>(t)];
              for (int64_t q = 0; q < columns; ++q) row[q * taps + t] = src[q * pitch];
            }
          }
          target += s.groups * in * out * taps;
        }
      }
    }
  });
}

// The gradient with respect to the input of a depthwise convolution that takes every second column: the even
// and the odd columns of a row are computed together.
template <class T>
void depthwise_rows_backward(const ConvShape& s, const T* dy, const T* w, const T* bias, T* dx) {
  if (s.batch * s.groups == 0 || s.in_h == 0) return;
  const int64_t kernel_size = s.kernel_h * s.kernel_w;
  for (int64_t i = 0; i < std::min(s.stride_h, s.in_h); ++i) {
    T* weights = ThreadScratch::get<T>(Slot::ConvPartial, s.groups * kernel_size);
    const Residue even = residue_correlation(s, i, 0), odd = residue_correlation(s, i, 1);
    transpose_weights(s, {even, odd}, w, weights);
    const T* odd_weights = weights + s.groups * even.c.taps();
    if (even.c.taps() > 0 && odd.c.taps() > 0 && s.out_h > 0 && s.out_w > 0) {
      depthwise_correlate(even.c, odd.c, dy, weights, odd_weights, bias, dx + even.begin);
    } else {
      correlate(even.c, dy, weights, bias, dx + even.begin);
      correlate(odd.c, dy, odd_weights, bias, dx + odd.begin);
    }
  }
}

bool is_pointwise(const ConvShape& s) {
  return s.kernel_h == 1 && s.kernel_w == 1 && s.stride_h == 1 && s.stride_w == 1 && s.pad_top == 0 &&
         s.pad_left == 0 && s.out_h == s.in_h && s.out_w == s.in_w;
}

// A 1x1 convolution that skips rows and columns is one without stride on what it reads.
bool is_strided_pointwise(const ConvShape& s) {
  return s.kernel_h == 1 && s.kernel_w == 1 && s.pad_top == 0 && s.pad_left == 0 &&
         (s.out_h - 1) * s.stride_h < s.in_h && (s.out_w - 1) * s.stride_w < s.in_w;
}
ConvShape without_stride(ConvShape s) {
  s.in_h = s.out_h, s.in_w = s.out_w;
  s.stride_h = s.stride_w = 1;
  return s;
}
template <class T>
const T* take_strided(const ConvShape& s, const T* x) {
  const int64_t planes = s.batch * s.in_channels, positions = s.out_h * s.out_w;
  T* taken = ThreadScratch::get<T>(Slot::ConvStrided, planes * positions);
  parallel_for(0, planes, std::max<int64_t>(1, 32768 / std::max<int64_t>(1, positions)),
               [&](int64_t begin, int64_t end) {
                 T* dst = taken + begin * positions;
                 for (int64_t plane = begin; plane < end; ++plane) {
                   for (int64_t i = 0; i < s.out_h; ++i) {
                     const T* row = x + (plane * s.in_h + i * s.stride_h) * s.in_w;
                     for (int64_t j = 0; j < s.out_w; ++j) *dst++ = row[j * s.stride_w];
                   }
                 }
               });
  return taken;
}

// The opposite: the rows and columns between are the bias.
template <class T>
void spread_strided(const ConvShape& s, const T* taken, const T* bias, T* x) {
  const int64_t planes = s.batch * s.in_channels, positions = s.out_h * s.out_w;
  parallel_for(0, planes, std::max<int64_t>(1, 32768 / std::max<int64_t>(1, s.in_h * s.in_w)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t plane = begin; plane < end; ++plane) {
                   const T* src = taken + plane * positions;
                   T* dst = x + plane * s.in_h * s.in_w;
                   std::fill_n(dst, s.in_h * s.in_w, bias ? bias[plane % s.in_channels] : T(0));
                   for (int64_t i = 0; i < s.out_h; ++i) {
                     T* row = dst + i * s.stride_h * s.in_w;
                     for (int64_t j = 0; j < s.out_w; ++j) row[j * s.stride_w] = *src++;
                   }
                 }
               });
}

// The gradient with respect to the input, as a convolution of the output's gradient with stride 1.
ConvShape turned_around(ConvShape s) {
  std::swap(s.in_channels, s.out_channels);
  std::swap(s.in_h, s.out_h);
  std::swap(s.in_w, s.out_w);
  s.pad_top = s.dilation_h * (s.kernel_h - 1) - s.pad_top;
  s.pad_left = s.dilation_w * (s.kernel_w - 1) - s.pad_left;
  return s;
}
constexpr int64_t kFilterSize = 9;  // of the filters that winograd_pays speaks of

// Tiles of a product are two vectors of columns wide. A last one of one vector takes two thirds of the time,
// as its few sums wait for each other: what all take, in those of whole tiles side by side.
template <class T>
double tiles_across(int64_t columns) {
  const int64_t nr = gemm_kernels<T>().nr, rest = columns % nr;
  return static_cast<double>(columns / nr) + (rest == 0 ? 0.0 : 2 * rest <= nr ? 2.0 / 3 : 1.0);
}

// Whether the 1x1 convolution of one image had better have the positions as rows, which share out evenly, and
// the outputs as columns: 49 positions are three tiles and one column more.
template <class T>
bool turned_pays(const ConvShape& s, int64_t out_channels, int64_t in_channels) {
  constexpr int64_t kManySums = 512;  // fewer do not earn the transpositions
  const int64_t positions = s.out_h * s.out_w;
  return s.batch == 1 && in_channels >= kManySums && positions > 1 && out_channels > 1 &&
         tiles_across<T>(positions) * static_cast<double>(out_channels) >
             1.1 * tiles_across<T>(out_channels) * static_cast<double>(positions);
}
template <class T>
void turned_product(int64_t positions, int64_t out_channels, int64_t in_channels, Matrix<const T> w,
                    const T* x, const T* bias, T* y) {
  T* turned = ThreadScratch::get<T>(Slot::Product, positions * out_channels);
  gemm<T>(positions, out_channels, in_channels, {x, 1, positions}, w.transposed(),
          Matrix<T>{turned, out_channels, 1}, {.bias = bias});
  const Transpose transpose = transpose_function(sizeof(T));
  parallel_for(0, out_channels, std::max<int64_t>(1, 32768 / positions), [&](int64_t begin, int64_t end) {
    transpose(turned + begin, out_channels, y + begin * positions, positions, end - begin, positions);
  });
}

// A 1x1 convolution is a matrix product for each image and group, or for some images where planes are small;
// `w` is its left operand for group 0.
template <class T>
void pointwise(const ConvShape& s, int64_t out_channels, int64_t in_channels, Matrix<const T> w, const T* x,
               const T* bias, T* y) {
  const int64_t positions = s.out_h * s.out_w;
  const Correlation c = forward_correlation({.batch = s.batch,
                                             .groups = s.groups,
                                             .in_channels = s.groups * in_channels,
                                             .out_channels = s.groups * out_channels,
                                             .in_w = positions,
                                             .out_w = positions});
  if (planes_pay(c)) return correlate_planes<T>({c, w}, x, bias, y);
  const bool turned = turned_pays<T>(s, out_channels, in_channels);
  for (int64_t g = 0; g < s.groups; ++g) {
    const Matrix<const T> weights{w.data + g * out_channels * in_channels, w.row_stride, w.col_stride};
    const T *from = x + g * in_channels * positions, *added = bias ? bias + g * out_channels : nullptr;
    T* to = y + g * out_channels * positions;
    if (turned) {
      turned_product(positions, out_channels, in_channels, weights, from, added, to);
      continue;
    }
    batched_gemm<T>(s.batch, out_channels, positions, in_channels, weights, 0, {from, positions, 1},
                    s.groups * in_channels * positions, {to, positions, 1},
                    s.groups * out_channels * positions, {.bias = added, .bias_axis = BiasAxis::PerRow});
  }
}

// A 1x1 convolution's rows are its columns: nothing to lay out.
template <class T>
void pointwise_weight_gradient(const ConvShape& s, const T* dy, const T* x, T* dw) {
  const int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups, positions = s.out_h * s.out_w;
  for (int64_t image = 0; image < s.batch; ++image) {
    for (int64_t g = 0; g < s.groups; ++g) {
      gemm<T>(out, in, positions, {dy + (image * s.out_channels + g * out) * positions, positions, 1},
              {x + (image * s.in_channels + g * in) * positions, 1, positions},
              Matrix<T>{dw + g * out * in, in, 1}, {.beta = image > 0 ? T(1) : T(0)});
    }
  }
}

template <class T>
T sum_of(const T* x, int64_t count) {
  constexpr int64_t kLanes = 32;  // independent sums, which the compiler keeps in vectors
  T sums[kLanes] = {};
  int64_t i = 0;
  for (; i + kLanes <= count; i += kLanes) {
    for (int64_t lane = 0; lane < kLanes; ++lane) sums[lane] += x[i + lane];
  }
  for (; i < count; ++i) sums[0] += x[i];
  for (int64_t half = kLanes / 2; half > 0; half /= 2) {
    for (int64_t lane = 0; lane < half; ++lane) sums[lane] += sums[lane + half];
  }
  return sums[0];
}

}  // namespace

template <class T>
void conv2d_forward(const ConvShape& s, const T* x, const T* w, const T* bias, T* y) {
  if (s.groups == 0) return;
  const int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
  if (is_pointwise(s)) return pointwise<T>(s, out, in, {w, in, 1}, x, bias, y);
  if constexpr (std::is_same_v<T, float>) {
    if (winograd_pays(s)) return winograd_correlate(s, x, {w, in * kFilterSize, kFilterSize}, bias, y);
  }
  const Correlation c = forward_correlation(s);
  const std::vector<CorrelationPart<T>> parts = {{c, {w, c.depth(), 1}}};
  if (is_strided_pointwise(s) && out > 1) {
    if (planes_pay(c) && !turned_pays<T>(s, out, in)) return correlate_planes(parts[0], x, bias, y);
    return pointwise<T>(without_stride(s), out, in, {w, in, 1}, take_strided(s, x), bias, y);
  }
  positions_pay(parts) ? correlate_positions(parts, x, bias, y) : correlate(c, x, w, bias, y);
}

template <class T>
void conv2d_backward_input(const ConvShape& s, const T* dy, const T* w, const T* bias, T* dx) {
  if (s.groups == 0) return;
  const int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups;
  if (is_pointwise(s)) return pointwise<T>(s, in, out, {w, 1, in}, dy, bias, dx);
  if constexpr (std::is_same_v<T, float>) {
    const ConvShape turned = turned_around(s);
    if (winograd_pays(turned))
      return winograd_correlate(turned, dy, {w, kFilterSize, in * kFilterSize, true}, bias, dx);
  }
  if (is_strided_pointwise(s) && in > 1) {
    T* taken = ThreadScratch::get<T>(Slot::ConvStrided, s.batch * s.in_channels * s.out_h * s.out_w);
    pointwise<T>(without_stride(s), in, out, {w, 1, in}, dy, bias, taken);
    return spread_strided(s, taken, bias, dx);
  }
  if (in == 1 && out == 1 && s.stride_w == 2 && s.in_w > 1 && s.kernel_w > 1)
    return depthwise_rows_backward(s, dy, w, bias, dx);
  if (scatter_pays(s)) return scatter_backward_input(s, dy, w, bias, dx);
  std::vector<Residue> residues;
  for (int64_t i = 0; i < std::min(s.stride_h, s.in_h); ++i) {
    for (int64_t j = 0; j < std::min(s.stride_w, s.in_w); ++j)
      residues.push_back(residue_correlation(s, i, j));
  }
  T* weights = ThreadScratch::get<T>(Slot::ConvPartial, s.out_channels * in * s.kernel_h * s.kernel_w);
  transpose_weights(s, residues, w, weights);
  std::vector<CorrelationPart<T>> parts;
  for (const Residue& r : residues) {
    parts.push_back({r.c, {weights, r.c.depth(), 1}, r.begin, r.is_odd});
    weights += s.in_channels * r.c.depth();
  }
  if (parts.empty()) return;
  if (positions_pay(parts)) return correlate_positions(parts, dy, bias, dx);
  for (const CorrelationPart<T>& part : parts) correlate(part.c, dy, part.w.data, bias, dx + part.begin);
}

template <class T>
void conv2d_backward_weight(const ConvShape& s, const T* dy, const T* x, T* dw) {
  const int64_t size =
      s.groups == 0 ? 0 : s.out_channels * (s.in_channels / s.groups) * s.kernel_h * s.kernel_w;
  if (size == 0) return;
  if (s.batch == 0 || s.out_h == 0 || s.out_w == 0) {
    std::fill_n(dw, size, T(0));
    return;
  }
  const Correlation c = forward_correlation(s);
  if (is_depthwise(c)) return depthwise_weight_gradient(c, dy, x, dw);
  if (is_pointwise(s) && (s.batch == 1 || s.out_h * s.out_w >= kLongPlane))
    return pointwise_weight_gradient(s, dy, x, dw);
  if (c.groups == 1 && (c.out_channels >= kManyChannels || c.taps() == 1))
    return column_weight_gradient(c, dy, x, dw);
  tiled_weight_gradient(c, dy, x, dw);
}

template <class T>
void conv2d_backward_bias(const ConvShape& s, const T* dy, T* db) {
  const int64_t positions = s.out_h * s.out_w;
  const int64_t grain = std::max<int64_t>(1, 32768 / std::max<int64_t>(1, s.batch * positions));
  parallel_for(0, s.out_channels, grain, [&](int64_t begin, int64_t end) {
    for (int64_t o = begin; o < end; ++o) {
      T sum(0);
      for (int64_t image = 0; image < s.batch; ++image)
        sum += sum_of(dy + (image * s.out_channels + o) * positions, positions);
      db[o] = sum;
    }
  });
}

#define RL_INSTANTIATE(T)                                                                     \
  template void conv2d_forward<T>(const ConvShape&, const T*, const T*, const T*, T*);        \
  template void conv2d_backward_input<T>(const ConvShape&, const T*, const T*, const T*, T*); \
  template void conv2d_backward_weight<T>(const ConvShape&, const T*, const T*, T*);          \
  template void conv2d_backward_bias<T>(const ConvShape&, const T*, T*);
RL_INSTANTIATE(float)
RL_INSTANTIATE(double)
#undef RL_INSTANTIATE

}  // namespace rushlight::cpu

// What convolution and its gradient with respect to the input have in common.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "rushlight/core/ceil_div.h"
#include "rushlight/kernels/cpu/gemm.h"

namespace rushlight::cpu {

// A correlation in its general form, per group: out(o, i, j) = sum over channels c and taps t of
// w(o, c, t) * in(c, i * step_h + row[t], j * step_w + column[t]), reading zero outside. The forward pass is
// one; the gradient with respect to the input is one for each residue of the position modulo the strides.
struct Correlation {
  int64_t batch, groups, in_channels, out_channels;  // channels of one group
  int64_t in_h, in_w, out_h, out_w, step_h, step_w;
  int64_t out_plane, out_row,
      out_column;                    // strides of the output; images and groups are whole channels apart
  std::vector<int64_t> row, column;  // of the taps

  int64_t taps() const { return static_cast<int64_t>(row.size()); }
  int64_t depth() const { return in_channels * taps(); }
  bool is_empty() const { return batch * groups * out_channels == 0 || out_h == 0 || out_w == 0; }
  int64_t work() const { return batch * groups * out_channels * out_h * out_w * depth(); }
};

// One row of a plane, a phase: dst[q] = src[first + q * step], zero outside the row.
template <class T>
inline void copy_phase(const T* src, int64_t in_w, int64_t first, int64_t step, int64_t count, T* dst) {
  const int64_t begin = first >= 0 ? 0 : std::min(count, ceil_div(-first, step));
  const int64_t end = std::clamp(in_w > first ? ceil_div(in_w - first, step) : 0, begin, count);
  for (int64_t q = 0; q < begin; ++q) dst[q] = T(0);
  src += first;
  if (step == 1) {
    for (int64_t q = begin; q < end; ++q) dst[q] = src[q];
  } else {
    for (int64_t q = begin; q < end; ++q) dst[q] = src[q * step];
  }
  for (int64_t q = end; q < count; ++q) dst[q] = T(0);
}

}  // namespace rushlight::cpu

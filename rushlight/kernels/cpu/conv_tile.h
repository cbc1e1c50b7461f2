// The part of the input that a task of convolution holds, laid out for the kernels of conv_kernels.h.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "rushlight/core/ceil_div.h"
#include "rushlight/kernels/cpu/conv_band.h"
#include "rushlight/kernels/cpu/conv_correlation.h"
#include "rushlight/kernels/cpu/conv_kernels.h"

namespace rushlight::cpu {

inline constexpr int64_t kConvDepth = 384;  // weights of a row that one pass of the micro-kernel takes
inline constexpr int64_t kConvTileBytes = 192 * 1024;  // of input that a task holds: part of the second cache
inline constexpr int64_t kConvTasks = 16;  // enough to share among threads; independent of how many there are
inline constexpr int64_t kConvSerialWork = 96 * 96 * 96;  // multiplications below which no thread is woken
// An output row this short joins images, if there are so many.
inline constexpr int64_t kShortRow = 7, kJoinedImages = 8;

// How a task holds its part of the input. The columns are dealt into step_w phases, so that neighbouring
// output columns read neighbouring elements whatever the stride; each phase is a plane of its own. Where an
// output row is too short for that, the same position of `lanes` images lies side by side instead.
struct TileLayout {
  int64_t lanes = 1;      // images of a task
  int64_t channels;       // of a block
  int64_t height, width;  // of the output tile
  int64_t top, left;      // the smallest tap
  int64_t span;           // rows of input that an output row reads, gaps included
  int64_t phases, phase_plane, row_length, plane;
  std::vector<int64_t> offsets;  // (channel of the block, tap)

  template <class T>
  static TileLayout of(const Correlation& c, bool may_join_images) {
    TileLayout l;
    const auto [row_min, row_max] = std::minmax_element(c.row.begin(), c.row.end());
    const auto [column_min, column_max] = std::minmax_element(c.column.begin(), c.column.end());
    const int64_t reach = *column_max - *column_min;
    const int64_t budget = kConvTileBytes / static_cast<int64_t>(sizeof(T));
    l.top = *row_min;
    l.left = *column_min;
    l.span = *row_max - *row_min + 1;
    l.phases = std::min(c.step_w, reach + 1);
    if (may_join_images && c.out_w <= kShortRow && c.batch >= kJoinedImages)
      l.lanes = std::min(c.batch, gemm_kernels<T>().nr);
    const int64_t blocks = ceil_div(c.in_channels, std::max<int64_t>(1, kConvDepth / c.taps()));
    l.channels = ceil_div(c.in_channels, blocks);
    if (l.lanes > 1) {
      l.width = c.out_w;
      l.row_length = ((c.out_w - 1) * c.step_w + reach + 1) * l.lanes;
    } else {
      const int64_t columns = budget / (l.channels * l.span * l.phases) - reach / c.step_w;
      l.width = std::min(c.out_w, std::max<int64_t>(32, columns / 32 * 32));
      l.row_length = l.width + reach / c.step_w;
    }
    if (l.lanes > 1) l.phases = 1;
    const int64_t rows = (budget / (l.channels * l.phases * l.row_length) - l.span) / c.step_h + 1;
    const int64_t shared =
        ceil_div(c.out_h, ceil_div(kConvTasks, l.blocks(c) * c.groups));  // rows when all tasks get some
    l.height = std::max<int64_t>(1, std::min({rows, shared, c.out_h}));
    l.phase_plane = ((l.height - 1) * c.step_h + l.span) * l.row_length + kRowSlack;
    l.plane = l.phases * l.phase_plane;
    for (int64_t channel = 0; channel < l.channels; ++channel) {
      for (size_t t = 0; t < c.row.size(); ++t) {
        const int64_t column = c.column[t] - l.left;
        l.offsets.push_back(
            channel * l.plane + (c.row[t] - l.top) * l.row_length +
            (l.lanes > 1 ? column * l.lanes : column % c.step_w * l.phase_plane + column / c.step_w));
      }
    }
    return l;
  }
  int64_t blocks(const Correlation& c) const { return ceil_div(c.batch, lanes); }  // of images
  int64_t down(const Correlation& c) const { return ceil_div(c.out_h, height); }
  int64_t across(const Correlation& c) const { return ceil_div(c.out_w, width); }
  int64_t size() const { return channels * plane + kImageSlack; }
};

// Copies what the output tile at (i, j) reads of `channels` planes.
template <class T>
void load_tile(const Correlation& c, const TileLayout& l, const T* planes, int64_t channels, int64_t i,
               int64_t j, T* dst) {
  const int64_t rows = (std::min(l.height, c.out_h - i) - 1) * c.step_h + l.span;
  const int64_t top = i * c.step_h + l.top, left = j * c.step_w + l.left;
  const int64_t begin = std::clamp<int64_t>(-top, 0, rows), end = std::clamp(c.in_h - top, begin, rows);
  const bool is_inside = begin == 0 && end == rows && left >= 0 && left + l.row_length * c.step_w <= c.in_w;
  for (int64_t channel = 0; channel < channels; ++channel, dst += l.plane) {
    if (!is_inside) std::fill_n(dst, l.plane, T(0));
    const T* in = planes + (channel * c.in_h + top + begin) * c.in_w;
    if (end > begin)
      load_phases(in, c.in_w, c.in_w, end - begin, left, c.step_w, l.phases, dst + begin * l.row_length,
                  l.phase_plane, l.row_length);
  }
}

// The same for joined images.
template <class T>
void load_joined(const Correlation& c, const TileLayout& l, const T* planes, int64_t channels, int64_t images,
                 int64_t i, T* dst) {
  const int64_t rows = (std::min(l.height, c.out_h - i) - 1) * c.step_h + l.span,
                columns = l.row_length / l.lanes;
  const int64_t image_size = c.groups * c.in_channels * c.in_h * c.in_w;
  for (int64_t channel = 0; channel < channels; ++channel) {
    for (int64_t r = 0; r < rows; ++r) {
      const int64_t in_row = i * c.step_h + l.top + r;
      const T* src = planes + (channel * c.in_h + in_row) * c.in_w + l.left;
      T* row = dst + channel * l.plane + r * l.row_length;
      for (int64_t q = 0; q < columns; ++q, row += l.lanes) {
        const int64_t in_column = l.left + q;
        if (in_row < 0 || in_row >= c.in_h || in_column < 0 || in_column >= c.in_w) {
          std::fill_n(row, images, T(0));
        } else {
          for (int64_t image = 0; image < images; ++image) row[image] = src[image * image_size + q];
        }
      }
    }
  }
}

}  // namespace rushlight::cpu

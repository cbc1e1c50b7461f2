// A band of output rows and the input that it reads, for kernels that find the input of a tap by an offset.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "rushlight/core/ceil_div.h"
#include "rushlight/kernels/cpu/conv_correlation.h"
#include "rushlight/kernels/cpu/conv_kernels.h"

namespace rushlight::cpu {

// Rows of the input, in_row apart, dealt into phases: phase p, a plane of `pitch` columns, holds columns
// first + p, first + p + step, ... What lies to the left and right of the input stays as it is; kRowSlack
// elements behind a plane may become zero.
template <class T>
void load_phases(const T* in, int64_t in_w, int64_t in_row, int64_t rows, int64_t first, int64_t step,
                 int64_t phases, T* image, int64_t plane, int64_t pitch) {
  const auto& kernels = conv_kernels<T>();
  const int64_t inside = std::max<int64_t>(0, first), skipped = inside - first;
  if (inside >= in_w) return;
  if (step == 1) {
    if (skipped < pitch)
      kernels.copy_rows(rows, std::min(in_w - inside, pitch - skipped), in + inside, in_row, image + skipped,
                        pitch);
  } else if (step == 2 && phases == 2) {
    const int64_t even = skipped / 2, odd = (skipped + 1) / 2;
    const int64_t count = std::min({in_w - inside, 2 * (pitch - even), 2 * (pitch - odd) + 1});
    if (count > 0)
      kernels.deal_rows(rows, count, in + inside, in_row, image + skipped % 2 * plane + even,
                        image + (skipped + 1) % 2 * plane + odd, pitch);
  } else {
    for (int64_t q = 0; q < rows; ++q) {
      for (int64_t p = 0; p < phases; ++p)
        copy_phase(in + q * in_row, in_w, first + p, step, pitch, image + p * plane + q * pitch);
    }
  }
}

// The input's rows and columns are dealt into as many phases as the steps, each phase a plane of `pitch`
// columns: with that, output (i, j) reads for each tap the element offsets[tap] + i * pitch + j, and the
// whole band is one row of outputs with a few useless ones between the rows.
struct Band {
  const Correlation& c;
  int64_t top, left;  // the smallest tap
  int64_t phases_h, phases_w, more_rows, pitch;
  int64_t height;  // output rows
  int64_t plane;   // elements of a phase
  std::vector<int64_t> offsets;

  // There are taps. A band holds about `elements` of input, and a row at least.
  Band(const Correlation& correlation, int64_t elements) : c(correlation) {
    const auto [row_min, row_max] = std::minmax_element(c.row.begin(), c.row.end());
    const auto [column_min, column_max] = std::minmax_element(c.column.begin(), c.column.end());
    top = *row_min, left = *column_min;
    phases_h = std::min(c.step_h, *row_max - top + 1);
    phases_w = std::min(c.step_w, *column_max - left + 1);
    more_rows = (*row_max - top) / c.step_h;
    pitch = c.out_w + (*column_max - left) / c.step_w;
    height = std::clamp<int64_t>(elements / (phases_h * phases_w * pitch) - more_rows, 1, c.out_h);
    plane = (height + more_rows) * pitch + kRowSlack;
    for (size_t t = 0; t < c.row.size(); ++t) {
      const int64_t row = c.row[t] - top, column = c.column[t] - left;
      offsets.push_back((row % c.step_h * phases_w + column % c.step_w) * plane + row / c.step_h * pitch +
                        column / c.step_w);
    }
  }

  // Of one channel.
  int64_t size() const { return phases_h * phases_w * plane; }

  // What output rows [i, i + rows) read of a plane of the input. The image must begin as zeros, and hold
  // nothing but what was loaded since.
  template <class T>
  void load(const T* in, int64_t i, int64_t rows, T* image) const {
    for (int64_t phase = 0; phase < phases_h; ++phase, image += phases_w * plane) {
      const int64_t first = i * c.step_h + top + phase, count = rows + more_rows;
      const int64_t begin = first >= 0 ? 0 : std::min(count, ceil_div(-first, c.step_h));
      const int64_t end = std::clamp(c.in_h > first ? ceil_div(c.in_h - first, c.step_h) : 0, begin, count);
      for (int64_t p = 0; p < phases_w; ++p) std::fill_n(image + p * plane, begin * pitch, T(0));
      if (end > begin)
        load_phases(in + (first + begin * c.step_h) * c.in_w, c.in_w, c.step_h * c.in_w, end - begin, left,
                    c.step_w, phases_w, image + begin * pitch, plane, pitch);
      for (int64_t p = 0; p < phases_w; ++p)
        std::fill_n(image + p * plane + end * pitch, (count - end) * pitch, T(0));
    }
  }
};

}  // namespace rushlight::cpu

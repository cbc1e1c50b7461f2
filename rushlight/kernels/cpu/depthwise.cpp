#include "rushlight/kernels/cpu/depthwise.h"

#include <algorithm>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_kernels.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kBandElements = 4096;   // of input: half of the first cache
constexpr int64_t kSerialWork = 1 << 18;  // multiplications below which no thread is woken

// A band of output rows and the input that it reads. The input's rows and columns are dealt into as many
// phases as the steps, each phase a plane of `pitch` columns: with that, output (i, j) reads for each tap the
// element offsets[tap] + i * pitch + j, and the whole band is one row of outputs with a few useless ones
// between the rows.
struct Band {
  const Correlation& c;
  int64_t top, left;  // the smallest tap
  int64_t phases_h, phases_w, more_rows, pitch, height, plane;
  std::vector<int64_t> offsets;

  explicit Band(const Correlation& correlation) : c(correlation) {
    const auto [row_min, row_max] = std::minmax_element(c.row.begin(), c.row.end());
    const auto [column_min, column_max] = std::minmax_element(c.column.begin(), c.column.end());
    top = *row_min, left = *column_min;
    phases_h = std::min(c.step_h, *row_max - top + 1);
    phases_w = std::min(c.step_w, *column_max - left + 1);
    more_rows = (*row_max - top) / c.step_h;
    pitch = c.out_w + (*column_max - left) / c.step_w;
    height = std::clamp<int64_t>(kBandElements / (phases_h * phases_w * pitch) - more_rows, 1, c.out_h);
    plane = (height + more_rows) * pitch;
    for (size_t t = 0; t < c.row.size(); ++t) {
      const int64_t row = c.row[t] - top, column = c.column[t] - left;
      offsets.push_back((row % c.step_h * phases_w + column % c.step_w) * plane + row / c.step_h * pitch +
                        column / c.step_w);
    }
  }

  int64_t size() const { return phases_h * phases_w * plane + kImageSlack; }

  // What output rows [i, i + rows) read of a plane.
  template <class T>
  void load(const T* in, int64_t i, int64_t rows, T* image) const {
    for (int64_t phase = 0; phase < phases_h; ++phase) {
      for (int64_t q = 0; q < rows + more_rows; ++q) {
        const int64_t row = (i + q) * c.step_h + top + phase;
        T* dst = image + phase * phases_w * plane + q * pitch;
        for (int64_t p = 0; p < phases_w; ++p, dst += plane) {
          if (row < 0 || row >= c.in_h) std::fill_n(dst, pitch, T(0));
          else copy_phase(in + row * c.in_w, c.in_w, left + p, c.step_w, pitch, dst);
        }
      }
    }
  }
};

template <class T>
void store_rows(const Correlation& c, const T* results, int64_t pitch, int64_t rows, T* y) {
  for (int64_t i = 0; i < rows; ++i, results += pitch, y += c.out_row) {
    if (c.out_column == 1) {
      std::copy_n(results, c.out_w, y);
    } else {
      for (int64_t j = 0; j < c.out_w; ++j) y[j * c.out_column] = results[j];
    }
  }
}

}  // namespace

template <class T>
void depthwise_correlate(const Correlation& c, const T* x, const T* w, const T* bias, T* y) {
  const Band band(c);
  const Panels one_row(1, 1);
  const int64_t taps = c.taps();
  const int64_t work = std::max<int64_t>(1, c.out_h * c.out_w * taps);
  parallel_for(
      0, c.batch * c.groups, std::max<int64_t>(1, kSerialWork / work), [&](int64_t begin, int64_t end) {
        T* image = Scratch::get<T>(Slot::ConvImage, band.size());
        T* results = Scratch::get<T>(Slot::ConvColumns, band.height * band.pitch);
        std::fill_n(image, band.size(), T(0));
        for (int64_t plane = begin; plane < end; ++plane) {
          const int64_t group = plane % c.groups;
          Output<T> out{results, 0, 1};
          if (bias) out.row_bias = bias + group;
          for (int64_t i = 0; i < c.out_h; i += band.height) {
            const int64_t rows = std::min(band.height, c.out_h - i);
            band.load(x + plane * c.in_h * c.in_w, i, rows, image);
            conv_kernels<T>().correlate(one_row, 0, 1, taps, w + group * taps, image, band.offsets.data(), 1,
                                        (rows - 1) * band.pitch + c.out_w, 0, out, 0);
            store_rows(c, results, band.pitch, rows, y + plane * c.out_plane + i * c.out_row);
          }
        }
      });
}

template <class T>
void depthwise_weight_gradient(const Correlation& c, const T* dy, const T* x, T* dw) {
  const Band band(c);
  const int64_t taps = c.taps();
  const int64_t work = std::max<int64_t>(1, c.batch * c.out_h * c.out_w * taps);
  parallel_for(0, c.groups, std::max<int64_t>(1, kSerialWork / work), [&](int64_t begin, int64_t end) {
    T* image = Scratch::get<T>(Slot::ConvImage, band.size());
    for (int64_t group = begin; group < end; ++group) {
      T* sums = dw + group * taps;
      std::fill_n(sums, taps, T(0));
      for (int64_t n = 0; n < c.batch; ++n) {
        const int64_t plane = n * c.groups + group;
        for (int64_t i = 0; i < c.out_h; i += band.height) {
          const int64_t rows = std::min(band.height, c.out_h - i);
          band.load(x + plane * c.in_h * c.in_w, i, rows, image);
          conv_kernels<T>().weight_dots(taps, rows, c.out_w, band.pitch, image, band.offsets.data(),
                                        dy + plane * c.out_plane + i * c.out_row, c.out_row, sums, 1);
        }
      }
    }
  });
}

#define RL_INSTANTIATE(T)                                                                     \
  template void depthwise_correlate<T>(const Correlation&, const T*, const T*, const T*, T*); \
  template void depthwise_weight_gradient<T>(const Correlation&, const T*, const T*, T*);
RL_INSTANTIATE(float)
RL_INSTANTIATE(double)
#undef RL_INSTANTIATE

}  // namespace rushlight::cpu

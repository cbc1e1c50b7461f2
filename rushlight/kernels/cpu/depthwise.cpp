#include "rushlight/kernels/cpu/depthwise.h"

#include <algorithm>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_band.h"
#include "rushlight/kernels/cpu/conv_kernels.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kBandElements = 4096;   // of input: half of the first cache
constexpr int64_t kSerialWork = 1 << 18;  // multiplications below which no thread is woken
constexpr int64_t kLongRow = 32;          // output rows are computed one by one from this length on

int64_t grain(int64_t work) { return std::max<int64_t>(1, kSerialWork / std::max<int64_t>(1, work)); }

// The sums of a band: output (i, j) at results[i * row + j].
template <class T>
void correlate_band(const Band& band, const T* image, const T* w, const T* bias, int64_t rows, T* results,
                    int64_t row) {
  const Correlation& c = band.c;
  Output<T> out{results, 0, 1};
  out.row_bias = bias;
  const bool long_row = row == band.pitch;
  conv_kernels<T>().correlate(Panels(1, 1), 0, 1, c.taps(), w, image, band.offsets.data(),
                              long_row ? 1 : rows, long_row ? (rows - 1) * band.pitch + c.out_w : c.out_w,
                              band.pitch, out, row);
}

// Dense rows to rows that may have gaps between their elements.
template <class T>
void store_rows(const Correlation& c, const T* results, int64_t pitch, int64_t rows, T* y) {
  if (c.out_column == 1 && c.out_row == c.out_w) {
    // What is stored behind a row is overwritten by the next one.
    conv_kernels<T>().copy_rows(rows - 1, c.out_w, results, pitch, y, c.out_row);
    std::copy_n(results + (rows - 1) * pitch, c.out_w, y + (rows - 1) * c.out_row);
    return;
  }
  for (int64_t i = 0; i < rows; ++i, results += pitch, y += c.out_row) {
    for (int64_t j = 0; j < c.out_w; ++j) y[j * c.out_column] = results[j];
  }
}

template <class T>
T* empty_image(const Band& band) {
  T* image = Scratch::get<T>(Slot::ConvImage, band.size() + kImageSlack);
  std::fill_n(image, band.size() + kImageSlack, T(0));
  return image;
}

}  // namespace

template <class T>
void depthwise_correlate(const Correlation& c, const T* x, const T* w, const T* bias, T* y) {
  const Band band(c, kBandElements);
  const bool in_place = c.out_column == 1 && c.out_w >= kLongRow;
  const int64_t taps = c.taps();
  parallel_for(0, c.batch * c.groups, grain(c.out_h * c.out_w * taps), [&](int64_t begin, int64_t end) {
    T* image = empty_image<T>(band);
    T* results = Scratch::get<T>(Slot::ConvColumns, band.height * band.pitch + kImageSlack);
    for (int64_t plane = begin; plane < end; ++plane) {
      const int64_t group = plane % c.groups;
      const T* added = bias ? bias + group : nullptr;
      for (int64_t i = 0; i < c.out_h; i += band.height) {
        const int64_t rows = std::min(band.height, c.out_h - i);
        T* target = y + plane * c.out_plane + i * c.out_row;
        band.load(x + plane * c.in_h * c.in_w, i, rows, image);
        if (in_place) {
          correlate_band(band, image, w + group * taps, added, rows, target, c.out_row);
        } else {
          correlate_band(band, image, w + group * taps, added, rows, results, band.pitch);
          store_rows(c, results, band.pitch, rows, target);
        }
      }
    }
  });
}

template <class T>
void depthwise_correlate(const Correlation& even, const Correlation& odd, const T* x, const T* even_w,
                         const T* odd_w, const T* bias, T* y) {
  const Band bands[] = {Band(even, kBandElements), Band(odd, kBandElements)};
  const T* weights[] = {even_w, odd_w};
  const int64_t height = std::min(bands[0].height, bands[1].height);
  const int64_t work = even.out_h * (even.out_w * even.taps() + odd.out_w * odd.taps());
  parallel_for(0, even.batch * even.groups, grain(work), [&](int64_t begin, int64_t end) {
    T* image = Scratch::get<T>(Slot::ConvImage, std::max(bands[0].size(), bands[1].size()) + kImageSlack);
    const int64_t length = height * std::max(bands[0].pitch, bands[1].pitch) + kImageSlack;
    T* results[2];
    results[0] = Scratch::get<T>(Slot::ConvColumns, 2 * length);
    results[1] = results[0] + length;
    for (int64_t plane = begin; plane < end; ++plane) {
      const int64_t group = plane % even.groups;
      for (int64_t i = 0; i < even.out_h; i += height) {
        const int64_t rows = std::min(height, even.out_h - i);
        for (int k = 0; k < 2; ++k) {
          const Band& band = bands[k];
          std::fill_n(image, band.size() + kImageSlack, T(0));
          band.load(x + plane * even.in_h * even.in_w, i, rows, image);
          correlate_band(band, image, weights[k] + group * band.c.taps(), bias ? bias + group : nullptr, rows,
                         results[k], band.pitch);
        }
        conv_kernels<T>().merge_rows(rows, even.out_w + odd.out_w, results[0], bands[0].pitch, results[1],
                                     bands[1].pitch, y + plane * even.out_plane + i * even.out_row,
                                     even.out_row);
      }
    }
  });
}

template <class T>
void depthwise_weight_gradient(const Correlation& c, const T* dy, const T* x, T* dw) {
  const Band band(c, kBandElements);
  const int64_t taps = c.taps();
  parallel_for(0, c.groups, grain(c.batch * c.out_h * c.out_w * taps), [&](int64_t begin, int64_t end) {
    T* image = empty_image<T>(band);
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

#define RL_INSTANTIATE(T)                                                                                    \
  template void depthwise_correlate<T>(const Correlation&, const T*, const T*, const T*, T*);                \
  template void depthwise_correlate<T>(const Correlation&, const Correlation&, const T*, const T*, const T*, \
                                       const T*, T*);                                                        \
  template void depthwise_weight_gradient<T>(const Correlation&, const T*, const T*, T*);
RL_INSTANTIATE(float)
RL_INSTANTIATE(double)
#undef RL_INSTANTIATE

}  // namespace rushlight::cpu

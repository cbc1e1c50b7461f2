#include "rushlight/kernels/cpu/depthwise.h"

#include <algorithm>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_band.h"
#include "rushlight/kernels/cpu/conv_kernels.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kBandElements = 4096;   // of input: half of the first cache
constexpr int64_t kSerialWork = 1 << 18;  // multiplications below which no thread is woken
constexpr int64_t kTaskWork = 1 << 15;    // and of a task, about
constexpr int64_t kPlaneBytes = 1 << 18;  // of a plane that is read by columns
constexpr int64_t kLongRow = 32;          // output rows are computed one by one from this length on

// `count` pieces of so much work each.
int64_t grain(int64_t count, int64_t work) {
  return count * work <= kSerialWork ? count : std::max<int64_t>(1, kTaskWork / std::max<int64_t>(1, work));
}

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

// Dense rows to rows that may have gaps between their elements. What lies behind them may be overwritten up
// to `spare` elements.
template <class T>
void store_rows(const Correlation& c, const T* results, int64_t pitch, int64_t rows, T* y, int64_t spare) {
  if (c.out_column == 1 && c.out_row == c.out_w) {
    // What is stored too much behind a row is overwritten by the next ones.
    const int64_t exact = std::min(rows, ceil_div(std::max<int64_t>(0, kRowSlack - spare), c.out_w));
    conv_kernels<T>().copy_rows(rows - exact, c.out_w, results, pitch, y, c.out_row);
    for (int64_t i = rows - exact; i < rows; ++i)
      std::copy_n(results + i * pitch, c.out_w, y + i * c.out_row);
    return;
  }
  for (int64_t i = 0; i < rows; ++i, results += pitch, y += c.out_row) {
    for (int64_t j = 0; j < c.out_w; ++j) y[j * c.out_column] = results[j];
  }
}

// Small planes are treated several at a time, each step for all of them: vectors that were just stored cannot
// be read across their borders without a stall.
int64_t planes_at_once(const Band& band) {
  return band.height < band.c.out_h ? 1 : std::max<int64_t>(1, kBandElements / band.size());
}

template <class T>
T* empty_images(Slot slot, int64_t count) {
  T* image = ThreadScratch::get<T>(slot, count + kImageSlack);
  std::fill_n(image, count + kImageSlack, T(0));
  return image;
}

// What output rows [i, i + rows) read of `count` planes from x on.
template <class T>
void load_planes(const Band& band, const T* x, int64_t count, int64_t i, int64_t rows, T* images) {
  const Correlation& c = band.c;
  for (int64_t p = 0; p < count; ++p) band.load(x + p * c.in_h * c.in_w, i, rows, images + p * band.size());
}

// Whether this is a correlation of the kind that Depthwise3x3 describes, and planes are not so large that
// going through them column by column is slow.
template <class T>
bool is_3x3(const Correlation& c, Depthwise3x3& shape) {
  if (!conv_kernels<T>().depthwise_3x3 || c.taps() != 9 || c.step_h != 1 || c.step_w != 1 ||
      c.in_h * c.in_w * static_cast<int64_t>(sizeof(T)) > kPlaneBytes || c.out_column != 1 ||
      c.out_row != c.out_w || c.out_plane != c.out_h * c.out_w)
    return false;
  shape = {c.in_h,
           c.in_w,
           c.out_h,
           c.out_w,
           *std::min_element(c.row.begin(), c.row.end()),
           *std::min_element(c.column.begin(), c.column.end()),
           {}};
  for (size_t t = 0; t < 9; ++t) {
    const int64_t i = c.row[t] - shape.top, j = c.column[t] - shape.left;
    if (i > 2 || j > 2) return false;  // dilated, or another shape
    shape.place[3 * i + j] = static_cast<int>(t);
  }
  return true;
}

template <class T>
void correlate_3x3(const Correlation& c, const Depthwise3x3& shape, const T* x, const T* w, const T* bias,
                   T* y) {
  const int64_t planes = c.batch * c.groups;
  parallel_for(0, planes, grain(planes, c.out_h * c.out_w * 9), [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t group = p % c.groups;
      conv_kernels<T>().depthwise_3x3(shape, x + p * c.in_h * c.in_w, w + group * 9,
                                      bias ? bias[group] : T(0), y + p * c.out_plane);
    }
  });
}

}  // namespace

template <class T>
void depthwise_correlate(const Correlation& c, const T* x, const T* w, const T* bias, T* y) {
  if (Depthwise3x3 shape; is_3x3<T>(c, shape)) return correlate_3x3(c, shape, x, w, bias, y);
  const Band band(c, kBandElements);
  const bool in_place = c.out_column == 1 && c.out_w >= kLongRow;
  const int64_t taps = c.taps(), most = planes_at_once(band), length = band.height * band.pitch;
  parallel_for(0, c.batch * c.groups, grain(c.batch * c.groups, c.out_h * c.out_w * taps),
               [&](int64_t begin, int64_t end) {
                 T* images = empty_images<T>(Slot::ConvImage, most * band.size());
                 T* results = ThreadScratch::get<T>(Slot::ConvColumns, most * length + kImageSlack);
                 for (int64_t first = begin; first < end; first += most) {
                   const int64_t count = std::min(most, end - first);
                   for (int64_t i = 0; i < c.out_h; i += band.height) {
                     const int64_t rows = std::min(band.height, c.out_h - i);
                     T* target = y + first * c.out_plane + i * c.out_row;
                     load_planes(band, x + first * c.in_h * c.in_w, count, i, rows, images);
                     for (int64_t p = 0; p < count; ++p) {
                       const int64_t group = (first + p) % c.groups;
                       correlate_band(band, images + p * band.size(), w + group * taps,
                                      bias ? bias + group : nullptr, rows,
                                      in_place ? target + p * c.out_plane : results + p * length,
                                      in_place ? c.out_row : band.pitch);
                     }
                     for (int64_t p = 0; p < count && !in_place; ++p) {
                       store_rows(c, results + p * length, band.pitch, rows, target + p * c.out_plane,
                                  (count - p - 1) * c.out_plane);
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
  const int64_t most = std::min(planes_at_once(bands[0]), planes_at_once(bands[1]));
  const int64_t length = height * std::max(bands[0].pitch, bands[1].pitch);
  const int64_t work = even.out_h * (even.out_w * even.taps() + odd.out_w * odd.taps());
  parallel_for(
      0, even.batch * even.groups, grain(even.batch * even.groups, work), [&](int64_t begin, int64_t end) {
        T* images[] = {empty_images<T>(Slot::ConvImage, most * bands[0].size()),
                       empty_images<T>(Slot::ConvStrided, most * bands[1].size())};
        T* results = ThreadScratch::get<T>(Slot::ConvColumns, 2 * most * length + kImageSlack);
        T* results_of[] = {results, results + most * length};
        for (int64_t first = begin; first < end; first += most) {
          const int64_t count = std::min(most, end - first);
          for (int64_t i = 0; i < even.out_h; i += height) {
            const int64_t rows = std::min(height, even.out_h - i);
            for (int k = 0; k < 2; ++k) {
              const Band& band = bands[k];
              load_planes(band, x + first * even.in_h * even.in_w, count, i, rows, images[k]);
              for (int64_t p = 0; p < count; ++p) {
                const int64_t group = (first + p) % even.groups;
                correlate_band(band, images[k] + p * band.size(), weights[k] + group * band.c.taps(),
                               bias ? bias + group : nullptr, rows, results_of[k] + p * length, band.pitch);
              }
            }
            for (int64_t p = 0; p < count; ++p) {
              conv_kernels<T>().merge_rows(rows, even.out_w + odd.out_w, results_of[0] + p * length,
                                           bands[0].pitch, results_of[1] + p * length, bands[1].pitch,
                                           y + (first + p) * even.out_plane + i * even.out_row, even.out_row);
            }
          }
        }
      });
}

template <class T>
void depthwise_weight_gradient(const Correlation& c, const T* dy, const T* x, T* dw) {
  const Band band(c, kBandElements);
  const int64_t taps = c.taps(), most = planes_at_once(band);
  std::fill_n(dw, c.groups * taps, T(0));
  parallel_for(
      0, c.groups, grain(c.groups, c.batch * c.out_h * c.out_w * taps), [&](int64_t begin, int64_t end) {
        T* images = empty_images<T>(Slot::ConvImage, most * band.size());
        for (int64_t first = begin; first < end; first += most) {
          const int64_t count = std::min(most, end - first);
          for (int64_t n = 0; n < c.batch; ++n) {
            const int64_t plane = n * c.groups + first;
            for (int64_t i = 0; i < c.out_h; i += band.height) {
              const int64_t rows = std::min(band.height, c.out_h - i);
              load_planes(band, x + plane * c.in_h * c.in_w, count, i, rows, images);
              for (int64_t p = 0; p < count; ++p) {
                conv_kernels<T>().weight_dots(
                    taps, rows, c.out_w, band.pitch, images + p * band.size(), band.offsets.data(),
                    dy + (plane + p) * c.out_plane + i * c.out_row, c.out_row, dw + (first + p) * taps, 1);
              }
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

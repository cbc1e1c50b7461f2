#include "rushlight/kernels/cpu/conv_positions.h"

#include <algorithm>
#include <limits>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_band.h"
#include "rushlight/kernels/cpu/conv_kernels.h"
#include "rushlight/kernels/cpu/gemm_packed.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kManyTaps = 128, kManyOutputs = 32;  // fewer do not earn the packing
constexpr int64_t kJoinedPositions = 512;              // of images that share a product, about
constexpr int64_t kImageElements = 1 << 20;            // of those images, about
constexpr int64_t kMaxRuns = 32;                       // columns of a panel, at most

// Sums are over (channel, tap), in this order.
template <class T>
struct FilterRows {
  const T* data;
  int64_t row_stride, channel_stride;
  const std::vector<int64_t>& taps;

  bool is_dense() const {
    for (size_t t = 0; t < taps.size(); ++t) {
      if (taps[t] != static_cast<int64_t>(t)) return false;
    }
    return channel_stride == static_cast<int64_t>(taps.size());
  }
  void pack(int64_t row, int64_t height, int64_t kk, int64_t depth, T* dst) const {
    const int64_t count = static_cast<int64_t>(taps.size());
    const T* rows = data + row * row_stride;
    if (is_dense()) return gemm_kernels<T>().pack(height, height, depth, rows + kk, row_stride, 1, dst);
    if (count == 1) {
      return gemm_kernels<T>().pack(height, height, depth, rows + kk * channel_stride + taps[0], row_stride,
                                    channel_stride, dst);
    }
    int64_t channel = kk / count, t = kk % count;
    for (int64_t q = 0; q < depth; ++q, dst += height) {
      const T* src = rows + channel * channel_stride + taps[static_cast<size_t>(t)];
      for (int64_t r = 0; r < height; ++r) dst[r] = src[r * row_stride];
      if (++t == count) t = 0, ++channel;
    }
  }
};

// Columns are the output positions of some images, one image after the other.
template <class T>
struct Positions {
  const Band& band;  // of whole images
  const T* images;
  int64_t image_size;
  const std::vector<int64_t>& offsets;  // of (channel, tap)

  void pack(int64_t column, int64_t width, int64_t kk, int64_t depth, T* dst) const {
    const int64_t nr = gemm_kernels<T>().nr;
    for (int64_t j = 0; j < width; j += nr, dst += nr * depth) {
      PositionRun run[kMaxRuns];
      const int runs = find_runs(column + j, static_cast<int>(std::min(nr, width - j)), run);
      conv_kernels<T>().pack_positions(depth, images, offsets.data() + kk, runs, run, dst);
    }
  }

  int find_runs(int64_t position, int count, PositionRun* run) const {
    const int64_t across = band.c.out_w, each = band.c.out_h * across;
    int runs = 0;
    for (int done = 0; done < count;) {
      const int64_t image = position / each, i = position % each / across, j = position % across;
      const int64_t length = std::min<int64_t>(across - j, count - done);
      run[runs++] = {image * image_size + i * band.pitch + j, done, static_cast<int>(length)};
      done += static_cast<int>(length);
      position += length;
    }
    return runs;
  }
};

// Rows of positions, `count` images one after the other in a row, to where the correlation wants them.
template <class T>
void store_images(const Correlation& c, const T* products, int64_t count, T* y) {
  const int64_t each = c.out_h * c.out_w, image_stride = c.groups * c.out_channels * c.out_plane;
  parallel_for(0, c.out_channels, std::max<int64_t>(1, 32768 / (count * each)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t o = begin; o < end; ++o) {
                   const T* src = products + o * count * each;
                   for (int64_t row = 0; row < count * c.out_h; ++row, src += c.out_w) {
                     T* dst = y + row / c.out_h * image_stride + o * c.out_plane + row % c.out_h * c.out_row;
                     if (c.out_column == 1) std::copy_n(src, c.out_w, dst);
                     else
                       for (int64_t j = 0; j < c.out_w; ++j) dst[j * c.out_column] = src[j];
                   }
                 }
               });
}

}  // namespace

bool positions_pay(const Correlation& c) { return c.depth() >= kManyTaps && c.out_channels >= kManyOutputs; }

bool joined_images_pay(const Correlation& c) {
  return c.batch > 1 && 4 * c.out_h * c.out_w <= kJoinedPositions && positions_pay(c);
}

template <class T>
void correlate_positions(const Correlation& c, const T* x, const Filters<T>& filters, const T* bias, T* y) {
  const Band band(c, std::numeric_limits<int64_t>::max());
  const int64_t each = c.out_h * c.out_w, image_size = c.in_channels * band.size();
  const int64_t joined =
      std::clamp<int64_t>(std::min(kJoinedPositions / each, kImageElements / image_size), 1, c.batch);
  const bool direct = joined == 1 && c.out_column == 1 && c.out_row == c.out_w;
  std::vector<int64_t> offsets;
  offsets.reserve(static_cast<size_t>(c.depth()));
  for (int64_t channel = 0; channel < c.in_channels; ++channel) {
    for (int64_t offset : band.offsets) offsets.push_back(channel * band.size() + offset);
  }
  const auto share = [&](int64_t first) {  // the images from `first` on that have a product together
    T* images = Scratch::get<T>(Slot::ConvImage, joined * image_size + kImageSlack);
    T* products = direct ? nullptr : Scratch::get<T>(Slot::Product, c.out_channels * joined * each);
    const int64_t count = std::min(joined, c.batch - first);
    for (int64_t g = 0; g < c.groups; ++g) {
      const int64_t planes = c.in_channels * c.in_h * c.in_w;
      const T* in = x + (first * c.groups + g) * planes;
      parallel_for(0, count * c.in_channels, std::max<int64_t>(1, 32768 / band.size()),
                   [&](int64_t begin, int64_t end) {
                     std::fill(images + begin * band.size(), images + end * band.size(), T(0));
                     for (int64_t p = begin; p < end; ++p) {
                       band.load(
                           in + p / c.in_channels * c.groups * planes + p % c.in_channels * c.in_h * c.in_w,
                           0, c.out_h, images + p * band.size());
                     }
                   });
      T* target = y + (first * c.groups + g) * c.out_channels * c.out_plane;
      Output<T> out{direct ? target : products, count * each, 1};
      if (bias) out.row_bias = bias + g * c.out_channels;
      packed_product(c.out_channels, count * each, c.depth(),
                     FilterRows<T>{filters.data + g * filters.group_stride, filters.row_stride,
                                   filters.channel_stride, filters.taps},
                     Positions<T>{band, images, image_size, offsets}, out);
      if (!direct) store_images(c, products, count, target);
    }
  };
  // Large products are split among the threads one after the other; small ones are dealt out whole.
  const int64_t shares = ceil_div(c.batch, joined);
  const bool whole = c.work() / shares <= 8 * kGemmSerialWork;
  parallel_for(0, shares, whole ? 1 : shares, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i) share(i * joined);
  });
}

template void correlate_positions<float>(const Correlation&, const float*, const Filters<float>&,
                                         const float*, float*);
template void correlate_positions<double>(const Correlation&, const double*, const Filters<double>&,
                                          const double*, double*);

}  // namespace rushlight::cpu

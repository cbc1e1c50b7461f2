#include "rushlight/kernels/cpu/winograd.h"

#include <algorithm>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_correlation.h"
#include "rushlight/kernels/cpu/gemm_kernels.h"

#ifndef RUSHLIGHT_KERNELS_CPU_WINOGRAD_KERNELS
#define RUSHLIGHT_KERNELS_CPU_WINOGRAD_KERNELS
namespace rushlight::cpu {
// Point p < 36 of tile (or filter) t lies at p * point_stride + t. All read and write whole vectors.
struct WinogradKernels {
  int64_t lanes;
  // The transforms of `count` tiles that begin 4 columns apart in six rows.
  void (*input)(int64_t count, const float* rows, int64_t row_stride, float* out, int64_t point_stride);
  // Four rows of 4 * count outputs, bias added.
  void (*output)(int64_t count, const float* in, int64_t point_stride, float bias, float* rows,
                 int64_t row_stride);
  // The transforms of `count` 3x3 filters that lie `stride` apart.
  void (*filter)(int64_t count, const float* w, int64_t stride, bool flipped, float* out,
                 int64_t point_stride);
  // Deals a row of `count` tiles for each point into panels as wide as gemm's right operand.
  void (*deal)(const float* in, int64_t in_stride, int64_t count, float* out, int64_t point_stride,
               int64_t panel_stride);
};
}  // namespace rushlight::cpu
#endif

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/winograd.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/winograd-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rushlight::cpu {
namespace HWY_NAMESPACE {

const WinogradKernels* winograd_table() {
  static constexpr WinogradKernels kTable = {kLanes, winograd_input, winograd_output, winograd_filter,
                                             winograd_deal};
  return &kTable;
}

}  // namespace HWY_NAMESPACE
}  // namespace rushlight::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rushlight::cpu {

HWY_EXPORT(winograd_table);

namespace {

constexpr int64_t kPoints = 36, kSide = 4;  // of a tile
constexpr int64_t kMaxLanes = 16;
constexpr int64_t kChunkRows = 64;  // output channels whose products wait in the second cache
constexpr int64_t kSlice = 128;     // input channels whose filters are transformed at a time
constexpr int64_t kFewTiles = 32;   // fewer do not earn the transform of the filters
constexpr int64_t kTasks = 8;       // enough to share among threads; independent of how many there are
// Between the points of a buffer lies one cache line more than the contents: a power of two would send all of
// them to the same few sets of the caches.
constexpr int64_t kGap = 16;

const WinogradKernels& winograd_kernels() {
  static const WinogradKernels* table = HWY_DYNAMIC_DISPATCH(winograd_table)();
  return *table;
}

// Rows of the left operands of the products, in chunks as equal as can be; each has panels of its own.
struct Chunks {
  int64_t rows, count;
  explicit Chunks(int64_t rows) : rows(rows), count(ceil_div(rows, kChunkRows)) {}
  int64_t start(int64_t chunk) const { return chunk * rows / count; }
  int64_t height(int64_t chunk) const { return start(chunk + 1) - start(chunk); }
};

class Winograd {
 public:
  Winograd(const ConvShape& shape, const float* x, const WinogradFilters& filters, const float* bias,
           float* y)
      : s_(shape),
        x_(x),
        filters_(filters),
        bias_(bias),
        y_(y),
        down_(ceil_div(shape.out_h, kSide)),
        across_(ceil_div(shape.out_w, kSide)),
        tiles_(shape.batch * down_ * across_),
        block_(block_of(tiles_, (shape.in_channels >= 256 ? 3 : 2) * gemm_.nr, gemm_.nr)),
        chunks_(shape.out_channels) {}

  void run() {
    const int64_t channels = s_.in_channels;
    transformed_ = Scratch::get<float>(Slot::ConvWeights, kPoints * s_.out_channels * channels);
    parallel_for(0, chunks_.count, 1, [&](int64_t begin, int64_t end) {
      for (int64_t chunk = begin; chunk < end; ++chunk) transform_filters(chunk);
    });
    // Where there are few blocks of tiles, the rows are shared out as well; each share transforms the input
    // for itself.
    const int64_t blocks = ceil_div(tiles_, block_);
    const int64_t shares = std::min(chunks_.count, ceil_div(kTasks, blocks));
    parallel_for(0, blocks * shares, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t share = task % shares;
        multiply(task / shares * block_, share * chunks_.count / shares,
                 (share + 1) * chunks_.count / shares);
      }
    });
  }

 private:
  // Blocks as equal as can be, of whole panels and at most `most` tiles.
  static int64_t block_of(int64_t tiles, int64_t most, int64_t panel) {
    return ceil_div(ceil_div(tiles, ceil_div(tiles, most)), panel) * panel;
  }

  const float* filters_of(int64_t chunk, int64_t point) const {
    return transformed_ + (chunks_.start(chunk) * kPoints + chunks_.height(chunk) * point) * s_.in_channels;
  }

  void transform_filters(int64_t chunk) const {
    const Panels panels(chunks_.height(chunk), gemm_.mr);
    constexpr int64_t kPitch = kSlice + kGap;
    const int64_t channels = s_.in_channels, point_stride = gemm_.mr * kPitch;
    float* rows = Scratch::get<float>(Slot::ConvPartial, kPoints * point_stride);
    for (int64_t p = 0; p < panels.count; ++p) {
      const int64_t first = panels.start(p), height = panels.height(p);
      for (int64_t c = 0; c < channels; c += kSlice) {
        const int64_t depth = std::min(kSlice, channels - c);
        const float* w = filters_.data + (chunks_.start(chunk) + first) * filters_.row_stride +
                         c * filters_.channel_stride;
        for (int64_t r = 0; r < height; ++r) {
          kernels_.filter(depth, w + r * filters_.row_stride, filters_.channel_stride, filters_.flipped,
                          rows + r * kPitch, point_stride);
        }
        for (int64_t point = 0; point < kPoints; ++point) {
          gemm_.pack(height, height, depth, rows + point * point_stride, kPitch, 1,
                     const_cast<float*>(filters_of(chunk, point)) + first * channels + c * height);
        }
      }
    }
  }

  // Calls f(image, row of tiles, first tile of that row, tiles, place in the block) for each run of tiles
  // that are neighbours in a row.
  template <class F>
  void for_each_run(int64_t begin, int64_t end, const F& f) const {
    for (int64_t tile = begin; tile < end;) {
      const int64_t column = tile % across_, count = std::min(across_ - column, end - tile);
      f(tile / across_ / down_, tile / across_ % down_, column, count, tile - begin);
      tile += count;
    }
  }

  // The row of a plane from `first` on, zero outside.
  void copy_row(const float* plane, int64_t row, int64_t first, int64_t count, float* dst) const {
    const bool inside = row >= 0 && row < s_.in_h;
    const int64_t begin = inside ? std::clamp<int64_t>(-first, 0, count) : count;
    const int64_t end = inside ? std::clamp(s_.in_w - first, begin, count) : count;
    std::fill(dst, dst + begin, 0.0f);
    if (end > begin)
      std::copy(plane + row * s_.in_w + first + begin, plane + row * s_.in_w + first + end, dst + begin);
    std::fill(dst + end, dst + count, 0.0f);
  }

  // `input`: for each point the right operand of a product, channels x block_, packed.
  void transform_input(int64_t begin, int64_t end, int64_t point_stride, float* input) const {
    const int64_t pitch = block_ + kMaxLanes, row_stride = kSide * (block_ + kMaxLanes) + kGap;
    float* points = Scratch::get<float>(Slot::ConvColumns, kPoints * pitch + 6 * row_stride);
    float* rows = points + kPoints * pitch;
    std::fill(points, rows + 6 * row_stride, 0.0f);
    for (int64_t c = 0; c < s_.in_channels; ++c) {
      for_each_run(begin, end, [&](int64_t image, int64_t i, int64_t j, int64_t count, int64_t place) {
        const float* plane = x_ + (image * s_.in_channels + c) * s_.in_h * s_.in_w;
        for (int64_t r = 0; r < 6; ++r) {
          copy_row(plane, kSide * i + r - s_.pad_top, kSide * j - s_.pad_left, kSide * count + 2,
                   rows + r * row_stride);
        }
        kernels_.input(count, rows, row_stride, points + place, pitch);
      });
      kernels_.deal(points, pitch, block_, input + c * gemm_.nr, point_stride, s_.in_channels * gemm_.nr);
    }
  }

  // The outputs of tiles from `begin` on, a block of them, for some chunks of channels.
  void multiply(int64_t begin, int64_t first_chunk, int64_t last_chunk) const {
    const int64_t end = std::min(begin + block_, tiles_), channels = s_.in_channels;
    const int64_t input_stride = channels * block_ + kGap, product_stride = kChunkRows * block_ + kGap;
    float* input = Scratch::get<float>(Slot::ConvImage, kPoints * input_stride);
    float* products = Scratch::get<float>(Slot::Product, kPoints * product_stride + kMaxLanes);
    transform_input(begin, end, input_stride, input);
    for (int64_t chunk = first_chunk; chunk < last_chunk; ++chunk) {
      const Panels panels(chunks_.height(chunk), gemm_.mr);
      for (int64_t point = 0; point < kPoints; ++point) {
        gemm_.block(panels, 0, panels.count, block_, channels, filters_of(chunk, point),
                    input + point * input_stride,
                    Output<float>{products + point * product_stride, block_, 1});
      }
      transform_output(begin, end, chunk, products, product_stride);
    }
  }

  void transform_output(int64_t begin, int64_t end, int64_t chunk, const float* products,
                        int64_t point_stride) const {
    const int64_t row_stride = kSide * (block_ + kMaxLanes);
    float* rows = Scratch::get<float>(Slot::ConvColumns, kSide * row_stride);
    for (int64_t r = 0; r < chunks_.height(chunk); ++r) {
      const int64_t channel = chunks_.start(chunk) + r;
      const float bias = bias_ ? bias_[channel] : 0.0f;
      for_each_run(begin, end, [&](int64_t image, int64_t i, int64_t j, int64_t count, int64_t place) {
        kernels_.output(count, products + r * block_ + place, point_stride, bias, rows, row_stride);
        const int64_t height = std::min(kSide, s_.out_h - kSide * i);
        const int64_t width = std::min(kSide * count, s_.out_w - kSide * j);
        float* plane = y_ + (image * s_.out_channels + channel) * s_.out_h * s_.out_w;
        for (int64_t q = 0; q < height; ++q)
          std::copy_n(rows + q * row_stride, width, plane + (kSide * i + q) * s_.out_w + kSide * j);
      });
    }
  }

  const ConvShape& s_;
  const float* x_;
  const WinogradFilters& filters_;
  const float* bias_;
  float* y_;
  const GemmKernels<float>& gemm_ = gemm_kernels<float>();
  const WinogradKernels& kernels_ = winograd_kernels();
  const int64_t down_, across_, tiles_;
  const int64_t block_;  // tiles of a task, whole panels of the right operand
  const Chunks chunks_;
  float* transformed_ = nullptr;
};

}  // namespace

bool winograd_pays(const ConvShape& s) {
  const int64_t tiles = s.batch * ceil_div(s.out_h, kSide) * ceil_div(s.out_w, kSide);
  return s.groups == 1 && s.kernel_h == 3 && s.kernel_w == 3 && s.stride_h == 1 && s.stride_w == 1 &&
         s.dilation_h == 1 && s.dilation_w == 1 && s.in_channels >= 32 && s.out_channels >= 32 &&
         tiles >= kFewTiles;
}

void winograd_correlate(const ConvShape& shape, const float* x, const WinogradFilters& filters,
                        const float* bias, float* y) {
  Winograd(shape, x, filters, bias, y).run();
}

}  // namespace rushlight::cpu
#endif  // HWY_ONCE

#include "rushlight/kernels/cpu/winograd.h"

#include <algorithm>
#include <vector>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_correlation.h"
#include "rushlight/kernels/cpu/conv_kernels.h"
#include "rushlight/kernels/cpu/gemm_kernels.h"

#ifndef RUSHLIGHT_KERNELS_CPU_WINOGRAD_KERNELS
#define RUSHLIGHT_KERNELS_CPU_WINOGRAD_KERNELS
namespace rushlight::cpu {
// Point p < 36 of tile (or filter) t lies at p * point_stride + t. All read and write whole vectors.
struct WinogradKernels {
  int64_t lanes;
  // The transforms of `count` tiles that begin 4 columns apart in six rows, dealt into panels as wide as
  // gemm's right operand. Where seams[tile] is not zero, the tile to the right is no neighbour: the last two
  // of the tile's six columns are found in row i at seams[(2 * i + 1) * seam_stride + tile], and one
  // seam_stride behind.
  void (*input)(int64_t count, const float* rows, int64_t row_stride, const float* seams, int64_t seam_stride,
                float* out, int64_t point_stride, int64_t panel_stride);
  // Four rows of 4 * count outputs, bias added.
  void (*output)(int64_t count, const float* in, int64_t point_stride, float bias, float* rows,
                 int64_t row_stride);
  // The transforms of `count` 3x3 filters that lie `stride` apart.
  void (*filter)(int64_t count, const float* w, int64_t stride, bool flipped, float* out,
                 int64_t point_stride);
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
  static constexpr WinogradKernels kTable = {kLanes, winograd_input, winograd_output, winograd_filter};
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
constexpr int64_t kChunkRows = 64;    // output channels whose products wait in the second cache
constexpr int64_t kSlice = 128;       // input channels whose filters are transformed at a time
constexpr int64_t kInputSlice = 32;   // input channels whose tiles one thread transforms
constexpr int64_t kFewTiles = 16;     // fewer do not earn the transform of the filters
constexpr int64_t kFewChannels = 16;  // and of either side, the transforms of input and output
constexpr int64_t kTasks = 8;         // enough to share among threads; independent of how many there are
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
    const int64_t channels = s_.in_channels, blocks = ceil_div(tiles_, block_);
    // The filters of a single block are transformed where they are needed, and stay in the caches.
    if (blocks > 1) {
      transformed_ = ThreadScratch::get<float>(Slot::ConvWeights, kPoints * s_.out_channels * channels);
      parallel_for(0, chunks_.count, 1, [&](int64_t begin, int64_t end) {
        for (int64_t chunk = begin; chunk < end; ++chunk) transform_filters(chunk, filters_of(chunk));
      });
    }
    // Where there are few blocks of tiles, the rows are shared out as well; the shares of a block have its
    // transformed input in common.
    const int64_t shares = std::min(chunks_.count, ceil_div(kTasks, blocks));
    if (shares > 1) {
      inputs_ = ThreadScratch::get<float>(Slot::ConvImage, blocks * input_size());
      const int64_t slices = ceil_div(channels, kInputSlice);
      parallel_for(0, blocks * slices, 1, [&](int64_t begin, int64_t end) {
        for (int64_t task = begin; task < end; ++task) {
          const int64_t block = task / slices, first = task % slices * kInputSlice;
          transform_input(block * block_, first, std::min(first + kInputSlice, channels),
                          inputs_ + block * input_size());
        }
      });
    }
    parallel_for(0, blocks * shares, 1, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t share = task % shares;
        multiply(task / shares, share * chunks_.count / shares, (share + 1) * chunks_.count / shares);
      }
    });
  }

 private:
  // Blocks as equal as can be, of whole panels and at most `most` tiles.
  static int64_t block_of(int64_t tiles, int64_t most, int64_t panel) {
    return ceil_div(ceil_div(tiles, ceil_div(tiles, most)), panel) * panel;
  }

  // From one point of a block's input to the next, and of the whole.
  int64_t input_stride() const { return s_.in_channels * block_ + kGap; }
  int64_t input_size() const { return kPoints * input_stride(); }
  float* filters_of(int64_t chunk) const {
    return transformed_ + chunks_.start(chunk) * kPoints * s_.in_channels;
  }

  // `out`: for each point the left operand of a product, packed.
  void transform_filters(int64_t chunk, float* out) const {
    const Panels panels(chunks_.height(chunk), gemm_.mr);
    constexpr int64_t kPitch = kSlice + kGap;
    const int64_t channels = s_.in_channels, point_stride = gemm_.mr * kPitch;
    float* rows = ThreadScratch::get<float>(Slot::ConvPartial, kPoints * point_stride);
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
                     out + (chunks_.height(chunk) * point + first) * channels + c * height);
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

  // Where the input of a run lies in a plane of its image, and in the six rows of the block.
  struct InputRun {
    int64_t plane;         // of the first channel
    int64_t row, rows;     // of the six, those inside the image
    int64_t in_row;        // the first of these
    int64_t column;        // of the first tile
    int64_t place, count;  // tiles

    InputRun(const ConvShape& s, int64_t image, int64_t i, int64_t j, int64_t count, int64_t place)
        : plane(image * s.in_channels * s.in_h * s.in_w), place(place), count(count) {
      const int64_t top = kSide * i - s.pad_top;
      row = std::clamp<int64_t>(-top, 0, 6), in_row = top + row;
      rows = std::clamp<int64_t>(s.in_h - in_row, 0, 6 - row);
      column = kSide * j - s.pad_left;
    }
  };

  // What tiles of a run read. All else stays zero, as it was.
  void load_run(const InputRun& run, const float* channel, float* rows, int64_t row_stride, float* seams,
                int64_t seam_stride) const {
    if (run.rows == 0) return;
    const float* in = channel + run.plane + run.in_row * s_.in_w;
    const int64_t skipped = std::max<int64_t>(0, -run.column), first = run.column + skipped;
    const int64_t end = run.column + kSide * run.count;  // there the last tile's fifth column is
    if (first < std::min(end, s_.in_w)) {
      conv_kernels<float>().copy_rows(run.rows, std::min(end, s_.in_w) - first, in + first, s_.in_w,
                                      rows + run.row * row_stride + kSide * run.place + skipped, row_stride);
    }
    float* seam = seams + (2 * run.row + 1) * seam_stride + run.place + run.count - 1;
    for (int64_t column = end; column < end + 2; ++column, seam += seam_stride) {
      if (column < 0 || column >= s_.in_w) continue;
      for (int64_t r = 0; r < run.rows; ++r) seam[2 * r * seam_stride] = in[r * s_.in_w + column];
    }
  }

  // `input`: for each point the right operand of a product, channels x block_, packed; of it some channels of
  // the tiles from `begin` on.
  void transform_input(int64_t begin, int64_t first_channel, int64_t last_channel, float* input) const {
    const int64_t row_stride = kSide * (block_ + kMaxLanes) + kGap, seam_stride = block_ + kMaxLanes;
    const int64_t size = 6 * row_stride + 13 * seam_stride;
    float* rows = ThreadScratch::get<float>(Slot::ConvColumns, size);
    float* seams = rows + 6 * row_stride;
    std::fill_n(rows, size, 0.0f);
    std::vector<InputRun> runs;
    const auto add_run = [&](int64_t image, int64_t i, int64_t j, int64_t count, int64_t place) {
      runs.emplace_back(s_, image, i, j, count, place);
      seams[place + count - 1] = 1;
    };
    for_each_run(begin, std::min(begin + block_, tiles_), add_run);
    for (int64_t c = first_channel; c < last_channel; ++c) {
      for (const InputRun& run : runs)
        load_run(run, x_ + c * s_.in_h * s_.in_w, rows, row_stride, seams, seam_stride);
      kernels_.input(block_, rows, row_stride, seams, seam_stride, input + c * gemm_.nr, input_stride(),
                     s_.in_channels * gemm_.nr);
    }
  }

  // The outputs of a block of tiles, for some chunks of channels.
  void multiply(int64_t block, int64_t first_chunk, int64_t last_chunk) const {
    const int64_t begin = block * block_, channels = s_.in_channels;
    const int64_t product_stride = kChunkRows * block_ + kGap;
    float* products = ThreadScratch::get<float>(Slot::Product, kPoints * product_stride + kMaxLanes);
    const float* input = inputs_ ? inputs_ + block * input_size() : nullptr;
    if (!input) {
      float* own = ThreadScratch::get<float>(Slot::ConvImage, input_size());
      transform_input(begin, 0, channels, own);
      input = own;
    }
    for (int64_t chunk = first_chunk; chunk < last_chunk; ++chunk) {
      const Panels panels(chunks_.height(chunk), gemm_.mr);
      const float* filters = transformed_ ? filters_of(chunk) : nullptr;
      if (!filters) {
        float* own = ThreadScratch::get<float>(Slot::ConvWeights, kPoints * panels.rows * channels);
        transform_filters(chunk, own);
        filters = own;
      }
      for (int64_t point = 0; point < kPoints; ++point) {
        gemm_.block(panels, 0, panels.count, block_, channels, filters + panels.rows * channels * point,
                    input + point * input_stride(),
                    Output<float>{products + point * product_stride, block_, 1});
      }
      transform_output(begin, std::min(begin + block_, tiles_), chunk, products, product_stride);
    }
  }

  void transform_output(int64_t begin, int64_t end, int64_t chunk, const float* products,
                        int64_t point_stride) const {
    const int64_t row_stride = kSide * (block_ + kMaxLanes);
    float* rows = ThreadScratch::get<float>(Slot::ConvColumns, kSide * row_stride);
    for (int64_t r = 0; r < chunks_.height(chunk); ++r) {
      const int64_t channel = chunks_.start(chunk) + r;
      kernels_.output(end - begin, products + r * block_, point_stride, bias_ ? bias_[channel] : 0.0f, rows,
                      row_stride);
      for_each_run(begin, end, [&](int64_t image, int64_t i, int64_t j, int64_t count, int64_t place) {
        const int64_t height = std::min(kSide, s_.out_h - kSide * i);
        const int64_t width = std::min(kSide * count, s_.out_w - kSide * j);
        float* plane = y_ + (image * s_.out_channels + channel) * s_.out_h * s_.out_w;
        conv_kernels<float>().store_rows(height, width, rows + kSide * place, row_stride,
                                         plane + kSide * i * s_.out_w + kSide * j, s_.out_w);
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
  float* transformed_ = nullptr;  // filters, or null: each task transforms its own
  float* inputs_ = nullptr;       // the same of blocks
};

}  // namespace

bool winograd_pays(const ConvShape& s) {
  const int64_t tiles = s.batch * ceil_div(s.out_h, kSide) * ceil_div(s.out_w, kSide);
  return s.groups == 1 && s.kernel_h == 3 && s.kernel_w == 3 && s.stride_h == 1 && s.stride_w == 1 &&
         s.dilation_h == 1 && s.dilation_w == 1 && s.in_channels >= kFewChannels &&
         s.out_channels >= kFewChannels && tiles >= kFewTiles;
}

void winograd_correlate(const ConvShape& shape, const float* x, const WinogradFilters& filters,
                        const float* bias, float* y) {
  Winograd(shape, x, filters, bias, y).run();
}

}  // namespace rushlight::cpu
#endif  // HWY_ONCE

#include "rushlight/kernels/cpu/conv.h"

#include <algorithm>
#include <vector>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_correlation.h"
#include "rushlight/kernels/cpu/conv_kernels.h"
#include "rushlight/kernels/cpu/depthwise.h"
#include "rushlight/kernels/cpu/gemm.h"
#include "rushlight/kernels/cpu/winograd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/conv.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/conv-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rushlight::cpu {
namespace HWY_NAMESPACE {

const ConvKernels<float>* float_conv() { return conv_table<float>(); }
const ConvKernels<double>* double_conv() { return conv_table<double>(); }

}  // namespace HWY_NAMESPACE
}  // namespace rushlight::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rushlight::cpu {

HWY_EXPORT(float_conv);
HWY_EXPORT(double_conv);

template <>
const ConvKernels<float>& conv_kernels<float>() {
  static const ConvKernels<float>* table = HWY_DYNAMIC_DISPATCH(float_conv)();
  return *table;
}
template <>
const ConvKernels<double>& conv_kernels<double>() {
  static const ConvKernels<double>* table = HWY_DYNAMIC_DISPATCH(double_conv)();
  return *table;
}

namespace {

constexpr int64_t kDepth = 384;             // weights of a row that one pass of the micro-kernel takes
constexpr int64_t kTileBytes = 192 * 1024;  // of input that a task holds: part of the second cache
constexpr int64_t kPanelsAtOnce = 16;       // rows of packed weights that stay in the second cache beside it
constexpr int64_t kTasks = 16;  // enough to share among threads; independent of how many there are
constexpr int64_t kSerialWork = 96 * 96 * 96;  // multiplications below which no thread is woken

// The gradient with respect to the weight is a matrix product from so many output channels on; one for each
// image where planes are so long.
constexpr int64_t kManyChannels = 96, kLongPlane = 256;

constexpr int64_t kShortRow = 7,
                  kJoinedImages = 8;  // an output row this short joins images, if there are so many

// How a task holds its part of the input. The columns are dealt into step_w phases, so that neighbouring
// output columns read neighbouring elements whatever the stride; a row is its phases one after the other.
// Where an output row is too short for that, the same position of `lanes` images lies side by side instead.
struct TileLayout {
  int64_t lanes = 1;      // images of a task
  int64_t channels;       // of a block
  int64_t height, width;  // of the output tile
  int64_t top, left;      // the smallest tap
  int64_t span;           // rows of input that an output row reads, gaps included
  int64_t phases, phase_length = 0, row_length, plane;
  std::vector<int64_t> offsets;  // (channel of the block, tap)

  template <class T>
  static TileLayout of(const Correlation& c, bool may_join_images) {
    TileLayout l;
    const auto [row_min, row_max] = std::minmax_element(c.row.begin(), c.row.end());
    const auto [column_min, column_max] = std::minmax_element(c.column.begin(), c.column.end());
    const int64_t reach = *column_max - *column_min;
    const int64_t budget = kTileBytes / static_cast<int64_t>(sizeof(T));
    l.top = *row_min;
    l.left = *column_min;
    l.span = *row_max - *row_min + 1;
    l.phases = std::min(c.step_w, reach + 1);
    if (may_join_images && c.out_w <= kShortRow && c.batch >= kJoinedImages)
      l.lanes = std::min(c.batch, gemm_kernels<T>().nr);
    const int64_t blocks = ceil_div(c.in_channels, std::max<int64_t>(1, kDepth / c.taps()));
    l.channels = ceil_div(c.in_channels, blocks);
    if (l.lanes > 1) {
      l.width = c.out_w;
      l.row_length = ((c.out_w - 1) * c.step_w + reach + 1) * l.lanes;
    } else {
      const int64_t columns = budget / (l.channels * l.span * l.phases) - reach / c.step_w;
      l.width = std::min(c.out_w, std::max<int64_t>(32, columns / 32 * 32));
      l.phase_length = l.width + reach / c.step_w;
      l.row_length = l.phases * l.phase_length;
    }
    const int64_t rows = (budget / (l.channels * l.row_length) - l.span) / c.step_h + 1;
    const int64_t shared =
        ceil_div(c.out_h, ceil_div(kTasks, l.blocks(c) * c.groups));  // rows when all tasks get some
    l.height = std::max<int64_t>(1, std::min({rows, shared, c.out_h}));
    l.plane = ((l.height - 1) * c.step_h + l.span) * l.row_length;
    for (int64_t channel = 0; channel < l.channels; ++channel) {
      for (size_t t = 0; t < c.row.size(); ++t) {
        const int64_t column = c.column[t] - l.left;
        l.offsets.push_back(
            channel * l.plane + (c.row[t] - l.top) * l.row_length +
            (l.lanes > 1 ? column * l.lanes : column % c.step_w * l.phase_length + column / c.step_w));
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
  for (int64_t channel = 0; channel < channels; ++channel) {
    const T* plane = planes + channel * c.in_h * c.in_w;
    for (int64_t r = 0; r < rows; ++r) {
      if (c.step_h > l.span && r % c.step_h >= l.span) continue;  // no tap reads this row
      T* row = dst + channel * l.plane + r * l.row_length;
      const int64_t in_row = i * c.step_h + l.top + r;
      if (in_row < 0 || in_row >= c.in_h) {
        std::fill_n(row, l.row_length, T(0));
        continue;
      }
      for (int64_t phase = 0; phase < l.phases; ++phase) {
        copy_phase(plane + in_row * c.in_w, c.in_w, j * c.step_w + l.left + phase, c.step_w, l.phase_length,
                   row + phase * l.phase_length);
      }
    }
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

template <class T>
void fill_with_bias(const Correlation& c, const T* bias, T* y) {
  for (int64_t plane = 0; plane < c.batch * c.groups * c.out_channels; ++plane) {
    const T value = bias ? bias[plane % (c.groups * c.out_channels)] : T(0);
    for (int64_t i = 0; i < c.out_h; ++i) {
      for (int64_t j = 0; j < c.out_w; ++j) y[plane * c.out_plane + i * c.out_row + j * c.out_column] = value;
    }
  }
}

// Weights (groups, out_channels, depth), packed as gemm's left operand, channel block by channel block.
template <class T>
const T* pack_weights(const Correlation& c, const TileLayout& l, const T* w) {
  const auto& kernels = gemm_kernels<T>();
  const Panels panels(c.out_channels, kernels.mr);
  T* packed = Scratch::get<T>(Slot::ConvWeights, c.groups * c.out_channels * c.depth());
  const int64_t blocks = ceil_div(c.in_channels, l.channels);
  const int64_t grain = std::max<int64_t>(1, 65536 / (c.out_channels * l.channels * c.taps()));
  parallel_for(0, c.groups * blocks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t group = task / blocks, first = task % blocks * l.channels * c.taps();
      const int64_t k = std::min(l.channels * c.taps(), c.depth() - first);
      const T* src = w + group * c.out_channels * c.depth() + first;
      T* dst = packed + group * c.out_channels * c.depth() + first * c.out_channels;
      for (int64_t p = 0; p < panels.count; ++p) {
        const int64_t r = panels.start(p), rows = panels.height(p);
        kernels.pack(rows, rows, k, src + r * c.depth(), c.depth(), 1, dst + r * k);
      }
    }
  });
  return packed;
}

// One tile of the output of one group, of `images` images where they are joined.
template <class T>
void correlate_tile(const Correlation& c, const TileLayout& l, const T* x, const T* packed, const T* bias,
                    T* y, int64_t images, int64_t i, int64_t j) {
  const Panels panels(c.out_channels, gemm_kernels<T>().mr);
  T* tile = Scratch::get<T>(Slot::ConvImage, l.size());
  const int64_t height = std::min(l.height, c.out_h - i), width = std::min(l.width, c.out_w - j);
  const bool joined = l.lanes > 1;
  Output<T> out{y + i * c.out_row + j * c.out_column, c.out_plane,
                joined ? c.groups * c.out_channels * c.out_plane : c.out_column};
  for (int64_t first = 0; first < c.in_channels; first += l.channels) {
    const int64_t channels = std::min(l.channels, c.in_channels - first), k = channels * c.taps();
    const T* planes = x + first * c.in_h * c.in_w;
    joined ? load_joined(c, l, planes, channels, images, i, tile)
           : load_tile(c, l, planes, channels, i, j, tile);
    out.beta = first == 0 ? T(0) : T(1);
    out.row_bias = first + channels == c.in_channels ? bias : nullptr;
    for (int64_t p = 0; p < panels.count; p += kPanelsAtOnce) {
      const int64_t end = std::min(p + kPanelsAtOnce, panels.count);
      const T* weights = packed + first * c.taps() * c.out_channels;
      const auto run = [&](const T* source, int64_t rows, int64_t columns, int64_t source_row,
                           const Output<T>& target, int64_t row) {
        conv_kernels<T>().correlate(panels, p, end, k, weights, source, l.offsets.data(), rows, columns,
                                    source_row, target, row);
      };
      const int64_t row_step = c.step_h * l.row_length;
      if (!joined) {
        run(tile, height, width, row_step, out, c.out_row);
        continue;
      }
      for (int64_t r = 0; r < height; ++r) {
        Output<T> row = out;
        row.c += r * c.out_row;
        run(tile + r * row_step, width, images, c.step_w * l.lanes, row, c.out_column);
      }
    }
  }
}

// w is (groups, out_channels, in_channels, taps). Tasks are tiles of the output of one group of one image.
template <class T>
void correlate(const Correlation& c, const T* x, const T* w, const T* bias, T* y) {
  if (c.batch == 0 || c.groups * c.out_channels == 0 || c.out_h == 0 || c.out_w == 0) return;
  if (c.depth() == 0) return fill_with_bias(c, bias, y);
  if (is_depthwise(c)) return depthwise_correlate(c, x, w, bias, y);
  const TileLayout l = TileLayout::of<T>(c, true);
  const T* packed = pack_weights(c, l, w);
  const int64_t across = l.across(c), tiles = l.down(c) * across, tasks = l.blocks(c) * c.groups * tiles;
  const int64_t grain = std::max<int64_t>(1, kSerialWork / std::max<int64_t>(1, c.work() / tasks));
  parallel_for(0, tasks, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t image = task / tiles / c.groups * l.lanes, group = task / tiles % c.groups,
                    tile = task % tiles;
      const int64_t plane = image * c.groups + group;
      correlate_tile(c, l, x + plane * c.in_channels * c.in_h * c.in_w,
                     packed + group * c.out_channels * c.depth(),
                     bias ? bias + group * c.out_channels : nullptr, y + plane * c.out_channels * c.out_plane,
                     std::min(l.lanes, c.batch - image), tile / across * l.height, tile % across * l.width);
    }
  });
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

// The taps that reach input positions with the given residue, and the correlation of the output's gradient
// with them.
Correlation residue_correlation(const ConvShape& s, int64_t residue_h, int64_t residue_w,
                                std::vector<int64_t>& kernel_position) {
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
  kernel_position.clear();
  for (int64_t i = 0; i < s.kernel_h; ++i) {
    const int64_t row = residue_h + s.pad_top - i * s.dilation_h;
    if (row % s.stride_h != 0) continue;
    for (int64_t j = 0; j < s.kernel_w; ++j) {
      const int64_t column = residue_w + s.pad_left - j * s.dilation_w;
      if (column % s.stride_w != 0) continue;
      c.row.push_back(row / s.stride_h);
      c.column.push_back(column / s.stride_w);
      kernel_position.push_back(i * s.kernel_w + j);
    }
  }
  return c;
}

// (groups, out, in, kernel) to (groups, in, out, chosen positions of the kernel).
template <class T>
void transpose_weights(const Correlation& c, const std::vector<int64_t>& kernel_position, int64_t kernel_size,
                       const T* w, T* dst) {
  for (int64_t g = 0; g < c.groups; ++g) {
    for (int64_t in = 0; in < c.out_channels; ++in) {
      for (int64_t out = 0; out < c.in_channels; ++out) {
        const T* kernel = w + ((g * c.in_channels + out) * c.out_channels + in) * kernel_size;
        for (int64_t p : kernel_position) *dst++ = kernel[p];
      }
    }
  }
}

// The gradient with respect to the input of a depthwise convolution that takes every second column: the even
// and the odd columns of a row are computed together.
template <class T>
void depthwise_rows_backward(const ConvShape& s, const T* dy, const T* w, const T* bias, T* dx) {
  if (s.batch * s.groups == 0 || s.in_h == 0) return;
  const int64_t kernel_size = s.kernel_h * s.kernel_w;
  std::vector<int64_t> kernel_position;
  for (int64_t i = 0; i < std::min(s.stride_h, s.in_h); ++i) {
    T* weights = Scratch::get<T>(Slot::ConvPartial, s.groups * kernel_size);
    const Correlation even = residue_correlation(s, i, 0, kernel_position);
    transpose_weights(even, kernel_position, kernel_size, w, weights);
    T* odd_weights = weights + s.groups * even.taps();
    const Correlation odd = residue_correlation(s, i, 1, kernel_position);
    transpose_weights(odd, kernel_position, kernel_size, w, odd_weights);
    T* rows = dx + i * s.in_w;
    if (even.taps() > 0 && odd.taps() > 0 && s.out_h > 0 && s.out_w > 0) {
      depthwise_correlate(even, odd, dy, weights, odd_weights, bias, rows);
    } else {
      correlate(even, dy, weights, bias, rows);
      correlate(odd, dy, odd_weights, bias, rows + 1);
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
  T* taken = Scratch::get<T>(Slot::ConvStrided, planes * positions);
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

// A 1x1 convolution is a matrix product for each image and group; `w` is its left operand for group 0.
template <class T>
void pointwise(const ConvShape& s, int64_t out_channels, int64_t in_channels, Matrix<const T> w, const T* x,
               const T* bias, T* y) {
  const int64_t positions = s.out_h * s.out_w;
  for (int64_t g = 0; g < s.groups; ++g) {
    const Epilogue<T> epilogue{.bias = bias ? bias + g * out_channels : nullptr,
                               .bias_axis = BiasAxis::PerRow};
    batched_gemm<T>(s.batch, out_channels, positions, in_channels,
                    {w.data + g * out_channels * in_channels, w.row_stride, w.col_stride}, 0,
                    {x + g * in_channels * positions, positions, 1}, s.groups * in_channels * positions,
                    {y + g * out_channels * positions, positions, 1}, s.groups * out_channels * positions,
                    epilogue);
  }
}

// ---- Gradient with respect to the weight
// ----------------------------------------------------------------------------

// Units are (image or joined images, tile of the output); a part is a run of units whose products are added
// up in one buffer (groups, depth, columns). Parts depend on the sizes alone and are summed in order.
template <class T>
struct WeightGradient {
  const Correlation& c;
  const TileLayout& l;
  const T* x;
  const T* dy;
  int64_t columns;  // out_channels, rounded up to the micro-kernel's width unless there is one
  int64_t units, parts;
  T* partial;

  // Adds one unit's products with the channels from `first` on.
  void add_unit(int64_t unit, int64_t group, int64_t first, T* sums) const {
    const int64_t across = l.across(c), tiles = l.down(c) * across, image = unit / tiles * l.lanes;
    const int64_t i = unit % tiles / across * l.height, j = unit % across * l.width;
    const int64_t height = std::min(l.height, c.out_h - i), width = std::min(l.width, c.out_w - j);
    const int64_t channels = std::min(l.channels, c.in_channels - first), rows = channels * c.taps();
    const int64_t plane = image * c.groups + group, image_row = c.step_h * l.row_length;
    const T* planes = x + (plane * c.in_channels + first) * c.in_h * c.in_w;
    const T* gradient = dy + plane * c.out_channels * c.out_plane + i * c.out_row + j;
    T* tile = Scratch::get<T>(Slot::ConvImage, l.size());
    if (l.lanes > 1) {
      const int64_t images = std::min(l.lanes, c.batch - image);
      load_joined(c, l, planes, channels, images, i, tile);
      for (int64_t r = 0; r < height; ++r) {
        add_products(rows, width, images, c.step_w * l.lanes, tile + r * image_row, gradient + r * c.out_row,
                     1, c.groups * c.out_channels * c.out_plane, sums);
      }
      return;
    }
    load_tile(c, l, planes, channels, i, j, tile);
    if (c.out_channels == 1) {
      conv_kernels<T>().weight_dots(rows, height, width, image_row, tile, l.offsets.data(), gradient,
                                    c.out_row, sums, columns);
    } else {
      add_products(rows, height, width, image_row, tile, gradient, c.out_row, 1, sums);
    }
  }

  // height x width positions, which lie row_stride and column_stride apart in the gradient.
  void add_products(int64_t rows, int64_t height, int64_t width, int64_t image_row, const T* tile,
                    const T* gradient, int64_t row_stride, int64_t column_stride, T* sums) const {
    const auto& gemm = gemm_kernels<T>();
    T* packed = Scratch::get<T>(Slot::ConvColumns, columns * height * width);
    for (int64_t o = 0; o < c.out_channels; o += gemm.nr) {
      for (int64_t r = 0; r < height; ++r) {
        gemm.pack(std::min(gemm.nr, c.out_channels - o), gemm.nr, width,
                  gradient + o * c.out_plane + r * row_stride, c.out_plane, column_stride,
                  packed + (o * height + r * gemm.nr) * width);
      }
    }
    conv_kernels<T>().weight_products(rows, c.out_channels, height, width, image_row, tile, l.offsets.data(),
                                      packed, sums, columns);
  }

  void run() const {
    const int64_t blocks = ceil_div(c.in_channels, l.channels), tasks = parts * c.groups * blocks;
    const int64_t grain = std::max<int64_t>(1, kSerialWork / std::max<int64_t>(1, c.work() / tasks));
    parallel_for(0, tasks, grain, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t part = task / (c.groups * blocks), group = task / blocks % c.groups,
                      first = task % blocks * l.channels;
        const int64_t rows = std::min(l.channels, c.in_channels - first) * c.taps();
        T* sums = partial + ((part * c.groups + group) * c.depth() + first * c.taps()) * columns;
        std::fill_n(sums, rows * columns, T(0));
        for (int64_t u = part * units / parts; u < (part + 1) * units / parts; ++u)
          add_unit(u, group, first, sums);
      }
    });
  }

  void combine(T* dw) const {
    const int64_t part_size = c.groups * c.depth() * columns;
    parallel_for(0, c.groups * c.out_channels, std::max<int64_t>(1, 32768 / (parts * c.depth())),
                 [&](int64_t begin, int64_t end) {
                   for (int64_t o = begin; o < end; ++o) {
                     const T* first = partial + o / c.out_channels * c.depth() * columns + o % c.out_channels;
                     for (int64_t kk = 0; kk < c.depth(); ++kk) {
                       T sum = first[kk * columns];
                       for (int64_t part = 1; part < parts; ++part)
                         sum += first[part * part_size + kk * columns];
                       dw[o * c.depth() + kk] = sum;
                     }
                   }
                 });
  }
};

// The same as a matrix product over all positions, for convolutions with many channels: dw (out_channels x
// depth) = dy (out_channels x positions) by columns (positions x depth), the columns being what each tap
// reads. Chunks of whole output rows, of several images where these are small, are laid out and added up in
// order.
template <class T>
struct ColumnGradient {
  static constexpr int64_t kPositions = 1024, kElements = 1 << 21;  // of a chunk, about
  const Correlation& c;
  const T* dy;
  const T* x;
  T* dw;

  // For `rows` output rows from `first` on, counted through all images: what tap t of a channel reads, or the
  // gradient of a channel, one row after the other.
  void copy_reads(int64_t channel, int64_t t, int64_t first, int64_t rows, T* dst) const {
    for (int64_t r = first; r < first + rows; ++r, dst += c.out_w) {
      const int64_t row = r % c.out_h * c.step_h + c.row[static_cast<size_t>(t)];
      const T* plane = x + (r / c.out_h * c.in_channels + channel) * c.in_h * c.in_w;
      if (row < 0 || row >= c.in_h) std::fill_n(dst, c.out_w, T(0));
      else copy_phase(plane + row * c.in_w, c.in_w, c.column[static_cast<size_t>(t)], c.step_w, c.out_w, dst);
    }
  }
  void copy_gradient(int64_t channel, int64_t first, int64_t rows, T* dst) const {
    for (int64_t r = first; r < first + rows; ++r, dst += c.out_w) {
      std::copy_n(dy + (r / c.out_h * c.out_channels + channel) * c.out_plane + r % c.out_h * c.out_row,
                  c.out_w, dst);
    }
  }

  void run() const {
    const int64_t depth = c.depth(), all = c.batch * c.out_h;
    const int64_t most = std::min(kPositions, kElements / depth) / c.out_w;
    const int64_t chunks = ceil_div(all, std::clamp<int64_t>(most, 1, all)), step = ceil_div(all, chunks);
    T* columns = Scratch::get<T>(Slot::ConvColumns, depth * step * c.out_w);
    T* gradient = Scratch::get<T>(Slot::ConvImage, c.out_channels * step * c.out_w);
    for (int64_t first = 0; first < all; first += step) {
      const int64_t rows = std::min(step, all - first), positions = rows * c.out_w;
      parallel_for(0, depth + c.out_channels, std::max<int64_t>(1, 32768 / positions),
                   [&](int64_t begin, int64_t end) {
                     for (int64_t kk = begin; kk < end; ++kk) {
                       if (kk < depth)
                         copy_reads(kk / c.taps(), kk % c.taps(), first, rows, columns + kk * positions);
                       else copy_gradient(kk - depth, first, rows, gradient + (kk - depth) * positions);
                     }
                   });
      gemm<T>(c.out_channels, depth, positions, {gradient, positions, 1}, {columns, 1, positions},
              Matrix<T>{dw, depth, 1}, {.beta = first > 0 ? T(1) : T(0)});
    }
  }
};

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
  if (is_strided_pointwise(s) && out > 1)
    return pointwise<T>(without_stride(s), out, in, {w, in, 1}, take_strided(s, x), bias, y);
  if constexpr (std::is_same_v<T, float>) {
    if (winograd_pays(s)) return winograd_correlate(s, x, {w, in * kFilterSize, kFilterSize}, bias, y);
  }
  correlate(forward_correlation(s), x, w, bias, y);
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
  if (in == 1 && out == 1 && s.stride_w == 2 && s.in_w > 1 && s.kernel_w > 1)
    return depthwise_rows_backward(s, dy, w, bias, dx);
  std::vector<int64_t> kernel_position;
  for (int64_t i = 0; i < std::min(s.stride_h, s.in_h); ++i) {
    for (int64_t j = 0; j < std::min(s.stride_w, s.in_w); ++j) {
      const Correlation c = residue_correlation(s, i, j, kernel_position);
      T* weights = Scratch::get<T>(Slot::ConvPartial, c.groups * c.out_channels * c.depth());
      transpose_weights(c, kernel_position, s.kernel_h * s.kernel_w, w, weights);
      correlate(c, dy, weights, bias, dx + i * s.in_w + j);
    }
  }
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
    return ColumnGradient<T>{c, dy, x, dw}.run();
  const TileLayout l = TileLayout::of<T>(c, c.out_channels > 1);
  const int64_t nr = gemm_kernels<T>().nr;
  const int64_t columns = c.out_channels == 1 ? 1 : ceil_div(c.out_channels, nr) * nr;
  const int64_t units = l.blocks(c) * l.down(c) * l.across(c), part_size = c.groups * c.depth() * columns;
  constexpr int64_t kPartialLimit = 1 << 21;  // elements
  const int64_t parts = std::max<int64_t>(1, std::min({kTasks, units, kPartialLimit / part_size}));
  T* partial = Scratch::get<T>(Slot::ConvPartial, parts * part_size);
  const WeightGradient<T> gradient{c, l, x, dy, columns, units, parts, partial};
  gradient.run();
  gradient.combine(dw);
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
#endif  // HWY_ONCE

#include "rushlight/kernels/cpu/conv_direct.h"

#include <algorithm>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_tile.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kPanelsAtOnce = 16;  // rows of packed weights that stay in the second cache beside a tile

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
  T* packed = ThreadScratch::get<T>(Slot::ConvWeights, c.groups * c.out_channels * c.depth());
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
  T* tile = ThreadScratch::get<T>(Slot::ConvImage, l.size());
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

}  // namespace

// Tasks are tiles of the output of one group of one image.
template <class T>
void correlate_direct(const Correlation& c, const T* x, const T* w, const T* bias, T* y) {
  if (c.is_empty()) return;
  if (c.depth() == 0) return fill_with_bias(c, bias, y);
  const TileLayout l = TileLayout::of<T>(c, true);
  const T* packed = pack_weights(c, l, w);
  const int64_t across = l.across(c), tiles = l.down(c) * across, tasks = l.blocks(c) * c.groups * tiles;
  const int64_t grain = std::max<int64_t>(1, kConvSerialWork / std::max<int64_t>(1, c.work() / tasks));
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

template void correlate_direct<float>(const Correlation&, const float*, const float*, const float*, float*);
template void correlate_direct<double>(const Correlation&, const double*, const double*, const double*,
                                       double*);

}  // namespace rushlight::cpu

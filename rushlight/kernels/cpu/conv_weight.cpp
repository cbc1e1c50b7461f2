#include "rushlight/kernels/cpu/conv_weight.h"

#include <algorithm>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_tile.h"
#include "rushlight/kernels/cpu/gemm_packed.h"

namespace rushlight::cpu {
namespace {

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
    T* tile = ThreadScratch::get<T>(Slot::ConvImage, l.size());
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
    T* packed = ThreadScratch::get<T>(Slot::ConvColumns, columns * height * width);
    const int64_t positions = height * width;
    const int64_t run = row_stride == width * column_stride ? positions : width;  // in one go
    for (int64_t o = 0; o < c.out_channels; o += gemm.nr) {
      for (int64_t q = 0; q < positions; q += run) {
        gemm.pack(std::min(gemm.nr, c.out_channels - o), gemm.nr, run,
                  gradient + o * c.out_plane + q / width * row_stride, c.out_plane, column_stride,
                  packed + o * positions + q * gemm.nr);
      }
    }
    conv_kernels<T>().weight_products(rows, c.out_channels, height, width, image_row, tile, l.offsets.data(),
                                      packed, sums, columns);
  }

  void run() const {
    const int64_t blocks = ceil_div(c.in_channels, l.channels), tasks = parts * c.groups * blocks;
    const int64_t grain = std::max<int64_t>(1, kConvSerialWork / std::max<int64_t>(1, c.work() / tasks));
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

  // Adds up the parts, some rows at a time, and stores each row as a column.
  void combine(T* dw) const {
    constexpr int64_t kRows = 16;
    const int64_t depth = c.depth(), part_size = c.groups * depth * columns, blocks = ceil_div(depth, kRows);
    const int64_t grain = std::max<int64_t>(1, 32768 / (parts * kRows * columns));
    parallel_for(0, c.groups * blocks, grain, [&](int64_t begin, int64_t end) {
      for (int64_t task = begin; task < end; ++task) {
        const int64_t group = task / blocks, first = task % blocks * kRows,
                      rows = std::min(kRows, depth - first);
        T* sums = partial + (group * depth + first) * columns;
        for (int64_t part = 1; part < parts; ++part) {
          for (int64_t e = 0; e < rows * columns; ++e) sums[e] += sums[part * part_size + e];
        }
        T* target = dw + group * c.out_channels * depth + first;
        for (int64_t o = 0; o < c.out_channels; ++o) {
          for (int64_t r = 0; r < rows; ++r) target[o * depth + r] = sums[r * columns + o];
        }
      }
    });
  }
};

// The same as a matrix product over all positions, for convolutions with many channels: dw (out_channels x
// depth) = dy (out_channels x positions) by columns (positions x depth), the columns being what each tap
// reads. Positions count through all images; both operands are packed from the images as the product goes.

// Positions [first, first + depth) of `width` dense planes as a panel, a piece of each image at a time.
template <class T>
void pack_planes(const T* planes, int64_t image_size, int64_t positions, int64_t width, int64_t padded,
                 int64_t first, int64_t depth, T* dst) {
  for (int64_t done = 0, count; done < depth; done += count) {
    const int64_t image = (first + done) / positions, at = (first + done) % positions;
    count = std::min(depth - done, positions - at);
    gemm_kernels<T>().pack(width, padded, count, planes + image * image_size + at, positions, 1,
                           dst + done * padded);
  }
}

template <class T>
struct GradientRows {
  const Correlation& c;
  const T* dy;

  void pack(int64_t row, int64_t height, int64_t kk, int64_t depth, T* dst) const {
    pack_planes(dy + row * c.out_plane, c.out_channels * c.out_plane, c.out_plane, height, height, kk, depth,
                dst);
  }
};

template <class T>
struct ReadColumns {
  const Correlation& c;
  const T* x;
  // One tap that reads every position: nothing to lay out.
  bool is_dense() const {
    return c.taps() == 1 && c.row[0] == 0 && c.column[0] == 0 && c.step_h == 1 && c.step_w == 1 &&
           c.in_h == c.out_h && c.in_w == c.out_w;
  }

  void pack(int64_t column, int64_t width, int64_t kk, int64_t depth, T* dst) const {
    const int64_t nr = gemm_kernels<T>().nr, plane = c.in_h * c.in_w;
    for (int64_t j = 0; j < width; j += nr, dst += nr * depth) {
      const int64_t count = std::min(nr, width - j);
      if (is_dense()) {
        pack_planes(x + (column + j) * plane, c.in_channels * plane, plane, count, nr, kk, depth, dst);
        continue;
      }
      T* reads = ThreadScratch::get<T>(Slot::ConvColumns, nr * depth);
      for (int64_t i = 0; i < count; ++i) copy_reads(column + j + i, kk, depth, reads + i * depth);
      gemm_kernels<T>().pack(count, nr, depth, reads, depth, 1, dst);
    }
  }

  // What a tap of a channel reads at `count` positions from `first` on.
  void copy_reads(int64_t column, int64_t first, int64_t count, T* dst) const {
    const auto t = static_cast<size_t>(column % c.taps());
    int64_t j = first % c.out_w, i = first / c.out_w % c.out_h, image = first / (c.out_h * c.out_w);
    for (int64_t length; count > 0; count -= length, dst += length, j = 0) {
      length = std::min(count, c.out_w - j);
      const T* plane = x + (image * c.in_channels + column / c.taps()) * c.in_h * c.in_w;
      const int64_t row = i * c.step_h + c.row[t];
      if (row < 0 || row >= c.in_h) std::fill_n(dst, length, T(0));
      else copy_phase(plane + row * c.in_w, c.in_w, c.column[t] + j * c.step_w, c.step_w, length, dst);
      if (++i == c.out_h) i = 0, ++image;
    }
  }
};

}  // namespace

template <class T>
void tiled_weight_gradient(const Correlation& c, const T* dy, const T* x, T* dw) {
  const TileLayout l = TileLayout::of<T>(c, c.out_channels > 1);
  const int64_t nr = gemm_kernels<T>().nr;
  const int64_t columns = c.out_channels == 1 ? 1 : ceil_div(c.out_channels, nr) * nr;
  const int64_t units = l.blocks(c) * l.down(c) * l.across(c), part_size = c.groups * c.depth() * columns;
  constexpr int64_t kPartialLimit = 1 << 21;  // elements
  // Each part has sums to clear and to add up: a multiplication for each of them is not much work.
  const int64_t worth = std::max<int64_t>(1, c.work() / kConvSerialWork);
  const int64_t parts = std::max<int64_t>(1, std::min({kConvTasks, units, kPartialLimit / part_size, worth}));
  T* partial = ThreadScratch::get<T>(Slot::ConvPartial, parts * part_size);
  const WeightGradient<T> gradient{c, l, x, dy, columns, units, parts, partial};
  gradient.run();
  gradient.combine(dw);
}

template <class T>
void column_weight_gradient(const Correlation& c, const T* dy, const T* x, T* dw) {
  packed_product(c.out_channels, c.depth(), c.batch * c.out_plane, GradientRows<T>{c, dy},
                 ReadColumns<T>{c, x}, Output<T>{dw, c.depth(), 1});
}

#define RL_INSTANTIATE(T)                                                             \
  template void tiled_weight_gradient<T>(const Correlation&, const T*, const T*, T*); \
  template void column_weight_gradient<T>(const Correlation&, const T*, const T*, T*);
RL_INSTANTIATE(float)
RL_INSTANTIATE(double)
#undef RL_INSTANTIATE

}  // namespace rushlight::cpu

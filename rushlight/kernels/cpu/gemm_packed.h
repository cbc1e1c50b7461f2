// The packed product: blocks, tiles and threads, for any operands that can pack panels of themselves.
#pragma once

#include <algorithm>
#include <cstdint>
#include <type_traits>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/gemm_kernels.h"

namespace rushlight::cpu {

// A step of kDepth: a panel of b (nr x kDepth) fills three quarters of a 32 KiB first cache, and a tile in
// registers is read and stored once for so many multiplications. A tile, the unit of work of a thread, takes
// all steps of a block one after the other, so that its part of c stays in the second cache beside its rows
// of a: c passes through memory once for each block, not once for each step. Rows, columns and depth of a
// block: what is packed at once stays in the last cache.
inline constexpr int64_t kGemmDepth = 384, kGemmTileHeight = 192, kGemmTileWidth = 256;
inline constexpr int64_t kGemmBlockRows = 2048, kGemmBlockColumns = 2048, kGemmBlockDepth = 4 * kGemmDepth;
// An operand that one tile alone reads is packed by that tile, into the caches; of b so many columns at a
// time.
inline constexpr int64_t kGemmOwnWidth = 128;
inline constexpr int64_t kGemmTasks = 4;  // enough to share among threads; independent of how many there are
inline constexpr int64_t kGemmFewPanels = 6;              // of a: a tile as low as that is not worth dividing
inline constexpr int64_t kGemmFewTiles = 2;               // on top of each other: each may pack b for itself
inline constexpr int64_t kGemmSerialWork = 96 * 96 * 96;  // multiplications below which no thread is woken

template <class T, class Source>
auto gemm_packer(const GemmKernels<T>& kernels) {
  if constexpr (std::is_same_v<Source, Half>) {
    return kernels.pack_half;
  } else if constexpr (std::is_same_v<Source, BFloat16>) {
    return kernels.pack_bfloat16;
  } else {
    return kernels.pack;
  }
}

// A left operand packs `height` rows from `row` on, elements [kk, kk + depth) of the sum, as one panel.
template <class T, class Source>
struct StridedLeft {
  Matrix<const Source> a;

  void pack(int64_t row, int64_t height, int64_t kk, int64_t depth, T* dst) const {
    gemm_packer<T, Source>(gemm_kernels<T>())(height, height, depth,
                                              a.data + row * a.row_stride + kk * a.col_stride, a.row_stride,
                                              a.col_stride, dst);
  }
};

// A right operand packs `width` columns from `column` on, as panels one after the other.
template <class T, class Source>
struct StridedRight {
  Matrix<const Source> b;

  void pack(int64_t column, int64_t width, int64_t kk, int64_t depth, T* dst) const {
    const GemmKernels<T>& kernels = gemm_kernels<T>();
    const Source* src = b.data + column * b.col_stride + kk * b.row_stride;
    int64_t j = 0;
    if constexpr (std::is_same_v<T, Source>) {
      if (b.col_stride == 1) {
        j = width / kernels.nr * kernels.nr;
        kernels.pack_rows(j / kernels.nr, depth, src, b.row_stride, dst);
      }
    }
    for (; j < width; j += kernels.nr) {
      gemm_packer<T, Source>(kernels)(std::min(kernels.nr, width - j), kernels.nr, depth,
                                      src + j * b.col_stride, b.col_stride, b.row_stride, dst + j * depth);
    }
  }
};

// A right operand that tiles can read as it lies, to pack it on the way; null if this is none.
template <class T, class Right>
const Matrix<const T>* lying_in_rows(const Right& right) {
  if constexpr (std::is_same_v<Right, StridedRight<T, T>>) {
    if (right.b.col_stride == 1) return &right.b;
  }
  return nullptr;
}

// The sum over k goes through c step by step: the first one brings beta, the last one the bias and
// activation.
template <class T>
Output<T> step_of(Output<T> out, bool is_first, bool is_last) {
  if (!is_first) out.beta = T(1);
  if (!is_last) out.row_bias = out.col_bias = nullptr, out.relu = false;
  return out;
}

template <class T, class Left, class Right>
class PackedProduct {
 public:
  PackedProduct(int64_t m, int64_t n, int64_t k, const Left& left, const Right& right, const Output<T>& out)
      : m_(m),
        n_(n),
        k_(k),
        left_(left),
        right_(right),
        out_(out),
        step_(ceil_div(k, ceil_div(k, kGemmDepth))) {}

  void run() const {
    const int64_t block_k = std::min(k_, kGemmBlockDepth / kGemmDepth * step_);
    for (int64_t j = 0; j < n_; j += kGemmBlockColumns) {
      for (int64_t i = 0; i < m_; i += kGemmBlockRows) {
        const int64_t height = std::min(kGemmBlockRows, m_ - i), width = std::min(kGemmBlockColumns, n_ - j);
        for (int64_t kk = 0; kk < k_; kk += block_k)
          Block(*this, i, j, kk, height, width, std::min(block_k, k_ - kk)).run();
      }
    }
  }

 private:
  bool is_serial() const {
    return static_cast<double>(m_) * static_cast<double>(n_) * static_cast<double>(k_) <= kGemmSerialWork;
  }

  // Packed operands lie step by step, the panels of a step one after the other.
  struct Block {
    const PackedProduct& all;
    const int64_t i, j, kk, width, depth;
    const GemmKernels<T>& kernels = gemm_kernels<T>();
    const Panels rows;
    const int64_t padded = ceil_div(width, kernels.nr) * kernels.nr;
    int64_t down, across, tile_width;          // tiles; all of one height, but for a panel
    T *a = nullptr, *b = nullptr;              // null: each tile packs what it reads
    const Matrix<const T>* in_rows = nullptr;  // b, where tiles read it as it lies

    Block(const PackedProduct& all, int64_t i, int64_t j, int64_t kk, int64_t height, int64_t width,
          int64_t depth)
        : all(all), i(i), j(j), kk(kk), width(width), depth(depth), rows(height, kernels.mr) {
      across = ceil_div(width, kGemmTileWidth);
      down = ceil_div(rows.count, std::max<int64_t>(1, kGemmTileHeight / kernels.mr));
      if (down * across < kGemmTasks && !all.is_serial())
        down = std::clamp(rows.count / kGemmFewPanels, down, std::max(down, ceil_div(kGemmTasks, across)));
      if (down * across == 1 && !all.is_serial()) down = std::min<int64_t>(rows.count, 2);
      // Tiles of one width: of two, one must not wait for the other.
      tile_width = ceil_div(padded / kernels.nr, across) * kernels.nr;
      if (across > 1) a = ThreadScratch::get<T>(Slot::PackedA, height * depth);
      if (down <= kGemmFewTiles) in_rows = lying_in_rows<T>(all.right_);
      if (in_rows) return;
      if (down > 1) b = ThreadScratch::get<T>(Slot::PackedB, padded * depth);
      else tile_width = kGemmOwnWidth, across = ceil_div(width, tile_width);
    }

    void run() const {
      const int64_t grain = all.is_serial() ? INT64_MAX : 1;
      pack();
      parallel_for(0, down * across, grain, [&](int64_t begin, int64_t end) {
        for (int64_t tile = begin; tile < end; ++tile) multiply(tile / across, tile % across);
      });
    }

    void pack() const {
      const int64_t right = b ? padded / kernels.nr : 0, left = a ? rows.count : 0;
      // Neighbours are read together; few panels are still work for two.
      const int64_t grain = std::clamp<int64_t>(ceil_div(right + left, 2), 1, 8);
      parallel_for(0, right + left, all.is_serial() ? INT64_MAX : grain, [&](int64_t begin, int64_t end) {
        const int64_t first = std::min(begin, right) * kernels.nr,
                      last = std::min(std::min(end, right) * kernels.nr, width);
        for (int64_t q = 0; q < depth; q += all.step_) {
          const int64_t count = std::min(all.step_, depth - q);
          if (first < last)
            all.right_.pack(j + first, last - first, kk + q, count, b + q * padded + first * count);
          for (int64_t p = std::max(begin, right) - right; p < end - right; ++p)
            pack_panel(p, q, count, a + q * rows.rows + rows.start(p) * count);
        }
      });
    }
    void pack_panel(int64_t panel, int64_t q, int64_t count, T* dst) const {
      all.left_.pack(i + rows.start(panel), rows.height(panel), kk + q, count, dst);
    }

    void multiply(int64_t tile_row, int64_t tile_column) const {
      const int64_t begin = tile_row * rows.count / down, end = (tile_row + 1) * rows.count / down;
      const int64_t first = tile_column * tile_width, columns = std::min(tile_width, width - first);
      const int64_t top = rows.start(begin), height = rows.start(end) - top;
      T* own_a = a ? nullptr : ThreadScratch::get<T>(Slot::PackedA, height * all.step_);
      T* own_b =
          b ? nullptr : ThreadScratch::get<T>(Slot::PackedB, (in_rows ? kernels.nr : tile_width) * all.step_);
      for (int64_t q = 0; q < depth; q += all.step_) {
        const int64_t count = std::min(all.step_, depth - q);
        for (int64_t p = begin; own_a && p < end; ++p)
          pack_panel(p, q, count, own_a + (rows.start(p) - top) * count);
        const T* left = own_a ? own_a : a + q * rows.rows + top * count;
        const Output<T> out = step_of(all.out_.at(i, j + first), kk + q == 0, kk + q + count == all.k_);
        if (in_rows) {
          const T* right = in_rows->data + (kk + q) * in_rows->row_stride + j + first;
          kernels.block_rows(rows, begin, end, columns, count, left, right, in_rows->row_stride, own_b, out);
          continue;
        }
        if (own_b) all.right_.pack(j + first, columns, kk + q, count, own_b);
        kernels.block(rows, begin, end, columns, count, left, own_b ? own_b : b + q * padded + first * count,
                      out);
      }
    }
  };

  const int64_t m_, n_, k_;
  const Left& left_;
  const Right& right_;
  const Output<T> out_;
  const int64_t step_;  // depth of a step
};

// out = left (m x k) @ right (k x n), k > 0.
template <class T, class Left, class Right>
void packed_product(int64_t m, int64_t n, int64_t k, const Left& left, const Right& right,
                    const Output<T>& out) {
  PackedProduct<T, Left, Right>(m, n, k, left, right, out).run();
}

// A right operand (k x n, neither of them 0) that several products on one thread share: packed once, into the
// thread's scratch space of that slot.
template <class T>
class SharedRight {
 public:
  SharedRight(Slot slot, int64_t k, int64_t n, Matrix<const T> b)
      : k_(k), step_(ceil_div(k, ceil_div(k, kGemmDepth))), padded_(ceil_div(n, kernels_.nr) * kernels_.nr) {
    panels_ = ThreadScratch::get<T>(slot, padded_ * k);
    const StridedRight<T, T> right{b};
    each_step([&](int64_t q, int64_t count) { right.pack(0, n, q, count, panels_ + q * padded_); });
  }

  // out = a (m x k) @ the first `columns` columns.
  void multiply(int64_t m, int64_t columns, Matrix<const T> a, const Output<T>& out) const {
    each_step([&](int64_t q, int64_t count) {
      kernels_.strided_left(m, columns, count, a.at(0, q), panels_ + q * padded_,
                            step_of(out, q == 0, q + count == k_));
    });
  }

 private:
  template <class F>
  void each_step(F&& f) const {
    for (int64_t q = 0; q < k_; q += step_) f(q, std::min(step_, k_ - q));
  }

  const GemmKernels<T>& kernels_ = gemm_kernels<T>();
  const int64_t k_, step_, padded_;
  T* panels_;
};

}  // namespace rushlight::cpu

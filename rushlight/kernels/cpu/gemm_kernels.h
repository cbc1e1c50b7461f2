// The SIMD pieces under gemm and convolution: a table of functions for each compute type, chosen once for the
// processor.
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/error.h"
#include "rushlight/kernels/cpu/gemm.h"

namespace rushlight::cpu {

// Where a product goes: element (i, j) to c[i * row_stride + j * col_stride], as Epilogue says.
template <class T>
struct Output {
  T* c;
  int64_t row_stride, col_stride;
  T alpha = 1, beta = 0;
  const T* row_bias = nullptr;  // one value for each i
  const T* col_bias = nullptr;  // one value for each j
  bool relu = false;

  Output at(int64_t i, int64_t j) const {
    Output o = *this;
    o.c += i * row_stride + j * col_stride;
    if (row_bias) o.row_bias += i;
    if (col_bias) o.col_bias += j;
    return o;
  }
};

// The rows of a packed left operand: `count` panels of at most mr rows each, as equal as can be, so that no
// panel is a sliver that would starve the multipliers.
struct Panels {
  int64_t rows, count;
  int64_t low, tall;  // `tall` panels of low + 1 rows, then panels of low rows

  Panels(int64_t rows, int64_t mr)
      : rows(rows), count(ceil_div(rows, mr)), low(rows / count), tall(rows % count) {}
  int64_t start(int64_t panel) const { return panel * low + (panel < tall ? panel : tall); }
  int64_t height(int64_t panel) const { return low + (panel < tall ? 1 : 0); }
};

// T is float or double. A packed operand is a row of panels; a panel `width` wide and k deep holds element
// (w, kk) at [kk * width + w]. The left operand's panels are as Panels says (panel p begins at start(p) * k);
// the right operand's are all nr wide, the last one padded with zeros.
template <class T>
struct GemmKernels {
  int64_t mr, nr;

  // dst[kk * padded + w] = src[w * stride_w + kk * stride_k] for w < width, 0 for width <= w < padded.
  template <class Source>
  using Pack = void (*)(int64_t width, int64_t padded, int64_t k, const Source* src, int64_t stride_w,
                        int64_t stride_k, T* dst);
  Pack<T> pack;
  Pack<Half> pack_half;          // null for double
  Pack<BFloat16> pack_bfloat16;  // null for double
  // Whole panels of a right operand with unit column stride.
  void (*pack_rows)(int64_t panels, int64_t k, const T* src, int64_t stride_k, T* dst);

  // Rows [panels.start(begin), panels.start(end)) and all n columns of the product of packed operands; a
  // begins with panel `begin`. `out` is for row 0 of the panels and the first column of b.
  void (*block)(const Panels& panels, int64_t begin, int64_t end, int64_t n, int64_t k, const T* a,
                const T* b, const Output<T>& out);

  // The same with b as it lies, in rows of unit column stride: the first tile that reads a panel of it packs
  // it into `panel`, nr * k elements aligned to the vectors, for the others.
  void (*block_rows)(const Panels& panels, int64_t begin, int64_t end, int64_t n, int64_t k, const T* a,
                     const T* b, int64_t b_row_stride, T* panel, const Output<T>& out);

  // The product of operands as they lie, but that each panel of b (k x nr) is packed into `panel`, which is
  // aligned to the vectors, for the rows of a after the first ones.
  void (*strided)(int64_t m, int64_t n, int64_t k, const Matrix<const T>& a, const Matrix<const T>& b,
                  T* panel, const Output<T>& out);

  // The same with all of b packed.
  void (*strided_left)(int64_t m, int64_t n, int64_t k, const Matrix<const T>& a, const T* b,
                       const Output<T>& out);

  // y[i] = sum over k of a[i * row_stride + k] * x[k].
  void (*dot_rows)(int64_t m, int64_t k, const T* a, int64_t row_stride, const T* x, T* y);
  // y[j] = sum over k of x[k] * b[k * row_stride + j].
  void (*sum_rows)(int64_t k, int64_t n, const T* x, const T* b, int64_t row_stride, T* y);
};

template <class T>
const GemmKernels<T>& gemm_kernels();

// A cache-line aligned array that each thread keeps for its next use. Uses of one Slot must not nest in a
// thread.
enum class Slot : uint8_t {
  PackedA,
  PackedB,
  SharedKeys,
  SharedValues,
  SharedKeyRows,
  Product,
  PartialSums,
  Vector,
  Scores,
  ConvImage,
  ConvColumns,
  ConvWeights,
  ConvPartial,
  ConvStrided,
  RecurrentWeights,
  RecurrentSums,
  kCount
};

class ThreadScratch {
 public:
  template <class T>
  static T* get(Slot slot, int64_t count) {
    return static_cast<T*>(of_this_thread().reserve(slot, static_cast<size_t>(count) * sizeof(T)));
  }
  ~ThreadScratch() {
    for (Block& b : blocks_) std::free(b.data);
  }

 private:
  static constexpr size_t kLargePage = size_t{2} << 20;
  struct Block {
    void* data = nullptr;
    size_t bytes = 0;
  };
  static ThreadScratch& of_this_thread() {
    static thread_local ThreadScratch scratch;
    return scratch;
  }
  void* reserve(Slot slot, size_t bytes) {
    Block& b = blocks_[static_cast<size_t>(slot)];
    if (b.bytes < bytes) grow(b, bytes);
    return b.data;
  }
  static void grow(Block& b, size_t bytes) {
    std::free(b.data);
    b = {};
    // Packed operands are read panel by panel: large pages spare the address translation.
    const size_t page = bytes < kLargePage / 2 ? 4096 : kLargePage;
    bytes = (bytes + bytes / 8 + page - 1) & ~(page - 1);
    b.data = std::aligned_alloc(page, bytes);
    RL_CHECK_AS(OutOfMemoryError, b.data, "not enough memory for ", bytes, " bytes of scratch space");
#ifdef MADV_HUGEPAGE
    if (page == kLargePage) madvise(b.data, bytes, MADV_HUGEPAGE);
#endif
    b.bytes = bytes;
  }

  Block blocks_[static_cast<size_t>(Slot::kCount)];
};

}  // namespace rushlight::cpu

// The SIMD pieces under convolution: a table of functions for each type, chosen once for the processor.
#pragma once

#include <cstdint>

#include "rushlight/kernels/cpu/gemm_kernels.h"

namespace rushlight::cpu {

// `image` is a padded tile of the input in which neighbouring output columns read neighbouring elements; an
// `offset` leads from an output position to the element that one weight multiplies. Whole vectors are read,
// so kImageSlack elements behind the tile must be readable.
inline constexpr int64_t kImageSlack = 128;
inline constexpr int64_t kRowSlack = 16;

// So many panels are packed at once: longer reads, fewer pages.
inline constexpr int kPanelsPacked = 8;

// Columns of panels whose elements are neighbours in the image.
struct PositionRun {
  int64_t source;
  int column, count;
};

// 3x3 correlation with stride 1 of one plane with one filter. Output row i begins with input row i + top, and
// column j with column j + left; tap (i, j) is weight[place[3 * i + j]].
struct Depthwise3x3 {
  int64_t in_h, in_w, out_h, out_w, top, left;
  int place[9];
};

template <class T>
struct ConvKernels {
  // For each output position (i, j), i < height and j < width, and each row r of panels begin to end:
  //   out(r, i * out_row + j) = sum over kk < k of a(r, kk) * image[offsets[kk] + i * image_row + j]
  // where a is packed as gemm packs its left operand.
  void (*correlate)(const Panels& panels, int64_t begin, int64_t end, int64_t k, const T* a, const T* image,
                    const int64_t* offsets, int64_t height, int64_t width, int64_t image_row,
                    const Output<T>& out, int64_t out_row);

  // Of dense planes; null for processors without masked loads.
  void (*depthwise_3x3)(const Depthwise3x3& shape, const T* in, const T* weight, T bias, T* out);

  // c[r * c_stride + j] += sum over positions of image[offsets[r] + i * image_row + j'] * b(position, j) for
  // r < m and j < n rounded up to whole vectors; b is packed as gemm packs its right operand, position = i *
  // width + j'.
  void (*weight_products)(int64_t m, int64_t n, int64_t height, int64_t width, int64_t image_row,
                          const T* image, const int64_t* offsets, const T* b, T* c, int64_t c_stride);

  // The same for one column of c, b as it lies: position (i, j') at b[i * b_row + j'].
  void (*weight_dots)(int64_t m, int64_t height, int64_t width, int64_t image_row, const T* image,
                      const int64_t* offsets, const T* b, int64_t b_row, T* c, int64_t c_stride);

  // Some panels of gemm's right operand, up to kPanelsPacked in one pass, whose columns are output positions:
  // row kk is what `runs` find from image + offsets[kk] on, neighbours being `step` (1 or 2) apart there,
  // then zeros. Reads whole vectors.
  void (*pack_positions)(int64_t k, const T* image, const int64_t* offsets, int step, int runs,
                         const PositionRun* run, T* dst, int64_t panel_stride);

  // Rows of `count` elements, in ascending order. Whole vectors are stored, zeros behind the last element:
  // kRowSlack elements behind the last row must be writable.
  void (*copy_rows)(int64_t rows, int64_t count, const T* src, int64_t src_row, T* dst, int64_t dst_row);
  // The same, nothing stored behind a row.
  void (*store_rows)(int64_t rows, int64_t count, const T* src, int64_t src_row, T* dst, int64_t dst_row);
  // As copy_rows, elements 0, 2, ... of a row to a row of `even`, elements 1, 3, ... to one of `odd`.
  void (*deal_rows)(int64_t rows, int64_t count, const T* src, int64_t src_row, T* even, T* odd,
                    int64_t dst_row);
  // The opposite, nothing stored behind a row: `count` elements, from `even` and `odd` in turns. Reads whole
  // vectors.
  void (*merge_rows)(int64_t rows, int64_t count, const T* even, int64_t even_row, const T* odd,
                     int64_t odd_row, T* dst, int64_t dst_row);
};

template <class T>
const ConvKernels<T>& conv_kernels();

}  // namespace rushlight::cpu

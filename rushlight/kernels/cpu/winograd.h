// 3x3 convolution with stride 1 by Winograd's minimal filtering F(4x4, 3x3): a tile of 4x4 outputs costs 36
// multiplications for each pair of channels instead of 144 (S. Winograd, "Arithmetic Complexity of
// Computations", SIAM 1980; A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR
// 2016).
//
// The interpolation points are 0, 5/8, -5/8, 3/2, -3/2 and infinity, not the usual 0, 1, -1, 2, -2: the
// transforms are then better conditioned (B. Barabasz et al., "Error Analysis and Improving the Accuracy of
// Winograd Convolution for Deep Neural Networks", ACM TOMS 46, 2020). Against sums in float64, with normally
// distributed inputs and weights and 64 to 512 channels, the largest error stays below 8 * 2^-24 times the
// sum of the magnitudes of the products, and the root mean square of the error is 1.5e-6 of that of the
// result; tests/cpp/conv_test.cpp holds it to that. A NaN or an infinity in the input may reach all outputs
// of the tiles that read it.
#pragma once

#include <cstdint>

#include "rushlight/kernels/cpu/conv.h"

namespace rushlight::cpu {

// Weight (row r, channel c, i, j), r for outputs and c for inputs, lies at
// data[r * row_stride + c * channel_stride + 3 * i + j], or with i and j counted from the end if `flipped`.
struct WinogradFilters {
  const float* data;
  int64_t row_stride, channel_stride;
  bool flipped = false;
};

// Whether the road exists for this shape, and is the shorter one.
bool winograd_pays(const ConvShape& shape);

// y = correlation of x with the filters, plus bias unless it is null; shape as in conv2d_forward. Results do
// not depend on the number of threads.
void winograd_correlate(const ConvShape& shape, const float* x, const WinogradFilters& filters,
                        const float* bias, float* y);

}  // namespace rushlight::cpu

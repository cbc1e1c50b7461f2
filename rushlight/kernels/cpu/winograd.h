// 3x3 convolution with stride 1 by Winograd's minimal filtering F(4x4, 3x3): a tile of 4x4 outputs costs 36
// multiplications for each pair of channels instead of 144 (S. Winograd, "Arithmetic Complexity of
// Computations", SIAM 1980; A. Lavin and S. Gray, "Fast Algorithms for Convolutional Neural Networks", CVPR
// 2016).
//
// The interpolation points are 0, 5/8, -5/8, 3/2, -3/2 and infinity, not the usual 0, 1, -1, 2, -2: the
// transforms are then better conditioned (B. Barabasz et al., "Error Analysis and Improving the Accuracy of
// Winograd Convolution for Deep Neural Networks", ACM TOMS 46, 2020).
//
// Root mean square of the error against sums in float64, relative to that of the result, and beside it that
// of PyTorch 2.13 (oneDNN, direct sums, AVX2). Weights and signed inputs from N(0, 1); the other inputs
// uniform in [0, 1) with weights in [-1, 1), as behind a ReLU:
//
//   channels  image    signed   PyTorch   not negative   PyTorch
//         64  56x56   7.6e-07   4.2e-07        4.4e-07   4.6e-07
//        128  28x28   1.0e-06   6.0e-07        6.0e-07   6.4e-07
//        256  28x28   1.4e-06   8.5e-07        7.7e-07   8.4e-07
//        512  28x28   2.0e-06   1.2e-06        1.1e-06   1.2e-06
//
// That is 1.7 * 2^-24 times the root of the number of channels, or 1.1 * 2^-24; tests/cpp/conv_test.cpp holds
// it to that, and every element to the bound of the cited analysis. An error is a tile's: an output that is
// small beside its neighbours carries the same absolute error as they do. For the same reason a NaN or an
// infinity in the input may reach all outputs of the tiles that read it.
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

// Gradients of convolution with respect to the weight, w (groups, outputs, inputs, taps) of a forward
// correlation with a dense output dy that has positions and taps. Results do not depend on the number of
// threads.
#pragma once

#include "rushlight/kernels/cpu/conv_correlation.h"

namespace rushlight::cpu {

// Tile by tile, the input left as it lies.
template <class T>
void tiled_weight_gradient(const Correlation& c, const T* dy, const T* x, T* dw);

// As a matrix product over all positions: for many channels, and one group.
template <class T>
void column_weight_gradient(const Correlation& c, const T* dy, const T* x, T* dw);

}  // namespace rushlight::cpu

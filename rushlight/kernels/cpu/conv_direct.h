// Convolution tile by tile, the input left as it lies: the general road.
#pragma once

#include "rushlight/kernels/cpu/conv_correlation.h"

namespace rushlight::cpu {

// w is (groups, outputs, inputs, taps), bias (groups, outputs) or null; a correlation without taps is the
// bias. Results do not depend on the number of threads.
template <class T>
void correlate_direct(const Correlation& c, const T* x, const T* w, const T* bias, T* y);

}  // namespace rushlight::cpu

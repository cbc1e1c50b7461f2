// Convolution of each channel with one filter of its own: too little arithmetic for the tiles of a matrix
// product, so a plane is treated as one long row.
#pragma once

#include "rushlight/kernels/cpu/conv_correlation.h"

namespace rushlight::cpu {

// A group has one input channel and one output channel.
inline bool is_depthwise(const Correlation& c) { return c.in_channels == 1 && c.out_channels == 1; }

// The correlation of a depthwise convolution that has taps: w (groups, taps), bias (groups) or null, y as in
// Correlation.
template <class T>
void depthwise_correlate(const Correlation& c, const T* x, const T* w, const T* bias, T* y);

// Two of them at once, whose results are the even and the odd columns of y: out_column is 2.
template <class T>
void depthwise_correlate(const Correlation& even, const Correlation& odd, const T* x, const T* even_w,
                         const T* odd_w, const T* bias, T* y);

// dw (groups, taps) = the sums over images and positions of dy (dense) times what the tap reads.
template <class T>
void depthwise_weight_gradient(const Correlation& c, const T* dy, const T* x, T* dw);

}  // namespace rushlight::cpu

// Convolution with many channels and few output positions as a matrix product whose right operand, the input
// that each position reads, is packed from the image as the product goes.
#pragma once

#include <cstdint>

#include "rushlight/kernels/cpu/conv_correlation.h"

namespace rushlight::cpu {

// Where the filters of a correlation lie: weight (group, output, input, tap) at data[group * group_stride +
// output * row_stride + input * channel_stride + taps[tap]].
template <class T>
struct Filters {
  const T* data;
  int64_t group_stride, row_stride, channel_stride;
  std::vector<int64_t> taps;
};

// Whether this road is the shorter one.
bool positions_pay(const Correlation& c);
// Whether it is for a 1x1 convolution too: planes so small that images had better share a product.
bool joined_images_pay(const Correlation& c);

// bias (groups, outputs) or null, y as in Correlation. Results do not depend on the number of threads.
template <class T>
void correlate_positions(const Correlation& c, const T* x, const Filters<T>& filters, const T* bias, T* y);

}  // namespace rushlight::cpu

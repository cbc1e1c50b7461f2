// Convolution with many channels and few output positions as a matrix product whose right operand, the input
// that each position reads, is packed from the image as the product goes.
#pragma once

#include <cstdint>
#include <vector>

#include "rushlight/kernels/cpu/conv_correlation.h"

namespace rushlight::cpu {

// Where the filters of a correlation lie: weight (group, output, input, tap) at data[group * group_stride +
// output * row_stride + input * channel_stride + place of the tap].
template <class T>
struct Filters {
  const T* data;
  int64_t group_stride, row_stride, channel_stride;
};

// One of several correlations that have input and filters in common, and whose outputs lie between one
// another: the gradient with respect to the input has one for each residue of the position.
struct CorrelationPart {
  Correlation c;
  std::vector<int64_t> taps;  // their places in a filter
  int64_t begin = 0;          // of the output
  bool is_odd = false;        // its output has the odd columns, and the part before it the even ones
};

// Whether this road is the shorter one.
bool positions_pay(const std::vector<CorrelationPart>& parts);
// Whether it is for a 1x1 convolution without padding: planes so small that images had better share a
// product, or positions that would have to be copied together first.
bool planes_pay(const Correlation& c);

// bias (groups, outputs) or null, y as in Correlation. Results do not depend on the number of threads.
template <class T>
void correlate_positions(const std::vector<CorrelationPart>& parts, const T* x, const Filters<T>& filters,
                         const T* bias, T* y);
template <class T>
void correlate_planes(const Correlation& c, const T* x, const Filters<T>& filters, const T* bias, T* y);

}  // namespace rushlight::cpu

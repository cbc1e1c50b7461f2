// Convolution with many channels and few output positions as a matrix product whose right operand, the input
// that each position reads, is packed from the image as the product goes.
#pragma once

#include <cstdint>
#include <vector>

#include "rushlight/kernels/cpu/conv_correlation.h"
#include "rushlight/kernels/cpu/gemm.h"

namespace rushlight::cpu {

// One of several correlations that have the input in common, and whose outputs lie between one another: the
// gradient with respect to the input has one for each residue of the position.
template <class T>
struct CorrelationPart {
  Correlation c;
  Matrix<const T> w;    // of the first group: outputs x (input, tap); groups are one matrix after the other
  int64_t begin = 0;    // of the output
  bool is_odd = false;  // its output has the odd columns, and the part before it the even ones
};

// Whether this road is the shorter one. There are parts.
template <class T>
bool positions_pay(const std::vector<CorrelationPart<T>>& parts);
// Whether it is for a 1x1 convolution without padding: planes so small that images had better share a
// product, or positions that would have to be copied together first.
bool planes_pay(const Correlation& c);

// bias (groups, outputs) or null, y as in Correlation. Results do not depend on the number of threads.
template <class T>
void correlate_positions(const std::vector<CorrelationPart<T>>& parts, const T* x, const T* bias, T* y);
template <class T>
void correlate_planes(const CorrelationPart<T>& part, const T* x, const T* bias, T* y);

}  // namespace rushlight::cpu

// Linear resampling along one dimension, and the windows of a convolution as columns. T is float or double.
#pragma once

#include <cstdint>

namespace rushlight::cpu {

// y[o, i, :] = the sum over k of weight[i * taps + k] * x[o, index[i * taps + k], :], for x (outer, in_size,
// inner) and y (outer, out_size, inner).
struct AxisShape {
  int64_t outer, in_size, out_size, inner, taps;
};
template <class T>
void resample_axis(const AxisShape& shape, const int64_t* index, const double* weight, const T* x, T* y);
// The transposed map: from y's gradient to x's.
template <class T>
void resample_axis_transposed(const AxisShape& shape, const int64_t* index, const double* weight, const T* y,
                              T* x);

// Planes (in_h, in_w) as columns (kernel_h * kernel_w, out_h * out_w), zero where a window reaches over the
// edge.
struct WindowShape {
  int64_t planes, in_h, in_w, out_h, out_w, kernel_h, kernel_w, stride_h, stride_w, pad_h, pad_w, dilation_h,
      dilation_w;
};
template <class T>
void unfold_planes(const WindowShape& shape, const T* planes, T* columns);
// The transposed map: adds the columns up.
template <class T>
void fold_columns(const WindowShape& shape, const T* columns, T* planes);

}  // namespace rushlight::cpu

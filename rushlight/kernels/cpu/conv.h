// Two-dimensional convolution (cross-correlation, as in neural networks) and its gradients on raw pointers.
#pragma once

#include <cstdint>

namespace rushlight::cpu {

// Tensors are contiguous: input (batch, in_channels, in_h, in_w), weight (out_channels, in_channels / groups,
// kernel_h, kernel_w), output (batch, out_channels, out_h, out_w). Both channel counts are multiples of
// groups; strides and dilations are positive. Padding below and to the right follows from the output's size:
// whatever a kernel position reads outside the input is zero. pad_top and pad_left may be negative, which
// crops. A one-dimensional convolution has in_h = kernel_h = out_h = 1.
struct ConvShape {
  int64_t batch = 1, groups = 1, in_channels = 1, out_channels = 1;
  int64_t in_h = 1, in_w = 1;
  int64_t kernel_h = 1, kernel_w = 1;
  int64_t stride_h = 1, stride_w = 1;
  int64_t pad_top = 0, pad_left = 0;
  int64_t dilation_h = 1, dilation_w = 1;
  int64_t out_h = 1, out_w = 1;
};

// T is float or double throughout. Results do not depend on the number of threads. Nothing overlaps.

// y = convolution of x with w, plus bias (out_channels values) unless it is null.
template <class T>
void conv2d_forward(const ConvShape& shape, const T* x, const T* w, const T* bias, T* y);

// dx = gradient with respect to x, given dy. This is also the forward pass of a transposed convolution whose
// output has the shape of x; bias (in_channels values, for that use) may be null.
template <class T>
void conv2d_backward_input(const ConvShape& shape, const T* dy, const T* w, const T* bias, T* dx);

// dw = gradient with respect to w.
template <class T>
void conv2d_backward_weight(const ConvShape& shape, const T* dy, const T* x, T* dw);

// db[c] = sum of dy over images and positions.
template <class T>
void conv2d_backward_bias(const ConvShape& shape, const T* dy, T* db);

}  // namespace rushlight::cpu

// Windows of pooling in two or three dimensions.
#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight {

struct Window {
  Dims kernel, stride, padding, dilation;  // one number a dimension
  bool ceil_mode;
};

// From arguments of one number or of `rank` numbers; `name` is the function that an error names. RuntimeError
// for other counts and for numbers that do not fit an int.
Window make_window(const char* name, DimsRef kernel, OptDims stride, DimsRef padding, DimsRef dilation,
                   bool ceil_mode, int64_t rank = 2);

// The number of windows along dimension d of `size` elements: with ceil_mode the last may hang over the edge,
// but begins inside. RuntimeError for strides and padding that make no sense.
int64_t pooled_size(const Window& w, int d, int64_t size);

// ValueError where the sizes of a result are as many as the dimensions of x, or more.
inline void check_extents(const Extents& wanted, const Tensor& x) {
  const int64_t count = static_cast<int64_t>(wanted.sizes.size());
  RL_CHECK_AS(ValueError, count == 1 || x.dim() > count, "Input dimension should be at least ", count + 1);
}

}  // namespace rushlight

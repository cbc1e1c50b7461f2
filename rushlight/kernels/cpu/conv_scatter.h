// The gradient of convolution with respect to a small image: one product with the weight as it lies, of which
// each output position gives every tap's share, added up. The other roads lay the weight out anew, which is
// more work than the product where it is larger than the image.
#pragma once

#include "rushlight/kernels/cpu/conv.h"

namespace rushlight::cpu {

bool scatter_pays(const ConvShape& shape);

// As conv2d_backward_input. Results do not depend on the number of threads.
template <class T>
void scatter_backward_input(const ConvShape& shape, const T* dy, const T* w, const T* bias, T* dx);

}  // namespace rushlight::cpu

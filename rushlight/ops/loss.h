// What the losses share.
#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight {

enum class Reduction { None, Mean, Sum };

// From the `reduction` parameter, or from the older pair, whose use is warned of. ValueError for other words.
Reduction parse_reduction(OptBool size_average, OptBool reduce, String reduction);

// RuntimeError when the gradient of a parameter is asked for that has none, such as the weights of classes.
void check_constant(const char* function, const char* argument, const Tensor& t);

Tensor reduced(const Tensor& loss, Reduction reduction);

}  // namespace rushlight

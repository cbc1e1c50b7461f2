// What the losses share.
#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight {

enum class Reduction { None, Mean, Sum };

// From the `reduction` parameter, or from the older pair, whose use is warned of. ValueError for other words.
Reduction parse_reduction(OptBool size_average, OptBool reduce, String reduction);

Tensor reduced(const Tensor& loss, Reduction reduction);

}  // namespace rushlight

// Activations and their forms in nn::functional.
#include "rushlight/ops/ops.h"

namespace rushlight::nn::functional {

Tensor relu(const Tensor& input, bool inplace) { return inplace ? input.relu_() : input.relu(); }

}  // namespace rushlight::nn::functional

// Indexing, gathering and scattering.
#include "rushlight/ops/ops.h"

namespace rushlight {
Tensor index_add(const Tensor& x, int64_t, const Tensor&, const Tensor&, const Scalar&) { return x; }
Tensor index_select(const Tensor& x, int64_t, const Tensor&) { return x; }
}  // namespace rushlight

#include "rushlight/ops/ops.h"
namespace rushlight::nn::functional {
Tensor interpolate(const Tensor&, OptDims, const OptDoubles&, String, OptBool, OptBool, bool) { throw_error<NotImplementedError>("interpolate"); }
Tensor unfold(const Tensor&, DimsRef, DimsRef, DimsRef, DimsRef) { throw_error<NotImplementedError>("unfold"); }
Tensor fold(const Tensor&, DimsRef, DimsRef, DimsRef, DimsRef, DimsRef) { throw_error<NotImplementedError>("fold"); }
Tensor scaled_dot_product_attention(const Tensor&, const Tensor&, const Tensor&, const Tensor&, double, bool, OptDouble, bool) { throw_error<NotImplementedError>("sdpa"); }
}  // namespace rushlight::nn::functional

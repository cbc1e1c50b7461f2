// Reductions.
#include "rushlight/autograd/record.h"
#include "rushlight/ops/ops.h"
#include "rushlight/kernels/cpu/elementwise.h"

namespace rushlight {

using autograd::Node;
using autograd::Record;
using autograd::tracks;

Tensor sum(const Tensor& x, OptDType dtype) { return sum(x, OptDims(), false, dtype); }

Tensor sum(const Tensor& x, OptDims dim, bool keepdim, OptDType dtype) {
  Tensor wide = x.to(dtype.value_or(is_integral(x.dtype(), true) ? DType::Int64 : x.dtype())).contiguous();
  Tensor out = make_tensor({}, wide.dtype());
  visit_dtype(wide.dtype(), [&]<class T>() {
    T total = T(0);
    for (int64_t i = 0; i < wide.numel(); ++i) total = T(total + wide.data<T>()[i]);
    *out.data<T>() = total;
  });
  if (!tracks(x)) return out;
  return Record("SumBackward0", {x}).rule(out, [sizes = x.sizes()](Node&, const Tensor& g) -> Tensor { return g.expand(sizes); });
}

Tensor sum_to_size(const Tensor& x, DimsRef size) { return x; }

}  // namespace rushlight

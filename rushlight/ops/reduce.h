// What reductions share: which dimensions go, and bringing gradients back to the shape of the input.
#pragma once

#include "rushlight/autograd/record.h"
#include "rushlight/kernels/cpu/reduce.h"
#include "rushlight/ops/ops.h"

namespace rushlight {

// The dimensions that a reduction removes.
class ReducedDims {
 public:
  // None or an empty list: all. IndexError out of range, RuntimeError for repeats.
  ReducedDims(const Tensor& x, OptDims dim, bool keepdim);
  static ReducedDims all(const Tensor& x) { return ReducedDims(x, {}, false); }

  bool reduces(int64_t d) const { return flags_[d] != 0; }
  bool keepdim() const { return keepdim_; }
  int64_t count() const { return count_; }  // elements behind each result
  const Dims& out_sizes() const { return keepdim_ ? kept_ : out_; }
  // A result, or its gradient, back in the input's shape: as a view with strides of zero; or with sizes of
  // one.
  Tensor spread(const Tensor& g) const { return unsqueezed(g).expand(sizes_); }
  Tensor unsqueezed(const Tensor& g) const { return keepdim_ ? g : g.reshape(kept_); }
  Dims list() const;

 private:
  Dims sizes_, flags_, kept_, out_;
  int64_t count_ = 1;
  bool keepdim_;
};

struct ReduceOptions {
  cpu::Reduce op;
  DType out;      // dtype of the result
  DType compute;  // what elements are converted to first, up to its compute type
  cpu::Finish finish = cpu::Finish::None;
  double divisor = 1;
  Tensor* second = nullptr;  // receives the second result
  DType second_dtype = DType::Int64;
};

// The reduction itself, unrecorded.
Tensor reduce(const Tensor& x, const ReducedDims& dims, const ReduceOptions& options);

}  // namespace rushlight

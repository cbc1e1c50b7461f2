// The dtype that an operation on several operands computes in (PyTorch's tensor attributes documentation,
// "type promotion"): operands of a higher category win, and within a category tensors with dimensions win
// over 0-d tensors, and those over Python numbers.
#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight {

class ResultType {
 public:
  void add(const Tensor& t) {
    DType dtype = t.dtype();
    if (t.impl()->wrapped_number) {
      if (is_complex(dtype)) dtype = to_complex(default_dtype());
      else if (is_floating(dtype)) dtype = default_dtype();
      join(wrapped_, dtype);
    } else {
      join(t.dim() > 0 ? dims_ : zero_, dtype);
    }
  }
  void add(const Scalar& s) {
    switch (s.category()) {
      case Category::Boolean: return join(wrapped_, DType::Bool);
      case Category::Integer: return join(wrapped_, DType::Int64);
      case Category::Floating: return join(wrapped_, default_dtype());
      case Category::Complex: return join(wrapped_, to_complex(default_dtype()));
    }
  }
  void add(const Operand& o) { o.is_tensor() ? add(o.tensor()) : add(o.scalar()); }

  DType get() const { return combine(combine(dims_, zero_), wrapped_).value_or(DType::Float32); }

 private:
  static void join(OptDType& slot, DType dtype) { slot = slot ? promote_types(*slot, dtype) : dtype; }
  static OptDType combine(OptDType higher, OptDType lower) {
    if (!higher) return lower;
    if (!lower || category(*higher) >= category(*lower)) return higher;
    // A wider category from a lower rank brings its kind, not its width: float32 tensor + complex number is
    // complex64.
    if (is_complex(*lower) && is_floating(*higher)) return to_complex(*higher);
    return lower;
  }
  OptDType dims_, zero_, wrapped_;
};

// May a result of dtype `from` be written to a tensor of dtype `to`.
inline bool can_cast(DType from, DType to) {
  if (is_complex(from) && !is_complex(to)) return false;
  if (is_floating(from) && is_integral(to, true)) return false;
  return from == DType::Bool || to != DType::Bool;
}

}  // namespace rushlight

// The table of reduction kernels.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/reduce_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/reduce-inl.h"

RL_MATH_BEGIN

template <class T>
const ReduceKernel* kernel_of(cpu::Reduce op) {
  using cpu::Reduce;
  switch (op) {
    case Reduce::Sum: return &Monoid<T, Wide<T>, Itself, Plus>::kernel;
    case Reduce::Prod: return &Monoid<T, Wide<T>, Itself, Times>::kernel;
    case Reduce::CountNonzero: return &Monoid<T, int64_t, Nonzero, Plus>::kernel;
    default: break;
  }
  if constexpr (!kIsComplex<T>) {
    switch (op) {
      case Reduce::Max: return &Monoid<T, T, Itself, Larger>::kernel;
      case Reduce::Min: return &Monoid<T, T, Itself, Smaller>::kernel;
      case Reduce::ArgMax: return &Extreme<T, Larger>::kernel;
      case Reduce::ArgMin: return &Extreme<T, Smaller>::kernel;
      default: break;
    }
  }
  if constexpr (kIsVector<T>) {
    switch (op) {
      case Reduce::NanSum: return &Monoid<T, double, NanToZero, Plus>::kernel;
      case Reduce::SumAbs: return &Monoid<T, double, Magnitude, Plus>::kernel;
      case Reduce::SumSquares: return &Monoid<T, double, Squared, Plus>::kernel;
      case Reduce::MaxAbs: return &Monoid<T, T, Magnitude, Larger>::kernel;
      case Reduce::MinAbs: return &Monoid<T, T, Magnitude, Smaller>::kernel;
      case Reduce::Moments: return &Moments<T>::kernel;
      default: break;
    }
  }
  return nullptr;
}

const ReduceKernel* reduce_table(cpu::Reduce op, Compute compute) {
  switch (compute) {
    case Compute::Float: return kernel_of<float>(op);
    case Compute::Double: return kernel_of<double>(op);
    case Compute::Int32: return kernel_of<int32_t>(op);
    case Compute::Int64: return kernel_of<int64_t>(op);
    case Compute::UInt64: return kernel_of<uint64_t>(op);
    case Compute::Complex64: return kernel_of<Complex<float>>(op);
    case Compute::Complex128: return kernel_of<Complex<double>>(op);
  }
  return nullptr;
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(reduce_table);
}
namespace rushlight::cpu {
const ReduceKernel* reduce_kernel(Reduce op, Compute compute) {
  using namespace math;
  return HWY_DYNAMIC_DISPATCH(reduce_table)(op, compute);
}
}  // namespace rushlight::cpu
#endif

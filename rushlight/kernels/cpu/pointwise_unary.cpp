// Kernels of the unary formulas.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/pointwise_unary.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/pointwise-inl.h"

RL_MATH_BEGIN

BlockKernel unary_kernel(cpu::Formula formula, Compute compute) {
  switch (formula) {
#define RL_CASE_UNARY(Name, Types) RL_KERNEL_CASE((run_block<1, Formula::Name, T>), Name, Types)
#define RL_CASE_BINARY(Formula, Types)
#define RL_CASE_TERNARY(Formula, Types)
#define RL_CASE_MASKED(Formula, Types)
#include "rushlight/kernels/cpu/formula_cases-inl.h"
    default: return nullptr;
  }
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(unary_kernel);
cpu::BlockKernel find_unary_kernel(cpu::Formula formula, cpu::Compute compute) {
  return HWY_DYNAMIC_DISPATCH(unary_kernel)(formula, compute);
}
}  // namespace rushlight::math
#endif

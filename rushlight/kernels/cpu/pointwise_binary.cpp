// Kernels of the binary formulas and of those with three operands.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/pointwise_binary.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/pointwise-inl.h"

RL_MATH_BEGIN

BlockKernel binary_kernel(cpu::Formula formula, Compute compute) {
  switch (formula) {
#define RL_CASE_UNARY(Formula, Types)
#define RL_CASE_BINARY(Name, Types) RL_KERNEL_CASE((run_block<2, Formula::Name, T>), Name, Types)
#define RL_CASE_TERNARY(Name, Types) RL_KERNEL_CASE((run_block<3, Formula::Name, T>), Name, Types)
#define RL_CASE_MASKED(Formula, Types) RL_KERNEL_CASE((run_masked_block<T>), Formula, Types)
#include "rushlight/kernels/cpu/formula_cases-inl.h"
    default: return nullptr;
  }
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(binary_kernel);
cpu::BlockKernel find_binary_kernel(cpu::Formula formula, cpu::Compute compute) {
  return HWY_DYNAMIC_DISPATCH(binary_kernel)(formula, compute);
}
}  // namespace rushlight::math
#endif

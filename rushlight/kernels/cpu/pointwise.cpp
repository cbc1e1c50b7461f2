#include "rushlight/kernels/cpu/pointwise.h"

#include <atomic>

namespace rushlight::math {
cpu::BlockKernel find_unary_kernel(cpu::Formula formula, cpu::Compute compute);
cpu::BlockKernel find_binary_kernel(cpu::Formula formula, cpu::Compute compute);
cpu::BlockKernel find_narrow_kernel(cpu::Formula formula, DType dtype);
}  // namespace rushlight::math

namespace rushlight::cpu {

BlockKernel narrow_kernel(Formula formula, DType dtype) { return math::find_narrow_kernel(formula, dtype); }

BlockKernel pointwise_kernel(Formula formula, Compute compute) {
  // Found once and kept: zero is "not asked yet", one is "asked, there is none".
  static std::atomic<uintptr_t> cache[static_cast<int>(Formula::kCount)][kNumComputes];
  auto& slot = cache[static_cast<int>(formula)][static_cast<int>(compute)];
  uintptr_t found = slot.load(std::memory_order_relaxed);
  if (found == 0) [[unlikely]] {
    BlockKernel kernel = math::find_unary_kernel(formula, compute);
    if (!kernel) kernel = math::find_binary_kernel(formula, compute);
    found = kernel ? reinterpret_cast<uintptr_t>(kernel) : 1;
    slot.store(found, std::memory_order_relaxed);
  }
  return found == 1 ? nullptr : reinterpret_cast<BlockKernel>(found);
}

}  // namespace rushlight::cpu

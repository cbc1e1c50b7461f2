// Formulas of truth values that stay bytes from memory to memory.
#pragma once

#include "rushlight/kernels/cpu/pointwise.h"

namespace rushlight::cpu {

// The kernel that reads and writes bool, for the formulas of logic; nullptr for the others.
BlockKernel truth_kernel(Formula formula);

}  // namespace rushlight::cpu

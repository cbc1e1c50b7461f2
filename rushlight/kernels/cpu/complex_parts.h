// Complex numbers from their parts.
#pragma once

#include "rushlight/kernels/cpu/elementwise.h"

namespace rushlight::cpu {

// Reads real and imaginary parts of dtype `part` (Float32 or Float64), writes complex numbers.
BlockKernel join_parts_kernel(DType part);

}  // namespace rushlight::cpu

// The compiled formulas of declarations/*.def, as kernels over blocks.
#pragma once

#include "rushlight/kernels/cpu/elementwise.h"

namespace rushlight::cpu {

enum class Formula : uint16_t {
#define UNARY(where, name, Formula, ...) Formula,
#define BINARY(where, name, Formula, ...) Formula,
#define FORMULA(arity, Formula, ...) Formula,
#define OP(...)
#include "rushlight/declarations/formulas.def"
#undef OP
  kCount
};

// The kernel for the best instruction set of this processor; nullptr when the formula is not defined on the
// type.
BlockKernel pointwise_kernel(Formula formula, Compute compute);

}  // namespace rushlight::cpu

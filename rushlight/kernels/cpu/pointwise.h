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
// Do the kernels of this compute type heed Params::repeated? The vectors of the others are the compiler's.
constexpr bool kernels_repeat(Compute compute) {
  return compute == Compute::Float || compute == Compute::Double;
}

// The kernel that reads and writes a dtype below 32 bits itself (of floats: and heeds Params::repeated and
// Params::numbers);
// nullptr for formulas that take so long that the way through wider blocks does not show.
BlockKernel narrow_kernel(Formula formula, DType dtype);

}  // namespace rushlight::cpu

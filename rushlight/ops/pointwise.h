// The common part of all pointwise operations: which dtype, which shape, which kernel, and where the result
// goes.
#pragma once

#include "rushlight/autograd/record.h"
#include "rushlight/kernels/cpu/pointwise.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/promote.h"

namespace rushlight {

// The Result column of declarations/pointwise.def.
enum class PointwiseResult : uint8_t { Same, Float, Predicate, Inexact, Rounding, Real, RealFloat };

struct Pointwise {
  const char* name;
  cpu::Formula formula;
  PointwiseResult result;
};

inline constexpr Pointwise kFormulaInfo[] = {
#define UNARY(where, name, Tag, Types, Result, ...) {#name, cpu::Formula::Tag, PointwiseResult::Result},
#define BINARY(where, name, Tag, Types, Result, ...) {#name, cpu::Formula::Tag, PointwiseResult::Result},
#define FORMULA(arity, Tag, Types, Result) {#Tag, cpu::Formula::Tag, PointwiseResult::Result},
#define OP(...)
#include "rushlight/declarations/formulas.def"
#undef OP
};

// The formula applied to broadcast operands; no recording. With `destination` the result is written there,
// broadcast shape and dtype permitting (PyTorch's errors), and that tensor is returned.
Tensor pointwise(cpu::Formula formula, std::initializer_list<Operand> operands,
                 const cpu::Params& params = {}, const Tensor* destination = nullptr);

// Throws what PyTorch says of a dtype that the operation does not take.
[[noreturn]] void refuse_dtype(const Pointwise& op, DType dtype);
// bool is not taken, although the formula has integers.
bool refuses_bool(cpu::Formula formula);

cpu::Params params_of(const Scalar& a, const Scalar& b = 0, const Scalar& c = 0);

// An operand as a tensor: a number becomes a 0-d tensor that stays weak in type promotion.
Tensor as_tensor(const Operand& operand);

inline bool tracks_operands(const Tensor& a, const Operand& b) {
  return b.is_tensor() ? autograd::tracks(a, b.tensor()) : autograd::tracks(a);
}

// A copy that has the history of `t`: what an in-place operation saves of the tensor that it overwrites.
Tensor keep_original(const Tensor& t);

}  // namespace rushlight

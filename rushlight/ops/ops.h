// Every operation as a C++ function, from the tables in declarations/; documentation stands there. Methods of the same
// names are on Tensor.
#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight {

#define OP(where, Result, name, doc, samples, ...) \
  Result name(RL_PARAMS(__VA_ARGS__));             \
  RL_IF_INPLACE(where, const Tensor& name##_(RL_PARAMS(__VA_ARGS__));)
#include "rushlight/declarations/all.def"

inline Tensor operator+(const Tensor& a, const Operand& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Operand& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Operand& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Operand& b) { return div(a, b); }
inline Tensor operator-(const Tensor& a) { return neg(a); }
template <class T>
  requires std::is_arithmetic_v<T>
Tensor operator+(T a, const Tensor& b) { return add(b, a); }
template <class T>
  requires std::is_arithmetic_v<T>
Tensor operator*(T a, const Tensor& b) { return mul(b, a); }
template <class T>
  requires std::is_arithmetic_v<T>
Tensor operator-(T a, const Tensor& b) { return rsub(b, a); }
template <class T>
  requires std::is_arithmetic_v<T>
Tensor operator/(T a, const Tensor& b) { return mul(reciprocal(b), a); }

}  // namespace rushlight

// Every operation as a C++ function, from the tables in declarations/; documentation stands there. Methods of
// the same names are on Tensor, and operators for those that have one are at the end.
#pragma once

#include "rushlight/core/tensor.h"

namespace rushlight {

#define OP(where, Result, name, doc, samples, ...) \
  Result name(RL_PARAMS(__VA_ARGS__));             \
  RL_IF_INPLACE(where, const Tensor& name##_(RL_PARAMS(__VA_ARGS__));)
#include "rushlight/declarations/all.def"

namespace methods {
#define OP(...)
#define METHOD(Result, name, doc, samples, ...) Result name(RL_PARAMS(__VA_ARGS__));
#include "rushlight/declarations/formulas.def"
#undef OP
}  // namespace methods

namespace special {
#define OP(...)
#define SPECIAL(Result, name, doc, samples, ...) Result name(RL_PARAMS(__VA_ARGS__));
#include "rushlight/declarations/formulas.def"
#undef OP
}  // namespace special

namespace nn::functional {
#define NN(Result, name, doc, samples, ...) Result name(RL_PARAMS(__VA_ARGS__));
#include "rushlight/declarations/nn.def"
}  // namespace nn::functional

#define SHARED(name) using nn::functional::name;
#include "rushlight/declarations/nn_shared.def"

#define RL_ALIAS_torch(name, target)                                                      \
  template <class... A>                                                                   \
  requires requires(A && ... a) { target(std::forward<A>(a)...); }                        \
  decltype(auto) name(A&&... arguments) { return target(std::forward<A>(arguments)...); } \
  template <class... A>                                                                   \
  requires requires(A && ... a) { target##_(std::forward<A>(a)...); }                     \
  decltype(auto) name##_(A&&... arguments) { return target##_(std::forward<A>(arguments)...); }
#define RL_ALIAS_special(name, target)                         \
  namespace special {                                          \
  template <class... A>                                        \
  decltype(auto) name(A&&... arguments) {                      \
    return ::rushlight::target(std::forward<A>(arguments)...); \
  }                                                            \
  }
#define RL_ALIAS_nn(name, target)                              \
  namespace nn::functional {                                   \
  template <class... A>                                        \
  decltype(auto) name(A&&... arguments) {                      \
    return ::rushlight::target(std::forward<A>(arguments)...); \
  }                                                            \
  }
#define ALIAS(module, name, target) RL_ALIAS_##module(name, target)
#include "rushlight/declarations/alias.def"
#undef RL_ALIAS_torch
#undef RL_ALIAS_special
#undef RL_ALIAS_nn

// ---- Operators. Each is the operation it names, element by element as in Python: comparisons give a tensor
// of bools (`equal` gives one bool), and compound assignment works in place, on the memory that views share.
//
//   Tensor inside = (x > -1) & (x < 1);
//   x += 1;

// What stands for a number in an expression with tensors.
template <class T>
concept ScalarLike = std::is_convertible_v<T, Scalar>;

// `reflected` is the operation with a number on the left.
#define RL_OPERATOR(symbol, operation, reflected)                                             \
  inline Tensor operator symbol(const Tensor& a, const Tensor& b) { return operation(a, b); } \
  template <ScalarLike T>                                                                     \
  Tensor operator symbol(const Tensor& a, const T& b) {                                       \
    return operation(a, Scalar(b));                                                           \
  }                                                                                           \
  template <ScalarLike T>                                                                     \
  Tensor operator symbol(const T& number, const Tensor& b) {                                  \
    const Scalar a(number);                                                                   \
    return reflected;                                                                         \
  }
#define RL_COMPOUND(symbol, operation) \
  inline const Tensor& operator symbol(const Tensor& a, const Operand& b) { return operation(a, b); }

RL_OPERATOR(+, add, add(b, a))
RL_OPERATOR(-, sub, rsub(b, a))
RL_OPERATOR(*, mul, mul(b, a))
RL_OPERATOR(/, div, mul(reciprocal(b), a))
RL_OPERATOR(%, remainder, remainder(a, b))
RL_OPERATOR(&, bitwise_and, bitwise_and(a, b))
RL_OPERATOR(|, bitwise_or, bitwise_or(a, b))
RL_OPERATOR(^, bitwise_xor, bitwise_xor(a, b))
RL_OPERATOR(==, eq, eq(b, a))
RL_OPERATOR(!=, ne, ne(b, a))
RL_OPERATOR(<, lt, gt(b, a))
RL_OPERATOR(<=, le, ge(b, a))
RL_OPERATOR(>, gt, lt(b, a))
RL_OPERATOR(>=, ge, le(b, a))
RL_COMPOUND(+=, add_)
RL_COMPOUND(-=, sub_)
RL_COMPOUND(*=, mul_)
RL_COMPOUND(/=, div_)
RL_COMPOUND(%=, remainder_)
RL_COMPOUND(&=, bitwise_and_)
RL_COMPOUND(|=, bitwise_or_)
RL_COMPOUND(^=, bitwise_xor_)
#undef RL_OPERATOR
#undef RL_COMPOUND
inline Tensor operator-(const Tensor& a) { return neg(a); }
inline Tensor operator~(const Tensor& a) { return bitwise_not(a); }

}  // namespace rushlight

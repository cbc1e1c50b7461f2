// Every operation as a C++ function, from the tables in declarations/; documentation stands there. Methods of
// the same names are on Tensor.
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

inline Tensor operator+(const Tensor& a, const Operand& b) { return add(a, b); }
inline Tensor operator-(const Tensor& a, const Operand& b) { return sub(a, b); }
inline Tensor operator*(const Tensor& a, const Operand& b) { return mul(a, b); }
inline Tensor operator/(const Tensor& a, const Operand& b) { return div(a, b); }
inline Tensor operator-(const Tensor& a) { return neg(a); }
template <class T>
requires std::is_arithmetic_v<T> Tensor operator+(T a, const Tensor& b) { return add(b, a); }
template <class T>
requires std::is_arithmetic_v<T> Tensor operator*(T a, const Tensor& b) { return mul(b, a); }
template <class T>
requires std::is_arithmetic_v<T> Tensor operator-(T a, const Tensor& b) { return rsub(b, a); }
template <class T>
requires std::is_arithmetic_v<T> Tensor operator/(T a, const Tensor& b) { return mul(reciprocal(b), a); }

}  // namespace rushlight

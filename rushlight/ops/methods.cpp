// What follows from a declaration by rule: the methods of Tensor, and the in-place form of every operation
// that does not write its own.
#include "rushlight/ops/in_place.h"
#include "rushlight/ops/ops.h"

namespace rushlight {

#define OP(where, Result, name, doc, samples, first, ...)                                      \
  RL_IF_METHOD(                                                                                \
      where, Result Tensor::name(RL_METHOD_PARAMS_DEFINED(first, __VA_ARGS__))                 \
                 const { return ::rushlight::name(*this RL_REST_NAMES(first, __VA_ARGS__)); }) \
  RL_IF_INPLACE_METHOD(                                                                        \
      where, const Tensor& Tensor::name##_(RL_METHOD_PARAMS_DEFINED(first, __VA_ARGS__))       \
                 const { return ::rushlight::name##_(*this RL_REST_NAMES(first, __VA_ARGS__)); })
#define METHOD(Result, name, doc, samples, first, ...)                      \
  Result Tensor::name(RL_METHOD_PARAMS_DEFINED(first, __VA_ARGS__)) const { \
    return methods::name(*this RL_REST_NAMES(first, __VA_ARGS__));          \
  }
#include "rushlight/declarations/all.def"

#define UNARY(...)
#define BINARY(...)
#define POINTWISE(...)
#define OWN_IN_PLACE(...)
#define OP(where, Result, name, doc, samples, first, ...)                                    \
  RL_IF_INPLACE(                                                                             \
      where, const Tensor& name##_(const Tensor& self RL_REST_DEFINED(first, __VA_ARGS__)) { \
        return in_place(self, [&](const Tensor& original) -> Tensor {                        \
          return ::rushlight::name(original RL_REST_NAMES(first, __VA_ARGS__));              \
        });                                                                                  \
      })
#include "rushlight/declarations/all.def"

}  // namespace rushlight

// Element types: one table, and everything that is known of each.
#pragma once

#include <complex>
#include <cstdint>
#include <string_view>

#include "rushlight/core/float16.h"

namespace rushlight {

using complex64 = std::complex<float>;
using complex128 = std::complex<double>;

// X(enumerator, C++ type, PyTorch's name, name in messages, category)
#define RL_FOR_EACH_DTYPE(X)                                    \
  X(Bool, bool, "bool", "Bool", Boolean)                        \
  X(UInt8, uint8_t, "uint8", "Byte", Integer)                   \
  X(UInt16, uint16_t, "uint16", "UInt16", Integer)              \
  X(UInt32, uint32_t, "uint32", "UInt32", Integer)              \
  X(UInt64, uint64_t, "uint64", "UInt64", Integer)              \
  X(Int8, int8_t, "int8", "Char", Integer)                      \
  X(Int16, int16_t, "int16", "Short", Integer)                  \
  X(Int32, int32_t, "int32", "Int", Integer)                    \
  X(Int64, int64_t, "int64", "Long", Integer)                   \
  X(Float16, Half, "float16", "Half", Floating)                 \
  X(BFloat16, BFloat16, "bfloat16", "BFloat16", Floating)       \
  X(Float32, float, "float32", "Float", Floating)               \
  X(Float64, double, "float64", "Double", Floating)             \
  X(Complex64, complex64, "complex64", "ComplexFloat", Complex) \
  X(Complex128, complex128, "complex128", "ComplexDouble", Complex)

#define RL_ENUMERATOR(name, type, text, message_name, category) name,
enum class DType : uint8_t { RL_FOR_EACH_DTYPE(RL_ENUMERATOR) };
#undef RL_ENUMERATOR

#define RL_COUNT(...) +1
inline constexpr int kNumDTypes = 0 RL_FOR_EACH_DTYPE(RL_COUNT);
#undef RL_COUNT

enum class Category : uint8_t { Boolean, Integer, Floating, Complex };

struct DTypeInfo {
  const char* name;          // "float32", as in torch.float32
  const char* message_name;  // "Float", as in error messages and Tensor.type()
  uint8_t size;              // bytes
  Category category;
};

#define RL_INFO(name, type, text, message_name, category) \
  {text, message_name, sizeof(type), Category::category},
inline constexpr DTypeInfo kDTypeInfo[] = {RL_FOR_EACH_DTYPE(RL_INFO)};
#undef RL_INFO

constexpr const DTypeInfo& info(DType t) { return kDTypeInfo[static_cast<int>(t)]; }
constexpr int64_t item_size(DType t) { return info(t).size; }
constexpr Category category(DType t) { return info(t).category; }
constexpr bool is_floating(DType t) { return category(t) == Category::Floating; }
constexpr bool is_complex(DType t) { return category(t) == Category::Complex; }
constexpr bool is_inexact(DType t) { return category(t) >= Category::Floating; }  // gradients exist
constexpr bool is_integral(DType t, bool include_bool) {
  return category(t) == Category::Integer || (include_bool && t == DType::Bool);
}
constexpr bool is_signed(DType t) {
  return category(t) != Category::Boolean && !(t >= DType::UInt8 && t <= DType::UInt64);
}
constexpr DType to_real(DType t) {
  return t == DType::Complex64 ? DType::Float32 : t == DType::Complex128 ? DType::Float64 : t;
}
constexpr DType to_complex(DType t) {
  return t == DType::Float64 || t == DType::Complex128 ? DType::Complex128 : DType::Complex64;
}

template <class T>
struct DTypeOf;
#define RL_DTYPE_OF(name, type, ...)            \
  template <>                                   \
  struct DTypeOf<type> {                        \
    static constexpr DType value = DType::name; \
  };
RL_FOR_EACH_DTYPE(RL_DTYPE_OF)
#undef RL_DTYPE_OF
template <class T>
inline constexpr DType dtype_of = DTypeOf<T>::value;

// The dtype of an operation on tensors of both dtypes (PyTorch's lattice). Pairs that PyTorch refuses, such
// as uint16 with int32, throw its RuntimeError.
DType promote_types(DType a, DType b);

// Calls f.template operator()<T>() with the C++ type of `t`.
template <class F>
decltype(auto) visit_dtype(DType t, F&& f) {
  switch (t) {
#define RL_CASE(name, type, ...) \
  case DType::name: return f.template operator()<type>();
    RL_FOR_EACH_DTYPE(RL_CASE)
#undef RL_CASE
  }
  __builtin_unreachable();
}

}  // namespace rushlight

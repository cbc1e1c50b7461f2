// What both files of random fills share: the dtypes they are made for.
#pragma once

#include <type_traits>

#include "rushlight/core/dtype.h"
#include "rushlight/core/error.h"
#include "rushlight/core/generator.h"

namespace rushlight::cpu {

template <class T>
inline constexpr bool is_reduced = std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>;
template <class T>
using compute_type = std::conditional_t<is_reduced<T>, float, T>;

[[noreturn]] inline void not_implemented(const char* kernel, DType dtype) {
  throw_error<NotImplementedError>('"', kernel, "\" not implemented for '", info(dtype).message_name, "'");
}

// f.operator()<T>() for the four floating dtypes.
template <class F>
void visit_floating(DType dtype, const char* kernel, F&& f) {
  switch (dtype) {
    case DType::Float16: return f.template operator()<Half>();
    case DType::BFloat16: return f.template operator()<BFloat16>();
    case DType::Float32: return f.template operator()<float>();
    case DType::Float64: return f.template operator()<double>();
    default: not_implemented(kernel, dtype);
  }
}

// For these, uint8 and the signed integers.
template <class F>
void visit_number(DType dtype, const char* kernel, F&& f) {
  switch (dtype) {
    case DType::UInt8: return f.template operator()<uint8_t>();
    case DType::Int8: return f.template operator()<int8_t>();
    case DType::Int16: return f.template operator()<int16_t>();
    case DType::Int32: return f.template operator()<int32_t>();
    case DType::Int64: return f.template operator()<int64_t>();
    default: return visit_floating(dtype, kernel, f);
  }
}

// For these and bool.
template <class F>
void visit_random_type(DType dtype, const char* kernel, F&& f) {
  if (dtype == DType::Bool) return f.template operator()<bool>();
  visit_number(dtype, kernel, f);
}

// scale * log(1 - u) for `n` uniforms of 53 bits, without taking the lock.
void scaled_log_uniform(double* out, int64_t n, double scale, Generator& generator);

}  // namespace rushlight::cpu

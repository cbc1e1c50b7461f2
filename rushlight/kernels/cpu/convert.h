// Loading and storing blocks: the one place where strides and storage dtypes meet the few types that kernels
// compute in.
#pragma once

#include <cstdint>

#include "rushlight/core/dtype.h"

namespace rushlight::cpu {

// What pointwise kernels and reductions compute in. Every dtype has one (compute_of); narrow integers wrap on
// the way back.
enum class Compute : uint8_t { Float, Double, Int32, Int64, UInt64, Complex64, Complex128 };
inline constexpr int kNumComputes = 7;

constexpr Compute compute_of(DType t) {
  switch (t) {
    case DType::Float16:
    case DType::BFloat16:
    case DType::Float32: return Compute::Float;
    case DType::Float64: return Compute::Double;
    case DType::Int64:
    case DType::UInt32: return Compute::Int64;
    case DType::UInt64: return Compute::UInt64;
    case DType::Complex64: return Compute::Complex64;
    case DType::Complex128: return Compute::Complex128;
    default: return Compute::Int32;
  }
}
// The dtype whose elements are stored as the compute type itself.
constexpr DType storage_of(Compute c) {
  constexpr DType table[] = {DType::Float32, DType::Float64,   DType::Int32,     DType::Int64,
                             DType::UInt64,  DType::Complex64, DType::Complex128};
  return table[static_cast<int>(c)];
}

template <class F>
decltype(auto) visit_compute(Compute c, F&& f) {
  switch (c) {
    case Compute::Float: return f.template operator()<float>();
    case Compute::Double: return f.template operator()<double>();
    case Compute::Int32: return f.template operator()<int32_t>();
    case Compute::Int64: return f.template operator()<int64_t>();
    case Compute::UInt64: return f.template operator()<uint64_t>();
    case Compute::Complex64: return f.template operator()<complex64>();
    case Compute::Complex128: return f.template operator()<complex128>();
  }
  __builtin_unreachable();
}

// n elements, `stride` elements apart in memory, to or from a dense block. Complex to real keeps the real
// part.
using Load = void (*)(const void* source, int64_t stride, void* block, int64_t n);
using Store = void (*)(const void* block, void* target, int64_t stride, int64_t n);
Load load_function(DType from, Compute to);
Store store_function(Compute from, DType to);

// The same without conversion, for elements of one or two bytes.
Load gather_function(int64_t item_size);
Store scatter_function(int64_t item_size);

// Stores the truth of each element: what conversion to bool means.
using StoreBool = void (*)(const bool* block, void* target, int64_t stride, int64_t n);
StoreBool store_bool_function(DType to);

}  // namespace rushlight::cpu

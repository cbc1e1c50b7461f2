// Pointwise operations on the GPU: the formulas of kernels/math, one instantiation for each formula and type.
#pragma once

#include <cstdint>

namespace rushlight::cuda {

inline constexpr int kMaxDims = 8;
inline constexpr int kMaxInputs = 3;

// Where element i of a broadcast operand is: up to eight dimensions, sizes and strides in elements, the last
// dimension fastest. One dimension of stride 1 is the dense case.
struct Geometry {
  int rank = 1;
  int64_t sizes[kMaxDims] = {1};
  int64_t strides[kMaxInputs + 1][kMaxDims] = {};  // the output's first
  bool dense = true;                               // all operands are read in order
};

enum class Type : uint8_t { Float, Double, Int32, Int64 };

// out = formula(in...), n elements, on the given stream (a cudaStream_t). Returns false when the formula is
// not compiled for the type. The number of the formula is cpu::Formula's: both come from
// declarations/pointwise.def.
bool pointwise(int formula, Type type, const void* const* in, void* out, const Geometry& geometry, int64_t n,
               const double* parameters, void* stream);

}  // namespace rushlight::cuda

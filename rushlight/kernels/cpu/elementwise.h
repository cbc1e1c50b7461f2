// Drives a pointwise kernel over strided operands of any dtype. A kernel sees only dense blocks of one
// compute type; this room finds the blocks: it merges dimensions, splits the work over threads, hands
// operands that are dense already straight to the kernel and brings all others through a buffer that stays in
// the first-level cache.
#pragma once

#include "rushlight/core/shape.h"
#include "rushlight/kernels/cpu/convert.h"

namespace rushlight::cpu {

// Parameters of a formula, such as the slope of leaky_relu: up to three numbers, each as a double and as an
// integer; and which operands are repeated.
struct Params {
  double number[3] = {0, 0, 0};
  int64_t integer[3] = {0, 0, 0};
  double imag[3] = {0, 0, 0};
  uint32_t repeated = 0;  // bit k: in[k] is one element for all n
  uint32_t numbers = 0;   // bit k: in[k] is a float for all n, although the kernel reads Half or BFloat16
};

// in[k]: dense blocks of n elements of the compute type (bool where the kernel takes a mask); out: of the
// result type.
using BlockKernel = void (*)(const void* const* in, void* out, int64_t n, const Params& params);

inline constexpr int kMaxInputs = 4;
inline constexpr int64_t kBlock = 512;  // elements; four buffers of doubles are 16 KiB

struct Strided {
  void* data = nullptr;
  DType dtype = DType::Float32;
  Dims strides;  // in elements, one for each size; 0 repeats
};

struct Elementwise {
  Dims sizes;
  Strided out;
  Strided in[kMaxInputs];
  int num_inputs = 0;
  Compute compute = Compute::Float;
  Compute result = Compute::Float;  // what the kernel writes, unless
  bool bool_result = false;         // it writes bool
  uint32_t mask_inputs = 0;         // bit k: the kernel reads input k as bool
  bool as_stored = false;  // all operands have the dtype of `out`, and the kernel reads and writes that
  bool repeats = false;    // the kernel heeds Params::repeated
  BlockKernel kernel = nullptr;
  Params params;
};

void run(Elementwise& job);

// out = in[0], converted; compute, result and kernel of the job are not used.
void copy(Elementwise& job);

}  // namespace rushlight::cpu

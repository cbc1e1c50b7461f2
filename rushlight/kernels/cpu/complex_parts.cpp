#include "rushlight/kernels/cpu/complex_parts.h"

namespace rushlight::cpu {
namespace {

template <class T>
void join_parts(const void* const* parts, void* result, int64_t n, const Params&) {
  const T *re = static_cast<const T*>(parts[0]), *im = static_cast<const T*>(parts[1]);
  T* __restrict__ out = static_cast<T*>(result);
  for (int64_t i = 0; i < n; ++i) {
    out[2 * i] = re[i];
    out[2 * i + 1] = im[i];
  }
}

}  // namespace

BlockKernel join_parts_kernel(DType part) {
  return part == DType::Float64 ? &join_parts<double> : &join_parts<float>;
}

}  // namespace rushlight::cpu

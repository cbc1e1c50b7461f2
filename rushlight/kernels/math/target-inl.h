// The frame that every header of this room stands in. On the CPU each header is compiled once for every
// Highway target, inside rushlight::math::HWY_NAMESPACE, so that member templates carry the target's
// instructions and can be inlined. Under nvcc the same text becomes rushlight::math::N_CUDA, and every
// function is __host__ __device__.
//
//   RL_MATH_BEGIN        opens the target region and the namespace (no semicolon follows)
//   RL_MATH_END          closes both
//   RL_INLINE            the attribute of a function small enough to be inlined everywhere
//   RL_MATH_NAMESPACE    the innermost namespace: N_AVX2, ..., N_CUDA
#pragma once

#if defined(__CUDACC__)

#define RL_MATH_NAMESPACE N_CUDA
#define RL_INLINE __host__ __device__ __forceinline__
#define RL_MATH_BEGIN   \
  namespace rushlight { \
  namespace math {      \
  namespace N_CUDA {
#define RL_MATH_END \
  }                 \
  }                 \
  }

#else

#include <hwy/highway.h>

#define RL_MATH_NAMESPACE HWY_NAMESPACE
#define RL_INLINE HWY_INLINE HWY_MAYBE_UNUSED
#define RL_MATH_BEGIN     \
  HWY_BEFORE_NAMESPACE(); \
  namespace rushlight {   \
  namespace math {        \
  namespace HWY_NAMESPACE {
#define RL_MATH_END \
  }                 \
  }                 \
  }                 \
  HWY_AFTER_NAMESPACE();

#endif

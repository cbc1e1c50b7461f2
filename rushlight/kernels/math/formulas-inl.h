// The pointwise formulas: one callable struct each, a template on the value type (Simd<float>, Simd<double>,
// int32_t, int64_t, uint64_t, Complex<float>, Complex<double>; under nvcc float and double in place of the
// vectors). Half and BFloat16 are computed as float, small integers as int32_t; the caller converts.
//
// A formula with parameters is a template on the scalar type S of its computation and holds them as members
// in the order of PyTorch's signature. Predicates return the value type's mask. The value of each edge case
// is PyTorch's.
#if defined(RUSHLIGHT_MATH_FORMULAS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_FORMULAS_INL_H_
#undef RUSHLIGHT_MATH_FORMULAS_INL_H_
#else
#define RUSHLIGHT_MATH_FORMULAS_INL_H_
#endif

#include "rushlight/kernels/math/formulas_unary-inl.h"
#include "rushlight/kernels/math/formulas_activation-inl.h"
#include "rushlight/kernels/math/formulas_binary-inl.h"
#include "rushlight/kernels/math/formulas_loss-inl.h"
#include "rushlight/kernels/math/formulas_special-inl.h"

#endif

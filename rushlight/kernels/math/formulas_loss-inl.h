// Formulas of losses. See formulas-inl.h.
#if defined(RUSHLIGHT_MATH_FORMULAS_LOSS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_FORMULAS_LOSS_INL_H_
#undef RUSHLIGHT_MATH_FORMULAS_LOSS_INL_H_
#else
#define RUSHLIGHT_MATH_FORMULAS_LOSS_INL_H_
#endif

#include "rushlight/kernels/math/formulas_unary-inl.h"

RL_MATH_BEGIN

struct SquaredDifference {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    const V d = sub(a, b);
    return mul(d, d);
  }
};
// Binary cross entropy of sigmoid(x): (1 - t) x - log(sigmoid(x)), in a form that does not overflow.
struct BceWithLogits {
  template <class V>
  RL_INLINE V operator()(V x, V t) const {
    return (V(1) - t) * x - (raw_min(V(0), x) - log1p(exp(-abs(x))));
  }
};
// Its slope: sigmoid(x) - t.
struct BceWithLogitsBackward {
  template <class V>
  RL_INLINE V operator()(V x, V t) const {
    return sigmoid(x) - t;
  }
};

RL_MATH_END

#endif

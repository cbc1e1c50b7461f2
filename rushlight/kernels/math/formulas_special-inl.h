// Formulas of torch.special. See formulas-inl.h.
#if defined(RUSHLIGHT_MATH_FORMULAS_SPECIAL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_FORMULAS_SPECIAL_INL_H_
#undef RUSHLIGHT_MATH_FORMULAS_SPECIAL_INL_H_
#else
#define RUSHLIGHT_MATH_FORMULAS_SPECIAL_INL_H_
#endif

#include "rushlight/kernels/math/formulas_activation-inl.h"
#include "rushlight/kernels/math/scalar_special-inl.h"

RL_MATH_BEGIN

// A function on vectors; on plain numbers, under nvcc, the scalar one of the same name.
#define RL_SPECIAL(Name, function)                                        \
  struct Name {                                                           \
    template <class V>                                                    \
    RL_INLINE V operator()(V x) const {                                   \
      if constexpr (std::is_arithmetic_v<V>) {                            \
        return static_cast<V>(special::function(static_cast<double>(x))); \
      } else {                                                            \
        return function(x);                                               \
      }                                                                   \
    }                                                                     \
  };
RL_SPECIAL(I0e, i0e)
RL_SPECIAL(I1, i1)
RL_SPECIAL(I1e, i1e)
RL_SPECIAL(Erfcx, erfcx)
RL_SPECIAL(Ndtr, ndtr)
RL_SPECIAL(LogNdtr, log_ndtr)
RL_SPECIAL(Ndtri, ndtri)
#undef RL_SPECIAL

template <class S>
struct Polygamma {
  S n;
  template <class V>
  RL_INLINE V operator()(V x) const {
    const double order = static_cast<double>(n);
    if constexpr (std::is_arithmetic_v<V>) {
      return static_cast<V>(special::polygamma(order, static_cast<double>(x)));
    } else {
      if (order <= kMostDerivatives) return polygamma(static_cast<int>(order), x);
      return map_lanes(x, [order](auto v) {
        return static_cast<decltype(v)>(special::polygamma(order, static_cast<double>(v)));
      });
    }
  }
};
struct Zeta {
  template <class V>
  RL_INLINE V operator()(V s, V q) const {
#if !defined(__CUDACC__)
    return map_lanes(s, q, [](auto u, auto v) { return static_cast<decltype(u)>(special::zeta(u, v)); });
#else
    return static_cast<V>(special::zeta(s, q));
#endif
  }
};
struct Entr {
  template <class V>
  RL_INLINE V operator()(V x) const {
    const V minus_infinity(-kInfinity<ScalarOf<V>>);
    return select(x > V(0), -x * log(x), select(x == V(0), V(0), select(isnan(x), x, minus_infinity)));
  }
};

RL_MATH_END

#endif

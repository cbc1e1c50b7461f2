// Unary formulas other than activations. See formulas-inl.h.
#if defined(RUSHLIGHT_MATH_FORMULAS_UNARY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_FORMULAS_UNARY_INL_H_
#undef RUSHLIGHT_MATH_FORMULAS_UNARY_INL_H_
#else
#define RUSHLIGHT_MATH_FORMULAS_UNARY_INL_H_
#endif

#include "rushlight/kernels/math/scalar-inl.h"
#if !defined(__CUDACC__)
#include "rushlight/kernels/math/simd-inl.h"
#endif

RL_MATH_BEGIN

template <class V>
inline constexpr bool kIsComplex = false;
template <class T>
inline constexpr bool kIsComplex<Complex<T>> = true;

// A formula that is one function of the value type.
#define RL_UNARY(Name, function)        \
  struct Name {                         \
    template <class V>                  \
    RL_INLINE V operator()(V x) const { \
      return function(x);               \
    }                                   \
  };
RL_UNARY(Neg, neg)
RL_UNARY(Sqrt, sqrt)
RL_UNARY(Exp, exp)
RL_UNARY(Exp2, exp2)
RL_UNARY(Expm1, expm1)
RL_UNARY(Log, log)
RL_UNARY(Log2, log2)
RL_UNARY(Log10, log10)
RL_UNARY(Log1P, log1p)
RL_UNARY(Sin, sin)
RL_UNARY(Cos, cos)
RL_UNARY(Tan, tan)
RL_UNARY(Asin, asin)
RL_UNARY(Acos, acos)
RL_UNARY(Atan, atan)
RL_UNARY(Sinh, sinh)
RL_UNARY(Cosh, cosh)
RL_UNARY(Tanh, tanh)
RL_UNARY(Asinh, asinh)
RL_UNARY(Acosh, acosh)
RL_UNARY(Atanh, atanh)
RL_UNARY(Erf, erf)
RL_UNARY(Erfc, erfc)
RL_UNARY(Erfinv, erfinv)
RL_UNARY(Lgamma, lgamma)
RL_UNARY(Digamma, digamma)
RL_UNARY(I0, i0)
RL_UNARY(Sigmoid, sigmoid)
RL_UNARY(Floor, floor)
RL_UNARY(Ceil, ceil)
RL_UNARY(Trunc, trunc)
RL_UNARY(Round, round_even)
#undef RL_UNARY

struct Identity {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x;
  }
};
// Of a complex number: the modulus, a real.
struct Abs {
  template <class V>
  RL_INLINE auto operator()(V x) const {
    return abs(x);
  }
};
struct Angle {
  template <class V>
  RL_INLINE auto operator()(V x) const {
    if constexpr (kIsComplex<V>) {
      return angle(x);
    } else {
      return select(isnan(x), x, select(x < V(0), V(ScalarOf<V>(3.14159265358979323846)), V(0)));
    }
  }
};
struct Conj {
  template <class V>
  RL_INLINE V operator()(V x) const {
    if constexpr (kIsComplex<V>) {
      return conj(x);
    } else {
      return x;
    }
  }
};
struct Real {
  template <class T>
  RL_INLINE T operator()(Complex<T> z) const {
    return z.re;
  }
};
struct Imag {
  template <class T>
  RL_INLINE T operator()(Complex<T> z) const {
    return z.im;
  }
};

// sign for real numbers, sgn for complex ones: z / |z|.
struct Sign {
  template <class V>
  RL_INLINE V operator()(V x) const {
    if constexpr (kIsComplex<V>) {
      const auto modulus = abs(x);
      return modulus == 0 ? V(0) : V(x.re / modulus, x.im / modulus);
    } else if constexpr (std::is_unsigned_v<V>) {
      return select(x != 0, V(1), V(0));
    } else {
      return select(x > V(0), V(1), select(x < V(0), V(static_cast<ScalarOf<V>>(-1)), V(0)));
    }
  }
};
using Sgn = Sign;
struct Square {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return mul(x, x);
  }
};
struct Cube {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x * x * x;
  }
};
struct InverseSquare {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return V(1) / (x * x);
  }
};
struct Reciprocal {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return V(1) / x;
  }
};
struct Rsqrt {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return V(1) / sqrt(x);
  }
};
// x = mantissa 2^exponent with 1/2 <= |mantissa| < 1; zeros, infinities and NaN are their own mantissa.
struct FrexpMantissa {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return frexp(x).mantissa;
  }
};
struct FrexpExponent {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return frexp(x).exponent;
  }
};
struct Frac {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x - trunc(x);
  }
};
struct Deg2Rad {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x * V(ScalarOf<V>(0.017453292519943295769));
  }
};
struct Rad2Deg {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x * V(ScalarOf<V>(57.295779513082320877));
  }
};
// sin(pi x) / (pi x), with pi x rounded first as PyTorch does.
struct Sinc {
  template <class V>
  RL_INLINE V operator()(V x) const {
    V y;
    if constexpr (kIsComplex<V>) {
      y = V(3.14159265358979323846) * x;
    } else {
      y = V(ScalarOf<V>(3.14159265358979323846)) * x;
    }
    return select(x == V(0), V(1), sin(y) / y);
  }
};
// log(x / (1 - x)); x is first limited to [eps, 1 - eps] unless eps is negative.
template <class S>
struct Logit {
  S eps;
  template <class V>
  RL_INLINE V operator()(V x) const {
    const V one(1), lo(eps);
    const V hi = one - lo;
    const V y = eps < 0 ? x : select(x < lo, lo, select(x > hi, hi, x));
    return log(y / (one - y));
  }
};
template <class S>
struct NanToNum {
  S nan, posinf, neginf;
  template <class V>
  RL_INLINE V operator()(V x) const {
    if constexpr (kIsComplex<V>) {
      return V(part(x.re, nan.re, posinf.re, neginf.re), part(x.im, nan.re, posinf.re, neginf.re));
    } else if constexpr (std::is_integral_v<V>) {
      return x;
    } else {
      return part(x, V(nan), V(posinf), V(neginf));
    }
  }

 private:
  template <class R>
  static RL_INLINE R part(R x, R if_nan, R if_posinf, R if_neginf) {
    const R infinity(kInfinity<ScalarOf<R>>);
    return select(isnan(x), if_nan, select(x == infinity, if_posinf, select(x == -infinity, if_neginf, x)));
  }
};
// The larger and the smaller of x and a limit; NaN stays. Of vectors, raw_max and raw_min return their second
// operand when one is NaN or both are equal (x86), or NaN (Arm); Highway's plain target leaves NaN out.
#if !defined(__CUDACC__) && HWY_TARGET != HWY_SCALAR
template <class V>
inline constexpr bool kRawKeepsNan = !std::is_arithmetic_v<V>;
#else
template <class V>
inline constexpr bool kRawKeepsNan = false;
#endif
template <class V>
RL_INLINE V at_least(V lo, V x) {
  if constexpr (kRawKeepsNan<V>) return raw_max(lo, x);
  else return select(x < lo, lo, x);
}
template <class V>
RL_INLINE V at_most(V hi, V x) {
  if constexpr (kRawKeepsNan<V>) return raw_min(hi, x);
  else return select(x > hi, hi, x);
}
template <class S>
struct Clamp {
  S lo, hi;
  template <class V>
  RL_INLINE V operator()(V x) const {
    return at_most(V(hi), at_least(V(lo), x));  // hi wins where lo > hi
  }
};
template <class S>
struct ClampMin {
  S lo;
  template <class V>
  RL_INLINE V operator()(V x) const {
    return at_least(V(lo), x);
  }
};
template <class S>
struct ClampMax {
  S hi;
  template <class V>
  RL_INLINE V operator()(V x) const {
    return at_most(V(hi), x);
  }
};

// Predicates. On plain numbers `&` and `|` of two bools make an int: truth() turns it back, so that the
// result is always a mask or a bool.
RL_INLINE bool truth(bool m) { return m; }
#if !defined(__CUDACC__)
template <class T>
RL_INLINE SimdMask<T> truth(SimdMask<T> m) {
  return m;
}
#endif
#define RL_PREDICATE(Name, expression)     \
  struct Name {                            \
    template <class V>                     \
    RL_INLINE auto operator()(V x) const { \
      return truth(expression);            \
    }                                      \
  };
RL_PREDICATE(LogicalNot, x == V(0))
RL_PREDICATE(ToBool, x != V(0))
RL_PREDICATE(Isnan, isnan(x))
RL_PREDICATE(Isinf, isinf(x))
RL_PREDICATE(Isfinite, isfinite(x))
RL_PREDICATE(Isposinf, x > V(kLargest<ScalarOf<V>>))
RL_PREDICATE(Isneginf, x < V(kLowest<ScalarOf<V>>))
RL_PREDICATE(Signbit, signbit(x))
#undef RL_PREDICATE

// Integers only; for bool, whose compute type is int32_t, the caller takes LogicalNot.
struct BitwiseNot {
  template <std::integral V>
  RL_INLINE V operator()(V x) const {
    return static_cast<V>(~x);
  }
};

RL_MATH_END

#endif

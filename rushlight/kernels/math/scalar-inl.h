// The same functions on plain numbers: float and double (libm, or CUDA's), integers (which wrap and never
// trap). Formulas run on these for integer and complex tensors, and under nvcc for all.
#if defined(RUSHLIGHT_MATH_SCALAR_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_SCALAR_INL_H_
#undef RUSHLIGHT_MATH_SCALAR_INL_H_
#else
#define RUSHLIGHT_MATH_SCALAR_INL_H_
#endif

#include <cmath>
#include <concepts>
#include <cstdint>
#include <limits>
#include <type_traits>

#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

// The type of one element of a value type.
template <class V>
struct ScalarOfImpl {
  using type = V;
};
template <class V>
using ScalarOf = typename ScalarOfImpl<V>::type;

// Variables, because nvcc does not let device code call std::numeric_limits.
template <class T>
inline constexpr T kInfinity = std::numeric_limits<T>::infinity();
template <class T>
inline constexpr T kNan = std::numeric_limits<T>::quiet_NaN();
template <class T>
inline constexpr T kLargest = std::numeric_limits<T>::max();
template <class T>
inline constexpr T kLowest = std::numeric_limits<T>::lowest();

template <class V>
RL_INLINE V select(bool m, V yes, V no) {
  return m ? yes : no;
}
RL_INLINE bool any_true(bool m) { return m; }
RL_INLINE bool all_true(bool m) { return m; }

// Arithmetic that wraps on integers (signed overflow is undefined in C++, so it goes through the unsigned
// type).
template <class V>
RL_INLINE V add(V a, V b) {
  if constexpr (std::is_integral_v<V>) {
    using U = std::make_unsigned_t<V>;
    return static_cast<V>(static_cast<U>(a) + static_cast<U>(b));
  } else {
    return a + b;
  }
}
template <class V>
RL_INLINE V sub(V a, V b) {
  if constexpr (std::is_integral_v<V>) {
    using U = std::make_unsigned_t<V>;
    return static_cast<V>(static_cast<U>(a) - static_cast<U>(b));
  } else {
    return a - b;
  }
}
template <class V>
RL_INLINE V mul(V a, V b) {
  if constexpr (std::is_integral_v<V>) {
    using U = std::make_unsigned_t<V>;
    return static_cast<V>(static_cast<U>(a) * static_cast<U>(b));
  } else {
    return a * b;
  }
}
template <class V>
RL_INLINE V neg(V a) {
  if constexpr (std::is_integral_v<V>) {
    return sub(V{0}, a);
  } else {
    return -a;
  }
}

#define RL_SCALAR_UNARY(name)      \
  template <std::floating_point T> \
  RL_INLINE T name(T x) {          \
    return std::name(x);           \
  }
RL_SCALAR_UNARY(sqrt)
RL_SCALAR_UNARY(floor)
RL_SCALAR_UNARY(ceil)
RL_SCALAR_UNARY(trunc)
RL_SCALAR_UNARY(exp)
RL_SCALAR_UNARY(exp2)
RL_SCALAR_UNARY(expm1)
RL_SCALAR_UNARY(log)
RL_SCALAR_UNARY(log2)
RL_SCALAR_UNARY(log10)
RL_SCALAR_UNARY(log1p)
RL_SCALAR_UNARY(sin)
RL_SCALAR_UNARY(cos)
RL_SCALAR_UNARY(tan)
RL_SCALAR_UNARY(asin)
RL_SCALAR_UNARY(acos)
RL_SCALAR_UNARY(atan)
RL_SCALAR_UNARY(sinh)
RL_SCALAR_UNARY(cosh)
RL_SCALAR_UNARY(tanh)
RL_SCALAR_UNARY(asinh)
RL_SCALAR_UNARY(acosh)
RL_SCALAR_UNARY(atanh)
RL_SCALAR_UNARY(erf)
RL_SCALAR_UNARY(erfc)
#undef RL_SCALAR_UNARY

#define RL_SCALAR_BINARY(name)     \
  template <std::floating_point T> \
  RL_INLINE T name(T x, T y) {     \
    return std::name(x, y);        \
  }
RL_SCALAR_BINARY(pow)
RL_SCALAR_BINARY(atan2)
RL_SCALAR_BINARY(hypot)
RL_SCALAR_BINARY(fmod)
RL_SCALAR_BINARY(nextafter)
RL_SCALAR_BINARY(copysign)
#undef RL_SCALAR_BINARY

template <std::floating_point T>
RL_INLINE T round_even(T x) {
  return std::rint(x);
}
template <std::floating_point T>
RL_INLINE T fma(T a, T b, T c) {
  return std::fma(a, b, c);
}
template <std::floating_point T>
RL_INLINE bool isnan(T x) {
  return x != x;
}
template <std::floating_point T>
RL_INLINE bool isinf(T x) {
  return std::abs(x) == kInfinity<T>;
}
template <std::floating_point T>
RL_INLINE bool isfinite(T x) {
  return std::abs(x) < kInfinity<T>;
}
template <std::floating_point T>
RL_INLINE bool signbit(T x) {
  return std::signbit(x);
}
template <std::floating_point T>
RL_INLINE T flip_sign(T x, T sign) {
  return std::signbit(sign) ? -x : x;
}
template <std::floating_point T>
RL_INLINE T ldexp(T x, T n) {
  return x * std::exp2(n);
}
template <class V>
struct MantissaAndExponent {
  V mantissa, exponent;
};
template <std::floating_point T>
RL_INLINE MantissaAndExponent<T> frexp(T x) {
  int exponent = 0;
  const T mantissa = std::frexp(x, &exponent);
  return {mantissa, isfinite(x) ? static_cast<T>(exponent) : T(0)};
}
template <std::floating_point T>
RL_INLINE T sigmoid(T x) {
  const T e = std::exp(-std::abs(x));
  return (std::signbit(x) ? e : T(1)) / (T(1) + e);
}

// Numbers of both kinds.
template <class T>
requires std::is_arithmetic_v<T> RL_INLINE T abs(T x) {
  if constexpr (std::is_integral_v<T>) {
    return std::is_signed_v<T> && x < 0 ? neg(x) : x;
  } else {
    return std::abs(x);
  }
}
template <class T>
requires std::is_arithmetic_v<T> RL_INLINE T raw_min(T a, T b) { return b < a ? b : a; }
template <class T>
requires std::is_arithmetic_v<T> RL_INLINE T raw_max(T a, T b) { return a < b ? b : a; }
template <std::integral T>
RL_INLINE bool isnan(T) {
  return false;
}
template <std::integral T>
RL_INLINE bool isinf(T) {
  return false;
}
template <std::integral T>
RL_INLINE bool isfinite(T) {
  return true;
}
template <std::integral T>
RL_INLINE bool signbit(T x) {
  return std::is_signed_v<T> && x < 0;
}

// Integer division. A zero divisor gives 0 here (PyTorch raises RuntimeError "ZeroDivisionError": callers
// look first), and the lowest value divided by -1 wraps: neither may trap.
template <std::integral T>
RL_INLINE T trunc_divide(T a, T b) {
  if (b == 0) return 0;
  if (std::is_signed_v<T> && b == static_cast<T>(-1)) return neg(a);
  return static_cast<T>(a / b);
}
template <std::integral T>
RL_INLINE T fmod(T a, T b) {
  if (b == 0 || (std::is_signed_v<T> && b == static_cast<T>(-1))) return 0;
  return static_cast<T>(a % b);
}
template <std::integral T>
RL_INLINE T floor_divide(T a, T b) {
  const T q = trunc_divide(a, b);
  const bool inexact = fmod(a, b) != 0;
  return inexact && (signbit(a) != signbit(b)) ? static_cast<T>(q - 1) : q;
}
template <std::integral T>
RL_INLINE T remainder(T a, T b) {
  const T r = fmod(a, b);
  return r != 0 && (signbit(r) != signbit(b)) ? static_cast<T>(r + b) : r;
}

// b < 0: only 1 and -1 have integral powers, everything else is 0 as in PyTorch.
template <std::integral T>
RL_INLINE T pow(T base, T exponent) {
  if (signbit(exponent)) {
    if (base == 1) return 1;
    if (std::is_signed_v<T> && base == static_cast<T>(-1)) return (exponent & 1) ? base : static_cast<T>(1);
    return 0;
  }
  T result = 1;
  for (; exponent != 0; exponent = static_cast<T>(exponent >> 1)) {
    if (exponent & 1) result = mul(result, base);
    base = mul(base, base);
  }
  return result;
}
// Shifts by less than 0 or by more than the width shift everything out, as in PyTorch.
template <std::integral T>
RL_INLINE T left_shift(T a, T b) {
  using U = std::make_unsigned_t<T>;
  constexpr U kMost = sizeof(T) * 8 - 1;
  const U shifted = static_cast<U>(a) << (static_cast<U>(b) & kMost);
  return (static_cast<U>(b) & ~kMost) == 0 ? static_cast<T>(shifted) : T{0};
}
// A negative number is shifted as its complement: AVX2 has no arithmetic shift of 64 bits, and compilers make
// vectors of this.
template <std::integral T>
RL_INLINE T right_shift(T a, T b) {
  using U = std::make_unsigned_t<T>;
  constexpr U kMost = sizeof(T) * 8 - 1;
  const U sign = signbit(a) ? ~U{0} : U{0};
  const U shifted = ((static_cast<U>(a) ^ sign) >> (static_cast<U>(b) & kMost)) ^ sign;
  return static_cast<T>((static_cast<U>(b) & ~kMost) == 0 ? shifted : sign);
}
template <std::integral T>
RL_INLINE T gcd(T a, T b) {
  using U = std::make_unsigned_t<T>;
  U u = static_cast<U>(abs(a)), v = static_cast<U>(abs(b));  // the lowest value's magnitude fits only here
  while (v != 0) {
    const U r = u % v;
    u = v;
    v = r;
  }
  return static_cast<T>(u);
}
template <std::integral T>
RL_INLINE T lcm(T a, T b) {
  const T g = gcd(a, b);
  return g == 0 ? T{0} : abs(mul(trunc_divide(a, g), b));
}

// log|gamma(x)|. libm's lgamma writes a global, so the reentrant form is the one that threads may call.
RL_INLINE double lgamma(double x) {
#ifdef __CUDA_ARCH__
  return ::lgamma(x);
#else
  int sign;
  return ::lgamma_r(x, &sign);
#endif
}
RL_INLINE float lgamma(float x) {
#ifdef __CUDA_ARCH__
  return ::lgammaf(x);
#else
  int sign;
  return ::lgammaf_r(x, &sign);
#endif
}

// psi(x): reflection for x < 0, the recurrence psi(x) = psi(x + 1) - 1/x up to 10, then the asymptotic series
// with Bernoulli numbers (Abramowitz and Stegun, 6.3.6, 6.3.7 and 6.3.18).
RL_INLINE double digamma(double x) {
  if (x == 0) return std::copysign(kInfinity<double>, -x);
  double reflected = 0;
  if (x < 0) {
    const double fraction = x - std::rint(x);  // exact, and small where tan(pi x) is
    if (fraction == 0 || !isfinite(x)) return kNan<double>;
    reflected = -3.14159265358979323846 / std::tan(3.14159265358979323846 * fraction);
    x = 1 - x;
  }
  double sum = 0;
  for (; x < 10; x += 1) sum -= 1 / x;
  if (x == kInfinity<double>) return x;
  const double z = 1 / (x * x);
  const double series =
      z * (1. / 12 -
           z * (1. / 120 - z * (1. / 252 - z * (1. / 240 - z * (1. / 132 - z * (691. / 32760 - z / 12))))));
  return std::log(x) - 0.5 / x - series + sum + reflected;
}
RL_INLINE float digamma(float x) { return static_cast<float>(digamma(static_cast<double>(x))); }

// The inverse of erf: a rational start (Giles, "Approximating the erfinv function", 2010), then Newton steps
// on whichever of erf and erfc keeps its relative accuracy.
RL_INLINE double erfinv(double x) {
#ifdef __CUDA_ARCH__
  return ::erfinv(x);
#else
  const double a = std::abs(x);
  if (!(a < 1)) {
    return a == 1 ? std::copysign(kInfinity<double>, x) : kNan<double>;
  }
  // Winitzki's closed form is within 2e-3, which three steps of third order bring below one unit.
  const double w = std::log((1 - a) * (1 + a));
  const double k = 2 / (3.14159265358979323846 * 0.147) + w / 2;
  double y = std::sqrt(std::sqrt(k * k - w / 0.147) - k);
  for (int step = 0; step < 3; ++step) {
    const double miss = a < 0.5 ? std::erf(y) - a : (1 - a) - std::erfc(y);
    const double newton = miss * 0.88622692545275801365 * std::exp(y * y);
    y -= newton / (1 + y * newton);
  }
  return std::copysign(y, x);
#endif
}
RL_INLINE float erfinv(float x) { return static_cast<float>(erfinv(static_cast<double>(x))); }

#if defined(__CUDACC__)
__device__ inline float i0(float x) { return ::cyl_bessel_i0f(x); }
__device__ inline double i0(double x) { return ::cyl_bessel_i0(x); }
#endif

RL_MATH_END

#include "rushlight/kernels/math/complex-inl.h"

#endif

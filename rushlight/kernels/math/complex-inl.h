// Complex<T>: the compute type of complex64 and complex128, laid out as std::complex<T>. It is a type of its
// own because ADL would otherwise find std's functions beside ours. Included by scalar-inl.h.
#if defined(RUSHLIGHT_MATH_COMPLEX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_COMPLEX_INL_H_
#undef RUSHLIGHT_MATH_COMPLEX_INL_H_
#else
#define RUSHLIGHT_MATH_COMPLEX_INL_H_
#endif

#if defined(__CUDACC__)
#include <cuda/std/complex>
#else
#include <complex>
#endif

#include "rushlight/kernels/math/scalar-inl.h"

RL_MATH_BEGIN

#if defined(__CUDACC__)
namespace cx = ::cuda::std;
#else
namespace cx = std;
#endif

template <class T>
struct Complex {
  T re, im;

  Complex() = default;
  RL_INLINE Complex(T r, T i) : re(r), im(i) {}
  template <class U>
  requires std::is_arithmetic_v<U> RL_INLINE explicit Complex(U r) : re(static_cast<T>(r)), im(0) {}
  RL_INLINE Complex(cx::complex<T> z) : re(z.real()), im(z.imag()) {}
  RL_INLINE cx::complex<T> library() const { return {re, im}; }

  friend RL_INLINE Complex operator+(Complex a, Complex b) { return {a.re + b.re, a.im + b.im}; }
  friend RL_INLINE Complex operator-(Complex a, Complex b) { return {a.re - b.re, a.im - b.im}; }
  friend RL_INLINE Complex operator-(Complex a) { return {-a.re, -a.im}; }
  friend RL_INLINE Complex operator*(Complex a, Complex b) {
    return {a.re * b.re - a.im * b.im, a.re * b.im + a.im * b.re};
  }
  // Both parts of the divisor are scaled by the larger, so that its square cannot overflow.
  friend RL_INLINE Complex operator/(Complex a, Complex b) {
    const T scale = raw_max(math_abs(b.re), math_abs(b.im));
    if (scale == T(0)) return {a.re / math_abs(b.re), a.im / math_abs(b.im)};
    const T c = b.re / scale, d = b.im / scale;
    const T square = c * c + d * d;
    return {(a.re / scale * c + a.im / scale * d) / square, (a.im / scale * c - a.re / scale * d) / square};
  }
  friend RL_INLINE bool operator==(Complex a, Complex b) { return a.re == b.re && a.im == b.im; }
  friend RL_INLINE bool operator!=(Complex a, Complex b) { return !(a == b); }

 private:
  static RL_INLINE T math_abs(T x) { return std::abs(x); }
};

#define RL_COMPLEX_UNARY(name)              \
  template <class T>                        \
  RL_INLINE Complex<T> name(Complex<T> z) { \
    return cx::name(z.library());           \
  }
RL_COMPLEX_UNARY(sqrt)
RL_COMPLEX_UNARY(exp)
RL_COMPLEX_UNARY(log)
RL_COMPLEX_UNARY(log10)
RL_COMPLEX_UNARY(sin)
RL_COMPLEX_UNARY(cos)
RL_COMPLEX_UNARY(tan)
RL_COMPLEX_UNARY(asin)
RL_COMPLEX_UNARY(acos)
RL_COMPLEX_UNARY(atan)
RL_COMPLEX_UNARY(sinh)
RL_COMPLEX_UNARY(cosh)
RL_COMPLEX_UNARY(tanh)
RL_COMPLEX_UNARY(asinh)
RL_COMPLEX_UNARY(acosh)
RL_COMPLEX_UNARY(atanh)
#undef RL_COMPLEX_UNARY

template <class T>
RL_INLINE T abs(Complex<T> z) {
  return std::hypot(z.re, z.im);
}
template <class T>
RL_INLINE T angle(Complex<T> z) {
  return std::atan2(z.im, z.re);
}
template <class T>
RL_INLINE Complex<T> conj(Complex<T> z) {
  return {z.re, -z.im};
}
template <class T>
RL_INLINE Complex<T> exp2(Complex<T> z) {
  const T ln2 = T(0.69314718055994530942);
  return exp(Complex<T>(z.re * ln2, z.im * ln2));
}
template <class T>
RL_INLINE Complex<T> log2(Complex<T> z) {
  const Complex<T> y = log(z);
  const T scale = T(1.44269504088896340736);
  return {y.re * scale, y.im * scale};
}
// log|1 + z| = log1p(|1 + z|^2 - 1) / 2 keeps what a sum of 1 and z would round away.
template <class T>
RL_INLINE Complex<T> log1p(Complex<T> z) {
  const T angle = std::atan2(z.im, z.re + T(1));
  if (std::hypot(z.re, z.im) >= T(0.5)) return {std::log(std::hypot(z.re + T(1), z.im)), angle};
  return {T(0.5) * std::log1p(z.re * (T(2) + z.re) + z.im * z.im), angle};
}
// e^x cos y - 1 = expm1(x) cos y - 2 sin^2(y / 2), for the same reason.
template <class T>
RL_INLINE Complex<T> expm1(Complex<T> z) {
  const T half = std::sin(z.im / T(2));
  return {std::expm1(z.re) * std::cos(z.im) - T(2) * half * half, std::exp(z.re) * std::sin(z.im)};
}
template <class T>
RL_INLINE Complex<T> sigmoid(Complex<T> z) {
  return Complex<T>(1) / (Complex<T>(1) + exp(-z));
}
template <class T>
RL_INLINE Complex<T> pow(Complex<T> z, Complex<T> w) {
  return cx::pow(z.library(), w.library());
}
template <class T>
RL_INLINE Complex<T> ldexp(Complex<T> z, Complex<T> n) {
  return z * exp2(n);
}
template <class T>
RL_INLINE bool isnan(Complex<T> z) {
  return isnan(z.re) || isnan(z.im);
}
template <class T>
RL_INLINE bool isinf(Complex<T> z) {
  return isinf(z.re) || isinf(z.im);
}
template <class T>
RL_INLINE bool isfinite(Complex<T> z) {
  return isfinite(z.re) && isfinite(z.im);
}

RL_MATH_END

#endif

// The vector mathematics against long double, on every compiled Highway target that this processor runs: a
// sample over all bit patterns, a dense one where the function bends, and the edges. A case fails above its
// stated error in units in the last place, or when NaN, an infinity or the sign of a zero differs.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "tests/cpp/math_test.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <complex>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "rushlight/kernels/math/formulas-inl.h"

#ifndef RUSHLIGHT_MATH_TEST_TYPES_
#define RUSHLIGHT_MATH_TEST_TYPES_
namespace rushlight::math_test {

// A kernel over n elements; the second input is null for unary formulas. Predicates write bool.
template <class T>
using Block = void (*)(const T* a, const T* b, T* out, int64_t n);
template <class T>
using Predicate = void (*)(const T* a, const T* b, bool* out, int64_t n);

struct Kernels {
  std::map<std::string, Block<float>> f32;
  std::map<std::string, Block<double>> f64;
  std::map<std::string, Block<int32_t>> i32;
  std::map<std::string, Block<int64_t>> i64;
  std::map<std::string, Block<uint64_t>> u64;
  std::map<std::string, Predicate<float>> p32;
  std::map<std::string, Predicate<double>> p64;
  template <class T>
  auto& of() const {
    if constexpr (std::is_same_v<T, float>) return f32;
    if constexpr (std::is_same_v<T, double>) return f64;
    if constexpr (std::is_same_v<T, int32_t>) return i32;
    if constexpr (std::is_same_v<T, int64_t>) return i64;
    if constexpr (std::is_same_v<T, uint64_t>) return u64;
  }
};

}  // namespace rushlight::math_test
#endif

RL_MATH_BEGIN

using math_test::Kernels;

template <class T, class Load, class Tail>
void for_each_vector(int64_t n, Load whole, Tail part) {
  constexpr int kLanes = Simd<T>::kLanes;
  int64_t i = 0;
  for (; i + kLanes <= n; i += kLanes) whole(i);
  if (i < n) part(i, n - i);
}
template <class F, class T>
void unary_block(const T* a, const T*, T* out, int64_t n) {
  using V = Simd<T>;
  for_each_vector<T>(
      n, [&](int64_t i) HWY_ATTR { F{}(V::load(a + i)).store(out + i); },
      [&](int64_t i, int64_t count) HWY_ATTR { F{}(V::load_part(a + i, count)).store_part(out + i, count); });
}
template <class F, class T>
void binary_block(const T* a, const T* b, T* out, int64_t n) {
  using V = Simd<T>;
  for_each_vector<T>(
      n, [&](int64_t i) HWY_ATTR { F{}(V::load(a + i), V::load(b + i)).store(out + i); },
      [&](int64_t i, int64_t count) HWY_ATTR {
        F{}(V::load_part(a + i, count), V::load_part(b + i, count)).store_part(out + i, count);
      });
}
template <class F, class T>
void predicate_block(const T* a, const T* b, bool* out, int64_t n) {
  using V = Simd<T>;
  const auto apply = [](V x, V y) HWY_ATTR {
    if constexpr (requires { F{}(x, y); }) return F{}(x, y);
    else return F{}(x);
  };
  for_each_vector<T>(
      n, [&](int64_t i) HWY_ATTR { store_mask(apply(V::load(a + i), V::load(b + i)), out + i); },
      [&](int64_t i, int64_t count) HWY_ATTR {
        store_mask_part(apply(V::load_part(a + i, count), V::load_part(b + i, count)), out + i, count);
      });
}
template <class F, class T>
void scalar_block(const T* a, const T* b, T* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    if constexpr (requires { F{}(a[i], b[i]); }) out[i] = static_cast<T>(F{}(a[i], b[i]));
    else out[i] = static_cast<T>(F{}(a[i]));
  }
}

struct LogitOf {
  template <class V>
  V operator()(V x) const {
    return Logit<ScalarOf<V>>{-1}(x);
  }
};
struct SoftplusOf {
  template <class V>
  V operator()(V x) const {
    return Softplus<ScalarOf<V>>{1, 20}(x);
  }
};

struct Trigamma {
  template <class V>
  V operator()(V x) const {
    return Polygamma<ScalarOf<V>>{1}(x);
  }
};
struct Pentagamma {
  template <class V>
  V operator()(V x) const {
    return Polygamma<ScalarOf<V>>{3}(x);
  }
};

void fill_kernels(Kernels* k) {
#define RL_U(F)                        \
  k->f32[#F] = &unary_block<F, float>; \
  k->f64[#F] = &unary_block<F, double>
  RL_U(Sqrt);
  RL_U(Exp);
  RL_U(Exp2);
  RL_U(Expm1);
  RL_U(Log);
  RL_U(Log2);
  RL_U(Log10);
  RL_U(Log1P);
  RL_U(Sin);
  RL_U(Cos);
  RL_U(Tan);
  RL_U(Asin);
  RL_U(Acos);
  RL_U(Atan);
  RL_U(Sinh);
  RL_U(Cosh);
  RL_U(Tanh);
  RL_U(Asinh);
  RL_U(Acosh);
  RL_U(Atanh);
  RL_U(Erf);
  RL_U(Erfc);
  RL_U(Erfinv);
  RL_U(Lgamma);
  RL_U(Digamma);
  RL_U(Trigamma);
  RL_U(Pentagamma);
  RL_U(I0);
  RL_U(I0e);
  RL_U(I1);
  RL_U(I1e);
  RL_U(Erfcx);
  RL_U(Ndtr);
  RL_U(LogNdtr);
  RL_U(Ndtri);
  RL_U(Cube);
  RL_U(InverseSquare);
  RL_U(FrexpMantissa);
  RL_U(FrexpExponent);
  RL_U(Sigmoid);
  RL_U(Floor);
  RL_U(Ceil);
  RL_U(Trunc);
  RL_U(Round);
  RL_U(Rsqrt);
  RL_U(Reciprocal);
  RL_U(LogSigmoid);
  RL_U(Silu);
  RL_U(Gelu);
  RL_U(GeluTanh);
  RL_U(Mish);
  RL_U(LogitOf);
  RL_U(SoftplusOf);
  RL_U(Sign);
  RL_U(Abs);
  RL_U(Neg);
  RL_U(Relu);
  RL_U(Frac);
#define RL_B(F)                         \
  k->f32[#F] = &binary_block<F, float>; \
  k->f64[#F] = &binary_block<F, double>
  RL_B(Pow);
  RL_B(Atan2);
  RL_B(Hypot);
  RL_B(Fmod);
  RL_B(Remainder);
  RL_B(FloorDivide);
  RL_B(Maximum);
  RL_B(Minimum);
  RL_B(Fmax);
  RL_B(Fmin);
  RL_B(Copysign);
  RL_B(Nextafter);
  RL_B(Logaddexp);
  RL_B(Logaddexp2);
  RL_B(Xlogy);
  RL_B(Heaviside);
#define RL_P(F)                            \
  k->p32[#F] = &predicate_block<F, float>; \
  k->p64[#F] = &predicate_block<F, double>
  RL_P(Eq);
  RL_P(Ne);
  RL_P(Lt);
  RL_P(Le);
  RL_P(Gt);
  RL_P(Ge);
  RL_P(LogicalAnd);
  RL_P(LogicalOr);
  RL_P(LogicalXor);
  RL_P(LogicalNot);
  RL_P(Isnan);
  RL_P(Isinf);
  RL_P(Isfinite);
  RL_P(Isposinf);
  RL_P(Isneginf);
  RL_P(Signbit);
#define RL_I(F)                           \
  k->i32[#F] = &scalar_block<F, int32_t>; \
  k->i64[#F] = &scalar_block<F, int64_t>; \
  k->u64[#F] = &scalar_block<F, uint64_t>
  RL_I(Add);
  RL_I(Sub);
  RL_I(Mul);
  RL_I(Neg);
  RL_I(Abs);
  RL_I(Square);
  RL_I(Sign);
  RL_I(TruncDivide);
  RL_I(FloorDivide);
  RL_I(Fmod);
  RL_I(Remainder);
  RL_I(Pow);
  RL_I(LeftShift);
  RL_I(RightShift);
  RL_I(Gcd);
  RL_I(Lcm);
  RL_I(Maximum);
  RL_I(Minimum);
  RL_I(BitwiseAnd);
  RL_I(BitwiseOr);
  RL_I(BitwiseXor);
  RL_I(BitwiseNot);
  RL_I(Eq);
  RL_I(LogicalAnd);
  RL_I(LogicalOr);
  RL_I(LogicalXor);
  RL_I(Relu);
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(fill_kernels);
}
namespace rushlight::math_test {
namespace {

using Exact = long double;
__extension__ typedef __int128 Int128;
__extension__ typedef unsigned __int128 UInt128;

std::vector<std::pair<std::string, Kernels>> all_targets() {
  std::vector<std::pair<std::string, Kernels>> targets;
  const int64_t here = hwy::SupportedTargets() & HWY_TARGETS;
  for (int64_t bit = 1; bit != 0 && bit < (int64_t{1} << 62); bit <<= 1) {
    if (!(here & bit)) continue;
    hwy::SetSupportedTargetsForTest(bit);
    hwy::GetChosenTarget().Update(hwy::SupportedTargets());
    Kernels kernels;
    using namespace math;  // of one target alone, the macro wants a name without its namespace
    HWY_DYNAMIC_DISPATCH(fill_kernels)(&kernels);
    targets.emplace_back(hwy::TargetName(bit), kernels);
  }
  hwy::SetSupportedTargetsForTest(0);
  hwy::GetChosenTarget().Update(hwy::SupportedTargets());
  return targets;
}

template <class T>
using BitsOf = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
template <class T>
T from_bits(BitsOf<T> b) {
  T x;
  std::memcpy(&x, &b, sizeof x);
  return x;
}

template <class T>
std::vector<T> edges() {
  using L = std::numeric_limits<T>;
  std::vector<T> v = {0,
                      L::denorm_min(),
                      3 * L::denorm_min(),
                      L::min() / 2,
                      L::min(),
                      L::epsilon() / 4,
                      L::epsilon(),
                      T(1e-3),
                      T(0.25),
                      T(0.5),
                      1 - L::epsilon() / 2,
                      1,
                      1 + L::epsilon(),
                      T(1.5),
                      2,
                      T(2.5),
                      3,
                      4,
                      10,
                      20,
                      88,
                      89,
                      104,
                      709,
                      710,
                      746,
                      T(1e4),
                      T(1e5),
                      T(3e6),
                      T(1e10),
                      T(1e20),
                      L::max() / 2,
                      L::max(),
                      L::infinity()};
  const size_t n = v.size();
  for (size_t i = 0; i < n; ++i) v.push_back(-v[i]);
  v.push_back(L::quiet_NaN());
  return v;
}

// RUSHLIGHT_MATH_SAMPLES in the environment asks for more than the few that keep the suite quick.
int64_t samples(int64_t usual) {
  const char* asked = std::getenv("RUSHLIGHT_MATH_SAMPLES");
  return asked ? std::atoll(asked) : usual;
}

// Distance in units in the last place of the correctly rounded result; infinity where the kind of value
// differs.
template <class T>
double ulps(T got, Exact want) {
  using L = std::numeric_limits<T>;
  const T rounded = static_cast<T>(want);
  if (std::isnan(got) || std::isnan(want)) return std::isnan(got) == std::isnan(want) ? 0 : INFINITY;
  if (std::isinf(rounded) || std::isinf(got)) {
    if (got == rounded) return 0;
    // One step from the largest number to infinity is a rounding error, not another kind.
    const T limit = L::max();
    return std::abs(got) >= limit && std::abs(rounded) >= limit && std::signbit(got) == std::signbit(rounded)
               ? 1
               : INFINITY;
  }
  if (rounded == 0 && got == 0) return want != 0 || std::signbit(got) == std::signbit(rounded) ? 0 : INFINITY;
  const int exponent = std::max(std::ilogb(rounded == 0 ? L::min() : rounded), L::min_exponent - 1);
  return static_cast<double>(std::fabs(static_cast<Exact>(got) - want) /
                             std::ldexp(Exact(1), exponent - (L::digits - 1)));
}

template <class T>
struct Worst {
  double error = 0;
  T a = 0, b = 0, got = 0;
  Exact want = 0;
};

template <class T>
std::string describe(const Worst<T>& w) {
  char text[200];
  std::snprintf(text, sizeof text, "%.3f ulp at (%.17g, %.17g): got %.17g, want %.20Lg", w.error, double(w.a),
                double(w.b), double(w.got), w.want);
  return text;
}

// `absolute`: an error that is forgiven whatever it is in ulp, for functions with zeros that are not
// representable.
template <class T>
Worst<T> measure(Block<T> kernel, const std::vector<T>& a, const std::vector<T>& b,
                 const std::vector<Exact>& want, double absolute) {
  std::vector<T> out(a.size());
  kernel(a.data(), b.data(), out.data(), static_cast<int64_t>(a.size()));
  Worst<T> worst;
  for (size_t i = 0; i < a.size(); ++i) {
    if (std::fabs(static_cast<Exact>(out[i]) - want[i]) <= absolute) continue;
    const double e = ulps(out[i], want[i]);
    if (e > worst.error || (std::isinf(e) && !std::isinf(worst.error)))
      worst = {e, a[i], b[i], out[i], want[i]};
  }
  return worst;
}

struct Case {
  const char* name;
  Exact (*reference)(Exact, Exact);
  double bound_float, bound_double;  // ulp
  double lo, hi;                     // where the dense sample lies
  double absolute_float = 0, absolute_double = 0;
};
void PrintTo(const Case& c, std::ostream* os) { *os << c.name; }

template <class T>
void check_unary(const Case& c, double bound, double absolute) {
  std::vector<T> a = edges<T>();
  std::mt19937_64 random(1);
  const int64_t n = samples(40000);
  for (int64_t i = 0; i < n; ++i) a.push_back(from_bits<T>(static_cast<BitsOf<T>>(random())));
  for (int64_t i = 0; i < n; ++i) {
    a.push_back(static_cast<T>(c.lo + (c.hi - c.lo) * (static_cast<double>(random() >> 11) * 0x1p-53)));
  }
  std::vector<Exact> want(a.size());
  for (size_t i = 0; i < a.size(); ++i) want[i] = c.reference(a[i], 0);
  for (const auto& [target, kernels] : all_targets()) {
    const auto worst = measure<T>(kernels.template of<T>().at(c.name), a, a, want, absolute);
    std::printf("%-12s %-6s %-7s %s\n", c.name, target.c_str(), sizeof(T) == 4 ? "float" : "double",
                describe(worst).c_str());
    EXPECT_LE(worst.error, bound) << c.name << " on " << target << ": " << describe(worst);
  }
}

// References that libm does not have.
const Exact kPi = 3.14159265358979323846264338327950288L;

Exact digamma_reference(Exact x) {
  if (x == 0) return std::signbit(x) ? INFINITY : -INFINITY;
  if (x < 0) {
    if (std::isinf(x) || x == std::trunc(x)) return NAN;
    const Exact fraction = x - std::round(x);
    return digamma_reference(1 - x) - kPi / std::tan(kPi * fraction);
  }
  if (std::isinf(x)) return x;
  Exact sum = 0;
  for (; x < 40; x += 1) sum -= 1 / x;
  const Exact z = 1 / (x * x);
  return sum + std::log(x) - 0.5L / x -
         z * (1.L / 12 -
              z * (1.L / 120 - z * (1.L / 252 - z * (1.L / 240 - z * (1.L / 132 - z * 691.L / 32760)))));
}
Exact erfinv_reference(Exact x) {
  const Exact a = std::fabs(x);
  if (!(a <= 1)) return NAN;
  if (a == 1) return std::copysign(Exact(INFINITY), x);
  if (a < 1e-9L) return x * std::sqrt(kPi) / 2;
  Exact lo = 0, hi = 10;  // bisection: slow, and cannot be wrong
  for (int i = 0; i < 90; ++i) {
    const Exact mid = (lo + hi) / 2;
    const bool below = a < 0.5L ? std::erf(mid) < a : std::erfc(mid) > 1 - a;
    (below ? lo : hi) = mid;
  }
  return std::copysign((lo + hi) / 2, x);
}
// psi^(n)(x) for odd n from sums of equal signs: the recurrence up to 40, then the derivatives of the
// asymptotic series; for x < 0 and n = 1 the reflection.
Exact polygamma_reference(int n, Exact x) {
  if (std::isnan(x)) return x;
  if (x <= 0) {
    const Exact fraction = x - std::round(x);
    if (fraction == 0) return INFINITY;
    if (std::isinf(x)) return NAN;
    const Exact s = std::sin(kPi * fraction), c = std::cos(kPi * fraction), s2 = s * s;
    const Exact cotangent = n == 1 ? kPi * kPi / s2  // -d^n/dx^n of pi cot(pi x)
                                   : kPi * kPi * kPi * kPi * (4 * c * c + 2) / (s2 * s2);
    return cotangent - polygamma_reference(n, 1 - x);
  }
  if (std::isinf(x)) return n == 1 ? Exact(0) : NAN;
  Exact factorial = 1, sum = 0;
  for (int k = 2; k <= n; ++k) factorial *= k;
  for (; x < 40; x += 1) sum += factorial / std::pow(x, Exact(n + 1));
  const Exact b[] = {1.L / 6, -1.L / 30, 1.L / 42, -1.L / 30, 5.L / 66, -691.L / 2730, 7.L / 6};
  sum += factorial / n / std::pow(x, Exact(n)) + factorial / 2 / std::pow(x, Exact(n + 1));
  for (int j = 1; j <= 7; ++j)
    sum += b[j - 1] * std::tgamma(Exact(2 * j + n)) / std::tgamma(Exact(2 * j + 1)) /
           std::pow(x, Exact(2 * j + n));
  return sum;
}
// exp(-|x|) I_order(x): the power series, and Hankel's beyond 60 (Abramowitz and Stegun 9.6.10 and 9.7.1).
Exact bessel_scaled_reference(int order, Exact x) {
  if (std::isnan(x)) return x;
  const Exact a = std::fabs(x);
  Exact sum = 1, term = 1;
  if (a <= 60) {
    const Exact q = a * a / 4;
    for (int k = 1; term > sum * 1e-22L; ++k) sum += term *= q / (Exact(k) * (k + order));
    sum *= std::exp(-a) * (order == 0 ? 1 : a / 2);
  } else {
    for (int k = 1; k < 40; ++k) {
      const Exact odd = 2 * k - 1;
      term *= (odd * odd - 4 * order * order) / (8 * a * k);
      sum += term;
    }
    sum /= std::sqrt(2 * kPi * a);
  }
  return order == 1 && x < 0 ? -sum : sum;
}
Exact bessel_reference(int order, Exact x) {
  if (std::isinf(x)) return order == 0 ? Exact(INFINITY) : NAN;
  const Exact half = std::exp(std::fabs(x) / 2);
  return half * (half * bessel_scaled_reference(order, x));
}
Exact erfcx_reference(Exact x) {
  if (x < 20) return std::exp(x * x) * std::erfc(x);
  if (std::isinf(x)) return 0;
  Exact tail = x;  // the continued fraction, Abramowitz and Stegun 7.1.14
  for (int k = 60; k > 0; --k) tail = x + k / (2 * tail);
  return std::sqrt(1 / kPi) / tail;
}
Exact log_ndtr_reference(Exact x) {
  const Exact t = x * std::sqrt(Exact(0.5));
  if (x < -1) return std::isinf(x) ? x : std::log(erfcx_reference(-t) / 2) - x * x / 2;
  return std::log1p(-std::erfc(t) / 2);
}
Exact ndtri_reference(Exact p) {
  if (!(p > 0 && p < 1)) return p == 0 ? Exact(-INFINITY) : p == 1 ? Exact(INFINITY) : Exact(NAN);
  const Exact q = std::min(p, 1 - p);
  Exact lo = 0, hi = 40;
  if (p == Exact(0.5)) return 0;
  for (int i = 0; i < 90; ++i) {
    const Exact mid = (lo + hi) / 2;
    // near the middle erfc(mid) / 2 - q would lose the digits that erf keeps
    const bool below = q > 0.25L ? std::erf(mid * std::sqrt(Exact(0.5))) < 1 - 2 * q
                                 : std::erfc(mid * std::sqrt(Exact(0.5))) / 2 > q;
    (below ? lo : hi) = mid;
  }
  return p < Exact(0.5) ? -(lo + hi) / 2 : (lo + hi) / 2;
}
Exact lgamma_reference(Exact x) {
  int sign;
  return ::lgammal_r(x, &sign);
}
Exact sigmoid_reference(Exact x) { return 1 / (1 + std::exp(-x)); }
Exact softplus_reference(Exact x) { return x > 20 ? x : std::log1p(std::exp(x)); }

// name, reference, bound in ulp for float and for double, the dense sample's range, forgiven absolute errors
#define RL_REF(expression) [](Exact x, [[maybe_unused]] Exact y) -> Exact { return expression; }
const Case kUnary[] = {
    {"Sqrt", RL_REF(std::sqrt(x)), 0.5, 0.5, 0, 100},
    {"Rsqrt", RL_REF(1 / std::sqrt(x)), 1.5, 1.5, 0, 100},
    {"Reciprocal", RL_REF(1 / x), 0.5, 0.5, -100, 100},
    {"Exp", RL_REF(std::exp(x)), 1.1, 1.1, -110, 90},
    {"Exp2", RL_REF(std::exp2(x)), 1.5, 1.5, -150, 130},
    {"Expm1", RL_REF(std::expm1(x)), 2, 2, -20, 90},
    {"Log", RL_REF(std::log(x)), 1, 1, 0, 4},
    {"Log2", RL_REF(std::log2(x)), 1, 1, 0, 4},
    {"Log10", RL_REF(std::log10(x)), 1.5, 1.5, 0, 4},
    {"Log1P", RL_REF(std::log1p(x)), 2, 2, -1, 4},
    {"Sin", RL_REF(std::sin(x)), 1, 1, -100, 100},
    {"Cos", RL_REF(std::cos(x)), 1, 1, -100, 100},
    {"Tan", RL_REF(std::tan(x)), 2, 2, -100, 100},
    {"Asin", RL_REF(std::asin(x)), 2, 2, -1, 1},
    {"Acos", RL_REF(std::acos(x)), 2, 2, -1, 1},
    {"Atan", RL_REF(std::atan(x)), 2, 2, -10, 10},
    {"Sinh", RL_REF(std::sinh(x)), 2, 2, -90, 90},
    {"Cosh", RL_REF(std::cosh(x)), 2, 2, -90, 90},
    {"Tanh", RL_REF(std::tanh(x)), 2, 2, -10, 10},
    {"Asinh", RL_REF(std::asinh(x)), 1, 3, -10, 10},
    {"Acosh", RL_REF(std::acosh(x)), 1, 3, 1, 10},
    {"Atanh", RL_REF(std::atanh(x)), 1, 3, -1, 1},
    {"Erf", RL_REF(std::erf(x)), 2, 2, -5, 5},
    {"Erfc", RL_REF(std::erfc(x)), 1, 4, -5, 12},
    {"Erfinv", RL_REF(erfinv_reference(x)), 2, 4, -1, 1},
    {"Lgamma", RL_REF(lgamma_reference(x)), 1, 7, -10, 20},
    {"Digamma", RL_REF(digamma_reference(x)), 2, 4, -10, 20, 0, 1e-14},
    {"Trigamma", RL_REF(polygamma_reference(1, x)), 1, 6, -10, 20},
    {"I0", RL_REF(bessel_reference(0, x)), 1, 7.5, -90, 90},  // rounding x^2 alone is worth 3 ulp at 12
    {"I0e", RL_REF(bessel_scaled_reference(0, x)), 1, 9.5, -30, 30},
    {"I1", RL_REF(bessel_reference(1, x)), 1, 8, -90, 90},
    {"I1e", RL_REF(bessel_scaled_reference(1, x)), 1, 8, -30, 30},
    {"Erfcx", RL_REF(erfcx_reference(x)), 1, 5, -10, 40},
    {"Ndtr", RL_REF(std::erfc(-x* std::sqrt(Exact(0.5))) / 2), 1, 7, -40, 10},
    {"LogNdtr", RL_REF(log_ndtr_reference(x)), 1, 7, -40, 10},
    {"Ndtri", RL_REF(ndtri_reference(x)), 1, 5, 0, 1},
    {"Sigmoid", RL_REF(sigmoid_reference(x)), 2.4, 2.4, -110, 40},
    {"LogSigmoid", RL_REF(x > 0 ? -std::log1p(std::exp(-x)) : x - std::log1p(std::exp(x))), 3, 3, -50, 110},
    {"Silu", RL_REF(std::isinf(x) && x < 0 ? Exact(NAN) : x * sigmoid_reference(x)), 3.4, 3.4, -110, 40,
     1e-43, 4e-321},
    {"Gelu", RL_REF(std::isinf(x) && x < 0 ? Exact(NAN) : x * std::erfc(-x / std::sqrt(Exact(2))) / 2), 4, 4,
     -6, 6, 2e-7, 4e-16},
    {"SoftplusOf", RL_REF(softplus_reference(x)), 3, 3, -50, 30},
    {"LogitOf", RL_REF(std::log(x / (1 - x))), 4, 4, 0, 1, 2e-7, 2e-16},
    {"Mish", RL_REF(std::isinf(x) && x < 0 ? Exact(NAN) : x * std::tanh(std::log1p(std::exp(x)))), 5, 5, -50,
     30, 1e-43, 4e-321},
    {"Floor", RL_REF(std::floor(x)), 0, 0, -5, 5},
    {"Ceil", RL_REF(std::ceil(x)), 0, 0, -5, 5},
    {"Trunc", RL_REF(std::trunc(x)), 0, 0, -5, 5},
    {"Round", RL_REF(std::rint(x)), 0, 0, -5, 5},
    {"Abs", RL_REF(std::fabs(x)), 0, 0, -5, 5},
    {"Neg", RL_REF(-x), 0, 0, -5, 5},
    {"Sign",
     RL_REF(x > 0   ? 1
            : x < 0 ? -1
                    : 0),
     0, 0, -5, 5},
    {"Relu", RL_REF(x < 0 ? 0 : x), 0, 0, -5, 5},
    {"Frac",
     RL_REF(std::isinf(x) ? Exact(NAN)
            : x == 0      ? Exact(0)
                          : x - std::trunc(x)),
     0, 0, -5, 5},
};

class Unary : public testing::TestWithParam<Case> {};
TEST_P(Unary, FloatWithinBound) {
  check_unary<float>(GetParam(), GetParam().bound_float, GetParam().absolute_float);
}
TEST_P(Unary, DoubleWithinBound) {
  check_unary<double>(GetParam(), GetParam().bound_double, GetParam().absolute_double);
}
INSTANTIATE_TEST_SUITE_P(Math, Unary, testing::ValuesIn(kUnary),
                         [](const auto& i) { return std::string(i.param.name); });

// Below zero the third derivative is one sum, term by term, so only positive arguments are drawn.
TEST(MathPolygamma, ThirdDerivative) {
  std::vector<double> x = {1e-300, 1e-20,    1e-3, 0.5, 1,    2,    9.5, 1e3,
                           1e50,   INFINITY, NAN,  0,   -0.0, -1.5, -2,  -9.25};
  std::mt19937_64 random(4);
  for (int i = 0; i < 20000; ++i) x.push_back(static_cast<double>(random() >> 11) * 0x1p-49);
  std::vector<float> narrow(x.begin(), x.end());
  std::vector<Exact> want(x.size()), want_narrow(x.size());
  for (size_t i = 0; i < x.size(); ++i) {
    want[i] = polygamma_reference(3, x[i]);
    want_narrow[i] = polygamma_reference(3, narrow[i]);
  }
  for (const auto& [target, kernels] : all_targets()) {
    const auto worst = measure<double>(kernels.f64.at("Pentagamma"), x, x, want, 0);
    EXPECT_LE(worst.error, 12) << target << ": " << describe(worst);
    const auto worst_narrow = measure<float>(kernels.f32.at("Pentagamma"), narrow, narrow, want_narrow, 0);
    EXPECT_LE(worst_narrow.error, 1) << target << ": " << describe(worst_narrow);
  }
}

// Pairs: every edge with every edge, bit patterns, and a dense square.
template <class T>
void sample_pairs(double lo, double hi, std::vector<T>* a, std::vector<T>* b) {
  for (T x : edges<T>()) {
    for (T y : edges<T>()) a->push_back(x), b->push_back(y);
  }
  std::mt19937_64 random(2);
  const auto uniform = [&] {
    return static_cast<T>(lo + (hi - lo) * (static_cast<double>(random() >> 11) * 0x1p-53));
  };
  const int64_t n = samples(40000);
  for (int64_t i = 0; i < n; ++i) {
    a->push_back(i % 2 ? uniform() : from_bits<T>(static_cast<BitsOf<T>>(random())));
    b->push_back(i % 4 ? uniform() : from_bits<T>(static_cast<BitsOf<T>>(random())));
  }
  for (int64_t i = 0; i < n / 4;
       ++i) {  // small whole numbers, where the special cases of pow and remainder live
    a->push_back(static_cast<T>(static_cast<int64_t>(random() % 41) - 20));
    b->push_back(static_cast<T>(static_cast<int64_t>(random() % 41) - 20));
  }
}

template <class T>
void check_binary(const Case& c, double bound, double absolute) {
  std::vector<T> a, b;
  sample_pairs<T>(c.lo, c.hi, &a, &b);
  std::vector<Exact> want(a.size());
  for (size_t i = 0; i < a.size(); ++i) want[i] = c.reference(a[i], b[i]);
  for (const auto& [target, kernels] : all_targets()) {
    const auto worst = measure<T>(kernels.template of<T>().at(c.name), a, b, want, absolute);
    std::printf("%-12s %-6s %-7s %s\n", c.name, target.c_str(), sizeof(T) == 4 ? "float" : "double",
                describe(worst).c_str());
    EXPECT_LE(worst.error, bound) << c.name << " on " << target << ": " << describe(worst);
  }
}

Exact logaddexp_reference(Exact x, Exact y) {
  if (x == y && std::isinf(x)) return x;
  return std::isnan(x) || std::isnan(y) ? NAN : std::max(x, y) + std::log1p(std::exp(-std::fabs(x - y)));
}
Exact logaddexp2_reference(Exact x, Exact y) {
  if (x == y && std::isinf(x)) return x;
  return std::isnan(x) || std::isnan(y)
             ? NAN
             : std::max(x, y) + std::log1p(std::exp2(-std::fabs(x - y))) / std::log(Exact(2));
}

const Case kBinary[] = {
    {"Pow", RL_REF(std::pow(x, y)), 1, 2, 0, 30},
    {"Atan2", RL_REF(std::atan2(x, y)), 1, 2.5, -10, 10},
    {"Hypot", RL_REF(std::hypot(x, y)), 1, 2, -10, 10},
    {"Logaddexp", RL_REF(logaddexp_reference(x, y)), 2, 2, -30, 30, 2e-7, 4e-16},
    {"Logaddexp2", RL_REF(logaddexp2_reference(x, y)), 2, 2, -30, 30, 2e-7, 4e-16},
    {"Xlogy",
     RL_REF(std::isnan(y) ? y
            : x == 0      ? Exact(0)
                          : x * std::log(y)),
     2, 2, -10, 10},
};
class Binary : public testing::TestWithParam<Case> {};
TEST_P(Binary, FloatWithinBound) {
  check_binary<float>(GetParam(), GetParam().bound_float, GetParam().absolute_float);
}
TEST_P(Binary, DoubleWithinBound) {
  check_binary<double>(GetParam(), GetParam().bound_double, GetParam().absolute_double);
}
INSTANTIATE_TEST_SUITE_P(Math, Binary, testing::ValuesIn(kBinary),
                         [](const auto& i) { return std::string(i.param.name); });

template <class T>
bool same(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && std::isnan(b);
    if (a == 0 && b == 0) return std::signbit(a) == std::signbit(b);
  }
  return a == b;
}

// Formulas whose result is a representable number: no error is allowed.
template <class T, class Reference>
void check_exact(const char* name, Reference reference) {
  std::vector<T> a, b;
  if constexpr (std::is_floating_point_v<T>) {
    sample_pairs<T>(-10, 10, &a, &b);
  } else {
    using L = std::numeric_limits<T>;
    const T special[] = {0,
                         1,
                         2,
                         3,
                         5,
                         31,
                         32,
                         33,
                         63,
                         64,
                         65,
                         1000,
                         L::max(),
                         L::max() / 2,
                         L::min(),
                         static_cast<T>(L::min() + 1),
                         static_cast<T>(-1),
                         static_cast<T>(-2),
                         static_cast<T>(-3),
                         static_cast<T>(-31)};
    for (T x : special) {
      for (T y : special) a.push_back(x), b.push_back(y);
    }
    std::mt19937_64 random(3);
    for (int i = 0; i < 20000; ++i) {
      a.push_back(static_cast<T>(static_cast<int64_t>(random()) >> (random() % 64)));
      b.push_back(static_cast<T>(static_cast<int64_t>(random()) >> (random() % 64)));
    }
  }
  for (const auto& [target, kernels] : all_targets()) {
    std::vector<T> out(a.size());
    kernels.template of<T>().at(name)(a.data(), b.data(), out.data(), static_cast<int64_t>(a.size()));
    for (size_t i = 0; i < a.size(); ++i) {
      const T want = reference(a[i], b[i]);
      ASSERT_TRUE(same(out[i], want)) << name << " on " << target << " of " << +a[i] << ", " << +b[i]
                                      << ": got " << +out[i] << ", want " << +want;
    }
  }
}
template <class Reference>
void check_exact_floats(const char* name, Reference reference) {
  check_exact<float>(name, reference);
  check_exact<double>(name, reference);
}
template <class Reference>
void check_exact_integers(const char* name, Reference reference) {
  check_exact<int32_t>(name, reference);
  check_exact<int64_t>(name, reference);
  check_exact<uint64_t>(name, reference);
}

template <class T>
T frexp_exponent(T x) {
  int exponent = 0;
  std::frexp(x, &exponent);
  return std::isfinite(x) ? static_cast<T>(exponent) : T(0);
}
template <class T>
T python_mod(T a, T b) {
  const T r = std::fmod(a, b);
  return r != 0 && (b < 0) != (r < 0) ? r + b : r;
}
template <class T>
T python_floor_divide(T a, T b) {
  if (b == 0) return a / b;
  const T r = std::fmod(a, b);
  T q = (a - r) / b;
  if (r != 0 && (b < 0) != (r < 0)) q -= 1;
  if (q == 0) return std::copysign(T(0), a / b);
  const T down = std::floor(q);
  return q - down > T(0.5) ? down + 1 : down;
}

TEST(MathExact, Floats) {
  check_exact_floats("Fmod", [](auto a, auto b) { return std::fmod(a, b); });
  check_exact_floats("Remainder", [](auto a, auto b) { return python_mod(a, b); });
  check_exact_floats("FloorDivide", [](auto a, auto b) { return python_floor_divide(a, b); });
  check_exact_floats("Fmax", [](auto a, auto b) { return std::isnan(a) || b > a ? b : a; });
  check_exact_floats("Fmin", [](auto a, auto b) { return std::isnan(a) || b < a ? b : a; });
  check_exact_floats("Maximum", [](auto a, auto b) { return std::isnan(a) || a >= b ? a : b; });
  check_exact_floats("Minimum", [](auto a, auto b) { return std::isnan(a) || a <= b ? a : b; });
  check_exact_floats("Copysign", [](auto a, auto b) { return std::copysign(a, b); });
  check_exact_floats("Nextafter", [](auto a, auto b) { return std::nextafter(a, b); });
  check_exact_floats("Cube", [](auto a, auto) { return a * a * a; });
  check_exact_floats("InverseSquare", [](auto a, auto) { return 1 / (a * a); });
  check_exact_floats("FrexpMantissa", [](auto a, auto) {
    int exponent;
    return std::frexp(a, &exponent);
  });
  check_exact_floats("FrexpExponent", [](auto a, auto) { return frexp_exponent(a); });
  check_exact_floats("Heaviside", [](auto a, auto b) {
    return a == 0 ? b : a > 0 ? decltype(a)(1) : decltype(a)(0);
  });
}

// Integers against 128 bits, reduced to the type at the end.
template <class T>
T narrow(Int128 x) {
  return static_cast<T>(static_cast<uint64_t>(static_cast<UInt128>(x)));
}
TEST(MathExact, IntegersWrapAndNeverTrap) {
  check_exact_integers("Add", [](auto a, auto b) { return narrow<decltype(a)>(Int128(a) + b); });
  check_exact_integers("Sub", [](auto a, auto b) { return narrow<decltype(a)>(Int128(a) - b); });
  check_exact_integers("Mul", [](auto a, auto b) {
    return narrow<decltype(a)>(
        static_cast<Int128>(static_cast<UInt128>(Int128(a)) * static_cast<UInt128>(Int128(b))));
  });
  check_exact_integers("Neg", [](auto a, auto) { return narrow<decltype(a)>(-Int128(a)); });
  check_exact_integers("Abs",
                       [](auto a, auto) { return narrow<decltype(a)>(a < 0 ? -Int128(a) : Int128(a)); });
  check_exact_integers("Sign", [](auto a, auto) { return narrow<decltype(a)>((a > 0) - (a < 0)); });
  check_exact_integers("Relu", [](auto a, auto) { return a > 0 ? a : decltype(a)(0); });
  check_exact_integers(
      "TruncDivide", [](auto a, auto b) { return narrow<decltype(a)>(b == 0 ? Int128(0) : Int128(a) / b); });
  check_exact_integers(
      "Fmod", [](auto a, auto b) { return narrow<decltype(a)>(b == 0 ? Int128(0) : Int128(a) % b); });
  check_exact_integers("FloorDivide", [](auto a, auto b) {
    if (b == 0) return decltype(a)(0);
    const Int128 q = Int128(a) / b, r = Int128(a) % b;
    return narrow<decltype(a)>(r != 0 && (r < 0) != (b < 0) ? q - 1 : q);
  });
  check_exact_integers("Remainder", [](auto a, auto b) {
    if (b == 0) return decltype(a)(0);
    const Int128 r = Int128(a) % b;
    return narrow<decltype(a)>(r != 0 && (r < 0) != (b < 0) ? r + b : r);
  });
  check_exact_integers("LeftShift", [](auto a, auto b) {
    const int width = static_cast<int>(sizeof a * 8);
    return b < 0 || Int128(b) >= width
               ? decltype(a)(0)
               : narrow<decltype(a)>(static_cast<Int128>(static_cast<UInt128>(Int128(a)) << int(b)));
  });
  check_exact_integers("RightShift", [](auto a, auto b) {
    const int width = static_cast<int>(sizeof a * 8);
    return narrow<decltype(a)>(Int128(a) >> (b < 0 || Int128(b) >= width ? 127 : int(b)));
  });
  check_exact_integers("BitwiseAnd", [](auto a, auto b) { return static_cast<decltype(a)>(a & b); });
  check_exact_integers("BitwiseOr", [](auto a, auto b) { return static_cast<decltype(a)>(a | b); });
  check_exact_integers("BitwiseXor", [](auto a, auto b) { return static_cast<decltype(a)>(a ^ b); });
  check_exact_integers("BitwiseNot", [](auto a, auto) { return static_cast<decltype(a)>(~a); });
  check_exact_integers("LogicalAnd",
                       [](auto a, auto b) { return static_cast<decltype(a)>(a != 0 && b != 0); });
  check_exact_integers("LogicalXor",
                       [](auto a, auto b) { return static_cast<decltype(a)>((a != 0) != (b != 0)); });
}
TEST(MathExact, IntegerPowersAndDivisors) {
  check_exact_integers("Pow", [](auto a, auto b) {
    using T = decltype(a);
    if (b < 0) return a == 1 ? T(1) : a == static_cast<T>(-1) ? (b & 1 ? a : T(1)) : T(0);
    uint64_t result = 1, base = static_cast<uint64_t>(a);
    for (uint64_t e = static_cast<uint64_t>(b); e != 0; e >>= 1, base *= base) {
      if (e & 1) result *= base;
    }
    return static_cast<T>(result);
  });
  const auto euclid = [](Int128 a, Int128 b) {
    a = a < 0 ? -a : a, b = b < 0 ? -b : b;
    while (b != 0) {
      const Int128 r = a % b;
      a = b, b = r;
    }
    return a;
  };
  check_exact_integers("Gcd", [&](auto a, auto b) { return narrow<decltype(a)>(euclid(a, b)); });
}

template <class T>
void check_predicates() {
  std::vector<T> a, b;
  sample_pairs<T>(-2, 2, &a, &b);
  a.resize(a.size() / 8 * 8 - 3), b.resize(a.size());  // an odd tail
  const std::map<std::string, bool (*)(T, T)> references = {
      {"Eq", [](T x, T y) { return x == y; }},
      {"Ne", [](T x, T y) { return x != y; }},
      {"Lt", [](T x, T y) { return x < y; }},
      {"Le", [](T x, T y) { return x <= y; }},
      {"Gt", [](T x, T y) { return x > y; }},
      {"Ge", [](T x, T y) { return x >= y; }},
      {"LogicalAnd", [](T x, T y) { return x != 0 && y != 0; }},
      {"LogicalOr", [](T x, T y) { return x != 0 || y != 0; }},
      {"LogicalXor", [](T x, T y) { return (x != 0) != (y != 0); }},
      {"LogicalNot", [](T x, T) { return x == 0; }},
      {"Isnan", [](T x, T) { return std::isnan(x); }},
      {"Isinf", [](T x, T) { return std::isinf(x); }},
      {"Isfinite", [](T x, T) { return std::isfinite(x); }},
      {"Isposinf", [](T x, T) { return std::isinf(x) && x > 0; }},
      {"Isneginf", [](T x, T) { return std::isinf(x) && x < 0; }},
      {"Signbit", [](T x, T) { return std::signbit(x); }},
  };
  for (const auto& [target, kernels] : all_targets()) {
    const std::map<std::string, Predicate<T>>* table;
    if constexpr (sizeof(T) == 4) table = &kernels.p32;
    else table = &kernels.p64;
    ASSERT_EQ(table->size(), references.size());
    for (const auto& [name, kernel] : *table) {
      std::vector<uint8_t> out(a.size() + 1, 7);
      kernel(a.data(), b.data(), reinterpret_cast<bool*>(out.data()), static_cast<int64_t>(a.size()));
      EXPECT_EQ(out.back(), 7) << name << " wrote beyond its block";
      for (size_t i = 0; i < a.size(); ++i) {
        ASSERT_EQ(out[i], references.at(name)(a[i], b[i]) ? 1 : 0)
            << name << " on " << target << " of " << a[i] << ", " << b[i];
      }
    }
  }
}
TEST(MathPredicates, Float) { check_predicates<float>(); }
TEST(MathPredicates, Double) { check_predicates<double>(); }

// A vector's neighbours must not change a lane: libm takes over for single lanes with huge arguments.
TEST(MathLanes, OneHugeLaneLeavesTheOthersAlone) {
  for (const auto& [target, kernels] : all_targets()) {
    for (const char* name : {"Sin", "Cos", "Tan", "Exp", "Pow", "Fmod"}) {
      std::vector<float> a(16), b(16, 1.75f), alone(16), together(16);
      for (int i = 0; i < 16; ++i) a[i] = 0.3f * static_cast<float>(i) - 2;
      kernels.f32.at(name)(a.data(), b.data(), alone.data(), 16);
      for (float huge : {1e30f, INFINITY, NAN}) {
        a[5] = huge;
        kernels.f32.at(name)(a.data(), b.data(), together.data(), 16);
        for (int i = 0; i < 16; ++i) {
          EXPECT_TRUE(i == 5 || same(alone[i], together[i])) << name << " on " << target << ", lane " << i;
        }
      }
    }
  }
}

}  // namespace
}  // namespace rushlight::math_test
#endif

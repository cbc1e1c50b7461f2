// What normalisation does to a row. Sums are vectors by hand; the other loops are plain, for the compiler.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/norm_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "rushlight/kernels/cpu/norm_kernels.h"
#include "rushlight/kernels/cpu/reduce-inl.h"

RL_MATH_BEGIN

using cpu::NormKernels;
using cpu::NormTable;
using cpu::Sums;

inline constexpr int64_t kNormBlock = 1024;  // elements that are summed in T before they join the double
inline constexpr int kSums = 4;              // vectors of them, so that no addition waits for the one before

template <class T>
RL_INLINE double total(const Simd<T>* sums) {
  return static_cast<double>(across<T>((sums[0] + sums[1]) + (sums[2] + sums[3]), Plus()));
}

// The sum of term(at) over [0, n), where at(p) is a vector of what p points to, or a single element.
template <class T, class F>
RL_INLINE double sum_terms(int64_t n, F term) {
  using V = Simd<T>;
  double out = 0;
  for (int64_t i = 0; i < n;) {
    const int64_t end = std::min(n, i + kNormBlock);
    V sums[kSums] = {V(T(0)), V(T(0)), V(T(0)), V(T(0))};
    const auto add = [&](int k, int64_t at) HWY_ATTR {
      sums[k] = sums[k] + term([at](const T* p) HWY_ATTR { return V::load(p + at); });
    };
    for (; i + kSums * V::kLanes <= end; i += kSums * V::kLanes)
      for (int k = 0; k < kSums; ++k) add(k, i + k * V::kLanes);
    for (; i + V::kLanes <= end; i += V::kLanes) add(0, i);
    out += total(sums);
    for (; i < end; ++i) out += static_cast<double>(term([i](const T* p) HWY_ATTR { return p[i]; }));
  }
  return out;
}

// The sums of g(at) and of g(at) * d(at).
template <class T, class G, class D>
RL_INLINE Sums sum_products(int64_t n, G g, D d) {
  using V = Simd<T>;
  Sums out{0, 0};
  for (int64_t i = 0; i < n;) {
    const int64_t end = std::min(n, i + kNormBlock);
    V plain[kSums] = {V(T(0)), V(T(0)), V(T(0)), V(T(0))},
      product[kSums] = {plain[0], plain[0], plain[0], plain[0]};
    const auto add = [&](int k, int64_t at) HWY_ATTR {
      const auto load = [at](const T* p) HWY_ATTR { return V::load(p + at); };
      const V v = g(load);
      plain[k] = plain[k] + v;
      product[k] = product[k] + v * d(load);
    };
    for (; i + kSums * V::kLanes <= end; i += kSums * V::kLanes)
      for (int k = 0; k < kSums; ++k) add(k, i + k * V::kLanes);
    for (; i + V::kLanes <= end; i += V::kLanes) add(0, i);
    out.first += total(plain);
    out.second += total(product);
    for (; i < end; ++i) {
      const auto load = [i](const T* p) HWY_ATTR { return p[i]; };
      const T v = g(load);
      out.first += static_cast<double>(v);
      out.second += static_cast<double>(v * d(load));
    }
  }
  return out;
}

// What differs from the mean, as a vector or a number.
template <class T>
auto difference(const T* x, T mean) {
  return [x, mean](auto at) HWY_ATTR {
    const auto v = at(x);
    return v - decltype(at(x))(mean);
  };
}

template <class T>
double sum(const T* x, int64_t n) {
  return sum_terms<T>(n, [x](auto at) HWY_ATTR { return at(x); });
}
template <class T>
double squares(const T* x, int64_t n, T mean) {
  return sum_terms<T>(n, [x, mean](auto at) HWY_ATTR {
    const auto d = difference(x, mean)(at);
    return d * d;
  });
}
template <class T>
Sums products(const T* g, const T* x, int64_t n, T mean) {
  return sum_products<T>(
      n, [g](auto at) HWY_ATTR { return at(g); }, difference(x, mean));
}
template <class T>
Sums weighted(const T* g, const T* x, const T* w, int64_t n, T mean) {
  return sum_products<T>(
      n, [g, w](auto at) HWY_ATTR { return at(g) * at(w); }, difference(x, mean));
}
template <class T>
void affine(const T* HWY_RESTRICT x, int64_t n, T a, T b, T* HWY_RESTRICT y) {
  for (int64_t i = 0; i < n; ++i) y[i] = x[i] * a + b;
}
template <class T>
void affine_row(const T* HWY_RESTRICT x, int64_t n, T a, T b, const T* HWY_RESTRICT w,
                const T* HWY_RESTRICT v, T* HWY_RESTRICT y) {
  if (w && v)
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] * a + b) * w[i] + v[i];
  else if (w)
    for (int64_t i = 0; i < n; ++i) y[i] = (x[i] * a + b) * w[i];
  else if (v)
    for (int64_t i = 0; i < n; ++i) y[i] = x[i] * a + b + v[i];
  else affine(x, n, a, b, y);
}
template <class T>
void combine(const T* HWY_RESTRICT g, const T* HWY_RESTRICT x, int64_t n, T a, T b, T c,
             T* HWY_RESTRICT out) {
  for (int64_t i = 0; i < n; ++i) out[i] = g[i] * a + (x[i] * b + c);
}
template <class T>
void combine_row(const T* HWY_RESTRICT g, const T* HWY_RESTRICT x, const T* HWY_RESTRICT w, int64_t n, T a,
                 T b, T c, T* HWY_RESTRICT out) {
  for (int64_t i = 0; i < n; ++i) out[i] = g[i] * w[i] * a + (x[i] * b + c);
}
template <class T>
void collect(const T* HWY_RESTRICT g, const T* HWY_RESTRICT x, int64_t n, T mean, T rstd, T* HWY_RESTRICT dw,
             T* HWY_RESTRICT db) {
  for (int64_t i = 0; i < n; ++i) {
    dw[i] += g[i] * ((x[i] - mean) * rstd);
    db[i] += g[i];
  }
}

template <class T>
constexpr NormKernels<T> kNormKernels{sum<T>,        squares<T>, products<T>,    weighted<T>, affine<T>,
                                      affine_row<T>, combine<T>, combine_row<T>, collect<T>};

const NormTable* norm_table_of_target() {
  static constexpr NormTable kTable{kNormKernels<float>, kNormKernels<double>};
  return &kTable;
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(norm_table_of_target);
}
namespace rushlight::cpu {
const NormTable& norm_table() {
  using namespace math;
  return *HWY_DYNAMIC_DISPATCH(norm_table_of_target)();
}
}  // namespace rushlight::cpu
#endif

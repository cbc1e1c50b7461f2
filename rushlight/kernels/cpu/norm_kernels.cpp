// The loops are plain: written over a fixed number of lanes where they sum, so that the compiler may use
// vectors.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/norm_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "rushlight/kernels/cpu/norm_kernels.h"
#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

using cpu::NormKernels;
using cpu::NormTable;
using cpu::Sums;

inline constexpr int64_t kLanes = 32;
inline constexpr int64_t kNormBlock = 1024;  // elements that are summed in T before they join the double

// Halves are added until one number is left: a chain of five additions, not of thirty-two.
template <class T>
RL_INLINE double total(const T* lanes) {
  double sum[kLanes / 2];
  for (int64_t j = 0; j < kLanes / 2; ++j)
    sum[j] = static_cast<double>(lanes[j]) + static_cast<double>(lanes[j + kLanes / 2]);
  for (int64_t half = kLanes / 4; half > 0; half /= 2)
    for (int64_t j = 0; j < half; ++j) sum[j] += sum[j + half];
  return sum[0];
}

// The sum of term(i) over [0, n). Lanes begin with elements, since zeros would be written by a slow string
// instruction; fewer than kLanes elements are summed in double.
template <class T, class F>
RL_INLINE double sum_terms(int64_t n, F term) {
  double out = 0;
  for (int64_t first = 0; first < n; first += kNormBlock) {
    const int64_t end = std::min(n, first + kNormBlock);
    int64_t i = first;
    if (end - first >= kLanes) {
      T lanes[kLanes];
      for (int64_t j = 0; j < kLanes; ++j) lanes[j] = term(i + j);
      for (i += kLanes; i + kLanes <= end; i += kLanes)
        for (int64_t j = 0; j < kLanes; ++j) lanes[j] += term(i + j);
      out += total(lanes);
    }
    for (; i < end; ++i) out += static_cast<double>(term(i));
  }
  return out;
}

// The sums of g(i) and of g(i) * d(i).
template <class T, class G, class D>
RL_INLINE Sums sum_products(int64_t n, G g, D d) {
  Sums out{0, 0};
  for (int64_t first = 0; first < n; first += kNormBlock) {
    const int64_t end = std::min(n, first + kNormBlock);
    int64_t i = first;
    if (end - first >= kLanes) {
      T plain[kLanes], product[kLanes];
      for (int64_t j = 0; j < kLanes; ++j) {
        plain[j] = g(i + j);
        product[j] = plain[j] * d(i + j);
      }
      for (i += kLanes; i + kLanes <= end; i += kLanes) {
        for (int64_t j = 0; j < kLanes; ++j) {
          const T v = g(i + j);
          plain[j] += v;
          product[j] += v * d(i + j);
        }
      }
      out.first += total(plain);
      out.second += total(product);
    }
    for (; i < end; ++i) {
      out.first += static_cast<double>(g(i));
      out.second += static_cast<double>(g(i) * d(i));
    }
  }
  return out;
}

template <class T>
double sum(const T* x, int64_t n) {
  return sum_terms<T>(n, [x](int64_t i) HWY_ATTR { return x[i]; });
}
template <class T>
double squares(const T* x, int64_t n, T mean) {
  return sum_terms<T>(n, [x, mean](int64_t i) HWY_ATTR { return (x[i] - mean) * (x[i] - mean); });
}
template <class T>
Sums products(const T* g, const T* x, int64_t n, T mean) {
  return sum_products<T>(
      n, [g](int64_t i) HWY_ATTR { return g[i]; }, [x, mean](int64_t i) HWY_ATTR { return x[i] - mean; });
}
template <class T>
Sums weighted(const T* g, const T* x, const T* w, int64_t n, T mean) {
  return sum_products<T>(
      n, [g, w](int64_t i) HWY_ATTR { return g[i] * w[i]; },
      [x, mean](int64_t i) HWY_ATTR { return x[i] - mean; });
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

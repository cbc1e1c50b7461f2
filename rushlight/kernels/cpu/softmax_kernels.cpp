// Softmax of one row, and of a few columns side by side.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/softmax_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/reduce-inl.h"
#include "rushlight/kernels/cpu/softmax_kernels.h"
#include "rushlight/kernels/cpu/vectors-inl.h"

RL_MATH_BEGIN

using cpu::Softmax;
using cpu::SoftmaxKernel;

// The sum over [0, n) of the vectors f(load, store), in blocks of float that are added up in double. Lanes
// beyond n must be masked by f through `count`, the number of lanes that count.
template <class T, class F>
RL_INLINE double sum_vectors(int64_t n, F f) {
  using V = Simd<T>;
  double total = 0;
  HWY_ALIGN T lanes[V::kLanes];
  for (int64_t first = 0; first < n; first += kPart) {
    const int64_t end = std::min(n, first + kPart);
    V sum[2] = {V(T(0)), V(T(0))};
    int64_t i = first;
    for (; i + 2 * V::kLanes <= end; i += 2 * V::kLanes) {
      sum[0] = sum[0] + f(i, V::kLanes);
      sum[1] = sum[1] + f(i + V::kLanes, V::kLanes);
    }
    for (; i + V::kLanes <= end; i += V::kLanes) sum[0] = sum[0] + f(i, V::kLanes);
    if (i < end) {
      f(i, end - i).store(lanes);
      for (int64_t k = 0; k < end - i; ++k) total += static_cast<double>(lanes[k]);
    }
    total += static_cast<double>(across<T>(sum[0] + sum[1], Plus()));
  }
  return total;
}
template <class T>
RL_INLINE Simd<T> load_count(const T* p, int64_t count) {
  return count == Simd<T>::kLanes ? Simd<T>::load(p) : Simd<T>::load_part(p, count);
}
template <class T>
RL_INLINE void store_count(Simd<T> v, T* p, int64_t count) {
  if (count == Simd<T>::kLanes) v.store(p);
  else v.store_part(p, count);
}

template <class T>
T largest(const T* in, int64_t size) {
  T top = -std::numeric_limits<T>::infinity();
  for (int64_t i = 0; i < size; i += kPart)
    top = Larger()(top, Monoid<T, T, Itself, Larger>::part(in + i, std::min(kPart, size - i)));
  return top;
}

template <class T>
double exponentials(const void* source, int64_t size, void* target) {
  using V = Simd<T>;
  const T* in = static_cast<const T*>(source);
  T* out = static_cast<T*>(target);
  const V shift(largest(in, size));
  return 1 / sum_vectors<T>(size, [&](int64_t i, int64_t count) HWY_ATTR {
           const V e = exp(load_count(in + i, count) - shift);
           store_count(e, out + i, count);
           return e;
         });
}

template <class T>
void row(Softmax kind, const void* source, int64_t size, void* target) {
  using V = Simd<T>;
  const T* in = static_cast<const T*>(source);
  T* out = static_cast<T*>(target);
  if (kind == Softmax::Plain) {
    const V scale(static_cast<T>(exponentials<T>(in, size, out)));
    each_vector<T>(size, [&](auto load, auto store) HWY_ATTR { store(load(out) * scale, out); });
    return;
  }
  T top = largest(in, size);
  if (kind == Softmax::LogSumExp && isinf(top)) top = 0;
  const V shift(top);
  const double sum = sum_vectors<T>(
      size, [&](int64_t i, int64_t count) HWY_ATTR { return exp(load_count(in + i, count) - shift); });
  const T log_sum = static_cast<T>(std::log(sum));
  if (kind == Softmax::LogSumExp) {
    *out = log_sum + top;
    return;
  }
  const V second(log_sum);
  each_vector<T>(size, [&](auto load, auto store) HWY_ATTR { store(load(in) - shift - second, out); });
}

template <class T>
void columns(Softmax kind, const void* source, int64_t in_stride, int64_t size, int64_t width, void* target,
             int64_t out_stride) {
  using V = Simd<T>;
  const T* in = static_cast<const T*>(source);
  T* out = static_cast<T*>(target);
  HWY_ALIGN T top[cpu::kSoftmaxColumns], sum[cpu::kSoftmaxColumns];
  std::fill_n(top, width, -std::numeric_limits<T>::infinity());
  std::fill_n(sum, width, T(0));
  for (int64_t r = 0; r < size; ++r) {
    const T* x = in + r * in_stride;
    each_vector<T>(width, [&](auto load, auto store) HWY_ATTR { store(Larger()(load(top), load(x)), top); });
  }
  if (kind == Softmax::LogSumExp)
    for (int64_t j = 0; j < width; ++j) top[j] = isinf(top[j]) ? T(0) : top[j];
  double total[cpu::kSoftmaxColumns] = {};
  for (int64_t first = 0; first < size; first += 2 * kRows) {
    std::fill_n(sum, width, T(0));
    for (int64_t r = first; r < std::min(size, first + 2 * kRows); ++r) {
      const T* x = in + r * in_stride;
      T* y = out + r * out_stride;
      each_vector<T>(width, [&](auto load, auto store) HWY_ATTR {
        const V e = exp(load(x) - load(top));
        if (kind == Softmax::Plain) store(e, y);
        store(load(sum) + e, sum);
      });
    }
    for (int64_t j = 0; j < width; ++j) total[j] += static_cast<double>(sum[j]);
  }
  for (int64_t j = 0; j < width; ++j)
    sum[j] = static_cast<T>(kind == Softmax::Plain ? 1 / total[j] : std::log(total[j]));
  if (kind == Softmax::LogSumExp) {
    for (int64_t j = 0; j < width; ++j) out[j] = top[j] + sum[j];
    return;
  }
  for (int64_t r = 0; r < size; ++r) {
    const T* x = in + r * in_stride;
    T* y = out + r * out_stride;
    each_vector<T>(width, [&](auto load, auto store) HWY_ATTR {
      store(kind == Softmax::Plain ? load(y) * load(sum) : load(x) - load(top) - load(sum), y);
    });
  }
}

template <class T>
RL_INLINE Simd<T> backward_element(Softmax kind, Simd<T> g, Simd<T> y, Simd<T> sum) {
  return kind == Softmax::Plain ? (g - sum) * y : g - exp(y) * sum;
}

template <class T>
void row_backward(Softmax kind, const void* grad, const void* result, int64_t size, void* target) {
  using V = Simd<T>;
  const T *g = static_cast<const T*>(grad), *y = static_cast<const T*>(result);
  T* out = static_cast<T*>(target);
  const double total = sum_vectors<T>(size, [&](int64_t i, int64_t count) HWY_ATTR {
    const V v = load_count(g + i, count);
    return kind == Softmax::Plain ? v * load_count(y + i, count) : v;
  });
  const V sum(static_cast<T>(total));
  each_vector<T>(size, [&](auto load, auto store)
                           HWY_ATTR { store(backward_element(kind, load(g), load(y), sum), out); });
}

template <class T>
void columns_backward(Softmax kind, const void* grad, const void* result, int64_t stride, int64_t size,
                      int64_t width, void* target) {
  const T *g = static_cast<const T*>(grad), *y = static_cast<const T*>(result);
  T* out = static_cast<T*>(target);
  HWY_ALIGN T sum[cpu::kSoftmaxColumns];
  double total[cpu::kSoftmaxColumns] = {};
  for (int64_t first = 0; first < size; first += 2 * kRows) {
    std::fill_n(sum, width, T(0));
    for (int64_t r = first; r < std::min(size, first + 2 * kRows); ++r) {
      each_vector<T>(width, [&](auto load, auto store) HWY_ATTR {
        const auto v = load(g + r * stride);
        store(load(sum) + (kind == Softmax::Plain ? v * load(y + r * stride) : v), sum);
      });
    }
    for (int64_t j = 0; j < width; ++j) total[j] += static_cast<double>(sum[j]);
  }
  for (int64_t j = 0; j < width; ++j) sum[j] = static_cast<T>(total[j]);
  for (int64_t r = 0; r < size; ++r) {
    each_vector<T>(width, [&](auto load, auto store) HWY_ATTR {
      store(backward_element(kind, load(g + r * stride), load(y + r * stride), load(sum)), out + r * stride);
    });
  }
}

const SoftmaxKernel* softmax_table(bool is_double) {
  static constexpr SoftmaxKernel kFloat{row<float>, exponentials<float>, columns<float>, row_backward<float>,
                                        columns_backward<float>};
  static constexpr SoftmaxKernel kDouble{row<double>, exponentials<double>, columns<double>,
                                         row_backward<double>, columns_backward<double>};
  return is_double ? &kDouble : &kFloat;
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(softmax_table);
}
namespace rushlight::cpu {
const SoftmaxKernel& softmax_kernel(bool is_double) {
  using namespace math;
  return *HWY_DYNAMIC_DISPATCH(softmax_table)(is_double);
}
}  // namespace rushlight::cpu
#endif

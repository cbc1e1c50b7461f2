// What normalisation does with one contiguous run of elements, compiled for each target.
#pragma once

#include <cstdint>

namespace rushlight::cpu {

struct Sums {
  double first, second;
};

template <class T>
struct NormKernels {
  double (*sum)(const T* x, int64_t n);
  double (*squares)(const T* x, int64_t n, T mean);                         // sum of (x - mean)^2
  Sums (*products)(const T* g, const T* x, int64_t n, T mean);              // sums of g and g (x - mean)
  Sums (*weighted)(const T* g, const T* x, const T* w, int64_t n, T mean);  // sums of g w and g w (x - mean)
  void (*affine)(const T* x, int64_t n, T a, T b, T* y);                    // y = a x + b
  void (*affine_row)(const T* x, int64_t n, T a, T b, const T* w, const T* v, T* y);  // y = (a x + b) w + v
  void (*combine)(const T* g, const T* x, int64_t n, T a, T b, T c, T* out);          // a g + b x + c
  void (*combine_row)(const T* g, const T* x, const T* w, int64_t n, T a, T b, T c,
                      T* out);  // a g w + b x + c
  void (*collect)(const T* g, const T* x, int64_t n, T mean, T rstd, T* dw,
                  T* db);  // dw += g (x - mean) rstd, db += g
};

struct NormTable {
  NormKernels<float> of_float;
  NormKernels<double> of_double;

  template <class T>
  const NormKernels<T>& of() const {
    if constexpr (sizeof(T) == 4) return of_float;
    else return of_double;
  }
};

const NormTable& norm_table();

}  // namespace rushlight::cpu

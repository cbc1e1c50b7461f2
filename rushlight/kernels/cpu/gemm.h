// Matrix multiplication on raw pointers: one packed core for every dtype, layout and caller.
//
// The blocking is that of GotoBLAS (K. Goto and R. van de Geijn, "Anatomy of high-performance matrix
// multiplication", ACM TOMS 34, 2008) with the macro-kernel of BLIS (F. Van Zee and R. van de Geijn, ACM TOMS
// 41, 2015).
#pragma once

#include <complex>
#include <cstdint>
#include <type_traits>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/float16.h"

namespace rushlight::cpu {

// Element (i, j) is data[i * row_stride + j * col_stride], strides in elements. A transpose swaps the
// strides; inputs may have zero or negative strides.
template <class T>
struct Matrix {
  T* data;
  int64_t row_stride, col_stride;

  Matrix transposed() const { return {data, col_stride, row_stride}; }
  Matrix at(int64_t i, int64_t j) const {
    return {data + i * row_stride + j * col_stride, row_stride, col_stride};
  }
};

// The 16-bit floating types accumulate in float, and take alpha and beta in it.
template <class T>
using Accumulator = std::conditional_t<std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>, float, T>;

enum class BiasAxis : uint8_t { PerColumn, PerRow };
enum class Activation : uint8_t { None, Relu };

// What happens to the product before it is stored: c = activation(alpha * a @ b + beta * c + bias).
template <class T>
struct Epilogue {
  Accumulator<T> alpha = Accumulator<T>(1);
  Accumulator<T> beta = Accumulator<T>(0);  // 0 ignores what c holds, NaN included
  const T* bias = nullptr;                  // contiguous: n values (PerColumn) or m values (PerRow)
  BiasAxis bias_axis = BiasAxis::PerColumn;
  Activation activation = Activation::None;  // ignored by the complex types
};

// c (m x n) = epilogue(a (m x k) @ b (k x n)). c overlaps neither a nor b, and no two of its elements
// coincide. T is float, double, Half, BFloat16, an integer of 8 to 64 bits (wraps) or std::complex<float /
// double>. k = 0 leaves the epilogue of zero; m or n = 0 does nothing. Each element sums over k in an order
// that depends on the sizes and strides alone, so results do not depend on the number of threads.
template <class T>
void gemm(int64_t m, int64_t n, int64_t k, Matrix<const std::type_identity_t<T>> a,
          Matrix<const std::type_identity_t<T>> b, Matrix<T> c,
          const Epilogue<std::type_identity_t<T>>& epilogue = {});

// gemm for `batch` triples; consecutive matrices are the batch strides apart (0 shares an input). Every
// product gets the same epilogue.
template <class T>
void batched_gemm(int64_t batch, int64_t m, int64_t n, int64_t k,                   //
                  Matrix<const std::type_identity_t<T>> a, int64_t a_batch_stride,  //
                  Matrix<const std::type_identity_t<T>> b, int64_t b_batch_stride,  //
                  Matrix<T> c, int64_t c_batch_stride,
                  const Epilogue<std::type_identity_t<T>>& epilogue = {});

// y (m) = epilogue(a (m x k) @ x (k)); the bias is PerRow (m values). gemm takes this road when m or n is 1.
template <class T>
void gemv(int64_t m, int64_t k, Matrix<const std::type_identity_t<T>> a, const std::type_identity_t<T>* x,
          int64_t x_stride, T* y, int64_t y_stride, const Epilogue<std::type_identity_t<T>>& epilogue = {});

}  // namespace rushlight::cpu

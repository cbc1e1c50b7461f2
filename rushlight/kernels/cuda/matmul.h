// Matrix products on the GPU. A plain tiled kernel: the reference for, and the fallback of, cuBLASLt.
#pragma once

#include <cstdint>

namespace rushlight::cuda {

// Element (i, j) is data[i * row_stride + j * col_stride].
template <class T>
struct Matrix {
  T* data;
  int64_t row_stride, col_stride;
};

// c (m x n) = a (m x k) @ b (k x n). T is float or double.
template <class T>
void matmul(int64_t m, int64_t n, int64_t k, Matrix<const T> a, Matrix<const T> b, Matrix<T> c, void* stream);

}  // namespace rushlight::cuda

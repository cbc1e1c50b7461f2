#include "rushlight/kernels/cuda/matmul.h"

namespace rushlight::cuda {
namespace {

constexpr int kTile = 32;

// Each block makes one tile of c; tiles of a and b pass through shared memory (CUDA C++ Programming Guide,
// "Shared memory").
template <class T>
__global__ void matmul_kernel(int64_t m, int64_t n, int64_t k, Matrix<const T> a, Matrix<const T> b,
                              Matrix<T> c) {
  __shared__ T a_tile[kTile][kTile + 1];
  __shared__ T b_tile[kTile][kTile + 1];
  const int64_t row = int64_t{blockIdx.y} * kTile + threadIdx.y,
                column = int64_t{blockIdx.x} * kTile + threadIdx.x;
  T total = 0;
  for (int64_t first = 0; first < k; first += kTile) {
    const int64_t a_column = first + threadIdx.x, b_row = first + threadIdx.y;
    a_tile[threadIdx.y][threadIdx.x] =
        row < m && a_column < k ? a.data[row * a.row_stride + a_column * a.col_stride] : T(0);
    b_tile[threadIdx.y][threadIdx.x] =
        b_row < k && column < n ? b.data[b_row * b.row_stride + column * b.col_stride] : T(0);
    __syncthreads();
    for (int i = 0; i < kTile; ++i) total += a_tile[threadIdx.y][i] * b_tile[i][threadIdx.x];
    __syncthreads();
  }
  if (row < m && column < n) c.data[row * c.row_stride + column * c.col_stride] = total;
}

}  // namespace

template <class T>
void matmul(int64_t m, int64_t n, int64_t k, Matrix<const T> a, Matrix<const T> b, Matrix<T> c,
            void* stream) {
  if (m == 0 || n == 0) return;
  const dim3 blocks(static_cast<unsigned>((n + kTile - 1) / kTile),
                    static_cast<unsigned>((m + kTile - 1) / kTile));
  matmul_kernel<<<blocks, dim3(kTile, kTile), 0, static_cast<cudaStream_t>(stream)>>>(m, n, k, a, b, c);
}

template void matmul(int64_t, int64_t, int64_t, Matrix<const float>, Matrix<const float>, Matrix<float>,
                     void*);
template void matmul(int64_t, int64_t, int64_t, Matrix<const double>, Matrix<const double>, Matrix<double>,
                     void*);

}  // namespace rushlight::cuda

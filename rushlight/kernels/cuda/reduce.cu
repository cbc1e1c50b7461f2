#include "rushlight/kernels/cuda/reduce.h"

#include "rushlight/kernels/math/formulas-inl.h"

namespace rushlight::cuda {
namespace {

constexpr int kThreads = 256;

using math::N_CUDA::Add;

// One block a row: each thread adds every kThreads-th element, then the partial sums are halved in shared
// memory.
template <class T>
__global__ void sum_rows_kernel(const T* in, T* out, int64_t columns) {
  __shared__ T partial[kThreads];
  const T* row = in + int64_t{blockIdx.x} * columns;
  const Add add;
  T total = 0;
  for (int64_t i = threadIdx.x; i < columns; i += kThreads) total = add(total, row[i]);
  partial[threadIdx.x] = total;
  __syncthreads();
  for (int half = kThreads / 2; half > 0; half /= 2) {
    if (threadIdx.x < half) partial[threadIdx.x] = add(partial[threadIdx.x], partial[threadIdx.x + half]);
    __syncthreads();
  }
  if (threadIdx.x == 0) out[blockIdx.x] = partial[0];
}

}  // namespace

template <class T>
void sum_rows(const T* in, T* out, int64_t rows, int64_t columns, void* stream) {
  constexpr int64_t kMaxBlocks = 1 << 30;
  for (int64_t first = 0; first < rows; first += kMaxBlocks) {
    const unsigned blocks = static_cast<unsigned>(rows - first < kMaxBlocks ? rows - first : kMaxBlocks);
    sum_rows_kernel<<<blocks, kThreads, 0, static_cast<cudaStream_t>(stream)>>>(in + first * columns,
                                                                                out + first, columns);
  }
}

template void sum_rows(const float*, float*, int64_t, int64_t, void*);
template void sum_rows(const double*, double*, int64_t, int64_t, void*);

}  // namespace rushlight::cuda

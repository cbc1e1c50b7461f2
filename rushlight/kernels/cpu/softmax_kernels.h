// Softmax of dense blocks of float or double. A block is `size` rows of `width` columns, `stride` elements
// apart; the softmax runs down each column. A single contiguous row is width 1 and stride 1.
#pragma once

#include "rushlight/kernels/cpu/convert.h"
#include "rushlight/kernels/cpu/softmax.h"

namespace rushlight::cpu {

struct SoftmaxKernel {
  // LogSumExp writes one row of `width` results. in == out is allowed.
  void (*row)(Softmax kind, const void* in, int64_t size, void* out) = nullptr;
  // out = exp(in - the largest of in); returns the factor that turns a row of them into its softmax.
  double (*exponentials)(const void* in, int64_t size, void* out) = nullptr;
  void (*columns)(Softmax kind, const void* in, int64_t in_stride, int64_t size, int64_t width, void* out,
                  int64_t out_stride) = nullptr;
  void (*row_backward)(Softmax kind, const void* g, const void* y, int64_t size, void* out) = nullptr;
  void (*columns_backward)(Softmax kind, const void* g, const void* y, int64_t stride, int64_t size,
                           int64_t width, void* out) = nullptr;
};

inline constexpr int64_t kSoftmaxColumns = 128;  // the largest width

const SoftmaxKernel& softmax_kernel(bool is_double);

}  // namespace rushlight::cpu

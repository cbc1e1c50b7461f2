#include "rushlight/kernels/cpu/loss.h"

#include <algorithm>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/pointwise.h"

namespace rushlight::cpu {

bool check_classes(const int64_t* target, int64_t n, int64_t classes, int64_t ignore, int64_t* safe,
                   int64_t* ignored, int64_t* bad) {
  *ignored = 0;
  for (int64_t i = 0; i < n; ++i) {
    const int64_t t = target[i];
    if (t == ignore) {
      ++*ignored;
      safe[i] = 0;
      continue;
    }
    if (t < 0 || t >= classes) {
      *bad = t;
      return false;
    }
    safe[i] = t;
  }
  return true;
}

template <class T>
void cross_entropy_backward(const T* log_probabilities, const int64_t* target, const T* factor, T* out,
                            int64_t rows, int64_t classes, int64_t inner) {
  const BlockKernel exponentials =
      pointwise_kernel(Formula::Exp, sizeof(T) == 4 ? Compute::Float : Compute::Double);
  const int64_t grain = std::max<int64_t>(1, 16384 / std::max<int64_t>(1, classes * inner));
  parallel_for(0, rows, grain, [&](int64_t begin, int64_t end) {
    for (int64_t r = begin; r < end; ++r) {
      const void* in[] = {log_probabilities + r * classes * inner};
      T* row = out + r * classes * inner;
      exponentials(in, row, classes * inner, {});
      const T* f = factor + r * inner;
      const int64_t* t = target + r * inner;
      for (int64_t i = 0; i < inner; ++i) row[t[i] * inner + i] -= 1;
      for (int64_t c = 0; c < classes; ++c) {
        for (int64_t i = 0; i < inner; ++i) row[c * inner + i] *= f[i];
      }
    }
  });
}

template void cross_entropy_backward(const float*, const int64_t*, const float*, float*, int64_t, int64_t,
                                     int64_t);
template void cross_entropy_backward(const double*, const int64_t*, const double*, double*, int64_t, int64_t,
                                     int64_t);

}  // namespace rushlight::cpu

// Kernels of losses over classes. Tensors are contiguous: (rows, classes, inner), and (rows, inner) for what
// has no classes.
#pragma once

#include <cstdint>

namespace rushlight::cpu {

// Checks class indices: those equal to `ignore` are counted and replaced by 0 in `safe`. Returns the first
// index outside [0, classes) in `bad`, and false then.
bool check_classes(const int64_t* target, int64_t n, int64_t classes, int64_t ignore, int64_t* safe,
                   int64_t* ignored, int64_t* bad);

// The gradient of cross entropy: out = (exp(log_probabilities) - one_hot(target)) * factor. T: float or
// double.
template <class T>
void cross_entropy_backward(const T* log_probabilities, const int64_t* target, const T* factor, T* out,
                            int64_t rows, int64_t classes, int64_t inner);

}  // namespace rushlight::cpu

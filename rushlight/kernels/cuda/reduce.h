// Sums on the GPU.
#pragma once

#include <cstdint>

namespace rushlight::cuda {

// out[r] = sum of row r of a dense (rows, columns) matrix. The order of the additions depends on the sizes
// alone, so results repeat. T is float or double.
template <class T>
void sum_rows(const T* in, T* out, int64_t rows, int64_t columns, void* stream);

}  // namespace rushlight::cuda

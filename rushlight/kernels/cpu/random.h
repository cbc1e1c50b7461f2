// Random fills on the CPU. For the same state of the generator every function writes PyTorch's values
// (integers, uniforms and masks to the bit; normals within 4 units in the last place) and leaves the
// generator where PyTorch leaves it. Measured against 2.13 on its path without MKL's streams, which it takes
// on other processors than Intel's.
//
// `out` is contiguous, of `n` >= 0 elements of `dtype`. Each call holds the generator's lock. Arguments were
// checked by kernels/math/random_arguments.h; a dtype without the operation throws PyTorch's
// NotImplementedError.
//
// Non-contiguous outputs: PyTorch visits elements in its iterator's order, which is memory order for positive
// strides (dimensions sorted by the output's stride, smallest innermost; ties and zero strides keep their
// order, last dimension innermost), whatever the logical order. A caller draws `n` values into a buffer and
// scatters them in that order. The one function whose values depend on contiguity is `normal`.
//
// Complex outputs of `uniform` and `normal` are their real views: twice the elements; for `normal`, std /
// sqrt(2).
#pragma once

#include <cstdint>

#include "rushlight/core/dtype.h"
#include "rushlight/core/generator.h"

namespace rushlight::cpu {

// Uniform on [from, to). Floating dtypes; one 32-bit draw an element, for float64 one of 64 bits.
void uniform(DType dtype, void* out, int64_t n, double from, double to, Generator& generator);

// Floating dtypes. 16 and more contiguous elements take Box and Muller's transform in blocks of 16, in the
// dtype (in float for the 16-bit ones); if 16 does not divide n, the last 16 are drawn anew. Fewer elements,
// and non-contiguous outputs (`contiguous` = false: `out` is then the caller's buffer), take
// Generator::next_normal.
void normal(DType dtype, void* out, int64_t n, double mean, double std, Generator& generator,
            bool contiguous = true);

// 1 with probability p, else 0. One 64-bit draw an element.
void bernoulli(DType dtype, void* out, int64_t n, double p, Generator& generator);
// The same with a probability for each element; `p` is floating. One 32-bit draw an element, for float64 `p`
// one of 64 bits. Throws RuntimeError at the first p outside [0, 1], with what stands before it drawn and
// written.
void bernoulli_each(DType dtype, void* out, int64_t n, DType p_dtype, const void* p, Generator& generator);
// What dropout multiplies by: 0 with probability p, else 1 / (1 - p) in the dtype. Draws as bernoulli(1 - p).
void dropout_mask(DType dtype, void* out, int64_t n, double p, Generator& generator);

// Integers on [base, base + range), range >= 1. A 32-bit draw an element if range < 2^28, else one of 64
// bits; modulo.
void random_range(DType dtype, void* out, int64_t n, uint64_t range, int64_t base, Generator& generator);
// All of int64 (range 2^64). int64, float64, float32 and bfloat16.
void random_full_range(DType dtype, void* out, int64_t n, Generator& generator);
// Tensor.random_() without bounds: [0, maximum] for integers, [0, 2^digits] for floating dtypes.
void random_default(DType dtype, void* out, int64_t n, Generator& generator);
// A permutation of 0 .. n - 1.
void randperm(DType dtype, void* out, int64_t n, Generator& generator);

// One 64-bit draw an element, computed in double.
void exponential(DType dtype, void* out, int64_t n, double lambda, Generator& generator);
void cauchy(DType dtype, void* out, int64_t n, double median, double sigma, Generator& generator);
void geometric(DType dtype, void* out, int64_t n, double p, Generator& generator);  // integers too
// exp of next_normal() * std + mean.
void log_normal(DType dtype, void* out, int64_t n, double mean, double std, Generator& generator);

// `samples` categories for each of `rows` rows of weights, contiguous [rows, categories], floating; `out` is
// [rows, samples]. Throws RuntimeError for weights that are negative or not finite, or of sum 0.
void multinomial(DType dtype, const void* weights, int64_t rows, int64_t categories, int64_t samples,
                 bool replacement, int64_t* out, Generator& generator);

// Element by element, any number of draws each. Rates: floating. Counts and probabilities: float32 or
// float64.
void poisson(DType dtype, const void* rate, void* out, int64_t n, Generator& generator);
void binomial(DType dtype, const void* count, const void* probability, void* out, int64_t n,
              Generator& generator);

}  // namespace rushlight::cpu

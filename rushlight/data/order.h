// Random orders of samples, with the draws of PyTorch's samplers.
#pragma once

#include <cstdint>
#include <vector>

#include "rushlight/core/generator.h"

namespace rushlight::data {

// What a sampler or loader draws from the default generator to seed one of its own: 63 bits.
int64_t draw_seed(Generator& generator);

// 0 .. n - 1 in random order.
std::vector<int64_t> permutation(int64_t n, Generator& generator);

// The order of one pass over a shuffled dataset: one seed from `generator`, whatever the size.
std::vector<int64_t> shuffled_order(int64_t n, Generator& generator);

}  // namespace rushlight::data

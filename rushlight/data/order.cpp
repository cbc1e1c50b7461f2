#include "rushlight/data/order.h"

#include "rushlight/kernels/cpu/random.h"

namespace rushlight::data {

int64_t draw_seed(Generator& generator) {
  int64_t seed;
  cpu::random_default(DType::Int64, &seed, 1, generator);
  return seed;
}

std::vector<int64_t> permutation(int64_t n, Generator& generator) {
  std::vector<int64_t> order(static_cast<size_t>(n));
  cpu::randperm(DType::Int64, order.data(), n, generator);
  return order;
}

std::vector<int64_t> shuffled_order(int64_t n, Generator& generator) {
  Generator own(static_cast<uint64_t>(draw_seed(generator)));
  return permutation(n, own);
}

}  // namespace rushlight::data

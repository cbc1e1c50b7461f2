#include "rushlight/kernels/cpu/count.h"

#include <algorithm>
#include <memory>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/count.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

namespace hn = hwy::HWY_NAMESPACE;

// Vectors by hand: of the plain loop the compiler makes ten times the instructions.
cpu::IntegerRange range_of_part(const int64_t* x, int64_t n) {
  cpu::IntegerRange range{x[0], x[0]};
  int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
  const hn::ScalableTag<int64_t> d;
  constexpr int64_t kLanes = HWY_LANES(int64_t), kVectors = 4;
  if (n >= kVectors * kLanes) {
    hn::Vec<decltype(d)> low[kVectors], high[kVectors];
    for (int64_t k = 0; k < kVectors; ++k) low[k] = high[k] = hn::LoadU(d, x + k * kLanes);
    for (i = kVectors * kLanes; i + kVectors * kLanes <= n; i += kVectors * kLanes) {
      for (int64_t k = 0; k < kVectors; ++k) {
        const auto v = hn::LoadU(d, x + i + k * kLanes);
        low[k] = hn::Min(v, low[k]);
        high[k] = hn::Max(v, high[k]);
      }
    }
    const auto least = hn::Min(hn::Min(low[0], low[1]), hn::Min(low[2], low[3])),
               greatest = hn::Max(hn::Max(high[0], high[1]), hn::Max(high[2], high[3]));
    HWY_ALIGN int64_t ends[2 * kLanes];
    hn::Store(least, d, ends);
    hn::Store(greatest, d, ends + kLanes);
    range = {*std::min_element(ends, ends + kLanes), *std::max_element(ends + kLanes, ends + 2 * kLanes)};
  }
#endif
  for (; i < n; ++i) range = {std::min(range.low, x[i]), std::max(range.high, x[i])};
  return range;
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(range_of_part);
}
namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 64 * 1024;  // elements
constexpr int64_t kTables = 4;
constexpr int64_t kSmallTable = 1024;  // bins: four tables of these take a quarter of the first-level cache

// One table. Where an integer follows itself, its counter is read right after it was written, which takes
// several times as long as an addition.
void count_plainly(const int64_t* x, int64_t n, int64_t low, int64_t* counts) {
  for (int64_t i = 0; i < n; ++i) ++counts[x[i] - low];
}

// Neighbours go to different tables of 32 bits, so that none waits for the one before it; n is below 2^32.
void count_in_tables(const int64_t* x, int64_t n, int64_t low, int64_t bins, int64_t* counts) {
  uint32_t tables[kTables][kSmallTable];
  for (auto& table : tables) std::fill_n(table, bins, 0);
  int64_t i = 0;
  for (; i + kTables <= n; i += kTables)
    for (int64_t t = 0; t < kTables; ++t) ++tables[t][x[i + t] - low];
  for (; i < n; ++i) ++tables[0][x[i] - low];
  for (int64_t b = 0; b < bins; ++b)
    for (int64_t t = 0; t < kTables; ++t) counts[b] += tables[t][b];
}

void count_part(const int64_t* x, int64_t n, int64_t low, int64_t bins, int64_t* counts) {
  if (bins <= kSmallTable && bins < n / kTables) count_in_tables(x, n, low, bins, counts);
  else count_plainly(x, n, low, counts);
}

}  // namespace

int64_t IntegerRange::size() const {
  int64_t size;
  return __builtin_sub_overflow(high, low, &size) || size == INT64_MAX ? INT64_MAX : size + 1;
}

IntegerRange range_of(const int64_t* x, int64_t n) {
  using namespace math;
  const auto range = HWY_DYNAMIC_DISPATCH(range_of_part);
  const auto parts = std::make_unique_for_overwrite<IntegerRange[]>(ceil_div(n, kGrain));
  parallel_for(0, n, kGrain,
               [&](int64_t begin, int64_t end) { parts[begin / kGrain] = range(x + begin, end - begin); });
  IntegerRange all = parts[0];
  for (int64_t p = 1; p < ceil_div(n, kGrain); ++p)
    all = {std::min(all.low, parts[p].low), std::max(all.high, parts[p].high)};
  return all;
}

void count_integers(const int64_t* x, int64_t n, int64_t low, int64_t bins, int64_t* counts) {
  // Each part has bins of its own; they should be few beside its elements, and all parts' few beside all.
  const int64_t part = std::clamp<int64_t>(n / 16, 4 * kGrain, UINT32_MAX);
  if (n <= part) return count_part(x, n, low, bins, counts);
  if (bins > part / 8) return count_plainly(x, n, low, counts);
  const int64_t parts = ceil_div(n, part);
  const auto apart = std::make_unique<int64_t[]>(parts * bins);
  parallel_for(0, n, part, [&](int64_t begin, int64_t end) {
    count_part(x + begin, end - begin, low, bins, apart.get() + begin / part * bins);
  });
  for (int64_t p = 0; p < parts; ++p)
    for (int64_t b = 0; b < bins; ++b) counts[b] += apart[p * bins + b];
}

}  // namespace rushlight::cpu
#endif

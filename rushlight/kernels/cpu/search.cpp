#include "rushlight/kernels/cpu/search.h"

#include <algorithm>
#include <bit>
#include <vector>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/count.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 4096;  // values
constexpr int64_t kAtOnce = 8;

// A binary search for each of kCount values, step by step beside each other: while one waits for memory the
// others go on. Arithmetic, since a branch would be guessed wrong every other time. They look where PyTorch
// looks (aten/src/ATen/native/Bucketization.cpp): rows that are not in order give the same places.
template <bool kRight, bool kSorter, int64_t kCount, class T>
void search_few(const T* sorted, const int64_t* sorter, int64_t n, const T* values, int64_t* places) {
  int64_t low[kCount] = {}, length[kCount];
  std::fill_n(length, kCount, n);
  for (int step = std::bit_width(static_cast<uint64_t>(n)); step > 0; --step) {
    for (int64_t k = 0; k < kCount; ++k) {
      const int64_t half = length[k] >> 1, at = low[k] + half;
      const int64_t seen = at - int64_t{at == n};  // which is of a search that is over
      const T x = sorted[kSorter ? sorter[seen] : seen];
      const int64_t after = int64_t{length[k] > 0} & int64_t{kRight ? !(x > values[k]) : !(x >= values[k])};
      low[k] += (half + 1) & -after;
      length[k] = half - (after & ~length[k]);  // what lies behind `at` is one less if the length is even
    }
  }
  std::copy_n(low, kCount, places);
}

template <bool kRight, bool kSorter, class T>
void search_row(const T* sorted, const int64_t* sorter, int64_t n, const T* values, int64_t count,
                int64_t* places) {
  int64_t i = 0;
  for (; i + kAtOnce <= count; i += kAtOnce)
    search_few<kRight, kSorter, kAtOnce>(sorted, sorter, n, values + i, places + i);
  for (; i < count; ++i) search_few<kRight, kSorter, 1>(sorted, sorter, n, values + i, places + i);
}

}  // namespace

void search_rows(const SearchRows& job, int64_t* places) {
  visit_compute(job.type, [&]<class T>() {
    if constexpr (std::is_arithmetic_v<T>) {
      const auto search = job.sorter ? (job.right ? search_row<true, true, T> : search_row<false, true, T>)
                                     : (job.right ? search_row<true, false, T> : search_row<false, false, T>);
      parallel_for(0, job.count, kGrain, [&](int64_t begin, int64_t end) {
        for (int64_t i = begin, stop; i < end; i = stop) {
          const int64_t row = i / job.each, start = row * job.n;
          stop = std::min(end, (row + 1) * job.each);
          search(static_cast<const T*>(job.sorted) + start, job.sorter ? job.sorter + start : nullptr, job.n,
                 static_cast<const T*>(job.values) + i, stop - i, places + i);
        }
      });
    }
  });
}

bool find_in_table(const int64_t* tests, int64_t num_tests, const int64_t* values, int64_t n, bool* out) {
  const IntegerRange range = range_of(tests, num_tests);
  if (range.size() > (num_tests + n) * 4 + 1024) return false;
  // Unsigned: no difference overflows, and what lies below the least is far beyond the last place, which says
  // "not among them".
  const auto low = static_cast<uint64_t>(range.low), last = static_cast<uint64_t>(range.size());
  std::vector<uint8_t> table(last + 1);
  for (int64_t i = 0; i < num_tests; ++i) table[static_cast<uint64_t>(tests[i]) - low] = 1;
  parallel_for(0, n, kGrain, [&](int64_t begin, int64_t end) {
    for (int64_t i = begin; i < end; ++i)
      out[i] = table[std::min(static_cast<uint64_t>(values[i]) - low, last)] != 0;
  });
  return true;
}

}  // namespace rushlight::cpu

#include "rushlight/kernels/cpu/scan.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <memory>
#include <type_traits>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/scan_kernels.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kColumns = 256;      // accumulators side by side
constexpr int64_t kGrain = 16 * 1024;  // elements
constexpr int64_t kChunk = 64 * 1024;  // elements; longer rows are scanned in parts

template <class T>
inline constexpr bool kComplex = std::is_same_v<T, complex64> || std::is_same_v<T, complex128>;

template <class T>
using Wide = std::conditional_t<std::is_same_v<T, float>, double,
                                std::conditional_t<std::is_same_v<T, complex64>, complex128, T>>;

template <class T>
constexpr Compute kComputeOf = compute_of(dtype_of<T>);

struct Plus {
  static constexpr Scan kScan = Scan::Sum;
  template <class A>
  static A identity() {
    return A(0);
  }
  template <class A>
  A operator()(A a, A b) const {
    if constexpr (std::is_integral_v<A>)
      return static_cast<A>(static_cast<std::make_unsigned_t<A>>(a) +
                            static_cast<std::make_unsigned_t<A>>(b));
    else return a + b;
  }
};
struct Times {
  static constexpr Scan kScan = Scan::Prod;
  template <class A>
  static A identity() {
    return A(1);
  }
  template <class A>
  A operator()(A a, A b) const {
    if constexpr (std::is_integral_v<A>)
      return static_cast<A>(static_cast<std::make_unsigned_t<A>>(a) *
                            static_cast<std::make_unsigned_t<A>>(b));
    else return a * b;
  }
};
struct LogAddExp {
  static constexpr Scan kScan = Scan::LogSumExp;
  template <class A>
  static A identity() {
    return A(-std::numeric_limits<double>::infinity());
  }
  template <class A>
  A operator()(A a, A b) const {
    if constexpr (kComplex<A>) {
      if (a.real() < b.real()) std::swap(a, b);
      if (std::isinf(a.real()) && a.real() < 0) return a;
      return a + std::log(A(1) + std::exp(b - a));
    } else {
      const A high = a > b || a != a ? a : b, low = a > b || a != a ? b : a;
      if (std::isinf(high) && high == low) return high;
      return high + std::log1p(std::exp(low - high));
    }
  }
};

// Elements first, first + step, ... of one column.
template <class T, class A, class Op>
A scan_run(const T* in, T* out, int64_t n, int64_t step, A total) {
  for (int64_t i = 0; i < n; ++i, in += step, out += step) {
    total = Op()(total, static_cast<A>(*in));
    *out = static_cast<T>(total);
  }
  return total;
}
// Four rows, `stride` apart, at a time: each is a chain of dependent steps, and four of them fill the
// pipeline.
constexpr int64_t kAtOnce = 4;
template <class T, class A, class Op>
void scan_four(const T* in, T* out, int64_t n, int64_t step, int64_t stride) {
  A total[kAtOnce];
  std::fill_n(total, kAtOnce, Op::template identity<A>());
  for (int64_t i = 0; i < n; ++i, in += step, out += step) {
    for (int64_t r = 0; r < kAtOnce; ++r) {
      total[r] = Op()(total[r], static_cast<A>(in[r * stride]));
      out[r * stride] = static_cast<T>(total[r]);
    }
  }
}
template <class T, class A, class Op>
void scan_rows(const T* in, T* out, int64_t rows, int64_t n, int64_t step) {
  int64_t r = 0;
  if constexpr (!kComplex<T>) {
    if (const ScanRows vectors = step == 1 ? scan_rows_function(Op::kScan, kComputeOf<T>) : nullptr)
      for (; r + kScanRows <= rows; r += kScanRows) vectors(in + r * n, out + r * n, n, n);
  }
  for (; r + kAtOnce <= rows; r += kAtOnce) scan_four<T, A, Op>(in + r * n, out + r * n, n, step, n);
  for (; r < rows; ++r) scan_run<T, A, Op>(in + r * n, out + r * n, n, step, Op::template identity<A>());
}
template <class T, class A, class Op>
A total_of(const T* in, int64_t n, int64_t step) {
  A total = Op::template identity<A>();
  for (int64_t i = 0; i < n; ++i, in += step) total = Op()(total, static_cast<A>(*in));
  return total;
}

// A long row: the total of each part, then every part from the sum of those before it.
template <class T, class A, class Op>
void scan_long(const T* in, T* out, int64_t n, int64_t step) {
  const int64_t parts = ceil_div(n, kChunk);
  const auto start = std::make_unique<A[]>(parts + 1);
  parallel_for(0, parts - 1, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p)
      start[p + 1] = total_of<T, A, Op>(in + p * kChunk * step, kChunk, step);
  });
  start[0] = Op::template identity<A>();
  for (int64_t p = 1; p < parts; ++p) start[p] = Op()(start[p - 1], start[p]);
  parallel_for(0, parts, 1, [&](int64_t begin, int64_t end) {
    for (int64_t p = begin; p < end; ++p) {
      const int64_t first = p * kChunk;
      scan_run<T, A, Op>(in + first * step, out + first * step, std::min(kChunk, n - first), step, start[p]);
    }
  });
}

template <class T, class A, class Op>
void scan_columns(const T* in, T* out, int64_t size, int64_t width, int64_t row_step) {
  A total[kColumns];
  std::fill_n(total, width, Op::template identity<A>());
  for (int64_t r = 0; r < size; ++r, in += row_step, out += row_step) {
    for (int64_t j = 0; j < width; ++j) {
      total[j] = Op()(total[j], static_cast<A>(in[j]));
      out[j] = static_cast<T>(total[j]);
    }
  }
}

// Calls f(offset of the first element, width) for each row, or strip of columns.
template <class F>
void each_strip(const ScanShape& s, F&& f) {
  const int64_t width = std::min(s.inner, kColumns), strips = ceil_div(s.inner, width);
  parallel_for(0, s.outer * strips, std::max<int64_t>(1, kGrain / (s.size * width)),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t column = i % strips * width;
                   f(i / strips * s.size * s.inner + column, std::min(width, s.inner - column));
                 }
               });
}

template <class T, class Op>
void scan_as(const ScanShape& s, const void* source, void* target, bool reverse) {
  using A = Wide<T>;
  const int64_t last = reverse ? (s.size - 1) * s.inner : 0, step = reverse ? -s.inner : s.inner;
  const T* in = static_cast<const T*>(source) + last;
  T* out = static_cast<T*>(target) + last;
  if (s.inner == 1 && s.size > 2 * kChunk) {
    for (int64_t o = 0; o < s.outer; ++o)
      scan_long<T, A, Op>(in + o * s.size, out + o * s.size, s.size, step);
    return;
  }
  if (s.inner == 1) {
    const int64_t grain = std::max<int64_t>(1, kGrain / (kAtOnce * s.size)) * kAtOnce;
    return parallel_for(0, s.outer, grain, [&](int64_t begin, int64_t end) {
      scan_rows<T, A, Op>(in + begin * s.size, out + begin * s.size, end - begin, s.size, step);
    });
  }
  each_strip(s, [&](int64_t first, int64_t width) {
    scan_columns<T, A, Op>(in + first, out + first, s.size, width, step);
  });
}

// One row. No branch: it would be guessed wrong at every new best. (That of integers takes arithmetic,
// selections would become one.) Not inlined: the loop wants all registers.
template <bool kLargest, class T>
[[gnu::noinline]] void extreme_row(const T* in, T* out, int64_t* indices, int64_t size) {
  T best = in[0];
  int64_t place = 0;
  for (int64_t i = 0; i < size; ++i) {
    const T x = in[i];
    const bool better = (x != x) | (kLargest ? x >= best : x <= best);
    if constexpr (std::is_integral_v<T>) {
      place += (i - place) & -int64_t{better};
      best = kLargest ? std::max(best, x) : std::min(best, x);
    } else {
      place = better ? i : place;
      best = better ? x : best;
    }
    out[i] = best;
    indices[i] = place;
  }
}
template <bool kLargest, class T>
void extreme_along_rows(const ScanShape& s, const T* in, T* out, int64_t* indices) {
  const ScanExtremes vectors =
      s.size <= INT32_MAX ? scan_extremes_function(kLargest, kComputeOf<T>) : nullptr;
  const int64_t grain = std::max<int64_t>(1, kGrain / (kScanRows * s.size)) * kScanRows;
  parallel_for(0, s.outer, grain, [&](int64_t begin, int64_t end) {
    int64_t r = begin;
    for (; vectors && r + kScanRows <= end; r += kScanRows)
      vectors(in + r * s.size, out + r * s.size, indices + r * s.size, s.size, s.size);
    for (; r < end; ++r)
      extreme_row<kLargest>(in + r * s.size, out + r * s.size, indices + r * s.size, s.size);
  });
}

template <bool kLargest, class T>
void extreme_columns(const T* in, T* out, int64_t* indices, int64_t size, int64_t width, int64_t row_step) {
  T best[kColumns];
  int64_t place[kColumns];
  for (int64_t r = 0; r < size; ++r, in += row_step, out += row_step, indices += row_step) {
    for (int64_t j = 0; j < width; ++j) {
      const T x = in[j];
      if (r == 0 || x != x || (kLargest ? x >= best[j] : x <= best[j])) {
        best[j] = x;
        place[j] = r;
      }
      out[j] = best[j];
      indices[j] = place[j];
    }
  }
}

}  // namespace

void scan(Scan op, const ScanShape& s, Compute type, const void* in, void* out, bool reverse) {
  if (s.outer == 0 || s.size == 0 || s.inner == 0) return;
  visit_compute(type, [&]<class T>() {
    if (op == Scan::Sum) return scan_as<T, Plus>(s, in, out, reverse);
    if (op == Scan::Prod) return scan_as<T, Times>(s, in, out, reverse);
    if constexpr (!std::is_integral_v<T>) scan_as<T, LogAddExp>(s, in, out, reverse);
  });
}

void scan_extreme(bool largest, const ScanShape& s, Compute type, const void* in, void* out,
                  int64_t* indices) {
  if (s.outer == 0 || s.size == 0 || s.inner == 0) return;
  visit_compute(type, [&]<class T>() {
    if constexpr (!kComplex<T>) {
      if (s.inner == 1) {
        const auto rows = largest ? extreme_along_rows<true, T> : extreme_along_rows<false, T>;
        return rows(s, static_cast<const T*>(in), static_cast<T*>(out), indices);
      }
      each_strip(s, [&](int64_t first, int64_t width) {
        const auto columns = largest ? extreme_columns<true, T> : extreme_columns<false, T>;
        columns(static_cast<const T*>(in) + first, static_cast<T*>(out) + first, indices + first, s.size,
                width, s.inner);
      });
    }
  });
}

}  // namespace rushlight::cpu

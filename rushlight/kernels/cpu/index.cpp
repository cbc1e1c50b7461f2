#include "rushlight/kernels/cpu/index.h"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <type_traits>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/bytes.h"
#include "rushlight/kernels/cpu/move.h"
#include "rushlight/kernels/cpu/pointwise.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kGrain = 8 * 1024;  // elements

template <class T>
T combine_values(Combine how, T a, T b) {
  if constexpr (std::is_same_v<T, bool>) {
    return how == Combine::Assign ? b : how == Combine::Multiply || how == Combine::Min ? a && b : a || b;
  } else if constexpr (std::is_same_v<T, Half> || std::is_same_v<T, BFloat16>) {
    return how == Combine::Assign
               ? b
               : T(combine_values<float>(how, static_cast<float>(a), static_cast<float>(b)));
  } else {
    switch (how) {
      case Combine::Assign: return b;
      case Combine::Add: return static_cast<T>(a + b);
      case Combine::Multiply: return static_cast<T>(a * b);
      default: break;
    }
    if constexpr (!std::is_same_v<T, complex64> && !std::is_same_v<T, complex128>) {
      if constexpr (std::is_floating_point_v<T>) {  // NaN wins
        if (a != a) return a;
        if (b != b) return b;
      }
      return how == Combine::Max ? std::max(a, b) : std::min(a, b);
    }
    return a;
  }
}

// Are all of them in [0, size): the sign bit of v or of size - 1 - v tells, and vectors have it for nothing.
inline bool all_in_range(const int64_t* index, int64_t n, int64_t size) {
  const uint64_t last = static_cast<uint64_t>(size) - 1;
  uint64_t signs = 0;
  for (int64_t i = 0; i < n; ++i) {
    const uint64_t v = static_cast<uint64_t>(index[i]);
    signs |= v | (last - v);
  }
  return signs >> 63 == 0;
}

// The first position that any thread found out of range.
class FirstBad {
 public:
  // There is one at `from` or after it.
  void report(const int64_t* index, int64_t from, int64_t size) {
    while (static_cast<uint64_t>(index[from]) < static_cast<uint64_t>(size)) ++from;
    report(from);
  }
  void report(int64_t from) {
    int64_t seen = place_.load();
    while (from < seen && !place_.compare_exchange_weak(seen, from)) {
    }
  }
  int64_t place() const { return place_.load() == INT64_MAX ? -1 : place_.load(); }

 private:
  std::atomic<int64_t> place_{INT64_MAX};
};

// Returns the position of the first index outside [0, limit), where it stops, or -1. Each index is looked at
// when it is used, along dense rows kAtOnce of them by one branch that is never taken: that costs less than
// reading the indices once more. Step is 1 as a constant where both steps are.
template <class T, class Step>
int64_t gather_row(const Rows& rows, const int64_t* index, Step index_step, Step index_stride, int64_t n,
                   int64_t limit, const T* from, T* to) {
  constexpr int64_t kAtOnce = 4;
  int64_t j = 0;
  if (rows.step == 0 && rows.dense_step == 1) {
    const auto at = [=](int64_t k) { return index[k * index_step]; };
    const auto in_range = [=](int64_t k) {
      const int64_t some[kAtOnce] = {at(k), at(k + 1), at(k + 2), at(k + 3)};
      return all_in_range(some, kAtOnce, limit);
    };
    for (; j + kAtOnce <= n && in_range(j); j += kAtOnce)
      for (int64_t k = j; k < j + kAtOnce; ++k) to[k] = from[at(k) * index_stride];
  }
  for (; j < n; ++j) {
    const int64_t at = index[j * index_step];
    if (static_cast<uint64_t>(at) >= static_cast<uint64_t>(limit)) return j;
    to[j * rows.dense_step] = from[at * index_stride + j * rows.step];
  }
  return -1;
}

// to[i] = from[index[i]]; four in a turn of the loop, whose own instructions cost as much as a copy.
template <class T>
void gather_elements(const T* from, const int64_t* index, int64_t n, T* to) {
#pragma GCC unroll 4
  for (int64_t i = 0; i < n; ++i) to[i] = from[index[i]];
}
// The same of two rows: each index, which takes more memory than an element, is read once for both.
template <class T>
void gather_two(const T* from, const T* second, const int64_t* index, int64_t n, T* to) {
#pragma GCC unroll 4
  for (int64_t i = 0; i < n; ++i) {
    const int64_t at = index[i];
    to[i] = from[at];
    to[n + i] = second[at];
  }
}

template <class T>
void gather_as(const Places& p, const T* data, T* dense) {
  constexpr int64_t kMinStreamed = 4096, kSize = sizeof(T);
  const int64_t block = p.num_inner * p.run;
  const bool streams =
      block * kSize >= kMinStreamed && exceeds_caches(p.num_outer * p.num_index * block * kSize);
  const int64_t grain = std::max<int64_t>(1, kGrain / std::max<int64_t>(1, block));
  parallel_for(0, p.num_outer * p.num_index, grain, [&](int64_t begin, int64_t end) {
    int64_t o = begin / p.num_index, i = begin % p.num_index;
    for (int64_t k = begin; k < end;) {
      const T* from = data + p.outer[o];
      const int64_t stop = std::min(p.num_index, i + end - k);
      T* to = dense + k * block;
      k += stop - i;
      if (block == 1 && i == 0 && k + p.num_index <= end) {
        gather_two(from, data + p.outer[++o], p.index, p.num_index, to);
        k += p.num_index;
      } else if (block == 1) {
        gather_elements(from, p.index + i, stop - i, to);
      } else if (p.num_inner == 1 && p.run_stride == 1) {
        const size_t bytes = block * sizeof(T);
        for (; i < stop; ++i, to += block) {
          if (streams) stream_bytes(to, from + p.index[i], bytes);
          else copy_bytes(to, from + p.index[i], bytes);
        }
      } else {
        for (; i < stop; ++i) {
          const T* place = from + p.index[i];
          for (int64_t a = 0; a < p.num_inner; ++a, to += p.run) {
            const T* row = place + p.inner[a];
            if (p.run_stride == 1) copy_bytes(to, row, p.run * sizeof(T));
            else
              for (int64_t r = 0; r < p.run; ++r) to[r] = row[r * p.run_stride];
          }
        }
      }
      i = 0;
      ++o;
    }
    if (streams) end_stream();
  });
}

struct Assign {
  template <class T>
  void operator()(T& to, const T& from) const {
    to = from;
  }
};
struct Accumulate {
  BlockKernel add = nullptr;  // for dense stretches; of some dtypes absent
  template <class T>
  void operator()(T& to, const T& from) const {
    to = combine_values(Combine::Add, to, from);
  }
};

BlockKernel add_kernel(DType dtype) {
  if (dtype == DType::Bool) return nullptr;  // whose sum is or
  const Compute compute = compute_of(dtype);
  return storage_of(compute) == dtype ? pointwise_kernel(Formula::Add, compute)
                                      : narrow_kernel(Formula::Add, dtype);
}

// write(element of data, element of dense) for a stretch of a run.
template <class T, class Write>
void write_stretch(T* to, int64_t stride, const T* from, int64_t step, int64_t n, Write write) {
  constexpr int64_t kWorthACall = 16;
  if (stride != 1 || step != 1) {
#pragma GCC unroll 4
    for (int64_t r = 0; r < n; ++r) write(to[r * stride], from[r * step]);
  } else if constexpr (std::is_same_v<Write, Assign>) {
    copy_bytes(to, from, n * sizeof(T));
  } else if (write.add && n >= kWorthACall) {
    const void* const in[] = {to, from};
    write.add(in, to, n, Params());
  } else {
    for (int64_t r = 0; r < n; ++r) write(to[r], from[r]);
  }
}

// The same for all places, in the order of the indices at each. Threads share out the places that no two
// indices have in common: outer positions and, where these are too few, pieces of the runs. The pieces are no
// more than the threads: a short piece of every place reads memory in small bits. (No result depends on
// them.)
template <class T, class Write>
void write_places(const Places& p, T* data, const T* dense, bool one_value, Write write) {
  const int64_t block = p.num_inner * p.run, step = one_value ? 0 : 1;
  const int64_t total = p.num_outer * p.num_index * block;
  if (total == 0) return;
  const int64_t wanted = total <= kGrain || p.num_outer >= num_threads() ? 1 : num_threads();
  const int64_t pieces = std::min(wanted, std::max<int64_t>(1, p.run / 64));
  const int64_t piece = ceil_div(p.run, pieces);
  const int64_t grain =
      std::max<int64_t>(1, kGrain / std::max<int64_t>(1, p.num_index * p.num_inner * piece));
  parallel_for(0, p.num_outer * pieces, grain, [&](int64_t begin, int64_t end) {
    for (int64_t task = begin; task < end; ++task) {
      const int64_t o = task / pieces, first = task % pieces * piece, count = std::min(piece, p.run - first);
      if (count <= 0) continue;
      T* to = data + p.outer[o] + first * p.run_stride;
      const T* from = one_value ? dense : dense + o * p.num_index * block + first;
      if (block == 1) {
        for (int64_t i = 0; i < p.num_index; ++i) write(to[p.index[i]], from[i * step]);
        continue;
      }
      for (int64_t i = 0; i < p.num_index; ++i) {
        for (int64_t a = 0; a < p.num_inner; ++a)
          write_stretch(to + p.index[i] + p.inner[a], p.run_stride, from + (i * block + a * p.run) * step,
                        step, count, write);
      }
    }
  });
}

}  // namespace

int64_t add_offsets(const int64_t* index, int64_t n, int64_t size, int64_t stride, bool wrap,
                    int64_t* offsets) {
  std::atomic<int64_t> bad{INT64_MAX};
  const int64_t low = wrap ? -size : 0;
  parallel_for(0, n, kGrain, [&](int64_t begin, int64_t end) {
    const uint64_t count = static_cast<uint64_t>(size), below = wrap ? count : 0;
    uint64_t signs = 0;  // as in all_in_range
    for (int64_t i = begin; i < end; ++i) {
      const uint64_t v = static_cast<uint64_t>(index[i]);
      signs |= (v + below) | (count - 1 - v);
      const uint64_t place = v + (static_cast<uint64_t>(index[i] >> 63) & count);
      offsets[i] += static_cast<int64_t>(place * static_cast<uint64_t>(stride));
    }
    if (signs >> 63 == 0) return;
    int64_t i = begin;
    while (index[i] >= low && index[i] < size) ++i;
    int64_t seen = bad.load();
    while (i < seen && !bad.compare_exchange_weak(seen, i)) {
    }
  });
  return bad.load() == INT64_MAX ? -1 : bad.load();
}

int64_t find_out_of_range(const int64_t* index, int64_t n, int64_t size) {
  FirstBad bad;
  parallel_for(0, n, 4 * kGrain, [&](int64_t begin, int64_t end) {
    if (!all_in_range(index + begin, end - begin, size)) bad.report(index, begin, size);
  });
  return bad.place();
}

void gather_places(int64_t size, const Places& places, const void* data, void* dense) {
  visit_size(size,
             [&]<class T>() { gather_as(places, static_cast<const T*>(data), static_cast<T*>(dense)); });
}

void scatter_places(int64_t size, const Places& places, void* data, const void* dense, bool one_value) {
  visit_size(size, [&]<class T>() {
    write_places(places, static_cast<T*>(data), static_cast<const T*>(dense), one_value, Assign());
  });
}

void add_places(DType dtype, const Places& places, void* data, const void* dense, bool one_value) {
  visit_dtype(dtype, [&]<class T>() {
    write_places(places, static_cast<T*>(data), static_cast<const T*>(dense), one_value,
                 Accumulate{add_kernel(dtype)});
  });
}

int64_t gather_rows(int64_t size, const Rows& rows, int64_t limit, const void* data, void* dense) {
  FirstBad bad;
  visit_size(size, [&]<class T>() {
    // A piece is a row, or a part of a long one.
    const int64_t part = std::clamp<int64_t>(rows.length, 1, kGrain), parts = ceil_div(rows.length, part);
    parallel_for(0, rows.rows * parts, kGrain / part, [&](int64_t begin, int64_t end) {
      for (int64_t piece = begin; piece < end; ++piece) {
        const int64_t r = piece / parts, j = piece % parts * part, n = std::min(part, rows.length - j);
        const T* from = static_cast<const T*>(data) + rows.data_row[r] + j * rows.step;
        T* to = static_cast<T*>(dense) + rows.dense_row[r] + j * rows.dense_step;
        const int64_t* index = rows.index + r * rows.index_row + j * rows.index_step;
        constexpr std::integral_constant<int64_t, 1> kOne;
        const int64_t stop =
            rows.index_step == 1 && rows.index_stride == 1
                ? gather_row(rows, index, kOne, kOne, n, limit, from, to)
                : gather_row(rows, index, rows.index_step, rows.index_stride, n, limit, from, to);
        if (stop >= 0) return bad.report(r * rows.length + j + stop);
      }
    });
  });
  return bad.place();
}

void scatter_rows(DType dtype, Combine combine, const Rows& rows, bool parallel, void* data,
                  const void* dense) {
  const int64_t grain = parallel ? std::max<int64_t>(1, kGrain / std::max<int64_t>(1, rows.length))
                                 : std::max<int64_t>(1, rows.rows);
  auto run = [&]<class T>(auto&& write) {
    parallel_for(0, rows.rows, grain, [&](int64_t begin, int64_t end) {
      for (int64_t r = begin; r < end; ++r) {
        T* to = static_cast<T*>(data) + rows.data_row[r];
        const T* from = static_cast<const T*>(dense) + rows.dense_row[r];
        const int64_t* index = rows.index + r * rows.length;
        for (int64_t j = 0; j < rows.length; ++j)
          write(to[index[j] * rows.index_stride + j * rows.step], from[j * rows.dense_step]);
      }
    });
  };
  if (combine == Combine::Assign) {
    return visit_size(item_size(dtype), [&]<class T>() {
      run.template operator()<T>([](T& to, const T& from) { to = from; });
    });
  }
  visit_dtype(dtype, [&]<class T>() {
    switch (combine) {
      case Combine::Add:
        return run.template operator()<T>(
            [](T& to, const T& v) { to = combine_values(Combine::Add, to, v); });
      case Combine::Multiply:
        return run.template operator()<T>(
            [](T& to, const T& v) { to = combine_values(Combine::Multiply, to, v); });
      default:
        return run.template operator()<T>(
            [combine](T& to, const T& v) { to = combine_values(combine, to, v); });
    }
  });
}

}  // namespace rushlight::cpu

// One pool of threads for the process.
//
//   parallel_for(0, n, 32768, [&](int64_t begin, int64_t end) { ... });
//
// The range is cut into chunks of `grain` (the last may be shorter) and the body is called once for each
// chunk, always with the same bounds, whatever the number of threads: a result that is computed chunk by
// chunk is the same to the bit on one thread and on sixty-four. The order of the calls, and which thread
// makes them, is open.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>
#include <utility>

namespace rushlight {

// The threads that a parallel_for may use, its caller included. At first what available_cpus() says, or fewer
// where OMP_NUM_THREADS asks for fewer.
int num_threads();

// Holds for the calls of parallel_for that follow, on any thread. More than 1023 count as 1023; below 1:
// RuntimeError.
void set_num_threads(int n);

// True inside the body of a parallel_for that was spread over threads; calls nested in it run serially.
bool in_parallel_region();

// Which of the threads at work on this parallel_for is running: at least 0, less than num_threads() was at
// its start, and no two at the same time. 0 outside. Each caller's own loop has an index 0.
int thread_index();

namespace detail {

// A range in chunks; chunk k is [begin(k), end(k)).
struct Chunks {
  Chunks(int64_t from, int64_t to, int64_t size)
      : first(from),
        last(to),
        grain(size),
        count((static_cast<uint64_t>(to) - static_cast<uint64_t>(from) - 1) / static_cast<uint64_t>(size) +
              1) {}

  int64_t begin(uint64_t k) const {
    return static_cast<int64_t>(static_cast<uint64_t>(first) + k * static_cast<uint64_t>(grain));
  }
  int64_t end(uint64_t k) const { return k + 1 == count ? last : begin(k + 1); }

  int64_t first;
  int64_t last;
  int64_t grain;
  uint64_t count;
};

// Calls the body on the chunks [from, to).
using RunChunks = void (*)(void* body, const Chunks& chunks, uint64_t from, uint64_t to);

void run_parallel(const Chunks& chunks, RunChunks run, void* body);

}  // namespace detail

// Calls f(begin, end) for every chunk of [begin, end), on several threads at once when there is more than one
// chunk. A grain below 1 counts as 1. Allocates nothing. An exception thrown by f reaches the caller (the
// first one, when several threads throw); chunks not yet begun are then skipped, and none is still running.
template <class F>
void parallel_for(int64_t begin, int64_t end, int64_t grain, F&& f) {
  if (end <= begin) return;
  const detail::Chunks chunks(begin, end, grain < 1 ? 1 : grain);
  if (chunks.count == 1) {
    f(begin, end);
    return;
  }
  using Body = std::remove_reference_t<F>;
  const auto run = [](void* body, const detail::Chunks& all, uint64_t from, uint64_t to) {
    for (uint64_t k = from; k < to; ++k) (*static_cast<Body*>(body))(all.begin(k), all.end(k));
  };
  detail::run_parallel(chunks, run, const_cast<void*>(static_cast<const void*>(std::addressof(f))));
}

}  // namespace rushlight

// Memory for tensors on the CPU: 64-byte aligned, uninitialised, cached, so that an operation neither asks
// the system for memory nor pays for its page faults again.
//
// - Up to 32 KiB: free lists of the calling thread, one for each size class, of bounded length.
// - Above: one cache for the process, one list for each size class. Blocks of 1 MiB and more
//   are mapped one by one, from 2 MiB on huge pages where the system lets us.
// - A size class exceeds what was asked for by at most 12.5% (under 64 bytes: by at most 63 bytes). Above
//   32 KiB another page is added, in which the blocks begin at different places.
// - The cache holds at most cache_limit() bytes, and gives a block back that has gone unused for 16384 large
//   allocations.
// - Under the address, memory and thread sanitizers nothing is cached: they see every allocation as it is.
//
// All functions may be called from any thread, at any time of the process's life, and after a fork.
#pragma once

#include <cstddef>
#include <cstdint>

namespace rushlight {

// allocate(0) is nullptr, as PyTorch's data_ptr() of an empty tensor is. Where there is not enough memory,
// and on any absurd size: RuntimeError with PyTorch's text, after the caches have been emptied in vain.
[[nodiscard]] void* allocate(size_t bytes);

// `bytes` is what allocate was called with. Any thread may release what another one allocated.
void deallocate(void* block, size_t bytes) noexcept;

// Gives back the memory that the process-wide cache and the calling thread hold for reuse.
void empty_cache() noexcept;

// In bytes, as asked for. Small blocks are counted thread by thread and passed on in portions of 64 KiB:
// exact in a program that allocates on one thread, otherwise off by at most that for each further thread.
struct MemoryStats {
  int64_t current;  // allocated and not released
  int64_t peak;     // the largest value of `current` since the start or reset_peak()
  int64_t cached;   // held by the process-wide cache
};
MemoryStats memory_stats() noexcept;
void reset_peak() noexcept;

// At first the larger of 256 MiB and a quarter of available_memory(), but no more than half of that.
size_t cache_limit() noexcept;
void set_cache_limit(size_t bytes) noexcept;

// Scratch memory for the time of a scope.
class Scratch {
 public:
  explicit Scratch(size_t bytes) : data_(allocate(bytes)), bytes_(bytes) {}
  ~Scratch() { deallocate(data_, bytes_); }
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  template <class T>
  T* as() const {
    return static_cast<T*>(data_);
  }

 private:
  void* data_;
  size_t bytes_;
};

}  // namespace rushlight

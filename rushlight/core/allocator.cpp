#include "rushlight/core/allocator.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdlib>
#include <mutex>
#include <new>
#include <utility>

#include <pthread.h>
#include <sys/mman.h>

#include "rushlight/core/error.h"
#include "rushlight/core/free_list.h"
#include "rushlight/core/host.h"

namespace rushlight {
namespace {

using detail::FreeNode;

constexpr size_t kAlignment = 64;
constexpr size_t kMaxSmall = 32 << 10;
constexpr size_t kMaxSlabbed = 4 << 10;
constexpr size_t kSlabBytes = 64 << 10;
constexpr size_t kListBytes = 128 << 10;  // what a thread keeps of one small class, and no more than
constexpr uint32_t kMaxListLength = 256;  // so many blocks
constexpr size_t kMinMapped = 1 << 20;
constexpr size_t kMinHuge = 2 << 20;
constexpr size_t kHugePage = 2 << 20;
// Sanitizers abort on sizes that they cannot serve.
constexpr size_t kMaxBytes = size_t{1} << (RL_RECYCLE_MEMORY ? 56 : 38);
constexpr uint64_t kIdleAllocations = 16384;
constexpr int64_t kAccountStep = 64 << 10;

// Multiples of 64 up to 512, from there eight steps to each power of two.
struct SizeClass {
  size_t index;
  size_t bytes;
};
constexpr SizeClass size_class(size_t bytes) {
  if (bytes <= 512) return {(bytes - 1) / 64, (bytes + 63) / 64 * 64};
  const int shift = std::bit_width(bytes - 1) - 4;
  const size_t steps = (bytes - 1) >> shift;  // 8 ... 15
  return {(shift - 6) * size_t{8} + steps, (steps + 1) << shift};
}
constexpr size_t class_bytes(size_t index) {
  return index < 8 ? (index + 1) * 64 : (index % 8 + 9) << (index / 8 + 5);
}
constexpr size_t kSmallClasses = size_class(kMaxSmall).index + 1;
constexpr size_t kClasses = size_class(size_t{1} << 56).index + 1;
static_assert(size_class(512).index + 1 == size_class(513).index);
static_assert(size_class(1024).index + 1 == size_class(1025).index);
static_assert(class_bytes(kSmallClasses - 1) == kMaxSmall && class_bytes(kClasses - 1) == size_t{1} << 56);
static_assert(size_class(513).bytes == 576 && size_class(1024).bytes == 1024 &&
              size_class(1025).bytes == 1152);

// ---- the system's memory ------------------------------------------------------------------------

// `bytes` is a size class's, here and below; a null pointer says that there is no memory.
void* map_block(size_t bytes) {
  const size_t slack = bytes >= kMinHuge ? kHugePage : 0;
  void* mapped = mmap(nullptr, bytes + slack, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (mapped == MAP_FAILED) return nullptr;
  if (slack == 0) return mapped;
  // Only a region that begins on a huge page's boundary gets huge pages throughout.
  char* start = static_cast<char*>(mapped);
  const size_t before = -reinterpret_cast<uintptr_t>(start) % kHugePage;
  if (before > 0) munmap(start, before);
  munmap(start + before + bytes, slack - before);
  madvise(start + before, bytes, MADV_HUGEPAGE);
  return start + before;
}

void* aligned_block(size_t alignment, size_t bytes) {
  void* block = nullptr;
  return posix_memalign(&block, alignment, bytes) == 0 ? block : nullptr;
}

// Large blocks begin in turn at each quarter of a page. Loops walk their operands in step; where these lay at
// the same place of their pages, all streams would meet in the same sets of the caches, which costs Zen 3
// 3 to 8% of the time of a sum of two.
constexpr size_t kPage = 4096;
constexpr size_t kShift = kPage / 4;

size_t next_shift() {
  static constinit std::atomic<size_t> turn{0};
  return turn.fetch_add(1, std::memory_order_relaxed) * kShift % kPage;
}

void* system_allocate(size_t bytes) {
  if (!RL_RECYCLE_MEMORY || bytes <= kMaxSmall) return aligned_block(kAlignment, bytes);
  const size_t room = bytes + kPage;
  void* start = bytes >= kMinMapped ? map_block(room) : aligned_block(kPage, room);
  return start != nullptr ? static_cast<char*>(start) + next_shift() : nullptr;
}

void system_release(void* block, size_t bytes) {
  if (!RL_RECYCLE_MEMORY || bytes <= kMaxSmall) return std::free(block);
  void* start = static_cast<char*>(block) - reinterpret_cast<uintptr_t>(block) % kPage;
  if (bytes >= kMinMapped) munmap(start, bytes + kPage);
  else std::free(start);
}

// ---- accounts -----------------------------------------------------------------------------------

constinit std::atomic<int64_t> g_current{0};
constinit std::atomic<int64_t> g_peak{0};

void raise_peak(int64_t value) {
  int64_t peak = g_peak.load(std::memory_order_relaxed);
  while (peak < value && !g_peak.compare_exchange_weak(peak, value, std::memory_order_relaxed)) {
  }
}

// What a thread has allocated less what it has released since it last told the others.
class Account {
 public:
  void add(int64_t bytes) {
    balance_ += bytes;
    highest_ = std::max(highest_, balance_);
    if (balance_ >= kAccountStep || balance_ <= -kAccountStep) [[unlikely]]
      settle();
  }
  void settle() {
    const int64_t before = g_current.fetch_add(balance_, std::memory_order_relaxed);
    raise_peak(before + highest_);
    balance_ = highest_ = 0;
  }

 private:
  int64_t balance_ = 0;
  int64_t highest_ = 0;
};

// ---- small blocks: slabs, shared by all threads -------------------------------------------------

// Blocks up to 4 KiB are cut from slabs, each of one size class. They are handed out and taken back in
// chains, many blocks under one lock; a slab whose last block comes back is released, but for the last one of
// its class.
class Slabs {
 public:
  // Up to `count` blocks; nullptr when there is no memory.
  FreeNode* take(SizeClass size, uint32_t count) {
    std::lock_guard lock(mutex_);
    FreeNode* chain = nullptr;
    FreeNode** end = &chain;
    Slab*& available = available_[size.index];
    while (count > 0) {
      if (available == nullptr) {
        if (chain != nullptr) break;
        Slab* slab = make(size);
        if (slab == nullptr) break;
        link(slab);
      }
      Slab* slab = available;
      for (; count > 0 && slab->has_block(); --count) {
        *end = slab->take();
        end = &(*end)->next;
      }
      if (!slab->has_block()) unlink(slab);
    }
    *end = nullptr;
    return chain;
  }

  void keep(FreeNode* chain) {
    std::lock_guard lock(mutex_);
    while (chain != nullptr) {
      FreeNode* node = std::exchange(chain, chain->next);
      // The slab that a block lies in: slabs begin at multiples of their size.
      Slab* slab = reinterpret_cast<Slab*>(reinterpret_cast<uintptr_t>(node) & ~(kSlabBytes - 1));
      if (!slab->has_block()) link(slab);
      node->next = slab->free;
      slab->free = node;
      if (--slab->used == 0 && (slab->next != nullptr || slab->before != nullptr)) release(slab);
    }
  }

  // Releases the slabs of which no block is in use.
  void clear() {
    std::lock_guard lock(mutex_);
    for (Slab* slab : available_) {
      while (slab != nullptr) {
        Slab* next = slab->next;
        if (slab->used == 0) release(slab);
        slab = next;
      }
    }
  }

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  struct alignas(kAlignment) Slab {
    SizeClass size;
    size_t fresh = sizeof(Slab);  // where what was never handed out begins
    uint32_t used = 0;
    FreeNode* free = nullptr;
    Slab* next = nullptr;  // of the class's slabs with blocks to give
    Slab* before = nullptr;

    bool has_block() const { return free != nullptr || fresh + size.bytes <= kSlabBytes; }
    FreeNode* take() {
      ++used;
      if (free != nullptr) return std::exchange(free, free->next);
      return new (reinterpret_cast<char*>(this) + std::exchange(fresh, fresh + size.bytes)) FreeNode{nullptr};
    }
  };

  static Slab* make(SizeClass size) {
    void* memory = nullptr;
    if (posix_memalign(&memory, kSlabBytes, kSlabBytes) != 0) return nullptr;
    return new (memory) Slab{.size = size};
  }

  void release(Slab* slab) {
    unlink(slab);
    std::free(slab);
  }

  void link(Slab* slab) {
    Slab*& first = available_[slab->size.index];
    slab->before = nullptr;
    slab->next = first;
    if (first != nullptr) first->before = slab;
    first = slab;
  }

  void unlink(Slab* slab) {
    (slab->before != nullptr ? slab->before->next : available_[slab->size.index]) = slab->next;
    if (slab->next != nullptr) slab->next->before = slab->before;
  }

  std::mutex mutex_;
  Slab* available_[size_class(kMaxSlabbed).index + 1] = {};
};

constinit Slabs g_slabs;

// A chain of small blocks of one class, and the way back.
FreeNode* take_small(SizeClass size, uint32_t count) {
  if (size.bytes <= kMaxSlabbed) return g_slabs.take(size, count);
  void* block = system_allocate(size.bytes);
  return block != nullptr ? new (block) FreeNode{nullptr} : nullptr;
}

void release_small(FreeNode* chain, SizeClass size) {
  if (size.bytes <= kMaxSlabbed) return g_slabs.keep(chain);
  while (chain != nullptr) system_release(std::exchange(chain, chain->next), size.bytes);
}

// ---- small blocks: the thread's own lists -------------------------------------------------------

class ThreadCache {
 public:
  ~ThreadCache() {
    clear();
    account.settle();
  }

  void* take(SizeClass size) {
    List& list = lists_[size.index];
    if (list.head == nullptr && !refill(list, size)) return nullptr;
    --list.length;
    return std::exchange(list.head, list.head->next);
  }

  void keep(void* block, SizeClass size) {
    List& list = lists_[size.index];
    if (list.length >= max_length(size)) [[unlikely]]
      cut(list, size, list.length / 2);
    list.head = new (block) FreeNode{list.head};
    ++list.length;
  }

  void clear() {
    for (size_t i = 0; i < kSmallClasses; ++i) cut(lists_[i], {i, class_bytes(i)}, 0);
  }

  Account account;

 private:
  struct List {
    FreeNode* head = nullptr;
    uint32_t length = 0;
  };

  static uint32_t max_length(SizeClass size) {
    return std::min<uint32_t>(kMaxListLength, static_cast<uint32_t>(kListBytes / size.bytes));
  }

  [[gnu::noinline]] static bool refill(List& list, SizeClass size) {
    list.head = take_small(size, max_length(size) / 4);
    for (FreeNode* node = list.head; node != nullptr; node = node->next) ++list.length;
    return list.head != nullptr;
  }

  // Keeps the `length` blocks that were released last.
  [[gnu::noinline]] static void cut(List& list, SizeClass size, uint32_t length) {
    FreeNode** end = &list.head;
    for (uint32_t i = 0; i < length; ++i) end = &(*end)->next;
    list.length = length;
    release_small(std::exchange(*end, nullptr), size);
  }

  List lists_[kSmallClasses];
};

RL_FAST_TLS constinit thread_local ThreadCache* t_cache = nullptr;

class ThreadCacheOwner {
 public:
  ThreadCache* open() {
    if (!ended_) t_cache = new (std::nothrow) ThreadCache;
    return t_cache;
  }
  ~ThreadCacheOwner() {
    ended_ = true;
    delete std::exchange(t_cache, nullptr);
  }

 private:
  bool ended_ = false;
};

[[gnu::noinline]] ThreadCache* open_thread_cache() {
  thread_local ThreadCacheOwner owner;
  return owner.open();
}

// nullptr while the thread ends: what is still released then goes straight to the system.
ThreadCache* thread_cache() { return t_cache != nullptr ? t_cache : open_thread_cache(); }

void account(ThreadCache* cache, int64_t bytes) {
  if (cache != nullptr) [[likely]] {
    cache->account.add(bytes);
  } else {
    Account single;
    single.add(bytes);
    single.settle();
  }
}

// ---- large blocks: one cache for the process ----------------------------------------------------

size_t default_cache_limit() {
  const size_t memory = static_cast<size_t>(available_memory());
  return std::min(std::max<size_t>(256 << 20, memory / 4), memory / 2);
}

// A free block's bookkeeping stands in the block. It is in two lists: its size class's, newest first, and
// that of all free blocks by age.
class LargeCache {
 public:
  void* take(size_t index) {
    std::unique_lock lock(mutex_);
    ++clock_;
    Block* block = bins_[index];
    if (block != nullptr) remove(block);
    Block* idle =
        oldest_ != nullptr && clock_ - oldest_->released > kIdleAllocations ? remove(oldest_) : nullptr;
    lock.unlock();
    release_all(idle);
    return block;
  }

  void keep(void* memory, SizeClass size) {
    std::unique_lock lock(mutex_);
    if (limit_ == kUnset) limit_ = default_cache_limit();
    Block* doomed = nullptr;
    if (size.bytes > limit_) {
      doomed = new (memory) Block{.bytes = size.bytes};
    } else {
      insert(new (memory) Block{.bytes = size.bytes, .index = size.index, .released = clock_});
      doomed = shrink(limit_);
    }
    lock.unlock();
    release_all(doomed);
  }

  void clear() {
    std::unique_lock lock(mutex_);
    Block* all = shrink(0);
    lock.unlock();
    release_all(all);
  }

  size_t limit() {
    std::lock_guard lock(mutex_);
    if (limit_ == kUnset) limit_ = default_cache_limit();
    return limit_;
  }

  void set_limit(size_t bytes) {
    std::unique_lock lock(mutex_);
    limit_ = std::min(bytes, kUnset - 1);
    Block* doomed = shrink(limit_);
    lock.unlock();
    release_all(doomed);
  }

  size_t cached() {
    std::lock_guard lock(mutex_);
    return cached_;
  }

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  struct Block {
    size_t bytes;
    size_t index = 0;
    uint64_t released = 0;
    Block* newer = nullptr;  // of all blocks
    Block* older = nullptr;
    Block* before = nullptr;  // of its size class
    Block* next = nullptr;    // of its size class; of the blocks to be released, once removed
  };
  static constexpr size_t kUnset = SIZE_MAX;

  void insert(Block* block) {
    block->older = newest_;
    (newest_ != nullptr ? newest_->newer : oldest_) = block;
    newest_ = block;
    Block*& bin = bins_[block->index];
    block->next = bin;
    if (bin != nullptr) bin->before = block;
    bin = block;
    cached_ += block->bytes;
  }

  Block* remove(Block* block) {
    (block->newer != nullptr ? block->newer->older : newest_) = block->older;
    (block->older != nullptr ? block->older->newer : oldest_) = block->newer;
    (block->before != nullptr ? block->before->next : bins_[block->index]) = block->next;
    if (block->next != nullptr) block->next->before = block->before;
    cached_ -= block->bytes;
    block->next = nullptr;
    return block;
  }

  // Takes the oldest blocks out until at most `bytes` are left.
  Block* shrink(size_t bytes) {
    Block* doomed = nullptr;
    while (cached_ > bytes) {
      Block* block = remove(oldest_);
      block->next = doomed;
      doomed = block;
    }
    return doomed;
  }

  static void release_all(Block* block) {
    while (block != nullptr) {
      Block* next = block->next;
      system_release(block, block->bytes);
      block = next;
    }
  }

  std::mutex mutex_;
  uint64_t clock_ = 0;  // large allocations so far
  size_t limit_ = kUnset;
  size_t cached_ = 0;
  Block* newest_ = nullptr;
  Block* oldest_ = nullptr;
  Block* bins_[kClasses] = {};
};

constinit LargeCache g_large;

[[maybe_unused]] const int g_at_fork =
    pthread_atfork([] { g_large.lock(), g_slabs.lock(); }, [] { g_slabs.unlock(), g_large.unlock(); },
                   [] { g_slabs.unlock(), g_large.unlock(); });

[[noreturn, gnu::cold]] void throw_out_of_memory(size_t bytes) {
  throw_error<RuntimeError>(
      "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
      "to "
      "allocate ",
      bytes, " bytes. Error code 12 (Cannot allocate memory)");
}

void* recycled_or_new(ThreadCache* cache, size_t bytes) {
  const SizeClass size = size_class(bytes);
  if (bytes <= kMaxSmall) return cache != nullptr ? cache->take(size) : take_small(size, 1);
  void* block = g_large.take(size.index);
  return block != nullptr ? block : system_allocate(size.bytes);
}

void recycle(ThreadCache* cache, void* block, size_t bytes) {
  const SizeClass size = size_class(bytes);
  if (bytes > kMaxSmall) {
    g_large.keep(block, size);
  } else if (cache != nullptr) {
    cache->keep(block, size);
  } else {
    release_small(new (block) FreeNode{nullptr}, size);
  }
}

void* try_allocate(ThreadCache* cache, size_t bytes) {
  return RL_RECYCLE_MEMORY ? recycled_or_new(cache, bytes) : system_allocate(bytes);
}

[[gnu::noinline, gnu::cold]] void* allocate_after_emptying(ThreadCache* cache, size_t bytes) {
  empty_cache();
  void* block = try_allocate(cache, bytes);
  if (block == nullptr) throw_out_of_memory(bytes);
  return block;
}

}  // namespace

void* allocate(size_t bytes) {
  if (bytes == 0) return nullptr;
  if (bytes > kMaxBytes) throw_out_of_memory(bytes);
  ThreadCache* cache = thread_cache();
  void* block = try_allocate(cache, bytes);
  if (block == nullptr) [[unlikely]]
    block = allocate_after_emptying(cache, bytes);
  account(cache, static_cast<int64_t>(bytes));
  return block;
}

void deallocate(void* block, size_t bytes) noexcept {
  if (block == nullptr) return;
  ThreadCache* cache = thread_cache();
  account(cache, -static_cast<int64_t>(bytes));
  if (RL_RECYCLE_MEMORY) {
    recycle(cache, block, bytes);
  } else {
    system_release(block, bytes);
  }
}

void empty_cache() noexcept {
  if (t_cache != nullptr) t_cache->clear();
  g_slabs.clear();
  g_large.clear();
}

MemoryStats memory_stats() noexcept {
  if (t_cache != nullptr) t_cache->account.settle();
  const int64_t current = std::max<int64_t>(0, g_current.load(std::memory_order_relaxed));
  return {.current = current,
          .peak = std::max(current, g_peak.load(std::memory_order_relaxed)),
          .cached = static_cast<int64_t>(g_large.cached())};
}

void reset_peak() noexcept {
  if (t_cache != nullptr) t_cache->account.settle();
  g_peak.store(std::max<int64_t>(0, g_current.load(std::memory_order_relaxed)), std::memory_order_relaxed);
}

size_t cache_limit() noexcept { return g_large.limit(); }
void set_cache_limit(size_t bytes) noexcept { g_large.set_limit(bytes); }

}  // namespace rushlight

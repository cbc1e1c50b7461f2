#include "rushlight/core/allocator.h"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstring>
#include <limits>
#include <memory>
#include <mutex>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rushlight/core/error.h"
#include "rushlight/core/free_list.h"

namespace rushlight {
namespace {

class AllocatorTest : public testing::Test {
 protected:
  AllocatorTest() { empty_cache(); }
  ~AllocatorTest() override {
    set_cache_limit(limit_);
    empty_cache();
  }

 private:
  size_t limit_ = cache_limit();
};

std::vector<size_t> odd_sizes() {
  std::vector<size_t> sizes = {1, 7, 63, 64, 65, 100, 511, 512, 513};
  for (size_t power = 1024; power <= (8u << 20); power *= 2) {
    for (size_t size : {power - 1, power, power + 1, power + power / 8, power + power / 8 + 1})
      sizes.push_back(size);
  }
  return sizes;
}

TEST_F(AllocatorTest, ZeroBytesAreNull) {
  const int64_t before = memory_stats().current;
  EXPECT_EQ(allocate(0), nullptr);
  deallocate(nullptr, 0);
  EXPECT_EQ(memory_stats().current, before);
}

TEST_F(AllocatorTest, BlocksAreAlignedWritableAndApart) {
  struct Block {
    unsigned char* data;
    size_t bytes;
  };
  std::vector<Block> blocks;
  for (int round = 0; round < 2; ++round) {
    unsigned char mark = 0;
    for (size_t bytes : odd_sizes()) {
      auto* data = static_cast<unsigned char*>(allocate(bytes));
      ASSERT_EQ(reinterpret_cast<uintptr_t>(data) % 64, 0u) << bytes;
      std::memset(data, ++mark, bytes);
      blocks.push_back({data, bytes});
    }
    mark = 0;
    for (const Block& block : blocks) {
      ++mark;
      ASSERT_TRUE(std::all_of(block.data, block.data + block.bytes, [&](unsigned char c) {
        return c == mark;
      })) << block.bytes;
    }
    for (const Block& block : blocks) deallocate(block.data, block.bytes);
    blocks.clear();
  }
}

#if RL_RECYCLE_MEMORY
TEST_F(AllocatorTest, LargeBlocksBeginAtDifferentPlacesOfAPage) {
  for (size_t bytes : {size_t{100} << 10, size_t{1} << 20, size_t{4} << 20}) {
    void* blocks[3];
    for (void*& block : blocks) block = allocate(bytes);
    const auto place = [&](int k) { return reinterpret_cast<uintptr_t>(blocks[k]) % 4096; };
    EXPECT_NE(place(0), place(1)) << bytes;
    EXPECT_NE(place(1), place(2)) << bytes;
    EXPECT_NE(place(0), place(2)) << bytes;
    for (void* block : blocks) deallocate(block, bytes);
  }
}
#endif

TEST_F(AllocatorTest, CountsCurrentAndPeak) {
  const int64_t start = memory_stats().current;
  reset_peak();
  EXPECT_EQ(memory_stats().peak, start);
  void* small = allocate(100);
  void* large = allocate(1'000'000);
  EXPECT_EQ(memory_stats().current, start + 1'000'100);
  deallocate(large, 1'000'000);
  EXPECT_EQ(memory_stats().current, start + 100);
  EXPECT_EQ(memory_stats().peak, start + 1'000'100);
  void* more = allocate(50);
  deallocate(more, 50);
  EXPECT_EQ(memory_stats().peak, start + 1'000'100);
  reset_peak();
  EXPECT_EQ(memory_stats().peak, start + 100);
  deallocate(small, 100);
  EXPECT_EQ(memory_stats().current, start);
}

void expect_out_of_memory(size_t bytes) {
  try {
    void* block = allocate(bytes);
    deallocate(block, bytes);
    FAIL() << bytes;
  } catch (const RuntimeError& error) {
    EXPECT_EQ(
        error.message(),
        "[enforce fail at alloc_cpu.cpp:127] err == 0. DefaultCPUAllocator: can't allocate memory: you tried "
        "to allocate " +
            std::to_string(bytes) + " bytes. Error code 12 (Cannot allocate memory)");
  }
}

TEST_F(AllocatorTest, AbsurdSizesThrow) {
  const int64_t before = memory_stats().current;
  for (int bits = 47; bits < 64; ++bits) expect_out_of_memory(size_t{1} << bits);
  expect_out_of_memory((size_t{1} << 56) + 1);
  expect_out_of_memory(std::numeric_limits<size_t>::max());
  expect_out_of_memory(std::numeric_limits<size_t>::max() - 63);
  EXPECT_EQ(memory_stats().current, before);
}

TEST_F(AllocatorTest, ScratchReleasesItself) {
  const int64_t before = memory_stats().current;
  {
    const Scratch scratch(5000);
    std::memset(scratch.as<char>(), 1, 5000);
    EXPECT_EQ(memory_stats().current, before + 5000);
    EXPECT_EQ(Scratch(0).as<float>(), nullptr);
  }
  EXPECT_EQ(memory_stats().current, before);
}

#if RL_RECYCLE_MEMORY
TEST_F(AllocatorTest, ReusesTheLastBlockOfAClass) {
  for (size_t bytes : {size_t{64}, size_t{3000}, size_t{40'000}, size_t{3} << 20}) {
    void* block = allocate(bytes);
    deallocate(block, bytes);
    EXPECT_EQ(allocate(bytes - 5), block) << bytes;
    deallocate(block, bytes - 5);
  }
}

TEST_F(AllocatorTest, WastesAtMostAnEighth) {
  for (size_t bytes : odd_sizes()) {
    if (bytes <= (32 << 10)) continue;
    empty_cache();
    deallocate(allocate(bytes), bytes);
    const size_t held = static_cast<size_t>(memory_stats().cached);
    EXPECT_GE(held, bytes);
    EXPECT_LE(held - bytes, bytes / 8) << bytes;
  }
}

TEST_F(AllocatorTest, EmptyCacheGivesAllBack) {
  std::vector<void*> blocks;
  for (int i = 0; i < 5; ++i) blocks.push_back(allocate(2 << 20));
  for (void* block : blocks) deallocate(block, 2 << 20);
  EXPECT_EQ(memory_stats().cached, 10 << 20);
  empty_cache();
  EXPECT_EQ(memory_stats().cached, 0);
}

TEST_F(AllocatorTest, ManySmallBlocks) {
  const int64_t before = memory_stats().current;
  for (int round = 0; round < 2; ++round) {
    for (size_t bytes :
         {size_t{8}, size_t{64}, size_t{200}, size_t{1100}, size_t{4096}, size_t{5000}, size_t{32768}}) {
      std::vector<unsigned char*> blocks(bytes > 4096 ? 300 : 20'000);
      for (size_t i = 0; i < blocks.size(); ++i) {
        blocks[i] = static_cast<unsigned char*>(allocate(bytes));
        std::memset(blocks[i], static_cast<int>(i % 251), bytes);
      }
      const size_t half = blocks.size() / 2;
      for (size_t i = 0; i < half; ++i) std::swap(blocks[i], blocks[i * 7919 % half]);
      std::vector<unsigned char*> sorted = blocks;
      std::sort(sorted.begin(), sorted.end());
      for (size_t i = 1; i < sorted.size(); ++i) ASSERT_GE(sorted[i], sorted[i - 1] + bytes);
      for (const unsigned char* block : blocks) ASSERT_EQ(block[0], block[bytes - 1]);
      for (unsigned char* block : blocks) deallocate(block, bytes);
    }
    empty_cache();
  }
  EXPECT_EQ(memory_stats().current, before);
}

TEST_F(AllocatorTest, TheLimitDropsTheOldest) {
  set_cache_limit(3 << 20);
  EXPECT_EQ(cache_limit(), size_t{3} << 20);
  void* first = allocate(1 << 20);
  void* second = allocate(1 << 20);
  void* third = allocate(2 << 20);
  deallocate(first, 1 << 20);
  deallocate(second, 1 << 20);
  deallocate(third, 2 << 20);
  EXPECT_EQ(memory_stats().cached, 3 << 20);
  EXPECT_EQ(allocate(1 << 20), second);
  deallocate(second, 1 << 20);
  deallocate(allocate(4 << 20), 4 << 20);
  EXPECT_EQ(memory_stats().cached, 3 << 20) << "a block over the limit is not kept, and drives nothing out";
  set_cache_limit(0);
  EXPECT_EQ(memory_stats().cached, 0);
}

TEST_F(AllocatorTest, IdleBlocksAreGivenBack) {
  deallocate(allocate(8 << 20), 8 << 20);
  for (int i = 0; i < 16000; ++i) deallocate(allocate(100'000), 100'000);
  EXPECT_GT(memory_stats().cached, 8 << 20);
  for (int i = 0; i < 1000; ++i) deallocate(allocate(100'000), 100'000);
  EXPECT_LT(memory_stats().cached, 1 << 20);
}

TEST_F(AllocatorTest, DefaultLimitIsReasonable) {
  EXPECT_GT(cache_limit(), size_t{1} << 20);
  EXPECT_LT(cache_limit(), std::numeric_limits<size_t>::max() / 2);
}
#endif

TEST_F(AllocatorTest, ThreadsPassBlocksToOneAnother) {
  const int64_t before = memory_stats().current;
  struct Parcel {
    unsigned char* data;
    size_t bytes;
    unsigned char mark;
  };
  std::vector<Parcel> table(64, Parcel{nullptr, 0, 0});
  std::mutex mutex;
  std::atomic<int> wrong{0};
  const auto work = [&](unsigned seed) {
    uint64_t state = seed;
    for (int i = 0; i < 5000; ++i) {
      state = state * 6364136223846793005u + 1442695040888963407u;
      const size_t bytes = 1 + (state >> 33) % (i % 16 == 0 ? 300'000 : 5'000);
      const auto mark = static_cast<unsigned char>(state >> 40);
      Parcel parcel{static_cast<unsigned char*>(allocate(bytes)), bytes, mark};
      std::memset(parcel.data, mark, std::min<size_t>(bytes, 256));
      parcel.data[bytes - 1] = mark;
      {
        std::lock_guard lock(mutex);
        std::swap(parcel, table[(state >> 50) % table.size()]);
      }
      if (parcel.data == nullptr) continue;
      wrong += parcel.data[0] != parcel.mark || parcel.data[parcel.bytes - 1] != parcel.mark;
      deallocate(parcel.data, parcel.bytes);
    }
  };
  for (int round = 0; round < 3; ++round) {
    std::vector<std::thread> threads;
    for (unsigned i = 0; i < 6; ++i) threads.emplace_back(work, 10 * round + i);
    for (std::thread& thread : threads) thread.join();
  }
  for (const Parcel& parcel : table) deallocate(parcel.data, parcel.bytes);
  EXPECT_EQ(wrong, 0);
  EXPECT_EQ(memory_stats().current, before);
}

// Holds a block until its thread has torn down what was made after it: the allocator's own lists among that.
struct LateRelease {
  void* block = nullptr;
  ~LateRelease() {
    deallocate(block, 200);
    deallocate(allocate(300), 300);
  }
};

TEST_F(AllocatorTest, ReleaseAfterTheThreadsListsAreGone) {
  const int64_t before = memory_stats().current;
  std::thread([] {
    static thread_local LateRelease late;
    late.block = nullptr;
    void* block = allocate(200);
    deallocate(allocate(200), 200);
    late.block = block;
  }).join();
  EXPECT_EQ(memory_stats().current, before);
}

// The sanitizers' own allocators do not survive a fork beside a busy thread.
#if RL_RECYCLE_MEMORY
TEST_F(AllocatorTest, WorksInAForkedChildWhileOthersAllocate) {
  std::atomic<bool> stop{false};
  std::thread busy([&] {
    std::vector<void*> blocks(2000);
    while (!stop) {
      deallocate(allocate(70'000), 70'000);
      for (void*& block : blocks) block = allocate(128);
      for (void* block : blocks) deallocate(block, 128);
    }
  });
  for (int i = 0; i < 20; ++i) {
    const pid_t child = fork();
    if (child == 0) {
      alarm(20);
      for (size_t bytes : {size_t{10}, size_t{128}, size_t{70'000}, size_t{2} << 20})
        deallocate(allocate(bytes), bytes);
      empty_cache();
      _exit(7);
    }
    int status = 0;
    waitpid(child, &status, 0);
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 7);
  }
  stop = true;
  busy.join();
}
#endif

struct Node {
  RL_POOLED(Node);
  explicit Node(int number = 0) : id(number) {
    if (number < 0) throw_error<ValueError>("negative");
    ++alive;
  }
  virtual ~Node() { --alive; }
  int id;
  static inline std::atomic<int> alive{0};
};
struct WideNode : Node {
  double payload[20] = {};
};
struct HugeNode : Node {
  char payload[4096] = {};
};
struct alignas(64) AlignedNode : Node {
  char payload[64] = {};
};

TEST(FreeListTest, NewAndDelete) {
  for (int round = 0; round < 3; ++round) {
    std::vector<std::unique_ptr<Node>> nodes;
    for (int i = 0; i < 2000; ++i) {
      switch (i % 4) {
        case 0: nodes.push_back(std::make_unique<Node>(i)); break;
        case 1: nodes.push_back(std::make_unique<WideNode>()); break;
        case 2: nodes.push_back(std::make_unique<HugeNode>()); break;
        default: nodes.push_back(std::make_unique<AlignedNode>());
      }
    }
    for (int i = 3; i < 2000; i += 4) ASSERT_EQ(reinterpret_cast<uintptr_t>(nodes[i].get()) % 64, 0u);
    for (int i = 0; i < 2000; i += 4) ASSERT_EQ(nodes[i]->id, i);
    EXPECT_EQ(Node::alive, 2000);
    nodes.clear();
    EXPECT_EQ(Node::alive, 0);
  }
}

TEST(FreeListTest, PlacementNewAndThrowingConstructor) {
  alignas(Node) unsigned char room[sizeof(Node)];
  Node* node = new (room) Node(3);
  EXPECT_EQ(node->id, 3);
  node->~Node();
  EXPECT_THROW(new Node(-1), ValueError);
  Node* nothing = nullptr;
  delete nothing;
}

#if RL_RECYCLE_MEMORY
TEST(FreeListTest, ReusesMemory) {
  delete new Node;
  Node* first = new Node;
  delete first;
  Node* second = new Node;
  EXPECT_EQ(second, first);
  delete second;
}
#endif

struct LateDelete {
  Node* node = nullptr;
  ~LateDelete() {
    delete node;
    delete new Node;
  }
};

TEST(FreeListTest, AcrossThreadsAndPastTheirEnd) {
  std::vector<std::unique_ptr<Node>> made(1500);
  std::thread([&] {
    static thread_local LateDelete late;
    late.node = nullptr;
    for (auto& node : made) node = std::make_unique<WideNode>();
    late.node = new Node;
    delete new Node;
  }).join();
  EXPECT_EQ(Node::alive, 1500);
  std::thread([&] { made.clear(); }).join();
  EXPECT_EQ(Node::alive, 0);
}

}  // namespace
}  // namespace rushlight

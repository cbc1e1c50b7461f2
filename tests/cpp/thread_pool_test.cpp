#include "rushlight/core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <limits>
#include <mutex>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include "rushlight/core/error.h"
#include "rushlight/core/host.h"

namespace rushlight {
namespace {

using Interval = std::pair<int64_t, int64_t>;

class ThreadPoolTest : public testing::Test {
 protected:
  ~ThreadPoolTest() override { set_num_threads(before_); }

 private:
  int before_ = num_threads();
};

std::vector<Interval> calls(int64_t begin, int64_t end, int64_t grain) {
  std::mutex mutex;
  std::vector<Interval> seen;
  parallel_for(begin, end, grain, [&](int64_t from, int64_t to) {
    std::lock_guard lock(mutex);
    seen.emplace_back(from, to);
  });
  std::sort(seen.begin(), seen.end());
  return seen;
}

void pause_ms(int ms) { std::this_thread::sleep_for(std::chrono::milliseconds(ms)); }

TEST_F(ThreadPoolTest, CutsTheRangeBySizeAlone) {
  const std::vector<Interval> expected = {{-3, 1}, {1, 5}, {5, 9}, {9, 10}};
  for (int threads : {1, 2, 3, 8, 70}) {
    set_num_threads(threads);
    EXPECT_EQ(calls(-3, 10, 4), expected) << threads;
  }
}

TEST_F(ThreadPoolTest, EmptyAndReversedRangesCallNothing) {
  EXPECT_TRUE(calls(0, 0, 1).empty());
  EXPECT_TRUE(calls(5, 5, 100).empty());
  EXPECT_TRUE(calls(7, -7, 1).empty());
}

TEST_F(ThreadPoolTest, GrainBelowOneCountsAsOne) {
  const std::vector<Interval> expected = {{0, 1}, {1, 2}, {2, 3}};
  EXPECT_EQ(calls(0, 3, 0), expected);
  EXPECT_EQ(calls(0, 3, std::numeric_limits<int64_t>::min()), expected);
}

TEST_F(ThreadPoolTest, ExtremeBoundsDoNotOverflow) {
  constexpr int64_t lowest = std::numeric_limits<int64_t>::min(),
                    highest = std::numeric_limits<int64_t>::max();
  set_num_threads(4);
  EXPECT_EQ(calls(lowest, highest, highest),
            (std::vector<Interval>{{lowest, -1}, {-1, highest - 1}, {highest - 1, highest}}));
  EXPECT_EQ(calls(highest - 5, highest, 4),
            (std::vector<Interval>{{highest - 5, highest - 1}, {highest - 1, highest}}));
  EXPECT_EQ(calls(0, highest, highest), (std::vector<Interval>{{0, highest}}));
}

TEST_F(ThreadPoolTest, EveryElementOnce) {
  for (int threads : {1, 2, 5, 100}) {
    set_num_threads(threads);
    for (int64_t size : {1, 2, 63, 1000, 4097, 100000}) {
      for (int64_t grain : {1, 7, 4096}) {
        std::vector<int> counts(size, 0);
        parallel_for(0, size, grain, [&](int64_t from, int64_t to) {
          for (int64_t i = from; i < to; ++i) ++counts[i];
        });
        ASSERT_TRUE(std::all_of(counts.begin(), counts.end(), [](int n) { return n == 1; }))
            << threads << " threads, size " << size << ", grain " << grain;
      }
    }
  }
}

TEST_F(ThreadPoolTest, ChunkedSumsAreTheSameOnAnyNumberOfThreads) {
  std::vector<float> values(100003);
  for (size_t i = 0; i < values.size(); ++i) values[i] = 1.0f / static_cast<float>(i + 1);
  const auto sum = [&] {
    std::vector<float> parts((values.size() + 999) / 1000, 0.0f);
    parallel_for(0, static_cast<int64_t>(values.size()), 1000, [&](int64_t from, int64_t to) {
      for (int64_t i = from; i < to; ++i) parts[from / 1000] += values[i];
    });
    float total = 0;
    for (float part : parts) total += part;
    return total;
  };
  set_num_threads(1);
  const float expected = sum();
  for (int threads : {2, 3, 16}) {
    set_num_threads(threads);
    EXPECT_EQ(sum(), expected);
  }
}

TEST_F(ThreadPoolTest, SpreadsOverThreadsWithIndicesOfTheirOwn) {
  set_num_threads(4);
  std::atomic<int> inside{0}, together{0};
  std::atomic<uint32_t> taken{0};
  std::atomic<bool> clash{false};
  parallel_for(0, 4, 1, [&](int64_t, int64_t) {
    const uint32_t bit = 1u << thread_index();
    if (taken.fetch_or(bit) & bit) clash = true;
    const int now = ++inside;
    for (int seen = together; seen < now && !together.compare_exchange_weak(seen, now);) {
    }
    pause_ms(50);
    --inside;
    taken.fetch_and(~bit);
  });
  EXPECT_FALSE(clash);
  EXPECT_GE(together, 2);
  EXPECT_LE(together, 4);
}

TEST_F(ThreadPoolTest, IndexStaysBelowTheNumberOfThreads) {
  for (int threads : {6, 2, 4, 1}) {
    set_num_threads(threads);
    std::atomic<int> highest{0};
    for (int round = 0; round < 50; ++round) {
      parallel_for(0, 64, 1, [&](int64_t, int64_t) {
        for (int seen = highest;
             seen < thread_index() && !highest.compare_exchange_weak(seen, thread_index());) {
        }
      });
    }
    EXPECT_LT(highest, threads);
  }
}

TEST_F(ThreadPoolTest, NestedLoopsRunSeriallyInTheirThread) {
  set_num_threads(4);
  EXPECT_FALSE(in_parallel_region());
  std::atomic<int64_t> total{0};
  std::atomic<bool> stayed{true}, marked{true};
  parallel_for(0, 16, 1, [&](int64_t, int64_t) {
    if (!in_parallel_region()) marked = false;
    const auto thread = std::this_thread::get_id();
    parallel_for(0, 10, 3, [&](int64_t from, int64_t to) {
      if (std::this_thread::get_id() != thread) stayed = false;
      total += to - from;
    });
  });
  EXPECT_EQ(total, 160);
  EXPECT_TRUE(stayed);
  EXPECT_TRUE(marked);
  EXPECT_FALSE(in_parallel_region());
  EXPECT_EQ(thread_index(), 0);
}

TEST_F(ThreadPoolTest, OneChunkOrOneThreadIsNoParallelRegion) {
  set_num_threads(4);
  parallel_for(0, 10, 10, [](int64_t, int64_t) { EXPECT_FALSE(in_parallel_region()); });
  set_num_threads(1);
  parallel_for(0, 10, 1, [](int64_t, int64_t) { EXPECT_FALSE(in_parallel_region()); });
}

TEST_F(ThreadPoolTest, ExceptionsReachTheCaller) {
  for (int threads : {1, 2, 8}) {
    set_num_threads(threads);
    for (int64_t bad : {0, 37, 99}) {
      try {
        parallel_for(0, 100, 1, [&](int64_t from, int64_t) {
          if (from == bad) throw_error<IndexError>("chunk ", from);
        });
        FAIL() << "nothing thrown";
      } catch (const IndexError& error) {
        EXPECT_EQ(error.message(), "chunk " + std::to_string(bad));
      }
      EXPECT_FALSE(in_parallel_region());
    }
    EXPECT_THROW(parallel_for(0, 100, 1, [](int64_t, int64_t) { throw std::logic_error("all of them"); }),
                 std::logic_error);
    EXPECT_EQ(calls(0, 100, 1).size(), 100u) << "works on after an exception";
  }
}

TEST_F(ThreadPoolTest, AnExceptionEndsTheLoopEarly) {
  set_num_threads(2);
  std::atomic<int> done{0};
  EXPECT_THROW(parallel_for(0, 1'000'000'000, 1,
                            [&](int64_t, int64_t) {
                              if (++done == 100) throw std::runtime_error("enough");
                            }),
               std::runtime_error);
  EXPECT_LT(done, 1'000'000'000);
}

TEST_F(ThreadPoolTest, RejectsNumbersBelowOne) {
  for (int n : {0, -1, std::numeric_limits<int>::min()}) {
    try {
      set_num_threads(n);
      FAIL() << n;
    } catch (const RuntimeError& error) {
      EXPECT_EQ(error.message(), "set_num_threads expects a positive integer");
    }
  }
  set_num_threads(3);
  EXPECT_EQ(num_threads(), 3);
  set_num_threads(std::numeric_limits<int>::max());
  EXPECT_EQ(num_threads(), 1023);
}

TEST_F(ThreadPoolTest, ManyCallersAtOnce) {
  set_num_threads(3);
  std::vector<std::thread> callers;
  std::atomic<int> wrong{0};
  for (int caller = 0; caller < 12; ++caller) {
    callers.emplace_back([&, caller] {
      std::vector<int64_t> squares(512);
      for (int round = 0; round < 100; ++round) {
        if (caller == 0) set_num_threads(1 + round % 5);
        std::fill(squares.begin(), squares.end(), -1);
        parallel_for(0, 512, 5, [&](int64_t from, int64_t to) {
          for (int64_t i = from; i < to; ++i) squares[i] = i * i + caller;
        });
        for (int64_t i = 0; i < 512; ++i) wrong += squares[i] != i * i + caller;
        if (round % 10 == caller % 10) {
          try {
            parallel_for(0, 64, 1, [&](int64_t from, int64_t) {
              if (from == 31) throw caller;
            });
            ++wrong;
          } catch (int thrown) {
            wrong += thrown != caller;
          }
        }
      }
    });
  }
  for (std::thread& caller : callers) caller.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(ThreadPoolTest, BodiesNeedNotBeCopyableOrConst) {
  struct Body {
    std::atomic<int64_t> total{0};
    void operator()(int64_t from, int64_t to) { total += to - from; }
  };
  Body body;
  parallel_for(0, 1000, 10, body);
  EXPECT_EQ(body.total, 1000);
  parallel_for(0, 1000, 10, Body{});
}

// ThreadSanitizer does not support threads in a child of a process that had some.
#if !defined(__SANITIZE_THREAD__)
// Runs the body in a child and says how the child ended: its exit code, or -1 when it was killed (by the
// alarm, too).
template <class F>
int in_child(F body) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(20);
    _exit(body());
  }
  int status = 0;
  waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

int sum_is_right() {
  std::atomic<int64_t> sum{0};
  parallel_for(0, 1000, 3, [&](int64_t from, int64_t to) {
    for (int64_t i = from; i < to; ++i) sum += i;
  });
  return sum == 499500 ? 7 : 1;
}

// The threads that four chunks run on, as bits: each waits for the others.
int meeting_threads() {
  std::atomic<int> mask{0};
  parallel_for(0, 4, 1, [&](int64_t, int64_t) {
    mask |= 1 << thread_index();
    for (int i = 0; i < 300 && mask != 15; ++i) pause_ms(10);
  });
  return mask;
}

TEST_F(ThreadPoolTest, ForkedChildStartsThreadsOfItsOwn) {
  set_num_threads(4);
  // No thread is just starting when the process forks: AddressSanitizer's allocator would stay locked.
  ASSERT_EQ(meeting_threads(), 15);
  const auto spreads = [] { return meeting_threads() == 15 && sum_is_right() == 7 ? 7 : 1; };
  EXPECT_EQ(in_child(spreads), 7);
  EXPECT_EQ(in_child([&] { return in_child(spreads); }), 7) << "grandchild";
  EXPECT_EQ(sum_is_right(), 7) << "the parent goes on";
}

TEST_F(ThreadPoolTest, ForkWhileOtherThreadsCompute) {
  set_num_threads(3);
  std::atomic<bool> stop{false};
  std::vector<std::thread> busy;
  for (int i = 0; i < 3; ++i) {
    busy.emplace_back([&] {
      while (!stop) sum_is_right();
    });
  }
  for (int i = 0; i < 20; ++i) EXPECT_EQ(in_child(sum_is_right), 7);
  stop = true;
  for (std::thread& thread : busy) thread.join();
}

TEST_F(ThreadPoolTest, ForkInsideALoop) {
  set_num_threads(2);
  std::atomic<int> ended_well{0};
  parallel_for(0, 8, 1, [&](int64_t, int64_t) { ended_well += in_child(sum_is_right) == 7; });
  EXPECT_EQ(ended_well, 8);
}

TEST_F(ThreadPoolTest, ChildOfTheCallerThatReturnsIntoTheLoop) {
  set_num_threads(2);
  const int code = in_child([] {
    const pid_t first = getpid();
    pid_t child = -1;
    std::atomic<int> done{0};
    try {
      parallel_for(0, 2, 1, [&](int64_t, int64_t) {
        pause_ms(20);  // by now the worker has its chunk
        if (thread_index() == 0 && getpid() == first && child < 0) child = fork();
        pause_ms(40);
        ++done;
      });
    } catch (const RuntimeError&) {
      if (getpid() == first) return 2;
      _exit(5);
    }
    if (getpid() != first) _exit(done == 2 && sum_is_right() == 7 ? 5 : 3);
    int status = 0;
    waitpid(child, &status, 0);
    return WIFEXITED(status) && WEXITSTATUS(status) == 5 ? 7 : 4;
  });
  EXPECT_EQ(code, 7);
}

TEST_F(ThreadPoolTest, ChildOfAWorkerEnds) {
  set_num_threads(2);
  const int code = in_child([] {
    std::atomic<pid_t> child{-1};
    parallel_for(0, 2, 1, [&](int64_t, int64_t) {
      pause_ms(20);
      if (thread_index() != 0) child = fork();
      pause_ms(20);
    });
    int status = 0;
    if (child > 0 && waitpid(child, &status, 0) != child) return 3;
    return 7;
  });
  EXPECT_EQ(code, 7);
}

TEST_F(ThreadPoolTest, ExitsWhileWorkersSleepOrSpin) {
  EXPECT_EXIT(
      {
        set_num_threads(4);
        sum_is_right();
        std::exit(3);
      },
      testing::ExitedWithCode(3), "");
}
#endif

class HostTest : public testing::Test {
 protected:
  HostTest() { std::filesystem::create_directories(root_); }
  ~HostTest() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }

  const std::string root_ = testing::TempDir() + "rushlight_host_" + std::to_string(getpid());
};

TEST_F(HostTest, NoControlGroups) {
  EXPECT_EQ(cgroup_cpu_limit(root_), kNoLimit);
  EXPECT_EQ(cgroup_memory_limit(root_), kNoLimit);
}

TEST_F(HostTest, VersionTwoTakesTheTightestAncestor) {
  write("/proc/self/cgroup", "0::/user/job\n");
  write("/sys/fs/cgroup/user/job/cpu.max", "max 100000\n");
  write("/sys/fs/cgroup/user/cpu.max", "250000 100000\n");
  write("/sys/fs/cgroup/user/job/memory.max", "1048576\n");
  write("/sys/fs/cgroup/user/memory.max", "max\n");
  EXPECT_EQ(cgroup_cpu_limit(root_), 3);
  EXPECT_EQ(cgroup_memory_limit(root_), 1048576);
}

TEST_F(HostTest, VersionTwoInAContainer) {
  write("/proc/self/cgroup", "0::/not/mounted/here\n");
  write("/sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(cgroup_cpu_limit(root_), 1);
}

TEST_F(HostTest, VersionOne) {
  write("/proc/self/cgroup", "5:cpuset:/\n4:memory:/job\n3:cpu,cpuacct:/job\n0::/\n");
  write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_quota_us", "400000\n");
  write("/sys/fs/cgroup/cpu,cpuacct/job/cpu.cfs_period_us", "100000\n");
  write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_quota_us", "-1\n");
  write("/sys/fs/cgroup/cpu,cpuacct/cpu.cfs_period_us", "100000\n");
  write("/sys/fs/cgroup/memory/job/memory.limit_in_bytes", "123456789\n");
  EXPECT_EQ(cgroup_cpu_limit(root_), 4);
  EXPECT_EQ(cgroup_memory_limit(root_), 123456789);
}

TEST_F(HostTest, NonsenseIsNoLimit) {
  write("/proc/self/cgroup", "garbage\n::\n0:\n1:cpu\n0::relative\n0::/a\n");
  write("/sys/fs/cgroup/a/cpu.max", "fast 0\n");
  write("/sys/fs/cgroup/cpu.max", "100000 0\n");
  EXPECT_EQ(cgroup_cpu_limit(root_), kNoLimit);
}

TEST_F(HostTest, TheLargestCache) {
  EXPECT_EQ(last_cache_bytes(root_), 32 << 20);
  write("/sys/devices/system/cpu/cpu0/cache/index0/size", "32K\n");
  write("/sys/devices/system/cpu/cpu0/cache/index1/size", "16384K\n");
  write("/sys/devices/system/cpu/cpu0/cache/index2/size", "many\n");
  EXPECT_EQ(last_cache_bytes(root_), 16 << 20);
}

TEST_F(HostTest, ThisMachine) {
  EXPECT_GE(available_cpus(), 1);
  EXPECT_GT(available_memory(), 1 << 20);
}

}  // namespace
}  // namespace rushlight

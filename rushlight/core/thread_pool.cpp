// How a parallel_for runs. The caller fills in a Job, calls idle workers and goes to work on the job itself;
// workers join while it is open. Whoever finds no chunk left closes it, so that the caller waits only for
// threads that hold a chunk, never for one that is still waking up.
//
// Chunks are dealt to one lane for each thread, so that a thread meets the same data again in the next call;
// a thread that is done with its lane helps with the others.
#include "rushlight/core/thread_pool.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <exception>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include "rushlight/core/error.h"
#include "rushlight/core/host.h"

namespace rushlight {
namespace {

constexpr int kMaxThreads = 1023;  // Job::state_ has ten bits for a number of threads
constexpr int kMaxLanes = 64;
constexpr int kMaxJobs = 8;  // callers served at once; one more runs its loop alone
// Waking a sleeper takes its caller 10 us on a virtual machine, and 30 us pass until it runs.
constexpr auto kSpinTime = std::chrono::microseconds(100);

struct ThreadState {
  bool in_parallel_region = false;
  int index = 0;
};
constinit thread_local ThreadState t_state;

constinit std::atomic<int> g_num_threads{0};  // 0: not asked for yet
constinit std::atomic<uint32_t> g_forks{0};   // how many forks lie between the first process and this one

void relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

// Waits for the condition without sleeping, for kSpinTime at most; says whether it came true.
template <class Condition>
bool spin_until(bool may_spin, Condition condition) {
  if (condition()) return true;
  if (!may_spin) return false;
  const auto deadline = std::chrono::steady_clock::now() + kSpinTime;
  do {
    for (int i = 0; i < 32; ++i) {
      if (condition()) return true;
      relax();
    }
  } while (std::chrono::steady_clock::now() < deadline);
  return false;
}

class Job {
 public:
  bool try_acquire() {
    return !taken_.load(std::memory_order_relaxed) && !taken_.exchange(true, std::memory_order_acquire);
  }
  void release() { taken_.store(false, std::memory_order_release); }

  // Lets `helpers` workers join, of those whose index is below `threads`.
  void open(const detail::Chunks& chunks, detail::RunChunks run, void* body, int threads, int helpers) {
    chunks_ = &chunks;
    run_ = run;
    body_ = body;
    failed_.store(false, std::memory_order_relaxed);
    num_lanes_ = std::min(helpers + 1, kMaxLanes);
    const uint64_t share = chunks.count / num_lanes_, rest = chunks.count % num_lanes_;
    stride_ = std::max<uint64_t>(1, share / 32);
    uint64_t next = 0;
    for (uint64_t i = 0; i < static_cast<uint64_t>(num_lanes_); ++i) {
      lanes_[i].next.store(next, std::memory_order_relaxed);
      lanes_[i].end = next += share + (i < rest);
    }
    state_.store(kOpen | threads * kThread | helpers * kTicket, std::memory_order_seq_cst);
  }

  bool join(int index) {
    uint32_t state = state_.load(std::memory_order_seq_cst);
    while ((state & kOpen) != 0 && field(state, kTicket) > 0 &&
           index < static_cast<int>(field(state, kThread))) {
      if (state_.compare_exchange_weak(state, state - kTicket + kActive, std::memory_order_acq_rel))
        return true;
    }
    return false;
  }

  // Runs chunks until none is left that nobody has begun.
  void work(int index) noexcept {
    for (int i = 0; i < num_lanes_; ++i) {
      Lane& lane = lanes_[(index + i) % num_lanes_];
      while (lane.next.load(std::memory_order_relaxed) < lane.end &&
             !failed_.load(std::memory_order_relaxed)) {
        const uint64_t from = lane.next.fetch_add(stride_, std::memory_order_relaxed);
        if (from >= lane.end) break;
        try {
          run_(body_, *chunks_, from, std::min(from + stride_, lane.end));
        } catch (...) {
          if (!failed_.exchange(true, std::memory_order_relaxed)) error_ = std::current_exception();
        }
      }
    }
  }

  // A worker's last touch of what the caller lent. The job outlives the call, so the wake-up may come late.
  void leave() {
    state_.fetch_and(~kOpen, std::memory_order_relaxed);
    if (field(state_.fetch_sub(kActive, std::memory_order_acq_rel), kActive) == 1) state_.notify_one();
  }

  void close() { state_.fetch_and(~kOpen, std::memory_order_acq_rel); }
  bool idle() const { return field(state_.load(std::memory_order_acquire), kActive) == 0; }
  void wait(bool may_spin) {
    if (spin_until(may_spin, [&] { return idle(); })) return;
    for (uint32_t state; field(state = state_.load(std::memory_order_acquire), kActive) != 0;) {
      state_.wait(state, std::memory_order_acquire);
    }
  }
  std::exception_ptr take_error() { return std::exchange(error_, nullptr); }

 private:
  // On a cache line of its own: a thread alone on its lane claims chunks without traffic between cores.
  struct alignas(64) Lane {
    std::atomic<uint64_t> next{0};
    uint64_t end = 0;
  };

  // state_: workers inside, workers that may still join, threads of this call, and whether it is open.
  static constexpr uint32_t kActive = 1, kTicket = 1u << 10, kThread = 1u << 20, kOpen = 1u << 31;
  static constexpr uint32_t field(uint32_t state, uint32_t unit) { return state / unit & 1023; }

  alignas(64) std::atomic<uint32_t> state_{0};
  std::atomic<bool> taken_{false};
  std::atomic<bool> failed_{false};
  std::exception_ptr error_;
  const detail::Chunks* chunks_ = nullptr;
  detail::RunChunks run_ = nullptr;
  void* body_ = nullptr;
  uint64_t stride_ = 1;
  int num_lanes_ = 0;
  Lane lanes_[kMaxLanes];
};

// Never destroyed: workers sleep in it until the process ends, and a forked child leaves the copy alone.
class Pool {
 public:
  static Pool& instance() {
    Pool* pool = current_.load(std::memory_order_acquire);
    return pool != nullptr ? *pool : create();
  }

  Job* acquire_job() {
    for (Job& job : jobs_) {
      if (job.try_acquire()) return &job;
    }
    return nullptr;
  }

  // Starts workers until there are `wanted`; where the system grants fewer, says how many there are.
  int ensure_workers(int wanted) {
    const int started = num_workers_.load(std::memory_order_acquire);
    return started >= wanted ? wanted : start_workers(wanted);
  }

  // Calls up to `helpers` idle workers of those with indices 1 ... threads - 1. One that is busy looks for
  // jobs itself before it rests.
  void call(int helpers, int threads) {
    const int cpu = cpus_ > 1 ? sched_getcpu() : -1;
    for (int i = 1; i < threads && helpers > 0; ++i) {
      std::atomic<uint32_t>& mood = workers_[i].mood;
      uint32_t seen = mood.load(std::memory_order_seq_cst);
      if (seen != kIdle && seen != kAsleep) continue;
      if (workers_[i].shunned_cpu.load(std::memory_order_relaxed) != cpu) shun(workers_[i], cpu);
      if (!mood.compare_exchange_strong(seen, kCalled, std::memory_order_acq_rel)) {
        if (seen != kAsleep || !mood.compare_exchange_strong(seen, kCalled, std::memory_order_acq_rel))
          continue;
      }
      if (seen == kAsleep) mood.notify_one();
      --helpers;
    }
  }

  // Threads that outnumber the processors would spin in one another's way.
  bool may_spin(int threads) const { return threads <= cpus_; }

 private:
  enum Mood : uint32_t { kBusy, kIdle, kAsleep, kCalled };
  struct alignas(64) Worker {
    std::atomic<uint32_t> mood{kBusy};
    std::atomic<int> shunned_cpu{-1};
    pthread_t thread{};
  };

  static Pool& create();
  static void start_anew();
  int start_workers(int wanted);
  static void shun(Worker& worker, int cpu);
  void work_forever(int index);
  void rest(std::atomic<uint32_t>& mood);
  Job* join_any(int index) {
    for (Job& job : jobs_) {
      if (job.join(index)) return &job;
    }
    return nullptr;
  }

  static constinit std::atomic<Pool*> current_;
  static constinit std::mutex setup_;  // guards creation and the start of workers; held across a fork
  static const int at_fork_;

  Job jobs_[kMaxJobs];
  Worker workers_[kMaxThreads + 1];
  std::atomic<int> num_workers_{0};
  const int cpus_ = available_cpus();
};

constinit std::atomic<Pool*> Pool::current_{nullptr};
constinit std::mutex Pool::setup_;

const int Pool::at_fork_ = pthread_atfork([] { setup_.lock(); }, [] { setup_.unlock(); }, start_anew);

// In a forked child: the workers stayed in the parent, so the first parallel_for makes another pool.
void Pool::start_anew() {
  current_.store(nullptr, std::memory_order_relaxed);
  g_forks.fetch_add(1, std::memory_order_relaxed);
  setup_.unlock();
}

Pool& Pool::create() {
  std::lock_guard lock(setup_);
  Pool* pool = current_.load(std::memory_order_relaxed);
  if (pool == nullptr) current_.store(pool = new Pool, std::memory_order_release);
  return *pool;
}

int Pool::start_workers(int wanted) {
  std::lock_guard lock(setup_);
  int started = num_workers_.load(std::memory_order_relaxed);
  // Workers inherit a full mask: signals are the business of the program's own threads.
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  try {
    for (; started < wanted; ++started) {
      std::thread thread(&Pool::work_forever, this, started + 1);
      workers_[started + 1].thread = thread.native_handle();
      thread.detach();
    }
  } catch (const std::exception&) {
    // No more threads to be had: the ones there are do the work.
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  num_workers_.store(started, std::memory_order_release);
  return std::min(started, wanted);
}

// Lets a worker run wherever its caller may, but for the caller's own processor. Linux likes to wake a thread
// where its waker runs; on a KVM guest, whose sleeping processors do not count as idle (available_idle_cpu()
// in the kernel's scheduler), it does so while others have nothing to do, and the two take turns for
// milliseconds.
void Pool::shun(Worker& worker, int cpu) {
  worker.shunned_cpu.store(cpu, std::memory_order_relaxed);
  cpu_set_t allowed;
  if (cpu < 0 || cpu >= CPU_SETSIZE || sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  if (CPU_COUNT(&allowed) > 1) CPU_CLR(cpu, &allowed);
  pthread_setaffinity_np(worker.thread, sizeof allowed, &allowed);
}

void Pool::work_forever(int index) {
  t_state = {.in_parallel_region = true, .index = index};
  const uint32_t forks = g_forks.load(std::memory_order_relaxed);
  std::atomic<uint32_t>& mood = workers_[index].mood;
  for (;;) {
    // Idle first, then look: a caller that still saw this worker busy has opened its job before that look.
    mood.store(kIdle, std::memory_order_seq_cst);
    if (Job* job = join_any(index)) {
      mood.store(kBusy, std::memory_order_relaxed);
      job->work(index);
      // The body forked and came back. In the child there is nobody to go on for.
      if (g_forks.load(std::memory_order_relaxed) != forks) _exit(0);
      job->leave();
    } else {
      rest(mood);
    }
  }
}

void Pool::rest(std::atomic<uint32_t>& mood) {
  const bool spin = may_spin(g_num_threads.load(std::memory_order_relaxed));
  if (spin_until(spin, [&] { return mood.load(std::memory_order_acquire) == kCalled; })) return;
  uint32_t expected = kIdle;
  if (!mood.compare_exchange_strong(expected, kAsleep, std::memory_order_acq_rel)) return;
  while (mood.load(std::memory_order_acquire) == kAsleep) mood.wait(kAsleep, std::memory_order_acquire);
}

// The first number of OMP_NUM_THREADS (a list has one for each level of nesting); kMaxThreads without one.
int omp_num_threads() {
  const char* text = std::getenv("OMP_NUM_THREADS");
  if (text == nullptr) return kMaxThreads;
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  return end == text || value < 1 ? kMaxThreads : static_cast<int>(std::min<long>(value, kMaxThreads));
}

// Marks the caller as thread 0 of its own parallel_for.
class Region {
 public:
  Region() { t_state = {.in_parallel_region = true, .index = 0}; }
  ~Region() { t_state = {}; }
  Region(const Region&) = delete;
  Region& operator=(const Region&) = delete;
};

}  // namespace

int num_threads() {
  const int known = g_num_threads.load(std::memory_order_relaxed);
  if (known != 0) [[likely]]
    return known;
  int unknown = 0;
  const int threads = std::min(available_cpus(), omp_num_threads());
  return g_num_threads.compare_exchange_strong(unknown, threads) ? threads : unknown;
}

void set_num_threads(int n) {
  RL_CHECK(n >= 1, "set_num_threads expects a positive integer");
  g_num_threads.store(std::min(n, kMaxThreads), std::memory_order_relaxed);
}

bool in_parallel_region() { return t_state.in_parallel_region; }

int thread_index() { return t_state.index; }

namespace detail {

void run_parallel(const Chunks& chunks, RunChunks run, void* body) {
  int threads = num_threads();
  if (threads == 1 || t_state.in_parallel_region) return run(body, chunks, 0, chunks.count);

  Pool& pool = Pool::instance();
  threads = 1 + pool.ensure_workers(threads - 1);
  Job* job = threads == 1 ? nullptr : pool.acquire_job();
  if (job == nullptr) return run(body, chunks, 0, chunks.count);

  const uint32_t forks = g_forks.load(std::memory_order_relaxed);
  const int helpers = static_cast<int>(std::min<uint64_t>(chunks.count, threads)) - 1;
  job->open(chunks, run, body, threads, helpers);
  pool.call(helpers, threads);
  {
    Region region;
    job->work(0);
  }
  job->close();
  if (g_forks.load(std::memory_order_relaxed) != forks) [[unlikely]] {
    // The body forked and this is the child. Workers that held chunks are not here to finish them.
    RL_CHECK(job->idle(),
             "parallel_for: the process forked inside the loop, and the work of other threads is lost");
  }
  job->wait(pool.may_spin(threads));
  std::exception_ptr error = job->take_error();
  job->release();
  if (error) std::rethrow_exception(std::move(error));
}

}  // namespace detail
}  // namespace rushlight

// The machine's own limits: fused multiply-adds a second, and bytes a second to and from memory, on as many
// threads as the arguments say. Prints one line of JSON for each number of threads:
//
//   {"threads": 2, "target": "AVX2", "float32": 1.9e11, "float64": 9.5e10, "fed": 1.7e11, "memory": 3.1e10}
//
// float32 and float64 count a multiplication and an addition each, their factors in registers, the best of
// many short runs. fed is float32 with factors from the first cache, as every product of matrices needs them,
// and the average of those runs: what a call can have that lasts longer than the machine keeps quiet. memory
// is the best of reading, copying and adding arrays of 128 MiB, counted as in STREAM (J. McCalpin, 1995):
// what the program reads and writes, nothing the caches add.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <thread>
#include <vector>

#include <hwy/aligned_allocator.h>
#include <hwy/cache_control.h>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "benchmarks/probe.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rushlight::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// Twelve independent sums cover the latency of two units (4 or 5 cycles each) and fit 16 registers with both
// factors.
template <class T>
T multiply_add(int64_t steps) {
  const hn::ScalableTag<T> d;
  const auto m = hn::Set(d, T(0.999)), c = hn::Set(d, T(0.001));
  // Different starts: the compiler would compute equal sums once.
  const auto start = [&](int k) HWY_ATTR { return hn::Set(d, T(0.01) * static_cast<T>(k)); };
  auto a0 = start(0), a1 = start(1), a2 = start(2), a3 = start(3), a4 = start(4), a5 = start(5);
  auto a6 = start(6), a7 = start(7), a8 = start(8), a9 = start(9), a10 = start(10), a11 = start(11);
  for (int64_t i = 0; i < steps; ++i) {
    a0 = hn::MulAdd(a0, m, c), a1 = hn::MulAdd(a1, m, c), a2 = hn::MulAdd(a2, m, c),
    a3 = hn::MulAdd(a3, m, c);
    a4 = hn::MulAdd(a4, m, c), a5 = hn::MulAdd(a5, m, c), a6 = hn::MulAdd(a6, m, c),
    a7 = hn::MulAdd(a7, m, c);
    a8 = hn::MulAdd(a8, m, c), a9 = hn::MulAdd(a9, m, c), a10 = hn::MulAdd(a10, m, c),
    a11 = hn::MulAdd(a11, m, c);
  }
  a0 = hn::Add(hn::Add(hn::Add(a0, a1), hn::Add(a2, a3)), hn::Add(hn::Add(a4, a5), hn::Add(a6, a7)));
  a0 = hn::Add(a0, hn::Add(hn::Add(a8, a9), hn::Add(a10, a11)));
  return hn::GetLane(hn::SumOfLanes(d, a0));
}

// The inner loop of a matrix product: a tile of kRows x 2 vectors, its factors packed and small enough for
// the first cache.
constexpr int kRows = HWY_MAX_BYTES == 64 ? 14 : 6;
double fed_steps(int64_t steps) {
  const hn::ScalableTag<float> d;
  constexpr int64_t kDepth = 256;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  static thread_local const auto factors =
      hwy::MakeUniqueAlignedArray<float>(kDepth * (kRows + 2 * HWY_MAX_BYTES / sizeof(float)), 0.5f);
  hn::Vec<decltype(d)> sums[kRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) sums[r][0] = sums[r][1] = hn::Zero(d);
  for (int64_t i = 0; i < steps; i += kDepth) {
    const float *a = factors.get(), *b = a + kDepth * kRows;
#pragma GCC unroll 4
    for (int64_t k = 0; k < kDepth; ++k, a += kRows, b += 2 * lanes) {
      const auto b0 = hn::LoadU(d, b), b1 = hn::LoadU(d, b + lanes);
#pragma GCC unroll 16
      for (int r = 0; r < kRows; ++r) {
        const auto x = hn::Set(d, a[r]);
        sums[r][0] = hn::MulAdd(x, b0, sums[r][0]), sums[r][1] = hn::MulAdd(x, b1, sums[r][1]);
      }
    }
  }
  auto total = hn::Zero(d);
#pragma GCC unroll 16
  for (int r = 0; r < kRows; ++r) total = hn::Add(total, hn::Add(sums[r][0], sums[r][1]));
  return hn::GetLane(hn::SumOfLanes(d, total));
}

double float_steps(int64_t steps) { return multiply_add<float>(steps); }
double double_steps(int64_t steps) { return multiply_add<double>(steps); }

// Arithmetic operations of one step.
int64_t float_work() { return 24 * static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>())); }
int64_t fed_work() { return 4 * kRows * static_cast<int64_t>(hn::Lanes(hn::ScalableTag<float>())); }
int64_t double_work() { return 24 * static_cast<int64_t>(hn::Lanes(hn::ScalableTag<double>())); }

double read(const float* a, const float*, float*, int64_t n) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  auto s0 = hn::Zero(d), s1 = s0, s2 = s0, s3 = s0;
  for (int64_t i = 0; i + 4 * lanes <= n; i += 4 * lanes) {
    s0 = hn::Add(s0, hn::LoadU(d, a + i)), s1 = hn::Add(s1, hn::LoadU(d, a + i + lanes));
    s2 = hn::Add(s2, hn::LoadU(d, a + i + 2 * lanes)), s3 = hn::Add(s3, hn::LoadU(d, a + i + 3 * lanes));
  }
  return hn::GetLane(hn::SumOfLanes(d, hn::Add(hn::Add(s0, s1), hn::Add(s2, s3))));
}

// Non-temporal stores: the old contents of the target are not fetched first.
double copy(const float* a, const float*, float* out, int64_t n) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i + lanes <= n; i += lanes) hn::Stream(hn::Load(d, a + i), d, out + i);
  hwy::FlushStream();
  return out[0];
}

double add(const float* a, const float* b, float* out, int64_t n) {
  const hn::ScalableTag<float> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  for (int64_t i = 0; i + lanes <= n; i += lanes)
    hn::Stream(hn::Add(hn::Load(d, a + i), hn::Load(d, b + i)), d, out + i);
  hwy::FlushStream();
  return out[0];
}

const char* target_name() { return hwy::TargetName(HWY_TARGET); }

}  // namespace
}  // namespace rushlight::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE

namespace rushlight {
namespace {

HWY_EXPORT(float_steps);
HWY_EXPORT(double_steps);
HWY_EXPORT(fed_steps);
HWY_EXPORT(float_work);
HWY_EXPORT(double_work);
HWY_EXPORT(fed_work);
HWY_EXPORT(read);
HWY_EXPORT(copy);
HWY_EXPORT(add);
HWY_EXPORT(target_name);

std::atomic<double> sink;  // so that no result is unused

// Seconds until all threads, started together, have run body(index).
double seconds(int threads, const std::function<double(int)>& body) {
  using Clock = std::chrono::steady_clock;
  std::atomic<int> ready{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> team;
  for (int k = 0; k < threads; ++k)
    team.emplace_back([&, k] {
      ++ready;
      while (!go.load(std::memory_order_acquire)) std::this_thread::yield();
      sink = body(k);
    });
  while (ready.load() < threads) std::this_thread::yield();
  const auto start = Clock::now();
  go.store(true, std::memory_order_release);
  for (std::thread& thread : team) thread.join();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

struct Rate {
  double best, average;
};

Rate rate_of(int threads, double work, const std::function<double(int)>& body) {
  constexpr int kRounds = 25;
  Rate rate{0, 0};
  double total = 0;
  for (int round = 0; round < kRounds; ++round) {
    const double took = seconds(threads, body);
    rate.best = std::max(rate.best, threads * work / took);
    total += took;
  }
  rate.average = kRounds * threads * work / total;
  return rate;
}

template <class Steps>
Rate arithmetic_rate(int threads, Steps steps, int64_t work) {
  constexpr int64_t kSteps = 8'192'000;  // about 20 ms
  return rate_of(threads, static_cast<double>(kSteps) * work, [&](int) { return steps(kSteps); });
}

double memory_rate(int threads) {
  constexpr int64_t kCount = int64_t{32} << 20;  // floats of one array, over all threads
  const int64_t share = kCount / threads / 64 * 64;
  const auto a = hwy::AllocateAligned<float>(kCount), b = hwy::AllocateAligned<float>(kCount),
             out = hwy::AllocateAligned<float>(kCount);
  if (!a || !b || !out) return 0;
  std::fill_n(a.get(), kCount, 1.0f), std::fill_n(b.get(), kCount, 2.0f),
      std::fill_n(out.get(), kCount, 0.0f);
  const auto rate = [&](auto pass, int arrays) {
    const double bytes = static_cast<double>(arrays * share) * sizeof(float);
    const auto part = [&](int k) {
      return pass(a.get() + k * share, b.get() + k * share, out.get() + k * share, share);
    };
    return rate_of(threads, bytes, part).best;
  };
  return std::max({rate(HWY_DYNAMIC_DISPATCH(read), 1), rate(HWY_DYNAMIC_DISPATCH(copy), 2),
                   rate(HWY_DYNAMIC_DISPATCH(add), 3)});
}

}  // namespace
}  // namespace rushlight

int main(int argc, char** argv) {
  using namespace rushlight;
  for (int k = 1; k < argc; ++k) {
    const int threads = std::max(1, std::atoi(argv[k]));
    const Rate single =
        arithmetic_rate(threads, HWY_DYNAMIC_DISPATCH(float_steps), HWY_DYNAMIC_DISPATCH(float_work)());
    const Rate twofold =
        arithmetic_rate(threads, HWY_DYNAMIC_DISPATCH(double_steps), HWY_DYNAMIC_DISPATCH(double_work)());
    const Rate fed =
        arithmetic_rate(threads, HWY_DYNAMIC_DISPATCH(fed_steps), HWY_DYNAMIC_DISPATCH(fed_work)());
    std::printf(
        "{\"threads\": %d, \"target\": \"%s\", \"float32\": %.4g, \"float64\": %.4g, \"fed\": %.4g, "
        "\"memory\": %.4g}\n",
        threads, HWY_DYNAMIC_DISPATCH(target_name)(), single.best, twofold.best, fed.average,
        memory_rate(threads));
  }
}
#endif  // HWY_ONCE

// The CPU random generator: mt19937 with the seeding, the draw order and the serialized state of PyTorch's
// CPU generator, so that a program prints the same numbers and the states of both libraries can be exchanged.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>

namespace rushlight {

// Members that handle the whole state (manual_seed, seed, initial_seed, get_state, set_state, clone) take the
// lock themselves. Draws do not: an operation holds `lock()` from its first draw to its last.
class Generator {
 public:
  static constexpr uint64_t kDefaultSeed = 67280421310721;  // of a generator made without a seed
  static constexpr int64_t kStateBytes = 5056;
  using State = std::array<uint8_t, kStateBytes>;

  explicit Generator(uint64_t seed = kDefaultSeed);
  Generator(const Generator&) = delete;
  Generator& operator=(const Generator&) = delete;

  // Restarts the stream and forgets the cached normals. The engine sees the low 32 bits; initial_seed() has
  // all 64.
  void manual_seed(uint64_t seed);
  uint64_t initial_seed() const;
  // Seeds from the operating system's entropy and returns that seed. Throws RuntimeError when there is none.
  uint64_t seed();

  // The bytes of torch.Generator.get_state(), little-endian. set_state throws RuntimeError, and changes
  // nothing, when `size` is not kStateBytes or the engine's counters are out of range.
  State get_state() const;
  void set_state(const uint8_t* bytes, int64_t size);
  std::shared_ptr<Generator> clone() const;

  [[nodiscard]] std::unique_lock<std::mutex> lock() const { return std::unique_lock(mutex_); }

  // ---- Draws: the caller holds lock(). ----

  uint32_t next32() {
    if (--left_ == 0 || next_ == kWords) [[unlikely]]
      twist();
    return temper(words_[next_++]);
  }
  // Two draws; the first is the upper half.
  uint64_t next64() {
    const uint64_t high = next32();
    return high << 32 | next32();
  }
  // Uniform on [0, 1): 24 bits of one draw, 53 bits of two.
  float next_float() { return static_cast<float>(next32() & 0xffffffu) * 0x1p-24f; }
  double next_double() { return static_cast<double>(next64() & ((uint64_t{1} << 53) - 1)) * 0x1p-53; }
  // The next `count` values of next32(), in order, vectorised.
  void generate(uint32_t* out, int64_t count);

  // Standard normal by Box and Muller's transform in double, which makes two values: the second is kept for
  // the next call and belongs to the state.
  double next_normal();

 private:
  static constexpr int kWords = 624;
  static constexpr int kPad = 16;  // the twist reads one vector beyond the end

  static constexpr uint32_t temper(uint32_t y) {
    y ^= y >> 11;
    y ^= (y << 7) & 0x9d2c5680u;
    y ^= (y << 15) & 0xefc60000u;
    return y ^ (y >> 18);
  }
  void reset(uint64_t seed);
  void twist();

  mutable std::mutex mutex_;
  alignas(64) std::array<uint32_t, kWords + kPad> words_;
  // Serialized as they are: `left_` counts down to the next twist and `next_` up to the next word. left_ +
  // next_ is 625 except before the first draw (1 and 0) and in states made elsewhere.
  int32_t left_;
  uint32_t next_;
  uint64_t seed_;
  std::optional<double> normal_;       // the cached second value of next_normal()
  std::optional<float> float_normal_;  // never made here; PyTorch's layout has it, so it travels along
};

// The process-wide generator that operations use when none is given; seeded from entropy at first use.
Generator& default_generator();
// The same, to be held like any other generator.
const std::shared_ptr<Generator>& default_generator_ptr();

}  // namespace rushlight

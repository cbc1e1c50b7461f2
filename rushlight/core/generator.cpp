#include "rushlight/core/generator.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <numbers>
#include <random>
#include <type_traits>

#include "rushlight/core/error.h"

// The engine is M. Matsumoto and T. Nishimura, "Mersenne Twister: a 623-dimensionally equidistributed uniform
// pseudo-random number generator", 1998, with the initialization of 2002.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/core/generator.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rushlight::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

constexpr int kWords = 624;
constexpr int kMiddle = 397;

// All 624 words are replaced in place. Word j needs the old j + 1 and the word j + 397 modulo 624, old while
// j < 227 and new from there. `p` has a vector's room at its end: once the first vector is done its copy
// there makes the ring a line, for words that wrap around within a vector.
void twist(uint32_t* HWY_RESTRICT p) {
  const hn::CappedTag<uint32_t, 16> d;
  const int lanes = static_cast<int>(hn::Lanes(d));  // 4, 8 or 16: divides 624
  const auto upper = hn::Set(d, 0x80000000u);
  const auto matrix = hn::Set(d, 0x9908b0dfu);
  const auto one = hn::Set(d, 1u);
  const auto zero = hn::Zero(d);
  const auto step = [&](int j, int other) HWY_ATTR {
    const auto next = hn::LoadU(d, p + j + 1);
    const auto mixed = hn::OrAnd(hn::AndNot(upper, next), hn::Load(d, p + j), upper);
    const auto odd = hn::And(matrix, hn::Sub(zero, hn::And(next, one)));
    hn::Store(hn::Xor3(hn::LoadU(d, p + other), hn::ShiftRight<1>(mixed), odd), d, p + j);
  };
  step(0, kMiddle);
  hn::Store(hn::Load(d, p), d, p + kWords);
  int j = lanes;
  for (; j < kWords - kMiddle; j += lanes) step(j, j + kMiddle);
  for (; j < kWords; j += lanes) step(j, j + kMiddle - kWords);
}

void temper(const uint32_t* HWY_RESTRICT words, uint32_t* HWY_RESTRICT out, int64_t count) {
  const hn::ScalableTag<uint32_t> d;
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  const auto mask_b = hn::Set(d, 0x9d2c5680u);
  const auto mask_c = hn::Set(d, 0xefc60000u);
  const auto tempered = [&](auto y) HWY_ATTR {
    y = hn::Xor(y, hn::ShiftRight<11>(y));
    y = hn::Xor(y, hn::And(hn::ShiftLeft<7>(y), mask_b));
    y = hn::Xor(y, hn::And(hn::ShiftLeft<15>(y), mask_c));
    return hn::Xor(y, hn::ShiftRight<18>(y));
  };
  int64_t i = 0;
  for (; i + lanes <= count; i += lanes) hn::StoreU(tempered(hn::LoadU(d, words + i)), d, out + i);
  if (i == count) return;
  HWY_ALIGN uint32_t last[HWY_MAX_BYTES / sizeof(uint32_t)] = {};
  std::memcpy(last, words + i, static_cast<size_t>(count - i) * sizeof(uint32_t));
  hn::Store(tempered(hn::Load(d, last)), d, last);
  std::memcpy(out + i, last, static_cast<size_t>(count - i) * sizeof(uint32_t));
}

}  // namespace
}  // namespace rushlight::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rushlight {
namespace {

HWY_EXPORT(twist);
HWY_EXPORT(temper);

// The layout of PyTorch's serialized state.
struct Serialized {
  uint64_t seed;
  int32_t left;
  int32_t seeded;
  uint64_t next;
  uint64_t words[624];
  double unused_x;
  double normal;
  double unused_rho;
  int32_t has_normal;
  float float_normal;
  uint8_t has_float_normal;
  uint8_t padding[7];
};
static_assert(sizeof(Serialized) == Generator::kStateBytes && std::is_trivially_copyable_v<Serialized>);

uint64_t entropy() {
  try {
    std::random_device device;
    const uint64_t high = device();
    return high << 32 | device();
  } catch (const std::exception& e) {
    throw_error("Unable to read from the system's random device: ", e.what());
  }
}

}  // namespace

Generator::Generator(uint64_t seed) { reset(seed); }

void Generator::reset(uint64_t seed) {
  words_[0] = static_cast<uint32_t>(seed);
  for (uint32_t i = 1; i < kWords; ++i) words_[i] = 1812433253u * (words_[i - 1] ^ (words_[i - 1] >> 30)) + i;
  left_ = 1;
  next_ = 0;
  seed_ = seed;
  normal_.reset();
  float_normal_.reset();
}

void Generator::manual_seed(uint64_t seed) {
  const auto held = lock();
  reset(seed);
}

uint64_t Generator::initial_seed() const {
  const auto held = lock();
  return seed_;
}

uint64_t Generator::seed() {
  const uint64_t seed = entropy();
  manual_seed(seed);
  return seed;
}

Generator::State Generator::get_state() const {
  const auto held = lock();
  Serialized s{};
  s.seed = seed_;
  s.left = left_;
  s.seeded = 1;
  s.next = next_;
  std::copy_n(words_.begin(), kWords, s.words);
  s.has_normal = normal_.has_value();
  s.normal = normal_.value_or(0.0);
  s.has_float_normal = float_normal_.has_value();
  s.float_normal = float_normal_.value_or(0.0f);
  return std::bit_cast<State>(s);
}

void Generator::set_state(const uint8_t* bytes, int64_t size) {
  RL_CHECK(size == kStateBytes, "Expected a CPUGeneratorImplState of size ", kStateBytes,
           " but found the input RNG state size to be ", size);
  Serialized s;
  std::memcpy(&s, bytes, sizeof(s));
  const uint32_t next = static_cast<uint32_t>(s.next);
  RL_CHECK(s.seeded != 0 && s.left > 0 && s.left <= kWords && next <= kWords, "Invalid mt19937 state");

  const auto held = lock();
  std::transform(s.words, s.words + kWords, words_.begin(),
                 [](uint64_t w) { return static_cast<uint32_t>(w); });
  seed_ = s.seed;
  left_ = s.left;
  next_ = next;
  normal_ = s.has_normal != 0 ? std::optional(s.normal) : std::nullopt;
  float_normal_ = s.has_float_normal != 0 ? std::optional(s.float_normal) : std::nullopt;
}

std::shared_ptr<Generator> Generator::clone() const {
  auto copy = std::make_shared<Generator>();
  const State state = get_state();
  copy->set_state(state.data(), kStateBytes);
  return copy;
}

void Generator::twist() {
  HWY_DYNAMIC_DISPATCH(twist)(words_.data());
  left_ = kWords;
  next_ = 0;
}

void Generator::generate(uint32_t* out, int64_t count) {
  while (count > 0) {
    int64_t ready = std::min<int64_t>(left_ - 1, kWords - static_cast<int64_t>(next_));
    if (ready == 0) {
      twist();
      left_ = kWords + 1;  // twist() counts the draw it was called for; here that comes below
      ready = kWords;
    }
    const int64_t taken = std::min(ready, count);
    HWY_DYNAMIC_DISPATCH(temper)(words_.data() + next_, out, taken);
    next_ += static_cast<uint32_t>(taken);
    left_ -= static_cast<int32_t>(taken);
    out += taken;
    count -= taken;
  }
}

double Generator::next_normal() {
  if (normal_) {
    const double value = *normal_;
    normal_.reset();
    return value;
  }
  const double angle = 2.0 * std::numbers::pi * next_double();
  const double radius = std::sqrt(-2.0 * std::log1p(-next_double()));
  normal_ = radius * std::sin(angle);
  return radius * std::cos(angle);
}

const std::shared_ptr<Generator>& default_generator_ptr() {
  static const auto generator = std::make_shared<Generator>(entropy());
  return generator;
}

Generator& default_generator() { return *default_generator_ptr(); }

}  // namespace rushlight
#endif  // HWY_ONCE

// The generator and the random kernels against values of PyTorch 2.13: small tables here, more in
// golden/random.json.
#include "rushlight/kernels/cpu/random.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <limits>
#include <map>
#include <numeric>
#include <optional>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "rushlight/core/error.h"
#include "rushlight/core/generator.h"
#include "rushlight/kernels/math/random_arguments.h"

namespace rushlight {
namespace {

using Bytes = std::vector<uint8_t>;

std::string message_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

// ---- The generator ----

TEST(Generator, DrawsTheReferenceEngine) {
  for (const uint32_t seed : {0u, 1u, 5489u, 4294967295u}) {
    Generator generator(seed);
    std::mt19937 reference(seed);
    for (int i = 0; i < 2000; ++i)
      ASSERT_EQ(generator.next32(), reference()) << "seed " << seed << " draw " << i;
  }
}

TEST(Generator, BlocksContinueSingleDrawsAndBack) {
  Generator generator(77);
  std::mt19937 reference(77);
  for (const int count : {1, 5, 0, 618, 624, 8, 1249, 3, 15, 17, 5000}) {
    std::vector<uint32_t> words(count + 1, 0xabababab);
    generator.generate(words.data(), count);
    for (int i = 0; i < count; ++i) ASSERT_EQ(words[i], reference()) << "block of " << count << " at " << i;
    EXPECT_EQ(words[count], 0xabababab) << "a block of " << count << " wrote beyond its end";
    for (int i = 0; i < 3; ++i) ASSERT_EQ(generator.next32(), reference());
  }
}

TEST(Generator, SixtyFourBitsAreTwoDrawsUpperHalfFirst) {
  Generator a(3), b(3);
  const uint64_t high = b.next32();
  EXPECT_EQ(a.next64(), high << 32 | b.next32());
}

TEST(Generator, KeepsTheWholeSeedAndDrawsByItsLowBits) {
  Generator a(7), b((uint64_t{1} << 40) + 7);
  EXPECT_EQ(b.initial_seed(), (uint64_t{1} << 40) + 7);
  EXPECT_EQ(a.next64(), b.next64());
  EXPECT_EQ(Generator().initial_seed(), 67280421310721u);
  const uint64_t chosen = a.seed();
  EXPECT_EQ(a.initial_seed(), chosen);
  Generator again(chosen);
  EXPECT_EQ(a.next64(), again.next64());
}

TEST(Generator, ManualSeedForgetsTheCachedNormal) {
  Generator generator(0);
  EXPECT_FLOAT_EQ(static_cast<float>(generator.next_normal()), 1.5409960746765137f);
  generator.manual_seed(0);
  EXPECT_FLOAT_EQ(static_cast<float>(generator.next_normal()), 1.5409960746765137f);
  EXPECT_FLOAT_EQ(static_cast<float>(generator.next_normal()), -0.293428897857666f);
}

TEST(Generator, StateTravelsWithItsCachedNormal) {
  Generator a(11);
  a.next_normal();
  for (int i = 0; i < 700; ++i) a.next32();
  const Generator::State state = a.get_state();
  Generator b(99);
  b.set_state(state.data(), Generator::kStateBytes);
  EXPECT_EQ(b.initial_seed(), 11u);
  EXPECT_EQ(b.get_state(), state);
  const auto c = a.clone();
  const double cached = a.next_normal();
  EXPECT_EQ(b.next_normal(), cached);
  EXPECT_EQ(c->next_normal(), cached);
  EXPECT_EQ(b.next64(), a.next64());
}

TEST(Generator, RefusesABadStateAndKeepsItsOwn) {
  Generator generator(5);
  const Generator::State good = generator.get_state();
  EXPECT_EQ(message_of([&] { generator.set_state(good.data(), 10); }),
            "Expected a CPUGeneratorImplState of size 5056 but found the input RNG state size to be 10");
  const auto broken = [&](size_t offset, int32_t value) {
    Generator::State state = good;
    std::memcpy(state.data() + offset, &value, sizeof(value));
    return message_of([&] { generator.set_state(state.data(), Generator::kStateBytes); });
  };
  for (const int left : {0, -1, 625}) EXPECT_EQ(broken(8, left), "Invalid mt19937 state");
  EXPECT_EQ(broken(12, 0), "Invalid mt19937 state");    // not seeded
  EXPECT_EQ(broken(16, 625), "Invalid mt19937 state");  // next
  EXPECT_EQ(generator.get_state(), good);
}

TEST(Generator, SurvivesCountersThatContradictEachOther) {
  // PyTorch accepts such a state too; it must not read beyond the words.
  Generator generator(5);
  for (const auto& [left, next] : {std::pair<int32_t, int32_t>{624, 624}, {624, 620}, {1, 3}, {2, 0}}) {
    Generator::State state = generator.get_state();
    std::memcpy(state.data() + 8, &left, sizeof(left));
    std::memcpy(state.data() + 16, &next, sizeof(next));
    Generator one(0), block(0);
    one.set_state(state.data(), Generator::kStateBytes);
    block.set_state(state.data(), Generator::kStateBytes);
    std::vector<uint32_t> words(2000);
    block.generate(words.data(), 2000);
    for (const uint32_t word : words) ASSERT_EQ(one.next32(), word);
  }
}

TEST(Generator, ThreadsShareOneStream) {
  Generator shared(1), alone(1);
  std::vector<float> expected(4000), halves(4000);
  cpu::uniform(DType::Float32, expected.data(), 4000, 0, 1, alone);
  std::thread other([&] { cpu::uniform(DType::Float32, halves.data(), 2000, 0, 1, shared); });
  cpu::uniform(DType::Float32, halves.data() + 2000, 2000, 0, 1, shared);
  other.join();
  std::sort(halves.begin(), halves.end());
  std::sort(expected.begin(), expected.end());
  EXPECT_EQ(halves, expected);
}

// ---- Tables ----

template <class T>
std::vector<T> filled(size_t n, const std::function<void(T*, Generator&)>& fill, uint64_t seed = 0) {
  Generator generator(seed);
  std::vector<T> values(n);
  fill(values.data(), generator);
  return values;
}

TEST(Random, SmallTables) {
  const auto uniform =
      filled<float>(4, [](float* p, Generator& g) { cpu::uniform(DType::Float32, p, 4, 0, 1, g); });
  EXPECT_EQ(uniform, (std::vector<float>{0x1.fc2abp-2f, 0x1.89545ep-1f, 0x1.6a675p-4f, 0x1.0e66p-3f}));
  const auto permutation =
      filled<int64_t>(8, [](int64_t* p, Generator& g) { cpu::randperm(DType::Int64, p, 8, g); });
  EXPECT_EQ(permutation, (std::vector<int64_t>{4, 0, 7, 3, 2, 5, 1, 6}));
  const auto integers = filled<int64_t>(
      4, [](int64_t* p, Generator& g) { cpu::random_range(DType::Int64, p, 4, 1000, 0, g); }, 42);
  EXPECT_EQ(integers, (std::vector<int64_t>{542, 67, 876, 414}));
  const auto wide =
      filled<int64_t>(3, [](int64_t* p, Generator& g) { cpu::random_default(DType::Int64, p, 3, g); });
  EXPECT_EQ(wide, (std::vector<int64_t>{900450186894289455, 3969543146641149120, 1895649597198586619}));
}

TEST(Random, EmptyOutputsDrawNothing) {
  Generator generator(0);
  const auto before = generator.get_state();
  cpu::uniform(DType::Float32, nullptr, 0, 0, 1, generator);
  cpu::normal(DType::BFloat16, nullptr, 0, 0, 1, generator);
  cpu::bernoulli(DType::Bool, nullptr, 0, 0.5, generator);
  cpu::random_range(DType::Int64, nullptr, 0, 10, 0, generator);
  cpu::randperm(DType::Int64, nullptr, 0, generator);
  cpu::exponential(DType::Float64, nullptr, 0, 1, generator);
  EXPECT_EQ(generator.get_state(), before);
}

TEST(Random, ModuloIsExactForAwkwardDivisors) {
  for (const uint64_t range :
       {uint64_t{1}, uint64_t{2}, uint64_t{3}, uint64_t{7}, uint64_t{641}, uint64_t{65537},
        (uint64_t{1} << 27) - 1, uint64_t{1} << 27, (uint64_t{1} << 28) - 1}) {
    const auto values = filled<int32_t>(
        3001, [&](int32_t* p, Generator& g) { cpu::random_range(DType::Int32, p, 3001, range, -5, g); });
    Generator reference(0);
    for (const int32_t value : values)
      ASSERT_EQ(value, static_cast<int32_t>(reference.next32() % range) - 5) << range;
  }
}

TEST(Random, BernoulliEachStopsAtABadProbability) {
  Generator generator(0), reference(0);
  for (const float bad : {1.5f, -0.1f, std::numeric_limits<float>::quiet_NaN()}) {
    const float p[] = {0.5f, bad, 0.5f};
    float out[3] = {};
    EXPECT_EQ(message_of([&] { cpu::bernoulli_each(DType::Float32, out, 3, DType::Float32, p, generator); }),
              "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be "
              "improved?  If "
              "so, please report an enhancement request to PyTorch.)");
    reference.next32();
  }
  EXPECT_EQ(generator.next64(), reference.next64());
}

// Draws are made block by block, but each element has its own, and a bad probability ends the stream where it
// stands.
template <class P>
void expect_bernoulli_each(DType dtype, int64_t n, int64_t bad) {
  std::vector<P> p(n);
  for (int64_t i = 0; i < n; ++i) p[i] = static_cast<P>(i % 9) / 8;
  if (bad < n) p[bad] = 2;
  Generator generator(5), reference(5);
  std::vector<uint8_t> out(n, 7);
  const auto draw = [&] { cpu::bernoulli_each(DType::UInt8, out.data(), n, dtype, p.data(), generator); };
  if (bad < n) EXPECT_ANY_THROW(draw());
  else draw();
  for (int64_t i = 0; i < std::min(n, bad); ++i) {
    bool hit;
    if constexpr (std::is_same_v<P, double>) hit = reference.next_double() < p[i];
    else hit = reference.next_float() < p[i];
    ASSERT_EQ(out[i], hit) << i;
  }
  EXPECT_EQ(generator.next64(), reference.next64());
}
TEST(Random, BernoulliEachDrawsElementByElement) {
  for (const int64_t bad : {0, 1, 511, 512, 513, 1500, 5000}) {
    expect_bernoulli_each<float>(DType::Float32, 1501, bad);
    expect_bernoulli_each<double>(DType::Float64, 1501, bad);
  }
}

TEST(Random, RandpermSwapsFromTheFront) {
  constexpr int64_t kNumbers = 1600;
  const auto got = filled<int64_t>(
      kNumbers, [](int64_t* p, Generator& g) { cpu::randperm(DType::Int64, p, kNumbers, g); });
  Generator reference(0);
  std::vector<int64_t> want(kNumbers);
  std::iota(want.begin(), want.end(), 0);
  for (int64_t i = 0; i < kNumbers - 1; ++i)
    std::swap(want[i], want[i + reference.next32() % static_cast<uint64_t>(kNumbers - i)]);
  EXPECT_EQ(got, want);
}

TEST(Random, DropoutMaskIsZeroOrTheScale) {
  // The scale is a quotient in float, also for the 16-bit dtypes.
  std::vector<float> mask(1000);
  Generator generator(1);
  cpu::dropout_mask(DType::Float32, mask.data(), 1000, 0.3, generator);
  int64_t kept = 0;
  for (const float m : mask) {
    ASSERT_TRUE(m == 0.0f || m == 1.0f / 0.7f) << m;
    kept += m != 0.0f;
  }
  EXPECT_NEAR(static_cast<double>(kept), 700, 60);
}

TEST(Random, RefusesOtherDTypes) {
  Generator generator(0);
  int32_t out[4];
  EXPECT_THROW(cpu::uniform(DType::Int32, out, 4, 0, 1, generator), NotImplementedError);
  EXPECT_EQ(message_of([&] { cpu::normal(DType::Int32, out, 4, 0, 1, generator); }),
            "\"normal_kernel_cpu\" not implemented for 'Int'");
  EXPECT_EQ(message_of([&] { cpu::random_full_range(DType::Int32, out, 4, generator); }),
            "random_full_64_bits_range_kernel_cpu handles only int64, double, float and bfloat16");
  EXPECT_EQ(message_of([&] { cpu::randperm(DType::UInt16, out, 4, generator); }),
            "\"randperm\" not implemented for 'UInt16'");
}

TEST(Random, MultinomialRefusesBadWeights) {
  const float inf = std::numeric_limits<float>::infinity();
  const auto message = [](std::vector<float> w, int64_t samples, bool replacement) {
    Generator generator(0);
    std::vector<int64_t> out(samples);
    return message_of([&] {
      cpu::multinomial(DType::Float32, w.data(), 1, static_cast<int64_t>(w.size()), samples, replacement,
                       out.data(), generator);
    });
  };
  EXPECT_EQ(message({1, -1}, 2, true),
            "invalid multinomial distribution (encountering probability entry < 0)");
  EXPECT_EQ(message({1, NAN}, 2, true),
            "invalid multinomial distribution (encountering probability entry < 0)");
  EXPECT_EQ(message({1, inf}, 2, true),
            "invalid multinomial distribution (encountering probability entry = infinity or NaN)");
  EXPECT_EQ(message({0, 0}, 2, true), "invalid multinomial distribution (sum of probabilities <= 0)");
  EXPECT_EQ(message({}, 2, true), "invalid multinomial distribution (sum of probabilities <= 0)");
  EXPECT_EQ(message({0, 0}, 1, false), "invalid multinomial distribution (sum of probabilities <= 0)");
  for (const float bad : {-1.0f, NAN, inf}) {
    EXPECT_EQ(message({1, bad}, 1, false), "probability tensor contains either `inf`, `nan` or element < 0");
  }
  EXPECT_EQ(message({1, 1}, 3, false),
            "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
}

TEST(Random, HostileRatesAndCountsEnd) {
  const double inf = std::numeric_limits<double>::infinity();
  Generator generator(0);
  double out;
  for (const double rate : {1e300, inf}) cpu::poisson(DType::Float64, &rate, &out, 1, generator);
  for (const double rate : {-1.0, static_cast<double>(NAN)}) {
    EXPECT_EQ(message_of([&] { cpu::poisson(DType::Float64, &rate, &out, 1, generator); }),
              "invalid Poisson rate, expected rate to be non-negative");
  }
  for (const double count : {-1.0, 5.0, 1e300, static_cast<double>(NAN)}) {
    for (const double p : {-1.0, 0.0, 1e-310, 0.5, 0.999, 1.0, 2.0, static_cast<double>(NAN)}) {
      cpu::binomial(DType::Float64, &count, &p, &out, 1, generator);
      const bool none = count <= 0 || p <= 0;
      EXPECT_EQ(std::isnan(out), !none && (std::isnan(count) || std::isnan(p))) << count << " " << p;
      EXPECT_FALSE(out < 0 || out > std::max(count, 0.0)) << count << " " << p;
    }
  }
}

// ---- Arguments ----

TEST(RandomArguments, RangesFollowTheDType) {
  const auto range = [](DType t, int64_t from, std::optional<int64_t> to) {
    const RandomRange r = random_range_arguments(t, from, to);
    return std::pair(r.range, r.base);
  };
  EXPECT_EQ(range(DType::Int64, -5, 10), (std::pair<uint64_t, int64_t>(15, -5)));
  EXPECT_EQ(range(DType::Int8, 1, std::nullopt), (std::pair<uint64_t, int64_t>(127, 1)));
  EXPECT_EQ(range(DType::Float16, 0, std::nullopt), (std::pair<uint64_t, int64_t>(2049, 0)));
  EXPECT_EQ(range(DType::Float16, 0, 65504),
            (std::pair<uint64_t, int64_t>(65472, 0)));  // moved to a half below
  EXPECT_TRUE(random_range_arguments(DType::Int64, std::numeric_limits<int64_t>::min(), std::nullopt).full);
  EXPECT_EQ(random_range_arguments(DType::Float32, 0, int64_t{1} << 25).warnings[1].substr(0, 46),
            "to - 1 is out of bounds [-(2^24), 2^24]. Due t");
}

TEST(RandomArguments, ExtremesOfInt64NeitherHangNorOverflow) {
  const int64_t low = std::numeric_limits<int64_t>::min(), high = std::numeric_limits<int64_t>::max();
  for (int i = 0; i < kNumDTypes; ++i) {
    for (const auto& [from, to] : {std::pair{low, high}, {low, low + 1}, {high - 1, high}, {low + 1, high}}) {
      message_of([&] { random_range_arguments(static_cast<DType>(i), from, to); });
      message_of([&] { random_range_arguments(static_cast<DType>(i), to, std::nullopt); });
    }
  }
  EXPECT_EQ(random_range_arguments(DType::Int64, low, high).range, std::numeric_limits<uint64_t>::max());
}

TEST(RandomArguments, Messages) {
  const auto random = [](DType t, int64_t from, std::optional<int64_t> to) {
    return message_of([&] { random_range_arguments(t, from, to); });
  };
  EXPECT_EQ(random(DType::Int64, 3, 3),
            "random_ expects 'from' to be less than 'to', but got from=3 >= to=3");
  EXPECT_EQ(random(DType::UInt8, 0, 257), "to - 1 is out of bounds for unsigned char");
  EXPECT_EQ(random(DType::UInt64, -1, 5), "from is out of bounds for long unsigned int");
  EXPECT_EQ(random(DType::Complex64, 0, 5),
            "check_random_bounds handles only integral, floating-point and boolean types");
  EXPECT_EQ(message_of([] { check_uniform(DType::Float32, 3, 1); }),
            "uniform_ expects to return a [from, to) range, but found from=3 > to=1");
  EXPECT_EQ(message_of([] { check_uniform(DType::Float16, -40000, 40000); }),
            "uniform_ expects to-from <= std::numeric_limits<Half>::max(), but found to=40000 and "
            "from=-40000 which "
            "result in to-from to exceed the limit");
  EXPECT_EQ(message_of([] { check_uniform(DType::Float32, NAN, 1); }), "from is out of bounds for float");
  EXPECT_EQ(message_of([] { check_uniform(DType::Int32, 0, 1); }),
            "\"check_uniform_bounds\" not implemented for 'Int'");
  EXPECT_EQ(message_of([] { check_normal(-1); }), "normal expects std >= 0.0, but found std -1");
  EXPECT_EQ(message_of([] { check_bernoulli(NAN); }), "bernoulli_ expects p to be in [0, 1], but got p=nan");
  EXPECT_EQ(message_of([] { check_geometric(1); }), "geometric_ expects p to be in (0, 1), but got p=1");
  EXPECT_EQ(message_of([] { check_randperm(DType::Float16, 2050); }),
            "n cannot be greater than 2049 for Half type.");
  EXPECT_EQ(message_of([] { check_randperm(DType::UInt8, 257); }),
            "value cannot be converted to type uint8_t without overflow");
}

// ---- Recorded values ----

struct Case {
  std::string op;
  DType dtype;
  int64_t n;
  uint64_t seed;
  std::vector<double> args;
  Bytes bytes;
  uint64_t next;  // the draw that follows
};

// The text of a field of one line of random.json: within its quotes or brackets, or the bare number.
std::string field(const std::string& line, const std::string& name) {
  const size_t key = line.find('"' + name + "\": ");
  if (key == std::string::npos) throw_error("no field ", name, " in ", line.substr(0, 80));
  const size_t start = key + name.size() + 4;
  const char first = line[start];
  if (first == '"') return line.substr(start + 1, line.find('"', start + 1) - start - 1);
  if (first == '[') return line.substr(start + 1, line.find(']', start) - start - 1);
  return line.substr(start, line.find(',', start) - start);
}

Case parse(const std::string& line) {
  Case c{field(line, "op"),
         DType::Bool,
         std::stoll(field(line, "n")),
         std::stoull(field(line, "seed")),
         {},
         {},
         std::stoull(field(line, "next"))};
  for (int i = 0; i < kNumDTypes; ++i) {
    if (field(line, "dtype") == info(static_cast<DType>(i)).name) c.dtype = static_cast<DType>(i);
  }
  std::istringstream args(field(line, "args"));
  for (std::string arg; std::getline(args, arg, ',');) c.args.push_back(std::stod(arg));
  const std::string text = field(line, "bytes");
  for (size_t i = 0; i < text.size(); i += 2) c.bytes.push_back(std::stoul(text.substr(i, 2), nullptr, 16));
  return c;
}

std::vector<Case> recorded() {
  std::ifstream file(std::filesystem::path(__FILE__).parent_path().parent_path() / "golden" / "random.json");
  std::vector<Case> cases;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("{")) cases.push_back(parse(line));
  }
  return cases;
}

double as_double(DType dtype, const uint8_t* p) {
  return visit_dtype(dtype, [&]<class T>() -> double {
    if constexpr (is_complex(dtype_of<T>)) {
      return NAN;
    } else {
      T value;
      std::memcpy(&value, p, sizeof(value));
      return static_cast<double>(value);
    }
  });
}

// The inputs 0, 1/8, ..., 7/8, 0, ... times `scale`.
Bytes weights(DType dtype, int64_t n, double scale = 1) {
  Bytes bytes(n * item_size(dtype));
  for (int64_t i = 0; i < n; ++i) {
    visit_dtype(dtype, [&]<class T>() {
      if constexpr (is_floating(dtype_of<T>)) {
        const T value = static_cast<T>(static_cast<float>(static_cast<double>(i % 8) / 8 * scale));
        std::memcpy(bytes.data() + i * sizeof(T), &value, sizeof(T));
      }
    });
  }
  return bytes;
}

using Draw = std::function<void(const Case&, void*, Generator&)>;

const std::map<std::string, Draw>& draws() {
  static const std::map<std::string, Draw> table = {
      {"uniform", [](const Case& c, void* out,
                     Generator& g) { cpu::uniform(c.dtype, out, c.n, c.args[0], c.args[1], g); }},
      {"normal", [](const Case& c, void* out,
                    Generator& g) { cpu::normal(c.dtype, out, c.n, c.args[0], c.args[1], g); }},
      {"normal_strided",
       [](const Case& c, void* out, Generator& g) {
         cpu::normal(c.dtype, out, c.n, c.args[0], c.args[1], g, false);
       }},
      {"bernoulli",
       [](const Case& c, void* out, Generator& g) { cpu::bernoulli(c.dtype, out, c.n, c.args[0], g); }},
      {"bernoulli_each",
       [](const Case& c, void* out, Generator& g) {
         cpu::bernoulli_each(c.dtype, out, c.n, c.dtype, weights(c.dtype, c.n).data(), g);
       }},
      {"random_range",
       [](const Case& c, void* out, Generator& g) {
         const auto r = random_range_arguments(c.dtype, static_cast<int64_t>(c.args[0]),
                                               static_cast<int64_t>(c.args[1]));
         cpu::random_range(c.dtype, out, c.n, r.range, r.base, g);
       }},
      {"random_full",
       [](const Case& c, void* out, Generator& g) { cpu::random_full_range(c.dtype, out, c.n, g); }},
      {"random", [](const Case& c, void* out, Generator& g) { cpu::random_default(c.dtype, out, c.n, g); }},
      {"randperm", [](const Case& c, void* out, Generator& g) { cpu::randperm(c.dtype, out, c.n, g); }},
      {"exponential",
       [](const Case& c, void* out, Generator& g) { cpu::exponential(c.dtype, out, c.n, c.args[0], g); }},
      {"geometric",
       [](const Case& c, void* out, Generator& g) { cpu::geometric(c.dtype, out, c.n, c.args[0], g); }},
      {"cauchy", [](const Case& c, void* out,
                    Generator& g) { cpu::cauchy(c.dtype, out, c.n, c.args[0], c.args[1], g); }},
      {"log_normal", [](const Case& c, void* out,
                        Generator& g) { cpu::log_normal(c.dtype, out, c.n, c.args[0], c.args[1], g); }},
      {"multinomial",
       [](const Case& c, void* out, Generator& g) {
         const Bytes w = weights(c.dtype, c.n * 48);
         cpu::multinomial(c.dtype, w.data(), c.n, 48, static_cast<int64_t>(c.args[0]), c.args[1] != 0,
                          static_cast<int64_t*>(out), g);
       }},
      {"poisson",
       [](const Case& c, void* out, Generator& g) {
         cpu::poisson(c.dtype, weights(c.dtype, c.n, c.args[0]).data(), out, c.n, g);
       }},
      {"binomial",
       [](const Case& c, void* out, Generator& g) {
         const Bytes p = weights(c.dtype, c.n);
         if (c.dtype == DType::Float32) {
           const std::vector<float> count(c.n, static_cast<float>(c.args[0]));
           cpu::binomial(c.dtype, count.data(), p.data(), out, c.n, g);
         } else {
           const std::vector<double> count(c.n, c.args[0]);
           cpu::binomial(c.dtype, count.data(), p.data(), out, c.n, g);
         }
       }},
  };
  return table;
}

// Formulas that go through transcendental functions, or a product and a sum where the processor cannot fuse
// them: to 4 units in the last place of the largest term.
bool is_rounded(const Case& c) {
  if (c.op == "uniform") return c.args[1] != 1 && !__builtin_cpu_supports("fma");
  static const std::vector<std::string> ops = {"normal", "normal_strided", "exponential", "cauchy",
                                               "log_normal"};
  return std::find(ops.begin(), ops.end(), c.op) != ops.end();
}

void expect_close(const Case& c, const Bytes& got) {
  const double epsilon = c.dtype == DType::Float64   ? 0x1p-52
                         : c.dtype == DType::Float32 ? 0x1p-23
                         : c.dtype == DType::Float16 ? 0x1p-10
                                                     : 0x1p-7;
  for (int64_t i = 0; i < c.n; ++i) {
    const double value = as_double(c.dtype, got.data() + i * item_size(c.dtype));
    const double wanted = as_double(c.dtype, c.bytes.data() + i * item_size(c.dtype));
    EXPECT_LE(std::abs(value - wanted), 4 * epsilon * std::max(std::abs(wanted), std::abs(c.args[0])))
        << "element " << i;
  }
}

TEST(RandomRecorded, StateOfPyTorchIsOurs) {
  const auto cases = recorded();
  ASSERT_GT(cases.size(), 100u) << "tests/golden/random.json is missing or short";
  const Case& state = cases.front();
  ASSERT_EQ(state.op, "state");
  Generator ours((uint64_t{1} << 40) + 7), theirs;
  for (int i = 0; i < 700; ++i) ours.next_float();
  for (int i = 0; i < 3; ++i) ours.next_normal();
  theirs.set_state(state.bytes.data(), static_cast<int64_t>(state.bytes.size()));
  EXPECT_EQ(theirs.next64(), state.next);
  // The cached normal is compared by value: it went through the C library's functions.
  const auto bytes = ours.get_state();
  constexpr size_t kNormal = 24 + 624 * 8 + 8;
  double got, wanted;
  std::memcpy(&got, bytes.data() + kNormal, sizeof(got));
  std::memcpy(&wanted, state.bytes.data() + kNormal, sizeof(wanted));
  EXPECT_DOUBLE_EQ(got, wanted);
  const auto same = [&](size_t begin, size_t end) {
    return std::equal(bytes.begin() + begin, bytes.begin() + end, state.bytes.begin() + begin);
  };
  EXPECT_TRUE(same(0, kNormal) && same(kNormal + 8, bytes.size()));
}

TEST(RandomRecorded, ValuesAndStreamPositions) {
  for (const Case& c : recorded()) {
    if (c.op == "state") continue;
    SCOPED_TRACE(concat(c.op, ' ', info(c.dtype).name, " n=", c.n, " seed=", c.seed));
    const auto draw = draws().find(c.op == "random_range_wide" ? "random_range" : c.op);
    ASSERT_NE(draw, draws().end());
    Generator generator(c.seed);
    Bytes got(c.bytes.size());
    draw->second(c, got.data(), generator);
    if (is_rounded(c)) {
      expect_close(c, got);
    } else {
      EXPECT_EQ(got, c.bytes);
    }
    EXPECT_EQ(generator.next64(), c.next) << "the stream is not where PyTorch leaves it";
  }
}

}  // namespace
}  // namespace rushlight

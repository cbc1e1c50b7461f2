// Every row of the operation tables, called with arguments that make no sense: whatever happens must be a
// result or an rushlight::Error. Sanitizers make this test sharp (`make asan`), and
// RUSHLIGHT_BAD_INPUT_ROUNDS=50 makes fifty times as many calls.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <limits>
#include <string>
#include <vector>

#include "rushlight/autograd/variable.h"
#include "rushlight/core/warning.h"
#include "rushlight/nn/init.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/values.h"

namespace rushlight {
namespace {

// ---- Arguments. Draws are of our own, so that operations which use the default generator change nothing
// here.

class Draw {
 public:
  explicit Draw(uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15u + 1) {}
  uint64_t below(uint64_t n) {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return (state_ >> 33) % n;
  }
  bool one_in(uint64_t n) { return below(n) == 0; }
  template <class T, size_t N>
  const T& of(const T (&choices)[N]) {
    return choices[below(N)];
  }

 private:
  uint64_t state_;
};

constexpr int64_t kMax = std::numeric_limits<int64_t>::max(), kMin = std::numeric_limits<int64_t>::min();
constexpr double kInf = std::numeric_limits<double>::infinity(),
                 kNan = std::numeric_limits<double>::quiet_NaN();

// Half of the draws are plausible, so that calls get past the first check.
int64_t draw_int(Draw& draw) {
  static constexpr int64_t kPlausible[] = {0, 1, 2, 3, -1, -2};
  // As sizes these overflow or ask for more bytes than an address has; as 32-bit integers some look harmless.
  static constexpr int64_t kHuge = int64_t{1} << 48;
  static constexpr int64_t kHostile[] = {kMax,  kMin,      kMax - 1, kMin + 1, int64_t{1} << 62,
                                         kHuge, kHuge + 1, -kHuge,   -7,       64};
  return draw.one_in(3) ? draw.of(kHostile) : draw.of(kPlausible);
}
double draw_double(Draw& draw) {
  static constexpr double kValues[] = {0, 1, 0.5, 2, -1, -0.5, 1e-45, 1e308, -1e308, 1e18, kInf, -kInf, kNan};
  return draw.of(kValues);
}
Dims draw_sizes(Draw& draw) {
  static const Dims kSizes[] = {{},
                                {0},
                                {1},
                                {2},
                                {3},
                                {6},
                                {1, 1},
                                {2, 3},
                                {3, 2},
                                {0, 3},
                                {3, 0},
                                {3, 3},
                                {2, 3, 4},
                                {2, 0, 4},
                                {1, 6},
                                {4, 1},
                                {2, 4, 5},
                                {1, 3, 6},
                                {2, 4, 3, 5},
                                {1, 2, 4, 4},
                                {0, 2, 4, 4},
                                {1, 2, 3, 4, 5},
                                {2, 1, 2, 1, 2, 1}};
  return draw.of(kSizes);
}

Tensor draw_tensor(Draw& draw) {
  static constexpr DType kTypes[] = {DType::Float32, DType::Float32,   DType::Float32,  DType::Float64,
                                     DType::Int64,   DType::Int64,     DType::Bool,     DType::UInt8,
                                     DType::Float16, DType::Complex64, DType::BFloat16, DType::Int32,
                                     DType::UInt64};
  const DType dtype = draw.of(kTypes);
  Tensor t = make_tensor(draw_sizes(draw), DType::Float64);
  for (int64_t i = 0; i < t.numel(); ++i) {
    const int64_t small = static_cast<int64_t>(draw.below(7)) - 2;
    t.data<double>()[i] = draw.one_in(12) ? draw_double(draw) : static_cast<double>(small);
  }
  if (is_integral(dtype, true)) t = t.nan_to_num(-3, 9e18, -9e18);  // every value is one that the dtype has
  t = t.to(dtype);
  if (t.dim() >= 2 && draw.one_in(4)) t = t.transpose(0, -1);
  if (t.dim() >= 1 && t.size(0) == 1 && draw.one_in(2)) {
    Dims wider = t.sizes();
    wider[0] = 3;
    t = t.expand(wider);
  }
  if (is_inexact(dtype) && draw.one_in(3)) t = t.detach().set_requires_grad(true);
  return t;
}

Scalar draw_scalar(Draw& draw) {
  switch (draw.below(4)) {
    case 0: return draw.one_in(2);
    case 1: return draw_double(draw);
    case 2: return std::complex<double>(draw_double(draw), draw_double(draw));
    default: return draw_int(draw);
  }
}

Dims draw_dims(Draw& draw) {
  if (draw.one_in(4)) return draw_sizes(draw);
  Dims dims;
  const uint64_t count = draw.one_in(8) ? draw.below(70) : draw.below(4);
  for (uint64_t i = 0; i < count; ++i) dims.push_back(draw_int(draw));
  return dims;
}

const char* draw_word(Draw& draw) {
  static constexpr const char* kWords[] = {"",        "mean",     "sum",   "none",     "linear",  "bilinear",
                                           "nearest", "same",     "valid", "constant", "reflect", "circular",
                                           "trunc",   "floor",    "fro",   "nuc",      "left",    "right",
                                           "tanh",    "\xff\xfe", "area"};
  return draw.of(kWords);
}

// The argument for one declared parameter type; it lives as long as the call.
template <class T>
struct Argument;
#define ARGUMENT(Type, Held, ...)                                         \
  template <>                                                             \
  struct Argument<Type> {                                                 \
    explicit Argument([[maybe_unused]] Draw& draw) : held(__VA_ARGS__) {} \
    Held held;                                                            \
  };
ARGUMENT(Tensor, Tensor, draw.one_in(40) ? Tensor() : draw_tensor(draw))
ARGUMENT(OptTensor, Tensor, draw.one_in(3) ? Tensor() : draw_tensor(draw))
ARGUMENT(int64_t, int64_t, draw_int(draw))
ARGUMENT(OptInt, OptInt, draw.one_in(3) ? OptInt() : OptInt(draw_int(draw)))
ARGUMENT(double, double, draw_double(draw))
ARGUMENT(OptDouble, OptDouble, draw.one_in(3) ? OptDouble() : OptDouble(draw_double(draw)))
ARGUMENT(bool, bool, draw.one_in(2))
ARGUMENT(Flag, Flag, draw.one_in(2))
ARGUMENT(DimPair, DimPair, DimPair{draw_dims(draw), draw_dims(draw)})
ARGUMENT(OptBool, OptBool, draw.one_in(2) ? OptBool() : OptBool(draw.one_in(2)))
ARGUMENT(Scalar, Scalar, draw_scalar(draw))
ARGUMENT(OptScalar, OptScalar, draw.one_in(3) ? OptScalar() : OptScalar(draw_scalar(draw)))
ARGUMENT(Dims, Dims, draw_dims(draw))
ARGUMENT(String, String, draw_word(draw))
ARGUMENT(OptString, OptString, draw.one_in(3) ? OptString() : OptString(draw_word(draw)))
ARGUMENT(DType, DType, draw_tensor(draw).dtype())
ARGUMENT(OptDType, OptDType, draw.one_in(2) ? OptDType() : OptDType(draw_tensor(draw).dtype()))
ARGUMENT(OptDevice, OptDevice, OptDevice())
ARGUMENT(OptGenerator, OptGenerator, nullptr)
ARGUMENT(OptMemoryFormat, OptMemoryFormat, static_cast<MemoryFormat>(draw.below(4)))
ARGUMENT(Padding, Padding, draw.one_in(4) ? Padding(draw_word(draw)) : Padding(draw_dims(draw)))
#undef ARGUMENT

template <>
struct Argument<OptDims> {
  explicit Argument(Draw& draw) : dims(draw_dims(draw)), held(draw.one_in(3) ? OptDims() : OptDims(dims)) {}
  Dims dims;
  OptDims held;
};
template <>
struct Argument<Operand> {
  explicit Argument(Draw& draw)
      : tensor(draw_tensor(draw)), held(draw.one_in(3) ? Operand(draw_scalar(draw)) : Operand(tensor)) {}
  Tensor tensor;
  Operand held;
};
template <>
struct Argument<TensorList> {
  explicit Argument(Draw& draw) : tensors(draw.below(4)), held() {
    for (Tensor& t : tensors) t = draw.one_in(40) ? Tensor() : draw_tensor(draw);
    held = tensors;
  }
  std::vector<Tensor> tensors;
  TensorList held;
};
template <>
struct Argument<Extents> {
  explicit Argument(Draw& draw) : held(std::vector<std::optional<int64_t>>()) {
    for (int64_t d : draw_dims(draw)) held.sizes.push_back(draw.one_in(4) ? OptInt() : OptInt(d));
  }
  Extents held;
};
template <>
struct Argument<OptDoubles> {
  explicit Argument(Draw& draw) {
    for (uint64_t i = draw.below(4); i > 0; --i) held.values.push_back(draw_double(draw));
  }
  OptDoubles held;
};

// ---- Calls.

void go_back(const Tensor& t) {
  if (t.defined() && t.requires_grad() && t.numel() > 0) t.sum().backward();
}
template <class T>
void go_back(const T&) {}
void go_back(const ValuesIndices& r) { go_back(r.values); }
void go_back(const TensorVector& r) {
  if (!r.empty()) go_back(r[0]);
}

constexpr int kCallsPerRound = 60;
constexpr unsigned kSecondsPerRound = 60;  // more is an endless loop, with sanitizers too

int rounds() {
  const char* wanted = std::getenv("RUSHLIGHT_BAD_INPUT_ROUNDS");
  return wanted ? std::max(1, std::atoi(wanted)) : 1;
}

// What the calls of a row came to, as bits of its process's exit status; 1 is a sanitizer's.
enum Outcome : int { kResult = 2, kError = 4, kWordless = 8, kForeign = 16 };

// Runs the calls in a process of its own, so that a crash or an endless loop has a name and hides no other.
template <class Calls>
int in_process(const char* name, Calls&& calls) {
  const pid_t child = fork();
  if (child == 0) {
    alarm(kSecondsPerRound * static_cast<unsigned>(rounds()));
    _exit(calls());
  }
  int status = 0;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status)) << name << " was ended by signal " << WTERMSIG(status);
  const int outcomes = WIFEXITED(status) ? WEXITSTATUS(status) : 0;
  EXPECT_FALSE(outcomes & kWordless) << name << " threw an error without a message";
  EXPECT_FALSE(outcomes & ~(kResult | kError | kWordless))
      << name << " threw something else, or a sanitizer spoke";
  return outcomes;
}

template <class... Types>
struct Attack {
  template <class R>
  static int run(const char* name, R (*f)(In<Types>...)) {
    return in_process(name, [&] {
      int outcomes = 0;
      for (int i = 0; i < kCallsPerRound * rounds(); ++i) outcomes |= call(name, f, i);
      return outcomes;
    });
  }

 private:
  // What an argument borrows from itself would dangle in a copy.
  template <class>
  static Draw& draw_for(Draw& draw) {
    return draw;
  }

  template <class R>
  static int call(const char* name, R (*f)(In<Types>...), int number) {
    Draw draw(std::hash<std::string_view>()(name) + static_cast<uint64_t>(number));
    try {
      const std::tuple<Argument<Types>...> arguments(draw_for<Types>(draw)...);  // made in place
      std::apply([f](const auto&... a) { go_back(f(a.held...)); }, arguments);
      return kResult;
    } catch (const Error& error) {
      return error.message().empty() ? kWordless : kError;
    } catch (const std::exception& other) {
      std::fprintf(stderr, "%s, call %d: %s\n", name, number, other.what());
      return kForeign;
    } catch (...) {
      return kForeign;
    }
  }
};

#define RL_RAW_TYPES(...) RL_TAIL(~RL_MAP(RL_RAW_TYPED, __VA_ARGS__))
#define RL_RAW_TYPED(...) RL_PICK(__VA_ARGS__, RL_RAW_TYPED2, RL_RAW_TYPED2, RL_NOTHING)(__VA_ARGS__)
#define RL_RAW_TYPED2(type, name, ...) , type
#define RL_ATTACK(Result, where, name, ...)           \
  outcomes |= Attack<RL_RAW_TYPES(__VA_ARGS__)>::run( \
      #name, static_cast<Result (*)(RL_TYPES(__VA_ARGS__))>(&where::name));

int attack_operations() {
  int outcomes = 0;
#define OP(forms, Result, name, doc, samples, ...)  \
  RL_ATTACK(Result, ::rushlight, name, __VA_ARGS__) \
  RL_IF_INPLACE(forms, RL_ATTACK(const Tensor&, ::rushlight, name##_, __VA_ARGS__))
#include "rushlight/declarations/all.def"
  return outcomes;
}

int attack_methods() {
  int outcomes = 0;
#define OP(...)
#define METHOD(Result, name, doc, samples, ...) RL_ATTACK(Result, ::rushlight::methods, name, __VA_ARGS__)
#include "rushlight/declarations/formulas.def"
#undef OP
  return outcomes;
}

int attack_special() {
  int outcomes = 0;
#define OP(...)
#define SPECIAL(Result, name, doc, samples, ...) RL_ATTACK(Result, ::rushlight::special, name, __VA_ARGS__)
#include "rushlight/declarations/formulas.def"
#undef OP
  return outcomes;
}

int attack_functional() {
  int outcomes = 0;
#define NN(Result, name, doc, samples, ...) RL_ATTACK(Result, ::rushlight::nn::functional, name, __VA_ARGS__)
#include "rushlight/declarations/nn.def"
  return outcomes;
}

int attack_init() {
  int outcomes = 0;
#define INIT(Result, name, doc, samples, ...) RL_ATTACK(Result, ::rushlight::nn::init, name, __VA_ARGS__)
#include "rushlight/declarations/init.def"
  return outcomes;
}

TEST(BadInput, ThrowsAtWorst) {
  set_warning_hook([](WarningKind, const std::string&) {});
  for (const auto attack :
       {attack_operations, attack_methods, attack_special, attack_functional, attack_init}) {
    EXPECT_EQ(attack(), kResult | kError);
  }
  set_warning_hook(nullptr);
}

}  // namespace
}  // namespace rushlight

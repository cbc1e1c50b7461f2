// Random fills of one element at a time: few call them on much data, and the C library's functions give
// PyTorch's bits.
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <limits>
#include <numbers>
#include <utility>
#include <vector>

#include "rushlight/core/error.h"
#include "rushlight/kernels/cpu/random.h"
#include "rushlight/kernels/cpu/random_visit.h"

namespace rushlight::cpu {
namespace {

// Doubles outside T's range are converted as x86 does it, in a defined way.
template <class T>
T from_double(double value) {
  if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) {
    if (!(value > -0x1p63 && value < 0x1p63)) return static_cast<T>(std::numeric_limits<int64_t>::min());
    return static_cast<T>(static_cast<int64_t>(value));
  } else {
    return static_cast<T>(value);
  }
}

template <class T>
T default_value(Generator& g) {
  if constexpr (std::is_same_v<T, bool>) {
    return (g.next32() & 1) != 0;
  } else if constexpr (std::is_same_v<T, int64_t>) {
    return static_cast<T>(g.next64() & static_cast<uint64_t>(std::numeric_limits<T>::max()));
  } else if constexpr (std::is_integral_v<T>) {
    return static_cast<T>(g.next32() & static_cast<uint32_t>(std::numeric_limits<T>::max()));
  } else if constexpr (std::is_same_v<T, double>) {
    return static_cast<T>(g.next64() % ((uint64_t{1} << 53) + 1));
  } else {
    constexpr int kDigits = std::is_same_v<T, float> ? 24 : std::is_same_v<T, Half> ? 11 : 8;
    return static_cast<T>(static_cast<float>(g.next32() % ((1u << kDigits) + 1)));
  }
}

// Each element from f(generator), in double.
template <class T, class F>
void fill(void* out, int64_t n, Generator& generator, F&& f) {
  const auto held = generator.lock();
  T* values = static_cast<T*>(out);
  for (int64_t i = 0; i < n; ++i) values[i] = from_double<T>(f(generator));
}

// W. Hoermann, "The transformed rejection method for generating Poisson random variables", 1993 (PTRS), and
// for small rates the product of uniforms.
int64_t sample_poisson(double rate, Generator& g) {
  RL_CHECK(rate >= 0, "invalid Poisson rate, expected rate to be non-negative");
  if (rate == 0) return 0;
  if (rate < 10) {
    const double limit = std::exp(-rate);
    double product = 1.0;
    for (int64_t count = 0;; ++count) {
      product *= g.next_double();
      if (!(product > limit)) return count;
    }
  }
  const double log_rate = std::log(rate);
  const double b = 0.931 + 2.53 * std::sqrt(rate);
  const double a = -0.059 + 0.02483 * b;
  const double inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
  const double v_r = 0.9277 - 3.6224 / (b - 2);
  while (true) {
    const double u = g.next_double() - 0.5;
    const double v = g.next_double();
    const double us = 0.5 - std::fabs(u);
    const int64_t k = from_double<int64_t>(std::floor((2 * a / us + b) * u + rate + 0.43));
    if (us >= 0.07 && v <= v_r) return k;
    if (k < 0 || (us < 0.013 && v > us)) continue;
    int sign;  // lgamma would write a global variable
    const double log_factorial = ::lgamma_r(static_cast<double>(k) + 1, &sign);
    if (std::log(v) + std::log(inverse_alpha) - std::log(a / (us * us) + b) <=
        -rate + k * log_rate - log_factorial) {
      return k;
    }
  }
}

// The rest of Stirling's series for log(k!).
double stirling_tail(double k) {
  constexpr double kTable[] = {
      0.0810614667953272, 0.0413406959554092, 0.0276779256849983, 0.02079067210376509, 0.0166446911898211,
      0.0138761288230707, 0.0118967099458917, 0.0104112652619720, 0.00925546218271273, 0.00833056343336287};
  if (k >= 0 && k < static_cast<double>(std::size(kTable))) return kTable[static_cast<size_t>(k)];
  const double square = (k + 1) * (k + 1);
  return (1.0 / 12 - (1.0 / 360 - 1.0 / 1260 / square) / square) / (k + 1);
}

// W. Hoermann, "The generation of binomial random variates", 1993 (BTRS), for p <= 1/2 and count * p >= 10.
// What is of type T is rounded to it, as in PyTorch.
template <class T>
T sample_binomial_rejection(T count, T p, Generator& g) {
  const double deviation = std::sqrt(count * p * (1 - p));
  const double b = 1.15 + 2.53 * deviation;
  const double a = -0.0873 + 0.0248 * b + 0.01 * p;
  const double c = count * p + 0.5;
  const double v_r = 0.92 - 4.2 / b;
  const double odds = p / (1 - p);
  const double alpha = (2.83 + 5.1 / b) * deviation;
  const double mode = std::floor((count + 1) * p);
  while (true) {
    const double u = g.next_double() - 0.5;
    const double v = g.next_double();
    const double us = 0.5 - std::abs(u);
    const T k = static_cast<T>(std::floor((2 * a / us + b) * u + c));
    if (k < 0 || k > count) continue;
    if (us >= 0.07 && v <= v_r) return k;
    const double bound = (mode + 0.5) * std::log((mode + 1) / (odds * (count - mode + 1))) +
                         (count + 1) * std::log((count - mode + 1) / (count - k + 1)) +
                         (k + 0.5) * std::log(odds * (count - k + 1) / (k + 1)) + stirling_tail(mode) +
                         stirling_tail(count - mode) - stirling_tail(k) - stirling_tail(count - k);
    if (std::log(v * alpha / (a / (us * us) + b)) <= bound) return k;
  }
}

// The number of geometric waiting times that fit into `count`.
template <class T>
T sample_binomial_waiting(T count, T p, Generator& g) {
  const double log_q = std::log1p(-p);
  double sum = 0;
  for (T successes = 0;; successes += 1) {
    sum += std::ceil(std::log(g.next_double()) / log_q);
    if (sum > count) return successes;
  }
}

template <class T>
T sample_binomial(T count, T p, Generator& g) {
  if (count <= 0 || p <= 0) return 0;
  if (p >= 1) return count;
  if (std::isnan(count) || std::isnan(p))
    return std::numeric_limits<T>::quiet_NaN();  // PyTorch hangs on a NaN count
  const bool mirrored = p > 0.5;
  const T q = mirrored ? static_cast<T>(1.0 - p) : p;
  const T k = count * q >= 10 ? sample_binomial_rejection(count, q, g) : sample_binomial_waiting(count, q, g);
  return mirrored ? count - k : k;
}

// The indices of the `samples` largest values, largest first; NaN counts as the largest. The algorithms are
// those of PyTorch's topk, since between equal values (categories of weight 0) the choice is theirs.
template <class T>
void select_largest(std::vector<std::pair<T, int64_t>>& values, int64_t samples, int64_t* out) {
  using Entry = std::pair<T, int64_t>;
  const auto larger = [](const Entry& x, const Entry& y) {
    return (std::isnan(x.first) && !std::isnan(y.first)) || x.first > y.first;
  };
  const auto begin = values.begin();
  if (samples == 1) {
    const auto smaller = [&](const Entry& x, const Entry& y) { return larger(y, x); };
    out[0] = std::max_element(begin, values.end(), smaller)->second;
    return;
  }
  if (samples * 64 <= static_cast<int64_t>(values.size())) {
    std::partial_sort(begin, begin + samples, values.end(), larger);
  } else {
    std::nth_element(begin, begin + samples - 1, values.end(), larger);
    std::sort(begin, begin + samples - 1, larger);
  }
  std::transform(begin, begin + samples, out, [](const Entry& e) { return e.second; });
}

// The categories of largest weight / Exp(1): the race of exponential clocks.
template <class T>
void multinomial_race(const T* weights, int64_t rows, int64_t categories, int64_t samples, int64_t* out,
                      Generator& generator) {
  using Real = compute_type<T>;
  RL_CHECK(rows == 0 || categories > 0,
           "aminmax(): cannot compute aminmax over an empty dimension as the operation has no identity.");
  const auto valid = [](T w) { return Real(w) >= 0 && Real(w) < std::numeric_limits<Real>::infinity(); };
  RL_CHECK(std::all_of(weights, weights + rows * categories, valid),
           "probability tensor contains either `inf`, `nan` or element < 0");
  for (int64_t row = 0; row < rows; ++row) {
    const T* row_weights = weights + row * categories;
    RL_CHECK(std::any_of(row_weights, row_weights + categories, [](T w) { return Real(w) != 0; }),
             "invalid multinomial distribution (sum of probabilities <= 0)");
  }
  std::vector<std::pair<Real, int64_t>> ratios(static_cast<size_t>(categories));
  std::vector<T> clocks(static_cast<size_t>(categories));
  for (int64_t row = 0; row < rows; ++row) {
    exponential(dtype_of<T>, clocks.data(), categories, 1.0, generator);
    for (int64_t i = 0; i < categories; ++i) {
      ratios[i] = {static_cast<T>(Real(weights[row * categories + i]) / Real(clocks[i])), i};
    }
    select_largest(ratios, samples, out + row * samples);
  }
}

// Inversion of the cumulative weights.
template <class T>
void multinomial_inversion(const T* weights, int64_t rows, int64_t categories, int64_t samples, int64_t* out,
                           Generator& generator) {
  using Real = compute_type<T>;
  const auto held = generator.lock();
  std::vector<Real> cumulative(static_cast<size_t>(categories));
  for (int64_t row = 0; row < rows; ++row) {
    Real sum = 0;
    for (int64_t i = 0; i < categories; ++i) {
      const Real weight = weights[row * categories + i];
      RL_CHECK(weight >= 0, "invalid multinomial distribution (encountering probability entry < 0)");
      RL_CHECK(std::isfinite(weight),
               "invalid multinomial distribution (encountering probability entry = infinity or NaN)");
      sum += weight;
      cumulative[i] = sum;
    }
    RL_CHECK(sum > 0, "invalid multinomial distribution (sum of probabilities <= 0)");
    for (Real& c : cumulative) c /= sum;
    cumulative.back() = 1;
    for (int64_t i = 0; i < samples; ++i) {
      const double u = generator.next_double();
      const auto at =
          std::lower_bound(cumulative.begin(), cumulative.end(), u, [](Real c, double x) { return c < x; });
      out[row * samples + i] = at - cumulative.begin();
    }
  }
}

}  // namespace

void random_default(DType dtype, void* out, int64_t n, Generator& generator) {
  if (n == 0) return;
  visit_random_type(dtype, "random_kernel_cpu", [&]<class T>() {
    const auto held = generator.lock();
    T* values = static_cast<T*>(out);
    for (int64_t i = 0; i < n; ++i) values[i] = default_value<T>(generator);
  });
}

void random_full_range(DType dtype, void* out, int64_t n, Generator& generator) {
  if (n == 0) return;
  const char* const kernel = "random_full_64_bits_range_kernel_cpu";
  if (dtype == DType::Bool || dtype == DType::Float16) not_implemented(kernel, dtype);
  visit_number(dtype, kernel, [&]<class T>() {
    constexpr bool kWide =
        std::is_same_v<T, int64_t> || std::is_floating_point_v<T> || std::is_same_v<T, BFloat16>;
    RL_CHECK(kWide, kernel, " handles only int64, double, float and bfloat16");
    const auto held = generator.lock();
    T* values = static_cast<T*>(out);
    for (int64_t i = 0; i < n; ++i) values[i] = static_cast<T>(static_cast<int64_t>(generator.next64()));
  });
}

namespace {

constexpr int64_t kBlock = 512;  // elements whose draws are made together

// The draws as Generator::next_float and next_double read them.
template <class T, class P>
void bernoulli_block(const uint32_t* words, const P* chances, T* out, int64_t n) {
  for (int64_t i = 0; i < n; ++i) {
    bool hit;
    if constexpr (std::is_same_v<P, double>) {
      const uint64_t draw = uint64_t{words[2 * i] & 0x1fffffu} << 32 | words[2 * i + 1];
      hit = static_cast<double>(static_cast<int64_t>(draw)) * 0x1p-53 < chances[i];
    } else {
      const float draw = static_cast<float>(static_cast<int32_t>(words[i] & 0xffffffu)) * 0x1p-24f;
      hit = draw < static_cast<float>(chances[i]);
    }
    out[i] = hit ? T(1) : T(0);
  }
}

}  // namespace

void bernoulli_each(DType dtype, void* out, int64_t n, DType p_dtype, const void* p, Generator& generator) {
  if (n == 0) return;
  const auto held = generator.lock();
  visit_random_type(dtype, "bernoulli_tensor_cpu_self_", [&]<class T>() {
    visit_floating(p_dtype, "bernoulli_tensor_cpu_p_", [&]<class P>() {
      using Real = compute_type<P>;
      constexpr int64_t kDraws = sizeof(Real) / 4;
      const P* chances = static_cast<const P*>(p);
      const auto is_chance = [](Real chance) { return chance >= 0 && chance <= 1; };
      for (int64_t begin = 0; begin < n; begin += kBlock) {
        const P* const end = chances + std::min(n, begin + kBlock);
        const int64_t count = std::find_if_not(chances + begin, end, is_chance) - (chances + begin);
        uint32_t words[kBlock * kDraws];
        generator.generate(words, count * kDraws);
        bernoulli_block(words, chances + begin, static_cast<T*>(out) + begin, count);
        RL_CHECK(chances + begin + count == end,
                 "Expected p_in >= 0 && p_in <= 1 to be true, but got false.  (Could this error message be "
                 "improved?  "
                 "If so, please report an enhancement request to PyTorch.)");
      }
    });
  });
}

void randperm(DType dtype, void* out, int64_t n, Generator& generator) {
  visit_number(dtype, "randperm", [&]<class T>() {
    const auto held = generator.lock();
    T* p = static_cast<T*>(out);
    const auto number = [](int64_t i) { return static_cast<T>(i); };
    if (n < std::numeric_limits<uint32_t>::max() / 20) {  // 32 bits are even enough
      for (int64_t i = 0; i < n; ++i) p[i] = number(i);
      for (int64_t begin = 0; begin < n - 1; begin += kBlock) {
        uint32_t words[kBlock];
        const int64_t count = std::min(kBlock, n - 1 - begin);
        generator.generate(words, count);
        for (int64_t i = begin; i < begin + count; ++i)
          std::swap(p[i], p[i + words[i - begin] % static_cast<uint32_t>(n - i)]);
      }
      return;
    }
    for (int64_t i = 0; i < n; ++i) {
      const uint64_t other = generator.next64() % static_cast<uint64_t>(i + 1);
      p[i] = p[other];
      p[other] = number(i);
    }
  });
}

void exponential(DType dtype, void* out, int64_t n, double lambda, Generator& generator) {
  if (n == 0) return;
  visit_floating(dtype, "exponential_cpu", [&]<class T>() {
    const auto held = generator.lock();
    T* values = static_cast<T*>(out);
    constexpr int64_t kBlock = 512;
    std::array<double, kBlock> block;
    for (int64_t i = 0; i < n; i += kBlock) {
      const int64_t count = std::min(kBlock, n - i);
      scaled_log_uniform(block.data(), count, -1.0 / lambda, generator);
      std::transform(block.begin(), block.begin() + count, values + i,
                     [](double v) { return static_cast<T>(v); });
    }
  });
}

void cauchy(DType dtype, void* out, int64_t n, double median, double sigma, Generator& generator) {
  if (n == 0) return;
  visit_floating(dtype, "cauchy_cpu", [&]<class T>() {
    fill<T>(out, n, generator, [&](Generator& g) {
      return std::fma(sigma, std::tan(std::numbers::pi * (g.next_double() - 0.5)), median);
    });
  });
}

void geometric(DType dtype, void* out, int64_t n, double p, Generator& generator) {
  if (n == 0) return;
  visit_number(dtype, "geometric_cpu", [&]<class T>() {
    const double scale = std::log1p(-p);
    fill<T>(out, n, generator, [&](Generator& g) { return std::ceil(std::log(g.next_double()) / scale); });
  });
}

void log_normal(DType dtype, void* out, int64_t n, double mean, double std, Generator& generator) {
  if (n == 0) return;
  visit_floating(dtype, "log_normal_cpu", [&]<class T>() {
    fill<T>(out, n, generator, [&](Generator& g) { return std::exp(std::fma(g.next_normal(), std, mean)); });
  });
}

void multinomial(DType dtype, const void* weights, int64_t rows, int64_t categories, int64_t samples,
                 bool replacement, int64_t* out, Generator& generator) {
  if (rows == 0 || samples == 0) return;
  RL_CHECK(replacement || samples <= categories,
           "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  visit_floating(dtype, "multinomial", [&]<class T>() {
    const T* w = static_cast<const T*>(weights);
    if (replacement && samples > 1) {
      multinomial_inversion(w, rows, categories, samples, out, generator);
    } else {
      multinomial_race(w, rows, categories, samples, out, generator);
    }
  });
}

void poisson(DType dtype, const void* rate, void* out, int64_t n, Generator& generator) {
  visit_floating(dtype, "poisson_cpu", [&]<class T>() {
    const auto held = generator.lock();
    for (int64_t i = 0; i < n; ++i) {
      const double lambda = static_cast<compute_type<T>>(static_cast<const T*>(rate)[i]);
      static_cast<T*>(out)[i] = static_cast<T>(sample_poisson(lambda, generator));
    }
  });
}

void binomial(DType dtype, const void* count, const void* probability, void* out, int64_t n,
              Generator& generator) {
  visit_floating(dtype, "binomial_cpu", [&]<class T>() {
    if constexpr (is_reduced<T>) {
      not_implemented("binomial_cpu", dtype);
    } else {
      const auto held = generator.lock();
      for (int64_t i = 0; i < n; ++i) {
        const T p = static_cast<const T*>(probability)[i];
        static_cast<T*>(out)[i] = sample_binomial(static_cast<const T*>(count)[i], p, generator);
      }
    }
  });
}

}  // namespace rushlight::cpu

// gemm against a triple loop: every dtype, layout, epilogue and road through the core, and the same bits on
// any number of threads.
#include "rushlight/kernels/cpu/gemm.h"

#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <complex>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <type_traits>
#include <vector>

#include "rushlight/core/thread_pool.h"

namespace rushlight::cpu {
namespace {

template <class T>
struct IsComplex : std::false_type {};
template <class R>
struct IsComplex<std::complex<R>> : std::true_type {};
template <class T>
constexpr bool kIsInteger = std::is_integral_v<T>;

// The type the reference sums in: exact or at least much wider.
template <class T>
using Exact =
    std::conditional_t<kIsInteger<T>, uint64_t,
                       std::conditional_t<IsComplex<T>::value, std::complex<long double>, long double>>;

template <class T>
Exact<T> exact(T x) {
  if constexpr (kIsInteger<T>) {
    return static_cast<uint64_t>(x);
  } else if constexpr (IsComplex<T>::value) {
    return {x.real(), x.imag()};
  } else if constexpr (sizeof(T) == 2) {
    return static_cast<float>(x);
  } else {
    return x;
  }
}

template <class T>
double epsilon() {
  if constexpr (std::is_same_v<T, Half>) return 0x1p-11;
  if constexpr (std::is_same_v<T, BFloat16>) return 0x1p-8;
  if constexpr (std::is_same_v<T, float> || std::is_same_v<T, std::complex<float>>) return 0x1p-24;
  return 0x1p-53;
}

template <class T>
T random_value(std::mt19937& random) {
  const int draw = static_cast<int>(random() % 2001) - 1000;
  if constexpr (kIsInteger<T>) {
    return static_cast<T>(static_cast<int64_t>(random()) * draw);  // fills the type, so that sums wrap
  } else if constexpr (IsComplex<T>::value) {
    return T(static_cast<typename T::value_type>(draw) / 1000,
             static_cast<typename T::value_type>(random() % 2001) / 1000 - 1);
  } else {
    return T(static_cast<float>(draw) / 1000);
  }
}

// A matrix inside a buffer of its own, with room between rows and columns that must stay untouched.
template <class T>
struct Operand {
  int64_t rows, columns;
  std::vector<T> buffer;
  int64_t row_stride, col_stride;

  // order: 'r' row-major, 'c' column-major, 'R' and 'C' with gaps, 's' neither stride is one
  Operand(int64_t rows, int64_t columns, char order, std::mt19937& random) : rows(rows), columns(columns) {
    switch (order) {
      case 'r': row_stride = columns, col_stride = 1; break;
      case 'R': row_stride = columns + 5, col_stride = 1; break;
      case 'c': row_stride = 1, col_stride = rows; break;
      case 'C': row_stride = 1, col_stride = rows + 3; break;
      default: row_stride = 2 * columns + 1, col_stride = 2;
    }
    buffer.resize(static_cast<size_t>(rows * row_stride + columns * col_stride + 1));
    for (T& x : buffer) x = random_value<T>(random);
  }
  T& at(int64_t i, int64_t j) { return buffer[static_cast<size_t>(i * row_stride + j * col_stride)]; }
  Matrix<T> matrix() { return {buffer.data(), row_stride, col_stride}; }
  Matrix<const T> view() const { return {buffer.data(), row_stride, col_stride}; }
};

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

template <class T>
std::vector<T> random_vector(int64_t count, std::mt19937& random) {
  std::vector<T> v(static_cast<size_t>(count));
  for (T& x : v) x = random_value<T>(random);
  return v;
}

// Runs one product on 1, 2 and 3 threads and compares it with the triple loop.
template <class T>
void check(int64_t m, int64_t n, int64_t k, const char* orders, const Epilogue<T>& epilogue) {
  SCOPED_TRACE("m=" + std::to_string(m) + " n=" + std::to_string(n) + " k=" + std::to_string(k) +
               " orders=" + orders);
  std::mt19937 random(static_cast<uint32_t>(m * 10007 + n * 101 + k));
  Operand<T> a(m, k, orders[0], random), b(k, n, orders[1], random), c(m, n, orders[2], random);
  const std::vector<T> before = c.buffer;
  set_num_threads(1);
  gemm<T>(m, n, k, a.view(), b.view(), c.matrix(), epilogue);
  const std::vector<T> result = c.buffer;
  for (int threads : {2, 3}) {
    c.buffer = before;
    set_num_threads(threads);
    gemm<T>(m, n, k, a.view(), b.view(), c.matrix(), epilogue);
    ASSERT_TRUE(same_bits(c.buffer, result)) << threads << " threads give other bits";
  }
  c.buffer = before;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      Exact<T> sum{};
      for (int64_t kk = 0; kk < k; ++kk) sum += exact(a.at(i, kk)) * exact(b.at(kk, j));
      Exact<T> want = exact(epilogue.alpha) * sum;
      if (epilogue.beta != Accumulator<T>(0)) want += exact(epilogue.beta) * exact(c.at(i, j));
      if (epilogue.bias) want += exact(epilogue.bias[epilogue.bias_axis == BiasAxis::PerRow ? i : j]);
      const T got = result[static_cast<size_t>(i * c.row_stride + j * c.col_stride)];
      if constexpr (kIsInteger<T>) {
        T value = static_cast<T>(want);
        if (epilogue.activation == Activation::Relu && value < T(0)) value = 0;
        ASSERT_EQ(got, value) << "at " << i << ", " << j;
      } else {
        if constexpr (!IsComplex<T>::value) {
          if (epilogue.activation == Activation::Relu && want < 0) want = 0;
        }
        // Rounding once to T, and k times in its accumulator on sums that grow as sqrt(k).
        const double accumulator = epsilon<Accumulator<T>>();
        const double bound = 2 * epsilon<T>() * (1 + static_cast<double>(std::abs(want))) +
                             4 * accumulator * static_cast<double>(k + 4);
        ASSERT_LE(static_cast<double>(std::abs(exact(got) - want)), bound) << "at " << i << ", " << j;
      }
    }
  }
  // The gaps of c are as they were.
  std::vector<T> outside = result;
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j)
      outside[static_cast<size_t>(i * c.row_stride + j * c.col_stride)] = c.at(i, j);
  }
  ASSERT_TRUE(same_bits(outside, before)) << "memory between the elements of c was written";
}

template <class T>
class GemmTest : public testing::Test {
 protected:
  void TearDown() override { set_num_threads(1); }
};
using Types = testing::Types<float, double, Half, BFloat16, uint8_t, int8_t, uint16_t, int16_t, uint32_t,
                             int32_t, uint64_t, int64_t, std::complex<float>, std::complex<double>>;
TYPED_TEST_SUITE(GemmTest, Types);

TYPED_TEST(GemmTest, SmallSizesInEveryLayout) {
  for (const char* orders :
       {"rrr", "rcr", "crr", "ccr", "rrc", "ccc", "sss", "RCR", "CRC", "rrs", "srr", "rsr"}) {
    for (int64_t m : {1, 2, 5, 7, 17}) {
      for (int64_t n : {1, 3, 4, 8, 15, 16, 33}) {
        for (int64_t k : {0, 1, 2, 9}) check<TypeParam>(m, n, k, orders, {});
      }
    }
  }
}

TYPED_TEST(GemmTest, LargeSizesInEveryLayout) {
  for (const char* orders : {"rrr", "rcr", "crr", "ccr", "rrc", "sss", "RCR", "rrs"}) {
    check<TypeParam>(67, 131, 83, orders, {});
    check<TypeParam>(2, 129, 517, orders, {});
    check<TypeParam>(147, 3, 300, orders, {});
  }
}

TYPED_TEST(GemmTest, Vectors) {
  for (const char* orders : {"rrr", "crr", "rcr", "srs", "sss", "CRC"}) {
    check<TypeParam>(1, 1, 1000, orders, {});
    check<TypeParam>(1, 700, 77, orders, {});
    check<TypeParam>(700, 1, 77, orders, {});
    check<TypeParam>(1, 1, 0, orders, {});
    if (std::is_same_v<TypeParam, float>) {  // enough work for several threads
      check<TypeParam>(1300, 1, 1100, orders, {});
      check<TypeParam>(1, 1300, 1100, orders, {});
    }
  }
}

TYPED_TEST(GemmTest, Epilogues) {
  using T = TypeParam;
  std::mt19937 random(5);
  const auto bias = random_vector<T>(600, random);
  for (const char* orders : {"rrr", "rrc", "rcs"}) {
    for (auto [m, n, k] : {std::array<int64_t, 3>{3, 5, 4},
                           {50, 70, 40},
                           {20, 30, 600},
                           {1, 90, 30},
                           {90, 1, 30},
                           {4, 4, 0}}) {
      for (BiasAxis axis : {BiasAxis::PerColumn, BiasAxis::PerRow}) {
        Epilogue<T> e;
        e.bias = bias.data();
        e.bias_axis = axis;
        check<T>(m, n, k, orders, e);
        e.alpha = Accumulator<T>(3);
        e.beta = Accumulator<T>(2);
        check<T>(m, n, k, orders, e);
        if constexpr (!IsComplex<T>::value) {
          e.activation = Activation::Relu;
          check<T>(m, n, k, orders, e);
        }
      }
    }
  }
}

TYPED_TEST(GemmTest, EmptyOutputIsUntouched) {
  using T = TypeParam;
  T c[4] = {T(7), T(7), T(7), T(7)};
  const T a[4] = {};
  gemm<T>(0, 2, 2, {a, 2, 1}, {a, 2, 1}, {c, 2, 1});
  gemm<T>(2, 0, 2, {a, 2, 1}, {a, 2, 1}, {c, 2, 1});
  batched_gemm<T>(0, 2, 2, 2, {a, 2, 1}, 4, {a, 2, 1}, 4, {c, 2, 1}, 4);
  for (const T& x : c) EXPECT_EQ(x, T(7));
}

TYPED_TEST(GemmTest, BatchedEqualsOneByOne) {
  using T = TypeParam;
  for (auto [batch, m, n, k] : {std::array<int64_t, 4>{7, 3, 5, 4}, {5, 40, 33, 65}, {2, 210, 190, 180}}) {
    std::mt19937 random(1);
    const auto a = random_vector<T>(batch * m * k, random), b = random_vector<T>(batch * k * n, random);
    auto one = random_vector<T>(batch * m * n, random), all = one;
    set_num_threads(2);
    batched_gemm<T>(batch, m, n, k, {a.data(), k, 1}, m * k, {b.data(), n, 1}, k * n, {all.data(), n, 1},
                    m * n);
    for (int64_t i = 0; i < batch; ++i) {
      gemm<T>(m, n, k, {a.data() + i * m * k, k, 1}, {b.data() + i * k * n, n, 1},
              {one.data() + i * m * n, n, 1});
    }
    EXPECT_TRUE(same_bits(one, all));
    // A shared right operand.
    batched_gemm<T>(batch, m, n, k, {a.data(), k, 1}, m * k, {b.data(), n, 1}, 0, {all.data(), n, 1}, m * n);
    gemm<T>(m, n, k, {a.data() + (batch - 1) * m * k, k, 1}, {b.data(), n, 1}, {one.data(), n, 1});
    EXPECT_EQ(
        std::memcmp(one.data(), all.data() + (batch - 1) * m * n, sizeof(T) * static_cast<size_t>(m * n)), 0);
  }
}

TYPED_TEST(GemmTest, GemvWithStridesAndBias) {
  using T = TypeParam;
  std::mt19937 random(3);
  const auto a = random_vector<T>(6 * 9, random), x = random_vector<T>(27, random),
             bias = random_vector<T>(6, random);
  std::vector<T> y(12), want(6), packed(9);
  for (int i = 0; i < 9; ++i) packed[static_cast<size_t>(i)] = x[static_cast<size_t>(3 * i)];
  Epilogue<T> e;
  e.bias = bias.data();
  gemv<T>(6, 9, {a.data(), 9, 1}, x.data(), 3, y.data(), 2, e);
  e.bias_axis = BiasAxis::PerRow;
  gemm<T>(6, 1, 9, {a.data(), 9, 1}, {packed.data(), 1, 1}, {want.data(), 1, 1}, e);
  for (size_t i = 0; i < 6; ++i) EXPECT_EQ(y[2 * i], want[i]);
}

TEST(GemmFloatTest, SeveralBlocksInEveryDirection) {
  for (int threads : {1, 2}) {
    set_num_threads(threads);
    check<float>(150, 530, 700, "rcr", {});
    check<float>(4100, 17, 33, "rrr", {});
    check<float>(33, 4111, 20, "crr", {});
    check<double>(333, 222, 777, "rrr", {});
    check<BFloat16>(1030, 20, 300, "rrr", {});
    check<std::complex<float>>(520, 20, 30, "rrr", {});
  }
  set_num_threads(1);
}

TEST(GemmFloatTest, BetaZeroIgnoresNaNInTheOutput) {
  for (int64_t size : {1, 3, 20, 60}) {
    const size_t count = static_cast<size_t>(size * size);
    std::vector<float> a(count, 1), c(count, NAN);
    gemm<float>(size, size, size, {a.data(), size, 1}, {a.data(), size, 1}, {c.data(), size, 1});
    for (float x : c) ASSERT_EQ(x, static_cast<float>(size));
    c.assign(count, NAN);
    gemm<float>(size, size, 0, {a.data(), size, 1}, {a.data(), size, 1}, {c.data(), size, 1});
    for (float x : c) ASSERT_EQ(x, 0);
    c.assign(count, NAN);
    gemm<float>(size, size, size, {a.data(), size, 1}, {a.data(), size, 1}, {c.data(), size, 1}, {.beta = 1});
    for (float x : c) ASSERT_TRUE(std::isnan(x));
  }
}

TEST(GemmFloatTest, NaNAndInfinityGoWhereASumTakesThem) {
  const float inf = std::numeric_limits<float>::infinity();
  for (int64_t size : {5, 20, 70}) {
    const size_t count = static_cast<size_t>(size * size);
    std::vector<float> a(count, 1), b(count, 1), c(count);
    a[static_cast<size_t>(2 * size + 1)] = NAN;  // row 2 becomes NaN
    a[static_cast<size_t>(3 * size + 1)] = inf;  // row 3 becomes infinite
    b[static_cast<size_t>(1 * size + 4)] = 0;    // but inf * 0 is NaN in column 4
    for (Activation activation : {Activation::None, Activation::Relu}) {
      gemm<float>(size, size, size, {a.data(), size, 1}, {b.data(), size, 1}, {c.data(), size, 1},
                  {.activation = activation});
      for (int64_t i = 0; i < size; ++i) {
        for (int64_t j = 0; j < size; ++j) {
          const float x = c[static_cast<size_t>(i * size + j)];
          if (i == 2 || (i == 3 && j == 4)) ASSERT_TRUE(std::isnan(x)) << i << ' ' << j;
          else if (i == 3) ASSERT_EQ(x, inf);
          else ASSERT_EQ(x, static_cast<float>(j == 4 ? size - 1 : size));
        }
      }
    }
  }
}

TEST(GemmFloatTest, BroadcastAndReversedInputs) {
  // A row repeated by a zero stride, and a matrix read backwards.
  const int64_t m = 50, n = 60, k = 70;
  std::mt19937 random(9);
  const auto row = random_vector<float>(k, random), b = random_vector<float>(k * n, random);
  std::vector<float> c(static_cast<size_t>(m * n)), reversed(b.rbegin(), b.rend()), d = c;
  gemm<float>(m, n, k, {row.data(), 0, 1}, {b.data(), n, 1}, {c.data(), n, 1});
  gemm<float>(m, n, k, {row.data(), 0, 1}, {reversed.data() + k * n - 1, -n, -1}, {d.data(), n, 1});
  for (int64_t i = 0; i < m; ++i) {
    for (int64_t j = 0; j < n; ++j) {
      ASSERT_EQ(c[static_cast<size_t>(i * n + j)], c[static_cast<size_t>(j)]);
      ASSERT_EQ(c[static_cast<size_t>(i * n + j)], d[static_cast<size_t>(i * n + j)]);
    }
  }
}

}  // namespace
}  // namespace rushlight::cpu

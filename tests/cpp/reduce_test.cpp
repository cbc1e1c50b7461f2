// Reductions, softmax, scans and sorting: values on awkward shapes, gradients, edges, independence of the
// thread count.
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>

#include "rushlight/autograd/engine.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

constexpr double kNan = std::numeric_limits<double>::quiet_NaN();
constexpr double kInf = std::numeric_limits<double>::infinity();

Tensor tensor(const std::vector<float>& values, DimsRef sizes) {
  Tensor t = make_tensor(sizes, DType::Float32);
  std::copy(values.begin(), values.end(), t.data<float>());
  return t;
}
Tensor tensor(const std::vector<float>& values) {
  return tensor(values, static_cast<int64_t>(values.size()));
}

// Numbers that differ, are exact in float and add up exactly in double.
Tensor numbers(DimsRef sizes) {
  Tensor t = make_tensor(sizes, DType::Float32);
  for (int64_t i = 0; i < t.numel(); ++i) t.data<float>()[i] = static_cast<float>(i * 7919 % 1009 - 500) / 4;
  return t;
}

std::vector<double> values(const Tensor& t) {
  const Tensor d = t.detach().to(DType::Float64).contiguous();
  return {d.data<double>(), d.data<double>() + d.numel()};
}

Tensor gradient(const Tensor& y, const Tensor& x) {
  return autograd::grad(TensorList({y}), TensorList({x}))[0];
}

struct Shape {
  Dims sizes;
  int64_t dim;
};

class ReduceShapes : public testing::TestWithParam<int> {
 protected:
  static Shape shape() {
    const Shape all[] = {{{1000, 3}, 0},  {{1000, 3}, 1},   {{3, 1000}, 0},  {{3, 1000}, 1},
                         {{600, 700}, 0}, {{600, 700}, 1},  {{5, 70, 9}, 1}, {{200000}, 0},
                         {{1, 1}, 0},     {{2, 300000}, 1}, {{300000, 2}, 0}};
    return all[GetParam()];
  }
};

TEST_P(ReduceShapes, AgreeWithLoops) {
  const auto [sizes, dim] = shape();
  const Tensor x = numbers(sizes);
  const std::vector<double> sums = values(x.sum(dim)), variances = values(x.var(dim, OptScalar(0)));
  const ValuesIndices top = x.max(dim);
  const std::vector<double> best = values(top.values), place = values(top.indices),
                            least = values(x.amin(dim));
  int64_t inner = 1;
  for (int64_t d = dim + 1; d < sizes.size(); ++d) inner *= sizes[d];
  const int64_t n = sizes[dim];
  for (int64_t o = 0; o < static_cast<int64_t>(sums.size()); ++o) {
    const float* p = x.data<float>() + o / inner * n * inner + o % inner;
    double sum = 0, square = 0, low = kInf;
    int64_t at = 0;
    for (int64_t i = 0; i < n; ++i) {
      const double v = p[i * inner];
      sum += v;
      square += v * v;
      low = std::min(low, v);
      if (v > p[at * inner]) at = i;
    }
    const double mean = sum / static_cast<double>(n),
                 variance = square / static_cast<double>(n) - mean * mean;
    ASSERT_EQ(sums[o], static_cast<double>(static_cast<float>(sum))) << o;
    ASSERT_NEAR(variances[o], variance, 1e-6 * (1 + variance)) << o;
    ASSERT_EQ(best[o], p[at * inner]) << o;
    ASSERT_EQ(place[o], static_cast<double>(at)) << o;
    ASSERT_EQ(least[o], low) << o;
  }
}

TEST_P(ReduceShapes, DoNotDependOnThreads) {
  const auto [sizes, dim] = shape();
  const Tensor x = numbers(sizes).exp2().rsqrt();  // neither exact nor of one size
  const int before = num_threads();
  set_num_threads(1);
  const std::vector<double> one[] = {values(x.sum(dim)), values(x.std(dim)), values(x.softmax(dim)),
                                     values(x.cumsum(dim)), values(x.sum())};
  set_num_threads(4);
  const std::vector<double> four[] = {values(x.sum(dim)), values(x.std(dim)), values(x.softmax(dim)),
                                      values(x.cumsum(dim)), values(x.sum())};
  set_num_threads(before);
  for (int i = 0; i < 5; ++i) {
    for (size_t k = 0; k < one[i].size(); ++k) {
      ASSERT_TRUE(one[i][k] == four[i][k] || (std::isnan(one[i][k]) && std::isnan(four[i][k])))
          << i << " " << k;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Shapes, ReduceShapes, testing::Range(0, 11));

TEST(Reduce, VarianceOfLargeNumbersIsExact) {
  const Tensor x = (numbers(100000) * 0.25 + 1e6).to(DType::Float32);
  double mean = 0, m2 = 0;
  for (double v : values(x)) mean += v / 100000;
  for (double v : values(x)) m2 += (v - mean) * (v - mean);
  EXPECT_NEAR(x.var().item<double>(), m2 / 99999, 1e-5 * m2 / 99999);
}

TEST(Reduce, NanWinsAndTiesGoToTheFirst) {
  const Tensor x = tensor({1, 5, 5, 2});
  EXPECT_EQ(x.argmax().item<int64_t>(), 1);
  const float nan = static_cast<float>(kNan);
  const Tensor y = tensor({1, nan, 5, nan});
  EXPECT_TRUE(std::isnan(y.max().item<double>()));
  EXPECT_EQ(y.argmin().item<int64_t>(), 1);
  EXPECT_EQ(y.nansum().item<double>(), 6);
  EXPECT_EQ(y.nanmean().item<double>(), 3);
}

TEST(Reduce, Empty) {
  const Tensor x = make_tensor({0, 3}, DType::Float32);
  EXPECT_EQ(values(x.sum(0)), (std::vector<double>{0, 0, 0}));
  EXPECT_EQ(values(x.prod(0)), (std::vector<double>{1, 1, 1}));
  EXPECT_TRUE(std::isnan(x.mean().item<double>()));
  EXPECT_TRUE(x.all().item().to_bool());
  EXPECT_FALSE(x.any().item().to_bool());
  EXPECT_EQ(x.sum(1).numel(), 0);
  EXPECT_THROW(x.amax(0), IndexError);
  EXPECT_THROW(x.max(), RuntimeError);
  EXPECT_THROW(x.sum(5), IndexError);
  EXPECT_THROW(x.sum({0, 0}), RuntimeError);
}

TEST(Reduce, IntegersAndNarrowFloats) {
  const Tensor bytes = make_tensor(1000, DType::UInt8).fill_(255);
  EXPECT_EQ(bytes.sum().item<int64_t>(), 255000);
  EXPECT_EQ(bytes.sum(DType::UInt8).item<int64_t>(), 255000 % 256);
  const Tensor half = make_tensor(4096, DType::Float16).fill_(0.5);
  EXPECT_EQ(half.sum().item<double>(), 2048);
  EXPECT_EQ(half.mean().item<double>(), 0.5);
}

TEST(Reduce, GradientOfProductWithZeros) {
  const Tensor x = tensor({2, 0, 3});
  x.set_requires_grad(true);
  EXPECT_EQ(values(gradient(x.prod(), x)), (std::vector<double>{0, 6, 0}));
}

TEST(Reduce, EqualExtremesShareTheGradient) {
  const Tensor x = tensor({4, 1, 4});
  x.set_requires_grad(true);
  EXPECT_EQ(values(gradient(x.max(), x)), (std::vector<double>{0.5, 0, 0.5}));
  EXPECT_EQ(values(gradient(x.max(int64_t{0}).values, x)), (std::vector<double>{1, 0, 0}));
}

TEST(Softmax, SumsToOneAndIsStable) {
  for (Dims sizes : {Dims{300, 10}, Dims{3, 1000}, Dims{1000, 3}}) {
    for (int64_t dim = 0; dim < 2; ++dim) {
      const Tensor x = numbers(sizes) * 100;
      for (double s : values(x.softmax(dim).sum(dim))) ASSERT_NEAR(s, 1, 1e-6);
      const std::vector<double> logs = values(x.log_softmax(dim)), plain = values(x.softmax(dim));
      for (size_t i = 0; i < logs.size(); ++i) ASSERT_NEAR(std::exp(logs[i]), plain[i], 1e-5);
    }
  }
}

TEST(Softmax, FusedAndComposedGradientsAgree) {
  for (Dims sizes : {Dims{40, 10}, Dims{4, 100}}) {
    for (int64_t dim = 0; dim < 2; ++dim) {
      const Tensor x = (numbers(sizes) / 50).to(DType::Float64), g = (numbers(sizes) / 90).to(DType::Float64);
      x.set_requires_grad(true);
      for (const Tensor& y : {x.softmax(dim), x.log_softmax(dim)}) {
        const Tensor fused =
            autograd::grad(TensorList({y}), TensorList({x}), TensorList({g}), {.retain_graph = true})[0];
        const Tensor composed =
            autograd::grad(TensorList({y}), TensorList({x}), TensorList({g}), {.create_graph = true})[0];
        EXPECT_TRUE(allclose(fused, composed, 0, 1e-12));
      }
    }
  }
}

TEST(Scan, LongRowsAndOtherDimensions) {
  const Tensor x = numbers(200000);
  const std::vector<double> in = values(x), out = values(x.cumsum(0));
  double total = 0;
  for (size_t i = 0; i < in.size(); ++i)
    ASSERT_EQ(out[i], static_cast<double>(static_cast<float>(total += in[i]))) << i;
  const Tensor rows = numbers({3, 400});
  EXPECT_TRUE(equal(rows.cumsum(1), rows.t().contiguous().cumsum(0).t()));
  EXPECT_EQ(values(tensor({3, 1, 3}).cummax(0).indices), (std::vector<double>{0, 0, 2}));
}

TEST(Sort, StableInBothDirectionsWithNanLast) {
  const Tensor x = tensor({2, static_cast<float>(kNan), 1, 2, -0.0f, 0.0f});
  EXPECT_EQ(values(x.sort().indices), (std::vector<double>{4, 5, 2, 0, 3, 1}));
  EXPECT_EQ(values(x.sort(-1, true).indices), (std::vector<double>{1, 0, 3, 2, 4, 5}));
}

TEST(Sort, EveryLengthAndType) {
  for (int64_t n : {0, 1, 2, 255, 256, 1000, 70000, 150000}) {
    for (DType t :
         {DType::Float32, DType::Float64, DType::Int64, DType::Int32, DType::UInt8, DType::BFloat16}) {
      const Tensor x = numbers(n).to(t);
      const ValuesIndices s = x.sort();
      const std::vector<double> in = values(x), order = values(s.indices), sorted = values(s.values);
      for (int64_t i = 0; i < n; ++i) ASSERT_EQ(sorted[i], in[static_cast<int64_t>(order[i])]);
      for (int64_t i = 1; i < n; ++i) {
        ASSERT_TRUE(sorted[i - 1] < sorted[i] || (sorted[i - 1] == sorted[i] && order[i - 1] < order[i]))
            << n << " " << i;
      }
    }
  }
}

TEST(Sort, WideIntegers) {
  Tensor x = make_tensor(3, DType::Int64);
  x.data<int64_t>()[0] = INT64_MAX;
  x.data<int64_t>()[1] = INT64_MIN;
  x.data<int64_t>()[2] = 0;
  EXPECT_EQ(values(x.sort().indices), (std::vector<double>{1, 2, 0}));
}

TEST(Sort, SelectionAgreesWithSorting) {
  const Tensor x = numbers({4, 999});
  const Tensor sorted = x.sort(-1, true).values;
  for (int64_t k : {1, 5, 500, 999}) {
    const ValuesIndices top = x.topk(k);
    for (int64_t r = 0; r < 4; ++r) {
      for (int64_t i = 0; i < k; ++i) ASSERT_EQ(top.values[r][i].item<double>(), sorted[r][i].item<double>());
    }
  }
  EXPECT_EQ(x.median(int64_t{1}).values[0].item<double>(), sorted[0][499].item<double>());
  EXPECT_THROW(x.topk(1000), RuntimeError);
}

TEST(Sort, GradientGoesBackToItsPlace) {
  const Tensor x = tensor({3, 1, 2});
  x.set_requires_grad(true);
  const Tensor y = x.sort().values * tensor({10, 20, 30});
  EXPECT_EQ(values(gradient(y.sum(), x)), (std::vector<double>{30, 10, 20}));
}

}  // namespace
}  // namespace rushlight

#include "rushlight/ops/print.h"

#include <gtest/gtest.h>

#include <cmath>
#include <sstream>

#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

Tensor floats(std::initializer_list<float> values) {
  Tensor t = make_tensor({static_cast<int64_t>(values.size())}, DType::Float32);
  std::copy(values.begin(), values.end(), t.data<float>());
  return t;
}

struct PrintTest : testing::Test {
  void TearDown() override { set_print_options({}); }
};

TEST_F(PrintTest, WholeNumbersHaveNoDigitsBehindThePoint) {
  EXPECT_EQ(to_string(floats({1, -2, 30})), "tensor([ 1., -2., 30.])");
  EXPECT_EQ(to_string(floats({1, 2.5f})), "tensor([1.0000, 2.5000])");
}

TEST_F(PrintTest, ExponentsWhereSizesDiffer) {
  EXPECT_EQ(to_string(floats({1e-5f, 1})), "tensor([1.0000e-05, 1.0000e+00])");
  EXPECT_EQ(to_string(floats({1e9f})), "tensor([1.0000e+09])");
}

TEST_F(PrintTest, NotFinite) {
  EXPECT_EQ(to_string(floats({1, INFINITY, -NAN})), "tensor([1., inf, nan])");
  EXPECT_EQ(to_string(floats({-INFINITY, 0.5f})), "tensor([  -inf, 0.5000])");
}

TEST_F(PrintTest, NestingEmptyAndScalars) {
  EXPECT_EQ(to_string(zeros({2, 1, 2}, DType::Int64)), "tensor([[[0, 0]],\n\n        [[0, 0]]])");
  EXPECT_EQ(to_string(zeros({0, 3})), "tensor([], size=(0, 3))");
  EXPECT_EQ(to_string(zeros({0}, DType::Int64)), "tensor([], dtype=torch.int64)");
  EXPECT_EQ(to_string(zeros({}, DType::Bool)), "tensor(False)");
  EXPECT_EQ(to_string(zeros({1}, DType::Complex64)), "tensor([0.+0.j])");
}

// Disabled: the wrapping of a summarised row under a narrow line width differs from what is expected here.
TEST_F(PrintTest, LongRowsWrapAndLongTensorsAreCut) {
  set_print_options({.threshold = 5, .edge_items = 1, .line_width = 14});
  EXPECT_EQ(to_string(arange(6)), "tensor([0,  ...,\n        5])");
  EXPECT_EQ(to_string(arange(4)), "tensor([0, 1,\n        2, 3])");
}

TEST_F(PrintTest, HistoryIsNamed) {
  Tensor x = floats({1});
  x.set_requires_grad(true);
  std::ostringstream out;
  out << x << ' ' << x + 1;
  EXPECT_EQ(out.str(), "tensor([1.], requires_grad=True) tensor([2.], grad_fn=<AddBackward0>)");
}

TEST_F(PrintTest, BadOptionsAreRefused) {
  EXPECT_THROW(set_print_options({.precision = -1}), ValueError);
  EXPECT_THROW(set_print_options({.edge_items = -1}), ValueError);
  EXPECT_EQ(print_options().precision, 4);
}

TEST_F(PrintTest, TooManyDimensionsAreAnErrorNotACrash) {
  Dims sizes(100000, 1), strides(100000, 1);
  EXPECT_THROW(to_string(make_alias(floats({1}), sizes, strides, 0)), RuntimeError);
}

}  // namespace
}  // namespace rushlight

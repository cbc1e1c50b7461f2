// Operators of tensors: what each means, on either side of a number.
#include <gtest/gtest.h>

#include "rushlight/ops/ops.h"
#include "rushlight/ops/values.h"

namespace rushlight {
namespace {

using Bools = std::vector<bool>;
using Ints = std::vector<int64_t>;
using Floats = std::vector<float>;

Bools bools(const Tensor& t) {
  EXPECT_EQ(t.dtype(), DType::Bool);
  Bools out;
  for (bool b : to_vector<uint8_t>(t)) out.push_back(b);
  return out;
}

TEST(Operators, CompareElementByElement) {
  const Tensor a = tensor({1, 2, 3}), b = tensor({3, 2, 1});
  EXPECT_EQ(bools(a == b), Bools({false, true, false}));
  EXPECT_EQ(bools(a != b), Bools({true, false, true}));
  EXPECT_EQ(bools(a < b), Bools({true, false, false}));
  EXPECT_EQ(bools(a <= b), Bools({true, true, false}));
  EXPECT_EQ(bools(a > b), Bools({false, false, true}));
  EXPECT_EQ(bools(a >= b), Bools({false, true, true}));
  EXPECT_EQ((a == tensor({{1}, {2}})).sizes(), Dims({2, 3}));
  EXPECT_THROW(a == tensor({1, 2}), RuntimeError);
}

TEST(Operators, CompareWithNumbersOnEitherSide) {
  const Tensor a = tensor({1, 2, 3});
  EXPECT_EQ(bools(a == 2), bools(2 == a));
  EXPECT_EQ(bools(a != 2), bools(2 != a));
  EXPECT_EQ(bools(1.5 < a), Bools({false, true, true}));
  EXPECT_EQ(bools(2 <= a), Bools({false, true, true}));
  EXPECT_EQ(bools(2u > a), Bools({true, false, false}));
  EXPECT_EQ(bools(Scalar(2) >= a), Bools({true, true, false}));
  EXPECT_EQ(bools(a < 1.5), Bools({true, false, false}));
}

TEST(Operators, MasksAndBits) {
  const Tensor a = tensor({1, 2, 3});
  EXPECT_EQ(bools((a > 1) & (a < 3)), Bools({false, true, false}));
  EXPECT_EQ(bools((a < 2) | (a > 2)), Bools({true, false, true}));
  EXPECT_EQ(bools(~(a == 2)), Bools({true, false, true}));
  EXPECT_EQ(to_vector<int64_t>(6 & a), Ints({0, 2, 2}));
  EXPECT_EQ(to_vector<int64_t>(a | 4), Ints({5, 6, 7}));
  EXPECT_EQ(to_vector<int64_t>(1 ^ a), Ints({0, 3, 2}));
  EXPECT_EQ(to_vector<int64_t>(-7 % a), Ints({0, 1, 2}));  // the sign of the divisor
}

TEST(Operators, ArithmeticWithNumbersOnTheLeft) {
  const Tensor a = tensor({1.0, 2.0, 4.0});
  EXPECT_EQ(to_vector<float>(1 + a), Floats({2, 3, 5}));
  EXPECT_EQ(to_vector<float>(1 - a), Floats({0, -1, -3}));
  EXPECT_EQ(to_vector<float>(2 * a), Floats({2, 4, 8}));
  EXPECT_EQ(to_vector<float>(2 / a), Floats({2, 1, 0.5}));
  EXPECT_EQ((complex128(0, 1) * a).dtype(), DType::Complex64);
}

TEST(Operators, CompoundAssignmentWritesThroughViews) {
  const Tensor whole = tensor({1, 2, 3});
  Tensor first = whole[0];
  first += 10;
  first *= 2;
  first -= tensor(2);
  first %= 7;
  first |= 8;
  first &= 12;
  first ^= 1;
  EXPECT_EQ(to_vector<int64_t>(whole), Ints({13, 2, 3}));
  EXPECT_THROW(first /= 2, RuntimeError);  // the result is no integer
}

TEST(Operators, AnUndefinedTensorIsAnError) {
  const Tensor none, x = ones(2);
  EXPECT_THROW(none + 1, RuntimeError);
  EXPECT_THROW(x * none, RuntimeError);
  EXPECT_THROW(none == none, RuntimeError);
  EXPECT_THROW(x.grad().sum(), RuntimeError);  // before any backward
  EXPECT_THROW(none.sizes(), RuntimeError);
  EXPECT_THROW(none.item(), RuntimeError);
  EXPECT_THROW(none.requires_grad(), RuntimeError);
  EXPECT_THROW(none.backward(), RuntimeError);
}

}  // namespace
}  // namespace rushlight

// Views, joining, indexing and creation, with their gradients.
#include <gtest/gtest.h>

#include "rushlight/ops/indexing.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/view.h"

namespace rushlight {
namespace {

std::vector<double> values(const Tensor& t) {
  const Tensor dense = t.detach().to(DType::Float64).contiguous();
  return {dense.data<double>(), dense.data<double>() + dense.numel()};
}

using Values = std::vector<double>;

Tensor indices(std::initializer_list<int64_t> list) {
  Tensor t = empty(static_cast<int64_t>(list.size()), DType::Int64);
  std::copy(list.begin(), list.end(), t.data<int64_t>());
  return t;
}

Tensor counting(DimsRef sizes) { return arange(numel_of(sizes), DType::Float32).view(sizes); }

template <class E, class F>
std::string message(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.what();
  }
  return "nothing thrown";
}

TEST(Arange, HasPyTorchsDtypesAndSizes) {
  EXPECT_EQ(arange(3).dtype(), DType::Int64);
  EXPECT_EQ(arange(3.0).dtype(), DType::Float32);
  EXPECT_EQ(values(arange(5, 0, -2)), (Values{5, 3, 1}));
  EXPECT_EQ(arange(0, 1, 0.3).numel(), 4);
  EXPECT_EQ(message<RuntimeError>([] { arange(0, 3, 0); }), "step must be nonzero");
  EXPECT_EQ(message<RuntimeError>([] { arange(INT64_MIN, INT64_MAX); }), "invalid size, possible overflow?");
}

TEST(Copy, EveryLayoutOfEveryShapeGivesTheSameElements) {
  const Tensor x = counting({5, 37, 41});
  for (const Dims& order : {Dims{2, 1, 0}, Dims{0, 2, 1}, Dims{1, 0, 2}, Dims{2, 0, 1}}) {
    const Tensor y = x.permute(order), z = y.contiguous();
    ASSERT_TRUE(z.is_contiguous());
    for (int64_t i = 0; i < y.size(0); ++i) {
      for (int64_t j = 0; j < y.size(1); j += 3) {
        for (int64_t k = 0; k < y.size(2); k += 5)
          ASSERT_EQ(y[i][j][k].item<float>(), z[i][j][k].item<float>());
      }
    }
  }
}

TEST(Cat, JoinsSkipsEmptyVectorsAndSplitsTheGradient) {
  Tensor a = counting({2, 3}).set_requires_grad(true), b = ones({2, 1}).set_requires_grad(true);
  const Tensor y = cat({a, zeros(0), b}, 1);
  EXPECT_EQ(values(y), (Values{0, 1, 2, 1, 3, 4, 5, 1}));
  (y * counting({2, 4})).sum().backward();
  EXPECT_EQ(values(a.grad()), (Values{0, 1, 2, 4, 5, 6}));
  EXPECT_EQ(values(b.grad()), (Values{3, 7}));
}

TEST(Split, GradientsOfUnusedPartsAreZero) {
  Tensor x = counting({5}).set_requires_grad(true);
  TensorVector parts = x.split(2);
  ASSERT_EQ(parts.size(), 3u);
  (parts[1] * 2).sum().backward();
  EXPECT_EQ(values(x.grad()), (Values{0, 0, 2, 2, 0}));
}

TEST(Index, SlicesIntegersMasksAndTensorsMix) {
  const Tensor x = counting({4, 5, 6});
  EXPECT_EQ(x.index({Index::NewAxis, 1, Slice{1, {}, 2}, Index::Ellipsis}).sizes(), (Dims{1, 2, 6}));
  const Tensor i = indices({0, 3});
  EXPECT_EQ(x.index({i, Slice{}, i}).sizes(), (Dims{2, 5}));
  EXPECT_EQ(x.index({Slice{}, i, Slice{}, Index::NewAxis}).sizes(), (Dims{4, 2, 6, 1}));
  EXPECT_EQ(x.index({0, Slice{}, i}).sizes(), (Dims{5, 2}));
  EXPECT_EQ(x.index({x.gt(60)}).numel(), 59);
  EXPECT_EQ(x.index({ones({4, 5}, DType::Bool), Slice{0, 2}}).sizes(), (Dims{20, 2}));
  EXPECT_EQ(x.index({true}).sizes(), (Dims{1, 4, 5, 6}));
  EXPECT_EQ(x.index({false}).numel(), 0);
  EXPECT_EQ(message<IndexError>([&] { x.index({4}); }),
            "index 4 is out of bounds for dimension 0 with size 4");
  EXPECT_EQ(message<IndexError>([&] {
              x.index({0, 0, 0, 0});
            }),
            "too many indices for tensor of dimension 3");
  EXPECT_EQ(message<IndexError>([&] { x.index({indices({9})}); }),
            "index 9 is out of bounds for dimension 0 with size 4");
}

TEST(Index, GradientAddsUpRepeatedPlaces) {
  Tensor x = counting({3, 2}).set_requires_grad(true);
  x.index({indices({0, 2, 0})}).sum().backward();
  EXPECT_EQ(values(x.grad()), (Values{2, 2, 0, 0, 1, 1}));
}

TEST(IndexPut, WritesThroughViewsAndTellsBothGradients) {
  Tensor x = counting({3, 2}).set_requires_grad(true), v = ones({2}).set_requires_grad(true);
  const Tensor y = x * 1;
  y.index_put_({indices({0, 2})}, v);
  EXPECT_EQ(values(y), (Values{1, 1, 2, 3, 1, 1}));
  (y * 3).sum().backward();
  EXPECT_EQ(values(x.grad()), (Values{0, 0, 3, 3, 0, 0}));
  EXPECT_EQ(values(v.grad()), (Values{6, 6}));
}

TEST(IndexAdd, GradientOfIndexSelect) {
  Tensor x = counting({3, 2}).set_requires_grad(true);
  x.index_select(0, indices({1, 1, 2})).sum().backward();
  EXPECT_EQ(values(x.grad()), (Values{0, 0, 2, 2, 1, 1}));
  EXPECT_EQ(message<RuntimeError>([] { zeros(3).index_add(0, indices({5}), ones(1)); }),
            "index 5 is out of bounds for dimension 0 with size 3");
}

TEST(Scatter, ReductionsAndGradients) {
  const Tensor i = indices({0, 0, 2});
  EXPECT_EQ(values(zeros(3).scatter_add(0, i, counting({3}))), (Values{1, 0, 2}));
  EXPECT_EQ(values(zeros(3).scatter_reduce(0, i, counting({3}), "mean", false)), (Values{0.5, 0, 2}));
  EXPECT_EQ(values(full(3, 0.5).scatter_reduce(0, i, counting({3}), "amax")), (Values{1, 0.5, 2}));
  Tensor x = (counting({3}) + 1).detach().set_requires_grad(true);
  ones(3).scatter_reduce(0, i, x, "prod").sum().backward();
  EXPECT_EQ(values(x.grad()), (Values{2, 1, 1}));
}

TEST(Masked, FillSelectScatter) {
  Tensor x = counting({2, 3}).set_requires_grad(true);
  const Tensor mask = x.detach().gt(2);
  EXPECT_EQ(values(x.masked_select(mask)), (Values{3, 4, 5}));
  x.masked_select(mask).sum().backward();
  EXPECT_EQ(values(x.grad()), (Values{0, 0, 0, 1, 1, 1}));
  EXPECT_EQ(values(x.masked_fill(mask, 7)), (Values{0, 1, 2, 7, 7, 7}));
  EXPECT_EQ(values(nonzero(mask)), (Values{1, 0, 1, 1, 1, 2}));
}

TEST(AsStrided, OverlappingGradientsAddUp) {
  Tensor x = counting({4}).set_requires_grad(true);
  x.as_strided({3, 2}, {1, 1}).sum().backward();
  EXPECT_EQ(values(x.grad()), (Values{1, 2, 2, 1}));
}

TEST(Unfold, OverlappingGradientsAddUp) {
  Tensor x = counting({5}).set_requires_grad(true);
  x.unfold(0, 3, 1).sum().backward();
  EXPECT_EQ(values(x.grad()), (Values{1, 2, 3, 2, 1}));
}

TEST(InPlaceViews, GeometryChangesKeepTheGradient) {
  Tensor x = counting({2, 3}).set_requires_grad(true);
  const Tensor y = x * 1;
  y.t_();
  EXPECT_EQ(y.sizes(), (Dims{3, 2}));
  (y * counting({3, 2})).sum().backward();
  EXPECT_EQ(values(x.grad()), (Values{0, 2, 4, 1, 3, 5}));
}

TEST(ComplexViews, ChangesThroughThemAreRecorded) {
  Tensor x = counting({3}).set_requires_grad(true);
  const Tensor z = complex(x * 2, x * 3);
  real(z).mul_(5);
  imag(z).zero_();
  view_as_real(z).sum().backward();
  EXPECT_EQ(values(x.grad()), (Values{10, 10, 10}));
}

TEST(Pad, ReflectAndItsGradient) {
  Tensor x = counting({1, 3}).set_requires_grad(true);
  const Tensor y = pad(x, {2, 1}, "reflect");
  EXPECT_EQ(values(y), (Values{2, 1, 0, 1, 2, 1}));
  y.sum().backward();
  EXPECT_EQ(values(x.grad()), (Values{1, 3, 2}));
}

TEST(Sizes, NothingWrapsOrCrashes) {
  EXPECT_THROW(zeros({int64_t{1} << 40, int64_t{1} << 40}), RuntimeError);
  EXPECT_THROW(ones(3).repeat({INT64_MAX}), RuntimeError);
  EXPECT_THROW(constant_pad_nd(ones(3), {INT64_MAX, INT64_MAX}), RuntimeError);
  EXPECT_THROW(ones(3).narrow(0, 1, INT64_MAX), RuntimeError);
  EXPECT_EQ(ones({3, 3}).triu(INT64_MAX).sum().item<float>(), 0);
  EXPECT_EQ(ones({3, 3}).tril(INT64_MIN).sum().item<float>(), 0);
  EXPECT_EQ(values(counting({5}).roll(INT64_MIN)), values(counting({5}).roll(INT64_MIN % 5)));
}

}  // namespace
}  // namespace rushlight

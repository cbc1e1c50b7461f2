#include <gtest/gtest.h>

#include <thread>

#include "rushlight/autograd/engine.h"
#include "rushlight/autograd/gradcheck.h"
#include "rushlight/autograd/hooks.h"
#include "rushlight/autograd/record.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;

Tensor leaf(std::initializer_list<double> values, DType dtype = DType::Float64) {
  Tensor t = make_tensor(static_cast<int64_t>(values.size()), DType::Float64);
  std::copy(values.begin(), values.end(), t.data<double>());
  return t.to(dtype).set_requires_grad(true);
}
std::vector<double> numbers(const Tensor& t) {
  const Tensor d = t.detach().to(DType::Float64).contiguous();
  return {d.data<double>(), d.data<double>() + d.numel()};
}
using Numbers = std::vector<double>;

std::string error_of(const std::function<void()>& f) {
  try {
    f();
  } catch (const Error& e) {
    return e.message();
  }
  return "";
}

// A hook made of a lambda on the gradient.
template <class F>
struct Lambda final : Node::Hook {
  explicit Lambda(F f) : f(std::move(f)) {}
  void run(Gradients&, Gradients& outputs) override { outputs[0] = f(outputs[0]); }
  F f;
};
template <class F>
Ref<Node::Hook> hook(F f) {
  return make_ref<Lambda<F>>(std::move(f));
}

TEST(Autograd, ChainOfAMillionOperationsRunsAndIsReleased) {
  Tensor x = leaf({1});
  Tensor y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y + 1;
  y.backward();
  EXPECT_EQ(numbers(x.grad()), Numbers{1});
  y = x;
  for (int i = 0; i < 1'000'000; ++i) y = y * 1;
  y = Tensor();  // without backward
}

TEST(Autograd, GradientsAddUpAndGraphsAreFreedOnce) {
  Tensor x = leaf({1, 2});
  Tensor y = (x * x).sum();
  y.backward({}, true);
  y.backward();
  EXPECT_EQ(numbers(x.grad()), (Numbers{4, 8}));
  EXPECT_NE(error_of([&] { y.backward(); }).find("a second time"), std::string::npos);
}

TEST(Autograd, SecondDerivatives) {
  Tensor x = leaf({2});
  Tensor first = autograd::grad({x.pow(3).sum()}, {x}, {}, {.retain_graph = true, .create_graph = true})[0];
  EXPECT_EQ(numbers(first), Numbers{12});
  EXPECT_EQ(numbers(autograd::grad({first.sum()}, {x})[0]), Numbers{12});
}

TEST(Autograd, UnusedInputs) {
  Tensor x = leaf({1}), other = leaf({1});
  EXPECT_EQ(error_of([&] { autograd::grad({x * 2}, {other}); }),
            "The differentiated Tensor at index 0 appears to not have been used in the graph. Set "
            "allow_unused=True if this is the "
            "desired behavior.");
  EXPECT_FALSE(autograd::grad({x * 2}, {other}, {}, {}, true)[0].defined());
}

TEST(Autograd, BackwardToChosenInputsLeavesOthersAlone) {
  Tensor a = leaf({1}), b = leaf({1});
  Tensor c = a * 2;
  autograd::backward({c * b}, {}, {}, {b, c});
  EXPECT_FALSE(a.grad().defined());
  EXPECT_EQ(numbers(b.grad()), Numbers{2});
  EXPECT_EQ(numbers(c.grad()), Numbers{1});
}

TEST(Autograd, RulesComputeNothingBesideTheChosenInputs) {
  Tensor a = leaf({1}), b = leaf({2});
  std::vector<bool> needed;
  const auto product = [&] {
    Tensor y = make_tensor(1, DType::Float64);
    y.fill_(2);
    return autograd::Record("ProductBackward0", {a, b}).rule(y, [&](Node& n, const Tensor& g) {
      needed = {n.needs(0), n.needs(1)};
      return Gradients{n.needs(0) ? g * 2 : Tensor(), n.needs(1) ? g * 1 : Tensor()};
    });
  };
  EXPECT_EQ(numbers(autograd::grad({product() * 3}, {b})[0]), Numbers{3});
  EXPECT_EQ(needed, (std::vector<bool>{false, true}));
  (product() * 3).backward();
  EXPECT_EQ(needed, (std::vector<bool>{true, true}));
  EXPECT_EQ(numbers(a.grad()), Numbers{6});
}

TEST(Autograd, SavedTensorsAreWatched) {
  Tensor x = leaf({1});
  Tensor y = x.exp();
  Tensor z = y.sum();
  y.add_(1);
  EXPECT_NE(error_of([&] { z.backward(); }).find("modified by an inplace operation"), std::string::npos);
}

TEST(Autograd, InPlaceOnAViewIsPartOfTheBasesHistory) {
  Tensor x = leaf({1, 2, 3});
  Tensor base = x * 1;
  Tensor view = base.narrow(0, 1, 2);
  view.mul_(10);
  EXPECT_STREQ(autograd::grad_fn(base)->name(), "torch::autograd::CopySlices");
  base.sum().backward();
  EXPECT_EQ(numbers(x.grad()), (Numbers{1, 10, 10}));
}

TEST(Autograd, InPlaceOnTheBaseIsPartOfAViewsHistory) {
  Tensor x = leaf({1, 2, 3});
  Tensor base = x * 1;
  Tensor view = base.narrow(0, 0, 2);
  base.mul_(7);
  view.sum().backward();
  EXPECT_EQ(numbers(x.grad()), (Numbers{7, 7, 0}));
}

TEST(Autograd, AViewOfAPlainTensorLearnsOfItsBasesHistory) {
  Tensor base = zeros({3}, DType::Float64);
  Tensor view = base.narrow(0, 0, 2), apart = base.narrow(0, 2, 1);
  Tensor x = leaf({5, 6});
  view.mul_(0).add_(x);
  EXPECT_TRUE(base.requires_grad());
  EXPECT_TRUE(apart.requires_grad());
  (base * base).sum().backward();
  EXPECT_EQ(numbers(x.grad()), (Numbers{10, 12}));
}

// It says so as PyTorch's does; what is computed from it leads nowhere.
TEST(Autograd, AViewFollowsItsBaseThatBecameALeaf) {
  Tensor base = zeros({2}, DType::Float64);
  base.fill_(1);
  Tensor view = base.narrow(0, 0, 1);
  base.set_requires_grad(true);
  EXPECT_TRUE(view.requires_grad());
  EXPECT_TRUE(view.is_leaf());
}

TEST(Autograd, AViewMadeUnderNoGradSaysThatItRequiresGradients) {
  Tensor x = leaf({1, 2});
  Tensor view;
  {
    autograd::NoGrad guard;
    view = x.narrow(0, 0, 1);
  }
  EXPECT_TRUE(view.requires_grad());
  EXPECT_TRUE(view.is_leaf());
  (view * 2).sum().backward();
  EXPECT_FALSE(x.grad().defined());
}

TEST(Autograd, InPlaceOnLeavesIsRefused) {
  Tensor x = leaf({1, 2});
  EXPECT_EQ(error_of([&] { x.add_(1); }),
            "a leaf Variable that requires grad is being used in an in-place operation.");
  EXPECT_EQ(error_of([&] { x.narrow(0, 0, 1).add_(1); }),
            "a view of a leaf Variable that requires grad is being used in an in-place operation.");
  autograd::NoGrad guard;
  x.add_(1);
  EXPECT_EQ(numbers(x), (Numbers{2, 3}));
}

TEST(Autograd, HooksRunInOrderAndRetainedGradientsComeLast) {
  Tensor x = leaf({1});
  Tensor y = x * 3;
  y.retain_grad();
  autograd::add_hook(y, hook([](const Tensor& g) { return g + 1; }));
  autograd::add_hook(y, hook([](const Tensor& g) { return g * 10; }));
  autograd::add_hook(x, hook([](const Tensor& g) { return -g; }));
  y.sum().backward();
  EXPECT_EQ(numbers(y.grad()), Numbers{20});
  EXPECT_EQ(numbers(x.grad()), Numbers{-60});
}

TEST(Autograd, RetainedGradientFollowsInPlaceAndForgetsTensorsThatAreGone) {
  Tensor x = leaf({1});
  Tensor y = x * 3;
  y.retain_grad();
  y.mul_(5);
  Tensor z = y.sum();
  z.backward({}, true);
  EXPECT_EQ(numbers(y.grad()), Numbers{1});
  y = Tensor();
  z.backward();
  EXPECT_EQ(numbers(x.grad()), Numbers{30});
}

TEST(Autograd, FailuresLeaveTheEngineUsable) {
  Tensor x = leaf({1});
  Tensor y = x * 2;
  autograd::add_hook(y, hook([](const Tensor&) -> Tensor { throw ValueError("from a hook"); }));
  EXPECT_EQ(error_of([&] { y.sum().backward(); }), "from a hook");
  EXPECT_TRUE(autograd::grad_enabled());
  (x * 2).backward();
  EXPECT_EQ(numbers(x.grad()), Numbers{2});
}

TEST(Autograd, BackwardInsideBackward) {
  Tensor x = leaf({1}), inner = leaf({3});
  Tensor y = x * 2;
  autograd::add_hook(y, hook([&](const Tensor& g) {
                       autograd::GradMode on(true);
                       (inner * inner).sum().backward();
                       return g;
                     }));
  y.sum().backward();
  EXPECT_EQ(numbers(inner.grad()), Numbers{6});
  EXPECT_EQ(numbers(x.grad()), Numbers{2});
}

TEST(Autograd, ThreadsShareLeaves) {
  Tensor x = leaf({1, 1, 1});
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t)
    threads.emplace_back([&] {
      for (int i = 0; i < 200; ++i) (x * 2).sum().backward();
    });
  for (auto& t : threads) t.join();
  EXPECT_EQ(numbers(x.grad()), (Numbers{1600, 1600, 1600}));
}

TEST(Autograd, GraphsBuiltByOneThreadRunOnAnother) {
  Tensor x = leaf({2});
  Tensor y;
  std::thread([&] {
    y = x;
    for (int i = 0; i < 50; ++i) y = y * 1;
  }).join();
  Tensor z = y * y;
  z.backward();
  EXPECT_EQ(numbers(x.grad()), Numbers{4});
}

// Disabled: a change in place outside inference_mode is not refused yet when nothing is recorded.
TEST(Autograd, InferenceTensorsNeverTakePart) {
  Tensor t;
  {
    autograd::set_inference_mode(true);
    t = zeros({1}, DType::Float64);
    autograd::set_inference_mode(false);
  }
  EXPECT_NE(error_of([&] { t.add_(1); }).find("outside InferenceMode"), std::string::npos);
  EXPECT_NE(error_of([&] { leaf({1}) * t; }).find("Inference tensors cannot be saved"), std::string::npos);
}

TEST(Autograd, AnEmptyViewFarBehindTheEndGivesZeros) {
  const Tensor x = leaf({1, 2, 3});
  x.as_strided({0}, {1}, int64_t{1} << 48).sum().backward();
  EXPECT_EQ(x.grad().sizes(), x.sizes());
  EXPECT_EQ(x.grad().abs().sum().item<double>(), 0);
}

TEST(Gradcheck, AgreesWithRightGradientsAndFindsWrongOnes) {
  auto right = [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{in[0].sin() * in[1], in[0].sum()};
  };
  EXPECT_FALSE(autograd::gradcheck(right, {leaf({0.3, 1.2}), leaf({0.7, -0.4})}));
  EXPECT_FALSE(autograd::gradgradcheck(right, {leaf({0.3, 1.2}), leaf({0.7, -0.4})}));
  auto wrong = [](const std::vector<Tensor>& in) {
    return std::vector<Tensor>{in[0].detach() + in[0] * in[0]};
  };
  const auto failure = autograd::gradcheck(wrong, {leaf({0.3})});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->message, "Jacobian mismatch for output 0 with respect to input 0,\n");
}

TEST(Gradcheck, FindsAWrongSecondDerivative) {
  auto square = [](const std::vector<Tensor>& in) {
    const Tensor x = in[0], y = x.detach() * x.detach();
    autograd::Record("SquareBackward0", {x}).save(x).rule(y, [](Node& n, const Tensor& g) -> Tensor {
      return g * 2 * n.saved(0).detach();
    });
    return std::vector<Tensor>{y};
  };
  EXPECT_FALSE(autograd::gradcheck(square, {leaf({0.3, -2})}));
  const auto failure = autograd::gradgradcheck(square, {leaf({0.3, -2})});
  ASSERT_TRUE(failure);
  EXPECT_EQ(failure->numerical.sizes(), Dims({2, 2}));
  EXPECT_THROW(autograd::gradcheck(square, {leaf({0.3}).detach()}), ValueError);
}

}  // namespace
}  // namespace rushlight

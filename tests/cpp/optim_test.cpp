// Optimizers and schedules for C++ programs; the broad comparison with PyTorch is tests/python/test_optim.py.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>

#include "rushlight/core/thread_pool.h"
#include "rushlight/io/save.h"
#include "rushlight/ops/indexing.h"
#include "rushlight/ops/ops.h"
#include "rushlight/optim/optimizer.h"
#include "rushlight/optim/scheduler.h"

namespace rushlight {
namespace {

using Floats = std::vector<float>;

Tensor vector(const Floats& values) {
  Tensor t = make_tensor(static_cast<int64_t>(values.size()), DType::Float32);
  std::copy(values.begin(), values.end(), t.data<float>());
  return t;
}

Tensor parameter(const Floats& values) { return vector(values).set_requires_grad(true); }

Floats floats(const Tensor& t) {
  const Tensor dense = t.detach().contiguous();
  return {dense.data<float>(), dense.data<float>() + dense.numel()};
}

void expect_near(const Tensor& t, const Floats& expected, float tolerance = 2e-6f) {
  const Floats actual = floats(t);
  ASSERT_EQ(actual.size(), expected.size());
  for (size_t i = 0; i < actual.size(); ++i) EXPECT_NEAR(actual[i], expected[i], tolerance) << "at " << i;
}

// Three steps with the gradients k * (0.5, -0.25, 1).
template <class Step>
void run(optim::Optimizer& optimizer, const Tensor& p, Step after) {
  for (int k = 1; k <= 3; ++k) {
    p.set_grad(vector({0.5f * k, -0.25f * k, 1.0f * k}));
    optimizer.step();
    after();
  }
}

TEST(Optimizer, AdamTakesPyTorchsSteps) {
  const Tensor p = parameter({1, -2, 3});
  optim::Adam optimizer({p}, {.lr = 0.1, .weight_decay = 0.1});
  run(optimizer, p, [] {});
  expect_near(p, {0.7056953311f, -1.7025510073f, 2.7050814629f});
  ASSERT_EQ(optimizer.state(0).size(), 3u);
  EXPECT_EQ(optimizer.state(0)[0].first, "step");
  EXPECT_EQ(optimizer.state(0)[0].second.item<double>(), 3);
}

TEST(Optimizer, MomentumAndScheduleTakePyTorchsSteps) {
  const Tensor p = parameter({1, -2, 3});
  optim::SGD optimizer({p}, {.lr = 0.1, .momentum = 0.9, .nesterov = true});
  optim::CosineAnnealingLR schedule(optimizer, 4);
  std::vector<double> rates;
  run(optimizer, p, [&] {
    schedule.step();
    rates.push_back(schedule.last_lr()[0]);
  });
  EXPECT_NEAR(rates[0], 0.08535533905932738, 1e-15);
  EXPECT_NEAR(rates[2], 0.014644660940672627, 1e-15);
  expect_near(p, {0.5070309043f, -1.7535154819f, 2.0140616894f});
}

TEST(Optimizer, GroupsHaveOptionsOfTheirOwn) {
  const Tensor a = parameter({1}), b = parameter({1}), c = parameter({1});
  optim::SGD optimizer({a, c}, {.lr = 1});
  optimizer.add_group({b}, {.lr = 0.5});
  a.set_grad(vector({1}));
  b.set_grad(vector({1}));
  optimizer.step();
  EXPECT_EQ(floats(a), Floats{0});
  EXPECT_EQ(floats(b), Floats{0.5});
  EXPECT_EQ(floats(c), Floats{1});  // no gradient
  optimizer.zero_grad(false);
  EXPECT_EQ(floats(a.grad()), Floats{0});
  optimizer.zero_grad();
  EXPECT_FALSE(a.grad().defined());
}

TEST(Optimizer, RefusesWhatItCannotOptimize) {
  const Tensor p = parameter({1});
  EXPECT_THROW(optim::SGD({}), ValueError);
  EXPECT_THROW(optim::SGD({p * 2}), ValueError);
  optim::SGD optimizer({p});
  EXPECT_THROW(optimizer.add_group({p}, {}), ValueError);
  p.set_grad(vector({1}));
  optimizer.options().momentum = 0.5;
  optimizer.set_state(0, {{"momentum_buffer", vector({1, 2})}});
  EXPECT_THROW(optimizer.step(), RuntimeError);
}

TEST(Optimizer, ResultsDoNotDependOnThreads) {
  const int before = num_threads();
  Floats results[2];
  for (int i = 0; i < 2; ++i) {
    set_num_threads(i == 0 ? 1 : 4);
    const Tensor p = arange(100003, DType::Float32).set_requires_grad(true);
    optim::Adam optimizer({p, parameter({1, 2, 3})}, {.lr = 0.1});
    for (int k = 0; k < 3; ++k) {
      p.set_grad((p.detach() * 0.001).sin());
      optimizer.step();
    }
    results[i] = floats(p);
  }
  set_num_threads(before);
  EXPECT_EQ(results[0], results[1]);
}

TEST(Optimizer, OtherLayoutsAreWrittenBack) {
  const Tensor base = zeros({4, 6}, DType::Float32);
  const Tensor p = slice(base.t(), 0, 1, 4, 2).detach().set_requires_grad(true);  // 2 x 4, with gaps
  optim::Adam optimizer({p}, {.lr = 0.5});
  p.set_grad(ones_like(p).contiguous());
  optimizer.step();
  for (float v : floats(p)) EXPECT_NEAR(v, -0.5, 1e-5);
  EXPECT_NEAR(base.sum().item<float>(), -4, 1e-4);
}

TEST(Optimizer, AdamWDecaysBesideTheGradient) {
  const Tensor p = parameter({1});
  optim::AdamW optimizer({p}, {.lr = 0.1, .weight_decay = 0.5});
  p.set_grad(vector({0}));
  optimizer.step();
  expect_near(p, {0.95f});
}

TEST(Optimizer, EmptyParametersAreFine) {
  const Tensor p = parameter({});
  optim::RMSprop optimizer({p});
  p.set_grad(vector({}));
  EXPECT_NO_THROW(optimizer.step());
}

TEST(Schedule, StepsAndPlateaus) {
  const Tensor p = parameter({1});
  optim::SGD optimizer({p}, {.lr = 1});
  optim::StepLR steps(optimizer, 2, 0.5);
  for (double expected : {1.0, 0.5, 0.5, 0.25}) {
    steps.step();
    EXPECT_EQ(optimizer.lr(0), expected);
  }
  optim::ReduceLROnPlateau plateau(optimizer, {.factor = 0.1, .patience = 1});
  for (double metric : {3.0, 2.0, 2.0, 2.0}) plateau.step(metric);
  EXPECT_NEAR(optimizer.lr(0), 0.025, 1e-15);
  EXPECT_THROW(optim::StepLR(optimizer, 0), ValueError);
}

TEST(Save, NamedTensorsComeBack) {
  const std::string path = (std::filesystem::temp_directory_path() / "rushlight_save_test.pt").string();
  const Tensor base = arange(6, DType::Float32);
  save({{"all", base}, {"part", slice(base, 0, 2, 5, 2)}, {"w", parameter({1, 2})}}, path);
  const StateDict loaded = load(path);
  ASSERT_EQ(loaded.size(), 3u);
  EXPECT_EQ(loaded[1].first, "part");
  EXPECT_EQ(floats(loaded[1].second), (Floats{2, 4}));
  EXPECT_TRUE(loaded[2].second.requires_grad());
  loaded[0].second.data<float>()[2] = 9;  // memory that was shared still is
  EXPECT_EQ(floats(loaded[1].second), (Floats{9, 4}));
  std::filesystem::remove(path);
  EXPECT_THROW(load(path), OSError);
}

TEST(Optimizer, NumbersOutOfRangeAreErrors) {
  optim::SGD optimizer({parameter({1})}, {.lr = 1});
  EXPECT_THROW(optimizer.lr(1), IndexError);
  EXPECT_THROW(optimizer.set_lr(-1, 0.5), IndexError);
  EXPECT_THROW(optimizer.options(1), IndexError);
  EXPECT_THROW(optimizer.parameters(1), IndexError);
  EXPECT_THROW(optimizer.state(1), IndexError);
  EXPECT_THROW(optimizer.set_state(1, {}), IndexError);
}

}  // namespace
}  // namespace rushlight

#include <gtest/gtest.h>

#include <sstream>

#include "rushlight/nn/activation.h"
#include "rushlight/nn/container.h"
#include "rushlight/nn/dropout.h"
#include "rushlight/nn/linear.h"
#include "rushlight/nn/norm.h"
#include "rushlight/nn/rnn.h"
#include "rushlight/ops/ops.h"

namespace rushlight::nn {
namespace {

struct Net : Module {
  Shared<Linear> hidden = add("hidden", make<Linear>(2, 3));
  Shared<Linear> out = add("out", make<Linear>(3, 1, false));
  Net() { register_buffer("steps", zeros(DimsRef(nullptr, 0), DType::Int64)); }
  Tensor forward(const Tensor& x) override { return (*out)(tanh((*hidden)(x))); }
};

TEST(Module, NamesItsParametersAndBuffers) {
  auto net = make<Net>();
  std::string names;
  for (auto& [name, t] : net->named_parameters()) names += name + " ";
  EXPECT_EQ(names, "hidden.weight hidden.bias out.weight ");
  EXPECT_EQ(net->state_dict().size(), 4u);
  EXPECT_EQ(net->buffers().size(), 1u);
  EXPECT_THROW(net->register_parameter("a.b", ones(1)), KeyError);
  EXPECT_THROW(net->register_parameter("", ones(1)), KeyError);
  EXPECT_THROW(net->register_buffer("hidden", ones(1)), KeyError);
}

std::string hint_of(Module& module, const Tensor& input) {
  try {
    module(input);
  } catch (const Error& e) {
    return e.hint();
  }
  return "no error";
}

TEST(Module, ErrorsSayWhichModuleFailed) {
  const char* linear = "(Linear(in_features=2, out_features=3, bias=True)), input of shape [4, 5]";
  auto net = make<Net>();
  EXPECT_EQ(hint_of(*net, ones({4, 5})), concat("in ", net->class_name(), ".hidden ", linear));
  auto nested = make<Sequential>();
  nested->register_module("0", make<ReLU>());
  nested->register_module("1", net);
  EXPECT_EQ(hint_of(*nested, ones({4, 5})), concat("in Sequential.1.hidden ", linear));
  EXPECT_EQ(hint_of(*nested, ones({4, 5})), concat("in Sequential.1.hidden ", linear));
  EXPECT_THROW((*nested)(ones({4, 5})), RuntimeError);
  EXPECT_EQ(hint_of(*nested, ones({4, 2})), "no error");
}

TEST(Module, LearnsThroughAutograd) {
  auto net = make<Net>();
  (*net)(ones({4, 2})).sum().backward();
  for (const Tensor& p : net->parameters()) ASSERT_TRUE(p.grad().defined());
  net->zero_grad();
  for (const Tensor& p : net->parameters()) EXPECT_FALSE(p.grad().defined());
}

TEST(Module, PrintsItselfAsPyTorchDoes) {
  auto net = sequential(
      {make<Linear>(2, 3), make<ReLU>(true), sequential({make<Dropout>(0.25), make<LayerNorm>(3)})});
  EXPECT_EQ(net->to_string(),
            "Sequential(\n  (0): Linear(in_features=2, out_features=3, bias=True)\n  (1): "
            "ReLU(inplace=True)\n  (2): Sequential(\n"
            "    (0): Dropout(p=0.25, inplace=False)\n    (1): LayerNorm((3,), eps=1e-05, "
            "elementwise_affine=True, bias=True)\n  )\n)");
}

TEST(Module, LoadsStateDicts) {
  auto a = make<Net>(), b = make<Net>();
  b->load_state_dict(a->state_dict());
  EXPECT_EQ(b->hidden->parameters()[0][0][0].item<float>(), a->hidden->parameters()[0][0][0].item<float>());
  Named<Tensor> state = a->state_dict();
  state.erase(state.begin());
  state.emplace_back("zzz", ones(1));
  try {
    b->load_state_dict(state);
    FAIL();
  } catch (const RuntimeError& e) {
    EXPECT_NE(e.message().find("Error(s) in loading state_dict for Net:\n\tMissing key(s) in state_dict: \""),
              std::string::npos)
        << e.what();
    EXPECT_NE(e.message().find("Unexpected key(s) in state_dict: \"zzz\". "), std::string::npos);
  }
  EXPECT_EQ(b->load_state_dict(state, false).unexpected.size(), 1u);
}

TEST(Module, ConvertsAndSwitchesModeBelow) {
  auto net = make<Net>();
  const Tensor weight = net->parameters()[0];
  net->to(DType::Float64);
  EXPECT_TRUE(net->parameters()[0].is_same(weight));
  EXPECT_EQ(weight.dtype(), DType::Float64);
  EXPECT_EQ(net->buffers()[0].dtype(), DType::Int64);
  EXPECT_THROW(net->to(DType::Int64), TypeError);
  net->eval();
  EXPECT_FALSE(net->hidden->training());
  int count = 0;
  net->apply([&](Module&) { ++count; });
  EXPECT_EQ(count, 3);
}

TEST(Module, SharedChildrenCountOnce) {
  auto shared = make<Linear>(2, 2);
  auto net = sequential({shared, shared});
  EXPECT_EQ(net->parameters().size(), 2u);
  EXPECT_EQ(net->state_dict().size(), 4u);
  EXPECT_EQ(net->modules().size(), 2u);
}

TEST(Layers, CheckTheirOptions) {
  EXPECT_THROW(Dropout(1.5), ValueError);
  EXPECT_THROW(GroupNorm(3, 4), ValueError);
  EXPECT_THROW(Linear(-1, 2), RuntimeError);
  EXPECT_THROW(LSTM(2, 0), ValueError);
}

TEST(Layers, LstmRunsLayersAndDirections) {
  LSTM lstm(3, 4, 2, true, false, 0.0, true);
  auto [y, states] = lstm.forward_from(ones({5, 2, 3}), {});
  EXPECT_EQ(y.sizes(), Dims({5, 2, 8}));
  EXPECT_EQ(std::get<0>(states).sizes(), Dims({4, 2, 4}));
  EXPECT_EQ(std::get<1>(states).sizes(), Dims({4, 2, 4}));
}

TEST(Layers, BatchNormCountsBatches) {
  BatchNorm1d norm(2);
  norm.forward(ones({3, 2}));
  EXPECT_EQ(norm.named_buffers()[2].second.item<int64_t>(), 1);
  norm.eval();
  norm.forward(ones({3, 2}));
  EXPECT_EQ(norm.named_buffers()[2].second.item<int64_t>(), 1);
  EXPECT_THROW(norm.forward(ones(2)), ValueError);
}

}  // namespace
}  // namespace rushlight::nn

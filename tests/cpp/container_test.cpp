#include "rushlight/nn/container.h"

#include <gtest/gtest.h>

#include "rushlight/core/generator.h"
#include "rushlight/nn/activation.h"
#include "rushlight/nn/linear.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/random.h"
#include "rushlight/ops/values.h"

namespace rushlight::nn {
namespace {

std::string keys(const Module& module) {
  std::string out;
  for (const auto& [name, t] : module.state_dict()) out += name + " ";
  return out;
}

template <class E, class F>
std::string message_of(F&& f) {
  try {
    f();
  } catch (const E& e) {
    return e.message();
  }
  return "nothing was thrown";
}

// torch.manual_seed(3); torch.nn.Sequential(torch.nn.Linear(2, 2), torch.nn.Tanh(), torch.nn.Linear(2, 1))
TEST(Sequential, ASeedGivesPythonsWeights) {
  manual_seed(3);
  const auto net = sequential({make<Linear>(2, 2), make<Tanh>(), make<Linear>(2, 1)});
  std::vector<float> weights;
  for (const Tensor& p : net->parameters()) {
    for (float v : to_vector<float>(p)) weights.push_back(v);
  }
  const std::vector<float> expected = {-0.701077223f, -0.557809174f,  -0.302864462f,
                                       -0.668986857f, -0.0401433557f, -0.622089505f,
                                       0.384476364f,  0.344642937f,   0.133531749f};
  ASSERT_EQ(weights.size(), expected.size());
  for (size_t i = 0; i < weights.size(); ++i) EXPECT_FLOAT_EQ(weights[i], expected[i]) << i;
}

TEST(Sequential, TakesNames) {
  const auto net = sequential({{"in", make<Linear>(2, 3)}, {"out", make<Linear>(3, 1)}});
  EXPECT_EQ(keys(*net), "in.weight in.bias out.weight out.bias ");
  EXPECT_EQ(net(ones({4, 2})).sizes(), Dims({4, 1}));
  EXPECT_THROW(sequential({{"a.b", make<ReLU>()}}), KeyError);
}

TEST(Sequential, AChildThatIsNotThereCannotBeCalled) {
  const auto net = sequential({Shared<Module>()});
  EXPECT_EQ(net->to_string(), "Sequential(\n  (0): None\n)");
  EXPECT_EQ(message_of<TypeError>([&] { net(ones(1)); }), "'NoneType' object is not callable");
}

TEST(ModuleList, HoldsChildrenInOrder) {
  const auto list = module_list({make<ReLU>(), make<ReLU>(), make<Linear>(1, 2)});
  EXPECT_EQ(list->to_string(),
            "ModuleList(\n  (0-1): 2 x ReLU()\n  (2): Linear(in_features=1, out_features=2, bias=True)\n)");
  EXPECT_EQ(keys(*list), "2.weight 2.bias ");
  EXPECT_EQ((*list)[-1].get(), (*list)[2].get());
  EXPECT_EQ(message_of<IndexError>([&] { (*list)[3]; }), "index 3 is out of range");
  EXPECT_EQ(message_of<NotImplementedError>([&] { list(ones(1)); }),
            "Module [ModuleList] is missing the required \"forward\" function");
  EXPECT_EQ(module_list({})->to_string(), "ModuleList()");
}

TEST(ModuleDict, HoldsChildrenByName) {
  const auto dict = module_dict({{"first", make<Linear>(1, 2)}, {"second", make<ReLU>()}});
  EXPECT_EQ(keys(*dict), "first.weight first.bias ");
  EXPECT_EQ((*dict)["first"](ones({3, 1})).sizes(), Dims({3, 2}));
  EXPECT_TRUE(dict->contains("second"));
  EXPECT_FALSE(dict->contains("third"));
  EXPECT_EQ(message_of<KeyError>([&] { (*dict)["third"]; }), "'third'");
  EXPECT_EQ(message_of<KeyError>([&] { dict->insert("", make<ReLU>()); }),
            "module name can't be empty string \"\"");
  EXPECT_EQ(message_of<KeyError>([&] { dict->insert("a.b", make<ReLU>()); }),
            "module name can't contain \".\", got: a.b");
  dict->insert("second", make<Tanh>());  // in the place of the other
  EXPECT_EQ(dict->size(), 2);
  EXPECT_EQ(
      dict->to_string(),
      "ModuleDict(\n  (first): Linear(in_features=1, out_features=2, bias=True)\n  (second): Tanh()\n)");
}

TEST(ParameterList, MakesParameters) {
  const auto list = parameter_list({zeros({2, 3})});
  EXPECT_EQ(list->to_string(), "ParameterList(  (0): Parameter containing: [torch.float32 of size 2x3])");
  const Tensor source = ones(4).set_requires_grad(true);
  list->push_back(source * 2);
  EXPECT_EQ(list->to_string(),
            "ParameterList(\n    (0): Parameter containing: [torch.float32 of size 2x3]\n"
            "    (1): Parameter containing: [torch.float32 of size 4]\n)");
  EXPECT_EQ(keys(*list), "0 1 ");
  EXPECT_TRUE((*list)[-1].is_leaf());
  EXPECT_TRUE((*list)[1].requires_grad());
  EXPECT_EQ((*list)[1][0].item<float>(), 2);
  EXPECT_EQ(message_of<IndexError>([&] { (*list)[2]; }), "index 2 is out of range");
  EXPECT_EQ(message_of<RuntimeError>([&] { list(ones(1)); }), "ParameterList should not be called.");
  EXPECT_THROW(list->push_back(zeros(1, DType::Int64)), RuntimeError);
}

TEST(ParameterList, ATensorMayStandInTwoPlaces) {
  const Tensor shared = zeros(1);
  const auto list = parameter_list({shared, shared});
  EXPECT_EQ(list->size(), 2);
  EXPECT_EQ(list->parameters().size(), 1u);
}

TEST(ParameterDict, HoldsParametersByName) {
  const auto dict =
      parameter_dict({{"gain", ones({2, 3}, DType::Float64)}, {"shift", zeros(DimsRef(nullptr, 0))}});
  EXPECT_EQ(keys(*dict), "gain shift ");
  EXPECT_EQ(dict->to_string(),
            "ParameterDict(\n    (gain): Parameter containing: [torch.DoubleTensor of size 2x3]\n"
            "    (shift): Parameter containing: [torch.FloatTensor of size ]\n)");
  EXPECT_TRUE((*dict)["gain"].requires_grad());
  EXPECT_TRUE(dict->contains("shift"));
  EXPECT_EQ(message_of<AttributeError>([&] { (*dict)["bias"]; }),
            "'ParameterDict' object has no attribute 'bias'");
  EXPECT_EQ(message_of<RuntimeError>([&] { dict(ones(1)); }), "ParameterDict should not be called.");
}

TEST(Module, ParametersAreLeaves) {
  const Tensor computed = ones(1).set_requires_grad(true) * 2;
  EXPECT_EQ(message_of<ValueError>([&] { make<ReLU>()->register_parameter("w", computed); }),
            "Cannot assign non-leaf Tensor to parameter 'w'. Model parameters must be created explicitly. To "
            "express 'w' as a function of another Tensor, compute the value in the forward() method.");
}

}  // namespace
}  // namespace rushlight::nn

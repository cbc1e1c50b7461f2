// Tensors from C++ values and back, and layers whose options are given by name.
#include <gtest/gtest.h>

#include "rushlight/core/destination.h"
#include "rushlight/rushlight.h"

namespace rushlight {
namespace {

TEST(Values, HaveTheDtypesOfTorchTensor) {
  EXPECT_EQ(tensor({1, 2}).dtype(), DType::Int64);
  EXPECT_EQ(tensor({1.0, 2.0}).dtype(), DType::Float32);
  EXPECT_EQ(tensor({1.f}).dtype(), DType::Float32);
  EXPECT_EQ(tensor({true, false}).dtype(), DType::Bool);
  EXPECT_EQ(tensor({1.5}, DType::Float64).dtype(), DType::Float64);
  EXPECT_EQ(tensor({1.7, -1.7}, DType::Int32).dtype(), DType::Int32);
  EXPECT_EQ(tensor(2.5).dim(), 0);
  EXPECT_EQ(tensor(2.5).item<double>(), 2.5);
}

TEST(Values, KeepRowsAndOrder) {
  const Tensor t = tensor({{1, 2, 3}, {4, 5, 6}});
  EXPECT_EQ(t.sizes(), (Dims{2, 3}));
  EXPECT_EQ(to_vector<int64_t>(t.t()), (std::vector<int64_t>{1, 4, 2, 5, 3, 6}));
  EXPECT_EQ(to_vector<float>(t[1]), (std::vector<float>{4, 5, 6}));
  EXPECT_THROW(tensor({{1, 2}, {3}}), ValueError);
}

TEST(Values, CopyRangesAsTheyAre) {
  const std::vector<uint8_t> bytes{1, 2, 3, 250};
  const Tensor t = from_values(bytes, {2, 2});
  EXPECT_EQ(t.dtype(), DType::UInt8);
  EXPECT_EQ(to_vector<uint8_t>(t), bytes);
  EXPECT_THROW(from_values(bytes, {3, 2}), RuntimeError);
  EXPECT_EQ(from_values(std::vector<double>(), {0, 3}).sizes(), (Dims{0, 3}));
}

TEST(Destination, IsLentOnceToATensorOfItsSizesAndDtype) {
  const Tensor out = zeros({2, 3}), other = zeros({3, 2}).t();
  out.bump_version();
  {
    Destination destination(out);
    EXPECT_NE(make_tensor({3, 2}, DType::Float32).raw_data(), out.raw_data());
    EXPECT_NE(make_tensor({2, 3}, DType::Float64).raw_data(), out.raw_data());
    const Tensor lent = make_tensor({2, 3}, DType::Float32);
    EXPECT_EQ(lent.raw_data(), out.raw_data());
    EXPECT_FALSE(lent.is_same(out));
    EXPECT_NE(make_tensor({2, 3}, DType::Float32).raw_data(), out.raw_data());
    lent.storage()->version = 0;  // as a maker of new tensors does
  }
  EXPECT_EQ(out.version(), 1);
  Destination destination(other);
  EXPECT_NE(make_tensor({2, 3}, DType::Float32).raw_data(), other.raw_data());
}

TEST(Options, ByNameAreThoseInOrder) {
  const auto named = nn::make<nn::Conv2d>(3, 8, 3, {.stride = {2, 1}, .padding = "valid", .bias = false});
  const nn::Conv2d ordered(3, 8, 3, {2, 1}, "valid", 1, 1, false);
  EXPECT_EQ(named->stride, ordered.stride);
  EXPECT_EQ(named->padding.word, "valid");
  EXPECT_FALSE(named->bias);
  EXPECT_EQ(named->parameters().size(), ordered.parameters().size());
  EXPECT_EQ(nn::make<nn::Dropout>({.inplace = true})->p, 0.5);
  EXPECT_TRUE(nn::make<nn::Dropout>({.inplace = true})->inplace);
}

// What a layer prints without an owner, in PyTorch's words.
template <class T, class... A>
std::string print(A&&... arguments) {
  return nn::make<T>(std::forward<A>(arguments)...)->to_string();
}

TEST(Options, OfEveryFamilyTakePlainNumbers) {
  EXPECT_EQ(print<nn::MaxPool2d>(2),
            "MaxPool2d(kernel_size=2, stride=2, padding=0, dilation=1, ceil_mode=False)");
  EXPECT_EQ(nn::make<nn::MaxPool2d>(3, {.stride = {2, 1}, .padding = 1})->to_string(),
            "MaxPool2d(kernel_size=3, stride=(2, 1), padding=1, dilation=1, ceil_mode=False)");
  EXPECT_EQ(print<nn::AvgPool1d>(2), "AvgPool1d(kernel_size=(2,), stride=(2,), padding=(0,))");
  EXPECT_EQ(print<nn::AdaptiveAvgPool2d>(1), "AdaptiveAvgPool2d(output_size=1)");
  EXPECT_EQ(print<nn::LayerNorm>(4), "LayerNorm((4,), eps=1e-05, elementwise_affine=True, bias=True)");
  EXPECT_EQ(print<nn::ZeroPad2d>(1), "ZeroPad2d((1, 1, 1, 1))");
  EXPECT_EQ(print<nn::Unfold>(2), "Unfold(kernel_size=2, dilation=1, padding=0, stride=1)");
  EXPECT_EQ(nn::make<nn::Upsample>({.scale_factor = 2.0})->to_string(),
            "Upsample(scale_factor=2.0, mode='nearest')");
  EXPECT_EQ(nn::make<nn::LSTM>(3, 4, {.num_layers = 2, .batch_first = true})->to_string(),
            "LSTM(3, 4, num_layers=2, batch_first=True)");
  EXPECT_EQ(nn::make<nn::Embedding>(5, 2, {.padding_idx = 0})->to_string(), "Embedding(5, 2, padding_idx=0)");
  EXPECT_EQ(nn::make<nn::BatchNorm2d>(4, {.affine = false})->parameters().size(), 0u);
  EXPECT_EQ(nn::make<nn::CrossEntropyLoss>({.reduction = "sum"})->reduction, "sum");
  EXPECT_EQ(print<nn::Conv1d>(1, 2, 3), "Conv1d(1, 2, kernel_size=(3,), stride=(1,))");
  EXPECT_EQ(print<nn::ConvTranspose2d>(1, 2, 3), "ConvTranspose2d(1, 2, kernel_size=(3, 3), stride=(1, 1))");
  EXPECT_EQ(print<nn::PixelShuffle>(2), "PixelShuffle(upscale_factor=2)");
}

TEST(Modules, ListsAndDictsNameTheirChildren) {
  const auto list = nn::make<nn::ModuleList>();
  list->push_back(nn::make<nn::Linear>(1, 2));
  list->push_back(nn::make<nn::Linear>(2, 1));
  EXPECT_EQ(list->state_dict()[2].first, "1.weight");
  EXPECT_EQ((*list)[-1]->to_string(), "Linear(in_features=2, out_features=1, bias=True)");
  EXPECT_THROW((*list)[2], IndexError);
  const auto dict = nn::make<nn::ModuleDict>();
  dict->insert("gate", nn::make<nn::Linear>(1, 1));
  EXPECT_EQ(dict->to_string(), "ModuleDict(\n  (gate): Linear(in_features=1, out_features=1, bias=True)\n)");
  EXPECT_EQ(dict->state_dict()[0].first, "gate.weight");
  EXPECT_THROW((*dict)["none"], KeyError);
  EXPECT_THROW((*list)(ones(1)), NotImplementedError);
}

TEST(Modules, ListsPrintEqualNeighboursOnce) {
  const auto list = nn::make<nn::ModuleList>();
  for (int i = 0; i < 3; ++i) list->push_back(nn::make<nn::Linear>(1, 1));
  list->push_back(nn::make<nn::ReLU>());
  EXPECT_EQ(list->to_string(),
            "ModuleList(\n  (0-2): 3 x Linear(in_features=1, out_features=1, bias=True)\n  (3): ReLU()\n)");
}

}  // namespace
}  // namespace rushlight

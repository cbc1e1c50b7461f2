// Datasets and loaders for C++ programs.
#include <gtest/gtest.h>

#include "rushlight/data/dataset.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

using Ints = std::vector<int64_t>;

Ints ints(const Tensor& t) {
  const Tensor dense = t.contiguous();
  return {dense.data<int64_t>(), dense.data<int64_t>() + dense.numel()};
}

class Squares final : public data::Dataset {
 public:
  int64_t size() const override { return 5; }
  std::vector<Tensor> get(int64_t i) const override {
    return {arange(2, DType::Int64) + i, arange(1, DType::Int64) + i * i};
  }
};

std::vector<Ints> batches(const data::Dataset& dataset, data::DataLoaderOptions options) {
  std::vector<Ints> out;
  for (const data::Batch& batch : data::DataLoader(dataset, options)) out.push_back(ints(batch[0]));
  return out;
}

TEST(Rows, AreCopiedInOrder) {
  const Tensor x = arange(12, DType::Int64).view({4, 3});
  EXPECT_EQ(ints(data::rows(x, Ints{2, -1, 2})), (Ints{6, 7, 8, 9, 10, 11, 6, 7, 8}));
  EXPECT_EQ(ints(data::rows(x.t(), Ints{1})), (Ints{1, 4, 7, 10}));
  EXPECT_EQ(data::rows(x, Ints{}).sizes(), (Dims{0, 3}));
  EXPECT_EQ(data::rows(zeros({2, 0}, DType::Int64), Ints{0, 1, 1}).sizes(), (Dims{3, 0}));
  EXPECT_THROW(data::rows(x, Ints{4}), IndexError);
  EXPECT_THROW(data::rows(x, Ints{-5}), IndexError);
  EXPECT_THROW(data::rows(x.sum(), Ints{0}), IndexError);
}

TEST(Loader, GivesBatchesInOrder) {
  const data::TensorDataset dataset({arange(7, DType::Int64)});
  EXPECT_EQ(batches(dataset, {.batch_size = 3}), (std::vector<Ints>{{0, 1, 2}, {3, 4, 5}, {6}}));
  EXPECT_EQ(batches(dataset, {.batch_size = 3, .drop_last = true}),
            (std::vector<Ints>{{0, 1, 2}, {3, 4, 5}}));
  EXPECT_THROW(data::DataLoader(dataset, {.batch_size = 0}), ValueError);
  EXPECT_THROW(data::TensorDataset({zeros({2}), zeros({3})}), AssertionError);
}

TEST(Loader, ShufflesAsPyTorchDoes) {
  const data::TensorDataset dataset({arange(11, DType::Int64)});
  default_generator().manual_seed(7);
  EXPECT_EQ(batches(dataset, {.batch_size = 4, .shuffle = true}),
            (std::vector<Ints>{{1, 6, 0, 10}, {3, 4, 5, 7}, {9, 2, 8}}));
}

TEST(Loader, StacksTheFieldsOfSamples) {
  const Squares squares;
  const data::DataLoader loader(squares, {.batch_size = 2});
  EXPECT_EQ(loader.size(), 3);
  const data::Batch batch = *loader.begin();
  ASSERT_EQ(batch.size(), 2u);
  EXPECT_EQ(batch[0].sizes(), (Dims{2, 2}));
  EXPECT_EQ(ints(batch[1]), (Ints{0, 1}));
}

TEST(DataLoader, NothingIsReadBehindTheEnd) {
  const Squares dataset;
  const data::DataLoader loader(dataset, {.batch_size = 5});
  auto batch = loader.begin();
  ++batch;
  EXPECT_TRUE(batch == loader.end());
  EXPECT_THROW(*batch, IndexError);
}

}  // namespace
}  // namespace rushlight

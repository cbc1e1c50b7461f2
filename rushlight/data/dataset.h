// Datasets and their batches for C++ programs.
//
//   const data::TensorDataset points({rand({100, 2}), zeros({100}, DType::Int64)});
//   int64_t seen = 0;
//   for (const data::Batch& batch : data::DataLoader(points, {.batch_size = 64, .shuffle = true})) {
//     seen += batch[0].size(0);  // batch[0] is [64, 2], then [36, 2]; batch[1] is [64], then [36]
//   }
//   assert(seen == 100);
#pragma once

#include <iterator>
#include <span>
#include <vector>

#include "rushlight/core/tensor.h"
#include "rushlight/data/order.h"

namespace rushlight::data {

// Rows of `tensor`, in the order given: what stacking tensor[i] gives, in one copy, without history.
// IndexError outside the tensor.
Tensor rows(const Tensor& tensor, std::span<const int64_t> indices);

// One tensor for each field of the samples, stacked along a new first dimension.
using Batch = std::vector<Tensor>;

// Samples by number, all of as many fields; RuntimeError where they differ. `get_batch` may be overridden
// where a whole batch is cheaper than its samples.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  virtual std::vector<Tensor> get(int64_t index) const = 0;
  virtual Batch get_batch(std::span<const int64_t> indices) const;
};

// The rows of tensors of one length; AssertionError when their lengths differ.
class TensorDataset final : public Dataset {
 public:
  explicit TensorDataset(std::vector<Tensor> tensors);
  int64_t size() const override { return tensors_[0].size(0); }
  std::vector<Tensor> get(int64_t index) const override;
  Batch get_batch(std::span<const int64_t> indices) const override;

 private:
  std::vector<Tensor> tensors_;
};

struct DataLoaderOptions {
  int64_t batch_size = 1;
  bool shuffle = false;
  bool drop_last = false;
  Generator* generator = nullptr;  // nullptr: the default generator
};

// Every begin() starts a new pass, with a new order if shuffled. The dataset must outlive the loader.
// ValueError for a batch_size below 1; the last batch may be smaller, or is left out by drop_last.
class DataLoader {
 public:
  DataLoader(const Dataset& dataset, DataLoaderOptions options);
  int64_t size() const;  // batches

  class Iterator {
   public:
    using value_type = Batch;
    using difference_type = std::ptrdiff_t;
    Batch operator*() const;
    Iterator& operator++() {
      ++batch_;
      return *this;
    }
    void operator++(int) { ++batch_; }
    bool operator==(std::default_sentinel_t) const { return batch_ == loader_->size(); }

   private:
    friend class DataLoader;
    Iterator(const DataLoader* loader, std::vector<int64_t> order)
        : loader_(loader), order_(std::move(order)) {}
    const DataLoader* loader_;
    std::vector<int64_t> order_;
    int64_t batch_ = 0;
  };
  Iterator begin() const;
  std::default_sentinel_t end() const { return {}; }

 private:
  const Dataset& dataset_;
  DataLoaderOptions options_;
};

}  // namespace rushlight::data

#include "rushlight/data/dataset.h"

#include <algorithm>
#include <cstring>
#include <numeric>

#include "rushlight/core/thread_pool.h"
#include "rushlight/ops/ops.h"

namespace rushlight::data {
namespace {

constexpr int64_t kBytesPerChunk = 1 << 18;

}  // namespace

Tensor rows(const Tensor& tensor, std::span<const int64_t> indices) {
  RL_CHECK_AS(IndexError, tensor.dim() > 0,
              "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ "
              "to convert a 0-dim tensor to a number");
  const int64_t length = tensor.sizes()[0];
  for (const int64_t i : indices) {
    RL_CHECK_AS(IndexError, i >= -length && i < length, "index ", i,
                " is out of bounds for dimension 0 with size ", length);
  }
  const Tensor source = tensor.detach().contiguous();
  Dims sizes = tensor.sizes();
  sizes[0] = static_cast<int64_t>(indices.size());
  Tensor out = make_tensor(sizes, tensor.dtype(), tensor.device());
  const int64_t row_bytes = length == 0 ? 0 : source.numel() / length * source.item_size();
  if (row_bytes == 0) return out;
  const char* from = static_cast<const char*>(source.raw_data());
  char* to = static_cast<char*>(out.raw_data());
  parallel_for(0, sizes[0], std::max<int64_t>(1, kBytesPerChunk / row_bytes),
               [&](int64_t begin, int64_t end) {
                 for (int64_t i = begin; i < end; ++i) {
                   const int64_t row = indices[static_cast<size_t>(i)];
                   std::memcpy(to + i * row_bytes, from + (row < 0 ? row + length : row) * row_bytes,
                               static_cast<size_t>(row_bytes));
                 }
               });
  return out;
}

Batch Dataset::get_batch(std::span<const int64_t> indices) const {
  std::vector<std::vector<Tensor>> fields;
  for (const int64_t i : indices) {
    const std::vector<Tensor> sample = get(i);
    if (fields.empty()) fields.resize(sample.size());
    RL_CHECK(sample.size() == fields.size(), "each element in list of batch should be of equal size");
    for (size_t k = 0; k < sample.size(); ++k) fields[k].push_back(sample[k]);
  }
  Batch batch;
  for (const std::vector<Tensor>& field : fields) batch.push_back(stack(field, 0));
  return batch;
}

TensorDataset::TensorDataset(std::vector<Tensor> tensors) : tensors_(std::move(tensors)) {
  RL_CHECK_AS(ValueError, !tensors_.empty(), "a TensorDataset needs at least one tensor");
  for (const Tensor& t : tensors_) {
    RL_CHECK_AS(AssertionError, t.size(0) == tensors_[0].size(0), "Size mismatch between tensors");
  }
}

std::vector<Tensor> TensorDataset::get(int64_t index) const {
  std::vector<Tensor> sample;
  for (const Tensor& t : tensors_) sample.push_back(t[index]);
  return sample;
}

Batch TensorDataset::get_batch(std::span<const int64_t> indices) const {
  Batch batch;
  for (const Tensor& t : tensors_) batch.push_back(rows(t, indices));
  return batch;
}

DataLoader::DataLoader(const Dataset& dataset, DataLoaderOptions options)
    : dataset_(dataset), options_(options) {
  RL_CHECK_AS(ValueError, options.batch_size > 0,
              "batch_size should be a positive integer value, but got batch_size=", options.batch_size);
}

int64_t DataLoader::size() const {
  const int64_t whole = dataset_.size() / options_.batch_size;
  return whole + (!options_.drop_last && dataset_.size() % options_.batch_size ? 1 : 0);
}

DataLoader::Iterator DataLoader::begin() const {
  Generator& generator = options_.generator ? *options_.generator : default_generator();
  draw_seed(generator);  // the base seed of PyTorch's loader, so that programs in both languages draw alike
  std::vector<int64_t> order;
  if (options_.shuffle) {
    order = options_.generator ? permutation(dataset_.size(), generator)
                               : shuffled_order(dataset_.size(), generator);
  } else {
    order.resize(static_cast<size_t>(dataset_.size()));
    std::iota(order.begin(), order.end(), int64_t{0});
  }
  return Iterator(this, std::move(order));
}

Batch DataLoader::Iterator::operator*() const {
  const size_t size = static_cast<size_t>(loader_->options_.batch_size),
               start = static_cast<size_t>(batch_) * size;
  RL_CHECK_AS(IndexError, start < order_.size(), "this pass over the dataset has ended");
  return loader_->dataset_.get_batch(std::span(order_).subspan(start, std::min(size, order_.size() - start)));
}

}  // namespace rushlight::data

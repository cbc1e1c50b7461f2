// Sums, means and maxima of bags of rows of a table.
#include <algorithm>

#include "rushlight/ops/embedding_rows.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/type_name.h"

namespace rushlight::nn::functional {
namespace {

// The rows that are counted, and the bag of each.
struct Bags {
  Tensor rows, bag;  // int64, of the same length
  Tensor place;      // where in the flattened input each comes from; undefined: all of it
  int64_t count;
};

// Where each bag begins, and where the last one ends.
std::vector<int64_t> read_offsets(const Tensor& offsets, int64_t length, bool include_last) {
  check_row_indices("embedding_bag", offsets);
  RL_CHECK(!include_last || offsets.numel() >= 1,
           "include_last_offset: number of offset should be at least 1");
  const Tensor dense = offsets.to(DType::Int64).contiguous();
  std::vector<int64_t> out(dense.data<int64_t>(), dense.data<int64_t>() + dense.numel());
  if (!out.empty()) {
    RL_CHECK(
        out[0] == 0,
        "offsets[0] has to be 0, i.e., the first sequence in the mini-batch has to start from position 0. "
        "However, got ",
        out[0]);
    RL_CHECK(out.back() <= length, "offsets[-1] can not be greater than input's length ", length,
             " but got offsets[-1] of ", out.back());
  }
  for (size_t i = 1; i < out.size(); ++i)
    RL_CHECK(out[i - 1] <= out[i], "offsets have to increase, but offsets[", i, "] is ", out[i], " after ",
             out[i - 1]);
  if (!include_last) out.push_back(length);
  return out;
}

// The bag of each place of the flattened input, or -1.
std::vector<int64_t> bags_of_places(const Tensor& input, const Tensor& offsets, bool include_last,
                                    int64_t* count) {
  const int64_t n = input.numel();
  std::vector<int64_t> out(n, -1);
  if (input.dim() == 2) {
    *count = input.sizes()[0];
    for (int64_t i = 0; i < n; ++i) out[i] = i / input.sizes()[1];
    return out;
  }
  const std::vector<int64_t> begin = read_offsets(offsets, n, include_last);
  *count = static_cast<int64_t>(begin.size()) - 1;
  for (int64_t b = 0; b < *count; ++b) std::fill(out.begin() + begin[b], out.begin() + begin[b + 1], b);
  return out;
}

Bags read_bags(const Tensor& input, const Tensor& offsets, bool include_last, int64_t table_rows,
               int64_t padding) {
  check_row_indices("embedding_bag", input);
  const Tensor flat = input.to(DType::Int64).reshape({-1}).contiguous();
  const int64_t* index = flat.data<int64_t>();
  Bags out;
  const std::vector<int64_t> bag = bags_of_places(input, offsets, include_last, &out.count);
  std::vector<int64_t> rows, bags, places;
  for (int64_t i = 0; i < flat.numel(); ++i) {
    RL_CHECK(index[i] >= 0 && index[i] < table_rows, "Index ", i, " of input takes value ", index[i],
             " which is not in the valid range [0, ", table_rows, ")");
    if (bag[i] < 0 || index[i] == padding) continue;
    rows.push_back(index[i]);
    bags.push_back(bag[i]);
    places.push_back(i);
  }
  auto as_indices = [](const std::vector<int64_t>& v) {
    Tensor t = make_tensor(static_cast<int64_t>(v.size()), DType::Int64);
    std::copy(v.begin(), v.end(), t.data<int64_t>());
    return t;
  };
  out.rows = as_indices(rows);
  out.bag = as_indices(bags);
  if (static_cast<int64_t>(rows.size()) < flat.numel()) out.place = as_indices(places);
  return out;
}

// The sizes of the bags, in a floating dtype.
Tensor bag_sizes(const Bags& bags, DType dtype) {
  Tensor out = zeros(bags.count, dtype);
  return out.index_add_(0, bags.bag, ones(bags.bag.numel(), dtype));
}

// For each bag and column the row with the largest element there; row 0 for bags without any.
template <class T>
void find_largest(const Tensor& weight, const Bags& bags, int64_t* best) {
  const int64_t columns = weight.sizes()[1], n = bags.rows.numel();
  const T* table = weight.data<T>();
  const int64_t *rows = bags.rows.data<int64_t>(), *bag = bags.bag.data<int64_t>();
  std::vector<bool> seen(bags.count);
  for (int64_t i = 0; i < n; ++i) {
    int64_t* row_best = best + bag[i] * columns;
    const T* row = table + rows[i] * columns;
    const bool first = !seen[bag[i]];
    seen[bag[i]] = true;
    for (int64_t c = 0; c < columns; ++c)
      if (first || row[c] > table[row_best[c] * columns + c]) row_best[c] = rows[i];
  }
}

Tensor largest_of_bags(const Tensor& weight, const Bags& bags) {
  const Dims sizes{bags.count, weight.sizes()[1]};
  if (weight.sizes()[0] == 0) return zeros(sizes, weight.dtype());
  Tensor best = zeros(sizes, DType::Int64);
  const Tensor dense = weight.detach().to(weight.dtype() == DType::Float64 ? DType::Float64 : DType::Float32);
  if (dense.dtype() == DType::Float32) find_largest<float>(dense.contiguous(), bags, best.data<int64_t>());
  else find_largest<double>(dense.contiguous(), bags, best.data<int64_t>());
  const Tensor empty = bag_sizes(bags, DType::Float32).eq(0).unsqueeze(1);
  return where(empty, 0, weight.gather(0, best));
}

void check_embedding_bag(const Tensor& input, const Tensor& weight, const Tensor& offsets,
                         const Tensor& per_sample, String mode, bool by_frequency, bool sparse) {
  RL_CHECK_AS(ValueError, !per_sample.defined() || per_sample.sizes() == input.sizes(),
              "embedding_bag: If per_sample_weights (torch.Size(",
              per_sample.defined() ? to_string(per_sample.sizes()) : "",
              ")) is not None, then it must have the same shape as the input (torch.Size(",
              to_string(input.sizes()), "))");
  RL_CHECK_AS(
      ValueError, input.dim() != 2 || !offsets.defined(),
      "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of fixed length "
      "sequences. However, found offsets of type <class 'torch.Tensor'>");
  RL_CHECK_AS(ValueError, input.dim() == 1 || input.dim() == 2,
              "input has to be 1D or 2D Tensor, but got Tensor of dimension ", input.dim());
  RL_CHECK_AS(ValueError, input.dim() == 2 || offsets.defined(),
              "offsets has to be a 1D Tensor but got None");
  RL_CHECK_AS(ValueError, !offsets.defined() || offsets.dim() == 1, "offsets has to be a 1D Tensor");
  RL_CHECK_AS(ValueError, mode == "sum" || mode == "mean" || mode == "max",
              "mode has to be one of sum, mean or max");
  RL_CHECK_AS(ValueError, mode != "max" || !by_frequency,
              "max mode does not support scaling the gradient by the frequency");
  RL_CHECK_AS(ValueError, mode != "max" || !sparse, "max mode does not support sparse weights");
  RL_CHECK_AS(NotImplementedError, !per_sample.defined() || mode == "sum",
              "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported for "
              "mode='sum' (got mode='",
              mode, "'). Please open a feature request on GitHub.");
  RL_CHECK(
      is_floating(weight.dtype()),
      "Expected tensor for argument #1 'weight' to have one of the following scalar types: Half, BFloat16, "
      "Float, Double; but got ",
      tensor_type_name(weight.dtype()), " instead (while checking arguments for embedding_bag)");
  RL_CHECK(!per_sample.defined() || per_sample.dtype() == weight.dtype(),
           "Expected tensor for argument #1 'weight' to have the same type as tensor for argument #1 "
           "'per_sample_weights'; but type ",
           tensor_type_name(weight.dtype()), " does not equal ",
           per_sample.defined() ? tensor_type_name(per_sample.dtype()) : "",
           " (while checking arguments for embedding_bag)");
  RL_CHECK(weight.dim() == 2, "'weight' must be 2-D");
}

}  // namespace

Tensor embedding_bag(const Tensor& input, const Tensor& weight, const Tensor& offsets, OptDouble max_norm,
                     double norm_type, bool scale_grad_by_freq, String mode, bool sparse,
                     const Tensor& per_sample_weights, bool include_last_offset, OptInt padding_idx) {
  check_embedding_bag(input, weight, offsets, per_sample_weights, mode, scale_grad_by_freq, sparse);
  const int64_t table_rows = weight.sizes()[0];
  RL_CHECK(!padding_idx || (*padding_idx >= -table_rows && *padding_idx < table_rows),
           "padding_idx must be within the number of embeddings, ", -table_rows, " through ", table_rows - 1,
           ", but got ", padding_idx.value_or(0));
  const int64_t padding = !padding_idx ? -1 : *padding_idx < 0 ? *padding_idx + table_rows : *padding_idx;
  const Bags bags = read_bags(input, offsets, include_last_offset && input.dim() == 1, table_rows, padding);
  if (max_norm) shorten_rows(weight, input.to(DType::Int64).reshape({-1}).contiguous(), *max_norm, norm_type);
  if (mode == "max") return largest_of_bags(weight, bags);

  // Halves add up in single precision.
  const DType sum_type = weight.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  Tensor rows = embedding(bags.rows, weight, {}, {}, 2, scale_grad_by_freq, sparse).to(sum_type);
  if (per_sample_weights.defined()) {
    const Tensor flat = per_sample_weights.reshape({-1});
    rows = rows * (bags.place.defined() ? flat.index_select(0, bags.place) : flat).unsqueeze(1);
  }
  Tensor out = zeros({bags.count, weight.sizes()[1]}, sum_type).index_add(0, bags.bag, rows);
  if (mode == "mean") out = out / bag_sizes(bags, sum_type).clamp_min(1).unsqueeze(1);
  return out.to(weight.dtype());
}

}  // namespace rushlight::nn::functional

// Embedding: rows of a table.
#include "rushlight/ops/embedding_rows.h"
#include "rushlight/ops/linear_map.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/type_name.h"

namespace rushlight {

void shorten_rows(const Tensor& weight, const Tensor& indices, double max_norm, double norm_type) {
  autograd::NoGrad guard;
  const Tensor table = weight.detach();
  std::vector<bool> seen(table.sizes()[0]);
  for (int64_t i = 0; i < indices.numel(); ++i) {
    const int64_t row = indices.data<int64_t>()[i];
    RL_CHECK_AS(IndexError, row >= 0 && row < table.sizes()[0], "index out of range in self");
    if (seen[row]) continue;
    seen[row] = true;
    const Tensor values = table.select(0, row);
    const double norm = values.norm(norm_type).item<double>();
    if (norm > max_norm) values.mul_(max_norm / (norm + 1e-7));
  }
}

void check_row_indices(const char* function, const Tensor& indices) {
  const DType t = indices.dtype();
  if (t == DType::Int64 || t == DType::Int32) return;
  throw_error<RuntimeError>(
      "Expected tensor for argument #1 'indices' to have one of the following scalar types: Long, Int; but "
      "got ",
      tensor_type_name(t), " instead (while checking arguments for ", function, ")");
}

namespace {

// The rows at `indices` (flat, int64), as a linear map of the table. Its transpose adds gradients up: none
// for the padding row, and with `by_frequency` each divided by how often its row occurs.
struct Rows {
  Tensor indices;
  Dims table, result;
  int64_t padding;  // -1: none
  bool by_frequency;

  const char* name(bool transposed) const {
    return transposed ? "EmbeddingDenseBackwardBackward0" : "EmbeddingBackward0";
  }
  Tensor apply(const Tensor& x, bool transposed) const {
    return transposed ? add_up(x) : with_sizes(x.index_select(0, indices), result);
  }

  Tensor add_up(const Tensor& g) const {
    Tensor rows = g.reshape({indices.numel(), table[1]});
    if (padding >= 0 || by_frequency) rows = rows * weights(g.dtype()).unsqueeze(1);
    return zeros(table, g.dtype(), g.device()).index_add_(0, indices, rows);
  }

  Tensor weights(DType dtype) const {
    Tensor out = ones(indices.numel(), DType::Float32);
    const int64_t* at = indices.data<int64_t>();
    std::vector<int64_t> count(by_frequency ? table[0] : 0);
    for (int64_t i = 0; i < indices.numel() && by_frequency; ++i) ++count[at[i]];
    for (int64_t i = 0; i < indices.numel(); ++i) {
      float& w = out.data<float>()[i];
      if (by_frequency) w /= static_cast<float>(count[at[i]]);
      if (at[i] == padding) w = 0;
    }
    return out.to(dtype);
  }
};

// The map whose transpose is `Rows`' transpose: what the gradient of a gradient needs leaves out the same
// rows.
struct WeightedRows : Rows {
  Tensor apply(const Tensor& x, bool transposed) const {
    if (transposed) return add_up(x);
    const Tensor rows = x.index_select(0, indices) * weights(x.dtype()).unsqueeze(1);
    return with_sizes(rows, result);
  }
};

int64_t wrapped_padding(OptInt padding, int64_t rows) {
  if (!padding) return -1;
  RL_CHECK_AS(AssertionError, *padding < rows && *padding >= -rows,
              "Padding_idx must be within num_embeddings");
  return *padding < 0 ? *padding + rows : *padding;
}

}  // namespace

namespace nn::functional {

Tensor embedding(const Tensor& input, const Tensor& weight, OptInt padding_idx, OptDouble max_norm,
                 double norm_type, bool scale_grad_by_freq, bool) {
  RL_CHECK_AS(IndexError, weight.dim() > 0, "Dimension specified as 0 but tensor has no dimensions");
  const int64_t padding = wrapped_padding(padding_idx, weight.sizes()[0]);
  RL_CHECK(weight.dim() == 2, "'weight' must be 2-D");
  check_row_indices("embedding", input);
  // A copy when it has to outlive the call.
  const bool keep = autograd::tracks(weight);
  Tensor indices = input.detach().to(DType::Int64).reshape({-1});
  indices = keep && indices.storage() == input.storage() ? indices.clone() : indices.contiguous();
  if (max_norm) shorten_rows(weight, indices, *max_norm, norm_type);
  Dims result = input.sizes();
  result.push_back(weight.sizes()[1]);
  const Rows rows{indices, weight.sizes(), result, padding, scale_grad_by_freq};
  Tensor out = [&] {
    autograd::NoGrad guard;
    return rows.apply(weight, false);
  }();
  if (!keep) return out;
  return autograd::Record("EmbeddingBackward0", {weight})
      .rule(out, [rows](autograd::Node&, const Tensor& g) -> Tensor {
        return apply_linear(WeightedRows{rows}, g, true);
      });
}

}  // namespace nn::functional
}  // namespace rushlight

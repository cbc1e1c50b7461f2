// Joining tensors: cat, stack and their relatives.
#include <cstring>
#include <vector>

#include "rushlight/kernels/cpu/move.h"
#include "rushlight/ops/memory.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/promote.h"
#include "rushlight/ops/view.h"

namespace rushlight {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;

namespace {

DType common_dtype(TensorList tensors) {
  ResultType type;
  for (const Tensor& t : tensors) type.add(t);
  return type.get();
}

// PyTorch lets an empty vector pass as a tensor of any shape.
bool is_skipped(const Tensor& t) { return t.dim() == 1 && t.numel() == 0; }

struct CatPlan {
  Dims sizes;
  int64_t dim = 0;
};

CatPlan plan_cat(TensorList tensors, int64_t dim) {
  RL_CHECK_AS(ValueError, !tensors.empty(), "torch.cat(): expected a non-empty list of Tensors");
  const Tensor* first = nullptr;
  for (int64_t i = 0; i < tensors.size(); ++i) {
    RL_CHECK(tensors[i].dim() > 0, "zero-dimensional tensor (at position ", i, ") cannot be concatenated");
    if (!first && !is_skipped(tensors[i])) first = &tensors[i];
  }
  if (!first) first = &tensors[0];
  CatPlan plan{first->sizes(), wrap_dim(dim, first->dim())};
  int64_t total = 0;
  for (int64_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    if (is_skipped(t) && first->dim() != 1) continue;
    RL_CHECK(t.dim() == first->dim(), "Tensors must have same number of dimensions: got ", first->dim(),
             " and ", t.dim());
    for (int64_t d = 0; d < t.dim(); ++d) {
      RL_CHECK(d == plan.dim || t.sizes()[d] == plan.sizes[d],
               "Sizes of tensors must match except in dimension ", plan.dim, ". Expected size ",
               plan.sizes[d], " but got size ", t.sizes()[d], " for tensor number ", i, " in the list.");
    }
    RL_CHECK(!__builtin_add_overflow(total, t.sizes()[plan.dim], &total),
             "numel: integer multiplication overflow");
  }
  plan.sizes[plan.dim] = total;
  return plan;
}

constexpr int64_t kSmallPart = 16 * 1024;  // bytes

// Copies a small dense part to its place at `start` along `dim` by rows of memory, which costs less than the
// preparations of a general copy. False where that is not what it is.
bool copy_small(const Tensor& out, int64_t dim, int64_t start, const Tensor& part) {
  const int64_t bytes = part.numel() * part.item_size();
  if (bytes > kSmallPart || part.dtype() != out.dtype() || !part.is_contiguous() || !part.device().is_cpu())
    return false;
  if (bytes == 0) return true;
  const int64_t step = out.strides()[dim] * out.item_size(), pitch = step * out.sizes()[dim];
  const int64_t rows = out.numel() * out.item_size() / pitch, row = bytes / rows;
  auto* to = static_cast<char*>(out.raw_data()) + start * step;
  auto* from = static_cast<const char*>(part.raw_data());
  for (int64_t r = 0; r < rows; ++r) std::memcpy(to + r * pitch, from + r * row, row);
  return true;
}

// Dense parts of more rows than one, joined row by row: the output is written from end to end. False where
// the parts are not such.
bool join_dense(const Tensor& out, TensorList tensors, int64_t rows) {
  constexpr int64_t kFewRows = 8;
  if (rows < kFewRows || out.numel() * out.item_size() <= kSmallPart || !out.device().is_cpu()) return false;
  std::vector<cpu::RowPart> parts;
  for (const Tensor& t : tensors) {
    if (t.numel() == 0) continue;
    if (t.dtype() != out.dtype() || !t.is_contiguous() || !t.device().is_cpu()) return false;
    const int64_t bytes = t.numel() / rows * t.item_size();
    parts.push_back({t.raw_data(), bytes, bytes});
  }
  cpu::join_rows(parts, rows, out.raw_data());
  return true;
}

int64_t rows_before(const Dims& sizes, int64_t dim) {
  int64_t rows = 1;
  for (int64_t d = 0; d < dim; ++d) rows *= sizes[d];
  return rows;
}

Tensor cat_forward(TensorList tensors, const CatPlan& plan) {
  autograd::NoGrad guard;
  Tensor out = make_tensor(plan.sizes, common_dtype(tensors), tensors[0].device());
  const bool joined = join_dense(out, tensors, rows_before(plan.sizes, plan.dim));
  int64_t start = 0;
  for (const Tensor& t : tensors) {
    if (joined) break;
    if (t.numel() == 0) {
      if (!is_skipped(t) && t.dim() == plan.sizes.size()) start += t.sizes()[plan.dim];
      continue;
    }
    const int64_t n = t.sizes()[plan.dim];
    if (!copy_small(out, plan.dim, start, t)) {
      Dims sizes = plan.sizes;
      sizes[plan.dim] = n;
      make_alias(out, std::move(sizes), out.strides(), start * out.strides()[plan.dim]).copy_(t);
    }
    start += n;
  }
  begin_versions(out);
  return out;
}

void check_not_empty(const char* name, TensorList tensors) {
  RL_CHECK(!tensors.empty(), name, " expects a non-empty TensorList");
}

TensorVector prepared(const char* name, TensorList tensors, Tensor (*f)(const Tensor&)) {
  check_not_empty(name, tensors);
  TensorVector out;
  for (const Tensor& t : tensors) out.push_back(f(t));
  return out;
}

}  // namespace

Tensor cat(TensorList tensors, int64_t dim) {
  const CatPlan plan = plan_cat(tensors, dim);
  Tensor out = cat_forward(tensors, plan);
  if (!tracks(tensors)) return out;
  Dims lengths;
  for (const Tensor& t : tensors)
    lengths.push_back(is_skipped(t) && plan.sizes.size() != 1 ? -1 : t.sizes()[plan.dim]);
  return Record("CatBackward0", tensors)
      .rule(out, [dim = plan.dim, lengths](Node& n, const Gradients& grads) {
        Gradients out;
        out.resize(static_cast<uint32_t>(lengths.size()));
        int64_t start = 0;
        for (int64_t i = 0; i < lengths.size(); ++i) {
          if (n.needs(i))
            out[i] = lengths[i] < 0 ? zeros(0, grads[0].dtype()) : grads[0].narrow(dim, start, lengths[i]);
          start += std::max<int64_t>(lengths[i], 0);
        }
        return out;
      });
}
Tensor concat(TensorList tensors, int64_t dim) { return cat(tensors, dim); }
Tensor concatenate(TensorList tensors, int64_t dim) { return cat(tensors, dim); }

Tensor stack(TensorList tensors, int64_t dim) {
  check_not_empty("stack", tensors);
  const Dims& sizes = tensors[0].sizes();
  dim = wrap_dim(dim, sizes.size() + 1);
  for (int64_t i = 1; i < tensors.size(); ++i) {
    RL_CHECK(tensors[i].sizes() == sizes, "stack expects each tensor to be equal size, but got ",
             to_string(sizes), " at entry 0 and ", to_string(tensors[i].sizes()), " at entry ", i);
  }
  // Written as if it were a cat of slabs of size one.
  Dims all = sizes;
  all.insert(dim, tensors.size());
  Tensor out = make_tensor(all, common_dtype(tensors), tensors[0].device());
  Dims strides = out.strides();
  const int64_t step = strides[dim];
  strides.erase(dim);
  {
    autograd::NoGrad guard;
    const bool joined = join_dense(out, tensors, rows_before(all, dim));
    for (int64_t i = 0; i < tensors.size() && !joined; ++i) {
      if (!copy_small(out, dim, i, tensors[i])) make_alias(out, sizes, strides, i * step).copy_(tensors[i]);
    }
    begin_versions(out);
  }
  if (!tracks(tensors)) return out;
  return Record("StackBackward0", tensors).rule(out, [dim](Node&, const Gradients& grads) {
    Gradients out;
    for (Tensor& part : grads[0].unbind(dim)) out.push_back(std::move(part));
    return out;
  });
}

Tensor hstack(TensorList tensors) {
  const TensorVector parts = prepared("hstack", tensors, atleast_1d);
  return cat(parts, parts[0].dim() == 1 ? 0 : 1);
}
Tensor vstack(TensorList tensors) { return cat(prepared("vstack", tensors, atleast_2d), 0); }
Tensor row_stack(TensorList tensors) { return vstack(tensors); }
Tensor dstack(TensorList tensors) { return cat(prepared("dstack", tensors, atleast_3d), 2); }
Tensor column_stack(TensorList tensors) {
  return hstack(prepared("column_stack", tensors, [](const Tensor& t) {
    return t.dim() <= 1 ? t.reshape({t.numel(), 1}) : t;
  }));
}

Tensor block_diag(TensorList tensors) {
  if (tensors.empty()) return empty({1, 0});
  Dims rows, columns;
  int64_t height = 0, width = 0;
  for (int64_t i = 0; i < tensors.size(); ++i) {
    const Tensor& t = tensors[i];
    RL_CHECK(t.dim() <= 2, "torch.block_diag: Input tensors must have 2 or fewer dimensions. Input ", i,
             " has ", t.dim(), " dimensions");
    rows.push_back(t.dim() == 2 ? t.sizes()[0] : 1);
    columns.push_back(t.dim() == 0 ? 1 : t.sizes().back());
    height += rows.back();
    width += columns.back();
  }
  Tensor out = zeros({height, width}, common_dtype(tensors), tensors[0].device());
  {
    autograd::NoGrad guard;
    int64_t r = 0, c = 0;
    for (int64_t i = 0; i < tensors.size(); ++i) {
      out.narrow(0, r, rows[i]).narrow(1, c, columns[i]).copy_(tensors[i]);
      r += rows[i];
      c += columns[i];
    }
  }
  if (!tracks(tensors)) return out;
  std::vector<Dims> sizes;
  for (const Tensor& t : tensors) sizes.push_back(t.sizes());
  return Record("BlockDiagBackward0", tensors)
      .rule(out, [rows, columns, sizes](Node&, const Gradients& grads) {
        Gradients out;
        int64_t r = 0, c = 0;
        for (int64_t i = 0; i < rows.size(); ++i) {
          out.push_back(grads[0].narrow(0, r, rows[i]).narrow(1, c, columns[i]).reshape(sizes[i]));
          r += rows[i];
          c += columns[i];
        }
        return out;
      });
}

// ---- combinations

TensorVector meshgrid(TensorList tensors, OptString indexing) {
  RL_CHECK(!tensors.empty(), "meshgrid expects a non-empty TensorList");
  Dims sizes;
  for (const Tensor& t : tensors) {
    RL_CHECK(t.dim() <= 1,
             "torch.meshgrid: Expected 0D or 1D tensor in the tensor list but got: ", "tensor of shape ",
             to_string(t.sizes()));
    RL_CHECK(t.dtype() == tensors[0].dtype(), "meshgrid expects all tensors to have the same dtype");
    sizes.push_back(t.numel());
  }
  const OptString mode = indexing;
  RL_CHECK(!mode || *mode == "ij" || *mode == "xy",
           "torch.meshgrid: indexing must be one of \"xy\" or \"ij\", but received: ", mode.value_or(""));
  const bool swapped = mode && *mode == "xy" && tensors.size() >= 2;
  TensorVector out;
  if (swapped) std::swap(sizes[0], sizes[1]);
  for (int64_t i = 0; i < tensors.size(); ++i) {
    const int64_t axis = swapped && i < 2 ? 1 - i : i;
    Dims shape(tensors.size(), 1);
    shape[axis] = tensors[i].numel();
    out.push_back(tensors[i].view(shape).expand(sizes));
  }
  return out;
}

Tensor cartesian_prod(TensorList tensors) {
  RL_CHECK(!tensors.empty(), "meshgrid expects a non-empty TensorList");
  for (const Tensor& t : tensors)
    RL_CHECK(t.dim() == 1, "Expect a 1D vector, but got shape ", to_string(t.sizes()));
  if (tensors.size() == 1) return tensors[0];
  TensorVector columns;
  for (const Tensor& grid : meshgrid(tensors)) columns.push_back(grid.flatten());
  return stack(columns, 1);
}

Tensor combinations(const Tensor& input, int64_t r, bool with_replacement) {
  RL_CHECK(input.dim() == 1, "Expect a 1D vector, but got shape ", to_string(input.sizes()));
  RL_CHECK(r >= 0, "Expect a non-negative number, but got ", r);
  if (r == 0) return empty(0, input.dtype(), input.device());
  // Positions in lexicographic order: each step raises the last position that can still grow.
  const int64_t n = input.numel();
  if (n == 0 || (r > n && !with_replacement))
    return input.narrow(0, 0, 0).unsqueeze(1).expand({0, r}).clone();
  check_count(r);
  std::vector<std::vector<int64_t>> columns(r);
  Dims at(r);
  for (int64_t k = 0; k < r; ++k) at[k] = with_replacement ? 0 : k;
  for (bool more = true; more;) {
    for (int64_t k = 0; k < r; ++k) columns[k].push_back(at[k]);
    more = false;
    for (int64_t k = r - 1; k >= 0 && !more; --k) {
      const int64_t limit = with_replacement ? n - 1 : n - r + k;
      if (at[k] >= limit) continue;
      ++at[k];
      for (int64_t j = k + 1; j < r; ++j) at[j] = with_replacement ? at[k] : at[j - 1] + 1;
      more = true;
    }
  }
  TensorVector out;
  for (const auto& column : columns) {
    Tensor index = empty(static_cast<int64_t>(column.size()), DType::Int64);
    std::copy(column.begin(), column.end(), index.data<int64_t>());
    out.push_back(input.index_select(0, index));
  }
  return stack(out, 1);
}

Tensor vander(const Tensor& x, OptInt N, bool increasing) {
  RL_CHECK(x.dim() == 1, "x must be a one-dimensional tensor.");
  const int64_t n = N.value_or(x.sizes()[0]);
  RL_CHECK(n >= 0, "N must be non-negative.");
  const DType dtype = x.dtype() == DType::Bool || (is_integral(x.dtype(), true)) ? DType::Int64 : x.dtype();
  if (n == 0 || x.numel() == 0) return empty({x.sizes()[0], n}, dtype);
  check_count(n);
  const Tensor base = x.to(dtype);
  TensorVector powers{ones_like(base)};
  for (int64_t i = 1; i < n; ++i) powers.push_back(powers.back() * base);
  Tensor out = stack(powers, 1);
  return increasing ? out : out.flip(1);
}

}  // namespace rushlight

// Views of parts: slices, places, diagonals, windows and the many ways to cut a tensor up.
#include <algorithm>
#include <limits>

#include "rushlight/ops/indexing.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/view.h"

namespace rushlight {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;

namespace {

struct Part {
  Dims sizes, strides;
  int64_t offset;
};

Part slice_part(const Tensor& t, int64_t dim, int64_t start, int64_t length, int64_t step) {
  Part p{t.sizes(), t.strides(), t.storage_offset() + start * t.strides()[dim]};
  p.sizes[dim] = length;
  p.strides[dim] *= step;
  return p;
}

Part select_part(const Tensor& t, int64_t dim, int64_t index) {
  Part p{t.sizes(), t.strides(), t.storage_offset() + index * t.strides()[dim]};
  p.sizes.erase(dim);
  p.strides.erase(dim);
  return p;
}

Tensor slice_checked(const Tensor& self, int64_t dim, int64_t start, int64_t stop, int64_t step) {
  const int64_t length = stop > start ? (stop - start - 1) / step + 1 : 0;
  Part p = slice_part(self, dim, start, length, length > 1 ? step : std::min<int64_t>(step, INT32_MAX));
  return make_view("SliceBackward0", self, std::move(p.sizes), std::move(p.strides), p.offset,
                   [sizes = self.sizes(), dim, start, stop, step](Node&, const Tensor& g) {
                     return embed("SliceBackwardBackward0", g, sizes,
                                  [=](const Tensor& t) { return slice(t, dim, start, stop, step); });
                   });
}

// Several views from one node; rule: gradients of all of them to that of the base.
template <class Rule>
TensorVector make_views(const char* node, const Tensor& base, std::vector<Part> parts, Rule rule) {
  TensorVector out;
  for (Part& p : parts) out.push_back(make_alias(base, std::move(p.sizes), std::move(p.strides), p.offset));
  if (autograd::tracks(base) && !out.empty()) Record(node, {base}).rule(TensorList(out), std::move(rule));
  for (const Tensor& view : out) autograd::set_view(view, base, true);
  return out;
}

// Missing gradients are zeros of the part's size.
TensorVector fill_in(const Gradients& grads, const Dims& sizes, int64_t dim, const Dims& lengths) {
  TensorVector out;
  Tensor model;
  for (const Tensor& g : grads)
    if (g.defined()) model = g;
  for (int64_t i = 0; i < lengths.size(); ++i) {
    Dims part = sizes;
    if (lengths[i] < 0) part.erase(dim);
    else part[dim] = lengths[i];
    out.push_back(grads[i].defined() ? grads[i] : zeros(part, model.dtype(), model.device()));
  }
  return out;
}

TensorVector split_lengths(const char* node, const Tensor& t, const Dims& lengths, int64_t dim) {
  std::vector<Part> parts;
  int64_t start = 0;
  for (int64_t n : lengths) {
    parts.push_back(slice_part(t, dim, start, n, 1));
    start += n;
  }
  return make_views(node, t, std::move(parts),
                    [sizes = t.sizes(), dim, lengths](Node&, const Gradients& grads) {
                      return Gradients{cat(fill_in(grads, sizes, dim, lengths), dim)};
                    });
}

struct DiagonalDims {
  int64_t dim1, dim2;
};
DiagonalDims diagonal_dims(int64_t rank, int64_t dim1, int64_t dim2) {
  DiagonalDims d{wrap_dim(dim1, rank), wrap_dim(dim2, rank)};
  RL_CHECK(d.dim1 != d.dim2, "diagonal dimensions cannot be identical ", dim1, ", ", dim2);
  return d;
}

}  // namespace

Tensor narrow(const Tensor& input, int64_t dim, int64_t start, int64_t length) {
  RL_CHECK(input.dim() > 0, "narrow() cannot be applied to a 0-dim tensor.");
  RL_CHECK(length >= 0, "narrow(): length must be non-negative.");
  dim = wrap_dim(dim, input.dim());
  const int64_t size = input.sizes()[dim];
  RL_CHECK_AS(IndexError, start >= -size && start <= size, "start out of range (expected to be in range of [",
              -size, ", ", size, "], but got ", start, ")");
  if (start < 0) start += size;
  RL_CHECK(length <= size - start, "start (", start, ") + length (", length, ") exceeds dimension size (",
           size, ").");
  return slice_checked(input, dim, start, start + length, 1);
}

Tensor slice(const Tensor& self, int64_t dim, OptInt start, OptInt end, int64_t step) {
  RL_CHECK(self.dim() > 0, "slice() cannot be applied to a 0-dim tensor.");
  RL_CHECK(step > 0, "slice step must be positive");
  dim = wrap_dim(dim, self.dim());
  const int64_t size = self.sizes()[dim];
  auto place = [size](int64_t i) { return std::clamp<int64_t>(i < 0 ? i + size : i, 0, size); };
  const int64_t first = place(start.value_or(0));
  return slice_checked(self, dim, first, std::max(first, place(end.value_or(size))), step);
}

Tensor select(const Tensor& input, int64_t dim, int64_t index) {
  RL_CHECK_AS(IndexError, input.dim() > 0, "select() cannot be applied to a 0-dim tensor.");
  dim = wrap_dim(dim, input.dim());
  const int64_t size = input.sizes()[dim];
  RL_CHECK_AS(IndexError, index >= -size && index < size, "select(): index ", index,
              " out of range for tensor of size ", to_string(input.sizes()), " at dimension ", dim);
  if (index < 0) index += size;
  Part p = select_part(input, dim, index);
  return make_view("SelectBackward0", input, std::move(p.sizes), std::move(p.strides), p.offset,
                   [sizes = input.sizes(), dim, index](Node&, const Tensor& g) {
                     return embed("SelectBackwardBackward0", g, sizes,
                                  [=](const Tensor& t) { return t.select(dim, index); });
                   });
}

Tensor Tensor::operator[](int64_t index) const { return select(0, index); }

Tensor diagonal(const Tensor& input, int64_t offset, int64_t dim1, int64_t dim2) {
  const auto [row, column] = diagonal_dims(input.dim(), dim1, dim2);
  const int64_t rows = input.sizes()[row], columns = input.sizes()[column];
  offset = std::clamp<int64_t>(offset, -rows, columns);
  const int64_t length =
      std::max<int64_t>(0, offset >= 0 ? std::min(rows, columns - offset) : std::min(rows + offset, columns));
  int64_t start = input.storage_offset();
  if (length > 0) start += offset >= 0 ? offset * input.strides()[column] : -offset * input.strides()[row];
  Dims sizes, strides;
  for (int64_t d = 0; d < input.dim(); ++d) {
    if (d == row || d == column) continue;
    sizes.push_back(input.sizes()[d]);
    strides.push_back(input.strides()[d]);
  }
  sizes.push_back(length);
  strides.push_back(input.strides()[row] + input.strides()[column]);
  return make_view("DiagonalBackward0", input, std::move(sizes), std::move(strides), start,
                   [sizes = input.sizes(), offset, dim1, dim2](Node&, const Tensor& g) {
                     return embed("DiagonalBackwardBackward0", g, sizes,
                                  [=](const Tensor& t) { return t.diagonal(offset, dim1, dim2); });
                   });
}

Tensor diag_embed(const Tensor& input, int64_t offset, int64_t dim1, int64_t dim2) {
  const int64_t rank = input.dim() + 1;
  const auto [row, column] = diagonal_dims(rank, dim1, dim2);
  RL_CHECK_AS(IndexError, input.dim() > 0,
              "Dimension out of range (expected to be in range of [-1, 0], but got ", dim1, ")");
  RL_CHECK(offset > -INT32_MAX && offset < INT32_MAX, "diag_embed: offset is too large");
  const int64_t size = input.sizes().back() + std::abs(offset);
  Dims sizes = input.sizes();
  sizes.erase(sizes.size() - 1);
  sizes.insert(std::min(row, column), size);
  sizes.insert(std::max(row, column), size);
  Tensor out = zeros(sizes, input.dtype(), input.device());
  {
    autograd::NoGrad guard;
    out.diagonal(offset, row, column).copy_(input);
  }
  if (!autograd::tracks(input)) return out;
  return Record("DiagEmbedBackward0", {input})
      .rule(out, [offset, row = row, column = column](Node&, const Tensor& g) -> Tensor {
        return g.diagonal(offset, row, column);
      });
}

Tensor diag(const Tensor& input, int64_t diagonal) {
  RL_CHECK(input.dim() == 1 || input.dim() == 2, "diag(): Supports 1D or 2D tensors. Got ", input.dim(), "D");
  if (input.dim() == 1) return diag_embed(input, diagonal);
  Tensor out;
  {
    autograd::NoGrad guard;
    out = input.diagonal(diagonal).clone(MemoryFormat::Contiguous);
  }
  if (!autograd::tracks(input)) return out;
  return Record("DiagonalBackward0_copy", {input})
      .rule(out, [sizes = input.sizes(), diagonal](Node&, const Tensor& g) {
        return embed("DiagonalBackwardBackward0", g, sizes,
                     [=](const Tensor& t) { return t.diagonal(diagonal); });
      });
}

Tensor diagflat(const Tensor& input, int64_t offset) { return diag_embed(input.reshape(-1), offset); }

Tensor trace(const Tensor& input) {
  RL_CHECK(input.dim() == 2, "trace: expected a matrix, but got tensor with dim ", input.dim());
  RL_CHECK_AS(NotImplementedError, input.dtype() != DType::Bool, "\"trace\" not implemented for 'Bool'");
  Tensor out;
  {
    autograd::NoGrad guard;
    out = input.diagonal().sum();
  }
  if (!autograd::tracks(input)) return out;
  return Record("TraceBackward0", {input}).rule(out, [sizes = input.sizes()](Node&, const Tensor& g) {
    const int64_t n = std::min(sizes[0], sizes[1]);
    return embed("TraceBackwardBackward0", g.expand(n), sizes, [](const Tensor& t) { return t.diagonal(); });
  });
}

namespace {

// The gradient of unfold: windows overlap, so one of their places after the other is added.
Tensor fold_windows(const Tensor& g, const Dims& sizes, int64_t dim, int64_t size, int64_t step) {
  Tensor out = zeros(sizes, g.dtype(), g.device());
  {
    autograd::NoGrad guard;
    if (sizes.empty()) {
      if (size > 0) out.add_(g.reshape(Dims()));
    } else if (g.sizes()[dim] > 0) {
      const int64_t span = (g.sizes()[dim] - 1) * step + 1;
      for (int64_t k = 0; k < size; ++k) slice(out, dim, k, k + span, step).add_(g.select(-1, k));
    }
  }
  if (!autograd::tracks(g)) return out;
  return Record("UnfoldBackwardBackward0", {g})
      .rule(out, [dim, size, step](Node&, const Tensor& gg) -> Tensor { return gg.unfold(dim, size, step); });
}

}  // namespace

Tensor unfold(const Tensor& self, int64_t dimension, int64_t size, int64_t step) {
  const int64_t dim = wrap_dim(dimension, self.dim());
  const int64_t length = self.dim() ? self.sizes()[dim] : 1;
  RL_CHECK(size >= 0, "size is ", size, " but must be >= 0");
  RL_CHECK(size <= length, "maximum size for tensor at dimension ", dim, " is ", length, " but size is ",
           size);
  RL_CHECK(step > 0, "step is ", step, " but must be > 0");
  Dims sizes = self.sizes(), strides = self.strides();
  sizes.push_back(size);
  strides.push_back(self.dim() ? strides[dim] : 1);
  if (self.dim()) {
    sizes[dim] = (length - size) / step + 1;
    strides[dim] = sizes[dim] > 1 ? strides[dim] * step : strides[dim];
  }
  return make_view("UnfoldBackward0", self, std::move(sizes), std::move(strides), self.storage_offset(),
                   [sizes = self.sizes(), dim, size, step](Node&, const Tensor& g) {
                     return fold_windows(g, sizes, dim, size, step);
                   });
}

TensorVector split(const Tensor& t, int64_t split_size, int64_t dim) {
  RL_CHECK(t.dim() > 0, "split expects at least a 1-dimensional tensor");
  RL_CHECK(split_size >= 0, "split expects split_size be non-negative, but got split_size=", split_size);
  dim = wrap_dim(dim, t.dim());
  const int64_t size = t.sizes()[dim];
  RL_CHECK(split_size > 0 || size == 0,
           "split_size can only be 0 if dimension size is 0, but got dimension size of ", size);
  Dims lengths;
  for (int64_t start = 0; start < size; start += std::min(split_size, size - start))
    lengths.push_back(std::min(split_size, size - start));
  if (lengths.empty()) lengths.push_back(0);
  return split_lengths("SplitBackward0", t, lengths, dim);
}

TensorVector split_with_sizes(const Tensor& t, DimsRef split_sizes, int64_t dim) {
  RL_CHECK(t.dim() > 0, "split expects at least a 1-dimensional tensor");
  dim = wrap_dim(dim, t.dim());
  int64_t total = 0;
  bool overflow = false;
  for (int64_t s : split_sizes) {
    RL_CHECK(s >= 0,
             "split_with_sizes expects split_sizes have only non-negative entries, but got split_sizes=",
             to_string(split_sizes));
    overflow |= __builtin_add_overflow(total, s, &total);
  }
  RL_CHECK(!overflow && total == t.sizes()[dim], "split_with_sizes expects split_sizes to sum exactly to ",
           t.sizes()[dim], " (input tensor's size at dimension ", dim,
           "), but got split_sizes=", to_string(split_sizes));
  return split_lengths("SplitWithSizesBackward0", t, split_sizes.copy(), dim);
}
TensorVector split(const Tensor& t, DimsRef split_sizes, int64_t dim) {
  return split_with_sizes(t, split_sizes, dim);
}

void check_count(int64_t count) {
  RL_CHECK_AS(OutOfMemoryError, count <= std::numeric_limits<int32_t>::max(), "a list of ", count,
              " elements does not fit into memory");
}

TensorVector chunk(const Tensor& t, int64_t chunks, int64_t dim) {
  RL_CHECK(t.dim() > 0, "chunk expects at least a 1-dimensional tensor");
  RL_CHECK(chunks > 0, "chunk expects `chunks` to be greater than 0, got: ", chunks);
  dim = wrap_dim(dim, t.dim());
  const int64_t size = t.sizes()[dim];
  // An empty dimension still makes as many pieces as were asked for.
  if (size == 0) {
    check_count(chunks);
    return split_with_sizes(t, Dims(chunks), dim);
  }
  return split(t, (size - 1) / chunks + 1, dim);
}

TensorVector tensor_split(const Tensor& t, int64_t sections, int64_t dim) {
  RL_CHECK(t.dim() > 0, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with ",
           t.dim(), " dims");
  dim = wrap_dim(dim, t.dim());
  RL_CHECK(sections > 0, "number of sections must be larger than 0, got ", sections);
  check_count(sections);
  const int64_t size = t.sizes()[dim], least = size / sections, longer = size % sections;
  TensorVector out;
  int64_t start = 0;
  for (int64_t i = 0; i < sections; ++i) {
    const int64_t stop = start + least + (i < longer ? 1 : 0);
    out.push_back(slice_checked(t, dim, start, stop, 1));
    start = stop;
  }
  return out;
}

TensorVector tensor_split(const Tensor& t, DimsRef indices, int64_t dim) {
  RL_CHECK(t.dim() > 0, "tensor_split expected at least a 1-dimensional tensor, but got a tensor with ",
           t.dim(), " dims");
  dim = wrap_dim(dim, t.dim());
  TensorVector out;
  int64_t start = 0;
  for (int64_t i : indices) {
    out.push_back(slice(t, dim, start, i));
    start = i;
  }
  out.push_back(slice(t, dim, start, {}));
  return out;
}

TensorVector tensor_split(const Tensor& t, const Tensor& indices, int64_t dim) {
  RL_CHECK(indices.dtype() == DType::Int64,
           "tensor_split expected tensor_indices_or_sections to have dtype of long, but got ",
           info(indices.dtype()).message_name);
  RL_CHECK(indices.dim() <= 1,
           "tensor_split expected tensor_indices_or_sections to be a zero-dimensional or one-dimensional "
           "tensor, but got a ",
           "tensor with ", indices.dim(), " dims");
  if (indices.dim() == 0) return tensor_split(t, indices.item().to_int64(), dim);
  const Tensor dense = indices.contiguous();
  return tensor_split(t, DimsRef(dense.data<int64_t>(), dense.numel()), dim);
}

namespace {

int64_t split_dim(const char* name, const Tensor& t, int64_t least_rank) {
  RL_CHECK(t.dim() >= least_rank, "torch.", name, " requires a tensor with at least ", least_rank,
           " dimension, but got a tensor with ", t.dim(), " dimensions!");
  switch (least_rank) {
    case 1: return t.dim() == 1 ? 0 : 1;
    case 2: return 0;
    default: return 2;
  }
}

TensorVector split_evenly(const char* name, const Tensor& t, int64_t sections, int64_t least_rank) {
  const int64_t dim = split_dim(name, t, least_rank), size = t.sizes()[dim];
  RL_CHECK(sections != 0 && size % sections == 0, "torch.", name, " attempted to split along dimension ", dim,
           ", but the size of the dimension ", size, " is not divisible by the split_size ", sections, "!");
  return tensor_split(t, sections, dim);
}

}  // namespace

TensorVector hsplit(const Tensor& t, int64_t sections) { return split_evenly("hsplit", t, sections, 1); }
TensorVector hsplit(const Tensor& t, DimsRef indices) {
  return tensor_split(t, indices, split_dim("hsplit", t, 1));
}
TensorVector vsplit(const Tensor& t, int64_t sections) { return split_evenly("vsplit", t, sections, 2); }
TensorVector vsplit(const Tensor& t, DimsRef indices) {
  return tensor_split(t, indices, split_dim("vsplit", t, 2));
}
TensorVector dsplit(const Tensor& t, int64_t sections) { return split_evenly("dsplit", t, sections, 3); }
TensorVector dsplit(const Tensor& t, DimsRef indices) {
  return tensor_split(t, indices, split_dim("dsplit", t, 3));
}

TensorVector unbind(const Tensor& t, int64_t dim) {
  dim = wrap_dim(dim, t.dim(), false);
  std::vector<Part> parts;
  for (int64_t i = 0; i < t.sizes()[dim]; ++i) parts.push_back(select_part(t, dim, i));
  return make_views("UnbindBackward0", t, std::move(parts),
                    [sizes = t.sizes(), dim](Node&, const Gradients& grads) {
                      return Gradients{stack(fill_in(grads, sizes, dim, Dims(sizes[dim], -1)), dim)};
                    });
}

}  // namespace rushlight

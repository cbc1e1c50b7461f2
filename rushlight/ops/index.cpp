// Indexing: by brackets, and by tensors of indices along one or several dimensions.
#include <algorithm>

#include "rushlight/kernels/cpu/index.h"
#include "rushlight/core/warning.h"
#include "rushlight/ops/indexing.h"
#include "rushlight/ops/pointwise.h"
#include "rushlight/ops/write.h"

namespace rushlight {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;

namespace {

// The offsets of all elements of some dimensions, with the longest evenly spaced tail split off as a run.
struct Walk {
  std::vector<int64_t> offsets{0};
  int64_t run = 1, run_stride = 1;
};

Walk walk(const Tensor& t, int64_t first, int64_t last, bool with_run) {
  Walk w;
  int64_t d = last;
  if (with_run) {
    bool started = false;
    for (; d > first; --d) {
      const int64_t n = t.sizes()[d - 1], s = t.strides()[d - 1];
      if (n == 1) continue;
      if (started && s != w.run * w.run_stride) break;
      if (!started) w.run_stride = s;
      started = true;
      w.run *= n;
    }
  }
  for (int64_t k = first; k < d; ++k) {
    std::vector<int64_t> longer;
    longer.reserve(w.offsets.size() * t.sizes()[k]);
    for (int64_t o : w.offsets)
      for (int64_t i = 0; i < t.sizes()[k]; ++i) longer.push_back(o + i * t.strides()[k]);
    w.offsets = std::move(longer);
  }
  return w;
}

// The dimensions [first, last) of a tensor replaced by one list of places.
class Indexed {
 public:
  Indexed(const Tensor& t, int64_t first, int64_t last, Tensor offsets)
      : outer_(walk(t, 0, first, false)), inner_(walk(t, last, t.dim(), true)), index_(std::move(offsets)) {}
  cpu::Places places() const {
    return {outer_.offsets.data(),
            static_cast<int64_t>(outer_.offsets.size()),
            index_.data<int64_t>(),
            index_.numel(),
            inner_.offsets.data(),
            static_cast<int64_t>(inner_.offsets.size()),
            inner_.run,
            inner_.run_stride};
  }

 private:
  Walk outer_, inner_;
  Tensor index_;  // int64
};

enum class Bounds { Index, Select, Add, Copy };

// One vector of indices into dimension `dim` as offsets.
Tensor offsets_along(const Tensor& t, int64_t dim, const Tensor& index, Bounds bounds) {
  const Tensor dense = index.to(DType::Int64).contiguous();
  const int64_t size = t.dim() ? t.sizes()[dim] : 1, n = dense.numel();
  Tensor offsets = zeros(n, DType::Int64);
  const int64_t bad = cpu::add_offsets(dense.data<int64_t>(), n, size, t.dim() ? t.strides()[dim] : 0,
                                       bounds == Bounds::Index, offsets.data<int64_t>());
  if (bad >= 0) {
    const int64_t value = dense.data<int64_t>()[bad];
    const std::string text =
        concat("index ", value, " is out of bounds for dimension ", dim, " with size ", size);
    switch (bounds) {
      case Bounds::Index: throw_error<IndexError>(text);
      case Bounds::Select: throw_error<IndexError>("index out of range in self");
      case Bounds::Add: throw_error<RuntimeError>(text);
      case Bounds::Copy: throw_error<IndexError>("index_copy_(): ", text);
    }
  }
  return offsets;
}

Indexed indexed_along(const Tensor& t, int64_t dim, const Tensor& index, Bounds bounds) {
  if (t.dim() == 0) return Indexed(t, 0, 0, offsets_along(t, 0, index, bounds));
  return Indexed(t, dim, dim + 1, offsets_along(t, dim, index, bounds));
}

bool is_index_dtype(DType t) { return t == DType::Int64 || t == DType::Int32; }

}  // namespace

// ---- index_select, index_add, index_copy, index_fill

Tensor index_select(const Tensor& input, int64_t dim, const Tensor& index) {
  dim = wrap_dim(dim, input.dim());
  RL_CHECK_AS(IndexError, index.dim() <= 1, "index_select(): Index is supposed to be a vector");
  RL_CHECK(is_index_dtype(index.dtype()), "index_select(): Expected dtype int32 or int64 for index");
  RL_CHECK(input.dim() > 0 || index.numel() == 1,
           "index_select(): Index to scalar can have only 1 value, got ", index.numel(), " value(s)");
  RL_CHECK(input.dim() == 0 || index.numel() == 0 || input.sizes()[dim] > 0,
           "index_select(): self indexing axis dim should be positive");
  Dims sizes = input.sizes();
  if (input.dim()) sizes[dim] = index.numel();
  Tensor out = make_tensor(sizes, input.dtype(), input.device());
  const Indexed where = indexed_along(input, dim, index, Bounds::Select);
  if (out.numel()) cpu::gather_places(input.item_size(), where.places(), input.raw_data(), out.raw_data());
  if (!tracks(input)) return out;
  return Record("IndexSelectBackward0", {input})
      .save(index)
      .rule(out, [sizes = input.sizes(), dim](Node& n, const Tensor& g) -> Tensor {
        return zeros(sizes, g.dtype(), g.device()).index_add(dim, n.saved(0), g);
      });
}

namespace {

struct IndexAdd {
  int64_t dim;
  const Tensor& index;
  const Tensor& source;
  const Scalar& alpha;

  void check(const Tensor& self) const {
    RL_CHECK_AS(IndexError, index.dim() <= 1,
                "index_add_(): Index is supposed to be a vector, but got dim: ", index.dim(),
                " with type: ", info(index.dtype()).message_name, " and size: ", to_string(index.sizes()));
    RL_CHECK(is_index_dtype(index.dtype()), "index_add_(): Expected dtype int32/int64 for index but got: ",
             info(index.dtype()).message_name);
    RL_CHECK(self.dtype() == source.dtype(), "index_add_(): self (", info(self.dtype()).message_name,
             ") and source (", info(source.dtype()).message_name, ") must have the same scalar type");
    RL_CHECK(source.dim() == 0 || dim < source.dim(), "index_add_(): Indexing dim ", dim,
             " is out of bounds of the source tensor with dim ", source.dim());
    const int64_t count = source.dim() ? source.sizes()[dim] : 1;
    RL_CHECK(index.numel() == count, "index_add_(): Number of indices (", index.numel(),
             ") should be equal to source.size(dim): (", count, "), for dim: ", dim);
    bool fits = self.dim() == source.dim();
    for (int64_t d = 0; fits && d < self.dim(); ++d) fits = d == dim || self.sizes()[d] == source.sizes()[d];
    RL_CHECK(fits,
             "source tensor shape must match self tensor shape, excluding the specified dimension. Got "
             "self.shape = ",
             to_string(self.sizes()), " source.shape = ", to_string(source.sizes()));
  }
  void write(const Tensor& target) const {
    const Indexed where = indexed_along(target, dim, index, Bounds::Add);
    Tensor values = source.contiguous();
    if (!alpha.equals(1)) values = values * make_tensor({}, values.dtype()).fill_(alpha);
    if (values.storage() == target.storage()) values = values.clone();
    if (values.numel())
      cpu::add_places(target.dtype(), where.places(), target.raw_data(), values.raw_data(), false);
  }
  void save(Record& record) const { record.save(index); }
  auto rule() const {
    return [dim = dim, alpha = alpha](Node& n, const Gradients& grads) {
      Gradients out;
      out.resize(2);
      if (n.needs(0)) out[0] = grads[0];
      if (n.needs(1)) {
        const Tensor part = grads[0].index_select(dim, n.saved(0));
        out[1] = alpha.equals(1) ? part : part * alpha;
      }
      return out;
    };
  }
};

struct IndexCopy {
  int64_t dim;
  const Tensor& index;
  const Tensor& source;

  void check(const Tensor& self) const {
    RL_CHECK_AS(IndexError, index.dim() <= 1, "index_copy_(): Index should have dimension 1 or 0 (got ",
                index.dim(), ")");
    RL_CHECK_AS(IndexError, !(source.dim() == 0 && index.numel() != 1),
                "index_copy_(): When source is scalar, index should have one element (got ", index.numel(),
                ")");
    RL_CHECK_AS(IndexError, self.dim() == source.dim() || self.dim() == 0 || source.dim() == 0,
                "index_copy_(): When source and destination are not scalars, their dimensionality must "
                "match. Source dimensionality (",
                source.dim(), "), destination dimensionality (", self.dim(), ")");
    RL_CHECK(index.dtype() == DType::Int64, "index_copy_(): Expected a long tensor for index, but got ",
             info(index.dtype()).message_name);
    RL_CHECK(self.dtype() == source.dtype(),
             "index_copy_(): self and source expected to have the same dtype, but got (self) ",
             info(self.dtype()).message_name, " and (source) ", info(source.dtype()).message_name);
    if (self.dim() && source.dim()) {
      Dims a = self.sizes(), b = source.sizes();
      a.erase(dim);
      b.erase(dim);
      RL_CHECK(
          a == b,
          "index_copy_(): Source/destination tensor must have same slice shapes. Destination slice shape: ",
          shape_text(a), " at dimension ", dim, " and source slice shape: ", shape_text(b),
          " at dimension 0.");
    }
    const int64_t count = source.dim() ? source.sizes()[dim] : 1;
    RL_CHECK_AS(IndexError, source.dim() == 0 || index.numel() == count, "index_copy_(): Number of indices (",
                index.numel(), ") should be equal to source.size(dim) (", count, ")");
  }
  static std::string shape_text(const Dims& sizes) {
    std::string out;
    for (int64_t s : sizes) out += (out.empty() ? "" : " ") + std::to_string(s);
    return out;
  }
  void write(const Tensor& target) const {
    const Indexed where = indexed_along(target, dim, index, Bounds::Copy);
    Tensor values = source.contiguous();
    if (values.storage() == target.storage()) values = values.clone();
    if (values.numel())
      cpu::scatter_places(target.item_size(), where.places(), target.raw_data(), values.raw_data(), false);
  }
  void save(Record& record) const { record.save(index); }
  auto rule() const {
    return [dim = dim, sizes = source.sizes()](Node& n, const Gradients& grads) {
      Gradients out;
      out.resize(2);
      const Tensor index = n.saved(0);
      if (n.needs(0)) out[0] = grads[0].index_fill(dim, index, 0);
      if (n.needs(1)) out[1] = grads[0].index_select(dim, index).reshape(sizes);
      return out;
    };
  }
};

struct IndexFill {
  int64_t dim;
  const Tensor& index;
  const Operand& value;

  void check(const Tensor& self) const {
    RL_CHECK(!value.is_tensor() || value.tensor().dim() == 0,
             "index_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
             value.is_tensor() ? value.tensor().dim() : 0, " dimension(s).");
    RL_CHECK_AS(IndexError, index.dtype() == DType::Int64, "index_fill_(): Expected dtype int64 for index.");
    RL_CHECK(index.dim() <= 1, "Index has to be a vector/scalar");
    const bool from_complex =
        value.is_tensor() ? is_complex(value.tensor().dtype()) : value.scalar().is_complex();
    RL_CHECK(is_complex(self.dtype()) || !from_complex,
             "index_fill_(): Converting complex Scalar to non-complex type is not supported");
  }
  void write(const Tensor& target) const {
    const Indexed where = indexed_along(target, dim, index, Bounds::Index);
    const Tensor cell = make_tensor({}, target.dtype()).fill_(value);
    if (target.numel() && index.numel())
      cpu::scatter_places(target.item_size(), where.places(), target.raw_data(), cell.raw_data(), true);
  }
  void save(Record& record) const { record.save(index); }
  auto rule() const {
    return [dim = dim](Node& n, const Gradients& grads) {
      Gradients out;
      out.resize(2);
      const Tensor index = n.saved(0);
      if (n.needs(0)) out[0] = grads[0].index_fill(dim, index, 0);
      if (n.needs(1)) out[1] = grads[0].index_select(dim, index).sum();
      return out;
    };
  }
};

const Tensor& tensor_or_none(const Operand& o) {
  static const Tensor none;
  return o.is_tensor() ? o.tensor() : none;
}

}  // namespace

Tensor index_add(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& source,
                 const Scalar& alpha) {
  return changed("IndexAddBackward0", input, source,
                 IndexAdd{wrap_dim(dim, input.dim()), index, source, alpha});
}
const Tensor& index_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source,
                         const Scalar& alpha) {
  return change_in_place("IndexAddBackward0", self, source,
                         IndexAdd{wrap_dim(dim, self.dim()), index, source, alpha});
}
Tensor index_copy(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& source) {
  return changed("IndexCopyBackward0", input, source, IndexCopy{wrap_dim(dim, input.dim()), index, source});
}
const Tensor& index_copy_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& source) {
  return change_in_place("IndexCopyBackward0", self, source,
                         IndexCopy{wrap_dim(dim, self.dim()), index, source});
}
Tensor index_fill(const Tensor& input, int64_t dim, const Tensor& index, const Operand& value) {
  return changed(value.is_tensor() ? "IndexFillBackward1" : "IndexFillBackward0", input,
                 tensor_or_none(value), IndexFill{wrap_dim(dim, input.dim()), index, value});
}
const Tensor& index_fill_(const Tensor& self, int64_t dim, const Tensor& index, const Operand& value) {
  return change_in_place(value.is_tensor() ? "IndexFillBackward1" : "IndexFillBackward0", self,
                         tensor_or_none(value), IndexFill{wrap_dim(dim, self.dim()), index, value});
}

// ---- tensors of indices for several dimensions

namespace {

bool is_mask(const Tensor& t) { return t.dtype() == DType::Bool || t.dtype() == DType::UInt8; }

// Masks become the coordinates of their true elements; the list gets as long as the rank, undefined meaning
// all.
TensorVector expand_masks(const Tensor& self, TensorList indices) {
  TensorVector out;
  for (const Tensor& t : indices) {
    if (!t.defined()) {
      out.emplace_back();
    } else if (is_mask(t)) {
      if (t.dtype() == DType::UInt8)
        warn("indexing with dtype torch.uint8 is now deprecated, please use a dtype torch.bool instead.");
      const int64_t at = static_cast<int64_t>(out.size());
      for (int64_t d = 0; d < t.dim(); ++d) {
        RL_CHECK_AS(IndexError, at + d < self.dim(), "too many indices for tensor of dimension ", self.dim());
        RL_CHECK_AS(IndexError, t.sizes()[d] == self.sizes()[at + d], "The shape of the mask ",
                    to_string(t.sizes()), " at index ", d, " does not match the shape of the indexed tensor ",
                    to_string(self.sizes()), " at index ", at + d);
      }
      for (Tensor& coordinate : where(t)) out.push_back(std::move(coordinate));
    } else {
      RL_CHECK_AS(IndexError, is_index_dtype(t.dtype()),
                  "tensors used as indices must be long, int, byte or bool tensors");
      out.push_back(t);
    }
  }
  RL_CHECK_AS(IndexError, static_cast<int64_t>(out.size()) <= self.dim(),
              "too many indices for tensor of dimension ", self.dim(), " (got ", out.size(), ")");
  out.resize(self.dim());
  return out;
}

// Indexed dimensions brought together: in place when they are neighbours, else to the front.
struct AdvancedIndex {
  Tensor source;        // self, perhaps permuted
  int64_t first, last;  // its indexed dimensions
  Dims shape;           // of the broadcast indices
  Tensor offsets;       // int64, one for each place of `shape`
  Dims result;          // sizes of what indexing gives

  AdvancedIndex(const Tensor& self, TensorList indices) {
    const TensorVector list = expand_masks(self, indices);
    Dims indexed, rest;
    for (int64_t d = 0; d < self.dim(); ++d) (list[d].defined() ? indexed : rest).push_back(d);
    const bool adjacent = indexed.empty() || indexed.back() - indexed[0] + 1 == indexed.size();
    Dims order;
    if (adjacent) {
      for (int64_t d = 0; d < self.dim(); ++d) order.push_back(d);
      first = indexed.empty() ? 0 : indexed[0];
      source = self.detach();
    } else {
      order = indexed;
      for (int64_t d : rest) order.push_back(d);
      first = 0;
      autograd::NoGrad guard;
      source = self.permute(order);
    }
    last = first + indexed.size();
    broadcast(list, indexed);
    make_offsets(list, indexed, self);
    for (int64_t d = 0; d < first; ++d) result.push_back(source.sizes()[d]);
    for (int64_t s : shape) result.push_back(s);
    for (int64_t d = last; d < source.dim(); ++d) result.push_back(source.sizes()[d]);
  }

  Indexed places() const { return Indexed(source, first, last, offsets); }

 private:
  void broadcast(const TensorVector& list, const Dims& indexed) {
    try {
      for (int64_t d : indexed) shape = broadcast_shapes(shape, list[d].sizes());
    } catch (const Error&) {
      std::string shapes;
      for (int64_t d : indexed) shapes += (shapes.empty() ? "" : ", ") + to_string(list[d].sizes());
      throw_error<IndexError>("shape mismatch: indexing tensors could not be broadcast together with shapes ",
                              shapes);
    }
  }
  void make_offsets(const TensorVector& list, const Dims& indexed, const Tensor& self) {
    const int64_t n = numel_of(shape);
    offsets = zeros(n, DType::Int64);
    for (int64_t d : indexed) {
      const Tensor dense = list[d].detach().to(DType::Int64).expand(shape).contiguous();
      const int64_t size = self.sizes()[d];
      RL_CHECK_AS(IndexError, size > 0 || n == 0, "index is out of bounds for dimension with size 0");
      const int64_t bad =
          cpu::add_offsets(dense.data<int64_t>(), n, size, self.strides()[d], true, offsets.data<int64_t>());
      RL_CHECK_AS(IndexError, bad < 0, "index ", dense.data<int64_t>()[bad],
                  " is out of bounds for dimension ", d, " with size ", size);
    }
  }
};

TensorVector saved_indices(Node& n) {
  TensorVector indices;
  for (size_t i = 0; i < n.num_saved(); ++i) indices.push_back(n.saved(i));
  return indices;
}

struct IndexPut {
  TensorList indices;
  const Tensor& values;
  bool accumulate;

  void check(const Tensor& self) const {
    RL_CHECK(self.dtype() == values.dtype(),
             "Index put requires the source and destination dtypes match, got ",
             info(self.dtype()).message_name, " for the destination and ", info(values.dtype()).message_name,
             " for the source.");
  }
  void write(const Tensor& target) const {
    const AdvancedIndex where(target, indices);
    bool fits = values.dim() <= where.result.size();
    for (int64_t d = 0; fits && d < values.dim(); ++d) {
      const int64_t have = values.sizes()[d], want = where.result[where.result.size() - values.dim() + d];
      fits = have == want || have == 1;
    }
    RL_CHECK(fits, "shape mismatch: value tensor of shape ", to_string(values.sizes()),
             " cannot be broadcast to indexing result of shape ", to_string(where.result));
    if (numel_of(where.result) == 0) return;
    const bool one = values.numel() == 1;
    Tensor dense = one ? values.detach() : values.detach().expand(where.result).contiguous();
    if (dense.storage() == target.storage()) dense = dense.clone();
    const Indexed places = where.places();
    if (accumulate)
      cpu::add_places(target.dtype(), places.places(), where.source.raw_data(), dense.raw_data(), one);
    else
      cpu::scatter_places(target.item_size(), places.places(), where.source.raw_data(), dense.raw_data(),
                          one);
  }
  void save(Record& record) const {
    for (const Tensor& t : indices) record.save(t);
  }
  auto rule() const {
    return [accumulate = accumulate](Node& n, const Gradients& grads) {
      const TensorVector list = saved_indices(n);
      Gradients out;
      out.resize(2);
      if (n.needs(0))
        out[0] =
            accumulate ? grads[0] : index_put_tensors(grads[0], list, zeros({}, grads[0].dtype()), false);
      if (n.needs(1)) out[1] = index_tensors(grads[0], list);
      return out;
    };
  }
};

}  // namespace

Tensor index_tensors(const Tensor& self, TensorList indices) {
  const AdvancedIndex where(self, indices);
  Tensor out = make_tensor(where.result, self.dtype(), self.device());
  if (out.numel()) {
    const Indexed places = where.places();
    cpu::gather_places(self.item_size(), places.places(), where.source.raw_data(), out.raw_data());
  }
  if (!tracks(self)) return out;
  Record record("IndexBackward0", {self});
  for (const Tensor& t : indices) record.save(t);
  return record.rule(out, [sizes = self.sizes()](Node& n, const Tensor& g) -> Tensor {
    return index_put_tensors(zeros(sizes, g.dtype(), g.device()), saved_indices(n), g, true);
  });
}

Tensor index_put_tensors(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate) {
  return changed("IndexPutBackward0", self, values, IndexPut{indices, values, accumulate});
}
const Tensor& index_put_tensors_(const Tensor& self, TensorList indices, const Tensor& values,
                                 bool accumulate) {
  return change_in_place("IndexPutBackward0", self, values, IndexPut{indices, values, accumulate});
}
Tensor index_put(const Tensor& input, TensorList indices, const Tensor& values, bool accumulate) {
  return index_put_tensors(input, indices, values, accumulate);
}
const Tensor& index_put_(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate) {
  return index_put_tensors_(self, indices, values, accumulate);
}

// ---- brackets

namespace {

// What is left of a bracket expression after its integers, slices and new axes are applied as views.
struct Sliced {
  Tensor view;
  TensorVector tensors;  // for the dimensions of the view, undefined where all is meant
  bool has_tensors = false;
};

int64_t dims_taken(const Index& i) {
  switch (i.kind()) {
    case Index::Kind::Integer:
    case Index::Kind::Slice: return 1;
    case Index::Kind::Tensor: return is_mask(i.tensor()) ? i.tensor().dim() : 1;
    default: return 0;
  }
}

class Slicer {
 public:
  explicit Slicer(const Tensor& self) { out_.view = self; }

  Sliced apply(std::span<const Index> indices) {
    const int64_t rank = out_.view.dim();
    int64_t taken = 0;
    for (const Index& i : indices) taken += dims_taken(i);
    RL_CHECK_AS(IndexError, !(rank == 0 && indices.size() == 1 && indices[0].kind() == Index::Kind::Integer),
                "invalid index of a 0-dim tensor. Use `tensor.item()` in Python or `tensor.item<T>()` in C++ "
                "to convert a 0-dim tensor to a number");
    RL_CHECK_AS(IndexError, !(rank == 0 && indices.size() == 1 && indices[0].kind() == Index::Kind::Slice),
                "slice() cannot be applied to a 0-dim tensor.");
    RL_CHECK_AS(IndexError, taken <= rank, "too many indices for tensor of dimension ", rank);
    for (size_t position = 0; position < indices.size(); ++position)
      one(indices[position], rank - taken, static_cast<int64_t>(position));
    return std::move(out_);
  }

 private:
  void one(const Index& i, int64_t left, int64_t position) {
    switch (i.kind()) {
      case Index::Kind::None: out_.view = out_.view.unsqueeze(dim_++); return;
      case Index::Kind::Ellipsis: dim_ += left; return;
      case Index::Kind::Integer: return integer(i.integer(), position);
      case Index::Kind::Slice: return range(i.slice());
      case Index::Kind::Bool: return truth(i.boolean());
      case Index::Kind::Tensor: return tensor(i.tensor(), position);
    }
  }
  void integer(int64_t i, int64_t position) {
    const int64_t size = out_.view.sizes()[dim_];
    RL_CHECK_AS(IndexError, i >= -size && i < size, "index ", i, " is out of bounds for dimension ", position,
                " with size ", size);
    out_.view = out_.view.select(dim_, i);
  }
  void range(const Slice& s) {
    const int64_t step = s.step.value_or(1);
    RL_CHECK_AS(ValueError, step != 0, "slice step cannot be zero");
    RL_CHECK_AS(ValueError, step > 0, "step must be greater than zero");
    out_.view = slice(out_.view, dim_++, s.start, s.stop, step);
  }
  void truth(bool b) {
    out_.view = out_.view.unsqueeze(dim_);
    put(dim_++, zeros(b ? 1 : 0, DType::Int64));
  }
  void tensor(const Tensor& t, int64_t position) {
    if (t.dim() == 0 && is_mask(t)) return truth(t.item().to_bool());
    if (t.dim() == 0 && is_integral(t.dtype(), false)) return integer(t.item().to_int64(), position);
    put(dim_, t);
    dim_ += is_mask(t) ? t.dim() : 1;
  }
  // A mask stands at its first dimension; the others that it covers have no entry of their own in the list.
  void put(int64_t dim, const Tensor& t) {
    while (covered_ < dim) {
      out_.tensors.emplace_back();
      ++covered_;
    }
    out_.tensors.push_back(t);
    covered_ = dim + (is_mask(t) ? t.dim() : 1);
    out_.has_tensors = true;
  }

  Sliced out_;
  int64_t dim_ = 0, covered_ = 0;
};

Sliced apply_slices(const Tensor& self, std::span<const Index> indices) {
  return Slicer(self).apply(indices);
}

// Leading dimensions of size one do not count when values are assigned.
Tensor without_leading_ones(const Tensor& t, int64_t rank) {
  int64_t drop = 0;
  while (drop < t.dim() && t.dim() - drop > rank && t.sizes()[drop] == 1) ++drop;
  if (drop == 0) return t;
  return t.reshape(DimsRef(t.sizes().data() + drop, t.dim() - drop));
}

}  // namespace

Tensor index(const Tensor& self, std::span<const Index> indices) {
  Sliced s = apply_slices(self, indices);
  if (s.has_tensors) return index_tensors(s.view, s.tensors);
  if (!s.view.is_same(self)) return s.view;
  return self.as_strided(self.sizes(), self.strides(), self.storage_offset());
}

void index_put_(const Tensor& self, std::span<const Index> indices, const Operand& value, bool accumulate) {
  const Sliced s = apply_slices(self, indices);
  if (s.has_tensors) {
    const Tensor values = value.is_tensor() ? value.tensor() : make_tensor({}, self.dtype()).fill_(value);
    index_put_tensors_(s.view, s.tensors, without_leading_ones(values, -1), accumulate);
  } else if (accumulate) {
    s.view.add_(value);
  } else if (!value.is_tensor()) {
    s.view.fill_(value);
  } else {
    const Tensor& v = value.tensor();
    s.view.copy_(without_leading_ones(v, s.view.dim()).expand(s.view.sizes()));
  }
}

Tensor Tensor::index(std::initializer_list<Index> indices) const {
  return rushlight::index(*this, std::span<const Index>(indices.begin(), indices.size()));
}
const Tensor& Tensor::index_put_(std::initializer_list<Index> indices, const Operand& value,
                                 bool accumulate) const {
  rushlight::index_put_(*this, std::span<const Index>(indices.begin(), indices.size()), value, accumulate);
  return *this;
}
const Tensor& Tensor::index_put_(std::initializer_list<Tensor> indices, const Tensor& values,
                                 bool accumulate) const {
  const std::vector<Index> list(indices.begin(), indices.end());
  rushlight::index_put_(*this, std::span<const Index>(list), values, accumulate);
  return *this;
}

}  // namespace rushlight

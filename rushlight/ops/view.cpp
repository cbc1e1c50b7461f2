// Views of all elements: the same storage under other sizes and strides. Parts of tensors are in
// view_parts.cpp.
#include "rushlight/ops/view.h"

#include <algorithm>

#include "rushlight/core/warning.h"
#include "rushlight/ops/memory.h"
#include "rushlight/ops/ops.h"

namespace rushlight {

using autograd::Node;

namespace {

// The smallest offset, and how many places beyond it the two geometries together reach.
struct Extent {
  int64_t low, count;
};

struct AsStridedRule {
  Dims size, stride;
  int64_t offset;
  Dims in_size, in_stride;
  int64_t in_offset;

  Extent extent() const {
    const int64_t low = std::min(in_offset, offset);
    auto last = [](const Dims& sizes, const Dims& strides, int64_t first) {
      for (int64_t i = 0; i < sizes.size(); ++i) first += std::max<int64_t>(sizes[i] - 1, 0) * strides[i];
      return first;
    };
    return {low, std::max(last(in_size, in_stride, in_offset), last(size, stride, offset)) - low + 1};
  }

  // Each element's gradient goes to its place in a flat buffer, adding up where the view shows a place
  // several times; the input's geometry then reads it. An input that itself shows a place several times
  // shares its gradient out among them.
  Tensor operator()(Node&, const Tensor& g) const {
    if (g.numel() == 0) return zeros(in_size, g.dtype());  // an empty view may begin anywhere
    const Extent e = extent();
    Tensor places = arange(e.count).as_strided(size, stride, offset - e.low).reshape(-1);
    Tensor flat = zeros(e.count, g.dtype()).index_add(0, places, g.reshape(-1));
    if (!repeats(in_size, in_stride)) return flat.as_strided(in_size, in_stride, in_offset - e.low);
    Tensor in_places = arange(e.count).as_strided(in_size, in_stride, in_offset - e.low).reshape(-1);
    Tensor uses = zeros(e.count, g.dtype()).index_add(0, in_places, ones_like(in_places, g.dtype()));
    return (flat / uses.clamp_min(1)).as_strided(in_size, in_stride, in_offset - e.low);
  }

  static bool repeats(const Dims& sizes, const Dims& strides) {
    for (int64_t i = 0; i < sizes.size(); ++i)
      if (sizes[i] > 1 && strides[i] == 0) return true;
    return false;
  }
};

struct ReshapeRule {
  Dims sizes;
  Tensor operator()(Node&, const Tensor& g) const { return g.reshape(sizes); }
};

Tensor pass_on(Node&, const Tensor& g) { return g; }

}  // namespace

Tensor make_reinterpreted(const Tensor& base, DType dtype, Dims sizes, Dims strides, int64_t offset) {
  Tensor out(make_ref<TensorImpl>(base.storage(), std::move(sizes), std::move(strides), offset, dtype,
                                  base.device()));
  out.impl()->own_version = base.impl()->own_version;
  out.impl()->inference = base.impl()->inference;
  return out;
}

Tensor as_strided(const Tensor& input, DimsRef size, DimsRef stride, OptInt storage_offset) {
  RL_CHECK(size.size() == stride.size(), "mismatch in length of strides and shape");
  for (int64_t i = 0; i < size.size(); ++i) {
    RL_CHECK(size[i] >= 0, "Trying to create tensor with negative dimension ", size[i], ": ",
             to_string(size));
    RL_CHECK(stride[i] >= 0, "as_strided: Negative strides are not supported at the moment, got strides: ",
             to_string(stride));
  }
  const int64_t offset = storage_offset.value_or(input.storage_offset());
  RL_CHECK(offset >= 0, "Tensor: invalid storage offset ", offset);
  check_in_bounds(input, size, stride, offset);
  return make_view("AsStridedBackward0", input, size.copy(), stride.copy(), offset,
                   AsStridedRule{size.copy(), stride.copy(), offset, input.sizes(), input.strides(),
                                 input.storage_offset()});
}

Tensor view(const Tensor& self, DimsRef size) {
  Dims sizes = infer_size(size, self.numel());
  Dims strides;
  RL_CHECK(view_strides(self.sizes(), self.strides(), sizes, &strides),
           "view size is not compatible with input tensor's size and stride (at least one dimension spans "
           "across two contiguous "
           "subspaces). Use .reshape(...) instead.");
  return make_view("ViewBackward0", self, std::move(sizes), std::move(strides), self.storage_offset(),
                   ReshapeRule{self.sizes()});
}

Tensor view(const Tensor& self, DType dtype) {
  if (dtype == self.dtype())
    return make_view("AliasBackward0", self, self.sizes(), self.strides(), self.storage_offset(), pass_on);
  const int64_t from = self.item_size(), to = item_size(dtype);
  Dims sizes = self.sizes(), strides = self.strides();
  int64_t offset = self.storage_offset();
  if (from != to) {
    const std::string what = concat(info(self.dtype()).message_name, " as ", info(dtype).message_name,
                                    " (different element sizes)");
    RL_CHECK(self.dim() > 0, "self.dim() cannot be 0 to view ", what);
    RL_CHECK(strides.back() == 1, "self.stride(-1) must be 1 to view ", what, ", but got ", strides.back());
    if (from > to) {
      const int64_t ratio = from / to;
      for (int64_t d = 0; d + 1 < sizes.size(); ++d) strides[d] *= ratio;
      sizes.back() *= ratio;
      offset *= ratio;
    } else {
      const int64_t ratio = to / from;
      RL_CHECK(sizes.back() % ratio == 0, "self.size(-1) must be divisible by ", ratio, " to view ", what,
               ", but got ", sizes.back());
      RL_CHECK(offset % ratio == 0, "self.storage_offset() must be divisible by ", ratio, " to view ", what,
               ", but got ", offset);
      for (int64_t d = 0; d + 1 < sizes.size(); ++d) {
        RL_CHECK(strides[d] % ratio == 0, "self.stride(", d, ") must be divisible by ", ratio, " to view ",
                 what, ", but got ", strides[d]);
        strides[d] /= ratio;
      }
      sizes.back() /= ratio;
      offset /= ratio;
    }
  }
  return make_reinterpreted(self, dtype, std::move(sizes), std::move(strides), offset);
}

Tensor view_as(const Tensor& self, const Tensor& other) { return view(self, other.sizes()); }

Tensor reshape(const Tensor& input, DimsRef shape) {
  Dims sizes = infer_size(shape, input.numel());
  Dims strides;
  if (view_strides(input.sizes(), input.strides(), sizes, &strides)) {
    return make_view(input.is_contiguous() ? "ViewBackward0" : "ReshapeAliasBackward0", input,
                     std::move(sizes), std::move(strides), input.storage_offset(),
                     ReshapeRule{input.sizes()});
  }
  Tensor copied = clone(input, MemoryFormat::Contiguous);
  Tensor out = make_alias(copied, sizes, contiguous_strides(sizes), 0);
  if (!autograd::tracks(copied)) return out;
  return autograd::Record("UnsafeViewBackward0", {copied}).rule(out, ReshapeRule{copied.sizes()});
}

Tensor reshape_as(const Tensor& self, const Tensor& other) { return reshape(self, other.sizes()); }

Tensor flatten(const Tensor& input, int64_t start_dim, int64_t end_dim) {
  start_dim = wrap_dim(start_dim, input.dim());
  end_dim = wrap_dim(end_dim, input.dim());
  RL_CHECK(start_dim <= end_dim, "flatten() has invalid args: start_dim cannot come after end_dim");
  if (input.dim() == 0) return reshape(input, 1);
  if (start_dim == end_dim) return input;
  Dims sizes;
  int64_t merged = 1;
  for (int64_t d = 0; d < input.dim(); ++d) {
    if (d < start_dim || d > end_dim) sizes.push_back(input.sizes()[d]);
    else merged *= input.sizes()[d];
    if (d == end_dim) sizes.push_back(merged);
  }
  return reshape(input, sizes);
}

Tensor unflatten(const Tensor& input, int64_t dim, DimsRef sizes) {
  dim = wrap_dim(dim, input.dim());
  RL_CHECK(!sizes.empty(), "unflatten: sizes must be non-empty");
  const int64_t size = input.dim() ? input.sizes()[dim] : 1;
  int64_t known = 1, inferred = 0;
  bool fits = true;
  for (int64_t s : sizes) {
    if (s == -1) ++inferred;
    else fits &= s >= 0 && !__builtin_mul_overflow(known, s, &known);
  }
  RL_CHECK(inferred <= 1, "unflatten got an unexpected error:\nonly one dimension can be inferred");
  RL_CHECK(fits && (inferred ? known > 0 && size % known == 0 : known == size), "unflatten: Provided sizes ",
           to_string(sizes), " don't multiply up to the size of dim ", dim, " (", size,
           ") in the input tensor");
  Dims shape = input.sizes();
  if (input.dim()) shape.erase(dim);
  for (int64_t i = 0; i < sizes.size(); ++i) shape.insert(dim + i, sizes[i] == -1 ? size / known : sizes[i]);
  return view(input, shape);
}

Tensor ravel(const Tensor& input) { return reshape(contiguous(input), -1); }

Tensor expand(const Tensor& self, DimsRef size, bool) {
  RL_CHECK(size.size() >= self.dim(), "expand(torch.", info(self.dtype()).message_name, "Tensor{",
           to_string(self.sizes()), "}, size=", to_string(size), "): the number of sizes provided (",
           size.size(), ") must be greater or equal to the number of dimensions in the tensor (", self.dim(),
           ")");
  const int64_t shift = size.size() - self.dim();
  Dims sizes(size.size()), strides(size.size());
  for (int64_t i = size.size() - 1; i >= 0; --i) {
    const int64_t have = i < shift ? 1 : self.sizes()[i - shift];
    int64_t want = size[i];
    if (want == -1) {
      RL_CHECK(i >= shift, "The expanded size of the tensor (", want,
               ") isn't allowed in a leading, non-existing dimension ", i);
      want = have;
    }
    RL_CHECK(want >= 0 && (have == want || have == 1), "The expanded size of the tensor (", want,
             ") must match the existing size (", have, ") at non-singleton dimension ", i,
             ".  Target sizes: ", to_string(size), ".  Tensor sizes: ", to_string(self.sizes()));
    sizes[i] = want;
    strides[i] = i < shift || (have == 1 && want != 1) ? 0 : self.strides()[i - shift];
  }
  return make_view("ExpandBackward0", self, std::move(sizes), std::move(strides), self.storage_offset(),
                   [sizes = self.sizes()](Node&, const Tensor& g) -> Tensor { return g.sum_to_size(sizes); });
}

Tensor expand_as(const Tensor& self, const Tensor& other) { return expand(self, other.sizes()); }
Tensor broadcast_to(const Tensor& input, DimsRef size) { return expand(input, size); }

TensorVector broadcast_tensors(TensorList tensors) {
  Dims sizes;
  for (const Tensor& t : tensors) sizes = broadcast_shapes(sizes, t.sizes());
  TensorVector out;
  for (const Tensor& t : tensors) out.push_back(t.sizes() == sizes ? t : expand(t, sizes));
  return out;
}

Tensor permute(const Tensor& input, DimsRef dims) {
  RL_CHECK(dims.size() == input.dim(),
           "permute(sparse_coo): number of dimensions in the tensor input does not match the length of the "
           "desired ",
           "ordering of dimensions i.e. input.dim() = ", input.dim(),
           " is not equal to len(dims) = ", dims.size());
  Dims order, sizes, strides, inverse(input.dim(), -1);
  for (int64_t i = 0; i < dims.size(); ++i) {
    const int64_t d = wrap_dim(dims[i], input.dim());
    RL_CHECK(inverse[d] < 0, "permute(): duplicate dims are not allowed.");
    inverse[d] = i;
    sizes.push_back(input.sizes()[d]);
    strides.push_back(input.strides()[d]);
  }
  return make_view("PermuteBackward0", input, std::move(sizes), std::move(strides), input.storage_offset(),
                   [inverse](Node&, const Tensor& g) -> Tensor { return g.permute(inverse); });
}

Tensor movedim(const Tensor& input, DimsRef source, DimsRef destination) {
  RL_CHECK(source.size() == destination.size(), "movedim: Invalid source or destination dims: source (",
           to_string(source), " dims) should contain the same number of dims as destination (",
           to_string(destination), " dims)");
  const int64_t rank = input.dim();
  Dims from, to;
  for (int64_t d : source) from.push_back(wrap_dim(d, rank));
  for (int64_t d : destination) to.push_back(wrap_dim(d, rank));
  auto repeats = [](const Dims& dims) {
    for (int64_t i = 0; i < dims.size(); ++i)
      if (std::count(dims.begin(), dims.end(), dims[i]) > 1) return true;
    return false;
  };
  RL_CHECK(!repeats(from), "movedim: repeated dim in `source` (", to_string(source), ")");
  RL_CHECK(!repeats(to), "movedim: repeated dim in `destination` (", to_string(destination), ")");
  if (rank == 0) return make_view("AliasBackward0", input, {}, {}, input.storage_offset(), pass_on);
  Dims order(rank, -1);
  for (int64_t i = 0; i < from.size(); ++i) order[to[i]] = from[i];
  int64_t next = 0;
  for (int64_t& d : order) {
    if (d >= 0) continue;
    while (std::count(from.begin(), from.end(), next)) ++next;
    d = next++;
  }
  return permute(input, order);
}
Tensor movedim(const Tensor& input, int64_t source, int64_t destination) {
  return movedim(input, DimsRef(source), DimsRef(destination));
}
Tensor moveaxis(const Tensor& input, int64_t source, int64_t destination) {
  return movedim(input, source, destination);
}
Tensor moveaxis(const Tensor& input, DimsRef source, DimsRef destination) {
  return movedim(input, source, destination);
}

Tensor swapaxes(const Tensor& input, int64_t axis0, int64_t axis1) { return transpose(input, axis0, axis1); }
Tensor swapdims(const Tensor& input, int64_t dim0, int64_t dim1) { return transpose(input, dim0, dim1); }

Tensor numpy_T(const Tensor& x) {
  static std::atomic_flag said;
  if (x.dim() != 2 && x.dim() != 0)
    warn_once(
        said,
        "The use of `x.T` on tensors of dimension other than 2 to reverse their shape is deprecated and it "
        "will throw an error in a future release. Consider `x.mT` to transpose batches of matrices or "
        "`x.permute(*torch.arange(x.ndim - 1, -1, -1))` to reverse the dimensions of a tensor.");
  Dims order;
  for (int64_t d = x.dim() - 1; d >= 0; --d) order.push_back(d);
  return permute(x, order);
}
Tensor mT(const Tensor& x) {
  if (x.dim() == 0) return permute(x, {});
  RL_CHECK(x.dim() >= 2, "tensor.mT is only supported on matrices or batches of matrices. Got ", x.dim(),
           "-D tensor.");
  return transpose(x, -2, -1);
}
Tensor mH(const Tensor& x) {
  if (x.dim() == 0) return conj(permute(x, {}));
  RL_CHECK(x.dim() >= 2, "tensor.mH is only supported on matrices or batches of matrices. Got ", x.dim(),
           "-D tensor.");
  return conj(transpose(x, -2, -1));
}
Tensor matrix_H(const Tensor& x) {
  RL_CHECK(x.dim() == 0 || x.dim() == 2, "tensor.H is only supported on matrices (2-D tensors). Got ",
           x.dim(), "-D tensor.", x.dim() > 2 ? " For batches of matrices, consider using tensor.mH" : "");
  return x.dim() ? mH(x) : conj(permute(x, {}));
}
Tensor adjoint(const Tensor& input) {
  RL_CHECK(input.dim() >= 2, "tensor.adjoint() is only supported on matrices or batches of matrices. Got ",
           input.dim(), "-D tensor.");
  return conj(transpose(input, -2, -1));
}

Tensor transpose(const Tensor& input, int64_t dim0, int64_t dim1) {
  dim0 = wrap_dim(dim0, input.dim());
  dim1 = wrap_dim(dim1, input.dim());
  Dims sizes = input.sizes(), strides = input.strides();
  if (input.dim() > 0) {
    std::swap(sizes[dim0], sizes[dim1]);
    std::swap(strides[dim0], strides[dim1]);
  }
  return make_view("TransposeBackward0", input, std::move(sizes), std::move(strides), input.storage_offset(),
                   [dim0, dim1](Node&, const Tensor& g) -> Tensor { return g.transpose(dim0, dim1); });
}

Tensor t(const Tensor& input) {
  RL_CHECK(input.dim() <= 2, "t() expects a tensor with <= 2 dimensions, but self is ", input.dim(), "D");
  Dims sizes = input.sizes(), strides = input.strides();
  std::reverse(sizes.begin(), sizes.end());
  std::reverse(strides.begin(), strides.end());
  return make_view("TBackward0", input, std::move(sizes), std::move(strides), input.storage_offset(),
                   [](Node&, const Tensor& g) -> Tensor { return g.t(); });
}

Tensor squeeze(const Tensor& input) {
  Dims sizes, strides;
  for (int64_t i = 0; i < input.dim(); ++i) {
    if (input.sizes()[i] == 1) continue;
    sizes.push_back(input.sizes()[i]);
    strides.push_back(input.strides()[i]);
  }
  return make_view("SqueezeBackward0", input, std::move(sizes), std::move(strides), input.storage_offset(),
                   ReshapeRule{input.sizes()});
}

Tensor squeeze(const Tensor& input, int64_t dim) {
  dim = wrap_dim(dim, input.dim());
  Dims sizes = input.sizes(), strides = input.strides();
  if (input.dim() > 0 && sizes[dim] == 1) {
    sizes.erase(dim);
    strides.erase(dim);
  }
  return make_view("SqueezeBackward1", input, std::move(sizes), std::move(strides), input.storage_offset(),
                   ReshapeRule{input.sizes()});
}

Tensor squeeze(const Tensor& input, DimsRef dim) {
  Dims chosen(std::max<int64_t>(input.dim(), 1));
  for (int64_t d : dim) {
    d = wrap_dim(d, input.dim());
    RL_CHECK(!chosen[d], "dim ", d, " appears multiple times in the list of dims");
    chosen[d] = 1;
  }
  Dims sizes, strides;
  for (int64_t d = 0; d < input.dim(); ++d) {
    if (chosen[d] && input.sizes()[d] == 1) continue;
    sizes.push_back(input.sizes()[d]);
    strides.push_back(input.strides()[d]);
  }
  return make_view("SqueezeBackward2", input, std::move(sizes), std::move(strides), input.storage_offset(),
                   ReshapeRule{input.sizes()});
}

Tensor unsqueeze(const Tensor& input, int64_t dim) {
  dim = wrap_dim(dim, input.dim() + 1);
  Dims sizes = input.sizes(), strides = input.strides();
  strides.insert(dim, dim < input.dim() ? sizes[dim] * strides[dim] : 1);
  sizes.insert(dim, 1);
  return make_view("UnsqueezeBackward0", input, std::move(sizes), std::move(strides), input.storage_offset(),
                   [dim](Node&, const Tensor& g) -> Tensor { return g.squeeze(dim); });
}

Tensor atleast_1d(const Tensor& input) { return input.dim() ? input : reshape(input, 1); }
Tensor atleast_2d(const Tensor& input) {
  return input.dim() == 0 ? reshape(input, {1, 1}) : input.dim() == 1 ? unsqueeze(input, 0) : input;
}
Tensor atleast_3d(const Tensor& input) {
  switch (input.dim()) {
    case 0: return reshape(input, {1, 1, 1});
    case 1: return unsqueeze(unsqueeze(input, 0), -1);
    case 2: return unsqueeze(input, -1);
    default: return input;
  }
}

namespace {
TensorVector each(TensorList tensors, Tensor (*f)(const Tensor&)) {
  TensorVector out;
  for (const Tensor& t : tensors) out.push_back(f(t));
  return out;
}
}  // namespace
TensorVector atleast_1d(TensorList tensors) { return each(tensors, atleast_1d); }
TensorVector atleast_2d(TensorList tensors) { return each(tensors, atleast_2d); }
TensorVector atleast_3d(TensorList tensors) { return each(tensors, atleast_3d); }

}  // namespace rushlight

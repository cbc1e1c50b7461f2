// Views: the same storage under other sizes and strides.
#include "rushlight/ops/view.h"

#include <algorithm>

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

  // Each element's gradient goes to its place in a flat buffer, adding up where the view shows a place several times; the
  // input's geometry then reads it. An input that itself shows a place several times shares its gradient out among them.
  Tensor operator()(Node&, const Tensor& g) const {
    const Extent e = extent();
    Tensor places = arange(e.count).as_strided(size, stride, offset - e.low).reshape(-1);
    Tensor flat = zeros(e.count, g.dtype()).index_add(0, places, g.reshape(-1));
    if (!repeats(in_size, in_stride)) return flat.as_strided(in_size, in_stride, in_offset - e.low);
    Tensor in_places = arange(e.count).as_strided(in_size, in_stride, in_offset - e.low).reshape(-1);
    Tensor uses = zeros(e.count, g.dtype()).index_add(0, in_places, ones_like(in_places, g.dtype()));
    return (flat / uses.clamp_min(1)).as_strided(in_size, in_stride, in_offset - e.low);
  }

  static bool repeats(const Dims& sizes, const Dims& strides) {
    for (int64_t i = 0; i < sizes.size(); ++i) if (sizes[i] > 1 && strides[i] == 0) return true;
    return false;
  }
};

}  // namespace

Tensor as_strided(const Tensor& input, DimsRef size, DimsRef stride, OptInt storage_offset) {
  RL_CHECK(size.size() == stride.size(), "mismatch in length of strides and shape");
  for (int64_t i = 0; i < size.size(); ++i) {
    RL_CHECK(size[i] >= 0, "Trying to create tensor with negative dimension ", size[i], ": ", to_string(size));
    RL_CHECK(stride[i] >= 0, "as_strided: Negative strides are not supported at the moment, got strides: ", to_string(stride));
  }
  const int64_t offset = storage_offset.value_or(input.storage_offset());
  RL_CHECK(offset >= 0, "Tensor: invalid storage offset ", offset);
  check_in_bounds(input, size, stride, offset);
  return make_view("AsStridedBackward0", input, size.copy(), stride.copy(), offset,
                   AsStridedRule{size.copy(), stride.copy(), offset, input.sizes(), input.strides(), input.storage_offset()});
}

Tensor view(const Tensor& self, DimsRef size) {
  Dims sizes = infer_size(size, self.numel());
  Dims strides;
  RL_CHECK(view_strides(self.sizes(), self.strides(), sizes, &strides),
           "view size is not compatible with input tensor's size and stride (at least one dimension spans across two contiguous "
           "subspaces). Use .reshape(...) instead.");
  return make_view("ViewBackward0", self, std::move(sizes), std::move(strides), self.storage_offset(),
                   [sizes = self.sizes()](Node&, const Tensor& g) -> Tensor { return g.reshape(sizes); });
}

Tensor reshape(const Tensor& input, DimsRef shape) {
  Dims sizes = infer_size(shape, input.numel());
  Dims strides;
  if (view_strides(input.sizes(), input.strides(), sizes, &strides)) return view(input, sizes);
  Tensor copied = input.clone();
  return view(copied.is_contiguous() ? copied : copied.contiguous(), sizes);
}

Tensor expand(const Tensor& self, DimsRef size, bool) {
  RL_CHECK(size.size() >= self.dim(), "expand(torch.", info(self.dtype()).message_name, "Tensor{", to_string(self.sizes()), "}, size=",
           to_string(size), "): the number of sizes provided (", size.size(),
           ") must be greater or equal to the number of dimensions in the tensor (", self.dim(), ")");
  const int64_t shift = size.size() - self.dim();
  Dims sizes(size.size()), strides(size.size());
  for (int64_t i = 0; i < size.size(); ++i) {
    const int64_t have = i < shift ? 1 : self.sizes()[i - shift];
    int64_t want = size[i];
    if (want == -1) {
      RL_CHECK(i >= shift, "The expanded size of the tensor (", want, ") isn't allowed in a leading, non-existing dimension ", i);
      want = have;
    }
    RL_CHECK(want >= 0 && (have == want || have == 1), "The expanded size of the tensor (", want, ") must match the existing size (",
             have, ") at non-singleton dimension ", i, ".  Target sizes: ", to_string(size), ".  Tensor sizes: ", to_string(self.sizes()));
    sizes[i] = want;
    strides[i] = i < shift || (have == 1 && want != 1) ? 0 : self.strides()[i - shift];
  }
  return make_view("ExpandBackward0", self, std::move(sizes), std::move(strides), self.storage_offset(),
                   [sizes = self.sizes()](Node&, const Tensor& g) -> Tensor { return g.sum_to_size(sizes); });
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
                   [sizes = input.sizes()](Node&, const Tensor& g) -> Tensor { return g.reshape(sizes); });
}

Tensor squeeze(const Tensor& input, int64_t dim) {
  dim = wrap_dim(dim, input.dim());
  Dims sizes = input.sizes(), strides = input.strides();
  if (input.dim() > 0 && sizes[dim] == 1) {
    sizes.erase(dim);
    strides.erase(dim);
  }
  return make_view("SqueezeBackward1", input, std::move(sizes), std::move(strides), input.storage_offset(),
                   [sizes = input.sizes()](Node&, const Tensor& g) -> Tensor { return g.reshape(sizes); });
}

Tensor unsqueeze(const Tensor& input, int64_t dim) {
  dim = wrap_dim(dim, input.dim() + 1);
  Dims sizes = input.sizes(), strides = input.strides();
  strides.insert(dim, dim < input.dim() ? sizes[dim] * strides[dim] : 1);
  sizes.insert(dim, 1);
  return make_view("UnsqueezeBackward0", input, std::move(sizes), std::move(strides), input.storage_offset(),
                   [dim](Node&, const Tensor& g) -> Tensor { return g.squeeze(dim); });
}

}  // namespace rushlight

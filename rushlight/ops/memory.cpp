#include "rushlight/ops/memory.h"

#include <algorithm>

#include "rushlight/autograd/variable.h"

namespace rushlight {
namespace {

Dims dims_by_stride(const Tensor& t) {
  Dims order;
  for (int64_t d = 0; d < t.dim(); ++d) order.push_back(d);
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return t.strides()[a] > t.strides()[b]; });
  return order;
}

// The bytes [first, last) that the elements lie in.
std::pair<int64_t, int64_t> byte_range(const Tensor& t) {
  int64_t low = t.storage_offset(), high = low;
  for (int64_t d = 0; d < t.dim(); ++d) {
    const int64_t reach = (t.sizes()[d] - 1) * t.strides()[d];
    (reach < 0 ? low : high) += reach;
  }
  return {low * t.item_size(), (high + 1) * t.item_size()};
}

enum class Overlap { None, Full, Partial, Unknown };

Overlap overlap(const Tensor& a, const Tensor& b) {
  if (!(a.storage() == b.storage()) || a.numel() == 0 || b.numel() == 0) return Overlap::None;
  if (a.is_same(b)) return Overlap::Full;
  const auto [a_first, a_last] = byte_range(a);
  const auto [b_first, b_last] = byte_range(b);
  if (a_last <= b_first || b_last <= a_first) return Overlap::None;
  if (a.sizes() == b.sizes() && a.strides() == b.strides() && a_first == b_first && a.dtype() == b.dtype())
    return Overlap::Full;
  return is_dense(a) && is_dense(b) ? Overlap::Partial : Overlap::Unknown;
}

}  // namespace

bool is_dense(const Tensor& t) {
  if (t.is_contiguous()) return true;
  int64_t expected = 1;
  const Dims order = dims_by_stride(t);
  for (int64_t i = order.size() - 1; i >= 0; --i) {
    const int64_t size = t.sizes()[order[i]];
    if (size == 1) continue;
    if (t.strides()[order[i]] != expected) return false;
    expected *= size;
  }
  return true;
}

Tensor make_tensor_like(const Tensor& t, DType dtype) {
  Tensor out = make_tensor(t.sizes(), dtype, t.device());
  if (t.is_contiguous()) return out;
  if (is_dense(t)) {
    out.impl()->set_geometry(t.sizes(), t.strides(), 0);
    return out;
  }
  bool ordered = std::none_of(t.strides().begin(), t.strides().end(), [](int64_t s) { return s <= 0; });
  if (!ordered) return out;
  // Gaps are closed, the order of the dimensions stays.
  Dims strides(t.dim());
  int64_t step = 1;
  const Dims order = dims_by_stride(t);
  for (int64_t i = order.size() - 1; i >= 0; --i) {
    strides[order[i]] = step;
    step *= std::max<int64_t>(t.sizes()[order[i]], 1);
  }
  out.impl()->set_geometry(t.sizes(), std::move(strides), 0);
  return out;
}

Dims strides_of(DimsRef sizes, MemoryFormat format) {
  if (format == MemoryFormat::Contiguous || format == MemoryFormat::Preserve)
    return contiguous_strides(sizes);
  const int64_t rank = format == MemoryFormat::ChannelsLast ? 4 : 5;
  RL_CHECK(sizes.size() == rank, "required rank ", rank, " tensor to use channels_last",
           rank == 5 ? "_3d" : "", " format");
  Dims channels_last = sizes.copy();
  channels_last.erase(1);
  channels_last.push_back(sizes[1]);
  const Dims strides = contiguous_strides(channels_last);
  Dims out(rank);
  out[0] = strides[0];
  out[1] = strides[rank - 1];
  for (int64_t d = 2; d < rank; ++d) out[d] = strides[d - 1];
  return out;
}

bool is_contiguous(const Tensor& t, MemoryFormat format) {
  RL_CHECK(format != MemoryFormat::Preserve,
           "preserve memory format is unsupported by the contiguous operator");
  if (format == MemoryFormat::Contiguous) return t.is_contiguous();
  const Dims wanted = strides_of(t.sizes(), format);
  for (int64_t d = 0; d < t.dim(); ++d)
    if (t.sizes()[d] > 1 && t.strides()[d] != wanted[d]) return false;
  return true;
}

Tensor make_tensor_like(const Tensor& t, DType dtype, MemoryFormat format) {
  if (format == MemoryFormat::Preserve) return make_tensor_like(t, dtype);
  Tensor out = make_tensor(t.sizes(), dtype, t.device());
  if (format != MemoryFormat::Contiguous)
    out.impl()->set_geometry(t.sizes(), strides_of(t.sizes(), format), 0);
  return out;
}

void check_no_internal_overlap(const Tensor& written) {
  RL_CHECK(
      !written.impl()->inference || autograd::inference_mode_enabled(),
      "Inplace update to inference tensor outside InferenceMode is not allowed.You can make a clone to get a "
      "normal "
      "tensor before doing inplace update.See https://github.com/pytorch/rfcs/pull/17 for more details.");
  if (written.is_contiguous()) return;
  for (int64_t d = 0; d < written.dim(); ++d) {
    RL_CHECK(written.sizes()[d] <= 1 || written.strides()[d] != 0,
             "unsupported operation: more than one element of the written-to tensor refers to a single "
             "memory location. "
             "Please clone() the tensor before performing the operation.");
  }
}

void check_no_partial_overlap(const Tensor& written, const Tensor& read) {
  RL_CHECK(overlap(written, read) != Overlap::Partial,
           "unsupported operation: some elements of the input tensor and the written-to tensor refer to a "
           "single memory "
           "location. Please clone() the tensor before performing the operation.");
}

bool may_overlap(const Tensor& written, const Tensor& read) {
  const Overlap o = overlap(written, read);
  return o == Overlap::Partial || o == Overlap::Unknown;
}

void check_in_bounds(const Tensor& base, DimsRef sizes, DimsRef strides, int64_t offset) {
  if (numel_of(sizes) == 0) return;
  int64_t last = offset;
  bool overflow = false;
  for (int64_t d = 0; d < sizes.size(); ++d) {
    int64_t reach;
    overflow |= __builtin_mul_overflow(sizes[d] - 1, strides[d], &reach) ||
                __builtin_add_overflow(last, reach, &last);
  }
  int64_t nbytes = 0;
  overflow = overflow || __builtin_mul_overflow(last + 1, base.item_size(), &nbytes);
  RL_CHECK(!overflow && nbytes <= static_cast<int64_t>(base.storage()->nbytes()), "setStorage: sizes ",
           to_string(sizes), ", strides ", to_string(strides), ", storage offset ", offset, ", and itemsize ",
           base.item_size(), " requiring a storage size of ", nbytes,
           " are out of bounds for storage of size ", base.storage()->nbytes());
}

}  // namespace rushlight

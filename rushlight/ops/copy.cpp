// Copies and conversions.
#include <optional>

#include "rushlight/kernels/cpu/move.h"
#include "rushlight/core/warning.h"
#include "rushlight/ops/memory.h"
#include "rushlight/ops/pointwise.h"

namespace rushlight {
namespace {

using autograd::Node;
using autograd::Record;
using autograd::tracks;

// Elements of `src`, already of the sizes of `dst` (strides of 0 repeat), converted into `dst`.
void copy_elements(const Tensor& dst, const Tensor& src, const Dims& src_strides) {
  if (dst.numel() == 0) return;
  if (dst.dtype() == src.dtype()) {
    return cpu::move(dst.item_size(), dst.sizes(), dst.raw_data(), dst.strides(), src.raw_data(),
                     src_strides);
  }
  cpu::Elementwise job;
  job.sizes = dst.sizes();
  job.out = {dst.raw_data(), dst.dtype(), dst.strides()};
  job.in[0] = {src.raw_data(), src.dtype(), src_strides};
  job.num_inputs = 1;
  cpu::copy(job);
}

Dims expanded_strides(const Tensor& src, DimsRef sizes) {
  if (src.sizes() == sizes) return src.strides();
  const int64_t shift = sizes.size() - src.dim();
  bool fits = shift >= 0;
  for (int64_t i = 0; fits && i < src.dim(); ++i)
    fits = src.sizes()[i] == sizes[shift + i] || src.sizes()[i] == 1;
  if (!fits) {
    broadcast_shapes(sizes, src.sizes());  // the usual message when the two do not broadcast at all
    throw_error<RuntimeError>("output with shape ", to_string(sizes), " doesn't match the broadcast shape ",
                              to_string(broadcast_shapes(sizes, src.sizes())));
  }
  Dims strides(sizes.size());
  for (int64_t i = 0; i < src.dim(); ++i) strides[shift + i] = src.sizes()[i] == 1 ? 0 : src.strides()[i];
  return strides;
}

void warn_if_imaginary_part_is_lost(DType from, DType to) {
  static std::atomic_flag said;
  if (is_complex(from) && !is_complex(to) && to != DType::Bool)
    warn_once(said, "Casting complex values to real discards the imaginary part");
}

Tensor converted(const Tensor& self, DType dtype, OptMemoryFormat format, const char* node) {
  warn_if_imaginary_part_is_lost(self.dtype(), dtype);
  Tensor out = make_tensor_like(self, dtype, format.value_or(MemoryFormat::Preserve));
  copy_elements(out, self, self.strides());
  if (!tracks(self) || !is_inexact(dtype)) return out;
  return Record(node, {self}).rule(out, [](Node&, const Tensor& g) -> Tensor { return g; });
}

}  // namespace

const Tensor& copy_(const Tensor& self, const Tensor& src, bool) {
  if (self.is_same(src)) return self;
  const Dims strides = expanded_strides(src, self.sizes());
  warn_if_imaginary_part_is_lost(src.dtype(), self.dtype());
  const bool recorded = tracks(self, src);
  autograd::check_in_place(self);
  std::optional<Record> record;
  if (recorded) record.emplace("torch::autograd::CopyBackwards", TensorList{self, src});
  check_no_internal_overlap(self);
  if (may_overlap(self, src)) {
    const Tensor apart = src.detach().clone();
    copy_elements(self, apart, expanded_strides(apart, self.sizes()));
  } else {
    copy_elements(self, src, strides);
  }
  if (recorded) {
    return record->rule_in_place(self, [](Node& n, const autograd::Gradients& grads) {
      autograd::Gradients out;
      out.resize(2);
      if (n.needs(0)) out[0] = zeros_like(grads[0]);
      if (n.needs(1)) out[1] = grads[0];
      return out;
    });
  }
  self.bump_version();
  return self;
}

Tensor clone(const Tensor& input, OptMemoryFormat memory_format) {
  return converted(input, input.dtype(), memory_format, "CloneBackward0");
}

Tensor detach(const Tensor& input) { return make_alias(input); }

Tensor contiguous(const Tensor& self, OptMemoryFormat memory_format) {
  const MemoryFormat format = memory_format.value_or(MemoryFormat::Contiguous);
  return is_contiguous(self, format) ? self : clone(self, format);
}

Tensor to(const Tensor& self, DType dtype, bool, bool copy, OptMemoryFormat memory_format) {
  const bool in_place =
      !memory_format || *memory_format == MemoryFormat::Preserve || is_contiguous(self, *memory_format);
  if (!copy && self.dtype() == dtype && in_place) return self;
  return converted(self, dtype, memory_format, "ToCopyBackward0");
}

Tensor to(const Tensor& self, OptDevice device, OptDType dtype, bool non_blocking, bool copy,
          OptMemoryFormat memory_format) {
  RL_CHECK_AS(AssertionError, !device || !device->is_cuda(), "Torch not compiled with CUDA enabled");
  return to(self, dtype.value_or(self.dtype()), non_blocking, copy, memory_format);
}

Tensor to(const Tensor& self, const Tensor& other, bool non_blocking, bool copy,
          OptMemoryFormat memory_format) {
  return to(self, other.dtype(), non_blocking, copy, memory_format);
}

Tensor type_as(const Tensor& self, const Tensor& other) { return to(self, other.dtype()); }

Tensor conj(const Tensor& input) {
  if (!is_complex(input.dtype())) return input;
  Tensor out = pointwise(cpu::Formula::Conj, {input});
  if (!tracks(input)) return out;
  return Record("ConjBackward0", {input}).rule(out, [](Node&, const Tensor& g) -> Tensor {
    return g.conj();
  });
}

}  // namespace rushlight

// Copies, conversions and fills.
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
  if (dst.dtype() == src.dtype() && dst.is_contiguous() && src.is_contiguous() && src_strides == src.strides()) {
    std::memmove(dst.raw_data(), src.raw_data(), dst.numel() * dst.item_size());
    return;
  }
  cpu::Elementwise job;
  job.sizes = dst.sizes();
  job.out = {dst.raw_data(), dst.dtype(), dst.strides()};
  job.in[0] = {src.raw_data(), src.dtype(), src_strides};
  job.num_inputs = 1;
  cpu::copy(job);
}

Dims expanded_strides(const Tensor& src, DimsRef sizes) {
  const int64_t shift = sizes.size() - src.dim();
  bool fits = shift >= 0;
  for (int64_t i = 0; fits && i < src.dim(); ++i) fits = src.sizes()[i] == sizes[shift + i] || src.sizes()[i] == 1;
  if (!fits) {
    broadcast_shapes(sizes, src.sizes());  // the usual message when the two do not broadcast at all
    throw_error<RuntimeError>("output with shape ", to_string(sizes), " doesn't match the broadcast shape ",
                              to_string(broadcast_shapes(sizes, src.sizes())));
  }
  Dims strides(sizes.size());
  for (int64_t i = 0; i < src.dim(); ++i) strides[shift + i] = src.sizes()[i] == 1 ? 0 : src.strides()[i];
  return strides;
}

}  // namespace

const Tensor& copy_(const Tensor& self, const Tensor& src, bool) {
  if (self.is_same(src)) return self;
  const Dims strides = expanded_strides(src, self.sizes());
  const bool recorded = tracks(self, src);
  if (recorded) autograd::check_in_place(self);
  Record record("CopyBackwards", {self, src});
  check_no_internal_overlap(self);
  if (may_overlap(self, src)) {
    const Tensor apart = src.detach().clone();
    copy_elements(self, apart, expanded_strides(apart, self.sizes()));
  } else {
    copy_elements(self, src, strides);
  }
  if (recorded) {
    return record.rule_in_place(self, [](Node& n, const autograd::Gradients& grads) {
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

const Tensor& fill_(const Tensor& self, const Operand& value) {
  RL_CHECK(!value.is_tensor() || value.tensor().dim() == 0, "fill_ only supports 0-dimension value tensor but got tensor with ",
           value.is_tensor() ? value.tensor().dim() : 0, " dimensions.");
  if (value.is_tensor()) return copy_(self, value.tensor());
  const bool recorded = tracks(self);
  if (recorded) autograd::check_in_place(self);
  Record record("FillBackward0", {self});
  check_no_internal_overlap(self);
  const Scalar& s = value.scalar();
  RL_CHECK(is_complex(self.dtype()) || !s.is_complex(), "value cannot be converted to type ", info(self.dtype()).name, " without overflow");
  if (self.numel() > 0) {
    if (!s.is_complex() && s.equals(0) && !std::signbit(s.to_double()) && self.is_contiguous()) {
      std::memset(self.raw_data(), 0, self.numel() * self.item_size());
    } else {
      alignas(16) char cell[16];
      visit_dtype(self.dtype(), [&]<class T>() {
        const T v = s.to<T>();
        std::memcpy(cell, &v, sizeof(T));
      });
      cpu::Elementwise job;
      job.sizes = self.sizes();
      job.out = {self.raw_data(), self.dtype(), self.strides()};
      job.in[0] = {cell, self.dtype(), Dims(self.dim())};
      job.num_inputs = 1;
      cpu::copy(job);
    }
  }
  if (recorded) return record.rule_in_place(self, [](Node&, const Tensor& g) -> Tensor { return zeros_like(g); });
  self.bump_version();
  return self;
}

const Tensor& zero_(const Tensor& self) { return fill_(self, 0); }

Tensor clone(const Tensor& input) {
  Tensor out = make_tensor_like(input, input.dtype());
  copy_elements(out, input, input.strides());
  if (!tracks(input)) return out;
  return Record("CloneBackward0", {input}).rule(out, [](Node&, const Tensor& g) -> Tensor { return g; });
}

Tensor detach(const Tensor& input) {
  return make_alias(input, input.sizes(), input.strides(), input.storage_offset());
}

Tensor contiguous(const Tensor& self) {
  if (self.is_contiguous()) return self;
  Tensor out = make_tensor(self.sizes(), self.dtype(), self.device());
  copy_elements(out, self, self.strides());
  if (!tracks(self)) return out;
  return Record("CloneBackward0", {self}).rule(out, [](Node&, const Tensor& g) -> Tensor { return g; });
}

Tensor to(const Tensor& self, DType dtype) {
  if (self.dtype() == dtype) return self;
  Tensor out = make_tensor_like(self, dtype);
  copy_elements(out, self, self.strides());
  if (!tracks(self) || !is_inexact(dtype)) return out;
  return Record("ToCopyBackward0", {self}).rule(out, [](Node&, const Tensor& g) -> Tensor { return g; });
}

Tensor conj(const Tensor& input) {
  if (!is_complex(input.dtype())) return input;
  Tensor out = pointwise(cpu::Formula::Conj, {input});
  if (!tracks(input)) return out;
  return Record("ConjBackward0", {input}).rule(out, [](Node&, const Tensor& g) -> Tensor { return g.conj(); });
}

Tensor real(const Tensor& input) {
  if (!is_complex(input.dtype())) return input;
  Dims strides = input.strides();
  for (int64_t& s : strides) s *= 2;
  Tensor out(make_ref<TensorImpl>(input.storage(), input.sizes(), std::move(strides), input.storage_offset() * 2,
                                  to_real(input.dtype()), input.device()));
  out.impl()->own_version = input.impl()->own_version;
  if (!tracks(input)) return out;
  return Record("RealBackward0", {input}).rule(out, [dtype = input.dtype()](Node&, const Tensor& g) -> Tensor { return g.to(dtype); });
}

Tensor zeros_like(const Tensor& input, OptDType dtype) { return make_tensor_like(input, dtype.value_or(input.dtype())).zero_(); }
Tensor ones_like(const Tensor& input, OptDType dtype) { return make_tensor_like(input, dtype.value_or(input.dtype())).fill_(1); }

Tensor zeros(DimsRef size, OptDType dtype) { return make_tensor(size, dtype.value_or(default_dtype())).zero_(); }

Tensor arange(const Scalar& end, OptDType dtype) {
  const int64_t n = end.to_int64();
  Tensor out = make_tensor(n, DType::Int64);
  for (int64_t i = 0; i < n; ++i) out.data<int64_t>()[i] = i;
  return out;
}

const Tensor& resize_(const Tensor& self, DimsRef size) {
  RL_CHECK(!self.requires_grad(), "cannot resize variables that require grad");
  const int64_t numel = numel_of(size);
  const int64_t nbytes = (self.storage_offset() + numel) * self.item_size();
  if (nbytes > static_cast<int64_t>(self.storage()->nbytes())) self.storage()->resize(nbytes);
  self.impl()->set_geometry(size.copy(), contiguous_strides(size), self.storage_offset());
  return self;
}

}  // namespace rushlight

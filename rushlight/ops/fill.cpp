// Filling and resizing in place.
#include <cmath>
#include <cstring>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/move.h"
#include "rushlight/ops/memory.h"
#include "rushlight/ops/ops.h"
#include "rushlight/autograd/record.h"

namespace rushlight {

using autograd::Node;
using autograd::Record;
using autograd::tracks;

namespace {

constexpr int64_t kZeroGrain = 256 << 10;  // bytes

const char* c_type_name(DType t) {
  static const char* const names[] = {"bool",
                                      "uint8_t",
                                      "uint16_t",
                                      "uint32_t",
                                      "uint64_t",
                                      "int8_t",
                                      "short",
                                      "int",
                                      "int64_t",
                                      "at::Half",
                                      "at::BFloat16",
                                      "float",
                                      "double",
                                      "c10::complex<float>",
                                      "c10::complex<double>"};
  return names[static_cast<int>(t)];
}

void fill_elements(const Tensor& self, const Scalar& s) {
  if (self.numel() == 0) return;
  if (!s.is_complex() && s.equals(0) && !std::signbit(s.to_double()) && self.is_contiguous()) {
    char* data = static_cast<char*>(self.raw_data());
    parallel_for(0, self.numel() * self.item_size(), kZeroGrain,
                 [&](int64_t begin, int64_t end) { std::memset(data + begin, 0, end - begin); });
    return;
  }
  alignas(16) char cell[16];
  visit_dtype(self.dtype(), [&]<class T>() {
    const T v = s.to<T>();
    std::memcpy(cell, &v, sizeof(T));
  });
  cpu::move(self.item_size(), self.sizes(), self.raw_data(), self.strides(), cell, Dims(self.dim()));
}

// Nothing of the old elements is left; all of the gradient is the value's.
struct FillRule {
  autograd::Gradients operator()(Node& n, const autograd::Gradients& grads) const {
    autograd::Gradients out{zeros_like(grads[0])};
    if (n.edges().size() > 1) out.push_back(grads[0].sum());
    return out;
  }
};

const Tensor& fill_from_tensor(const Tensor& self, const Tensor& value) {
  if (!tracks(self, value)) return copy_(self, value);
  autograd::check_in_place(self);
  Record record("FillBackward3", {self, value});
  {
    autograd::NoGrad guard;
    copy_(self, value);
  }
  return record.rule_in_place(self, FillRule{});
}

const Tensor& fill_with_number(const char* node, const Tensor& self, const Scalar& s) {
  autograd::check_in_place(self);
  check_no_internal_overlap(self);
  RL_CHECK(is_complex(self.dtype()) || !s.is_complex(), "value cannot be converted to type ",
           c_type_name(self.dtype()), " without overflow");
  if (tracks(self)) {
    Record record(node, {self});
    fill_elements(self, s);
    return record.rule_in_place(self, FillRule{});
  }
  fill_elements(self, s);
  self.bump_version();
  return self;
}

}  // namespace

const Tensor& fill_(const Tensor& self, const Operand& value) {
  if (!value.is_tensor()) return fill_with_number("FillBackward2", self, value.scalar());
  RL_CHECK(value.tensor().dim() == 0, "fill_ only supports 0-dimension value tensor but got tensor with ",
           value.tensor().dim(), " dimensions.");
  return fill_from_tensor(self, value.tensor());
}

Tensor fill(const Tensor& input, const Operand& value) {
  Tensor out = make_tensor_like(input, input.dtype());
  if (!value.is_tensor()) {
    out.fill_(value);
    if (!tracks(input)) return out;
    return Record("FillBackward0", {input}).rule(out, FillRule{});
  }
  {
    autograd::NoGrad guard;
    out.fill_(value);
  }
  if (!tracks(input, value.tensor())) return out;
  return Record("FillBackward1", {input, value.tensor()}).rule(out, FillRule{});
}

const Tensor& zero_(const Tensor& self) { return fill_with_number("ZeroBackward0", self, 0); }

const Tensor& resize_(const Tensor& self, DimsRef size, OptMemoryFormat memory_format) {
  RL_CHECK(!self.requires_grad(), "cannot resize variables that require grad");
  for (int64_t s : size)
    RL_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", to_string(size));
  const MemoryFormat format = memory_format.value_or(MemoryFormat::Contiguous);
  if (self.sizes() == size && !memory_format) return self;
  int64_t nbytes, numel = numel_of(size);
  const bool overflow = __builtin_add_overflow(numel, self.storage_offset(), &nbytes) ||
                        __builtin_mul_overflow(nbytes, self.item_size(), &nbytes);
  RL_CHECK(!overflow, "Storage size calculation overflowed with sizes=", to_string(size));
  if (numel > 0 && nbytes > static_cast<int64_t>(self.storage()->nbytes())) self.storage()->resize(nbytes);
  self.impl()->set_geometry(size.copy(), strides_of(size, format), self.storage_offset());
  return self;
}

const Tensor& resize_as_(const Tensor& self, const Tensor& the_template, OptMemoryFormat memory_format) {
  return resize_(self, the_template.sizes(), memory_format);
}

}  // namespace rushlight

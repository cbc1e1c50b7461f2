#include "rushlight/ops/in_place.h"

#include "rushlight/core/warning.h"
#include "rushlight/ops/memory.h"

namespace rushlight {
namespace {

bool same_elements(const Tensor& a, const Tensor& b) {
  return a.raw_data() == b.raw_data() && a.sizes() == b.sizes() && a.strides() == b.strides() &&
         a.dtype() == b.dtype();
}

}  // namespace

const Tensor& assign(const Tensor& self, const Tensor& result) {
  RL_CHECK(can_cast(result.dtype(), self.dtype()), "result type ", info(result.dtype()).message_name,
           " can't be cast to the desired output type ", info(self.dtype()).message_name);
  RL_CHECK(result.sizes() == self.sizes(), "output with shape ", to_string(self.sizes()),
           " doesn't match the broadcast shape ", to_string(result.sizes()));
  const bool recorded = autograd::tracks(result);
  if (recorded) autograd::check_in_place(self);
  {
    autograd::NoGrad guard;
    self.copy_(result);
  }
  if (recorded) autograd::adopt_history(self, result);
  return self;
}

void write_out(const char* name, const Tensor& out, const Tensor& result, bool any_input_requires_grad) {
  RL_CHECK(!autograd::grad_enabled() || !(any_input_requires_grad || out.requires_grad()), name,
           "(): functions with out=... arguments don't support automatic differentiation, but one of the "
           "arguments requires grad.");
  RL_CHECK(can_cast(result.dtype(), out.dtype()), "result type ", info(result.dtype()).message_name,
           " can't be cast to the desired output type ", info(out.dtype()).message_name);
  autograd::NoGrad guard;
  if (!(out.sizes() == result.sizes())) {
    if (out.numel() > 0)
      warn(concat(
          "An output with one or more elements was resized since it had shape ", to_string(out.sizes()),
          ", which does not match the required output shape ", to_string(result.sizes()),
          ". This behavior is deprecated, and in a future PyTorch release outputs will not be resized "
          "unless they have zero elements. You can explicitly reuse an out tensor t by resizing it, "
          "inplace, to zero elements with t.resize_(0)."));
    out.resize_(result.sizes());
  }
  check_no_internal_overlap(out);
  if (!(result.storage() == out.storage())) {
    out.copy_(result);
  } else if (same_elements(out, result)) {
    out.bump_version();  // lent to the operation (core/destination.h), which has written there
  } else {
    out.copy_(result.clone());
  }
}

}  // namespace rushlight

// In-place forms of operations that compute into new memory.
#pragma once

#include "rushlight/autograd/record.h"
#include "rushlight/ops/pointwise.h"

namespace rushlight {

// Writes the elements of `result` into `self`; the history of the result, if it has one, becomes that of
// self.
const Tensor& assign(const Tensor& self, const Tensor& result);

// self = f(self). While gradients are recorded f sees a copy, so that what it saves outlives the change.
template <class F>
const Tensor& in_place(const Tensor& self, F&& f) {
  autograd::check_in_place(self);
  if (!autograd::grad_enabled()) return assign(self, f(self));
  return assign(self, f(autograd::has_history(self) ? keep_original(self) : self));
}

// The same for an operation that can write straight into self: while nothing is recorded, `write` does.
template <class Write, class F>
const Tensor& in_place(const Tensor& self, bool recorded, Write&& write, F&& f) {
  if (recorded) return in_place(self, f);
  autograd::check_in_place(self);
  write();
  self.bump_version();
  return self;
}

// The `out=` form: writes `result` into `out`, resizing it as PyTorch does. RuntimeError when gradients are
// asked of `inputs`, or when the dtypes do not allow it.
void write_out(const char* name, const Tensor& out, const Tensor& result, bool any_input_requires_grad);

}  // namespace rushlight

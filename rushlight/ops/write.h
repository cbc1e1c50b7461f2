// Operations that overwrite some elements of a tensor, once in place and once in a copy. A Change has
//
//   void check(const Tensor& self) const        throws what PyTorch throws
//   void write(const Tensor& target) const      writes into target, which has the sizes and dtype of self
//   void save(Record&) const                    what the gradient reads
//   auto rule() const                           gradients of (self, other)
#pragma once

#include "rushlight/autograd/record.h"
#include "rushlight/ops/memory.h"
#include "rushlight/ops/ops.h"

namespace rushlight {

// `other` is the second input of the gradient, undefined when there is none.
template <class Change>
Tensor changed(const char* node, const Tensor& self, const Tensor& other, const Change& change) {
  change.check(self);
  Tensor out;
  {
    autograd::NoGrad guard;
    out = self.clone();
    check_no_internal_overlap(out);
    change.write(out);
  }
  if (!autograd::tracks(self, other)) return out;
  autograd::Record record(node, {self, other});
  change.save(record);
  return record.rule(out, change.rule());
}

template <class Change>
const Tensor& change_in_place(const char* node, const Tensor& self, const Tensor& other,
                              const Change& change) {
  const bool recorded = autograd::tracks(self, other);
  autograd::check_in_place(self);
  change.check(self);
  check_no_internal_overlap(self);
  autograd::Record record(node, {self, other});
  {
    autograd::NoGrad guard;
    change.write(self);
  }
  if (!recorded) {
    self.bump_version();
    return self;
  }
  change.save(record);
  return record.rule_in_place(self, change.rule());
}

}  // namespace rushlight

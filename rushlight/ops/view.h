// Making views that autograd knows of.
#pragma once

#include <utility>

#include "rushlight/autograd/record.h"
#include "rushlight/core/tensor.h"

namespace rushlight {

// A view of `base` with the given geometry and, when gradients are recorded, this rule: gradient of the view to gradient
// of the base.
template <class Rule>
Tensor make_view(const char* node, const Tensor& base, Dims sizes, Dims strides, int64_t offset, Rule rule,
                 bool one_of_several = false) {
  Tensor view = make_alias(base, std::move(sizes), std::move(strides), offset);
  autograd::set_view(view, base, one_of_several);
  if (!autograd::tracks(base)) return view;
  return autograd::Record(node, {base}).rule(view, std::move(rule));
}

}  // namespace rushlight

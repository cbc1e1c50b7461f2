// Making views that autograd knows of.
#pragma once

#include <utility>

#include "rushlight/autograd/record.h"
#include "rushlight/core/tensor.h"

namespace rushlight {

// A view of `base` with the given geometry and, when gradients are recorded, this rule: gradient of the view
// to gradient of the base.
template <class Rule>
Tensor make_view(const char* node, const Tensor& base, Dims sizes, Dims strides, int64_t offset, Rule rule,
                 bool one_of_several = false) {
  Tensor view = make_alias(base, std::move(sizes), std::move(strides), offset);
  if (autograd::tracks(base)) autograd::Record(node, {base}).rule(view, std::move(rule));
  autograd::set_view(view, base, one_of_several);
  return view;
}

// The gradient of a view that shows a part of its base: zeros of the base's sizes with `g` written where
// `part` looks.
template <class Part>
Tensor embed(const char* node, const Tensor& g, const Dims& sizes, Part part) {
  Tensor out = make_tensor(sizes, g.dtype(), g.device());
  {
    autograd::NoGrad guard;
    out.zero_();
    part(out).copy_(g);
  }
  if (!autograd::tracks(g)) return out;
  return autograd::Record(node, {g}).rule(
      out, [part](autograd::Node&, const Tensor& gg) -> Tensor { return part(gg); });
}

// The memory of `base` read as another dtype, without history; geometry in elements of that dtype.
Tensor make_reinterpreted(const Tensor& base, DType dtype, Dims sizes, Dims strides, int64_t offset);

// OutOfMemoryError for more tensors or positions than a list could hold.
void check_count(int64_t count);

}  // namespace rushlight

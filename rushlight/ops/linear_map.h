// Operations that are linear in their only differentiable input: the gradient is the transposed map, whose
// gradient is the map again, so that one pair of functions serves all orders.
#pragma once

#include "rushlight/autograd/record.h"

namespace rushlight {

// A dense tensor that nothing else refers to, under other sizes; no view of it.
inline Tensor with_sizes(const Tensor& fresh, const Dims& sizes) {
  return make_alias(fresh, sizes, contiguous_strides(sizes), fresh.storage_offset());
}

// A Map is copied into the graph and has
//   const char* name(bool transposed) const               the node's name
//   Tensor apply(const Tensor& x, bool transposed) const  the computation, without recording
template <class Map>
Tensor apply_linear(const Map& map, const Tensor& x, bool transposed = false) {
  Tensor out = [&] {
    autograd::NoGrad guard;
    return map.apply(x, transposed);
  }();
  if (!autograd::tracks(x)) return out;
  return autograd::Record(map.name(transposed), {x})
      .rule(out, [map, transposed](autograd::Node&, const Tensor& g) -> Tensor {
        return apply_linear(map, g, !transposed);
      });
}

}  // namespace rushlight

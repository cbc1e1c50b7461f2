// What the cells of recurrent layers do to the row of one sequence in one step, behind the matrix products.
#pragma once

#include <cstdint>

#include "rushlight/kernels/cpu/recurrent.h"

namespace rushlight::cpu {

// Every pointer is that of a dense row of `size` elements, or of one such row a gate; where `recurrent.h`
// says that a kind of cell has no such row it is null.
template <class T>
struct CellStep {
  T* gates;             // in: sums; out: activations
  const T* from_state;  // GRU: the state's share of the sums, which r is in the way of
  T *h, *c;             // the states, before and after
};

template <class T>
struct CellGradient {
  const T *gates, *extra, *h_before, *grad;
  T *dh, *dc;              // in: gradients of the states after the step; out: before it
  T *to_input, *to_state;  // gradients of the sums; to_state of a GRU alone
};

template <class T>
struct CellKernel {
  void (*step)(int64_t size, const CellStep<T>& row);
  // dh is complete for what the gates do not reach: the product of their gradients with the weights is added
  // to that of a GRU, and is that of the others.
  void (*gradient)(int64_t size, const CellGradient<T>& row);
};

template <class T>
const CellKernel<T>& cell_kernel(Cell cell);

}  // namespace rushlight::cpu

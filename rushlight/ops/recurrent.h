// A layer of a recurrent network in one direction, as one operation.
#pragma once

#include <vector>

#include "rushlight/core/tensor.h"
#include "rushlight/kernels/cpu/recurrent.h"

namespace rushlight {

struct RecurrentLayer {
  cpu::Cell cell;
  bool reverse;
  std::vector<int64_t> counts;  // how many sequences have a step, longest sequence first
};

// x (rows of all steps, inputs), the first states h (batch, outputs) and, for an LSTM, c (batch, hidden), and
// the parameters of nn/rnn.h; what a layer does not have is undefined.
struct RecurrentTensors {
  Tensor x, h, c, w_ih, w_hh, b_ih, b_hh, w_hr;
};

// h after each step, in the rows of x, and the last states.
struct RecurrentResult {
  Tensor rows, h, c;
};

RecurrentResult recurrent_layer(const RecurrentLayer& layer, const RecurrentTensors& tensors);

}  // namespace rushlight

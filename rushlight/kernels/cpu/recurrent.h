// The steps of a recurrent layer in one direction: sequences go through them side by side, each in its own
// time. What the input contributes to the gates is a product over all steps and stands ready; here are the
// products with the states, and the cells.
#pragma once

#include <cstdint>
#include <vector>

#include "rushlight/kernels/cpu/gemm.h"

namespace rushlight::cpu {

// Tanh and Relu are those of a plain recurrent network.
enum class Cell : uint8_t { Tanh, Relu, Lstm, Gru };

// Sums of inputs and states that make a step: i, f, g, o of an LSTM, r, z, n of a GRU.
constexpr int64_t gates_of(Cell cell) { return cell == Cell::Lstm ? 4 : cell == Cell::Gru ? 3 : 1; }

// counts[t] sequences have a step t: positive, never rising (the longest sequence is the first). A `reverse`
// layer goes from the last step of each to its first. The rows of a step follow those of the step before;
// below, `rows` is the sum of the counts, `batch` the first of them.
struct Sequences {
  Cell cell;
  bool reverse;
  const std::vector<int64_t>& counts;
  int64_t hidden;
};

// Dense arrays, but for the weight.
template <class T>
struct RecurrentForward {
  Matrix<const T> weight;  // (gates_of hidden, hidden)
  const T* bias;           // GRU: of the state's share of the gates, (3 hidden), or null
  T* gates;                // (rows, gates_of hidden), in: input's share of the sums; out: activations
  T *h, *c;                // (batch, hidden), in: first states, out: last ones; c of an LSTM alone
  T* out;                  // (rows, hidden): h after each step
  // What backward needs beside the gates, or null: (rows, hidden) each.
  T* before;  // h before each step
  T* extra;   // LSTM: c before each step; GRU: the state's share of n
};

template <class T>
struct RecurrentBackward {
  Matrix<const T> weight;
  const T *gates, *before, *extra;  // from forward
  const T* grad;                    // (rows, hidden): of out
  T *dh, *dc;  // (batch, hidden), in: gradients of the last states, out: of the first ones
  // Gradients of the sums, (rows, gates_of hidden): of the input's share, and of the state's where that of a
  // GRU differs.
  T *to_input, *to_state;
};

// T is float or double. A result does not depend on the number of threads.
template <class T>
void recurrent_forward(const Sequences& sequences, const RecurrentForward<T>& arrays);
template <class T>
void recurrent_backward(const Sequences& sequences, const RecurrentBackward<T>& arrays);

}  // namespace rushlight::cpu

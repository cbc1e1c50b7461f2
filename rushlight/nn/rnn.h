// Recurrent layers. Gates and parameters are PyTorch's: weight_ih_l0 (G hidden, input), weight_hh_l0,
// bias_ih_l0, bias_hh_l0, then weight_hr_l0 for projections, "_reverse" for the second direction; G = 1
// (RNN), 4 (LSTM: i, f, g, o), 3 (GRU: r, z, n).
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::cpu {
enum class Cell : uint8_t;
}

namespace rushlight::nn {

using States = std::tuple<Tensor, Tensor>;  // h and, for an LSTM, c

class RecurrentBase : public Module {
 public:
  // A packed sequence: rows of all steps, how many each step has, longest sequence first; states (layers *
  // directions, batch, hidden). Gives the rows of the last layer and the last states.
  std::tuple<Tensor, States> run(const Tensor& rows, const std::vector<int64_t>& batch_sizes,
                                 const States& initial);
  // What run needs to know of the options.
  struct Shape {
    std::string mode;  // RNN_TANH, RNN_RELU, LSTM, GRU
    int64_t input_size, hidden_size, num_layers;
    bool bias, batch_first;
    double dropout;
    bool bidirectional;
    int64_t proj_size;
  };
  virtual Shape shape() = 0;

 protected:
  void build_gates(const OptDevice& device, const OptDType& dtype);
  void reset_gates();
  std::string describe();
  std::tuple<Tensor, States> run_dense(const Tensor& input, const States& initial);

 private:
  Tensor weight(const char* what, int64_t layer, bool reverse);
  std::tuple<Tensor, States> run_direction(const Tensor& rows, const std::vector<int64_t>& batch_sizes,
                                           const States& initial, int64_t layer, bool reverse);
};

#define RL_RECURRENT_OPTIONS                                                                   \
  (int64_t, input_size), (int64_t, hidden_size), (int64_t, num_layers, 1), (bool, bias, true), \
      (bool, batch_first, false), (double, dropout, 0.0), (bool, bidirectional, false)

class RNN : public RecurrentBase {
 public:
  RL_OPTIONS(RNN, (int64_t, input_size), (int64_t, hidden_size), (int64_t, num_layers, 1),
             (std::string, nonlinearity, "tanh"), (bool, bias, true), (bool, batch_first, false),
             (double, dropout, 0.0), (bool, bidirectional, false), (OnDevice, device, {}),
             (OfDType, dtype, {}), (Derived<int64_t>, proj_size, 0),
             (Derived<std::string>, mode, std::string("RNN_TANH")))
  std::tuple<Tensor, Tensor> forward_from(const Tensor& input, const Tensor& hx);
  Tensor forward(const Tensor& input) override { return std::get<0>(forward_from(input, {})); }
  void build() override;
  void reset_parameters() override { reset_gates(); }
  std::string extra_repr() override { return describe(); }
  Shape shape() override;
};

class LSTM : public RecurrentBase {
 public:
  RL_OPTIONS(LSTM, RL_RECURRENT_OPTIONS, (int64_t, proj_size, 0), (OnDevice, device, {}),
             (OfDType, dtype, {}), (Derived<std::string>, mode, std::string("LSTM")))
  std::tuple<Tensor, States> forward_from(const Tensor& input, const States& hx);
  Tensor forward(const Tensor& input) override { return std::get<0>(forward_from(input, {})); }
  void build() override { build_gates(device, dtype); }
  void reset_parameters() override { reset_gates(); }
  std::string extra_repr() override { return describe(); }
  Shape shape() override;
};

class GRU : public RecurrentBase {
 public:
  RL_OPTIONS(GRU, RL_RECURRENT_OPTIONS, (OnDevice, device, {}), (OfDType, dtype, {}),
             (Derived<int64_t>, proj_size, 0), (Derived<std::string>, mode, std::string("GRU")))
  std::tuple<Tensor, Tensor> forward_from(const Tensor& input, const Tensor& hx);
  Tensor forward(const Tensor& input) override { return std::get<0>(forward_from(input, {})); }
  void build() override { build_gates(device, dtype); }
  void reset_parameters() override { reset_gates(); }
  std::string extra_repr() override { return describe(); }
  Shape shape() override;
};
#undef RL_RECURRENT_OPTIONS

// One step of each.
class CellBase : public Module {
 protected:
  void build_cell(int64_t gates, int64_t input_size, int64_t hidden_size, bool bias, const OptDevice& device,
                  const OptDType& dtype);
  void reset_cell(int64_t hidden_size);
  // Checks the ranks, adds the batch dimension, makes missing states; `name` is in the messages.
  States prepare(const char* name, const Tensor& input, const States& states, int64_t input_size,
                 int64_t hidden_size, Tensor& batch);
  // The states after one step of what prepare made.
  States compute(cpu::Cell cell, const Tensor& batch, const States& states);
};

class RNNCell : public CellBase {
 public:
  RL_OPTIONS(RNNCell, (int64_t, input_size), (int64_t, hidden_size), (bool, bias, true),
             (std::string, nonlinearity, "tanh"), (OnDevice, device, {}), (OfDType, dtype, {}))
  Tensor forward(const Tensor& input) override { return step(input, {}); }
  Tensor step(const Tensor& input, const Tensor& hx);
  void build() override { build_cell(1, input_size, hidden_size, bias, device, dtype); }
  void reset_parameters() override { reset_cell(hidden_size); }
  std::string extra_repr() override;
};
class LSTMCell : public CellBase {
 public:
  RL_OPTIONS(LSTMCell, (int64_t, input_size), (int64_t, hidden_size), (bool, bias, true),
             (OnDevice, device, {}), (OfDType, dtype, {}))
  Tensor forward(const Tensor& input) override { return std::get<0>(step(input, {})); }
  States step(const Tensor& input, const States& hx);
  void build() override { build_cell(4, input_size, hidden_size, bias, device, dtype); }
  void reset_parameters() override { reset_cell(hidden_size); }
  std::string extra_repr() override;
};
class GRUCell : public CellBase {
 public:
  RL_OPTIONS(GRUCell, (int64_t, input_size), (int64_t, hidden_size), (bool, bias, true),
             (OnDevice, device, {}), (OfDType, dtype, {}))
  Tensor forward(const Tensor& input) override { return step(input, {}); }
  Tensor step(const Tensor& input, const Tensor& hx);
  void build() override { build_cell(3, input_size, hidden_size, bias, device, dtype); }
  void reset_parameters() override { reset_cell(hidden_size); }
  std::string extra_repr() override;
};

}  // namespace rushlight::nn

#include "rushlight/nn/rnn.h"

#include <cmath>

#include "rushlight/autograd/record.h"
#include "rushlight/kernels/cpu/random.h"
#include "rushlight/nn/init.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/recurrent.h"

namespace rushlight::nn {

namespace {

cpu::Cell cell_of(const std::string& mode) {
  if (mode == "LSTM") return cpu::Cell::Lstm;
  if (mode == "GRU") return cpu::Cell::Gru;
  return mode == "RNN_TANH" ? cpu::Cell::Tanh : cpu::Cell::Relu;
}

std::string brackets(std::initializer_list<int64_t> sizes) { return rushlight::to_string(Dims(sizes)); }

}  // namespace

// ---- Parameters

void RecurrentBase::build_gates(const OptDevice& device, const OptDType& dtype) {
  const Shape s = shape();
  RL_CHECK_AS(
      ValueError, s.dropout >= 0 && s.dropout <= 1,
      "dropout should be a number in range [0, 1] representing the probability of an element being zeroed");
  RL_CHECK_AS(ValueError, s.hidden_size > 0, "hidden_size must be greater than zero");
  RL_CHECK_AS(ValueError, s.num_layers > 0, "num_layers must be greater than zero");
  RL_CHECK_AS(ValueError, s.proj_size >= 0,
              "proj_size should be a positive integer or zero to disable projections");
  RL_CHECK_AS(ValueError, s.proj_size < s.hidden_size, "proj_size has to be smaller than hidden_size");
  const int64_t directions = s.bidirectional ? 2 : 1, out = s.proj_size ? s.proj_size : s.hidden_size,
                g = cpu::gates_of(cell_of(s.mode)) * s.hidden_size;
  for (int64_t layer = 0; layer < s.num_layers; ++layer) {
    const int64_t in = layer == 0 ? s.input_size : out * directions;
    for (int64_t d = 0; d < directions; ++d) {
      auto add_one = [&](const char* what, DimsRef sizes) {
        new_parameter(concat(what, "_l", layer, d ? "_reverse" : "").c_str(), sizes, device, dtype);
      };
      add_one("weight_ih", {g, in});
      add_one("weight_hh", {g, out});
      if (s.bias) add_one("bias_ih", g), add_one("bias_hh", g);
      if (s.proj_size) add_one("weight_hr", {s.proj_size, s.hidden_size});
    }
  }
}

void RecurrentBase::reset_gates() {
  const int64_t hidden = shape().hidden_size;
  const double bound = hidden > 0 ? 1 / std::sqrt(static_cast<double>(hidden)) : 0;
  for (const Tensor& p : parameters()) init::uniform_(p, -bound, bound);
}

Tensor RecurrentBase::weight(const char* what, int64_t layer, bool reverse) {
  const std::string text = concat(what, "_l", layer, reverse ? "_reverse" : "");
  for (const auto& [name, t] : named_parameters("", false)) {
    if (name == text) return t;
  }
  const Name name(text.c_str());
  return tensor(name);
}

std::string RecurrentBase::describe() {
  const Shape s = shape();
  std::string out = format("{input_size}, {hidden_size}");
  if (s.proj_size != 0) out += concat(", proj_size=", s.proj_size);
  if (s.num_layers != 1) out += format(", num_layers={num_layers}");
  if (!s.bias) out += format(", bias={bias}");
  if (s.batch_first) out += format(", batch_first={batch_first}");
  if (s.dropout != 0) out += format(", dropout={dropout}");
  if (s.bidirectional) out += format(", bidirectional={bidirectional}");
  return out;
}

// ---- Computation

std::tuple<Tensor, States> RecurrentBase::run_direction(const Tensor& rows,
                                                        const std::vector<int64_t>& batch_sizes,
                                                        const States& initial, int64_t layer, bool reverse) {
  const Shape s = shape();
  const auto parameter = [&](const char* what, bool exists) {
    return exists ? weight(what, layer, reverse) : Tensor();
  };
  const auto& [h, c] = initial;
  const RecurrentResult y = recurrent_layer(
      {cell_of(s.mode), reverse, batch_sizes},
      {rows, h, c, parameter("weight_ih", true), parameter("weight_hh", true), parameter("bias_ih", s.bias),
       parameter("bias_hh", s.bias), parameter("weight_hr", s.proj_size != 0)});
  return {y.rows, {y.h, y.c}};
}

std::tuple<Tensor, States> RecurrentBase::run(const Tensor& rows, const std::vector<int64_t>& batch_sizes,
                                              const States& initial) {
  const Shape s = shape();
  RL_CHECK(!batch_sizes.empty(), "Expected sequence length to be larger than 0 in RNN");
  const int64_t directions = s.bidirectional ? 2 : 1;
  std::vector<Tensor> last_h, last_c;
  Tensor x = rows;
  for (int64_t layer = 0; layer < s.num_layers; ++layer) {
    std::vector<Tensor> outputs;
    for (int64_t d = 0; d < directions; ++d) {
      const int64_t k = layer * directions + d;
      const Tensor c = std::get<1>(initial);
      auto [y, last] =
          run_direction(x, batch_sizes, {std::get<0>(initial)[k], c.defined() ? c[k] : c}, layer, d == 1);
      outputs.push_back(y);
      last_h.push_back(std::get<0>(last));
      if (c.defined()) last_c.push_back(std::get<1>(last));
    }
    x = outputs.size() == 1 ? outputs[0] : cat(outputs, 1);
    if (s.dropout > 0 && training() && layer + 1 < s.num_layers) {
      const Tensor mask = make_tensor(x.sizes(), x.dtype());
      cpu::dropout_mask(mask.dtype(), mask.raw_data(), mask.numel(), s.dropout, default_generator());
      x = x * mask;
    }
  }
  return {x, {stack(last_h, 0), last_c.empty() ? Tensor() : stack(last_c, 0)}};
}

namespace {

// The rows of all steps as (steps, batch, n), or (batch, steps, n): no view of them, as PyTorch's result is
// none, and it prints as the operation that made it there.
Tensor as_result(const char* node, const Tensor& rows, int64_t steps, bool batch_first) {
  Tensor y;
  {
    autograd::NoGrad guard;
    const Tensor by_step = rows.reshape({steps, rows.size(0) / steps, rows.size(1)});
    y = make_alias(batch_first ? by_step.transpose(0, 1) : by_step);
  }
  if (!autograd::tracks(rows)) return y;
  return autograd::Record(node, {rows})
      .rule(y, [sizes = rows.sizes(), batch_first](autograd::Node&, const Tensor& g) {
        return (batch_first ? g.transpose(0, 1) : g).reshape(sizes);
      });
}

}  // namespace

std::tuple<Tensor, States> RecurrentBase::run_dense(const Tensor& given, const States& states) {
  const Shape s = shape();
  const char* name = s.mode == "LSTM" ? "LSTM" : s.mode == "GRU" ? "GRU" : "RNN";
  RL_CHECK_AS(ValueError, given.dim() == 2 || given.dim() == 3, name, ": Expected input to be 2D or 3D, got ",
              given.dim(), "D", s.mode == "LSTM" ? " instead" : " tensor instead");
  const bool batched = given.dim() == 3;
  Tensor input = !batched ? given.unsqueeze(1) : s.batch_first ? given.transpose(0, 1) : given;
  RL_CHECK(input.size(2) == s.input_size, "input.size(-1) must be equal to input_size. Expected ",
           s.input_size, ", got ", input.size(2));
  const int64_t steps = input.size(0), batch = input.size(1),
                slots = s.num_layers * (s.bidirectional ? 2 : 1);
  const int64_t out = s.proj_size ? s.proj_size : s.hidden_size;
  auto state = [&](const Tensor& t, int64_t size, const char* which) {
    if (!t.defined()) return zeros({slots, batch, size}, input.dtype());
    RL_CHECK(t.dim() == given.dim(), "For ", batched ? "batched 3-D" : "unbatched 2-D", " input, hx ",
             s.mode == "LSTM" ? "and cx " : "", "should also be ", batched ? 3 : 2, "-D but got ",
             s.mode == "LSTM" ? "(" : "", t.dim(), "-D",
             s.mode == "LSTM" ? concat(", ", t.dim(), "-D) tensors") : std::string(" tensor"));
    const Tensor b = batched ? t : t.unsqueeze(1);
    RL_CHECK(b.sizes() == Dims({slots, batch, size}), "Expected ", which, " size ",
             brackets({slots, batch, size}), ", got ", rushlight::to_string(b.sizes()));
    return b;
  };
  const bool lstm = s.mode == "LSTM";
  const States initial{state(std::get<0>(states), out, lstm ? "hidden[0]" : "hidden"),
                       lstm ? state(std::get<1>(states), s.hidden_size, "hidden[1]") : Tensor()};
  auto [rows, last] = run(input.reshape({steps * batch, s.input_size}),
                          std::vector<int64_t>(static_cast<size_t>(steps), batch), initial);
  // PyTorch transposes the result of an LSTM as a view, that of the others in place.
  const bool in_place = batched && s.batch_first && !lstm;
  const char* node = in_place                                                 ? "TransposeBackward1"
                     : s.bidirectional                                        ? "CatBackward0"
                     : lstm && !s.proj_size && rows.dtype() == DType::Float32 ? "MkldnnRnnLayerBackward0"
                                                                              : "StackBackward0";
  const Tensor y = as_result(node, rows, steps, in_place);
  if (!batched) {
    const Tensor c = std::get<1>(last);
    return {y.squeeze(1), {std::get<0>(last).squeeze(1), c.defined() ? c.squeeze(1) : c}};
  }
  return {s.batch_first && lstm ? y.transpose(0, 1) : y, last};
}

// ---- The three kinds

void RNN::build() {
  RL_CHECK_AS(ValueError, nonlinearity == "tanh" || nonlinearity == "relu", "Unknown nonlinearity '",
              nonlinearity, "'. Select from 'tanh' or 'relu'.");
  mode = std::string(nonlinearity == "tanh" ? "RNN_TANH" : "RNN_RELU");
  build_gates(device, dtype);
}
RecurrentBase::Shape RNN::shape() {
  return {nonlinearity == "tanh" ? "RNN_TANH" : "RNN_RELU",
          input_size,
          hidden_size,
          num_layers,
          bias,
          batch_first,
          dropout,
          bidirectional,
          0};
}
RecurrentBase::Shape LSTM::shape() {
  return {"LSTM", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, proj_size};
}
RecurrentBase::Shape GRU::shape() {
  return {"GRU", input_size, hidden_size, num_layers, bias, batch_first, dropout, bidirectional, 0};
}

std::tuple<Tensor, Tensor> RNN::forward_from(const Tensor& input, const Tensor& hx) {
  auto [y, last] = run_dense(input, {hx, Tensor()});
  return {y, std::get<0>(last)};
}
std::tuple<Tensor, States> LSTM::forward_from(const Tensor& input, const States& hx) {
  return run_dense(input, hx);
}
std::tuple<Tensor, Tensor> GRU::forward_from(const Tensor& input, const Tensor& hx) {
  auto [y, last] = run_dense(input, {hx, Tensor()});
  return {y, std::get<0>(last)};
}

// ---- Cells

namespace {
const Name kWeightIh{"weight_ih"}, kWeightHh{"weight_hh"}, kBiasIh{"bias_ih"}, kBiasHh{"bias_hh"};
}

void CellBase::build_cell(int64_t gates, int64_t input_size, int64_t hidden_size, bool bias,
                          const OptDevice& device, const OptDType& dtype) {
  new_parameter("weight_ih", {gates * hidden_size, input_size}, device, dtype);
  new_parameter("weight_hh", {gates * hidden_size, hidden_size}, device, dtype);
  for (const char* name : {"bias_ih", "bias_hh"}) {
    if (bias) new_parameter(name, gates * hidden_size, device, dtype);
    else register_parameter(name, {});
  }
}

void CellBase::reset_cell(int64_t hidden_size) {
  const double bound = hidden_size > 0 ? 1 / std::sqrt(static_cast<double>(hidden_size)) : 0;
  for (const Tensor& p : parameters()) init::uniform_(p, -bound, bound);
}

States CellBase::prepare(const char* name, const Tensor& input, const States& states, int64_t input_size,
                         int64_t hidden_size, Tensor& batch) {
  RL_CHECK_AS(ValueError, input.dim() == 1 || input.dim() == 2, name, ": Expected input to be 1D or 2D, got ",
              input.dim(), "D instead");
  batch = input.dim() == 2 ? input : input.unsqueeze(0);
  RL_CHECK(batch.size(1) == input_size, "input has inconsistent input_size: got ", batch.size(1),
           " expected ", input_size);
  auto state = [&](const Tensor& t, int which) {
    if (!t.defined()) return zeros({batch.size(0), hidden_size}, input.dtype());
    RL_CHECK_AS(ValueError, t.dim() == 1 || t.dim() == 2, name, ": Expected hidden to be 1D or 2D, got ",
                t.dim(), "D instead");
    const Tensor rows = input.dim() == 2 ? t : t.unsqueeze(0);
    RL_CHECK(rows.size(0) == batch.size(0), "Input batch size ", batch.size(0), " doesn't match hidden",
             which, " batch size ", rows.size(0));
    RL_CHECK(rows.size(1) == hidden_size, "hidden", which, " has inconsistent hidden_size: got ",
             rows.size(1), ", expected ", hidden_size);
    return rows;
  };
  return {state(std::get<0>(states), 0), state(std::get<1>(states), 1)};
}

States CellBase::compute(cpu::Cell cell, const Tensor& batch, const States& states) {
  const auto& [h, c] = states;
  const RecurrentResult y = recurrent_layer(
      {cell, false, {batch.size(0)}}, {batch, h, cell == cpu::Cell::Lstm ? c : Tensor(), tensor(kWeightIh),
                                       tensor(kWeightHh), tensor(kBiasIh), tensor(kBiasHh), Tensor()});
  // PyTorch's c is a sum, and prints as one.
  const auto as_it_is = [](autograd::Node&, const Tensor& g) { return g; };
  if (!autograd::tracks(y.c)) return {y.h, y.c};
  return {y.h, autograd::Record("AddBackward0", {y.c}).rule(y.c.detach().clone(), as_it_is)};
}

Tensor RNNCell::step(const Tensor& input, const Tensor& hx) {
  RL_CHECK(nonlinearity == "tanh" || nonlinearity == "relu", "Unknown nonlinearity: ", nonlinearity);
  Tensor x;
  const States s = prepare("RNNCell", input, {hx, Tensor()}, input_size, hidden_size, x);
  const Tensor h = std::get<0>(compute(nonlinearity == "tanh" ? cpu::Cell::Tanh : cpu::Cell::Relu, x, s));
  return input.dim() == 2 ? h : h.squeeze(0);
}

States LSTMCell::step(const Tensor& input, const States& hx) {
  Tensor x;
  const States s = prepare("LSTMCell", input, hx, input_size, hidden_size, x);
  const auto [h, c] = compute(cpu::Cell::Lstm, x, s);
  if (input.dim() == 2) return {h, c};
  return {h.squeeze(0), c.squeeze(0)};
}

Tensor GRUCell::step(const Tensor& input, const Tensor& hx) {
  Tensor x;
  const States s = prepare("GRUCell", input, {hx, Tensor()}, input_size, hidden_size, x);
  const Tensor h = std::get<0>(compute(cpu::Cell::Gru, x, s));
  return input.dim() == 2 ? h : h.squeeze(0);
}

std::string RNNCell::extra_repr() {
  return format("{input_size}, {hidden_size}") + (bias ? "" : ", bias=False") +
         (nonlinearity != "tanh" ? format(", nonlinearity={nonlinearity}") : "");
}
std::string LSTMCell::extra_repr() {
  return format("{input_size}, {hidden_size}") + (bias ? "" : ", bias=False");
}
std::string GRUCell::extra_repr() {
  return format("{input_size}, {hidden_size}") + (bias ? "" : ", bias=False");
}

}  // namespace rushlight::nn

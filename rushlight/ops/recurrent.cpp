// Recurrent layers: composed of public operations, or by kernels where their conditions hold; the composition
// is also the gradient of the gradient.
#include "rushlight/ops/recurrent.h"

#include <algorithm>
#include <array>
#include <numeric>

#include "rushlight/autograd/engine.h"
#include "rushlight/autograd/record.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using cpu::Cell;

// ---- composed of public operations

Tensor affine(const Tensor& x, const Tensor& w, const Tensor& b) { return nn::functional::linear(x, w, b); }

struct State {
  Tensor h, c;
};

// One step from x W_ih^T + b_ih and the states; recurrent_kernels.cpp names the sources.
State composed_step(Cell cell, const Tensor& from_input, const State& s, const Tensor& w_hh,
                    const Tensor& b_hh) {
  const Tensor from_state = affine(s.h, w_hh, b_hh);
  if (cell == Cell::Tanh) return {tanh(from_input + from_state), Tensor()};
  if (cell == Cell::Relu) return {relu(from_input + from_state), Tensor()};
  if (cell == Cell::Lstm) {
    const TensorVector g = (from_input + from_state).chunk(4, 1);
    const Tensor c = sigmoid(g[1]) * s.c + sigmoid(g[0]) * tanh(g[2]);
    return {sigmoid(g[3]) * tanh(c), c};
  }
  const TensorVector x = from_input.chunk(3, 1), y = from_state.chunk(3, 1);
  const Tensor reset = sigmoid(x[0] + y[0]), update = sigmoid(x[1] + y[1]), next = tanh(x[2] + reset * y[2]);
  return {(s.h - next) * update + next, Tensor()};
}

Tensor rows_of(const Tensor& t, int64_t start, int64_t count) {
  if (!t.defined() || (start == 0 && count == t.size(0))) return t;
  return t.narrow(0, start, count);
}
Tensor stack_rows(const std::vector<Tensor>& parts) { return parts.size() == 1 ? parts[0] : cat(parts, 0); }

// Steps in order, or from the last to the first: sequences that are over keep their state, those that begin
// join with theirs.
RecurrentResult composed(const RecurrentLayer& layer, const RecurrentTensors& t) {
  const Tensor from_input = affine(t.x, t.w_ih, t.b_ih);
  // One node for all steps: a view for each would bring back a gradient of all rows each.
  const TensorVector step_inputs = split_with_sizes(from_input, layer.counts, 0);
  const int64_t steps = static_cast<int64_t>(layer.counts.size());
  std::vector<Tensor> outputs(static_cast<size_t>(steps)), done_h, done_c;
  int64_t active = layer.reverse ? layer.counts.back() : layer.counts.front();
  State s{rows_of(t.h, 0, active), rows_of(t.c, 0, active)};
  for (int64_t i = 0; i < steps; ++i) {
    const int64_t step = layer.reverse ? steps - 1 - i : i, count = layer.counts[static_cast<size_t>(step)];
    if (count < active) {
      done_h.insert(done_h.begin(), rows_of(s.h, count, active - count));
      if (s.c.defined()) done_c.insert(done_c.begin(), rows_of(s.c, count, active - count));
      s = {rows_of(s.h, 0, count), rows_of(s.c, 0, count)};
    } else if (count > active) {
      s.h = cat({s.h, rows_of(t.h, active, count - active)}, 0);
      if (s.c.defined()) s.c = cat({s.c, rows_of(t.c, active, count - active)}, 0);
    }
    active = count;
    s = composed_step(layer.cell, step_inputs[static_cast<size_t>(step)], s, t.w_hh, t.b_hh);
    if (t.w_hr.defined()) s.h = s.h.matmul(t.w_hr.t());
    outputs[static_cast<size_t>(step)] = s.h;
  }
  done_h.insert(done_h.begin(), s.h);
  if (s.c.defined()) done_c.insert(done_c.begin(), s.c);
  return {stack_rows(outputs), stack_rows(done_h), done_c.empty() ? Tensor() : stack_rows(done_c)};
}

// ---- by kernels

// What the kernels' layers are made of, and in which order their gradients come.
using Inputs = std::array<Tensor, 7>;
enum : uint8_t { kX, kH, kC, kWeightInput, kWeightState, kBiasInput, kBiasState };

Inputs inputs_of(const RecurrentTensors& t) { return {t.x, t.h, t.c, t.w_ih, t.w_hh, t.b_ih, t.b_hh}; }
RecurrentTensors tensors_of(const Inputs& i) {
  return {i[kX], i[kH], i[kC], i[kWeightInput], i[kWeightState], i[kBiasInput], i[kBiasState], {}};
}

bool tracks_any(const Inputs& inputs) {
  return autograd::tracks(TensorList(inputs.data(), static_cast<int64_t>(inputs.size())));
}

bool kernel_fits(const RecurrentLayer& layer, const RecurrentTensors& t) {
  const std::vector<int64_t>& counts = layer.counts;
  const DType dtype = t.x.dtype();
  if (t.w_hr.defined() || (dtype != DType::Float32 && dtype != DType::Float64)) return false;
  const auto is = [&](const Tensor& x, std::initializer_list<int64_t> sizes) {
    return x.defined() && x.dtype() == dtype && x.device().is_cpu() && x.numel() > 0 &&
           x.sizes() == Dims(sizes);
  };
  if (t.x.dim() != 2 || t.w_hh.dim() != 2 || counts.empty()) return false;
  const int64_t hidden = t.w_hh.sizes()[1], width = cpu::gates_of(layer.cell) * hidden,
                batch = counts.front();
  const bool sorted = std::is_sorted(counts.rbegin(), counts.rend()) && counts.back() > 0;
  if (!sorted || std::accumulate(counts.begin(), counts.end(), int64_t{0}) != t.x.sizes()[0]) return false;
  return is(t.x, {t.x.sizes()[0], t.x.sizes()[1]}) && is(t.w_ih, {width, t.x.sizes()[1]}) &&
         is(t.w_hh, {width, hidden}) && is(t.h, {batch, hidden}) &&
         (layer.cell != Cell::Lstm || is(t.c, {batch, hidden})) && t.b_ih.defined() == t.b_hh.defined() &&
         (!t.b_ih.defined() || (is(t.b_ih, {width}) && is(t.b_hh, {width})));
}

template <class F>
void visit_float(DType t, F&& f) {
  if (t == DType::Float32) f.template operator()<float>();
  else f.template operator()<double>();
}

template <class T>
T* pointer(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}
template <class T>
cpu::Matrix<const T> matrix(const Tensor& t) {
  return {t.data<T>(), t.strides()[0], t.strides()[1]};
}

Tensor copied(const Tensor& t) { return t.defined() ? t.detach().clone(MemoryFormat::Contiguous) : t; }

// What forward keeps: activations, h before each step and, of the cells that have gates, what more they need.
struct Kept {
  Tensor gates, before, extra;
};

// Gradients by differentiating the composition, which records it once more when a graph is wanted.
Gradients composed_gradients(const RecurrentLayer& layer, const Node& n, const Gradients& grads,
                             const Inputs& inputs) {
  // Each input under a name of its own, so that the gradients end there and not further up the graph.
  Inputs own;
  std::vector<Tensor> wanted, results, incoming;
  for (size_t i = 0; i < own.size(); ++i) {
    own[i] = n.needs(i) ? inputs[i].view(inputs[i].sizes()) : inputs[i];
    if (n.needs(i)) wanted.push_back(own[i]);
  }
  const RecurrentResult y = composed(layer, tensors_of(own));
  const Tensor outputs[] = {y.rows, y.h, y.c};
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!grads[i].defined()) continue;
    results.push_back(outputs[i]);
    incoming.push_back(grads[i]);
  }
  const std::vector<Tensor> found = autograd::grad(
      results, wanted, incoming, {.retain_graph = true, .create_graph = true}, /*allow_unused=*/true);
  Gradients out;
  out.resize(own.size());
  for (size_t i = 0, k = 0; i < own.size(); ++i)
    if (n.needs(i)) out[i] = found[k++];
  return out;
}

// Saved: the inputs, then what Kept has.
struct RecurrentRule {
  RecurrentLayer layer;

  Gradients operator()(Node& n, const Gradients& grads) const {
    Inputs inputs;
    for (size_t i = 0; i < inputs.size(); ++i) inputs[i] = n.saved(i);
    const size_t own = inputs.size();
    bool recorded = tracks_any(inputs);
    for (const Tensor& g : grads) recorded = recorded || autograd::tracks(g);
    if (recorded) return composed_gradients(layer, n, grads, inputs);
    return gradients(n, grads, inputs, {n.saved(own), n.saved(own + 1), n.saved(own + 2)});
  }

  Gradients gradients(const Node& n, const Gradients& grads, const Inputs& inputs, const Kept& kept) const {
    const Tensor& w_hh = inputs[kWeightState];
    const auto dense = [&](size_t k, const Tensor& like) {
      return k < grads.size() && grads[k].defined() ? copied(grads[k]) : zeros(like.sizes(), like.dtype());
    };
    const Tensor grad = grads[0].defined() ? grads[0].contiguous() : zeros(kept.before.sizes(), w_hh.dtype());
    Gradients out;
    out.resize(inputs.size());
    out[kH] = dense(1, inputs[kH]);
    if (layer.cell == Cell::Lstm) out[kC] = dense(2, inputs[kC]);
    const Tensor to_input = make_tensor(kept.gates.sizes(), w_hh.dtype());
    const Tensor to_state =
        layer.cell == Cell::Gru ? make_tensor(kept.gates.sizes(), w_hh.dtype()) : Tensor();
    visit_float(w_hh.dtype(), [&]<class T>() {
      cpu::recurrent_backward<T>({layer.cell, layer.reverse, layer.counts, w_hh.sizes()[1]},
                                 {matrix<T>(w_hh), pointer<T>(kept.gates), pointer<T>(kept.before),
                                  pointer<T>(kept.extra), pointer<T>(grad), pointer<T>(out[kH]),
                                  pointer<T>(out[kC]), pointer<T>(to_input), pointer<T>(to_state)});
    });
    // Of the weights once for all steps.
    const Tensor& by_state = to_state.defined() ? to_state : to_input;
    if (n.needs(kX)) out[kX] = to_input.mm(inputs[kWeightInput]);
    if (n.needs(kWeightInput)) out[kWeightInput] = to_input.t().mm(inputs[kX]);
    if (n.needs(kWeightState)) out[kWeightState] = by_state.t().mm(kept.before);
    if (n.needs(kBiasInput)) out[kBiasInput] = to_input.sum({0});
    if (n.needs(kBiasState)) {
      const bool same = !to_state.defined() && out[kBiasInput].defined();
      out[kBiasState] = same ? out[kBiasInput] : by_state.sum({0});
    }
    return out;
  }
};

// What a printed result shows, the last of the operations that PyTorch composes: of a single step a cell's,
// of several what joins them.
const char* node_of(const RecurrentLayer& layer) {
  if (layer.counts.size() > 1) return "CatBackward0";
  switch (layer.cell) {
    case Cell::Tanh: return "TanhBackward0";
    case Cell::Relu: return "ReluBackward0";
    case Cell::Lstm: return "MulBackward0";
    case Cell::Gru: return "AddBackward0";
  }
  return "";
}

RecurrentResult by_kernels(const RecurrentLayer& layer, const RecurrentTensors& t) {
  const Inputs inputs = inputs_of(t);
  const bool is_gru = layer.cell == Cell::Gru, is_lstm = layer.cell == Cell::Lstm,
             recorded = tracks_any(inputs);
  const int64_t rows = t.x.sizes()[0], hidden = t.w_hh.sizes()[1];
  const DType dtype = t.x.dtype();
  RecurrentResult y{make_tensor({rows, hidden}, dtype), copied(t.h), is_lstm ? copied(t.c) : Tensor()};
  Kept kept;
  {
    autograd::NoGrad guard;
    const bool biased = t.b_ih.defined();
    // The state's bias of a GRU is in the way of r, the others' joins the input's.
    kept.gates = affine(t.x, t.w_ih, biased && !is_gru ? t.b_ih + t.b_hh : t.b_ih);
    if (recorded) kept.before = make_tensor({rows, hidden}, dtype);
    if (recorded && (is_gru || is_lstm)) kept.extra = make_tensor({rows, hidden}, dtype);
    const Tensor bias = biased && is_gru ? t.b_hh.contiguous() : Tensor();
    visit_float(dtype, [&]<class T>() {
      cpu::recurrent_forward<T>(
          {layer.cell, layer.reverse, layer.counts, hidden},
          {matrix<T>(t.w_hh), pointer<T>(bias), pointer<T>(kept.gates), pointer<T>(y.h), pointer<T>(y.c),
           pointer<T>(y.rows), pointer<T>(kept.before), pointer<T>(kept.extra)});
    });
  }
  if (!recorded) return y;
  Record record(node_of(layer), TensorList(inputs.data(), static_cast<int64_t>(inputs.size())));
  for (const Tensor& input : inputs) record.save(input);
  record.save(kept.gates, kept.before, kept.extra);
  if (is_lstm) record.rule({y.rows, y.h, y.c}, RecurrentRule{layer});
  else record.rule({y.rows, y.h}, RecurrentRule{layer});
  return y;
}

}  // namespace

RecurrentResult recurrent_layer(const RecurrentLayer& layer, const RecurrentTensors& tensors) {
  return kernel_fits(layer, tensors) ? by_kernels(layer, tensors) : composed(layer, tensors);
}

}  // namespace rushlight

#include "rushlight/optim/optimizer.h"

#include "rushlight/autograd/variable.h"
#include "rushlight/ops/memory.h"

namespace rushlight::optim {
namespace {

// The entry of that name, made if it is not there yet.
Tensor entry_of(ParameterState& state, const Slot& slot, const Tensor& param, bool& is_new) {
  for (const auto& [name, tensor] : state)
    if (name == slot.name) return tensor;
  is_new = true;
  Tensor made = slot.kind == Slot::Number ? make_tensor(DimsRef(), DType::Float32)
                                          : make_tensor_like(param, param.dtype());
  made.fill_(slot.initial);
  state.emplace_back(slot.name, made);
  return made;
}

}  // namespace

void Optimizer::add_parameters(std::vector<Tensor> parameters) {
  RL_CHECK_AS(ValueError, !parameters.empty(), "optimizer got an empty parameter list");
  for (const Tensor& p : parameters) {
    RL_CHECK_AS(ValueError, p.is_leaf(), "can't optimize a non-leaf Tensor");
    for (const auto& group : groups_) {
      for (const Tensor& known : group) {
        RL_CHECK_AS(ValueError, !known.is_same(p), "some parameters appear in more than one parameter group");
      }
    }
  }
  states_.resize(states_.size() + parameters.size());
  groups_.push_back(std::move(parameters));
}

void Optimizer::zero_grad(bool set_to_none) {
  const autograd::NoGrad no_grad;
  for (const auto& group : groups_) {
    for (const Tensor& p : group) {
      const Tensor grad = p.grad();
      if (!grad.defined()) continue;
      if (set_to_none) p.set_grad({});
      else p.set_grad(grad.detach().zero_());
    }
  }
}

void Optimizer::step_parameter(Batch& batch, cpu::Update update, const Slots& slots, int64_t parameter,
                               const Tensor& tensor, void (*prepare)(const void*, Numbers&, cpu::Update&),
                               const void* options) {
  const Tensor grad = tensor.grad();
  if (!grad.defined()) return;
  const autograd::NoGrad no_grad;
  ParameterState& state = states_[static_cast<size_t>(parameter)];
  Numbers numbers;
  double* values[] = {&numbers.step, &numbers.second, &numbers.third};
  Tensor number_tensors[3], arrays[cpu::Update::kMaxState];
  int count = 0;
  for (const Slot& slot : slots) {
    bool is_new = false;
    Tensor entry = entry_of(state, slot, tensor, is_new);
    if (slot.kind == Slot::FirstGradient) update.first = is_new;
    if (slot.kind != Slot::Number) {
      arrays[slot.index] = std::move(entry);
      continue;
    }
    *values[count] = entry.item<double>();
    number_tensors[count++] = std::move(entry);
  }
  numbers.step += 1;
  prepare(options, numbers, update);
  for (int i = 0; i < count; ++i) number_tensors[i].fill_(*values[i]);
  batch.add(update, tensor, grad, arrays);
}

}  // namespace rushlight::optim

// Optimizers for C++ programs.
//
//   auto model = nn::make<nn::Linear>(2, 1);
//   optim::Adam optimizer(model->parameters(), {.lr = 1e-3});
//   Tensor loss = model(ones({8, 2})).square().mean();
//   optimizer.zero_grad();
//   loss.backward();
//   optimizer.step();
//   assert(optimizer.state(0)[0].first == "step");
//
// state(i) holds what PyTorch keeps for parameter i, under the same names.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "rushlight/core/tensor.h"
#include "rushlight/optim/batch.h"
#include "rushlight/optim/rules.h"

namespace rushlight::optim {

// The state of one parameter: named tensors, numbers as 0-d tensors.
using ParameterState = std::vector<std::pair<std::string, Tensor>>;

namespace detail {

template <class Items>
auto& item(Items& items, int64_t index) {
  RL_CHECK_AS(IndexError, index >= 0 && index < static_cast<int64_t>(items.size()), "index ", index,
              " is out of range");
  return items[static_cast<size_t>(index)];
}

}  // namespace detail

class Optimizer {
 public:
  virtual ~Optimizer() = default;

  // Updates every parameter that has a gradient.
  virtual void step() = 0;
  // Forgets the gradients, or fills them with zeros.
  void zero_grad(bool set_to_none = true);

  // What schedules need: the learning rate of each group. Here and below, numbers out of range are an
  // IndexError.
  int64_t num_groups() const { return static_cast<int64_t>(groups_.size()); }
  virtual double lr(int64_t group) const = 0;
  virtual void set_lr(int64_t group, double lr) = 0;

  // Parameters are numbered through all groups. Empty until the first step with a gradient.
  const std::vector<Tensor>& parameters(int64_t group) const { return detail::item(groups_, group); }
  const ParameterState& state(int64_t parameter) const { return detail::item(states_, parameter); }
  void set_state(int64_t parameter, ParameterState state) {
    detail::item(states_, parameter) = std::move(state);
  }

 protected:
  // ValueError for an empty list, a non-leaf, or a parameter that is there already.
  void add_parameters(std::vector<Tensor> parameters);
  void step_parameter(Batch& batch, cpu::Update update, const Slots& slots, int64_t parameter,
                      const Tensor& tensor,
                      void (*prepare)(const void* options, Numbers& numbers, cpu::Update& update),
                      const void* options);

  std::vector<std::vector<Tensor>> groups_;
  std::vector<ParameterState> states_;
};

// An optimizer with the options of rules.h.
template <class Options>
class OptimizerOf final : public Optimizer {
 public:
  explicit OptimizerOf(std::vector<Tensor> parameters, Options options = {}) {
    add_group(std::move(parameters), options);
  }

  // More parameters, with options of their own.
  void add_group(std::vector<Tensor> parameters, Options options) {
    add_parameters(std::move(parameters));
    options_.push_back(options);
  }
  Options& options(int64_t group = 0) { return detail::item(options_, group); }

  double lr(int64_t group) const override { return detail::item(options_, group).lr; }
  void set_lr(int64_t group, double lr) override { detail::item(options_, group).lr = lr; }

  void step() override {
    Batch batch;
    int64_t parameter = 0;
    for (size_t g = 0; g < groups_.size(); ++g) {
      Slots slots;
      options_[g].slots(slots);
      for (const Tensor& tensor : groups_[g]) {
        step_parameter(batch, {Options::kRule, tensor.dtype(), options_[g].maximize}, slots, parameter++,
                       tensor, prepare, &options_[g]);
      }
    }
    batch.run();
  }

 private:
  static void prepare(const void* options, Numbers& numbers, cpu::Update& update) {
    static_cast<const Options*>(options)->prepare(numbers, update);
  }
  std::vector<Options> options_;
};

using SGD = OptimizerOf<SgdOptions>;
using Adam = OptimizerOf<AdamOptions>;
using AdamW = OptimizerOf<AdamWOptions>;
using Adagrad = OptimizerOf<AdagradOptions>;
using RMSprop = OptimizerOf<RmsPropOptions>;
using Adadelta = OptimizerOf<AdadeltaOptions>;
using Adamax = OptimizerOf<AdamaxOptions>;
using NAdam = OptimizerOf<NAdamOptions>;
using RAdam = OptimizerOf<RAdamOptions>;
using Rprop = OptimizerOf<RpropOptions>;
using ASGD = OptimizerOf<AsgdOptions>;

}  // namespace rushlight::optim

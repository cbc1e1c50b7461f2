// Modules that hold modules.
#pragma once

#include "rushlight/nn/module.h"

namespace rushlight::nn {

// Children named "0", "1", ..., each fed with what the one before gave.
//
//   auto net = nn::sequential(nn::make<nn::Linear>(2, 16), nn::make<nn::ReLU>(), nn::make<nn::Linear>(16,
//   1));
class Sequential : public Module {
 public:
  RL_OPTIONS(Sequential)
  Tensor forward(const Tensor& input) override;
  void push_back(const Shared<Module>& module) { register_module(std::to_string(children().size()), module); }
  int64_t size() const { return static_cast<int64_t>(children().size()); }
  Shared<Module> operator[](int64_t index) const;
};

template <class... M>
Shared<Sequential> sequential(const Shared<M>&... modules) {
  auto out = make<Sequential>();
  (out->push_back(modules), ...);
  return out;
}

// A list of children that does not compute.
class ModuleList : public Module {
 public:
  RL_OPTIONS(ModuleList)
  void push_back(const Shared<Module>& module) { register_module(std::to_string(children().size()), module); }
  int64_t size() const { return static_cast<int64_t>(children().size()); }
  Shared<Module> operator[](int64_t index) const;
  std::string to_string() override;  // neighbours that print alike as one: "(0-2): 3 x ReLU()"
};

// Children by name.
class ModuleDict : public Module {
 public:
  RL_OPTIONS(ModuleDict)
  void insert(const std::string& name, const Shared<Module>& module) { register_module(name, module); }
  Shared<Module> operator[](const std::string& name) const;  // KeyError
};

}  // namespace rushlight::nn

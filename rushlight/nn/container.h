// Modules that hold modules or parameters. The functions take braces, whose elements C++ evaluates in order,
// so that a seed gives the same weights as it does in Python:
//
//   auto body = nn::sequential({nn::make<nn::Linear>(2, 16), nn::make<nn::ReLU>()});
//   auto heads = nn::module_dict({{"digit", nn::make<nn::Linear>(16, 10)}});
//   heads->insert("sign", nn::make<nn::Linear>(16, 1));
//   Tensor y = (*heads)["digit"](body(ones({3, 2})));
//   assert(y.sizes() == Dims({3, 10}));
//
// Names, keys of the state dict and printed form are those of Python's classes. All but Sequential only hold:
// a call is an error. Names follow register_module and register_parameter (KeyError).
#pragma once

#include <initializer_list>
#include <string>
#include <utility>

#include "rushlight/nn/module.h"

namespace rushlight::nn {

using NamedModule = std::pair<std::string, Shared<Module>>;
using NamedParameter = std::pair<std::string, Tensor>;

// Children in order, each fed with what the one before gave.
class Sequential : public Module {
 public:
  RL_OPTIONS(Sequential)
  Tensor forward(const Tensor& input) override;
  void push_back(const Shared<Module>& module) { register_module(std::to_string(size()), module); }
  int64_t size() const { return static_cast<int64_t>(children().size()); }
  Shared<Module> operator[](int64_t index) const;  // negative ones count from the end; IndexError
};
Shared<Sequential> sequential(std::initializer_list<Shared<Module>> modules);  // named "0", "1", ...
Shared<Sequential> sequential(std::initializer_list<NamedModule> modules);

// Children named "0", "1", ...
class ModuleList : public Module {
 public:
  RL_OPTIONS(ModuleList)
  void push_back(const Shared<Module>& module) { register_module(std::to_string(size()), module); }
  int64_t size() const { return static_cast<int64_t>(children().size()); }
  Shared<Module> operator[](int64_t index) const;  // negative ones count from the end; IndexError
  std::string to_string() override;                // neighbours that print alike as one: "(0-2): 3 x ReLU()"
};
Shared<ModuleList> module_list(std::initializer_list<Shared<Module>> modules);

// Children by name, in the order of insertion.
class ModuleDict : public Module {
 public:
  RL_OPTIONS(ModuleDict)
  void insert(const std::string& name, const Shared<Module>& module) { register_module(name, module); }
  int64_t size() const { return static_cast<int64_t>(children().size()); }
  bool contains(const std::string& name) const;
  Shared<Module> operator[](const std::string& name) const;  // KeyError
};
Shared<ModuleDict> module_dict(std::initializer_list<NamedModule> modules);

// Parameters named "0", "1", ... What is given becomes a leaf that requires grad: of a computed tensor its
// values are taken, and integers are a RuntimeError.
class ParameterList : public Module {
 public:
  RL_OPTIONS(ParameterList)
  Tensor forward(const Tensor& input) override;  // RuntimeError
  std::string extra_repr() override;
  void push_back(const Tensor& value);
  int64_t size() const { return static_cast<int64_t>(own_parameters().size()); }
  Tensor operator[](int64_t index) const;  // negative ones count from the end; IndexError
};
Shared<ParameterList> parameter_list(std::initializer_list<Tensor> values);

// Parameters by name, in the order of insertion; what is given becomes one as in ParameterList.
class ParameterDict : public Module {
 public:
  RL_OPTIONS(ParameterDict)
  Tensor forward(const Tensor& input) override;  // RuntimeError
  std::string extra_repr() override;
  void insert(const std::string& name, const Tensor& value);
  int64_t size() const { return static_cast<int64_t>(own_parameters().size()); }
  bool contains(const std::string& name) const;
  Tensor operator[](const std::string& name) const;  // AttributeError, as in Python
};
Shared<ParameterDict> parameter_dict(std::initializer_list<NamedParameter> values);

}  // namespace rushlight::nn

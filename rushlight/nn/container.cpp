#include "rushlight/nn/container.h"

#include <algorithm>

#include "rushlight/nn/text.h"
#include "rushlight/ops/type_name.h"

namespace rushlight::nn {

namespace {

template <class T>
T item_at(const Named<T>& items, int64_t index) {
  const int64_t n = static_cast<int64_t>(items.size());
  RL_CHECK_AS(IndexError, index >= -n && index < n, "index ", index, " is out of range");
  return items[static_cast<size_t>(index < 0 ? index + n : index)].second;
}

template <class T>
bool has_name(const Named<T>& items, const std::string& name) {
  return std::ranges::any_of(items, [&](const auto& item) { return item.first == name; });
}

template <class List, class T>
Shared<List> make_list(std::initializer_list<T> items) {
  auto out = make<List>();
  for (const T& item : items) out->push_back(item);
  return out;
}

template <class Dict, class T>
Shared<Dict> make_dict(std::initializer_list<std::pair<std::string, T>> items) {
  auto out = make<Dict>();
  for (const auto& [name, item] : items) out->insert(name, item);
  return out;
}

// What torch.nn.Parameter makes of a tensor: a leaf that requires grad.
Tensor as_parameter(const Tensor& value) {
  const Tensor leaf = value.is_leaf() ? value : value.detach();
  return leaf.set_requires_grad(true);
}

// A line for each parameter; `type` names the type of its elements, which Python's two classes call
// differently.
template <class TypeName>
std::string describe(const Named<Tensor>& parameters, TypeName type) {
  std::string out;
  for (const auto& [name, t] : parameters) {
    std::string size;
    for (int64_t n : t.sizes()) size += concat(size.empty() ? "" : "x", n);
    out += concat(out.empty() ? "" : "\n", "  (", name, "): Parameter containing: [", type(t.dtype()),
                  " of size ", size, "]");
  }
  return out;
}

}  // namespace

// ---- Sequential

Tensor Sequential::forward(const Tensor& input) {
  Tensor x = input;
  for (auto& [name, child] : children()) x = child(x);
  return x;
}

Shared<Module> Sequential::operator[](int64_t index) const { return item_at(children(), index); }

Shared<Sequential> sequential(std::initializer_list<Shared<Module>> modules) {
  return make_list<Sequential>(modules);
}

Shared<Sequential> sequential(std::initializer_list<NamedModule> modules) {
  auto out = make<Sequential>();
  for (const auto& [name, module] : modules) out->register_module(name, module);
  return out;
}

// ---- Lists and dicts of modules

Shared<Module> ModuleList::operator[](int64_t index) const { return item_at(children(), index); }

std::string ModuleList::to_string() {
  const Named<Shared<Module>> modules = children();
  if (modules.empty()) return class_name() + "()";
  const auto text_of = [&](size_t i) { return modules[i].second ? modules[i].second->to_string() : "None"; };
  std::string lines;
  for (size_t first = 0, next; first < modules.size(); first = next) {
    const std::string text = text_of(first);
    next = first + 1;
    while (next < modules.size() && text_of(next) == text) ++next;
    lines += next - first == 1
                 ? concat("\n  (", first, "): ", indent(text))
                 : concat("\n  (", first, "-", next - 1, "): ", next - first, " x ", indent(text));
  }
  return class_name() + "(" + lines + "\n)";
}

Shared<ModuleList> module_list(std::initializer_list<Shared<Module>> modules) {
  return make_list<ModuleList>(modules);
}

bool ModuleDict::contains(const std::string& name) const { return has_name(children(), name); }

Shared<Module> ModuleDict::operator[](const std::string& name) const {
  for (const auto& [key, child] : children()) {
    if (key == name) return child;
  }
  throw_error<KeyError>("'", name, "'");
}

Shared<ModuleDict> module_dict(std::initializer_list<NamedModule> modules) {
  return make_dict<ModuleDict>(modules);
}

// ---- Lists and dicts of parameters

Tensor ParameterList::forward(const Tensor&) {
  throw_error<RuntimeError>("ParameterList should not be called.");
}

std::string ParameterList::extra_repr() {
  return describe(own_parameters(), [](DType t) { return concat("torch.", info(t).name); });
}

void ParameterList::push_back(const Tensor& value) {
  register_parameter(std::to_string(size()), as_parameter(value));
}

Tensor ParameterList::operator[](int64_t index) const { return item_at(own_parameters(), index); }

Shared<ParameterList> parameter_list(std::initializer_list<Tensor> values) {
  return make_list<ParameterList>(values);
}

Tensor ParameterDict::forward(const Tensor&) {
  throw_error<RuntimeError>("ParameterDict should not be called.");
}

std::string ParameterDict::extra_repr() { return describe(own_parameters(), tensor_type_name); }

void ParameterDict::insert(const std::string& name, const Tensor& value) {
  register_parameter(name, as_parameter(value));
}

bool ParameterDict::contains(const std::string& name) const { return has_name(own_parameters(), name); }

Tensor ParameterDict::operator[](const std::string& name) const {
  for (const auto& [key, value] : own_parameters()) {
    if (key == name) return value;
  }
  throw_error<AttributeError>("'", class_name(), "' object has no attribute '", name, "'");
}

Shared<ParameterDict> parameter_dict(std::initializer_list<NamedParameter> values) {
  return make_dict<ParameterDict>(values);
}

}  // namespace rushlight::nn

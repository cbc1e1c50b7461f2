#include "rushlight/nn/container.h"

#include "rushlight/nn/text.h"

namespace rushlight::nn {

namespace {

Shared<Module> child_at(const Named<Shared<Module>>& children, int64_t index) {
  const int64_t n = static_cast<int64_t>(children.size());
  RL_CHECK_AS(IndexError, index >= -n && index < n, "index ", index, " is out of range");
  return children[static_cast<size_t>(index < 0 ? index + n : index)].second;
}

}  // namespace

Tensor Sequential::forward(const Tensor& input) {
  Tensor x = input;
  for (auto& [name, child] : children()) x = (*child)(x);
  return x;
}

Shared<Module> Sequential::operator[](int64_t index) const { return child_at(children(), index); }
Shared<Module> ModuleList::operator[](int64_t index) const { return child_at(children(), index); }

std::string ModuleList::to_string() {
  const Named<Shared<Module>> modules = children();
  if (modules.empty()) return class_name() + "()";
  std::string lines;
  for (size_t first = 0, next; first < modules.size(); first = next) {
    const std::string text = modules[first].second->to_string();
    next = first + 1;
    while (next < modules.size() && modules[next].second->to_string() == text) ++next;
    lines += next - first == 1
                 ? concat("\n  (", first, "): ", indent(text))
                 : concat("\n  (", first, "-", next - 1, "): ", next - first, " x ", indent(text));
  }
  return class_name() + "(" + lines + "\n)";
}

Shared<Module> ModuleDict::operator[](const std::string& name) const {
  for (auto& [key, child] : children()) {
    if (key == name) return child;
  }
  throw_error<KeyError>("'", name, "'");
}

}  // namespace rushlight::nn

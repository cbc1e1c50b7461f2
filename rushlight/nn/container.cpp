#include "rushlight/nn/container.h"

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

Shared<Module> ModuleDict::operator[](const std::string& name) const {
  for (auto& [key, child] : children()) {
    if (key == name) return child;
  }
  throw_error<KeyError>("'", name, "'");
}

}  // namespace rushlight::nn

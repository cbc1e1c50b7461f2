#include "rushlight/nn/module.h"

#include <algorithm>

#include "rushlight/autograd/variable.h"
#include "rushlight/nn/text.h"
#include "rushlight/ops/ops.h"

namespace rushlight::nn {

// ---- Reference counts

void Module::retain() const {
  uintptr_t v = count_.load(std::memory_order_relaxed);
  while (v & 1) {
    if (count_.compare_exchange_weak(v, v + 2, std::memory_order_relaxed)) return;
  }
  peer->retain(reinterpret_cast<void*>(v));
}

void Module::release() const {
  uintptr_t v = count_.load(std::memory_order_relaxed);
  while (v & 1) {
    if (count_.compare_exchange_weak(v, v - 2, std::memory_order_acq_rel, std::memory_order_relaxed)) {
      if (v == 3) delete this;
      return;
    }
  }
  peer->release(reinterpret_cast<void*>(v));
}

void Ownership::give(Module& m, void* self) {
  uintptr_t v = m.count_.load(std::memory_order_relaxed);
  while (!m.count_.compare_exchange_weak(v, reinterpret_cast<uintptr_t>(self), std::memory_order_acq_rel)) {
  }
  for (uintptr_t n = v >> 1; n > 0; --n) peer->retain(self);
  m.self_ = self;
}

// ---- State

namespace {

constexpr std::string_view kModuleKind = "module";

template <class T>
T* lookup(Named<T>& registry, std::string_view name) {
  for (auto& [key, value] : registry) {
    if (key == name) return &value;
  }
  return nullptr;
}
template <class T>
const T* lookup(const Named<T>& registry, std::string_view name) {
  return lookup(const_cast<Named<T>&>(registry), name);
}

template <class T>
void put(Named<T>& registry, const std::string& name, T value) {
  if (T* known = lookup(registry, name)) *known = std::move(value);
  else registry.emplace_back(name, std::move(value));
}

std::string join(const std::string& prefix, const std::string& name) {
  return prefix.empty() ? name : prefix + "." + name;
}

}  // namespace

Tensor Module::forward(const Tensor&) {
  throw_error<NotImplementedError>("Module [", class_name(),
                                   "] is missing the required \"forward\" function");
}
Tensor Module::forward(const Tensor&, const Tensor&) {
  throw_error<NotImplementedError>("Module [", class_name(),
                                   "] is missing the required \"forward\" function");
}

Tensor Module::find_tensor(std::string_view name) const {
  if (const Tensor* t = lookup(parameters_, name)) return *t;
  if (const Buffer* b = lookup(buffers_, name)) return b->value;
  throw_error<AttributeError>("'", class_name(), "' object has no attribute '", name, "'");
}

void Module::set_tensor(const Name& name, const Tensor& value) {
  if (self_) return peer->set_tensor(self_, name, value);
  if (Tensor* t = lookup(parameters_, name.text())) *t = value;
  else if (Buffer* b = lookup(buffers_, name.text())) b->value = value;
  else throw_error<AttributeError>("'", class_name(), "' object has no attribute '", name.text(), "'");
}

void Module::check_name(std::string_view what, const std::string& name) const {
  RL_CHECK_AS(KeyError, name.find('.') == std::string::npos, what, " name can't contain \".\"",
              what == kModuleKind ? concat(", got: ", name) : "");
  RL_CHECK_AS(KeyError, !name.empty(), what, " name can't be empty string \"\"");
  RL_CHECK(!self_, "this module belongs to Python: register ", what, "s there");
}

void Module::register_parameter(const std::string& name, const Tensor& value) {
  check_name("parameter", name);
  RL_CHECK_AS(KeyError, !lookup(buffers_, name) && !lookup(children_, name), "attribute '", name,
              "' already exists");
  if (value.defined()) {
    RL_CHECK_AS(ValueError, value.is_leaf(), "Cannot assign non-leaf Tensor to parameter '", name,
                "'. Model parameters must be created explicitly. To express '", name,
                "' as a function of another Tensor, compute the value in the forward() method.");
    value.impl()->parameter = true;
    if (is_inexact(value.dtype())) value.set_requires_grad(true);
  }
  put(parameters_, name, value);
}

void Module::new_parameter(const char* name, DimsRef sizes, const OptDevice& device, const OptDType& dtype) {
  register_parameter(name, make_tensor(sizes, dtype.value_or(default_dtype()), device.value_or(Device())));
}

void Module::register_buffer(const std::string& name, const Tensor& value, bool persistent) {
  check_name("buffer", name);
  RL_CHECK_AS(KeyError, !lookup(parameters_, name) && !lookup(children_, name), "attribute '", name,
              "' already exists");
  put(buffers_, name, {value, persistent});
}

void Module::register_module(const std::string& name, const Shared<Module>& child) {
  if (self_) return peer->set_child(self_, name, *child);
  check_name(kModuleKind, name);
  RL_CHECK_AS(KeyError, !lookup(parameters_, name) && !lookup(buffers_, name), "attribute '", name,
              "' already exists");
  put(children_, name, child);
}

// ---- Walks

// Calls f(path, module) for this module and those below, parents first, each module once.
template <class F>
void Module::visit_below(const std::string& prefix, std::vector<const Module*>& seen, F&& f) {
  const auto identity = reinterpret_cast<const Module*>(self_ ? self_ : this);
  if (std::find(seen.begin(), seen.end(), identity) != seen.end()) return;
  seen.push_back(identity);
  f(prefix, *this);
  for (auto& [name, child] : children()) {
    if (child) child->visit_below(join(prefix, name), seen, f);
  }
}

Named<Shared<Module>> Module::named_modules(const std::string& prefix) {
  Named<Shared<Module>> out;
  std::vector<const Module*> seen;
  visit_below(prefix, seen,
              [&](const std::string& path, Module& m) { out.emplace_back(path, Shared<Module>(&m)); });
  return out;
}

std::vector<Shared<Module>> Module::modules() {
  std::vector<Shared<Module>> out;
  for (auto& [name, m] : named_modules()) out.push_back(m);
  return out;
}

namespace {

// Appends tensors that are not there yet.
void append_new(Named<Tensor>& out, const std::string& prefix, const std::string& name, const Tensor& t) {
  if (!t.defined()) return;
  for (const auto& [key, known] : out) {
    if (known.is_same(t)) return;
  }
  out.emplace_back(join(prefix, name), t);
}

}  // namespace

Named<Tensor> Module::named_parameters(const std::string& prefix, bool recurse) const {
  Named<Tensor> out;
  std::vector<const Module*> seen;
  auto collect = [&](const std::string& path, const Module& m) {
    for (const auto& [name, t] : m.own_parameters()) append_new(out, path, name, t);
  };
  if (recurse) const_cast<Module*>(this)->visit_below(prefix, seen, collect);
  else collect(prefix, *this);
  return out;
}

Named<Tensor> Module::named_buffers(const std::string& prefix, bool recurse) const {
  Named<Tensor> out;
  std::vector<const Module*> seen;
  auto collect = [&](const std::string& path, const Module& m) {
    for (const auto& [name, b] : m.own_buffers()) append_new(out, path, name, b.value);
  };
  if (recurse) const_cast<Module*>(this)->visit_below(prefix, seen, collect);
  else collect(prefix, *this);
  return out;
}

std::vector<Tensor> Module::parameters(bool recurse) const {
  std::vector<Tensor> out;
  for (auto& [name, t] : named_parameters("", recurse)) out.push_back(std::move(t));
  return out;
}
std::vector<Tensor> Module::buffers(bool recurse) const {
  std::vector<Tensor> out;
  for (auto& [name, t] : named_buffers("", recurse)) out.push_back(std::move(t));
  return out;
}

void Module::train(bool mode) {
  if (self_) peer->set_training(self_, mode);
  else training_ = mode;
  for (auto& [name, child] : children()) {
    if (child) child->train(mode);
  }
}

void Module::requires_grad_(bool requires_grad) {
  for (const Tensor& p : parameters()) p.set_requires_grad(requires_grad);
}

void Module::zero_grad(bool set_to_none) {
  for (const Tensor& p : parameters()) {
    if (!p.grad().defined()) continue;
    if (set_to_none) p.set_grad(Tensor());
    else p.set_grad(zeros_like(p.grad().detach()));
  }
}

void Module::apply(const std::function<void(Module&)>& f) {
  for (auto& [name, child] : children()) {
    if (child) child->apply(f);
  }
  f(*this);
}

// Parameters keep their identity, so that optimizers made before still hold them.
void Module::convert(const std::function<Tensor(const Tensor&)>& f) {
  autograd::NoGrad guard;
  for (const Shared<Module>& m : modules()) {
    auto convert_one = [&](const Tensor& t) {
      if (!t.defined()) return;
      const Tensor changed = f(t.data());
      TensorImpl& impl = *t.impl();
      impl.storage = changed.storage();
      impl.dtype = changed.dtype();
      impl.device = changed.device();
      impl.set_geometry(changed.sizes(), changed.strides(), changed.storage_offset());
      if (t.grad().defined()) t.set_grad(f(t.grad()));
    };
    for (auto& [name, t] : m->own_parameters()) convert_one(t);
    for (auto& [name, b] : m->own_buffers()) convert_one(b.value);
  }
}

void Module::to(DType dtype) {
  RL_CHECK_AS(TypeError, is_inexact(dtype),
              "nn.Module.to only accepts floating point or complex dtypes, but got desired dtype=torch.",
              info(dtype).name);
  convert([dtype](const Tensor& t) { return is_inexact(t.dtype()) ? t.to(dtype) : t; });
}
void Module::to(Device device) { RL_CHECK(device == Device(), "modules live on the CPU in this build"); }

// ---- State dict

void Module::collect_state(const std::string& prefix, Named<Tensor>& out) const {
  for (const auto& [name, t] : own_parameters()) {
    if (t.defined()) out.emplace_back(prefix + name, t.detach());
  }
  for (const auto& [name, b] : own_buffers()) {
    if (b.value.defined() && b.persistent) out.emplace_back(prefix + name, b.value.detach());
  }
  for (const auto& [name, child] : children()) {
    if (child) child->collect_state(prefix + name + ".", out);
  }
}

Named<Tensor> Module::state_dict(const std::string& prefix) const {
  Named<Tensor> out;
  collect_state(prefix, out);
  return out;
}

IncompatibleKeys Module::load_state_dict(const Named<Tensor>& state, bool strict) {
  autograd::NoGrad guard;
  IncompatibleKeys keys;
  std::string problems;
  const Named<Tensor> own = state_dict();
  for (const auto& [name, target] : own) {
    const Tensor* source = lookup(state, name);
    if (!source) {
      keys.missing.push_back(name);
    } else if (source->sizes() != target.sizes()) {
      problems += concat("\n\tsize mismatch for ", name, ": copying a param with shape torch.Size(",
                         rushlight::to_string(source->sizes()),
                         ") from checkpoint, the shape in current model is torch.Size(",
                         rushlight::to_string(target.sizes()), ").");
    } else {
      target.copy_(*source);
    }
  }
  for (const auto& [name, t] : state) {
    if (!lookup(own, name)) keys.unexpected.push_back(name);
  }
  auto list = [](const std::vector<std::string>& names) {
    std::string out;
    for (const std::string& n : names) out += concat(out.empty() ? "" : ", ", '"', n, '"');
    return out;
  };
  if (strict) {
    std::string first;
    if (!keys.unexpected.empty())
      first += concat("\n\tUnexpected key(s) in state_dict: ", list(keys.unexpected), ". ");
    if (!keys.missing.empty())
      first = concat("\n\tMissing key(s) in state_dict: ", list(keys.missing), ". ") + first;
    problems = first + problems;
  }
  RL_CHECK(problems.empty(), "Error(s) in loading state_dict for ", class_name(), ":", problems);
  return keys;
}

}  // namespace rushlight::nn

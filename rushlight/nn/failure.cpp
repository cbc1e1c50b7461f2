#include "rushlight/nn/failure.h"

#include "rushlight/nn/module.h"

namespace rushlight::nn {

namespace {

// What the innermost module wrote last on this thread. An error whose hint ends with it comes from there.
struct Trail {
  const void* module = nullptr;  // the last one that the error left
  std::string path;              // from that one to the one that failed
  std::string layer, inputs;     // what failed
  std::string text;
};
thread_local Trail trail;

const void* identity(const Module& m) { return m.self() ? m.self() : &m; }

std::string join(const std::string& a, const std::string& b) {
  return a.empty() || b.empty() ? a + b : a + "." + b;
}

std::string describe(TensorList inputs) {
  std::string out;
  for (const Tensor& t : inputs) {
    if (!t.defined()) continue;
    out += concat(out.empty() ? "" : ", ", to_string(t.sizes()));
    if (t.dtype() != DType::Float32) out += concat(" (torch.", info(t.dtype()).name, ")");
  }
  if (out.empty()) return out;
  return (inputs.size() == 1 ? ", input of shape " : ", inputs of shapes ") + out;
}

// A layer as it prints; what holds other modules, by its class.
std::string describe(Module& m) { return m.children().empty() ? m.to_string() : m.class_name(); }

// Where below m the module is that the error left last; empty when it is none of m's.
std::string path_to(const void* inner, Module& m) {
  for (auto& [path, child] : m.named_modules())
    if (identity(*child) == inner) return path;
  return "";
}

std::string text_of(const Trail& t, Module& outermost) {
  return t.path.empty() ? concat("in ", t.layer, t.inputs)
                        : concat("in ", outermost.class_name(), ".", t.path, " (", t.layer, ")", t.inputs);
}

}  // namespace

std::string explained(const std::string& hint, Module& m, TensorList inputs) {
  const bool continues = !trail.text.empty() && hint.ends_with(trail.text);
  if (!continues) {
    trail = {identity(m), "", describe(m), describe(inputs), ""};
    trail.text = text_of(trail, m);
    return hint.empty() ? trail.text : hint + "\n" + trail.text;
  }
  const std::string path = path_to(trail.module, m);
  if (path.empty()) return hint;  // the module calls one that it does not hold
  const std::string before = hint.substr(0, hint.size() - trail.text.size());
  trail.module = identity(m);
  trail.path = join(path, trail.path);
  trail.text = text_of(trail, m);
  return before + trail.text;
}

void explain_failure(Error& error, Module& module, TensorList inputs) noexcept {
  try {
    Error changed(error.message());
    changed.add_hint(explained(error.hint(), module, inputs));
    error = changed;  // message and hint alone: what kind of error it is stays
  } catch (...) {     // the error itself matters more than its explanation
  }
}

}  // namespace rushlight::nn

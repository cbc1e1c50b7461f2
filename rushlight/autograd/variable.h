// A tensor's place in the graph, and the switches that decide whether operations are recorded.
#pragma once

#include "rushlight/autograd/node.h"
#include "rushlight/core/free_list.h"

namespace rushlight::autograd {

struct AutogradMeta final : AutogradMetaBase {
  RL_POOLED(AutogradMeta);
  ~AutogradMeta() override;
  Tensor grad;
  Ref<Node> grad_fn;
  uint32_t output_slot = 0;
  bool requires_grad = false;  // of a leaf
  bool retains_grad = false;
  // A leaf's accumulator, weak: the graph owns it. The flag guards the pointer.
  std::atomic_flag accumulator_lock = ATOMIC_FLAG_INIT;
  Node* accumulator = nullptr;
  // Hooks on the gradient of a leaf; those of other tensors sit on grad_fn.
  InlineVector<Ref<Node::Hook>, 1> hooks, post_accumulate_hooks;
  uint32_t view_version = 0;  // of a view: that of the memory when grad_fn was last right
};

AutogradMeta* meta(const Tensor& tensor);       // nullptr when there is none
AutogradMeta& make_meta(const Tensor& tensor);  // made on demand

bool grad_enabled();
void set_grad_enabled(bool enabled);
bool inference_mode_enabled();
void set_inference_mode(bool enabled);

// Scope in which operations are (not) recorded.
class GradMode {
 public:
  explicit GradMode(bool enabled) : previous_(grad_enabled()) { set_grad_enabled(enabled); }
  ~GradMode() { set_grad_enabled(previous_); }
  GradMode(const GradMode&) = delete;

 private:
  bool previous_;
};
struct NoGrad : GradMode {
  NoGrad() : GradMode(false) {}
};

// Does this tensor take part in a gradient; says nothing of the mode.
inline bool has_history(const Tensor& t) {
  if (!t.defined()) return false;
  const auto* m = static_cast<const AutogradMeta*>(t.impl()->autograd.get());
  return m && (m->grad_fn || m->requires_grad);
}

template <class... Tensors>
bool tracks(const Tensors&... tensors) {
  return (has_history(tensors) || ...) && grad_enabled();
}
bool tracks(TensorList tensors);

// The edge that carries gradients to this tensor: its grad_fn, or a leaf's accumulator, or none.
Edge gradient_edge(const Tensor& tensor);

// An in-place change of `self` is about to happen: RuntimeError where PyTorch refuses (leaf that requires
// grad, view of one, inference tensor outside inference mode).
void check_in_place(const Tensor& self);

// `self` was rewritten in place and its new history is output 0 of `node`. Bumps the version; a view's change
// also becomes part of the history of its base.
void rebase_history(const Tensor& self, Ref<Node> node);

// Makes the history of `result`, whose elements were just copied into `self`, that of `self`.
void adopt_history(const Tensor& self, const Tensor& result);

// `view` is a view of `base` (or of its base): in-place changes of either then become the history of both. A
// function that returns several views says so, because PyTorch forbids changing those.
void set_view(const Tensor& view, const Tensor& base, bool one_of_several = false);

// The node that made this tensor, refreshed when an in-place change of its base made it stale; null for
// leaves.
Ref<Node> grad_fn(const Tensor& tensor);

// What a second backward through a released graph says.
extern const char kReleasedMessage[];

// The base of a differentiable view; undefined for other tensors.
Tensor view_base(const Tensor& tensor);

}  // namespace rushlight::autograd

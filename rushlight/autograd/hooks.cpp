#include "rushlight/autograd/hooks.h"

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "rushlight/autograd/retain.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/core/free_list.h"

namespace rushlight::autograd {
namespace {

// A hook on a tensor that is no leaf: one of the gradients that reach its grad_fn.
struct SlotHook final : Node::Hook {
  SlotHook(Ref<Node::Hook> hook, uint32_t slot) : inner(std::move(hook)), slot(slot) {}
  void run(Gradients& inputs, Gradients& outputs) override {
    Gradients one{outputs[slot]};
    inner->run(inputs, one);
    outputs[slot] = one[0];
  }
  Ref<Node::Hook> inner;
  uint32_t slot;
};

// Stores the gradient that reaches a node as the grad of one of its outputs. The tensor is known weakly: the
// node lives longer.
struct RetainHook final : Node::Hook {
  explicit RetainHook(const Tensor& t) : tensor(t.impl()), slot(meta(t)->output_slot) {}
  void run(Gradients&, Gradients& outputs) override {
    Ref<TensorImpl> alive;
    {
      std::lock_guard lock(mutex);
      if (tensor) alive = Ref<TensorImpl>::if_alive(tensor);
    }
    if (!alive || !outputs[slot].defined()) return;
    const Tensor t(std::move(alive));
    t.set_grad(t.grad().defined() ? t.grad().add(outputs[slot]) : outputs[slot]);
  }
  std::mutex mutex;
  TensorImpl* tensor;
  uint32_t slot;
};

RetainHook* retain_hook(AutogradMeta& m) {
  for (auto& hook : m.hooks)
    if (auto* retain = dynamic_cast<RetainHook*>(hook.get())) return retain;
  return nullptr;
}

// What is retained is what all other hooks have made of the gradient.
void push_before_retaining(Node& node, Ref<Node::Hook> hook) {
  node.pre_hooks.push_back(std::move(hook));
  for (size_t i = node.pre_hooks.size() - 1; i > 0 && dynamic_cast<RetainHook*>(node.pre_hooks[i - 1].get());
       --i) {
    std::swap(node.pre_hooks[i], node.pre_hooks[i - 1]);
  }
}

struct SavedHooksState {
  std::vector<Ref<SavedTensorHooks>> stack;
  std::optional<std::string> refusal;
};
SavedHooksState& saved_hooks_state() {
  static thread_local SavedHooksState state;
  return state;
}
RL_FAST_TLS constinit thread_local SavedTensorHooks* current_saved_hooks = nullptr;

std::atomic<bool> anomaly_enabled{false}, anomaly_checks_nan{true};

}  // namespace

void retain_gradient(const Tensor& tensor) {
  AutogradMeta& m = make_meta(tensor);
  if (m.retains_grad) return;
  Ref<Node> node = grad_fn(tensor);
  auto hook = make_ref<RetainHook>(tensor);
  m.hooks.push_back(hook);
  m.retains_grad = true;
  node->pre_hooks.push_back(std::move(hook));
}

void move_retained(const Tensor& tensor) {
  AutogradMeta& m = *meta(tensor);
  RetainHook* old = retain_hook(m);
  if (!old) return;
  forget_retained(m);
  m.hooks.clear();
  m.retains_grad = false;
  retain_gradient(tensor);
}

void forget_retained(AutogradMeta& m) {
  RetainHook* hook = retain_hook(m);
  if (!hook) return;
  std::lock_guard lock(hook->mutex);
  hook->tensor = nullptr;
}

void add_hook(const Tensor& tensor, Ref<Node::Hook> hook) {
  RL_CHECK(tensor.requires_grad(), "cannot register a hook on a tensor that doesn't require gradient");
  if (Ref<Node> node = grad_fn(tensor)) {
    push_before_retaining(*node, make_ref<SlotHook>(std::move(hook), meta(tensor)->output_slot));
  } else {
    make_meta(tensor).hooks.push_back(std::move(hook));
  }
}

void add_post_accumulate_hook(const Tensor& leaf, Ref<Node::Hook> hook) {
  RL_CHECK(leaf.requires_grad(), "cannot register a hook on a tensor that doesn't require gradient");
  RL_CHECK(leaf.is_leaf(), "post accumulate grad hooks cannot be registered on non-leaf tensors");
  make_meta(leaf).post_accumulate_hooks.push_back(std::move(hook));
}

SavedTensorHooks* saved_tensor_hooks() { return current_saved_hooks; }

void push_saved_tensor_hooks(Ref<SavedTensorHooks> hooks) {
  SavedHooksState& state = saved_hooks_state();
  RL_CHECK(!state.refusal, *state.refusal);
  current_saved_hooks = hooks.get();
  state.stack.push_back(std::move(hooks));
}

void pop_saved_tensor_hooks() {
  SavedHooksState& state = saved_hooks_state();
  RL_CHECK(!state.stack.empty(), "there are no hooks on saved tensors to remove");
  const Ref<SavedTensorHooks> last = std::move(state.stack.back());
  state.stack.pop_back();
  current_saved_hooks = state.stack.empty() ? nullptr : state.stack.back().get();
}

std::optional<std::string> disable_saved_tensor_hooks(std::optional<std::string> message) {
  SavedHooksState& state = saved_hooks_state();
  RL_CHECK(!message || state.stack.empty(), *message);
  return std::exchange(state.refusal, std::move(message));
}

Watch& watch() {
  static Watch watch{};
  return watch;
}

AnomalyMode anomaly_mode() {
  return {anomaly_enabled.load(std::memory_order_relaxed),
          anomaly_checks_nan.load(std::memory_order_relaxed)};
}
void set_anomaly_mode(AnomalyMode mode) {
  anomaly_enabled.store(mode.enabled, std::memory_order_relaxed);
  anomaly_checks_nan.store(mode.check_nan, std::memory_order_relaxed);
}

}  // namespace rushlight::autograd

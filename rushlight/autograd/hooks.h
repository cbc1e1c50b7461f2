// Hooks on the gradients of tensors.
#pragma once

#include "rushlight/autograd/node.h"

namespace rushlight::autograd {

// Runs `hook` when the gradient of `tensor` is complete: its outputs[0] is that gradient, which it may
// replace. RuntimeError for tensors that do not require grad.
void add_hook(const Tensor& tensor, Ref<Node::Hook> hook);

// Runs `hook` after a gradient was added to this leaf's grad: its outputs[0] is the leaf.
void add_post_accumulate_hook(const Tensor& leaf, Ref<Node::Hook> hook);

// Decides what is kept of the tensors that operations save for backward
// (torch.autograd.graph.saved_tensors_hooks).
struct SavedTensorHooks : Counted {
  // Nothing is recorded meanwhile. What is kept of an output must not refer to the output's history, which is
  // a ring.
  virtual Ref<PackedTensor> pack(const Tensor& tensor) = 0;
};
// The calling thread's; those pushed last are the ones that are asked, and none gives nullptr.
SavedTensorHooks* saved_tensor_hooks();
// RuntimeError with the text of disable_saved_tensor_hooks() while that is in force.
void push_saved_tensor_hooks(Ref<SavedTensorHooks> hooks);
void pop_saved_tensor_hooks();
// From now on hooks are refused with this text, or accepted again (nullopt); RuntimeError with the text if
// there are some. Returns what was in force before.
std::optional<std::string> disable_saved_tensor_hooks(std::optional<std::string> message);

// What watches the graph for its user. All functions may be null; Python sets them.
struct Watch {
  void (*node_made)(Node& node);    // while anomalies are looked for
  void (*node_failed)(Node& node);  // its backward threw
  void (*check_interrupt)();        // throws to stop a backward; called several times a second
};
Watch& watch();

// Anomaly mode: nodes remember where they were made, and gradients that are NaN are errors.
struct AnomalyMode {
  bool enabled = false, check_nan = true;
};
AnomalyMode anomaly_mode();
void set_anomaly_mode(AnomalyMode mode);

}  // namespace rushlight::autograd

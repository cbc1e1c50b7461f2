// Hooks on the gradients of tensors.
#pragma once

#include "rushlight/autograd/node.h"

namespace rushlight::autograd {

// Runs `hook` when the gradient of `tensor` is complete: its outputs[0] is that gradient, which it may
// replace. RuntimeError for tensors that do not require grad.
void add_hook(const Tensor& tensor, Ref<Node::Hook> hook);

// Runs `hook` after a gradient was added to this leaf's grad: its outputs[0] is the leaf.
void add_post_accumulate_hook(const Tensor& leaf, Ref<Node::Hook> hook);

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

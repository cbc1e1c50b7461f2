// A node's sequence number is larger than those of all nodes it leads to, so visiting nodes from the largest
// number down meets each one only after everything that sends it a gradient. No counting of dependencies, no
// recursion.
#include "rushlight/autograd/engine.h"

#include <algorithm>
#include <chrono>
#include <unordered_map>
#include <unordered_set>

#include "rushlight/autograd/accumulate.h"
#include "rushlight/autograd/hooks.h"
#include "rushlight/autograd/variable.h"

namespace rushlight::autograd {
namespace {

struct Pending {
  Ref<Node> node;
  Gradients grads;
};

// Nodes that gradients have reached, largest sequence number first.
class Frontier {
 public:
  Gradients& at(const Ref<Node>& node) {
    auto [it, fresh] = index_.try_emplace(node.get(), 0);
    if (fresh) {
      uint32_t place;
      if (!free_.empty()) {
        place = free_.back();
        free_.pop_back();
      } else {
        place = static_cast<uint32_t>(pending_.size());
        pending_.emplace_back();
      }
      pending_[place].node = node;
      pending_[place].grads.resize(node->outputs().size());
      it->second = place;
      heap_.push_back({node->sequence(), place});
      std::push_heap(heap_.begin(), heap_.end());
    }
    return pending_[it->second].grads;
  }
  bool empty() const { return heap_.empty(); }
  Pending pop() {
    std::pop_heap(heap_.begin(), heap_.end());
    const uint32_t place = heap_.back().second;
    heap_.pop_back();
    Pending out = std::move(pending_[place]);
    pending_[place] = Pending();
    free_.push_back(place);
    index_.erase(out.node.get());
    return out;
  }

 private:
  std::unordered_map<Node*, uint32_t> index_;
  std::vector<Pending> pending_;
  std::vector<uint32_t> free_;
  std::vector<std::pair<uint64_t, uint32_t>> heap_;
};

// Where grad() wants a gradient.
struct Capture {
  uint32_t slot;
  size_t result;
};

struct Task {
  BackwardOptions options;
  Frontier frontier;
  std::unordered_multimap<Node*, Capture> captures;
  std::unordered_set<Node*> needed;  // with captures: the nodes that lead to one
  bool restrict_to_needed = false;
  std::vector<Tensor> results;
  std::vector<Ref<Node>>
      targets;  // the nodes that gradients are wanted of; keeps the keys of `captures` alive
  std::vector<std::pair<void (*)(void*), void*>> callbacks;
};

thread_local Task* current_task = nullptr;

void add_into(Gradients& grads, uint32_t slot, Tensor g, bool create_graph) {
  Tensor& sum = grads[slot];
  if (!sum.defined()) {
    sum = std::move(g);
  } else if (!create_graph && sum.impl()->use_count() == 1 && sum.storage()->use_count() == 1 &&
             sum.is_contiguous()) {
    sum.add_(g);
  } else {
    sum = sum.add(g);
  }
}

bool leads_to_needed(const Task& task, const Node& node) {
  for (const Edge& e : node.edges())
    if (e && task.needed.contains(e.node.get())) return true;
  return false;
}

// Nodes on a path to a target. A node's successors have smaller numbers, so ascending order settles them
// first.
void find_needed(Task& task, const std::vector<Ref<Node>>& roots) {
  uint64_t lowest = UINT64_MAX;
  for (const Ref<Node>& node : task.targets) {
    lowest = std::min(lowest, node->sequence());
    task.needed.insert(node.get());
  }
  std::vector<Node*> reached, stack;
  std::unordered_set<Node*> seen;
  auto visit = [&](Node* n) {
    if (n->sequence() >= lowest && seen.insert(n).second) {
      reached.push_back(n);
      stack.push_back(n);
    }
  };
  for (const Ref<Node>& r : roots) visit(r.get());
  while (!stack.empty()) {
    Node* n = stack.back();
    stack.pop_back();
    for (const Edge& e : n->edges())
      if (e) visit(e.node.get());
  }
  std::sort(reached.begin(), reached.end(), [](Node* a, Node* b) { return a->sequence() < b->sequence(); });
  for (Node* n : reached)
    if (leads_to_needed(task, *n)) task.needed.insert(n);
  task.restrict_to_needed = true;
}

// Gradients come from rules and from users: what cannot be the gradient of its tensor is refused.
Tensor validate(const Node& from, size_t index, const Tensor& g, const OutputInfo& want) {
  if (g.sizes() == want.sizes && g.dtype() == want.dtype) return g;
  bool fits = g.dim() >= want.sizes.size();
  for (int64_t i = 1; fits && i <= want.sizes.size(); ++i) {
    const int64_t have = g.sizes()[g.dim() - i], wanted = want.sizes[want.sizes.size() - i];
    fits = have == wanted || wanted == 1;
  }
  RL_CHECK(fits, "Function ", from.name(), " returned an invalid gradient at index ", index, " - got ",
           to_string(g.sizes()), " but expected shape compatible with ", to_string(want.sizes));
  return conform(g, want.sizes, want.dtype);
}

void send(Task& task, const Node& from, const Gradients& grads) {
  const auto& edges = from.edges();
  for (size_t i = 0; i < std::min<size_t>(grads.size(), edges.size()); ++i) {
    const Edge& e = edges[i];
    if (!e || !grads[i].defined()) continue;
    if (task.restrict_to_needed && !task.needed.contains(e.node.get())) continue;
    const OutputInfo& want = e.node->outputs()[e.slot];
    add_into(task.frontier.at(e.node), e.slot, validate(from, i, grads[i], want), task.options.create_graph);
  }
}

void run_leaf_hooks(Node& node, Tensor& g) {
  const auto* leaf = dynamic_cast<AccumulateGrad*>(&node);
  if (!leaf) return;
  for (auto& hook : meta(leaf->leaf())->hooks) {
    Gradients none, out{g};
    hook->run(none, out);
    g = out[0];
  }
}

// Puts what reached the node aside for grad(); says whether that was all that is wanted of it.
bool capture(Task& task, Node& node, const Gradients& grads) {
  auto [begin, end] = task.captures.equal_range(&node);
  if (begin == end) return false;
  for (auto it = begin; it != end; ++it) {
    Tensor g = grads[it->second.slot];
    run_leaf_hooks(node, g);
    task.results[it->second.result] = g;
  }
  return !leads_to_needed(task, node);
}

void check_not_nan(const Node& node, const Gradients& grads) {
  for (size_t i = 0; i < grads.size(); ++i) {
    if (!grads[i].defined() || !is_inexact(grads[i].dtype())) continue;
    NoGrad guard;
    RL_CHECK(!grads[i].ne(grads[i]).any().item().to_bool(), "Function '", node.name(),
             "' returned nan values in its ", i, "th output.");
  }
}

Gradients run_backward(Node& node, const Gradients& grads) {
  const AnomalyMode anomaly = anomaly_mode();
  if (!anomaly.enabled) [[likely]]
    return node.backward(grads);
  try {
    Gradients out = node.backward(grads);
    if (anomaly.check_nan) check_not_nan(node, out);
    return out;
  } catch (...) {
    if (watch().node_failed) watch().node_failed(node);
    throw;
  }
}

void process(Task& task, Pending& item) {
  Node& node = *item.node;
  if (task.restrict_to_needed && !task.needed.contains(&node)) return;
  for (auto& hook : node.pre_hooks) {
    Gradients none;
    hook->run(none, item.grads);
  }
  if (!task.captures.empty() && capture(task, node, item.grads)) return;
  RL_CHECK(!node.is_released(), kReleasedMessage);
  Gradients out = run_backward(node, item.grads);
  for (auto& hook : node.post_hooks) hook->run(out, item.grads);
  if (!task.options.retain_graph) node.release();
  item.grads.clear();
  send(task, node, out);
}

// Lets the user stop a long backward.
class InterruptCheck {
 public:
  void operator()() {
    using namespace std::chrono;
    if (!watch().check_interrupt || ++count_ % 8 != 0) return;
    const auto now = steady_clock::now();
    if (now - last_ < milliseconds(100)) return;
    last_ = now;
    watch().check_interrupt();
  }

 private:
  uint32_t count_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

Tensor root_gradient(const Tensor& output, const Tensor& given, size_t index) {
  if (given.defined()) {
    RL_CHECK(given.sizes() == output.sizes(), "Mismatch in shape: grad_output[", index,
             "] has a shape of torch.Size(", to_string(given.sizes()), ") and output[", index,
             "] has a shape of torch.Size(", to_string(output.sizes()), ").");
    return given;
  }
  RL_CHECK(!autograd::has_history(output) || output.numel() == 1,
           "grad can be implicitly created only for scalar outputs");
  RL_CHECK(!is_complex(output.dtype()),
           "grad can be implicitly created only for real scalar outputs but got torch.",
           info(output.dtype()).name);
  Tensor one = make_tensor(output.sizes(), output.dtype(), output.device());
  one.fill_(1);
  return one;
}

void run(Task& task, TensorList outputs, TensorList grad_outputs) {
  std::vector<Ref<Node>> roots;
  for (int64_t i = 0; i < outputs.size(); ++i) {
    Edge edge = gradient_edge(outputs[i]);
    const Tensor given = i < grad_outputs.size() ? grad_outputs[i] : Tensor();
    RL_CHECK(edge, "element ", i, " of tensors does not require grad and does not have a grad_fn");
    Tensor g = root_gradient(outputs[i], given, i);
    add_into(task.frontier.at(edge.node), edge.slot, conform(g, outputs[i].sizes(), outputs[i].dtype()),
             true);
    roots.push_back(std::move(edge.node));
  }
  if (!task.targets.empty()) find_needed(task, roots);
  roots.clear();
  GradMode mode(task.options.create_graph);
  Task* outer = std::exchange(current_task, &task);
  struct Restore {
    Task* outer;
    ~Restore() { current_task = outer; }
  } restore{outer};
  InterruptCheck check_interrupt;
  while (!task.frontier.empty()) {
    check_interrupt();
    Pending item = task.frontier.pop();
    process(task, item);
  }
  for (size_t i = 0; i < task.callbacks.size(); ++i) task.callbacks[i].first(task.callbacks[i].second);
}

// Leaves among the inputs may take their gradients as in a backward without inputs.
void want_inputs(Task& task, TensorList inputs, bool leaves_accumulate) {
  task.results.resize(inputs.size());
  for (int64_t i = 0; i < inputs.size(); ++i) {
    Edge edge = gradient_edge(inputs[i]);
    RL_CHECK(edge, "One of the differentiated Tensors does not require grad");
    if (!leaves_accumulate || dynamic_cast<AccumulateGrad*>(edge.node.get()) == nullptr) {
      task.captures.insert({edge.node.get(), {edge.slot, static_cast<size_t>(i)}});
    }
    task.targets.push_back(std::move(edge.node));
  }
}

}  // namespace

bool Node::needs(size_t i) const {
  const Edge& e = edges_[i];
  if (!e || !current_task || !current_task->restrict_to_needed) return static_cast<bool>(e);
  return current_task->needed.contains(e.node.get());
}

Tensor conform(Tensor g, DimsRef sizes, DType dtype) {
  if (!(DimsRef(g.sizes()) == sizes)) g = g.sum_to_size(sizes);
  if (g.dtype() != dtype) {
    if (is_complex(g.dtype()) && !is_complex(dtype)) g = g.real();
    g = g.to(dtype);
  }
  return g;
}

void backward(TensorList outputs, TensorList grad_outputs, BackwardOptions options, TensorList inputs) {
  Task task;
  task.options = options;
  if (inputs.empty()) {
    run(task, outputs, grad_outputs);
    return;
  }
  want_inputs(task, inputs, true);
  run(task, outputs, grad_outputs);
  for (int64_t i = 0; i < inputs.size(); ++i) {
    const Tensor& g = task.results[i];
    if (!g.defined()) continue;
    const Tensor& old = inputs[i].grad();
    inputs[i].set_grad(old.defined() ? old.add(g) : g.clone());
  }
}

std::vector<Tensor> grad(TensorList outputs, TensorList inputs, TensorList grad_outputs,
                         BackwardOptions options, bool allow_unused) {
  Task task;
  task.options = options;
  want_inputs(task, inputs, false);
  run(task, outputs, grad_outputs);
  for (size_t i = 0; i < task.results.size(); ++i) {
    RL_CHECK(task.results[i].defined() || allow_unused, "The differentiated Tensor at index ", i,
             " appears to not have been used in the graph. Set allow_unused=True if this is the desired "
             "behavior.");
  }
  return std::move(task.results);
}

void queue_callback(void (*callback)(void*), void* context) {
  RL_CHECK(current_task, "Final callbacks can only be installed during backward pass.");
  current_task->callbacks.push_back({callback, context});
}

}  // namespace rushlight::autograd

namespace rushlight {

void Tensor::backward(const Tensor& gradient, std::optional<bool> retain_graph, bool create_graph) const {
  autograd::backward({*this}, {gradient},
                     {.retain_graph = retain_graph.value_or(create_graph), .create_graph = create_graph});
}

}  // namespace rushlight

#include "rushlight/autograd/node.h"

#include <algorithm>

#include "rushlight/autograd/accumulate.h"
#include "rushlight/autograd/hooks.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/core/free_list.h"

namespace rushlight::autograd {
namespace {

RL_FAST_TLS constinit thread_local uint64_t next_sequence = 1;

std::string describe(const Tensor& t) {
  return concat("[torch.", info(t.dtype()).message_name, "Tensor ", to_string(t.sizes()), "]");
}

}  // namespace

std::string operation_name(const Node& node) {
  std::string name = node.name();
  const size_t end = name.find_last_not_of("0123456789") + 1;
  if (end <= 8 || name.compare(end - 8, 8, "Backward") != 0) return name;
  name.erase(end - 8, 8);
  if (name.back() == '0') name.pop_back();
  return name;
}

void* Node::operator new(size_t size) { return FreeList<Node>::allocate(size); }
void Node::operator delete(void* p, size_t size) { FreeList<Node>::release(p, size); }

Node::Node() : sequence_(next_sequence++) {
  if (anomaly_mode().enabled && watch().node_made) [[unlikely]]
    watch().node_made(*this);
}

void Node::add_edge(Edge edge) {
  if (edge && edge.node->sequence_ >= sequence_) {  // a graph that several threads build together
    sequence_ = edge.node->sequence_ + 1;
    next_sequence = std::max(next_sequence, sequence_ + 1);
  }
  edges_.push_back(std::move(edge));
}

Node::~Node() {
  for (Edge& e : edges_) release_iteratively(std::move(e.node));
}

namespace {
// What the destruction that runs on this thread has still to release.
using Released = InlineVector<Ref<Node>, 8>;
RL_FAST_TLS constinit thread_local Released* released = nullptr;
}  // namespace

void release_iteratively(Ref<Node> node) {
  // A node that is released while another one is being destroyed waits in a list, so the depth stays at two.
  if (!node || node->use_count() > 1) return;
  if (released) return released->push_back(std::move(node));
  Released waiting;
  released = &waiting;
  node.reset();
  while (!waiting.empty()) {
    const Ref<Node> next = std::move(waiting.back());
    waiting.resize(waiting.size() - 1);
  }
  released = nullptr;
}

uint32_t Node::add_output_info(const Tensor& tensor) {
  outputs_.push_back({tensor.sizes(), tensor.dtype(), tensor.device()});
  return outputs_.size() - 1;
}

void Node::add_output(const Tensor& tensor) {
  const uint32_t slot = add_output_info(tensor);
  if (!is_inexact(tensor.dtype())) return;
  // A result is no view, even where it was computed as one of memory that nobody else sees: changing it in
  // place must extend this history. What is a view to its users calls set_view() afterwards.
  Ref<TensorImpl>& base = tensor.impl()->view_base;
  if (base && !has_history(Tensor(base))) base.reset();
  AutogradMeta& m = make_meta(tensor);
  m.requires_grad = false;  // as a view made while nothing was recorded may say
  m.grad_fn = Ref<Node>(this);
  m.output_slot = slot;
  m.view_version = tensor.version();
}

void Node::save(const Tensor& tensor, bool is_output) {
  had_saved_ = true;
  saved_.push_back(SavedTensor(tensor, is_output));
}

SavedTensor::SavedTensor(const Tensor& tensor, bool is_output) : is_output_(is_output) {
  if (!tensor.defined()) return;
  RL_CHECK(
      !tensor.impl()->inference || inference_mode_enabled(),
      "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference "
      "mode in computation tracked by autograd. To work around this, you can make a clone to get a normal "
      "tensor and use it in autograd, or use `torch.no_grad()` instead of `torch.inference_mode()`.");
  version_ = tensor.version();
  if (saved_tensor_hooks()) [[unlikely]] {
    Edge history = is_output ? Edge() : gradient_edge(tensor);
    if (const AutogradMeta* m = meta(tensor); is_output && m) history.slot = m->output_slot;
    output_slot_ = static_cast<uint8_t>(history.slot);
    history_ = std::move(history);
    NoGrad guard;
    packed_ = saved_tensor_hooks()->pack(tensor);
    RL_CHECK(
        tensor.version() == version_,
        "A saved tensor pack hook is modifying its input in place. Tensors provided as input to pack hook "
        "cannot be modified by in-place operations as this can lead to unexpected side-effects. Please "
        "open an issue if you need to perform in-place operations on the input to a pack hook.");
    return;
  }
  Ref<Node> history = is_output ? nullptr : grad_fn(tensor);
  is_leaf_ = !is_output && !history;
  if (is_leaf_) {
    data_ = tensor;
    return;
  }
  data_ = make_alias(tensor);
  if (const AutogradMeta* m = meta(tensor)) output_slot_ = static_cast<uint8_t>(m->output_slot);
  history_.node = std::move(history);
}

Tensor SavedTensor::unpack(const Node& owner) const {
  if (packed_) [[unlikely]]
    return unpack_hooked(owner);
  if (!data_.defined()) return {};
  if (data_.version() != version_) {
    std::string origin;
    const Node* maker = is_output_ ? &owner : history_.node.get();
    if (maker) origin = concat(", which is output ", int{output_slot_}, " of ", operation_name(*maker), ",");
    throw_error<RuntimeError>(
        "one of the variables needed for gradient computation has been modified by an inplace operation: ",
        describe(data_), origin, " is at version ", data_.version(), "; expected version ", version_,
        " instead. Hint: enable anomaly detection to find the operation that failed to compute its gradient, "
        "with "
        "torch.autograd.set_detect_anomaly(True, check_nan=False).");
  }
  if (is_leaf_ || !grad_enabled()) return data_;
  return attached(make_alias(data_), owner);
}

// The versions of what hooks give back say nothing.
Tensor SavedTensor::unpack_hooked(const Node& owner) const {
  Tensor plain = [&] {
    NoGrad guard;
    return packed_->unpack();
  }();
  if (!grad_enabled() || (!is_output_ && !history_)) return plain;
  return attached(make_alias(plain), owner);
}

Tensor SavedTensor::attached(Tensor plain, const Node& owner) const {
  AutogradMeta& m = make_meta(plain);
  m.grad_fn = is_output_ ? Ref<Node>(const_cast<Node*>(&owner)) : history_.node;
  m.output_slot = output_slot_;
  m.view_version = plain.version();
  return plain;
}

}  // namespace rushlight::autograd

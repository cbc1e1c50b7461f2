// The graph of recorded operations. A Node turns the gradients of one operation's outputs into those of its
// inputs.
#pragma once

#include <optional>

#include "rushlight/core/inline_vector.h"
#include "rushlight/core/tensor.h"

namespace rushlight::autograd {

class Node;

using Gradients = InlineVector<Tensor, 3>;

// Where a gradient goes: input `slot` of `node`; no node when nothing upstream wants one.
struct Edge {
  Ref<Node> node;
  uint32_t slot = 0;
  explicit operator bool() const { return static_cast<bool>(node); }
};

// What stands for a saved tensor while hooks on saved tensors are on (rushlight/autograd/hooks.h).
struct PackedTensor : Counted {
  virtual Tensor unpack() = 0;
};

// A tensor kept for backward. It holds no cycle: an output is kept without its history, which unpack puts
// back, and so is an input that is not a leaf, so that changing it in place later cannot tie the graph into a
// ring.
class SavedTensor {
 public:
  SavedTensor() = default;
  SavedTensor(const Tensor& tensor, bool is_output);
  // RuntimeError when the tensor was changed in place since it was saved.
  Tensor unpack(const Node& owner) const;
  bool defined() const { return data_.defined() || packed_; }

 private:
  Tensor unpack_hooked(const Node& owner) const;
  Tensor attached(Tensor plain, const Node& owner) const;

  Tensor data_;
  Ref<PackedTensor> packed_;  // instead of data_
  Edge history_;
  uint32_t version_ = 0;
  bool is_output_ = false;
  bool is_leaf_ = false;
  uint8_t output_slot_ = 0;
  friend class Node;
};

// What a gradient for one output must look like.
struct OutputInfo {
  Dims sizes;
  DType dtype;
  Device device;
};

class Node : public Counted {
 public:
  Node();
  ~Node() override;
  static void* operator new(size_t size);
  static void operator delete(void* p, size_t size);

  // PyTorch's name of the operation, "AddBackward0".
  virtual const char* name() const = 0;
  // grads: one for each output, undefined where none arrived. Returns one for each edge; undefined means
  // zero.
  virtual Gradients backward(const Gradients& grads) = 0;
  // Lets go of what was saved; a later backward throws.
  virtual void release() {
    saved_.clear();
    released_ = had_saved_;
  }

  uint64_t sequence() const { return sequence_; }
  const InlineVector<Edge, 2>& edges() const { return edges_; }
  const InlineVector<OutputInfo, 1>& outputs() const { return outputs_; }
  bool is_released() const { return released_; }

  // Keeps the order of sequence numbers: this node's stays above those of all nodes it leads to.
  void add_edge(Edge edge);
  // Makes `tensor` output number outputs().size() of this node.
  void add_output(const Tensor& tensor);
  uint32_t add_output_info(const Tensor& tensor);
  void save(const Tensor& tensor, bool is_output = false);

  // For rules: is the gradient of input i wanted (of all of a graph, or on the way to what grad() was asked
  // for); the i-th saved tensor.
  bool needs(size_t i) const;
  Tensor saved(size_t i) const { return saved_[i].unpack(*this); }
  size_t num_saved() const { return saved_.size(); }

  // Called with the gradients on their way in (may replace them) or out; used by hooks on tensors and
  // modules.
  struct Hook : Counted {
    // outputs: gradients of the outputs; inputs: of the inputs, empty for a hook that runs before.
    virtual void run(Gradients& inputs, Gradients& outputs) = 0;
  };
  InlineVector<Ref<Hook>, 1> pre_hooks, post_hooks;

  // The Python object of a custom function's context, if this is one (owned by the subclass).
  virtual void* python_object() const { return nullptr; }

 protected:
  InlineVector<SavedTensor, 2> saved_;
  InlineVector<Edge, 2> edges_;
  InlineVector<OutputInfo, 1> outputs_;
  bool had_saved_ = false;
  bool released_ = false;

 private:
  uint64_t sequence_;
};

// Drops a reference without recursion, however long the chain behind it.
void release_iteratively(Ref<Node> node);

}  // namespace rushlight::autograd

// The end of a backward: a leaf's node, which adds what arrives to the leaf's grad.
#pragma once

#include "rushlight/autograd/node.h"

namespace rushlight::autograd {

class AccumulateGrad final : public Node {
 public:
  explicit AccumulateGrad(const Tensor& leaf);
  ~AccumulateGrad() override;
  const char* name() const override { return "torch::autograd::AccumulateGrad"; }
  Gradients backward(const Gradients& grads) override;
  void release() override {}
  const Tensor& leaf() const { return leaf_; }

 private:
  Tensor leaf_;
};

// The leaf's accumulator, made when the graph has none yet.
Ref<Node> accumulator_of(const Tensor& leaf);

// What messages call the operation of a node: "Exp" for ExpBackward0, "Max1" for MaxBackward1.
std::string operation_name(const Node& node);

}  // namespace rushlight::autograd

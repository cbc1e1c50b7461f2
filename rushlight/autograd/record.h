// Recording: an operation computes its output and attaches the rule for its gradient to it.
//
//   Tensor tanh(const Tensor& x) {
//     Tensor y = ...;
//     if (!tracks(x)) return y;
//     return Record("TanhBackward0", {x}).save_output(y).rule(y, [](Node& n, const Tensor& g) -> Tensor {
//       Tensor y = n.saved(0);
//       return g * (1 - y * y);
//     });
//   }
//
// Rules use public operations, so that they are differentiable themselves. A rule returns a Tensor (one
// input) or Gradients (one for each input; leave out what `n.needs(i)` denies). Gradients may still have the
// broadcast shape or a wider dtype: the engine brings them to those of the input.
#pragma once

#include <type_traits>
#include <utility>

#include "rushlight/autograd/variable.h"

namespace rushlight::autograd {

template <class Rule>
class RuleNode final : public Node {
 public:
  RuleNode(const char* name, Rule rule) : rule_(std::move(rule)), name_(name) {}
  const char* name() const override { return name_; }
  Gradients backward(const Gradients& grads) override {
    if constexpr (std::is_invocable_v<Rule&, Node&, const Gradients&>) {
      return wrap(rule_(*this, grads));
    } else {
      if (!grads[0].defined()) return Gradients();
      return wrap(rule_(*this, grads[0]));
    }
  }

 private:
  static Gradients wrap(Tensor g) { return {std::move(g)}; }
  static Gradients wrap(Gradients g) { return g; }
  Rule rule_;
  const char* name_;
};

class Record {
 public:
  Record(const char* name, std::initializer_list<std::reference_wrapper<const Tensor>> inputs) : name_(name) {
    for (const Tensor& t : inputs) edges_.push_back(gradient_edge(t));
  }
  Record(const char* name, TensorList inputs) : name_(name) {
    for (const Tensor& t : inputs) edges_.push_back(gradient_edge(t));
  }

  Record& save(const Tensor& t) {
    saved_.push_back({t, false});
    return *this;
  }
  template <class... T>
  Record& save(const Tensor& first, const T&... rest) {
    save(first);
    return save(rest...);
  }
  // A tensor that is the operation's own output.
  Record& save_output(const Tensor& t) {
    saved_.push_back({t, true});
    return *this;
  }

  // Makes the node and hangs it on the output; returns the output.
  template <class Rule>
  Tensor rule(const Tensor& output, Rule r) {
    Ref<Node> node = build(std::move(r));
    node->add_output(output);
    finish(*node);
    return output;
  }
  // The same for several outputs; those of integer type get no gradient.
  template <class Rule>
  void rule(TensorList outputs, Rule r) {
    Ref<Node> node = build(std::move(r));
    for (const Tensor& t : outputs) node->add_output(t);
    finish(*node);
  }
  // The output replaces `self` in place.
  template <class Rule>
  const Tensor& rule_in_place(const Tensor& self, Rule r) {
    Ref<Node> node = build(std::move(r));
    rebase_history(self, node);
    finish(*node);
    return self;
  }

 private:
  template <class Rule>
  Ref<Node> build(Rule r) {
    auto node = make_ref<RuleNode<Rule>>(name_, std::move(r));
    for (Edge& e : edges_) node->add_edge(std::move(e));
    return node;
  }
  void finish(Node& node) {
    for (auto& [tensor, is_output] : saved_) node.save(tensor, is_output);
  }

  const char* name_;
  InlineVector<Edge, 3> edges_;
  InlineVector<std::pair<Tensor, bool>, 3> saved_;
};

}  // namespace rushlight::autograd

// The unary and binary rows of declarations/pointwise.def: forward, in-place form and gradient of each.
#include <cmath>

#include "rushlight/ops/fused.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Formula;

enum class SavedOperands : uint8_t { X, Y, XY, None, Zero, Never, A, B, AB, Cross, ABY };

bool saves_input(SavedOperands s) { return s == SavedOperands::X || s == SavedOperands::XY; }
bool saves_output(SavedOperands s) {
  return s == SavedOperands::Y || s == SavedOperands::XY || s == SavedOperands::ABY;
}

// maximum and minimum: all of g where this operand won, half of it in a tie.
Tensor half_where_equal(const Tensor& g, const Tensor& a, const Tensor& b, const Tensor& won) {
  return where(a.eq(b), g / 2, where(won, g, 0));
}

// What a gradient expression may name.
struct UnaryInputs {
  Tensor x, y;
};
struct BinaryInputs {
  Tensor a, b, y;
};

template <class G>
struct UnaryRule {
  SavedOperands saved;
  G gradient;
  Tensor operator()(Node& n, const Tensor& g) const {
    if (saved == SavedOperands::Zero) return zeros_like(g);
    UnaryInputs in;
    size_t i = 0;
    if (saves_input(saved)) in.x = n.saved(i++);
    if (saves_output(saved)) in.y = n.saved(i++);
    return gradient(g, in.x, in.y);
  }
};

template <class G>
Tensor unary(const Pointwise& op, const char* node, SavedOperands saved, const Tensor& x, G gradient) {
  Tensor out = pointwise(op.formula, {x});
  if (saved == SavedOperands::Never || !tracks(x)) return out;
  Record record(node, {x});
  if (saves_input(saved)) record.save(x);
  if (saves_output(saved)) record.save_output(out);
  return record.rule(out, UnaryRule<G>{saved, gradient});
}

template <class G>
const Tensor& unary_in_place(const Pointwise& op, const char* node, SavedOperands saved, const Tensor& x,
                             G gradient) {
  autograd::check_in_place(x);
  if (saved == SavedOperands::Never || !tracks(x)) {
    pointwise(op.formula, {x}, {}, &x);
    x.bump_version();
    return x;
  }
  Record record(node, {x});
  if (saves_input(saved)) record.save(keep_original(x));
  if (saves_output(saved)) record.save_output(x);
  pointwise(op.formula, {x}, {}, &x);
  return record.rule_in_place(x, UnaryRule<G>{saved, gradient});
}

template <class A, class B>
struct BinaryRule {
  SavedOperands saved;
  A gradient_a;
  B gradient_b;
  Gradients operator()(Node& n, const Gradients& grads) const {
    BinaryInputs in;
    const bool both = saved != SavedOperands::Cross;
    if (both || n.needs(1)) in.a = n.saved(0);
    if (both || n.needs(0)) in.b = n.saved(1);
    if (saves_output(saved)) in.y = n.saved(2);
    Gradients out;
    out.resize(2);
    if (n.needs(0)) out[0] = gradient_a(grads[0], in.a, in.b, in.y);
    if (n.needs(1)) out[1] = gradient_b(grads[0], in.a, in.b, in.y);
    return out;
  }
};

template <class A, class B>
Tensor binary(const Pointwise& op, const char* node, SavedOperands saved, const Tensor& a, const Operand& b,
              A ga, B gb) {
  Tensor out = pointwise(op.formula, {a, b});
  if (saved == SavedOperands::Never || !(b.is_tensor() ? tracks(a, b.tensor()) : tracks(a))) return out;
  const Tensor second = as_tensor(b);
  Record record(node, {a, second});
  const bool both = saved != SavedOperands::Cross;
  record.save(both || autograd::has_history(second) ? a : Tensor());
  record.save(both || autograd::has_history(a) ? second : Tensor());
  if (saves_output(saved)) record.save_output(out);
  return record.rule(out, BinaryRule<A, B>{saved, ga, gb});
}

template <class A, class B>
const Tensor& binary_in_place(const Pointwise& op, const char* node, SavedOperands saved, const Tensor& a,
                              const Operand& b, A ga, B gb) {
  autograd::check_in_place(a);
  if (saved == SavedOperands::Never || !(b.is_tensor() ? tracks(a, b.tensor()) : tracks(a))) {
    pointwise(op.formula, {a, b}, {}, &a);
    a.bump_version();
    return a;
  }
  const Tensor second = as_tensor(b);
  const bool both = saved != SavedOperands::Cross;
  Record record(node, {a, second});
  const bool same = a.is_same(second);
  const Tensor original = both || same || autograd::has_history(second) ? keep_original(a) : Tensor();
  record.save(original);
  record.save(both || autograd::has_history(a) ? (same ? original : second) : Tensor());
  if (saves_output(saved)) record.save_output(a);
  pointwise(op.formula, {a, b}, {}, &a);
  return record.rule_in_place(a, BinaryRule<A, B>{saved, ga, gb});
}

}  // namespace

#define RL_UNARY_GRADIENT(expression)                               \
  [](const Tensor& g, const Tensor& x, const Tensor& y) -> Tensor { \
    (void)x, (void)y;                                               \
    return expression;                                              \
  }
#define RL_BINARY_GRADIENT(expression)                                               \
  [](const Tensor& g, const Tensor& a, const Tensor& b, const Tensor& y) -> Tensor { \
    (void)a, (void)b, (void)y;                                                       \
    return expression;                                                               \
  }

#define UNARY(where, name, Formula_, Types, Result, Saved, gradient, domain, doc)                         \
  Tensor name(const Tensor& input) {                                                                      \
    return unary({#name, Formula::Formula_, PointwiseResult::Result}, #Formula_ "Backward0",              \
                 SavedOperands::Saved, input, RL_UNARY_GRADIENT(gradient));                               \
  }                                                                                                       \
  RL_IF_INPLACE(                                                                                          \
      where, const Tensor& name##_(const Tensor& input) {                                                 \
        return unary_in_place({#name, Formula::Formula_, PointwiseResult::Result}, #Formula_ "Backward0", \
                              SavedOperands::Saved, input, RL_UNARY_GRADIENT(gradient));                  \
      })

#define RL_BINARY(where, Second, name, Formula_, Result, Saved, gradient_a, gradient_b)                    \
  Tensor name(const Tensor& input, Second other) {                                                         \
    return binary({#name, Formula::Formula_, PointwiseResult::Result}, #Formula_ "Backward0",              \
                  SavedOperands::Saved, input, other, RL_BINARY_GRADIENT(gradient_a),                      \
                  RL_BINARY_GRADIENT(gradient_b));                                                         \
  }                                                                                                        \
  RL_IF_INPLACE(                                                                                           \
      where, const Tensor& name##_(const Tensor& input, Second other) {                                    \
        return binary_in_place({#name, Formula::Formula_, PointwiseResult::Result}, #Formula_ "Backward0", \
                               SavedOperands::Saved, input, other, RL_BINARY_GRADIENT(gradient_a),         \
                               RL_BINARY_GRADIENT(gradient_b));                                            \
      })
#define BINARY(where, name, Formula_, Types, Result, Saved, gradient_a, gradient_b, samples, doc) \
  RL_BINARY(where, const Operand&, name, Formula_, Result, Saved, gradient_a, gradient_b)
#define TENSORS(where, name, Formula_, Types, Result, Saved, gradient_a, gradient_b, samples, doc) \
  RL_BINARY(where, const Tensor&, name, Formula_, Result, Saved, gradient_a, gradient_b)
#define OP(...)
#include "rushlight/declarations/formulas.def"
#undef OP

}  // namespace rushlight

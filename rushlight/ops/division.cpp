// Quotients and what they leave: div, floor_divide, remainder, fmod.
#include "rushlight/ops/fused.h"
#include "rushlight/ops/pointwise.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Formula;

struct DivRule {
  bool zero;  // rounded quotients are flat
  Gradients operator()(Node& n, const Gradients& grads) const {
    const Tensor& g = grads[0];
    Gradients out;
    out.resize(2);
    if (zero) {
      for (int i = 0; i < 2; ++i)
        if (n.needs(i)) out[i] = zeros_like(g);
      return out;
    }
    const Tensor b = n.saved(1);
    if (n.needs(0)) out[0] = g / b.conj();
    if (n.needs(1)) {
      const Tensor a = n.saved(0);
      out[1] = -g * ((a / b) / b).conj();
    }
    return out;
  }
};

enum class Rounding { True, Trunc, Floor };

Rounding parse_rounding(OptString mode) {
  if (!mode) return Rounding::True;
  if (*mode == "trunc") return Rounding::Trunc;
  RL_CHECK(*mode == "floor", "div expected rounding_mode to be one of None, 'trunc', or 'floor' but found '",
           *mode, "'");
  return Rounding::Floor;
}

Formula division_formula(Rounding r) {
  return r == Rounding::True    ? Formula::Div
         : r == Rounding::Trunc ? Formula::TruncDivide
                                : Formula::FloorDivide;
}

void check_divisor(const Tensor& a, const Operand& b) {
  ResultType type;
  type.add(a);
  type.add(b);
  if (!is_integral(type.get(), true)) return;
  const bool zero = b.is_tensor() ? b.tensor().numel() > 0 && b.tensor().eq(0).any().item().to_bool()
                                  : !b.scalar().to_bool();
  RL_CHECK(!zero, "ZeroDivisionError");
}

Tensor div_forward(const Tensor& a, const Operand& b, Rounding r, const Tensor* out) {
  if (r != Rounding::True) check_divisor(a, b);
  return pointwise(division_formula(r), {a, b}, {}, out);
}

const char* div_node(const Operand& b, Rounding r) {
  if (r == Rounding::True) return "DivBackward0";
  return b.is_tensor() ? "DivBackward1" : "DivBackward2";
}

}  // namespace

Tensor div(const Tensor& a, const Operand& b, OptString rounding_mode) {
  const Rounding r = parse_rounding(rounding_mode);
  Tensor out = div_forward(a, b, r, nullptr);
  if (!tracks_operands(a, b)) return out;
  const Tensor second = as_tensor(b);
  Record record(div_node(b, r), {a, second});
  if (r == Rounding::True) record.save(autograd::has_history(second) ? a : Tensor()).save(second);
  return record.rule(out, DivRule{r != Rounding::True});
}
const Tensor& div_(const Tensor& a, const Operand& b, OptString rounding_mode) {
  const Rounding r = parse_rounding(rounding_mode);
  autograd::check_in_place(a);
  if (!tracks_operands(a, b)) {
    div_forward(a, b, r, &a);
    a.bump_version();
    return a;
  }
  const Tensor second = as_tensor(b);
  Record record(div_node(b, r), {a, second});
  if (r == Rounding::True)
    record.save(autograd::has_history(second) ? keep_original(a) : Tensor()).save(second);
  div_forward(a, b, r, &a);
  return record.rule_in_place(a, DivRule{r != Rounding::True});
}

namespace {

// remainder and fmod: a - b * quotient, with a quotient that is flat between its steps.
struct RemainderRule {
  const char* rounding;
  Gradients operator()(Node& n, const Gradients& grads) const {
    Gradients out;
    out.resize(2);
    if (n.needs(0)) out[0] = grads[0];
    if (n.needs(1)) out[1] = -grads[0] * n.saved(0).div(n.saved(1), rounding);
    return out;
  }
};

Tensor leave(Formula formula, const char* node_of_number, const char* node_of_tensor, const char* rounding,
             const Tensor& a, const Operand& b) {
  check_divisor(a, b);
  Tensor out = pointwise(formula, {a, b});
  if (!tracks_operands(a, b)) return out;
  if (!b.is_tensor())
    return Record(node_of_number, {a}).rule(out, [](Node&, const Tensor& g) -> Tensor { return g; });
  return Record(node_of_tensor, {a, b.tensor()}).save(a, b.tensor()).rule(out, RemainderRule{rounding});
}

}  // namespace

Tensor true_divide(const Tensor& a, const Operand& b) { return div(a, b, {}); }
Tensor floor_divide(const Tensor& a, const Operand& b) {
  check_divisor(a, b);
  const Tensor out = pointwise(Formula::FloorDivide, {a, b});
  return b.is_tensor() ? not_differentiable("floor_divide", out, a, b.tensor())
                       : not_differentiable("floor_divide", out, a);
}
Tensor remainder(const Tensor& a, const Operand& b) {
  return leave(Formula::Remainder, "RemainderBackward0", "RemainderBackward1", "floor", a, b);
}
Tensor fmod(const Tensor& a, const Operand& b) {
  return leave(Formula::Fmod, "FmodBackward0", "FmodBackward1", "trunc", a, b);
}

Tensor div(const Scalar& a, const Tensor& b, OptString rounding_mode) {
  return div(as_tensor(a), b, rounding_mode);
}
Tensor floor_divide(const Scalar& a, const Tensor& b) { return floor_divide(as_tensor(a), b); }
Tensor remainder(const Scalar& a, const Tensor& b) {
  const Tensor first = as_tensor(a);
  check_divisor(first, b);
  return not_differentiable("remainder", pointwise(Formula::Remainder, {first, b}), b);
}

}  // namespace rushlight

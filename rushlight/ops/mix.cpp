// Operations of three operands: lerp, addcmul, addcdiv.
#include "rushlight/ops/in_place.h"
#include "rushlight/ops/pointwise.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Formula;

struct LerpRule {
  OptScalar weight;  // empty: the third operand is a tensor
  Gradients operator()(Node& n, const Gradients& grads) const {
    const Tensor& g = grads[0];
    Gradients out;
    out.resize(3);
    if (weight) {
      const bool complex = weight->is_complex();
      const Scalar rest = complex ? Scalar(1.0 - weight->to_complex128()) : Scalar(1 - weight->to_double());
      if (n.needs(0)) out[0] = complex ? g * Scalar(std::conj(rest.to_complex128())) : g * rest;
      if (n.needs(1)) out[1] = complex ? g * Scalar(std::conj(weight->to_complex128())) : g * *weight;
      return out;
    }
    const Tensor start = n.saved(0), end = n.saved(1), w = n.saved(2);
    if (n.needs(0)) out[0] = g * (1 - w).conj();
    if (n.needs(1)) out[1] = g * w.conj();
    if (n.needs(2)) out[2] = g * (end - start).conj();
    return out;
  }
};

struct AddcmulRule {
  Scalar value;
  Gradients operator()(Node& n, const Gradients& grads) const {
    const Tensor& g = grads[0];
    Gradients out;
    out.resize(3);
    if (n.needs(0)) out[0] = g;
    if (n.needs(1)) out[1] = g * (n.saved(1) * value).conj();
    if (n.needs(2)) out[2] = g * (n.saved(0) * value).conj();
    return out;
  }
};

struct AddcdivRule {
  Scalar value;
  Gradients operator()(Node& n, const Gradients& grads) const {
    const Tensor &g = grads[0], a = n.saved(0), b = n.saved(1);
    Gradients out;
    out.resize(3);
    if (n.needs(0)) out[0] = g;
    if (n.needs(1)) out[1] = g * (b.reciprocal() * value).conj();
    if (n.needs(2)) out[2] = -g * (a * value / (b * b)).conj();
    return out;
  }
};

void check_addcdiv(const Tensor& a, const Tensor& b) {
  RL_CHECK(
      !is_integral(a.dtype(), true) || !is_integral(b.dtype(), true),
      "Integer division with addcdiv is no longer supported, and in a future  release addcdiv will perform a "
      "true division of tensor1 "
      "and tensor2. The historic addcdiv behavior can be implemented as (input + value * torch.trunc(tensor1 "
      "/ "
      "tensor2)).to(input.dtype) for integer inputs and as (input + value * tensor1 / tensor2) for float "
      "inputs. The future addcdiv "
      "behavior is just the latter implementation: (input + value * tensor1 / tensor2), for all dtypes.");
}

// self = formula(self, a, b); `recorded` is the operation that records.
template <class Recorded>
const Tensor& change(Formula formula, const Tensor& self, const Tensor& a, const Operand& b,
                     const cpu::Params& params, Recorded recorded) {
  return in_place(
      self, tracks(self, a) || (b.is_tensor() && tracks(b.tensor())),
      [&] {
        pointwise(formula, {self, a, b}, params, &self);
      },
      recorded);
}

const char* c_name(DType dtype) {
  return dtype == DType::Float32 ? "float" : dtype == DType::Float64 ? "double" : info(dtype).name;
}

void check_lerp(const Tensor& start, const Tensor& end, const Operand& weight) {
  RL_CHECK(start.dtype() == end.dtype(), "expected dtype ", c_name(start.dtype()),
           " for `end` but got dtype ", c_name(end.dtype()));
  RL_CHECK_AS(NotImplementedError, is_inexact(start.dtype()),
              weight.is_tensor() ? "\"lerp_kernel_tensor\"" : "\"lerp_kernel_scalar\"",
              " not implemented for '", info(start.dtype()).message_name, "'");
  if (!weight.is_tensor()) return;
  const DType w = weight.tensor().dtype();
  RL_CHECK(w == start.dtype(), "expected dtype ", c_name(start.dtype()), " for `weight` but got dtype ",
           c_name(w));
}

}  // namespace

Tensor lerp(const Tensor& start, const Tensor& end, const Operand& weight) {
  check_lerp(start, end, weight);
  Tensor out = pointwise(Formula::Lerp, {start, end, weight});
  if (!weight.is_tensor()) {
    if (!tracks(start, end)) return out;
    return Record("LerpBackward0", {start, end, Tensor()}).rule(out, LerpRule{weight.scalar()});
  }
  const Tensor& w = weight.tensor();
  if (!tracks(start, end, w)) return out;
  return Record("LerpBackward1", {start, end, w}).save(start, end, w).rule(out, LerpRule{});
}
const Tensor& lerp_(const Tensor& self, const Tensor& end, const Operand& weight) {
  check_lerp(self, end, weight);
  return change(Formula::Lerp, self, end, weight, {},
                [&](const Tensor& original) { return lerp(original, end, weight); });
}

Tensor addcmul(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value) {
  Tensor out = pointwise(Formula::Addcmul, {x, a, b}, params_of(value));
  if (!tracks(x, a, b)) return out;
  return Record("AddcmulBackward0", {x, a, b}).save(a, b).rule(out, AddcmulRule{value});
}
const Tensor& addcmul_(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& value) {
  return change(Formula::Addcmul, self, a, b, params_of(value),
                [&](const Tensor& original) { return addcmul(original, a, b, value); });
}

Tensor addcdiv(const Tensor& x, const Tensor& a, const Tensor& b, const Scalar& value) {
  check_addcdiv(a, b);
  Tensor out = pointwise(Formula::Addcdiv, {x, a, b}, params_of(value));
  if (!tracks(x, a, b)) return out;
  return Record("AddcdivBackward0", {x, a, b}).save(a, b).rule(out, AddcdivRule{value});
}
const Tensor& addcdiv_(const Tensor& self, const Tensor& a, const Tensor& b, const Scalar& value) {
  check_addcdiv(a, b);
  return change(Formula::Addcdiv, self, a, b, params_of(value),
                [&](const Tensor& original) { return addcdiv(original, a, b, value); });
}

}  // namespace rushlight

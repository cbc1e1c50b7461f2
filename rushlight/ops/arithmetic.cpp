// Pointwise operations with parameters or forms of their own: add, sub, pow, where.
#include <cmath>
#include <limits>

#include "rushlight/ops/pointwise.h"
#include "rushlight/core/warning.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Formula;

const Tensor& tensor_or_none(const Operand& o) {
  static const Tensor none;
  return o.is_tensor() ? o.tensor() : none;
}

DType operand_dtype(const Operand& o) {
  ResultType type;
  type.add(o);
  return type.get();
}

void check_alpha(const Scalar& alpha, DType common) {
  RL_CHECK(!alpha.is_bool() || common == DType::Bool, "Boolean alpha only supported for Boolean results.");
  RL_CHECK(is_inexact(common) || alpha.is_integral(),
           "For integral input tensors, argument alpha must not be a floating point number.");
  RL_CHECK(is_complex(common) || !alpha.is_complex(),
           "For non-complex input tensors, argument alpha must not be a complex number.");
}

// a + alpha b and a - alpha b have the same shape of code; `sign` is the gradient's factor for b.
Tensor add_forward(Formula plain, Formula scaled, const Operand& a, const Operand& b, const Scalar& alpha,
                   const Tensor* out) {
  if (alpha.equals(1) && !alpha.is_bool()) return pointwise(plain, {a, b}, {}, out);
  ResultType type;
  type.add(a);
  type.add(b);
  check_alpha(alpha, type.get());
  return pointwise(scaled, {a, b}, params_of(alpha), out);
}

struct AddRule {
  Scalar factor;
  Gradients operator()(Node& n, const Gradients& grads) const {
    Gradients out;
    out.resize(2);
    if (n.needs(0)) out[0] = grads[0];
    if (n.needs(1)) out[1] = factor.equals(1) ? grads[0] : factor.equals(-1) ? -grads[0] : grads[0] * factor;
    return out;
  }
};

Tensor add_op(Formula plain, Formula scaled, const char* node, const Tensor& a, const Operand& b,
              const Scalar& alpha, const Scalar& factor) {
  Tensor out = add_forward(plain, scaled, a, b, alpha, nullptr);
  if (!tracks_operands(a, b)) return out;
  return Record(node, {a, tensor_or_none(b)}).rule(out, AddRule{factor});
}

const Tensor& add_op_in_place(Formula plain, Formula scaled, const char* node, const Tensor& a,
                              const Operand& b, const Scalar& alpha, const Scalar& factor) {
  autograd::check_in_place(a);
  if (!tracks_operands(a, b)) {
    add_forward(plain, scaled, a, b, alpha, &a);
    a.bump_version();
    return a;
  }
  Record record(node, {a, tensor_or_none(b)});
  add_forward(plain, scaled, a, b, alpha, &a);
  return record.rule_in_place(a, AddRule{factor});
}

void check_subtraction(const Tensor& a, const Operand& b) {
  const bool bool_a = a.dtype() == DType::Bool, bool_b = operand_dtype(b) == DType::Bool;
  RL_CHECK(!(bool_a && bool_b),
           "Subtraction, the `-` operator, with two bool tensors is not supported. Use the `^` or "
           "`logical_xor()` operator instead.");
  RL_CHECK(!bool_a && !bool_b,
           "Subtraction, the `-` operator, with a bool tensor is not supported. If you are trying to invert "
           "a mask, use the "
           "`~` or `logical_not()` operator instead.");
}

struct PowRule {
  Gradients operator()(Node& n, const Gradients& grads) const {
    const Tensor& g = grads[0];
    const Tensor a = n.saved(0), b = n.saved(1);
    Gradients out;
    out.resize(2);
    if (n.needs(0)) {
      // b a^(b-1), and zero where b is zero even if a is zero too
      out[0] = where(b.eq(0), 0, g * (b * a.pow(b - 1)).conj());
    }
    if (n.needs(1)) {
      // a^b log a; where a is zero and b is not negative the limit is zero
      const Tensor y = n.saved(2);
      const Tensor flat = is_complex(b.dtype()) ? a.eq(0) : a.eq(0).mul(b.ge(0));
      out[1] = g * where(flat, 0, (y * where(flat, 1, a).log()).conj());
    }
    return out;
  }
};

// A number as exponent: the rule needs only the input.
struct PowScalarRule {
  Scalar exponent;
  Tensor operator()(Node& n, const Tensor& g) const {
    if (exponent.equals(0)) return zeros_like(g);
    const Tensor a = n.saved(0);
    if (exponent.equals(2)) return g * (a * 2).conj();
    const Scalar less = exponent.is_integral()  ? Scalar(exponent.to_int64() - 1)
                        : exponent.is_complex() ? Scalar(exponent.to_complex128() - 1.0)
                                                : Scalar(exponent.to_double() - 1);
    return g * (a.pow(less) * exponent).conj();
  }
};

Tensor pow_forward(const Tensor& a, const Operand& b, const Tensor* out) {
  if (!b.is_tensor()) {
    const Scalar& e = b.scalar();
    RL_CHECK(!(is_integral(a.dtype(), true) && e.is_integral() && !e.is_bool() && e.to_int64() < 0),
             "Integers to negative integer powers are not allowed.");
    // The exponents that people use most have cheaper and more accurate forms.
    const bool stays_integral = is_integral(a.dtype(), false) && e.is_integral() && !e.is_bool();
    if (stays_integral && e.equals(2)) return pointwise(Formula::Mul, {a, a}, {}, out);
    if (is_inexact(a.dtype())) {
      const bool real = !is_complex(a.dtype());
      const Tensor base = real && e.is_complex() ? a.to(to_complex(a.dtype())) : a;
      if (e.equals(2)) return pointwise(Formula::Mul, {base, base}, {}, out);
      if (e.equals(0.5)) return pointwise(Formula::Sqrt, {base}, {}, out);
      if (e.equals(3)) return pointwise(Formula::Cube, {base}, {}, out);
      if (e.equals(-1)) return pointwise(Formula::Reciprocal, {base}, {}, out);
      if (e.equals(-2)) return pointwise(Formula::InverseSquare, {base}, {}, out);
      if (real && !e.is_complex() && e.equals(-0.5)) return pointwise(Formula::Rsqrt, {base}, {}, out);
    }
  }
  return pointwise(Formula::Pow, {a, b}, {}, out);
}

}  // namespace

Tensor add(const Tensor& a, const Operand& b, const Scalar& alpha) {
  return add_op(Formula::Add, Formula::AddScaled, "AddBackward0", a, b, alpha, alpha);
}
const Tensor& add_(const Tensor& a, const Operand& b, const Scalar& alpha) {
  return add_op_in_place(Formula::Add, Formula::AddScaled, "AddBackward0", a, b, alpha, alpha);
}

Tensor sub(const Tensor& a, const Operand& b, const Scalar& alpha) {
  check_subtraction(a, b);
  return add_op(Formula::Sub, Formula::SubScaled, "SubBackward0", a, b, alpha, -alpha);
}
const Tensor& sub_(const Tensor& a, const Operand& b, const Scalar& alpha) {
  check_subtraction(a, b);
  return add_op_in_place(Formula::Sub, Formula::SubScaled, "SubBackward0", a, b, alpha, -alpha);
}

Tensor rsub(const Tensor& a, const Operand& b, const Scalar& alpha) {
  check_subtraction(a, b);
  if (b.is_tensor()) return sub(b.tensor(), a, alpha);
  Tensor out = add_forward(Formula::Sub, Formula::SubScaled, b, a, alpha, nullptr);
  if (!tracks(a)) return out;
  return Record("RsubBackward1", {a}).rule(out, [alpha](Node&, const Tensor& g) -> Tensor {
    return alpha.equals(1) ? -g : g * -alpha;
  });
}

Tensor pow(const Tensor& a, const Operand& b) {
  Tensor out = pow_forward(a, b, nullptr);
  if (!tracks_operands(a, b)) return out;
  if (!b.is_tensor()) return Record("PowBackward0", {a}).save(a).rule(out, PowScalarRule{b.scalar()});
  return Record("PowBackward1", {a, b.tensor()}).save(a, b.tensor()).save_output(out).rule(out, PowRule{});
}
const Tensor& pow_(const Tensor& a, const Operand& b) {
  autograd::check_in_place(a);
  if (!tracks_operands(a, b)) {
    pow_forward(a, b, &a);
    a.bump_version();
    return a;
  }
  const Tensor original = keep_original(a);
  if (!b.is_tensor()) {
    Record record("PowBackward0", {a});
    pow_forward(a, b, &a);
    return record.save(original).rule_in_place(a, PowScalarRule{b.scalar()});
  }
  Record record("PowBackward1", {a, b.tensor()});
  pow_forward(a, b, &a);
  return record.save(original, b.tensor()).save_output(a).rule_in_place(a, PowRule{});
}

Tensor square(const Tensor& x) { return pow(x, 2); }

Tensor where(const Tensor& condition, const Operand& a, const Operand& b) {
  static std::atomic_flag said;
  if (condition.dtype() == DType::UInt8)
    warn_once(said,
              "where received a uint8 condition tensor. This behavior is deprecated and will be removed in a "
              "future version of PyTorch. Use a boolean condition instead.");
  RL_CHECK(condition.dtype() == DType::Bool || condition.dtype() == DType::UInt8,
           "where expected condition to be a boolean tensor, but got a tensor with dtype ",
           info(condition.dtype()).message_name);
  Tensor out = pointwise(Formula::Where, {condition, a, b});
  const Tensor &ta = tensor_or_none(a), &tb = tensor_or_none(b);
  if (!tracks(ta, tb)) return out;
  return Record("WhereBackward0", {ta, tb}).save(condition).rule(out, [](Node& n, const Gradients& grads) {
    const Tensor mask = n.saved(0);
    Gradients out;
    out.resize(2);
    if (n.needs(0)) out[0] = where(mask, grads[0], 0);
    if (n.needs(1)) out[1] = where(mask, 0, grads[0]);
    return out;
  });
}

Tensor methods::where(const Tensor& self, const Tensor& condition, const Operand& other) {
  return rushlight::where(condition, self, other);
}

// The number first: a 0-d tensor that stays weak in type promotion.
Tensor add(const Scalar& a, const Tensor& b, const Scalar& alpha) { return add(as_tensor(a), b, alpha); }
Tensor sub(const Scalar& a, const Tensor& b, const Scalar& alpha) { return sub(as_tensor(a), b, alpha); }
Tensor mul(const Scalar& a, const Tensor& b) { return mul(as_tensor(a), b); }

Tensor pow(const Scalar& base, const Tensor& exponent) {
  Tensor out = pointwise(Formula::Pow, {base, exponent});
  if (!tracks(exponent)) return out;
  return Record("PowBackward2", {exponent})
      .save(exponent)
      .save_output(out)
      .rule(out, [base](Node& n, const Tensor& g) -> Tensor {
        const Tensor y = n.saved(1);
        if (base.equals(0))
          return where(n.saved(0).ge(0), 0, g * (y * -std::numeric_limits<double>::infinity()).conj());
        const Scalar slope = base.is_complex() || base.to_double() < 0
                                 ? Scalar(std::log(base.to_complex128()))
                                 : Scalar(std::log(base.to_double()));
        return slope.is_complex() && !is_complex(y.dtype()) ? g * NAN : g * (y * slope).conj();
      });
}

namespace {

Tensor to_double(const Tensor& t) { return t.to(is_complex(t.dtype()) ? DType::Complex128 : DType::Float64); }
Scalar to_double(const Scalar& s) { return s.is_complex() ? s : Scalar(s.to_double()); }

}  // namespace

Tensor float_power(const Tensor& a, const Operand& exponent) {
  if (exponent.is_tensor()) return pow(to_double(a), to_double(exponent.tensor()));
  const Scalar e = to_double(exponent.scalar());
  return pow(e.is_complex() ? a.to(DType::Complex128) : to_double(a), e);
}
Tensor float_power(const Scalar& a, const Tensor& exponent) { return pow(to_double(a), to_double(exponent)); }
const Tensor& float_power_(const Tensor& self, const Operand& exponent) {
  const bool complex = is_complex(self.dtype()) || is_complex(operand_dtype(exponent));
  const DType needed = complex ? DType::Complex128 : DType::Float64;
  RL_CHECK(self.dtype() == needed, "the base given to float_power_ has dtype ",
           info(self.dtype()).message_name, " but the operation's result requires dtype ",
           info(needed).message_name);
  if (exponent.is_tensor()) return self.pow_(exponent.tensor().to(needed));
  return self.pow_(to_double(exponent.scalar()));
}

}  // namespace rushlight

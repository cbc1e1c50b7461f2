// Operations of one tensor with parameters of their own, and the special functions.
#include <cmath>
#include <limits>

#include "rushlight/ops/fused.h"

namespace rushlight {
namespace {

using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Formula;

// y = formula(x) with the gradient rule(g, x).
template <class Rule>
Tensor of_input(const char* node, Formula formula, const cpu::Params& params, const Tensor& x, Rule rule) {
  Tensor y = pointwise(formula, {x}, params);
  if (!tracks(x)) return y;
  return Record(node, {x}).save(x).rule(
      y, [rule](Node& n, const Tensor& g) -> Tensor { return rule(g, n.saved(0)); });
}

// ... with the gradient rule(g, x, y).
template <class Rule>
Tensor of_both(const char* node, Formula formula, const Tensor& x, Rule rule) {
  Tensor y = pointwise(formula, {x});
  if (!tracks(x)) return y;
  return Record(node, {x}).save(x).save_output(y).rule(
      y, [rule](Node& n, const Tensor& g) -> Tensor { return rule(g, n.saved(0), n.saved(1)); });
}

double largest(DType dtype) {
  switch (to_real(dtype)) {
    case DType::Float16: return 65504;
    case DType::BFloat16: return 0x1.fep127;
    case DType::Float64: return std::numeric_limits<double>::max();
    default: return std::numeric_limits<float>::max();
  }
}

// x log y and x log1p y: the gradient for y is factor(g, x, y).
template <class A, class B>
Tensor product_with_log(const char* const nodes[3], Formula formula, const Operand& x, const Operand& y,
                        A gradient_x, B gradient_y) {
  Tensor out = pointwise(formula, {x, y});
  const Tensor a = as_tensor(x), b = as_tensor(y);
  if (!tracks(a, b)) return out;
  const char* node = !x.is_tensor() ? nodes[1] : !y.is_tensor() ? nodes[2] : nodes[0];
  return Record(node, {a, b}).save(a, b).rule(out, [=](Node& n, const autograd::Gradients& grads) {
    const Tensor a = n.saved(0), b = n.saved(1);
    autograd::Gradients out;
    out.resize(2);
    if (n.needs(0)) out[0] = gradient_x(grads[0], a, b);
    if (n.needs(1)) out[1] = gradient_y(grads[0], a, b);
    return out;
  });
}

Tensor xlogy_of(const Operand& x, const Operand& y) {
  static constexpr const char* kNodes[] = {"XlogyBackward0", "XlogyBackward1", "XlogyBackward2"};
  return product_with_log(
      kNodes, Formula::Xlogy, x, y,
      [](const Tensor& g, const Tensor& a, const Tensor& b) { return g * xlogy(a.ne(0), b); },
      [](const Tensor& g, const Tensor& a, const Tensor& b) { return g * a / b; });
}

Tensor xlog1py_of(const Operand& x, const Operand& y) {
  static constexpr const char* kNodes[] = {"SpecialXlog1PyBackward0", "SpecialXlog1PyBackward1",
                                           "SpecialXlog1PyBackward2"};
  return product_with_log(
      kNodes, Formula::Xlog1py, x, y,
      [](const Tensor& g, const Tensor& a, const Tensor& b) { return g * special::xlog1py(a.ne(0), b); },
      [](const Tensor& g, const Tensor& a, const Tensor& b) { return g * a / (b + 1); });
}

void check_no_half(const char* kernel, DType t) {
  RL_CHECK_AS(NotImplementedError, t != DType::Float16 && t != DType::BFloat16, "\"", kernel,
              "\" not implemented for '", info(t).message_name, "'");
}

Tensor zeta_of(const Operand& s, const Operand& q) {
  for (const Operand& o : {s, q})
    if (o.is_tensor()) check_no_half("zeta_cpu", o.tensor().dtype());
  Tensor out = pointwise(Formula::Zeta, {s, q});
  const Tensor a = as_tensor(s), b = as_tensor(q);
  if (!tracks(a, b)) return out;
  return Record("SpecialZetaBackward0", {a, b})
      .save(a, b)
      .rule(out, [](Node& n, const autograd::Gradients& grads) {
        RL_CHECK_AS(NotImplementedError, !n.needs(0), "the derivative for 'self' is not implemented.");
        autograd::Gradients out;
        out.resize(2);
        const Tensor a = n.saved(0);
        out[1] = grads[0] * -a * special::zeta(a + 1, n.saved(1));
        return out;
      });
}

}  // namespace

Tensor angle_backward(const Tensor& g, const Tensor& x) {
  if (!is_complex(x.dtype())) return zeros_like(x);
  return where(x.eq(0), 0, g * (x * complex128(0, 1) / (x * x.conj())));
}

Tensor sinc_backward(const Tensor& g, const Tensor& x) {
  const Tensor y = x * M_PI;
  return where(x.eq(0), 0, g * ((y.cos() * y - y.sin()) / (y * x)).conj());
}

Tensor round(const Tensor& x, int64_t decimals) {
  RL_CHECK_AS(NotImplementedError, is_inexact(x.dtype()), "\"round_vml_cpu\" not implemented for '",
              info(x.dtype()).message_name, "'");
  if (decimals == 0) return x.round();
  Tensor y;
  {
    autograd::NoGrad guard;
    const double scale = std::pow(10.0, std::abs(static_cast<double>(decimals)));
    y = decimals > 0 ? (x * scale).round().div(scale) : (x / scale).round().mul(scale);
  }
  if (!tracks(x)) return y;
  return Record("RoundBackward1", {x}).rule(y, [](Node&, const Tensor& g) -> Tensor {
    return zeros_like(g);
  });
}

Tensor logit(const Tensor& x, OptDouble eps) {
  return of_input("LogitBackward0", Formula::Logit, params_of(eps.value_or(-1)), x,
                  [eps](const Tensor& g, const Tensor& x) {
                    const Tensor slope = g / (x * (1 - x));
                    const double lo = eps.value_or(0), hi = 1 - lo;
                    const Tensor inside = x.ge(lo).logical_and(x.le(hi));
                    return where(inside, slope, eps ? 0.0 : std::nan(""));
                  });
}

Tensor nan_to_num(const Tensor& x, OptDouble nan, OptDouble posinf, OptDouble neginf) {
  if (is_integral(x.dtype(), true)) return x.clone();
  const double most = largest(x.dtype());
  return of_input("NanToNumBackward0", Formula::NanToNum,
                  params_of(nan.value_or(0), posinf.value_or(most), neginf.value_or(-most)), x,
                  [](const Tensor& g, const Tensor& x) { return g * x.isfinite(); });
}

Tensor polygamma(int64_t n, const Tensor& x) {
  RL_CHECK(n >= 0, "polygamma(n, x) does not support negative n.");
  const auto rule = [n](const Tensor& g, const Tensor& x) { return g * polygamma(n + 1, x); };
  if (n == 0) return of_input("PolygammaBackward0", Formula::Digamma, {}, x, rule);
  return of_input("PolygammaBackward0", Formula::Polygamma, params_of(n), x, rule);
}

Tensor methods::polygamma(const Tensor& self, int64_t n) { return rushlight::polygamma(n, self); }

namespace {

// f(x - j / 2) summed over j < p, in float where the dtype is shorter. Many terms are laid out along a new
// last dimension: a senseless p is then refused for want of memory.
template <class F>
Tensor sum_of_shifted(const Tensor& x, int64_t p, F f) {
  if (p > 32)
    return f(x.unsqueeze(-1) + arange((1 - static_cast<double>(p)) / 2, 0.5, 0.5, x.dtype())).sum(-1);
  const bool narrow = x.item_size() < 4;
  Tensor sum;
  for (int64_t j = p - 1; j >= 0; --j) {
    const Tensor term = f(j == 0 ? x : x - static_cast<double>(j) / 2);
    if (!sum.defined()) sum = narrow ? term.to(DType::Float32) : term;
    else if (autograd::tracks(sum)) sum = sum + term;
    else sum.add_(term);
  }
  return narrow ? sum.to(x.dtype()) : sum;
}

}  // namespace

// log of the product of gamma(x - j / 2) for j < p, and p (p - 1) / 4 log(pi).
Tensor mvlgamma(const Tensor& x, int64_t p) {
  RL_CHECK(p >= 1, "p has to be greater than or equal to 1");
  RL_CHECK(x.dtype() != DType::Bool, "The input tensor may not be a boolean tensor.");
  const Tensor wide = is_integral(x.dtype(), true) ? x.to(default_dtype()) : x;
  const double constant = static_cast<double>(p) * static_cast<double>(p - 1) / 4 * std::log(M_PI);
  Tensor y;
  {
    autograd::NoGrad guard;
    y = sum_of_shifted(wide, p, [](const Tensor& at) { return at.lgamma(); }).add_(constant);
  }
  if (!tracks(x)) return y;
  return Record("MvlgammaBackward0", {x}).save(x).rule(y, [p](Node& n, const Tensor& g) -> Tensor {
    return g * sum_of_shifted(n.saved(0), p, [](const Tensor& at) { return at.digamma(); });
  });
}

Tensor positive(const Tensor& x) {
  RL_CHECK(x.dtype() != DType::Bool, "The `+` operator, on a bool tensor is not supported.");
  return x;
}

Tensor bitwise_not(const Tensor& x) {
  return x.dtype() == DType::Bool ? x.logical_not() : pointwise(Formula::BitwiseNot, {x});
}

MantissaExponent frexp(const Tensor& x) {
  RL_CHECK(is_floating(x.dtype()), "torch.frexp() only supports floating-point dtypes");
  const Tensor mantissa = pointwise(Formula::FrexpMantissa, {x}),
               exponent = pointwise(Formula::FrexpExponent, {x}).to(DType::Int32);  // every dtype holds it
  if (!tracks(x)) return {mantissa, exponent};
  const Tensor out =
      Record("FrexpBackward0", {x}).rule(mantissa, [exponent](Node&, const Tensor& g) -> Tensor {
        return g / exponent.to(g.dtype()).exp2();
      });
  return {out, exponent};
}

Tensor copysign(const Tensor& a, const Operand& b) {
  Tensor y = pointwise(Formula::Copysign, {a, b});
  if (!tracks_operands(a, b)) return y;
  const char* node = b.is_tensor() ? "CopysignBackward0" : "CopysignBackward1";
  return Record(node, {a, as_tensor(b)})
      .save(a)
      .save_output(y)
      .rule(y, [](Node& n, const autograd::Gradients& grads) {
        autograd::Gradients out;
        out.resize(2);
        const Tensor a = n.saved(0), y = n.saved(1);
        if (n.needs(0)) out[0] = grads[0] * where(a.eq(0), 0, y / a);
        if (n.needs(1)) out[1] = zeros_like(grads[0]);
        return out;
      });
}

Tensor heaviside(const Tensor& x, const Tensor& values) {
  RL_CHECK(!is_complex(x.dtype()) && !is_complex(values.dtype()),
           "heaviside is not yet implemented for complex tensors.");
  RL_CHECK(x.dtype() == values.dtype(),
           "heaviside is not yet implemented for tensors with different dtypes.");
  return not_differentiable("heaviside", pointwise(Formula::Heaviside, {x, values}), x, values);
}

Tensor xlogy(const Tensor& x, const Operand& y) { return xlogy_of(x, y); }
Tensor xlogy(const Scalar& x, const Tensor& y) { return xlogy_of(x, y); }

#define RL_BITWISE(name, formula) \
  Tensor name(const Scalar& a, const Tensor& b) { return pointwise(Formula::formula, {as_tensor(a), b}); }
RL_BITWISE(bitwise_and, BitwiseAnd)
RL_BITWISE(bitwise_or, BitwiseOr)
RL_BITWISE(bitwise_xor, BitwiseXor)
RL_BITWISE(bitwise_left_shift, LeftShift)
RL_BITWISE(bitwise_right_shift, RightShift)
#undef RL_BITWISE

namespace special {

Tensor entr(const Tensor& x) {
  return of_input("SpecialEntrBackward0", Formula::Entr, {}, x,
                  [](const Tensor& g, const Tensor& x) { return -g * (x.log() + 1); });
}
Tensor ndtr(const Tensor& x) {
  return of_input("MulBackward1", Formula::Ndtr, {}, x, [](const Tensor& g, const Tensor& x) {
    return g * ((x * x * -0.5).exp() * (M_2_SQRTPI * M_SQRT1_2 / 2));
  });
}
Tensor log_ndtr(const Tensor& x) {
  check_no_half("log_ndtr_cpu", x.dtype());
  return of_input("SpecialLogNdtrBackward0", Formula::LogNdtr, {}, x, [](const Tensor& g, const Tensor& x) {
    return g / special::erfcx(x * -M_SQRT1_2) * (M_2_SQRTPI * M_SQRT1_2);
  });
}
Tensor ndtri(const Tensor& x) {
  check_no_half("ndtri_cpu", x.dtype());
  return of_both("SpecialNdtriBackward0", Formula::Ndtri, x,
                 [](const Tensor& g, const Tensor&, const Tensor& y) {
                   return g * (y * y * 0.5).exp() * (2 / (M_2_SQRTPI * M_SQRT1_2));
                 });
}
Tensor round(const Tensor& x, int64_t decimals) { return ::rushlight::round(x, decimals); }
Tensor erfcx(const Tensor& x) {
  check_no_half("erfcx_cpu", x.dtype());
  return of_both(
      "SpecialErfcxBackward0", Formula::Erfcx, x,
      [](const Tensor& g, const Tensor& x, const Tensor& y) { return g * (x * y * 2 - M_2_SQRTPI); });
}
Tensor i0e(const Tensor& x) {
  return of_both(
      "SpecialI0EBackward0", Formula::I0e, x,
      [](const Tensor& g, const Tensor& x, const Tensor& y) { return g * (special::i1e(x) - x.sgn() * y); });
}
Tensor i1(const Tensor& x) {
  return of_both("SpecialI1Backward0", Formula::I1, x, [](const Tensor& g, const Tensor& x, const Tensor& y) {
    return g * where(x.eq(0), 0.5, x.i0() - y / x);
  });
}
Tensor i1e(const Tensor& x) {
  return of_both("SpecialI1EBackward0", Formula::I1e, x,
                 [](const Tensor& g, const Tensor& x, const Tensor& y) {
                   return g * where(x.eq(0), 0.5, special::i0e(x) - y * (x.sgn() + x.reciprocal()));
                 });
}
Tensor xlog1py(const Tensor& x, const Operand& y) { return xlog1py_of(x, y); }
Tensor xlog1py(const Scalar& x, const Tensor& y) { return xlog1py_of(x, y); }
Tensor zeta(const Tensor& s, const Operand& q) { return zeta_of(s, q); }
Tensor zeta(const Scalar& s, const Tensor& q) { return zeta_of(s, q); }

}  // namespace special
}  // namespace rushlight

// Activations and the derivatives of those that training uses most. See formulas-inl.h. A derivative takes
// the incoming gradient first and then what the forward pass saved: its input x, or its output y.
#if defined(RUSHLIGHT_MATH_FORMULAS_ACTIVATION_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_FORMULAS_ACTIVATION_INL_H_
#undef RUSHLIGHT_MATH_FORMULAS_ACTIVATION_INL_H_
#else
#define RUSHLIGHT_MATH_FORMULAS_ACTIVATION_INL_H_
#endif

#include "rushlight/kernels/math/formulas_unary-inl.h"

RL_MATH_BEGIN

// A constant of V, rounded from double.
template <class V>
RL_INLINE V constant(double value) {
  return V(static_cast<ScalarOf<V>>(value));
}

struct Relu {  // integers too; NaN stays
  template <class V>
  RL_INLINE V operator()(V x) const {
    if constexpr (std::is_unsigned_v<V>) return x;
    else return at_least(V(0), x);
  }
};
struct Relu6 {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return Clamp<ScalarOf<V>>{0, 6}(x);
  }
};
template <class S>
struct Hardtanh {
  S lo, hi;
  template <class V>
  RL_INLINE V operator()(V x) const {
    return Clamp<S>{lo, hi}(x);
  }
};
template <class S>
struct HardtanhBackward {
  S lo, hi;
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    return select((x <= V(lo)) | (x >= V(hi)), V(0), grad);
  }
};
template <class S>
struct Threshold {
  S threshold, value;
  template <class V>
  RL_INLINE V operator()(V x) const {
    return select(x <= V(threshold), V(value), x);
  }
};
// The gradient of relu (threshold 0) and of threshold.
template <class S>
struct ThresholdBackward {
  S threshold;
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    return select(x <= V(threshold), V(0), grad);
  }
};
template <class S>
struct LeakyRelu {
  S slope;
  template <class V>
  RL_INLINE V operator()(V x) const {
    return select(x > V(0), x, x * V(slope));
  }
};
template <class S>
struct LeakyReluBackward {
  S slope;
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    return select(x > V(0), grad, grad * V(slope));
  }
};
struct Prelu {  // the slope is the second operand
  template <class V>
  RL_INLINE V operator()(V x, V slope) const {
    return select(x > V(0), x, x * slope);
  }
};

struct SigmoidBackward {
  template <class V>
  RL_INLINE V operator()(V grad, V y) const {
    return grad * ((V(1) - y) * y);
  }
};
struct TanhBackward {
  template <class V>
  RL_INLINE V operator()(V grad, V y) const {
    return grad * (V(1) - y * y);
  }
};
struct LogSigmoid {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return raw_min(V(0), x) - log1p(exp(-abs(x)));
  }
};
struct LogSigmoidBackward {
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    return grad * sigmoid(-x);
  }
};
struct Silu {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x * sigmoid(x);
  }
};
struct SiluBackward {
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    const V s = sigmoid(x);
    return grad * s * (V(1) + x * (V(1) - s));
  }
};

// The standard normal's distribution function, as exact as 1 + erf is; of float vectors see simd_erf-inl.h.
template <class V>
RL_INLINE V normal_cdf(V x) {
  return constant<V>(0.5) * (V(1) + erf(x * constant<V>(0.70710678118654752440)));
}
struct Gelu {  // x Phi(x)
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x * normal_cdf(x);
  }
};
struct GeluBackward {
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    const V cdf = normal_cdf(x);
    const V pdf = exp(x * x * constant<V>(-0.5)) * constant<V>(0.39894228040143267794);
    return grad * (cdf + x * pdf);
  }
};
// 0.5 x (1 + tanh(sqrt(2/pi) (x + 0.044715 x^3))): Hendrycks and Gimpel, 2016.
struct GeluTanh {
  template <class V>
  static RL_INLINE V inner(V x) {
    return constant<V>(0.79788456080286535588) * (x + constant<V>(0.044715) * x * x * x);
  }
  template <class V>
  RL_INLINE V operator()(V x) const {
    return constant<V>(0.5) * x * (V(1) + tanh(inner(x)));
  }
};
struct GeluTanhBackward {
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    const V t = tanh(GeluTanh::inner(x));
    const V slope = constant<V>(0.79788456080286535588) * (V(1) + constant<V>(0.134145) * x * x);
    return grad * constant<V>(0.5) * ((V(1) + t) + x * (V(1) - t * t) * slope);
  }
};

template <class S>
struct Softplus {
  S beta, threshold;
  template <class V>
  RL_INLINE V operator()(V x) const {
    const V z = x * V(beta);
    return select(z > V(threshold), x, log1p(exp(z)) / V(beta));
  }
};
template <class S>
struct SoftplusBackward {
  S beta, threshold;
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    const V z = x * V(beta);
    return select(z > V(threshold), grad, grad * sigmoid(z));
  }
};
// elu, selu (alpha, scale) and celu (alpha, 1, 1 / alpha) are one family:
// scale x for x > 0, scale alpha (exp(input_scale x) - 1) otherwise.
template <class S>
struct Elu {
  S alpha, scale, input_scale;
  template <class V>
  RL_INLINE V operator()(V x) const {
    return select(x > V(0), x * V(scale), expm1(x * V(input_scale)) * V(alpha * scale));
  }
};
template <class S>
struct EluBackward {  // from the input x
  S alpha, scale, input_scale;
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    return select(x > V(0), grad * V(scale), grad * V(input_scale * alpha * scale) * exp(x * V(input_scale)));
  }
};
template <class S>
RL_INLINE Elu<S> selu() {
  return {S(1.6732632423543772848170429916717), S(1.0507009873554804934193349852946), S(1)};
}
template <class S>
RL_INLINE Elu<S> celu(S alpha) {
  return {alpha, S(1), S(1) / alpha};
}

struct Mish {  // x tanh(softplus x)
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x * tanh(log1p(exp(x)));
  }
};
struct MishBackward {
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    const V t = tanh(log1p(exp(x)));
    return grad * (t + x * sigmoid(x) * (V(1) - t * t));
  }
};
struct Hardsigmoid {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return Relu6{}(x + V(3)) * constant<V>(1.0 / 6);
  }
};
struct HardsigmoidBackward {
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    return select((x > -V(3)) & (x < V(3)), grad * constant<V>(1.0 / 6), V(0));
  }
};
struct Hardswish {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x * Relu6{}(x + V(3)) * constant<V>(1.0 / 6);
  }
};
struct HardswishBackward {
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    const V inside = grad * (x / V(3) + constant<V>(0.5));
    return select(x <= -V(3), V(0), select(x < V(3), inside, grad));
  }
};
struct Softsign {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x / (V(1) + V(abs(x)));
  }
};
struct Tanhshrink {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x - tanh(x);
  }
};
template <class S>
struct Softshrink {
  S lambda;
  template <class V>
  RL_INLINE V operator()(V x) const {
    const V l(lambda);
    return select(x > l, x - l, select(x < -l, x + l, x * V(0)));  // x * 0 keeps NaN
  }
};
template <class S>
struct Hardshrink {
  S lambda;
  template <class V>
  RL_INLINE V operator()(V x) const {
    return select((x >= V(-lambda)) & (x <= V(lambda)), V(0), x);
  }
};
// The gradient of both shrinks.
template <class S>
struct ShrinkBackward {
  S lambda;
  template <class V>
  RL_INLINE V operator()(V grad, V x) const {
    return select((x >= V(-lambda)) & (x <= V(lambda)), V(0), grad);
  }
};

RL_MATH_END

#endif

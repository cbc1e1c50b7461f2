// Activations, their gradients, and their forms in nn::functional.
#include <bit>
#include <limits>

#include "rushlight/core/warning.h"
#include "rushlight/ops/fused.h"
#include "rushlight/ops/in_place.h"
#include "rushlight/ops/random.h"

namespace rushlight {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Formula;

Tensor sigmoid_backward(const Tensor& g, const Tensor& y) {
  return fused(Formula::SigmoidBackward, {}, g, y, [&] { return g * ((1 - y) * y).conj(); });
}
Tensor tanh_backward(const Tensor& g, const Tensor& y) {
  return fused(Formula::TanhBackward, {}, g, y, [&] { return g * (1 - y * y).conj(); });
}
Tensor threshold_backward(const Tensor& g, const Tensor& x, double threshold) {
  return fused(Formula::ThresholdBackward, params_of(threshold), g, x,
               [&] { return where(x.le(threshold), 0, g); });
}

namespace {

// y = forward(x) with the gradient backward(g, x), or composition(g, x) where that is recorded itself.
template <class Composition>
Tensor activation(const char* node, Formula forward, Formula backward, const cpu::Params& params,
                  const Tensor& x, Composition composition) {
  Tensor y = pointwise(forward, {x}, params);
  if (!tracks(x)) return y;
  return Record(node, {x}).save(x).rule(y, [=](Node& n, const Tensor& g) -> Tensor {
    const Tensor x = n.saved(0);
    return fused(backward, params, g, x, [&] { return composition(g, x); });
  });
}

// scale * x for x > 0, scale * alpha * (exp(input_scale * x) - 1) below: elu, selu and celu.
Tensor elu_family(const char* node, const Tensor& x, double alpha, double scale, double input_scale) {
  return activation(node, Formula::Elu, Formula::EluBackward, params_of(alpha, scale, input_scale), x,
                    [=](const Tensor& g, const Tensor& x) {
                      return where(x.gt(0), g * scale,
                                   g * (x * input_scale).exp() * (alpha * scale * input_scale));
                    });
}

Tensor limited(const char* node, const Tensor& x, const Scalar& lo, const Scalar& hi) {
  const bool is_unsigned = is_integral(x.dtype(), false) && !is_signed(x.dtype());
  RL_CHECK(!is_unsigned || (lo.to_double() >= 0 && hi.to_double() >= 0),
           "cannot do hardtanh on an unsigned type with negative limits");
  return activation(
      node, Formula::Hardtanh, Formula::HardtanhBackward, params_of(lo, hi), x,
      [=](const Tensor& g, const Tensor& x) { return where(x.le(lo).logical_or(x.ge(hi)), 0, g); });
}

Tensor leaky(const Tensor& x, const Scalar& slope) {
  return activation("LeakyReluBackward0", Formula::LeakyRelu, Formula::LeakyReluBackward, params_of(slope), x,
                    [=](const Tensor& g, const Tensor& x) { return where(x.gt(0), g, g * slope); });
}

template <class F>
Tensor maybe_in_place(const Tensor& x, bool inplace, F f) {
  return inplace ? in_place(x, f) : f(x);
}

}  // namespace

Tensor selu(const Tensor& x) {
  return elu_family("EluBackward0", x, 1.6732632423543772, 1.0507009873554805, 1);
}

Tensor celu(const Tensor& x, const Scalar& alpha) {
  RL_CHECK(alpha.to_double() != 0, "ZeroDivisionError: alpha cannot be 0 for CELU");
  return elu_family("CeluBackward0", x, alpha.to_double(), 1, 1 / alpha.to_double());
}

Tensor threshold(const Tensor& x, const Scalar& limit, const Scalar& value) {
  return activation("ThresholdBackward0", Formula::Threshold, Formula::ThresholdBackward,
                    params_of(limit, value), x,
                    [t = limit](const Tensor& g, const Tensor& x) { return where(x.le(t), 0, g); });
}

Tensor hardshrink(const Tensor& x, const Scalar& lambd) {
  return activation(
      "HardshrinkBackward0", Formula::Hardshrink, Formula::ShrinkBackward, params_of(lambd), x,
      [=](const Tensor& g, const Tensor& x) { return where(x.ge(-lambd).logical_and(x.le(lambd)), 0, g); });
}

// In training each negative element has a slope of its own, the others 1.
Tensor rrelu(const Tensor& x, const Scalar& lower, const Scalar& upper, bool training,
             OptGenerator generator) {
  const double lo = lower.to_double(), hi = upper.to_double();
  RL_CHECK(lo <= hi, "Lower bound should be less than or equal to the upper bound");
  if (!training) {
    const double slope = (lo + hi) / 2;
    return activation("RreluWithNoiseBackward0", Formula::LeakyRelu, Formula::LeakyReluBackward,
                      params_of(slope), x,
                      [=](const Tensor& g, const Tensor& x) { return where(x.gt(0), g, g * slope); });
  }
  Tensor noise;
  {
    autograd::NoGrad guard;
    noise = x.contiguous().clone();
    const Tensor negative = x.le(0).contiguous();
    draw_rrelu_slopes(noise, negative, lo, hi, generator);
  }
  Tensor y = pointwise(Formula::Mul, {x, noise});
  if (!tracks(x)) return y;
  return Record("RreluWithNoiseBackward0", {x}).save(noise).rule(y, [](Node& n, const Tensor& g) -> Tensor {
    return g * n.saved(0);
  });
}

Tensor prelu(const Tensor& x, const Tensor& weight) {
  RL_CHECK(x.dtype() == weight.dtype(), "prelu: Type promoting not supported. Got ",
           info(x.dtype()).message_name, " and ", info(weight.dtype()).message_name);
  const int64_t channels = x.dim() >= 2 ? x.sizes()[1] : 1;
  if (weight.numel() != 1) {
    RL_CHECK(x.dim() > 0, "Not allow zero-dim input tensor.");
    RL_CHECK(channels == weight.numel(),
             "Mismatch of parameter numbers and input channel size. Found parameter numbers = ",
             weight.numel(), " and channel size = ", channels, ".");
  }
  RL_CHECK(weight.dim() <= 1,
           "prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = ", weight.dim());
  Tensor w = weight;
  if (weight.dim() == 1) {
    Dims sizes(x.dim());
    for (int64_t& s : sizes) s = 1;
    if (x.dim() > 1) sizes[1] = weight.numel();
    w = weight.view(sizes);
  }
  Tensor y = pointwise(Formula::Prelu, {x, w});
  if (!tracks(x, w)) return y;
  return Record("PreluKernelBackward0", {x, w}).save(x, w).rule(y, [](Node& n, const Gradients& grads) {
    const Tensor x = n.saved(0), w = n.saved(1);
    Gradients out;
    out.resize(2);
    if (n.needs(0)) out[0] = where(x.gt(0), grads[0], grads[0] * w);
    if (n.needs(1)) out[1] = where(x.gt(0), 0, grads[0] * x);
    return out;
  });
}

}  // namespace rushlight

namespace rushlight::nn::functional {

Tensor relu(const Tensor& x, bool inplace) { return inplace ? rushlight::relu_(x) : rushlight::relu(x); }
Tensor selu(const Tensor& x, bool inplace) { return inplace ? rushlight::selu_(x) : rushlight::selu(x); }
Tensor celu(const Tensor& x, double alpha, bool inplace) {
  return inplace ? rushlight::celu_(x, alpha) : rushlight::celu(x, alpha);
}
Tensor threshold(const Tensor& x, double threshold, double value, bool inplace) {
  return inplace ? rushlight::threshold_(x, threshold, value) : rushlight::threshold(x, threshold, value);
}
Tensor rrelu(const Tensor& x, double lower, double upper, bool training, bool inplace) {
  return inplace ? rushlight::rrelu_(x, lower, upper, training, {})
                 : rushlight::rrelu(x, lower, upper, training, {});
}

Tensor relu6(const Tensor& x, bool inplace) {
  return maybe_in_place(x, inplace, [](const Tensor& x) { return limited("HardtanhBackward0", x, 0, 6); });
}
Tensor hardtanh(const Tensor& x, double min_val, double max_val, bool inplace) {
  RL_CHECK_AS(ValueError, min_val <= max_val, "min_val cannot be greater than max_val");
  return maybe_in_place(x, inplace,
                        [=](const Tensor& x) { return limited("HardtanhBackward0", x, min_val, max_val); });
}
const Tensor& hardtanh_(const Tensor& x, double min_val, double max_val) {
  hardtanh(x, min_val, max_val, true);
  return x;
}
Tensor leaky_relu(const Tensor& x, double slope, bool inplace) {
  return maybe_in_place(x, inplace, [=](const Tensor& x) { return leaky(x, slope); });
}
const Tensor& leaky_relu_(const Tensor& x, double slope) {
  leaky_relu(x, slope, true);
  return x;
}
Tensor elu(const Tensor& x, double alpha, bool inplace) {
  return maybe_in_place(x, inplace,
                        [=](const Tensor& x) { return elu_family("EluBackward0", x, alpha, 1, 1); });
}
const Tensor& elu_(const Tensor& x, double alpha) {
  elu(x, alpha, true);
  return x;
}

Tensor silu(const Tensor& x, bool inplace) {
  return maybe_in_place(x, inplace, [](const Tensor& x) {
    return activation("SiluBackward0", Formula::Silu, Formula::SiluBackward, {}, x,
                      [](const Tensor& g, const Tensor& x) {
                        const Tensor s = x.sigmoid();
                        return g * (s * (x * (1 - s) + 1)).conj();
                      });
  });
}
Tensor mish(const Tensor& x, bool inplace) {
  return maybe_in_place(x, inplace, [](const Tensor& x) {
    return activation("MishBackward0", Formula::Mish, Formula::MishBackward, {}, x,
                      [](const Tensor& g, const Tensor& x) {
                        const Tensor t = softplus(x, 1, 20).tanh();
                        return g * (t + x * x.sigmoid() * (1 - t * t));
                      });
  });
}
Tensor hardswish(const Tensor& x, bool inplace) {
  return maybe_in_place(x, inplace, [](const Tensor& x) {
    return activation("HardswishBackward0", Formula::Hardswish, Formula::HardswishBackward, {}, x,
                      [](const Tensor& g, const Tensor& x) {
                        return where(x.le(-3), 0, where(x.lt(3), g * (x / 3 + 0.5), g));
                      });
  });
}
Tensor hardsigmoid(const Tensor& x, bool inplace) {
  return maybe_in_place(x, inplace, [](const Tensor& x) {
    return activation(
        "HardsigmoidBackward0", Formula::Hardsigmoid, Formula::HardsigmoidBackward, {}, x,
        [](const Tensor& g, const Tensor& x) { return where(x.gt(-3).logical_and(x.lt(3)), g / 6, 0); });
  });
}

Tensor gelu(const Tensor& x, std::string_view approximate) {
  if (approximate == "none") {
    return activation("GeluBackward0", Formula::Gelu, Formula::GeluBackward, {}, x,
                      [](const Tensor& g, const Tensor& x) {
                        const Tensor density = (x * x * -0.5).exp() * (0.5 * M_2_SQRTPI * M_SQRT1_2);
                        return g * (special::ndtr(x) + x * density);
                      });
  }
  RL_CHECK(approximate == "tanh", "approximate argument must be either none or tanh.");
  return activation("GeluBackward0", Formula::GeluTanh, Formula::GeluTanhBackward, {}, x,
                    [](const Tensor& g, const Tensor& x) {
                      constexpr double kScale = M_2_SQRTPI * M_SQRT1_2, kCubic = 0.044715;
                      const Tensor t = ((x + x * x * x * kCubic) * kScale).tanh();
                      const Tensor slope = (x * x * (3 * kCubic) + 1) * kScale;
                      return g * 0.5 * ((t + 1) + x * (1 - t * t) * slope);
                    });
}
Tensor softplus(const Tensor& x, const Scalar& beta, const Scalar& threshold) {
  return activation("SoftplusBackward0", Formula::Softplus, Formula::SoftplusBackward,
                    params_of(beta, threshold), x, [=](const Tensor& g, const Tensor& x) {
                      const Tensor z = x * beta;
                      return where(z.gt(threshold), g, g * z.sigmoid());
                    });
}
Tensor logsigmoid(const Tensor& x) {
  return activation("LogSigmoidBackward0", Formula::LogSigmoid, Formula::LogSigmoidBackward, {}, x,
                    [](const Tensor& g, const Tensor& x) { return g * (-x).sigmoid(); });
}
Tensor softshrink(const Tensor& x, const Scalar& lambd) {
  const double largest = x.dtype() == DType::Float64    ? std::numeric_limits<double>::max()
                         : x.dtype() == DType::Float16  ? 65504
                         : x.dtype() == DType::BFloat16 ? std::bit_cast<float>(0x7f7f0000u)
                                                        : std::numeric_limits<float>::max();
  RL_CHECK(!is_floating(x.dtype()) || (lambd.to_double() >= 0 && lambd.to_double() <= largest),
           "lambda must be in range [0, ", largest, "] for input dtype ", info(x.dtype()).message_name,
           ", but found ", lambd.to_double());
  return activation(
      "SoftshrinkBackward0", Formula::Softshrink, Formula::ShrinkBackward, params_of(lambd), x,
      [=](const Tensor& g, const Tensor& x) { return where(x.ge(-lambd).logical_and(x.le(lambd)), 0, g); });
}
Tensor softsign(const Tensor& x) {
  if (tracks(x) || !is_floating(x.dtype())) return x / (x.abs() + 1);
  const Tensor y = x.abs();
  y.add_(1);  // in the memory just written, which the cache still holds
  return pointwise(Formula::Div, {x, y}, {}, &y);
}
Tensor tanhshrink(const Tensor& x) { return x - x.tanh(); }

Tensor glu(const Tensor& x, int64_t dim) {
  RL_CHECK_AS(NotImplementedError, is_floating(x.dtype()), "\"glu_cpu\" not implemented for '",
              info(x.dtype()).message_name, "'");
  RL_CHECK(x.dim() > 0, "glu does not support 0-dimensional tensors");
  const int64_t d = wrap_dim(dim, x.dim(), false), n = x.sizes()[d];
  RL_CHECK(n % 2 == 0, "Halving dimension must be even, but dimension ", d, " is size ", n);
  const Tensor a = x.narrow(d, 0, n / 2), b = x.narrow(d, n / 2, n / 2);
  Tensor y;
  {
    autograd::NoGrad guard;
    y = a * b.sigmoid();
  }
  if (!tracks(x)) return y;
  return Record("GluBackward0", {x}).save(x).rule(y, [d, n](Node& node, const Tensor& g) -> Tensor {
    const Tensor x = node.saved(0);
    const Tensor a = x.narrow(d, 0, n / 2), s = x.narrow(d, n / 2, n / 2).sigmoid();
    return cat({g * s, g * a * s * (1 - s)}, d);
  });
}

namespace {

// PyTorch's choice where `dim` is not given, which it wishes nobody used.
int64_t softmax_dim(const char* name, const Tensor& x, OptInt dim) {
  if (dim) return *dim;
  warn(concat("Implicit dimension choice for ", name,
              " has been deprecated. Change the call to include dim=X as an argument."));
  return x.dim() == 0 || x.dim() == 1 || x.dim() == 3 ? 0 : 1;
}

}  // namespace

Tensor softmax(const Tensor& x, OptInt dim, int64_t, OptDType dtype) {
  return rushlight::softmax(x, softmax_dim("softmax", x, dim), dtype);
}
Tensor softmin(const Tensor& x, OptInt dim, int64_t, OptDType dtype) {
  return rushlight::softmax(-x, softmax_dim("softmin", x, dim), dtype);
}
Tensor log_softmax(const Tensor& x, OptInt dim, int64_t, OptDType dtype) {
  return rushlight::log_softmax(x, softmax_dim("log_softmax", x, dim), dtype);
}

}  // namespace rushlight::nn::functional

// Convolutions. A convolution is linear in the input x and in the weight w, so that it has three faces of one
// shape:
//
//   Output  y = conv(x, w)      Input  dx = the transpose of conv(., w), applied to y      Weight  dw, from y
//   and x
//
// The gradient of each face consists of the two others, whatever the order; a transposed convolution is the
// face Input.
#include <algorithm>

#include "rushlight/autograd/record.h"
#include "rushlight/kernels/cpu/conv.h"
#include "rushlight/ops/indexing.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/type_name.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;

enum class Face : uint8_t { Output, Input, Weight };

// The sizes of x, w and y have one or two spatial dimensions; the kernels see two.
struct Convolution {
  cpu::ConvShape shape;
  Dims x, w, y;

  const Dims& sizes(Face face) const { return face == Face::Output ? y : face == Face::Input ? x : w; }
};

// The operands of a face are the two other tensors, in the order y, x, w.
struct Operands {
  Face first, second;
};
constexpr Operands operands_of(Face face) {
  switch (face) {
    case Face::Output: return {Face::Input, Face::Weight};
    case Face::Input: return {Face::Output, Face::Weight};
    default: return {Face::Output, Face::Input};
  }
}

template <class T>
void run(const cpu::ConvShape& shape, Face face, const Tensor& a, const Tensor& b, const Tensor& bias,
         const Tensor& out) {
  const T* added = bias.defined() ? bias.data<T>() : nullptr;
  switch (face) {
    case Face::Output: return cpu::conv2d_forward<T>(shape, a.data<T>(), b.data<T>(), added, out.data<T>());
    case Face::Input:
      return cpu::conv2d_backward_input<T>(shape, a.data<T>(), b.data<T>(), added, out.data<T>());
    case Face::Weight: return cpu::conv2d_backward_weight<T>(shape, a.data<T>(), b.data<T>(), out.data<T>());
  }
}

// Integers and the narrow floats are computed in a wider type.
DType compute_dtype(DType t) {
  return t == DType::Float32 || t == DType::Float16 || t == DType::BFloat16 ? DType::Float32 : DType::Float64;
}

// A convolution over no channels is its bias.
void fill_empty(const Tensor& out, const Tensor& bias) {
  out.zero_();
  if (!bias.defined()) return;
  Dims sizes(out.dim(), 1);
  sizes[1] = bias.numel();
  out.add_(bias.detach().view(sizes));
}

Tensor compute(const Convolution& c, Face face, const Tensor& a, const Tensor& b, const Tensor& bias) {
  autograd::NoGrad guard;
  const DType dtype = compute_dtype(a.dtype());
  const auto prepare = [&](const Tensor& t) { return t.defined() ? t.detach().to(dtype).contiguous() : t; };
  Tensor out = make_tensor(c.sizes(face), dtype, a.device());
  if (out.numel() > 0) {
    if (a.numel() == 0 || b.numel() == 0) fill_empty(out, bias);
    else if (dtype == DType::Float32) run<float>(c.shape, face, prepare(a), prepare(b), prepare(bias), out);
    else run<double>(c.shape, face, prepare(a), prepare(b), prepare(bias), out);
  }
  return out.to(a.dtype());
}

// Sums over all dimensions but that of the channels.
Tensor bias_gradient(const Tensor& g) {
  if (g.dim() == 3) return g.sum({0, 2});
  return g.sum({0, 2, 3});
}

Tensor convolve(const char* node, const Convolution& c, Face face, const Tensor& a, const Tensor& b,
                const Tensor& bias = {});

struct ConvolutionRule {
  Convolution c;
  Face face;
  Gradients operator()(Node& n, const Gradients& grads) const {
    const Tensor& g = grads[0];
    const auto [first, second] = operands_of(face);
    Gradients out;
    out.resize(3);
    // The gradient of an operand is that operand's face, of the incoming gradient and the other operand.
    const auto gradient = [&](Face wanted, const Tensor& other) {
      const bool in_order = operands_of(wanted).first == face;
      return convolve("ConvolutionBackwardBackward0", c, wanted, in_order ? g : other, in_order ? other : g);
    };
    if (n.needs(0)) out[0] = gradient(first, n.saved(1));
    if (n.needs(1)) out[1] = gradient(second, n.saved(0));
    if (n.needs(2)) out[2] = bias_gradient(g);
    return out;
  }
};

Tensor convolve(const char* node, const Convolution& c, Face face, const Tensor& a, const Tensor& b,
                const Tensor& bias) {
  Tensor out = compute(c, face, a, b, bias);
  if (!tracks(a, b, bias)) return out;
  Record record(node, {a, b, bias});
  record.save(autograd::has_history(b) ? a : Tensor()).save(autograd::has_history(a) ? b : Tensor());
  return record.rule(out, ConvolutionRule{c, face});
}

// ---- arguments, named and checked as PyTorch does

struct Arguments {
  const char* name;
  int64_t spatial;
  Dims stride, padding, dilation, output_padding;
  int64_t groups;
  bool transposed;
};

Dims expand_argument(const char* what, DimsRef given, int64_t spatial) {
  if (given.size() == 1) return Dims(spatial, given[0]);
  RL_CHECK(given.size() == spatial, "expected ", what, " to be a single integer value or a list of ", spatial,
           " values to match the convolution dimensions, but got ", what, "=", to_string(given));
  return given.copy();
}

bool any_below(const Dims& dims, int64_t bound) {
  return std::any_of(dims.begin(), dims.end(), [&](int64_t v) { return v < bound; });
}

void check_arguments(const Arguments& a) {
  RL_CHECK(!any_below(a.padding, 0), "negative padding is not supported");
  RL_CHECK(!any_below(a.output_padding, 0), "negative output_padding is not supported");
  RL_CHECK(!any_below(a.stride, 1), "non-positive stride is not supported");
  RL_CHECK(!any_below(a.dilation, 1), "dilation should be greater than zero, but got ",
           to_string(a.dilation));
  RL_CHECK(a.groups > 0, "non-positive groups is not supported");
}

void check_operands(const Arguments& a, const Tensor& input, const Tensor& weight, const Tensor& bias) {
  const int64_t rank = weight.dim(), g = a.groups;
  RL_CHECK(input.dim() == rank, "Expected ", rank, "-dimensional input for ", rank, "-dimensional weight ",
           to_string(weight.sizes()), ", but got ", input.dim(), "-dimensional input of size ",
           to_string(input.sizes()), " instead");
  RL_CHECK(weight.sizes()[0] >= g, "Given groups=", g, ", expected weight to be at least ", g,
           " at dimension 0, but got weight of size ", to_string(weight.sizes()), " instead");
  RL_CHECK(weight.sizes()[0] % g == 0, "Given groups=", g, ", expected weight to be divisible by ", g,
           " at dimension 0, but got weight of size [", to_string(weight.sizes()), "] instead");
  const int64_t outputs = a.transposed ? weight.sizes()[1] * g : weight.sizes()[0];
  if (a.transposed) {
    RL_CHECK(input.sizes()[1] == weight.sizes()[0], "Given transposed=1, weight of size ",
             to_string(weight.sizes()), ", expected input", to_string(input.sizes()), " to have ",
             weight.sizes()[0], " channels, but got ", input.sizes()[1], " channels instead");
  } else {
    RL_CHECK(input.sizes()[1] == weight.sizes()[1] * g, "Given groups=", g, ", weight of size ",
             to_string(weight.sizes()), ", expected input", to_string(input.sizes()), " to have ",
             weight.sizes()[1] * g, " channels, but got ", input.sizes()[1], " channels instead");
  }
  RL_CHECK(!bias.defined() || (bias.dim() == 1 && bias.sizes()[0] == outputs), "Given ",
           a.transposed ? "transposed=1, " : "", "weight of size ", to_string(weight.sizes()),
           ", expected bias to be 1-dimensional with ", outputs, " elements, but got bias of size ",
           bias.defined() ? to_string(bias.sizes()) : "", " instead");
}

std::string type_text(const Tensor& t) { return concat("torch.", info(t.dtype()).message_name, "Tensor"); }

void check_dtypes(const Arguments& a, const Tensor& input, const Tensor& weight, const Tensor& bias) {
  RL_CHECK(input.dtype() == weight.dtype(), "Input type (", type_text(input), ") and weight type (",
           type_text(weight),
           ") should be the same or input should be a MKLDNN tensor and weight is a dense tensor");
  RL_CHECK(!bias.defined() || bias.dtype() == input.dtype(), "Input type (", c_type_name(input.dtype()),
           ") and bias type (", bias.defined() ? c_type_name(bias.dtype()) : "", ") should be the same");
  const bool fits = is_inexact(input.dtype()) || input.dtype() == DType::Int64 ||
                    (!a.transposed && input.dtype() != DType::Bool);
  const char* kernel = a.transposed     ? "slow_conv_transpose2d_out_cpu"
                       : a.spatial == 3 ? "compute_columns3d"
                                        : "slow_conv2d_cpu";
  RL_CHECK_AS(NotImplementedError, fits, "\"", kernel, "\" not implemented for '",
              info(input.dtype()).message_name, "'");
}

// a * b + c, of which no caller's sizes may make more than int64 holds.
int64_t checked(int64_t a, int64_t b, int64_t c) {
  int64_t product, sum;
  RL_CHECK(!__builtin_mul_overflow(a, b, &product) && !__builtin_add_overflow(product, c, &sum),
           "numel: integer multiplication overflow");
  return sum;
}

std::string times(const Dims& sizes) {
  std::string out;
  for (int64_t s : sizes) out += concat(out.empty() ? "" : " x ", s);
  return out;
}

// Output sizes of a convolution; also checks that the window fits.
Dims output_sizes(const Arguments& a, const Dims& input, const Dims& weight) {
  Dims padded, kernel, out{input[0], weight[0]};
  bool fits = true, empty_kernel = false;
  for (int64_t d = 0; d < a.spatial; ++d) {
    padded.push_back(checked(a.padding[d], 2, input[d + 2]));
    kernel.push_back(checked(a.dilation[d], weight[d + 2] - 1, 1));
    fits &= padded[d] >= kernel[d];
    empty_kernel |= weight[d + 2] < 1;
    out.push_back((padded[d] - kernel[d]) / a.stride[d] + 1);
  }
  RL_CHECK(fits, "Calculated padded input size per channel: (", times(padded), "). Kernel size: (",
           times(kernel), "). Kernel size can't be greater than actual input size");
  RL_CHECK(!empty_kernel, "kernel size should be greater than zero, but got kernel size ",
           to_string(DimsRef(weight.data() + 2, a.spatial)));
  return out;
}

// Output sizes of a transposed convolution.
Dims transposed_sizes(const Arguments& a, const Dims& input, const Dims& weight) {
  Dims out{input[0], checked(weight[1], a.groups, 0)};
  for (int64_t d = 0; d < a.spatial; ++d) {
    const int64_t size = checked(input[d + 2] - 1, a.stride[d], 0) - checked(a.padding[d], 2, 0) +
                         checked(a.dilation[d], weight[d + 2] - 1, 0) + a.output_padding[d] + 1;
    out.push_back(size);
  }
  const bool positive = !any_below(Dims(out.data() + 2, a.spatial), 1);
  RL_CHECK(positive, "Given input size per channel: (", times(Dims(input.data() + 2, a.spatial)),
           "). Calculated output size per channel: (", times(Dims(out.data() + 2, a.spatial)),
           "). Output size is too small");
  return out;
}

void check_output_padding(const Arguments& a) {
  bool fits = true;
  for (int64_t d = 0; d < a.spatial; ++d) fits &= a.output_padding[d] < std::max(a.stride[d], a.dilation[d]);
  const auto at = [&](const Dims& v, int64_t from_end) {
    return a.spatial > from_end ? v[a.spatial - 1 - from_end] : (&v == &a.output_padding ? 0 : 1);
  };
  RL_CHECK(fits,
           "output padding must be smaller than either stride or dilation, but got output_padding_height: ",
           at(a.output_padding, 1), " output_padding_width: ", at(a.output_padding, 0),
           " stride_height: ", at(a.stride, 1), " stride_width: ", at(a.stride, 0),
           " dilation_height: ", at(a.dilation, 1), " dilation_width: ", at(a.dilation, 0));
}

// x is the wide side, y the narrow one.
Convolution make_convolution(const Arguments& a, const Dims& x, const Dims& w, const Dims& y) {
  Convolution c{{}, x, w, y};
  cpu::ConvShape& s = c.shape;
  s.batch = x[0];
  s.groups = a.groups;
  s.in_channels = x[1];
  s.out_channels = y[1];
  const int64_t last = a.spatial - 1;
  s.in_w = x.back(), s.kernel_w = w.back(), s.out_w = y.back();
  s.stride_w = a.stride[last], s.pad_left = a.padding[last], s.dilation_w = a.dilation[last];
  if (a.spatial == 2) {
    s.in_h = x[2], s.kernel_h = w[2], s.out_h = y[2];
    s.stride_h = a.stride[0], s.pad_top = a.padding[0], s.dilation_h = a.dilation[0];
  }
  return c;
}

// Complex numbers: the four products of real and imaginary parts.
template <class Convolve>
Tensor complex_convolution(const Tensor& input, const Tensor& weight, const Tensor& bias,
                           Convolve&& convolve) {
  const Tensor xr = real(input), xi = imag(input), wr = real(weight), wi = imag(weight);
  const Tensor re = convolve(xr, wr, bias.defined() ? real(bias) : bias) - convolve(xi, wi, Tensor());
  const Tensor im = convolve(xr, wi, bias.defined() ? imag(bias) : bias) + convolve(xi, wr, Tensor());
  return complex(re, im);
}

Tensor batched_convolution(const Arguments& a, const Tensor& input, const Tensor& weight,
                           const Tensor& bias) {
  check_arguments(a);
  check_operands(a, input, weight, bias);
  check_dtypes(a, input, weight, bias);
  if (is_complex(input.dtype())) {
    return complex_convolution(input, weight, bias, [&](const Tensor& x, const Tensor& w, const Tensor& b) {
      return batched_convolution(a, x, w, b);
    });
  }
  if (a.transposed) {
    check_output_padding(a);
    const Dims x = transposed_sizes(a, input.sizes(), weight.sizes());
    return convolve("ConvolutionBackward0", make_convolution(a, x, weight.sizes(), input.sizes()),
                    Face::Input, input, weight, bias);
  }
  const Dims y = output_sizes(a, input.sizes(), weight.sizes());
  return convolve("ConvolutionBackward0", make_convolution(a, input.sizes(), weight.sizes(), y), Face::Output,
                  input, weight, bias);
}

// Three dimensions: the planes of the kernel one after the other, each a two-dimensional convolution of the
// planes that it meets.
Tensor volume_convolution(const Arguments& a, const Tensor& input, const Tensor& weight, const Tensor& bias) {
  check_arguments(a);
  check_operands(a, input, weight, bias);
  check_dtypes(a, input, weight, bias);
  if (input.dtype() == DType::Float16 ||
      input.dtype() == DType::BFloat16) {  // the sum over planes is rounded once
    const Tensor wide = bias.defined() ? bias.to(DType::Float32) : bias;
    return volume_convolution(a, input.to(DType::Float32), weight.to(DType::Float32), wide).to(input.dtype());
  }
  const Dims y = output_sizes(a, input.sizes(), weight.sizes());
  Arguments planar = a;
  planar.spatial = 2;
  for (Dims* d : {&planar.stride, &planar.padding, &planar.dilation, &planar.output_padding}) d->erase(0);
  const Tensor padded = constant_pad_nd(input, {0, 0, 0, 0, a.padding[0], a.padding[0]}, 0);
  const int64_t batch = y[0], depth = y[2];
  Tensor total;
  for (int64_t k = 0; k < weight.sizes()[2]; ++k) {
    const Tensor met =
        slice(padded, 2, k * a.dilation[0], k * a.dilation[0] + (depth - 1) * a.stride[0] + 1, a.stride[0]);
    const Tensor planes =
        met.transpose(1, 2).reshape({batch * depth, input.sizes()[1], input.sizes()[3], input.sizes()[4]});
    const Tensor part = batched_convolution(planar, planes, weight.select(2, k), k == 0 ? bias : Tensor());
    total = total.defined() ? total + part : part;
  }
  return total.view({batch, depth, y[1], y[3], y[4]}).transpose(1, 2);
}

// One example without its batch dimension is a batch of one.
Tensor convolution(Arguments& a, const Tensor& input, const Tensor& weight, const Tensor& bias) {
  const int64_t rank = a.spatial + 2;
  RL_CHECK(input.dim() == rank || input.dim() == rank - 1, "Expected ", rank - 1, "D (unbatched) or ", rank,
           "D (batched) input to ", a.name, ", but got input of size: ", to_string(input.sizes()));
  const bool batched = input.dim() == rank;
  const Tensor batch = batched ? input : input.unsqueeze(0);
  const Tensor out = a.spatial == 3 ? volume_convolution(a, batch, weight, bias)
                                    : batched_convolution(a, batch, weight, bias);
  return batched ? out : out.squeeze(0);
}

// 'same': half of what the window takes away on either side; an odd rest is appended to the input.
Tensor same_padding(Arguments& a, const Tensor& input, const Tensor& weight) {
  const bool unstrided = std::all_of(a.stride.begin(), a.stride.end(), [](int64_t s) { return s == 1; });
  RL_CHECK(unstrided, "padding='same' is not supported for strided convolutions");
  Dims rest;
  bool odd = false;
  for (int64_t d = 0; d < a.spatial; ++d) {
    const int64_t total = checked(a.dilation[d], weight.sizes()[d + 2] - 1, 0);
    a.padding[d] = total / 2;
    odd |= total % 2 != 0;
    rest.insert(0, total % 2);
    rest.insert(0, 0);
  }
  return odd ? constant_pad_nd(input, rest, 0) : input;
}

Tensor convolution(const char* name, int64_t spatial, const Tensor& input, const Tensor& weight,
                   const Tensor& bias, DimsRef stride, const Padding& padding, DimsRef dilation,
                   int64_t groups) {
  // A weight of the wrong rank is reported through the arguments that then do not fit it.
  const int64_t expected = std::max<int64_t>(1, weight.dim() - 2);
  Dims full_stride = stride.size() == 1 ? Dims(spatial, stride[0]) : stride.copy(),
       full_dilation = dilation.size() == 1 ? Dims(spatial, dilation[0]) : dilation.copy();
  Arguments a{name,
              spatial,
              expand_argument("stride", full_stride, expected),
              Dims(spatial),
              expand_argument("dilation", full_dilation, expected),
              Dims(spatial),
              groups,
              false};
  RL_CHECK(weight.dim() == spatial + 2, "weight should have at least three dimensions");
  RL_CHECK(padding.name.empty() || padding.name == "same" || padding.name == "valid",
           "Invalid padding string: '", padding.name, "'");
  if (padding.name == "same") return convolution(a, same_padding(a, input, weight), weight, bias);
  if (padding.name.empty()) a.padding = expand_argument("padding", padding.sizes, spatial);
  return convolution(a, input, weight, bias);
}

Tensor transposed_convolution(const char* name, int64_t spatial, const Tensor& input, const Tensor& weight,
                              const Tensor& bias, DimsRef stride, DimsRef padding, DimsRef output_padding,
                              int64_t groups, DimsRef dilation) {
  Arguments a{name,
              spatial,
              expand_argument("stride", stride, spatial),
              expand_argument("padding", padding, spatial),
              expand_argument("dilation", dilation, spatial),
              expand_argument("output_padding", output_padding, spatial),
              groups,
              true};
  RL_CHECK(weight.dim() == spatial + 2, "weight should have at least three dimensions");
  return convolution(a, input, weight, bias);
}

}  // namespace

namespace nn::functional {

Tensor conv1d(const Tensor& input, const Tensor& weight, const Tensor& bias, DimsRef stride,
              const Padding& padding, DimsRef dilation, int64_t groups) {
  return convolution("conv1d", 1, input, weight, bias, stride, padding, dilation, groups);
}
Tensor conv2d(const Tensor& input, const Tensor& weight, const Tensor& bias, DimsRef stride,
              const Padding& padding, DimsRef dilation, int64_t groups) {
  return convolution("conv2d", 2, input, weight, bias, stride, padding, dilation, groups);
}
Tensor conv3d(const Tensor& input, const Tensor& weight, const Tensor& bias, DimsRef stride,
              const Padding& padding, DimsRef dilation, int64_t groups) {
  return convolution("conv3d", 3, input, weight, bias, stride, padding, dilation, groups);
}
Tensor conv_transpose1d(const Tensor& input, const Tensor& weight, const Tensor& bias, DimsRef stride,
                        DimsRef padding, DimsRef output_padding, int64_t groups, DimsRef dilation) {
  return transposed_convolution("conv_transpose1d", 1, input, weight, bias, stride, padding, output_padding,
                                groups, dilation);
}
Tensor conv_transpose2d(const Tensor& input, const Tensor& weight, const Tensor& bias, DimsRef stride,
                        DimsRef padding, DimsRef output_padding, int64_t groups, DimsRef dilation) {
  return transposed_convolution("conv_transpose2d", 2, input, weight, bias, stride, padding, output_padding,
                                groups, dilation);
}

}  // namespace nn::functional
}  // namespace rushlight

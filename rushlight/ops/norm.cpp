// Normalisation: batch, layer, root mean square and group. They differ in which elements share a mean, and
// which a weight; on tensors reshaped to (batch, channels, inner), (rows, size), the same, and (batch,
// groups, channels, inner) their gradients are one formula, written here with public operations for gradients
// of any order. The first order has kernels of its own.
#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "rushlight/autograd/record.h"
#include "rushlight/kernels/cpu/norm.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;

enum class Kind : uint8_t { Batch, Layer, Rms, Group };

struct Norm {
  Kind kind;
  Dims sizes;           // reshaped as above
  Dims weight;          // the weight's, so that it broadcasts
  Dims shared, summed;  // the dimensions that share a mean; those that a weight's gradient sums over
  double eps;
  bool running = false;  // batch normalisation by given statistics

  bool has_mean() const { return kind != Kind::Rms; }  // that is subtracted
};

Norm batch_norm_of(const Tensor& x, double eps, bool running) {
  const int64_t channels = x.sizes()[1];
  const int64_t inner = numel_of(DimsRef(x.sizes().data() + 2, x.dim() - 2));
  return {Kind::Batch, {x.sizes()[0], channels, inner}, {1, channels, 1}, {0, 2}, {0, 2}, eps, running};
}

Norm layer_norm_of(int64_t rows, int64_t size, double eps) {
  return {Kind::Layer, {rows, size}, {1, size}, {1}, {0}, eps};
}

Norm rms_norm_of(int64_t rows, int64_t size, double eps) {
  return {Kind::Rms, {rows, size}, {1, size}, {1}, {0}, eps};
}

Norm group_norm_of(const Tensor& x, int64_t groups, double eps) {
  const int64_t channels = x.sizes()[1] / groups,
                inner = numel_of(DimsRef(x.sizes().data() + 2, x.dim() - 2));
  return {Kind::Group, {x.sizes()[0], groups, channels, inner}, {1, groups, channels, 1}, {2, 3}, {0, 3},
          eps};
}

// ---- gradients of any order, by public operations

Gradients composed_gradients(const Norm& norm, const Node& n, const Tensor& grad, const Tensor& x0,
                             const Tensor& w0, const Tensor& mean0, const Tensor& rstd0) {
  const Tensor x = x0.reshape(norm.sizes), g = grad.reshape(norm.sizes);
  const auto mean_of = [&](const Tensor& t) { return t.mean(norm.shared, true); };
  Tensor centred = x, rstd;
  if (norm.running) {
    centred = x - mean0.view(norm.weight);
    rstd = rstd0.view(norm.weight);
  } else {
    if (norm.has_mean()) centred = x - mean_of(x);
    rstd = (mean_of(centred * centred) + norm.eps).rsqrt();
  }
  const Tensor normal = centred * rstd;
  Gradients out;
  out.resize(3);
  if (n.needs(0)) {
    const Tensor gw = w0.defined() ? g * w0.reshape(norm.weight) : g;
    Tensor dx = gw;
    if (!norm.running && norm.has_mean()) dx = dx - mean_of(gw);
    if (!norm.running) dx = dx - normal * mean_of(gw * normal);
    out[0] = (dx * rstd).reshape(x0.sizes());
  }
  if (n.needs(1)) out[1] = (g * normal).sum(norm.summed).reshape(w0.sizes());
  if (n.needs(2)) out[2] = g.sum(norm.summed);
  return out;
}

// ---- gradients of the first order, by kernels

struct Pointers {
  Tensor dx, dw, db;
};

template <class T>
T* pointer(const Tensor& t) {
  return t.defined() ? t.data<T>() : nullptr;
}

template <class T>
void batch_backward(const Norm& norm, const Tensor& g, const Tensor& x, const Tensor& w, const Tensor& mean,
                    const Tensor& rstd, const Pointers& out) {
  const cpu::ChannelShape shape{norm.sizes[0], norm.sizes[1], norm.sizes[2]};
  const int64_t channels = shape.channels;
  std::vector<T> sum_g(channels), sum_gx(channels), a(channels), b(channels), c(channels);
  cpu::channel_sums<T>(shape, g.data<T>(), x.data<T>(), mean.data<T>(), sum_g.data(), sum_gx.data());
  const double count = static_cast<double>(shape.batch) * static_cast<double>(shape.inner);
  for (int64_t k = 0; k < channels; ++k) {
    const double deviation = rstd.data<T>()[k],
                 weight = w.defined() ? static_cast<double>(w.data<T>()[k]) : 1.0;
    const double slope = norm.running ? 0 : -weight * deviation * deviation * deviation * sum_gx[k] / count;
    a[k] = static_cast<T>(weight * deviation);
    b[k] = static_cast<T>(slope);
    c[k] = static_cast<T>(norm.running ? 0
                                       : -weight * deviation * sum_g[k] / count -
                                             slope * static_cast<double>(mean.data<T>()[k]));
    if (out.dw.defined()) out.dw.data<T>()[k] = static_cast<T>(sum_gx[k] * deviation);
    if (out.db.defined()) out.db.data<T>()[k] = sum_g[k];
  }
  if (!out.dx.defined()) return;
  if (norm.running) {
    std::fill(c.begin(), c.end(), T(0));
    cpu::channel_affine<T>(shape, g.data<T>(), a.data(), c.data(), out.dx.data<T>());
  } else {
    cpu::channel_combine<T>(shape, g.data<T>(), x.data<T>(), a.data(), b.data(), c.data(), out.dx.data<T>());
  }
}

template <class T>
void backward(const Norm& norm, const Tensor& g, const Tensor& x, const Tensor& w, const Tensor& mean,
              const Tensor& rstd, const Pointers& out) {
  const Dims& s = norm.sizes;
  switch (norm.kind) {
    case Kind::Batch: return batch_backward<T>(norm, g, x, w, mean, rstd, out);
    case Kind::Layer:
    case Kind::Rms:
      return cpu::layer_norm_backward<T>(s[0], s[1], g.data<T>(), x.data<T>(), pointer<T>(w),
                                         norm.has_mean() ? mean.data<T>() : nullptr, rstd.data<T>(),
                                         pointer<T>(out.dx), pointer<T>(out.dw), pointer<T>(out.db));
    case Kind::Group:
      return cpu::group_norm_backward<T>({s[0], s[1], s[2], s[3]}, g.data<T>(), x.data<T>(), pointer<T>(w),
                                         mean.data<T>(), rstd.data<T>(), pointer<T>(out.dx),
                                         pointer<T>(out.dw), pointer<T>(out.db));
  }
}

Tensor dense(const Tensor& t, DType dtype) { return t.defined() ? t.detach().to(dtype).contiguous() : t; }

template <class F>
void visit_float(DType t, F&& f) {
  if (t == DType::Float32) f.template operator()<float>();
  else f.template operator()<double>();
}

DType compute_dtype(DType t) { return t == DType::Float64 ? t : DType::Float32; }

// Saved: x, weight, mean, rstd. `parameters` are the sizes of weight and bias.
struct NormRule {
  Norm norm;
  Dims parameters;
  DType parameter_dtype;
  Gradients operator()(Node& n, const Gradients& grads) const {
    const Tensor &g = grads[0], x = n.saved(0), w = n.saved(1), mean = n.saved(2), rstd = n.saved(3);
    if (tracks(g, x, w)) {
      Gradients out = composed_gradients(norm, n, g, x, w, mean, rstd);
      if (out[2].defined()) out[2] = out[2].reshape(parameters);
      return out;
    }
    const DType dtype = compute_dtype(x.dtype());
    Pointers out;
    if (n.needs(0)) out.dx = make_tensor(x.sizes(), dtype, x.device());
    if (n.needs(1)) out.dw = make_tensor(parameters, dtype, x.device());
    if (n.needs(2)) out.db = make_tensor(parameters, dtype, x.device());
    visit_float(dtype, [&]<class T>() {
      backward<T>(norm, dense(g, dtype), dense(x, dtype), dense(w, dtype), mean, rstd, out);
    });
    const auto result = [](const Tensor& t, DType as) { return t.defined() ? t.to(as) : t; };
    return {result(out.dx, x.dtype()), result(out.dw, parameter_dtype), result(out.db, parameter_dtype)};
  }
};

Tensor record_norm(const char* node, const Norm& norm, const Tensor& out, const Tensor& x, const Tensor& w,
                   const Tensor& b, const Tensor& mean, const Tensor& rstd) {
  if (!tracks(x, w, b)) return out;
  const Tensor& parameter = w.defined() ? w : b;
  NormRule rule{norm, parameter.defined() ? parameter.sizes() : Dims(),
                parameter.defined() ? parameter.dtype() : x.dtype()};
  return Record(node, {x, w, b}).save(x, w, mean, rstd).rule(out, std::move(rule));
}

// Parameters may be wider than a half-precision input, all of them alike.
void check_parameters(const Tensor& x, std::initializer_list<std::reference_wrapper<const Tensor>> parameters,
                      const char* same, const char* wider) {
  for (const Tensor& p : parameters) {
    if (!p.defined() || p.dtype() == x.dtype()) continue;
    const bool narrow = x.dtype() == DType::Float16 || x.dtype() == DType::BFloat16;
    RL_CHECK(narrow && p.dtype() == DType::Float32, narrow ? wider : same);
  }
}

// ---- batch normalisation

void check_batch_norm(const Tensor& x, const Tensor& running_mean, const Tensor& running_var, const Tensor& w,
                      const Tensor& b, bool training) {
  const int64_t channels = x.dim() > 1 ? x.sizes()[1] : 0;
  const auto check_size = [&](const char* what, const Tensor& t) {
    RL_CHECK(!t.defined() || t.numel() == channels, what, " should contain ", channels, " elements not ",
             t.defined() ? t.numel() : 0);
  };
  RL_CHECK(training || running_mean.defined(), "running_mean must be defined in evaluation mode");
  check_size("running_mean", running_mean);
  RL_CHECK(training || running_var.defined(), "running_var must be defined in evaluation mode");
  check_size("running_var", running_var);
  check_size("weight", w);
  check_size("bias", b);
  RL_CHECK(x.dim() >= 2, "batch_norm expects at least two dimensions, but got ", x.dim());
  RL_CHECK_AS(NotImplementedError, is_floating(x.dtype()), "\"batch_norm\" not implemented for '",
              info(x.dtype()).message_name, "'");
  check_parameters(x, {running_mean, running_var, w, b},
                   "mixed dtype (CPU): all inputs must share same datatype.",
                   "mixed dtype (CPU): expect parameter to have scalar type of Float");
}

// The running statistics are constants to the graph.
void check_constant(const char* name, const Tensor& t) {
  RL_CHECK(!autograd::tracks(t),
           "The function 'native_batch_norm' is not differentiable with respect to argument '", name,
           "'. This input cannot have requires_grad True.");
}

// running = (1 - momentum) running + momentum value, without a new version: what others saved of it stays
// usable.
template <class T>
void move_running(const Tensor& running, const T* value, double momentum, double factor) {
  if (!running.defined()) return;
  const Tensor flat = running.detach().to(dtype_of<T>).contiguous();
  T* r = flat.data<T>();
  for (int64_t c = 0; c < flat.numel(); ++c) {
    r[c] = static_cast<T>(momentum * static_cast<double>(value[c]) * factor +
                          (1 - momentum) * static_cast<double>(r[c]));
  }
  if (flat.raw_data() != running.raw_data()) running.detach().copy_(flat);
}

struct Statistics {
  Tensor mean, rstd;
};

template <class T>
Statistics batch_statistics(const Norm& norm, const Tensor& x, const Tensor& running_mean,
                            const Tensor& running_var, double momentum) {
  const cpu::ChannelShape shape{norm.sizes[0], norm.sizes[1], norm.sizes[2]};
  Tensor mean = make_tensor(shape.channels, x.dtype()), deviation = make_tensor(shape.channels, x.dtype());
  if (norm.running) {
    mean.copy_(running_mean);
    deviation.copy_(running_var);
  } else {
    cpu::channel_moments<T>(shape, x.data<T>(), mean.data<T>(), deviation.data<T>());
    const double count = static_cast<double>(shape.batch) * static_cast<double>(shape.inner);
    move_running<T>(running_mean, mean.data<T>(), momentum, 1);
    move_running<T>(running_var, deviation.data<T>(), momentum, count / (count - 1));
  }
  T* d = deviation.data<T>();
  for (int64_t c = 0; c < shape.channels; ++c)
    d[c] = static_cast<T>(1 / std::sqrt(static_cast<double>(d[c]) + norm.eps));
  return {mean, deviation};
}

template <class T>
void batch_forward(const Norm& norm, const Tensor& x, const Statistics& s, const Tensor& w, const Tensor& b,
                   const Tensor& out) {
  const int64_t channels = norm.sizes[1];
  std::vector<T> scale(channels), shift(channels);
  for (int64_t c = 0; c < channels; ++c) {
    scale[c] = w.defined() ? s.rstd.data<T>()[c] * w.data<T>()[c] : s.rstd.data<T>()[c];
    shift[c] = (b.defined() ? b.data<T>()[c] : T(0)) - s.mean.data<T>()[c] * scale[c];
  }
  cpu::channel_affine<T>({norm.sizes[0], channels, norm.sizes[2]}, x.data<T>(), scale.data(), shift.data(),
                         out.data<T>());
}

Tensor native_batch_norm(const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& running_mean,
                         const Tensor& running_var, bool training, double momentum, double eps) {
  const Norm norm = batch_norm_of(x, eps, !training);
  const DType dtype = compute_dtype(x.dtype());
  Tensor out = make_tensor(x.sizes(), dtype, x.device());
  Statistics s;
  {
    autograd::NoGrad guard;
    const Tensor source = dense(x, dtype);
    visit_float(dtype, [&]<class T>() {
      s = batch_statistics<T>(norm, source, running_mean, running_var, momentum);
      batch_forward<T>(norm, source, s, dense(w, dtype), dense(b, dtype), out);
    });
    out = out.to(x.dtype());
  }
  return record_norm("NativeBatchNormBackward0", norm, out, x, w, b, s.mean, s.rstd);
}

// "torch.Size([2, 3])"
std::string size_text(DimsRef sizes) { return concat("torch.Size(", to_string(sizes), ")"); }

// ---- layer and group normalisation

void check_layer_norm(const Tensor& x, DimsRef shape, const Tensor& w, const Tensor& b, const char* comma) {
  RL_CHECK(shape.size() >= 1,
           "Expected normalized_shape to be at least 1-dimensional, i.e., containing at least one element, "
           "but got normalized_shape = ",
           to_string(shape));
  RL_CHECK(!w.defined() || DimsRef(w.sizes()) == shape,
           "Expected weight to be of same shape as normalized_shape, but got weight of shape ",
           w.defined() ? to_string(w.sizes()) : "", " and normalized_shape = ", to_string(shape));
  RL_CHECK(!b.defined() || DimsRef(b.sizes()) == shape,
           "Expected bias to be of same shape as normalized_shape, but got bias of shape ",
           b.defined() ? to_string(b.sizes()) : "", " and normalized_shape = ", to_string(shape));
  const int64_t lead = x.dim() - shape.size();
  const bool fits = lead >= 0 && DimsRef(x.sizes().data() + lead, shape.size()) == shape;
  if (!fits) {
    std::string wanted;
    for (int64_t s : shape) wanted += concat(wanted.empty() ? comma : ", ", s);
    throw_error<RuntimeError>("Given normalized_shape=", to_string(shape), ", expected input with shape [*",
                              wanted, "], but got input of size", to_string(x.sizes()));
  }
}

template <class Run>
Tensor run_norm(const char* node, const Norm& norm, const Tensor& x, const Tensor& w, const Tensor& b,
                int64_t parts, Run&& run) {
  const DType dtype = compute_dtype(x.dtype());
  Tensor out = make_tensor(x.sizes(), dtype, x.device()), rstd = make_tensor(parts, dtype, x.device()), mean;
  if (norm.has_mean()) mean = make_tensor(parts, dtype, x.device());
  {
    autograd::NoGrad guard;
    const Tensor source = dense(x, dtype), weight = dense(w, dtype), bias = dense(b, dtype);
    if (source.numel() > 0) run(source, weight, bias, out, mean, rstd);
    out = out.to(x.dtype());
  }
  return record_norm(node, norm, out, x, w, b, mean, rstd);
}

}  // namespace

namespace nn::functional {

Tensor batch_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                  const Tensor& weight, const Tensor& bias, bool training, double momentum, double eps) {
  if (training) {
    int64_t values = input.dim() > 0 ? input.sizes()[0] : 1;
    for (int64_t d = 2; d < input.dim(); ++d) values *= input.sizes()[d];
    RL_CHECK_AS(ValueError, values != 1,
                "Expected more than 1 value per channel when training, got input size ",
                size_text(input.sizes()));
  }
  check_batch_norm(input, running_mean, running_var, weight, bias, training);
  check_constant("running_mean", running_mean);
  check_constant("running_var", running_var);
  if (input.numel() == 0) return input.clone();
  return native_batch_norm(input, weight, bias, running_mean, running_var, training, momentum, eps);
}

Tensor instance_norm(const Tensor& input, const Tensor& running_mean, const Tensor& running_var,
                     const Tensor& weight, const Tensor& bias, bool use_input_stats, double momentum,
                     double eps) {
  RL_CHECK(use_input_stats || (running_mean.defined() && running_var.defined()),
           "Expected running_mean and running_var to be defined when use_input_stats is false");
  if (use_input_stats) {
    int64_t values = 1;
    for (int64_t d = 2; d < input.dim(); ++d) values *= input.sizes()[d];
    RL_CHECK_AS(ValueError, values != 1,
                "Expected more than 1 spatial element when training, got input size ",
                size_text(input.sizes()));
  }
  RL_CHECK(input.dim() >= 2, "instance_norm expects at least two dimensions, but got ", input.dim());
  // Every example's channels become channels of one example.
  const int64_t batch = input.sizes()[0], channels = input.sizes()[1];
  Dims sizes = input.sizes();
  sizes[0] = 1;
  sizes[1] = batch * channels;
  const auto repeated = [&](const Tensor& t) { return t.defined() ? t.repeat(batch) : t; };
  check_constant("running_mean", running_mean);
  check_constant("running_var", running_var);
  const Tensor mean = repeated(running_mean), var = repeated(running_var);
  const Tensor w = repeated(weight), b = repeated(bias), merged = input.contiguous().view(sizes);
  check_batch_norm(merged, mean, var, w, b, use_input_stats);
  const Tensor out = input.numel() == 0
                         ? merged.clone()
                         : native_batch_norm(merged, w, b, mean, var, use_input_stats, momentum, eps);
  if (use_input_stats) {
    autograd::NoGrad guard;
    for (const auto& [running, all] : {std::pair{running_mean, mean}, std::pair{running_var, var}}) {
      if (running.defined()) running.detach().copy_(all.view({batch, channels}).mean(0));
    }
  }
  return out.view(input.sizes());
}

Tensor layer_norm(const Tensor& input, DimsRef normalized_shape, const Tensor& weight, const Tensor& bias,
                  double eps) {
  check_layer_norm(input, normalized_shape, weight, bias, ", ");
  RL_CHECK_AS(NotImplementedError, is_floating(input.dtype()),
              "\"LayerNormKernelImpl\" not implemented for '", info(input.dtype()).message_name, "'");
  check_parameters(input, {weight, bias}, "mixed dtype (CPU): expect parameter to have scalar type of Float",
                   "mixed dtype (CPU): expect parameter to have scalar type of Float");
  const int64_t rows = numel_of(DimsRef(input.sizes().data(), input.dim() - normalized_shape.size())),
                size = numel_of(normalized_shape);
  return run_norm("NativeLayerNormBackward0", layer_norm_of(rows, size, eps), input, weight, bias, rows,
                  [&](const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& out,
                      const Tensor& mean, const Tensor& rstd) {
                    visit_float(x.dtype(), [&]<class T>() {
                      cpu::layer_norm<T>(rows, size, x.data<T>(), pointer<T>(w), pointer<T>(b), eps,
                                         out.data<T>(), mean.data<T>(), rstd.data<T>());
                    });
                  });
}

Tensor group_norm(const Tensor& input, int64_t num_groups, const Tensor& weight, const Tensor& bias,
                  double eps) {
  RL_CHECK(input.dim() >= 2, "Expected at least 2 dimensions for input tensor but received ", input.dim());
  RL_CHECK(num_groups != 0, "Expected num groups to be greater than 0, got 0");
  const int64_t batch = input.sizes()[0], channels = input.sizes()[1];
  // PyTorch counts the values of one channel group over the batch, and shows these sizes.
  Dims merged{batch * channels / num_groups, num_groups};
  for (int64_t d = 2; d < input.dim(); ++d) merged.push_back(input.sizes()[d]);
  int64_t values = merged[0];
  for (int64_t d = 2; d < merged.size(); ++d) values *= merged[d];
  RL_CHECK_AS(ValueError, values != 1,
              "Expected more than 1 value per channel when training, got input size ", to_string(merged));
  RL_CHECK(num_groups > 0, "Expected num groups to be greater than 0, got ", num_groups);
  RL_CHECK(channels % num_groups == 0,
           "Expected number of channels in input to be divisible by num_groups, but got input of shape ",
           to_string(input.sizes()), " and num_groups=", num_groups);
  for (const auto& [what, t] : {std::pair<const char*, const Tensor*>{"weight", &weight}, {"bias", &bias}}) {
    RL_CHECK(!t->defined() || (t->dim() == 1 && t->numel() == channels), "Expected ", what,
             " to be a vector of size equal to the number of channels in input, but got ", what, " of shape ",
             t->defined() ? to_string((weight.defined() ? weight : *t).sizes())
                          : "",  // PyTorch shows the weight's for both

             " and input of shape ", to_string(input.sizes()));
  }
  RL_CHECK_AS(NotImplementedError, is_floating(input.dtype()),
              "\"GroupNormKernelImpl\" not implemented for '", info(input.dtype()).message_name, "'");
  check_parameters(input, {weight, bias}, "mixed dtype (CPU): all inputs must share same datatype.",
                   "mixed dtype (CPU): expect parameter to have scalar type of Float");
  const Norm norm = group_norm_of(input, num_groups, eps);
  return run_norm("NativeGroupNormBackward0", norm, input, weight, bias, batch * num_groups,
                  [&](const Tensor& x, const Tensor& w, const Tensor& b, const Tensor& out,
                      const Tensor& mean, const Tensor& rstd) {
                    const Dims& s = norm.sizes;
                    visit_float(x.dtype(), [&]<class T>() {
                      cpu::group_norm<T>({s[0], s[1], s[2], s[3]}, x.data<T>(), pointer<T>(w), pointer<T>(b),
                                         eps, out.data<T>(), mean.data<T>(), rstd.data<T>());
                    });
                  });
}

Tensor rms_norm(const Tensor& input, DimsRef normalized_shape, const Tensor& weight, OptDouble eps) {
  check_layer_norm(input, normalized_shape, weight, {}, "");
  RL_CHECK_AS(NotImplementedError, is_inexact(input.dtype()), "\"rms_norm\" not implemented for '",
              info(input.dtype()).message_name, "'");
  Dims dims;
  for (int64_t d = -normalized_shape.size(); d < 0; ++d) dims.push_back(d);
  const bool narrow = input.dtype() == DType::Float16 || input.dtype() == DType::BFloat16;
  const Tensor x = narrow ? input.to(DType::Float32) : input;
  const double machine = to_real(x.dtype()) == DType::Float64 ? std::numeric_limits<double>::epsilon()
                                                              : std::numeric_limits<float>::epsilon();
  const bool by_rows = is_floating(x.dtype()) && x.device().is_cpu() && x.numel() > 0 &&
                       (!weight.defined() || weight.dtype() == input.dtype());
  Tensor out;
  if (by_rows) {
    const int64_t size = numel_of(normalized_shape);
    const Norm norm = rms_norm_of(x.numel() / size, size, eps.value_or(machine));
    // The node has the name of the last of PyTorch's single operations.
    out = run_norm("MulBackward0", norm, x, weight, {}, norm.sizes[0],
                   [&](const Tensor& source, const Tensor& w, const Tensor&, const Tensor& result,
                       const Tensor&, const Tensor& rstd) {
                     visit_float(x.dtype(), [&]<class T>() {
                       cpu::rms_norm<T>(norm.sizes[0], size, source.data<T>(), pointer<T>(w), norm.eps,
                                        result.data<T>(), rstd.data<T>());
                     });
                   });
  } else {
    out = x * (x.pow(2).mean(dims, true) + eps.value_or(machine)).rsqrt();
    if (weight.defined()) out = out * weight;
  }
  return narrow ? out.to(input.dtype()) : out;
}

Tensor local_response_norm(const Tensor& input, int64_t size, double alpha, double beta, double k) {
  RL_CHECK_AS(ValueError, input.dim() >= 3,
              "Expected 3D or higher dimensionality                          input (got ", input.dim(),
              " dimensions)");
  if (input.numel() == 0) return input;
  RL_CHECK(size > 0, "kernel size should be greater than zero, but got kT: ", size, " kH: 1 kW: 1");
  // The mean of the squares over windows of neighbouring channels: one column of channels a place.
  const int64_t batch = input.sizes()[0], channels = input.sizes()[1],
                inner = input.numel() / (batch * channels);
  const Tensor squares = (input * input).reshape({batch, 1, channels, inner});
  const Tensor mean = avg_pool2d(constant_pad_nd(squares, {0, 0, size / 2, (size - 1) / 2}, 0), {size, 1}, 1,
                                 0, false, true, {});
  return input / (mean.view(input.sizes()) * alpha + k).pow(beta);
}

}  // namespace nn::functional
}  // namespace rushlight

#include "rushlight/autograd/gradcheck.h"

#include <cmath>

#include "rushlight/autograd/engine.h"
#include "rushlight/autograd/variable.h"
#include "rushlight/core/generator.h"

namespace rushlight::autograd {
namespace {

// The real numbers in a tensor of a floating or complex dtype, by their row-major place.
class Reals {
 public:
  explicit Reals(const Tensor& t)
      : tensor_(t), parts_(is_complex(t.dtype()) ? 2 : 1), single_(to_real(t.dtype()) == DType::Float32) {
    RL_CHECK_AS(ValueError, single_ || to_real(t.dtype()) == DType::Float64,
                "gradcheck takes float32, float64 and their complex kin, not ", info(t.dtype()).name);
  }
  int64_t size() const { return tensor_.numel() * parts_; }
  double get(int64_t i) const {
    return single_ ? static_cast<const float*>(place(i))[i % parts_]
                   : static_cast<const double*>(place(i))[i % parts_];
  }
  void set(int64_t i, double v) const {
    if (single_) static_cast<float*>(place(i))[i % parts_] = static_cast<float>(v);
    else static_cast<double*>(place(i))[i % parts_] = v;
  }

 private:
  void* place(int64_t i) const {
    int64_t rest = i / parts_, offset = 0;
    for (int64_t d = tensor_.dim() - 1; d >= 0; --d) {
      offset += rest % tensor_.sizes()[d] * tensor_.strides()[d];
      rest /= tensor_.sizes()[d];
    }
    return static_cast<char*>(tensor_.raw_data()) + offset * tensor_.item_size();
  }
  Tensor tensor_;
  int64_t parts_;
  bool single_;
};

// rows: reals of one input; columns: reals of one output.
struct Jacobian {
  Jacobian(int64_t rows, int64_t columns)
      : values(make_tensor({rows, columns}, DType::Float64)), columns(columns) {
    values.zero_();
  }
  double& at(int64_t row, int64_t column) { return values.data<double>()[row * columns + column]; }
  Tensor values;
  int64_t columns;
};

std::vector<Tensor> differentiable(std::vector<Tensor> outputs) {
  std::erase_if(outputs, [](const Tensor& t) { return !t.defined() || !is_inexact(t.dtype()); });
  return outputs;
}

std::vector<double> values_of(const Tensor& output) {
  const Reals reals(output);
  std::vector<double> out(reals.size());
  for (int64_t i = 0; i < reals.size(); ++i) out[i] = reals.get(i);
  return out;
}

// One Jacobian for each output.
std::vector<Jacobian> numerical_jacobians(const TensorFunction& function, const std::vector<Tensor>& inputs,
                                          const Tensor& input, const std::vector<Tensor>& outputs,
                                          double eps) {
  NoGrad guard;
  const Reals x(input);
  std::vector<Jacobian> out;
  for (const Tensor& o : outputs) out.emplace_back(x.size(), Reals(o).size());
  for (int64_t row = 0; row < x.size(); ++row) {
    const double before = x.get(row);
    auto probe = [&](double step) {
      x.set(row, before + step);
      std::vector<std::vector<double>> values;
      for (const Tensor& o : differentiable(function(inputs))) values.push_back(values_of(o));
      return values;
    };
    std::vector<std::vector<double>> above, below;
    try {
      above = probe(eps);
      below = probe(-eps);
    } catch (...) {
      x.set(row, before);
      throw;
    }
    x.set(row, before);
    for (size_t k = 0; k < out.size(); ++k) {
      for (int64_t column = 0; column < out[k].columns; ++column)
        out[k].at(row, column) = (above[k][column] - below[k][column]) / (2 * eps);
    }
  }
  return out;
}

// One Jacobian for each input, by a backward for each real number of the output.
std::vector<Jacobian> analytical_jacobians(const Tensor& output, const std::vector<Tensor>& inputs) {
  const Reals y(output);
  std::vector<Jacobian> out;
  for (const Tensor& x : inputs) out.emplace_back(Reals(x).size(), y.size());
  if (!output.requires_grad()) return out;
  for (int64_t column = 0; column < y.size(); ++column) {
    Tensor seed = make_tensor(output.sizes(), output.dtype(), output.device());
    seed.zero_();
    Reals(seed).set(column, 1);
    const std::vector<Tensor> grads = grad({output}, inputs, {seed}, {.retain_graph = true}, true);
    for (size_t k = 0; k < inputs.size(); ++k) {
      if (!grads[k].defined()) continue;
      const Reals g(grads[k]);
      for (int64_t row = 0; row < g.size(); ++row) out[k].at(row, column) = g.get(row);
    }
  }
  return out;
}

bool close(const Tensor& numerical, const Tensor& analytical, double atol, double rtol) {
  const double *a = numerical.data<double>(), *b = analytical.data<double>();
  for (int64_t i = 0; i < numerical.numel(); ++i) {
    if (!(std::abs(a[i] - b[i]) <= atol + rtol * std::abs(b[i])) && a[i] != b[i]) return false;
  }
  return true;
}

}  // namespace

std::optional<GradcheckFailure> gradcheck(const TensorFunction& function, const std::vector<Tensor>& inputs,
                                          const GradcheckOptions& options) {
  std::vector<Tensor> variables;
  std::vector<size_t> places;
  for (size_t i = 0; i < inputs.size(); ++i) {
    if (!inputs[i].defined() || !inputs[i].requires_grad()) continue;
    variables.push_back(inputs[i]);
    places.push_back(i);
  }
  RL_CHECK_AS(ValueError, !variables.empty(),
              "gradcheck expects at least one input tensor to require gradient, but none of the them have "
              "requires_grad=True.");
  std::vector<Tensor> outputs;
  {
    GradMode on(true);
    outputs = differentiable(function(inputs));
  }
  std::vector<std::vector<Jacobian>> numerical;
  for (const Tensor& v : variables)
    numerical.push_back(numerical_jacobians(function, inputs, v, outputs, options.eps));
  for (size_t o = 0; o < outputs.size(); ++o) {
    const std::vector<Jacobian> analytical = analytical_jacobians(outputs[o], variables),
                                again = analytical_jacobians(outputs[o], variables);
    for (size_t v = 0; v < variables.size(); ++v) {
      const Tensor &n = numerical[v][o].values, &a = analytical[v].values;
      if (!close(n, a, options.atol, options.rtol)) {
        return GradcheckFailure{
            concat("Jacobian mismatch for output ", o, " with respect to input ", places[v], ",\n"), n, a};
      }
      if (!close(again[v].values, a, options.nondet_tol, 0)) {
        return GradcheckFailure{
            concat(
                "Backward is not reentrant, i.e., running backward with same input and grad_output multiple "
                "times gives "
                "different values, although analytical gradient matches numerical gradient.The tolerance for "
                "nondeterminism was ",
                options.nondet_tol, "."),
            {},
            {}};
      }
    }
  }
  return {};
}

std::optional<GradcheckFailure> gradgradcheck(const TensorFunction& function,
                                              const std::vector<Tensor>& inputs,
                                              const std::vector<Tensor>& grad_outputs,
                                              const GradcheckOptions& options) {
  std::vector<Tensor> seeds = grad_outputs;
  if (seeds.empty()) {
    GradMode on(true);
    Generator generator;
    generator.manual_seed(0);
    for (const Tensor& o : differentiable(function(inputs))) {
      Tensor seed = make_tensor(o.sizes(), o.dtype(), o.device());
      const Reals reals(seed);
      for (int64_t i = 0; i < reals.size(); ++i)
        reals.set(i, static_cast<double>(generator.next64() >> 11) * 0x1p-52 - 1);  // in [-1, 1)
      seeds.push_back(seed.set_requires_grad(true));
    }
  }
  const size_t count = inputs.size();
  std::vector<Tensor> all = inputs;
  all.insert(all.end(), seeds.begin(), seeds.end());
  auto gradients = [&](const std::vector<Tensor>& arguments) {
    GradMode on(true);
    const std::vector<Tensor> first(arguments.begin(), arguments.begin() + count),
        second(arguments.begin() + count, arguments.end());
    std::vector<Tensor> wanted;
    for (const Tensor& t : first)
      if (t.defined() && t.requires_grad()) wanted.push_back(t);
    const std::vector<Tensor> outputs = differentiable(function(first));
    return grad(outputs, wanted, second, {.retain_graph = true, .create_graph = true}, true);
  };
  return gradcheck(gradients, all, options);
}

}  // namespace rushlight::autograd

// Variance, standard deviation, vector norms, logsumexp.
#include <cmath>

#include "rushlight/kernels/cpu/softmax.h"
#include "rushlight/core/warning.h"
#include "rushlight/ops/reduce.h"
#include "rushlight/ops/softmax.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Finish;
using cpu::Reduce;

// ---- variance

// Of complex numbers: the variances of both parts add up.
struct Spread {
  ReducedDims dims;
  double divisor;  // n - correction, not below zero
  bool root;       // standard deviation
};

Spread spread_of(const Tensor& x, OptDims dim, double correction, bool keepdim, bool root) {
  RL_CHECK(is_inexact(x.dtype()), "std and var only support floating point and complex dtypes");
  const ReducedDims dims(x, dim, keepdim);
  if (static_cast<double>(dims.count()) <= correction && x.numel() > 0)
    warn(
        concat(root ? "std" : "var",
               "(): degrees of freedom is <= 0. Correction should be strictly less than the reduction factor "
               "(input numel divided by output numel)."));
  return {dims, std::max(0.0, static_cast<double>(dims.count()) - correction), root};
}

double correction_of(const OptScalar& correction) { return correction ? correction->to_double() : 1.0; }

// The imaginary part, as a view without history.
Tensor imaginary(const Tensor& x) {
  Tensor part = x.detach().real();
  return make_alias(part, part.sizes(), part.strides(), part.storage_offset() + 1);
}

Tensor spread_forward(const Tensor& x, const Spread& s, Tensor* mean) {
  if (is_complex(x.dtype())) {
    Tensor total = spread_forward(x.detach().real(), {s.dims, s.divisor, false}, nullptr) +
                   spread_forward(imaginary(x), {s.dims, s.divisor, false}, nullptr);
    if (mean)
      *mean =
          reduce(x, s.dims,
                 {Reduce::Sum, x.dtype(), x.dtype(), Finish::Divide, static_cast<double>(s.dims.count())});
    return s.root ? total.sqrt() : total;
  }
  return reduce(x, s.dims,
                {Reduce::Moments, x.dtype(), x.dtype(), s.root ? Finish::DivideSqrt : Finish::Divide,
                 s.divisor, mean, x.dtype()});
}

// g / y, and zero where y is; so is the gradient of that.
Tensor over(const Tensor& g, const Tensor& y) {
  const Tensor flat = y.eq(0);
  return where(flat, 0, g / where(flat, 1, y));
}

// d var / dx = 2 (x - mean) / divisor; d std = d var / (2 std), and zero where std is.
Tensor spread_gradient(const Spread& s, const Tensor& g, const Tensor& x, const Tensor& y) {
  const Tensor scale = s.root ? over(g, y) : g * 2;
  return s.dims.unsqueezed(scale / (s.dims.count() ? s.divisor : 1)) * (x - x.mean(s.dims.list(), true));
}

Tensor spread_op(const char* node, const Tensor& x, const Spread& s) {
  Tensor out = spread_forward(x, s, nullptr);
  if (!tracks(x)) return out;
  Record record(node, {x});
  record.save(x);
  if (s.root) record.save_output(out);
  return record.rule(out, [s](Node& n, const Tensor& g) -> Tensor {
    return spread_gradient(s, g, n.saved(0), s.root ? n.saved(1) : Tensor());
  });
}

TensorPair spread_mean_op(const char* node, const Tensor& x, const Spread& s) {
  Tensor mean;
  Tensor out = spread_forward(x, s, &mean);
  if (!tracks(x)) return {out, mean};
  Record record(node, {x});
  record.save(x);
  if (s.root) record.save_output(out);
  record.rule({out, mean}, [s](Node& n, const Gradients& grads) -> Tensor {
    Tensor total;
    if (grads[0].defined()) total = spread_gradient(s, grads[0], n.saved(0), s.root ? n.saved(1) : Tensor());
    if (!grads[1].defined()) return total;
    Tensor of_mean = s.dims.spread(grads[1] / static_cast<double>(std::max<int64_t>(s.dims.count(), 1)));
    return total.defined() ? total + of_mean : of_mean;
  });
  return {out, mean};
}

}  // namespace

Tensor var(const Tensor& x, Flag unbiased) { return var(x, OptDims(), bool{unbiased}, false); }
Tensor var(const Tensor& x, OptDims dim, bool unbiased, bool keepdim) {
  return spread_op("VarBackward0", x, spread_of(x, dim, unbiased, keepdim, false));
}
Tensor var(const Tensor& x, OptDims dim, OptScalar correction, bool keepdim) {
  return spread_op("VarBackward0", x, spread_of(x, dim, correction_of(correction), keepdim, false));
}
Tensor std(const Tensor& x, Flag unbiased) { return std(x, OptDims(), bool{unbiased}, false); }
Tensor std(const Tensor& x, OptDims dim, bool unbiased, bool keepdim) {
  return spread_op("StdBackward0", x, spread_of(x, dim, unbiased, keepdim, true));
}
Tensor std(const Tensor& x, OptDims dim, OptScalar correction, bool keepdim) {
  return spread_op("StdBackward0", x, spread_of(x, dim, correction_of(correction), keepdim, true));
}
TensorPair var_mean(const Tensor& x, Flag unbiased) { return var_mean(x, OptDims(), bool{unbiased}, false); }
TensorPair var_mean(const Tensor& x, OptDims dim, bool unbiased, bool keepdim) {
  return spread_mean_op("VarMeanBackward0", x, spread_of(x, dim, unbiased, keepdim, false));
}
TensorPair var_mean(const Tensor& x, OptDims dim, OptScalar correction, bool keepdim) {
  return spread_mean_op("VarMeanBackward0", x, spread_of(x, dim, correction_of(correction), keepdim, false));
}
TensorPair std_mean(const Tensor& x, Flag unbiased) { return std_mean(x, OptDims(), bool{unbiased}, false); }
TensorPair std_mean(const Tensor& x, OptDims dim, bool unbiased, bool keepdim) {
  return spread_mean_op("StdMeanBackward0", x, spread_of(x, dim, unbiased, keepdim, true));
}
TensorPair std_mean(const Tensor& x, OptDims dim, OptScalar correction, bool keepdim) {
  return spread_mean_op("StdMeanBackward0", x, spread_of(x, dim, correction_of(correction), keepdim, true));
}

// ---- vector norms

namespace {

void check_norm_dtypes(const Tensor& x, OptDType dtype) {
  RL_CHECK(is_inexact(x.dtype()),
           "linalg.vector_norm: Expected a floating point or complex tensor as input. Got ",
           info(x.dtype()).message_name);
  if (!dtype) return;
  RL_CHECK(is_inexact(*dtype), "linalg.vector_norm: dtype should be floating point or complex, but got ",
           info(*dtype).message_name);
  RL_CHECK(is_complex(x.dtype()) == is_complex(*dtype), "linalg.vector_norm: dtype should be ",
           is_complex(x.dtype()) ? "complex" : "real", " for ", is_complex(x.dtype()) ? "complex" : "real",
           " inputs, but got ", info(*dtype).message_name);
  RL_CHECK(promote_types(x.dtype(), *dtype) == *dtype, "linalg.vector_norm: the dtype of the input (",
           info(x.dtype()).message_name, ") should be convertible without narrowing to the specified dtype (",
           info(*dtype).message_name, ")");
}

// Of nothing, only norms with an identity exist.
void check_norm_empty(const Tensor& x, double p, const OptDims& dim) {
  if (x.numel() > 0 || (p >= 0 && !std::isinf(p))) return;
  RL_CHECK(dim.has_value() && !dim.empty(), "linalg.vector_norm cannot compute the ", p,
           " norm on an empty tensor because the operation does not have an identity");
  for (int64_t d : dim) {
    RL_CHECK(x.size(d) != 0, "linalg.vector_norm cannot compute the ", p, " norm on the dimension ", d,
             "because this dimension is empty and the operation does not have an identity");
  }
}

Tensor norm_forward(const Tensor& x, double p, const ReducedDims& dims) {
  const DType t = x.dtype();
  if (p == 2) return reduce(x, dims, {Reduce::SumSquares, t, t, Finish::Sqrt});
  if (p == 1) return reduce(x, dims, {Reduce::SumAbs, t, t});
  if (p == 0) return reduce(x, dims, {Reduce::CountNonzero, t, t});
  if (std::isinf(p)) return reduce(x, dims, {p > 0 ? Reduce::MaxAbs : Reduce::MinAbs, t, t});
  return reduce(x.abs().pow(p), dims, {Reduce::Sum, t, t}).pow(1 / p);
}

Tensor norm_gradient(double p, const ReducedDims& dims, const Tensor& grad, const Tensor& x,
                     const Tensor& norm) {
  if (p == 0) return zeros_like(x);
  const Tensor g = dims.unsqueezed(grad), y = dims.unsqueezed(norm);
  if (p == 1) return g * x.sgn();
  if (p == 2) return x * over(g, y);
  const Tensor magnitude = x.abs();
  if (std::isinf(p)) {
    const Tensor mask = magnitude.eq(y);
    return x.sgn() * (g / mask.sum(dims.list(), true) * mask);
  }
  const Tensor scale = over(g, y.pow(p - 1));
  if (p >= 2) return x * magnitude.pow(p - 2) * scale;
  return where(x.eq(0), 0, x.sgn() * magnitude.pow(p - 1)) * scale;
}

}  // namespace

Tensor linalg_vector_norm(const Tensor& x, const Scalar& ord, OptDims dim, bool keepdim, OptDType dtype) {
  check_norm_dtypes(x, dtype);
  const double p = ord.to_double();
  const ReducedDims dims(x, dim, keepdim);
  check_norm_empty(x, p, dim);
  const Tensor source = dtype ? x.to(*dtype) : x;
  const bool real = !is_complex(x.dtype());
  Tensor out = norm_forward(real ? source.detach() : source.detach().abs(), p, dims);
  if (!tracks(source)) return out;
  return Record("LinalgVectorNormBackward0", {source})
      .save(source)
      .save_output(out)
      .rule(out, [p, dims](Node& n, const Tensor& g) -> Tensor {
        return norm_gradient(p, dims, g, n.saved(0), n.saved(1));
      });
}

Tensor norm(const Tensor& x, OptScalar p, OptDims dim, bool keepdim, OptDType dtype) {
  return linalg_vector_norm(x, p.value_or(2), dim, keepdim, dtype);
}

Tensor norm(const Tensor& x, String p, OptDims dim, bool keepdim, OptDType dtype) {
  RL_CHECK_AS(NotImplementedError, p != "nuc", "norm(): the nuclear norm is not implemented");
  RL_CHECK(p == "fro", "linalg.matrix_norm: Order ", p, " not supported.");
  return linalg_vector_norm(x, 2, dim, keepdim, dtype);
}

// ---- logsumexp

namespace {

// max + log(sum(exp(x - max))), where an infinite maximum counts as zero.
Tensor logsumexp_composed(const Tensor& x, const ReducedDims& dims) {
  if (x.numel() == 0) return x.exp().sum(dims.list(), dims.keepdim()).log();
  Tensor top = x.amax(dims.list(), true);
  top = where(top.isinf(), 0, top);
  return (x - top).exp().sum(dims.list(), dims.keepdim()).log() +
         (dims.keepdim() ? top : top.reshape(dims.out_sizes()));
}

Tensor logsumexp_forward(const Tensor& x, const ReducedDims& dims) {
  const Dims list = dims.list();
  if (is_complex(x.dtype()) && x.numel() > 0) {
    Tensor top = x.real().amax(list, true);
    top = where(top.isinf(), 0, top);
    return (x - top).exp().sum(list, dims.keepdim()).log() +
           (dims.keepdim() ? top : top.reshape(dims.out_sizes()));
  }
  if (list.size() != 1 || x.numel() == 0) return logsumexp_composed(x, dims);
  return log_sum_exp_along(x, list[0]).view(dims.out_sizes());
}

}  // namespace

Tensor logsumexp(const Tensor& input, DimsRef dim, bool keepdim) {
  const Tensor x = is_integral(input.dtype(), true) ? input.to(default_dtype()) : input;
  const ReducedDims dims(x, OptDims(dim), keepdim);
  Tensor out = logsumexp_forward(x.detach(), dims);
  if (!tracks(x)) return out;
  return Record("LogsumexpBackward0", {x})
      .save(x)
      .save_output(out)
      .rule(out, [dims](Node& n, const Tensor& g) -> Tensor {
        return dims.unsqueezed(g) * (n.saved(0) - dims.unsqueezed(n.saved(1))).exp().conj();
      });
}

}  // namespace rushlight

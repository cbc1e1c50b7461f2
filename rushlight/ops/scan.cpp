// Running sums, products and extremes.
#include "rushlight/kernels/cpu/scan.h"

#include "rushlight/autograd/record.h"
#include "rushlight/ops/along.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Scan;

cpu::ScanShape shape_of(const Tensor& x, int64_t dim) {
  cpu::ScanShape s{1, 1, 1};
  for (int64_t d = 0; d < x.dim(); ++d) (d < dim ? s.outer : d == dim ? s.size : s.inner) *= x.sizes()[d];
  return s;
}

// The scan itself, unrecorded.
Tensor scanned(Scan op, const Tensor& x, int64_t dim, DType dtype, bool reverse) {
  const cpu::Compute type = cpu::compute_of(dtype);
  const Tensor dense = x.detach().to(dtype).to(cpu::storage_of(type)).contiguous();
  Tensor out = make_tensor(dense.sizes(), dense.dtype(), dense.device());
  cpu::scan(op, shape_of(x, dim), type, dense.raw_data(), out.raw_data(), reverse);
  return out.to(dtype);
}

DType scan_dtype(const Tensor& x, OptDType dtype) {
  return dtype.value_or(is_integral(x.dtype(), true) ? DType::Int64 : x.dtype());
}

// Running sum from either end: each is the other's gradient.
Tensor running_sum(const Tensor& x, int64_t dim, DType dtype, bool reverse) {
  Tensor out = scanned(Scan::Sum, x, dim, dtype, reverse);
  if (!tracks(x) || !is_inexact(dtype)) return out;
  return Record("CumsumBackward0", {x}).rule(out, [dim, reverse](Node&, const Tensor& g) -> Tensor {
    return running_sum(g, dim, g.dtype(), !reverse);
  });
}

Tensor running_logsumexp(const Tensor& x, int64_t dim, bool reverse);

// The logarithm that stands for zero: infinities would leave inf - inf to the second gradient.
double least(DType t) {
  return t == DType::Float64   ? std::numeric_limits<double>::lowest()
         : t == DType::Float16 ? -65504
                               : -3.38953139e38;  // of float32 and bfloat16
}

// sum over later j of g_j exp(x - y_j), for positive and negative g apart, in logarithms.
Tensor logsumexp_gradient(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim, bool reverse) {
  auto share = [&](const Tensor& sign_of_g) {
    const Tensor positive = sign_of_g.gt(0);
    const Tensor log_g = where(positive, where(positive, sign_of_g, 1).log(), least(g.dtype()));
    return (running_logsumexp(log_g - y, dim, !reverse) + x).exp();
  };
  return share(g) - share(-g);
}

Tensor running_logsumexp(const Tensor& x, int64_t dim, bool reverse) {
  Tensor out = scanned(Scan::LogSumExp, x, dim, x.dtype(), reverse);
  if (!tracks(x)) return out;
  return Record("LogcumsumexpBackward0", {x})
      .save(x)
      .save_output(out)
      .rule(out, [dim, reverse](Node& n, const Tensor& g) -> Tensor {
        const Tensor x = n.saved(0), y = n.saved(1);
        if (is_complex(x.dtype()))
          return (x.conj().exp()) * running_sum(g * (-y).exp().conj(), dim, g.dtype(), !reverse);
        return logsumexp_gradient(g, x, y, dim, reverse);
      });
}

// sum over j >= k of g_j times the product of x_i for i <= j but k, for all k: where zeros forbid division by
// x.
Tensor cumprod_gradient_with_zeros(const Tensor& grad, const Tensor& input, int64_t dim) {
  const Tensor x = input.transpose(dim, -1), g = grad.transpose(dim, -1);
  const int64_t n = x.sizes().back();
  Dims square = x.sizes();
  square.insert(square.size() - 1, n);
  const Tensor row = arange(n), column = row.reshape({n, 1});
  const Tensor products = where(column.eq(row), 1, x.unsqueeze(-2).expand(square)).cumprod(-1);
  const Tensor later = where(row.ge(column), products, 0);
  return (later.conj() * g.unsqueeze(-2)).sum(-1).transpose(dim, -1);
}

ValuesIndices running_extreme(bool largest, const char* name, const char* node, const Tensor& x,
                              int64_t dim) {
  dim = wrap_dim(dim, x.dim());
  RL_CHECK_AS(NotImplementedError, !is_complex(x.dtype()), "\"", name, "_cpu\" not implemented for '",
              info(x.dtype()).message_name, "'");
  const cpu::Compute type = cpu::compute_of(x.dtype());
  const Tensor dense = x.detach().to(cpu::storage_of(type)).contiguous();
  Tensor values = make_tensor(x.sizes(), dense.dtype(), x.device()),
         indices = make_tensor(x.sizes(), DType::Int64, x.device());
  cpu::scan_extreme(largest, shape_of(x, dim), type, dense.raw_data(), values.raw_data(),
                    indices.data<int64_t>());
  ValuesIndices out{values.to(x.dtype()), indices};
  if (!tracks(x)) return out;
  Record(node, {x})
      .save(out.indices)
      .rule({out.values, out.indices}, [dim, sizes = x.sizes()](Node& n, const Gradients& grads) -> Tensor {
        return grads[0].defined() ? put_along(grads[0], dim, n.saved(0), sizes) : Tensor();
      });
  return out;
}

}  // namespace

Tensor cumsum(const Tensor& x, int64_t dim, OptDType dtype) {
  return running_sum(x, wrap_dim(dim, x.dim()), scan_dtype(x, dtype), false);
}

Tensor cumprod(const Tensor& x, int64_t dim, OptDType dtype) {
  dim = wrap_dim(dim, x.dim());
  Tensor out = scanned(Scan::Prod, x, dim, scan_dtype(x, dtype), false);
  if (!tracks(x) || !is_inexact(out.dtype())) return out;
  return Record("CumprodBackward0", {x})
      .save(x)
      .save_output(out)
      .rule(out, [dim](Node& n, const Tensor& g) -> Tensor {
        const Tensor x = n.saved(0), y = n.saved(1);
        if (x.dim() == 0 || x.numel() == 0) return g;
        if (x.eq(0).any().item().to_bool()) return cumprod_gradient_with_zeros(g, x, dim);
        return running_sum(g * y.conj(), dim, g.dtype(), true) / x.conj();
      });
}

Tensor logcumsumexp(const Tensor& x, int64_t dim) {
  dim = wrap_dim(dim, x.dim());
  RL_CHECK_AS(NotImplementedError, is_inexact(x.dtype()), "\"logcumsumexp_out_cpu\" not implemented for '",
              info(x.dtype()).message_name, "'");
  return running_logsumexp(x, dim, false);
}

namespace {

Tensor difference(const Tensor& x, int64_t dim) {
  const int64_t n = x.sizes()[dim];
  const Tensor later = x.narrow(dim, 1, n - 1), earlier = x.narrow(dim, 0, n - 1);
  return x.dtype() == DType::Bool ? later.logical_xor(earlier) : later - earlier;
}

void check_joined(const Tensor& x, const Tensor& other, int64_t dim) {
  RL_CHECK(other.dim() == x.dim(), "diff expects prepend or append to be the same dimension as input");
  for (int64_t d = 0; d < x.dim(); ++d) {
    RL_CHECK(d == dim || other.sizes()[d] == x.sizes()[d],
             "diff expects the shape of tensor to prepend or append to match that of input except along the "
             "differencing dimension; input.size(",
             d, ") = ", x.sizes()[d], ", but got tensor.size(", d, ") = ", other.sizes()[d]);
  }
}

}  // namespace

Tensor diff(const Tensor& x, int64_t n, int64_t dim, const Tensor& prepend, const Tensor& append) {
  RL_CHECK(x.dim() >= 1, "diff expects input to be at least one-dimensional");
  dim = wrap_dim(dim, x.dim());
  for (const Tensor& t : {prepend, append})
    if (t.defined()) check_joined(x, t, dim);
  RL_CHECK(n >= 0, "order must be non-negative but got ", n);
  if (n == 0) return zeros_like(x).copy_(x);
  std::vector<Tensor> parts;
  for (const Tensor& t : {prepend, x, append})
    if (t.defined()) parts.push_back(t);
  Tensor out = parts.size() > 1 ? cat(parts, dim) : x;
  if (n >= out.sizes()[dim]) return out.narrow(dim, 0, 0).clone();
  for (; n > 0; --n) out = difference(out, dim);
  return out;
}

ValuesIndices cummax(const Tensor& x, int64_t dim) {
  return running_extreme(true, "cummax", "CummaxBackward0", x, dim);
}
ValuesIndices cummin(const Tensor& x, int64_t dim) {
  return running_extreme(false, "cummin", "CumminBackward0", x, dim);
}

}  // namespace rushlight

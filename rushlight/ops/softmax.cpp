// Softmax, log_softmax.
#include "rushlight/ops/softmax.h"

#include "rushlight/autograd/record.h"
#include "rushlight/kernels/cpu/softmax.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Softmax;

cpu::SoftmaxShape shape_of(const Tensor& x, int64_t dim) {
  cpu::SoftmaxShape s{1, 1, 1};
  for (int64_t d = 0; d < x.dim(); ++d) (d < dim ? s.outer : d == dim ? s.size : s.inner) *= x.sizes()[d];
  return s;
}

Tensor forward(Softmax kind, const Tensor& x, int64_t dim, DType out_dtype) {
  const Tensor dense = x.is_contiguous() ? x : x.detach().contiguous();
  Tensor out = make_tensor(x.sizes(), out_dtype, x.device());
  cpu::softmax(kind, shape_of(x, dim), dense.raw_data(), x.dtype(), out.raw_data(), out_dtype);
  return out;
}

// While a graph is made of the gradient itself, it is composed of public operations.
Tensor backward(Softmax kind, const Tensor& grad, const Tensor& y, int64_t dim) {
  if (tracks(grad, y)) {
    if (kind == Softmax::Log) return grad - y.exp() * grad.sum(dim, true);
    const Tensor weighted = grad * y;
    return weighted - y * weighted.sum(dim, true);
  }
  const Tensor g = grad.to(y.dtype()).contiguous();
  Tensor out = make_tensor(y.sizes(), y.dtype(), y.device());
  cpu::softmax_backward(kind, shape_of(y, dim), g.raw_data(), y.raw_data(), out.raw_data(), y.dtype());
  return out;
}

Tensor softmax_op(Softmax kind, const char* name, const char* node, const Tensor& x, int64_t dim,
                  OptDType dtype) {
  dim = wrap_dim(dim, x.dim());
  const DType out_dtype = dtype.value_or(x.dtype());
  RL_CHECK_AS(NotImplementedError, is_floating(out_dtype) || x.numel() == 0, "\"", name,
              dim == x.dim() - 1 || x.dim() == 0 ? "_lastdim" : "", "_kernel_impl\" not implemented for '",
              info(out_dtype).message_name, "'");
  const Tensor source = is_complex(x.dtype()) ? x.to(out_dtype) : x;
  Tensor out = forward(kind, source, dim, out_dtype);
  if (!tracks(source)) return out;
  return Record(node, {source}).save_output(out).rule(out, [kind, dim](Node& n, const Tensor& g) -> Tensor {
    return backward(kind, g, n.saved(0), dim);
  });
}

}  // namespace

Tensor softmax(const Tensor& x, int64_t dim, OptDType dtype) {
  return softmax_op(Softmax::Plain, "softmax", "SoftmaxBackward0", x, dim, dtype);
}
Tensor log_softmax(const Tensor& x, int64_t dim, OptDType dtype) {
  return softmax_op(Softmax::Log, "log_softmax", "LogSoftmaxBackward0", x, dim, dtype);
}

Tensor log_sum_exp_along(const Tensor& x, int64_t dim) {
  const Tensor dense = x.contiguous();
  Dims sizes = x.sizes();
  if (!sizes.empty()) sizes[dim] = 1;
  Tensor out = make_tensor(sizes, x.dtype(), x.device());
  cpu::softmax(Softmax::LogSumExp, shape_of(x, dim), dense.raw_data(), x.dtype(), out.raw_data(), x.dtype());
  return out;
}

}  // namespace rushlight

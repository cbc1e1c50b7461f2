// Matrix products.
#include "rushlight/kernels/cpu/gemm.h"

#include "rushlight/autograd/record.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;

void check_same_dtype(const Tensor& a, const Tensor& b) {
  RL_CHECK(a.dtype() == b.dtype(), "expected m1 and m2 to have the same dtype, but got: ", info(a.dtype()).name, " != ", info(b.dtype()).name);
}

// out (m, n) = a (m, k) @ b (k, n), any strides.
void multiply(const Tensor& a, const Tensor& b, const Tensor& out) {
  visit_dtype(a.dtype(), [&]<class T>() {
    if constexpr (std::is_same_v<T, bool> || std::is_same_v<T, uint16_t> || std::is_same_v<T, uint32_t> || std::is_same_v<T, uint64_t>) {
      throw_error<NotImplementedError>("\"addmm_impl_cpu_\" not implemented for '", info(a.dtype()).message_name, "'");
    } else {
      cpu::gemm<T>(a.sizes()[0], b.sizes()[1], a.sizes()[1], {a.data<T>(), a.strides()[0], a.strides()[1]},
                   {b.data<T>(), b.strides()[0], b.strides()[1]}, {out.data<T>(), out.strides()[0], out.strides()[1]});
    }
  });
}

}  // namespace

Tensor mm(const Tensor& a, const Tensor& b) {
  RL_CHECK(a.dim() == 2, "self must be a matrix");
  RL_CHECK(b.dim() == 2, "mat2 must be a matrix");
  RL_CHECK(a.sizes()[1] == b.sizes()[0], "mat1 and mat2 shapes cannot be multiplied (", a.sizes()[0], "x", a.sizes()[1], " and ",
           b.sizes()[0], "x", b.sizes()[1], ")");
  check_same_dtype(a, b);
  Tensor out = make_tensor({a.sizes()[0], b.sizes()[1]}, a.dtype());
  multiply(a, b, out);
  if (!tracks(a, b)) return out;
  return Record("MmBackward0", {a, b})
      .save(autograd::has_history(b) ? a : Tensor())
      .save(autograd::has_history(a) ? b : Tensor())
      .rule(out, [](Node& n, const Gradients& grads) {
        Gradients out;
        out.resize(2);
        if (n.needs(0)) out[0] = grads[0].mm(n.saved(1).t().conj());
        if (n.needs(1)) out[1] = n.saved(0).t().conj().mm(grads[0]);
        return out;
      });
}

Tensor matmul(const Tensor& a, const Tensor& b) {
  return mm(a, b);
}

}  // namespace rushlight

// Matrix products. mm, bmm, mv, dot and their sums with a third tensor run on the GEMM core; the others
// arrange their operands for these.
#include <algorithm>

#include "rushlight/autograd/record.h"
#include "rushlight/kernels/cpu/gemm.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/type_name.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::has_history;
using autograd::Node;
using autograd::Record;
using autograd::tracks;

void check_same_dtype(const Tensor& a, const Tensor& b) {
  RL_CHECK(a.dtype() == b.dtype(),
           "expected m1 and m2 to have the same dtype, but got: ", c_type_name(a.dtype()),
           " != ", c_type_name(b.dtype()));
}

template <class T>
inline constexpr bool kMultiplies = !(std::is_same_v<T, bool> || std::is_same_v<T, uint16_t> ||
                                      std::is_same_v<T, uint32_t> || std::is_same_v<T, uint64_t>);

// A matrix of the last two dimensions, or of one vector.
template <class T>
cpu::Matrix<T> matrix(const Tensor& t) {
  return {static_cast<T*>(t.raw_data()), t.strides()[t.dim() - 2], t.strides()[t.dim() - 1]};
}

// out (..., m, n) = alpha a @ b + beta out + bias, one matrix or a batch of them, any strides; bias (n),
// contiguous, or none.
void run_gemm(const char* kernel, const Tensor& a, const Tensor& b, const Tensor& out,
              const Scalar& alpha = 1, const Scalar& beta = 0, const Tensor& bias = {}) {
  visit_dtype(a.dtype(), [&]<class T>() {
    if constexpr (!kMultiplies<T>) {
      throw_error<NotImplementedError>("\"", kernel, "\" not implemented for '", info(a.dtype()).message_name,
                                       "'");
    } else {
      cpu::Epilogue<T> epilogue;
      epilogue.alpha = alpha.to<cpu::Accumulator<T>>();
      epilogue.beta = beta.to<cpu::Accumulator<T>>();
      if (bias.defined()) epilogue.bias = static_cast<const T*>(bias.raw_data());
      const int64_t m = a.size(-2), k = a.size(-1), n = b.size(-1);
      if (a.dim() == 2) {
        cpu::gemm<T>(m, n, k, matrix<const T>(a), matrix<const T>(b), matrix<T>(out), epilogue);
      } else {
        cpu::batched_gemm<T>(a.sizes()[0], m, n, k, matrix<const T>(a), a.strides()[0], matrix<const T>(b),
                             b.strides()[0], matrix<T>(out), out.strides()[0], epilogue);
      }
    }
  });
}

// The gradients of a product c = a @ b.
Tensor gradient_left(const Tensor& g, const Tensor& b) { return matmul(g, b.transpose(-2, -1).conj()); }
// In the layout of b: the gradient of a layer's weight, which takes part transposed, comes out dense.
Tensor gradient_right(const Tensor& g, const Tensor& a, bool by_columns) {
  if (by_columns) return matmul(g.transpose(-2, -1), a.conj()).transpose(-2, -1);
  return matmul(a.transpose(-2, -1).conj(), g);
}
bool is_by_columns(const Tensor& b) {
  return b.dim() == 2 && b.strides()[0] == 1 && b.strides()[1] >= b.sizes()[0] && b.sizes()[1] > 1;
}

struct ProductRule {
  bool by_columns;
  Gradients operator()(Node& n, const Gradients& grads) const {
    Gradients out;
    out.resize(2);
    if (n.needs(0)) out[0] = gradient_left(grads[0], n.saved(1));
    if (n.needs(1)) out[1] = gradient_right(grads[0], n.saved(0), by_columns);
    return out;
  }
};

// Saves of each factor only what the other one's gradient reads.
Record& save_factors(Record& record, const Tensor& a, const Tensor& b) {
  return record.save(has_history(b) ? a : Tensor()).save(has_history(a) ? b : Tensor());
}

Tensor record_product(const char* node, const Tensor& out, const Tensor& a, const Tensor& b) {
  if (!tracks(a, b)) return out;
  Record record(node, {a, b});
  return save_factors(record, a, b).rule(out, ProductRule{is_by_columns(b)});
}

// beta c + alpha a @ b for matrices and batches.
struct AddProductRule {
  Scalar beta, alpha;
  bool by_columns;
  Gradients operator()(Node& n, const Gradients& grads) const {
    const Tensor& g = grads[0];
    Gradients out;
    out.resize(3);
    if (n.needs(0)) out[0] = beta.equals(1) ? g : g * beta;
    const Tensor scaled = alpha.equals(1) ? g : g * alpha;
    if (n.needs(1)) out[1] = gradient_left(scaled, n.saved(1));
    if (n.needs(2)) out[2] = gradient_right(scaled, n.saved(0), by_columns);
    return out;
  }
};

Tensor add_product(const char* node, const char* kernel, const Tensor& c, const Tensor& a, const Tensor& b,
                   DimsRef sizes, const Scalar& beta, const Scalar& alpha) {
  RL_CHECK(c.dtype() == a.dtype(), "self and mat2 must have the same dtype, but got ",
           info(c.dtype()).message_name, " and ", info(b.dtype()).message_name);
  Tensor out = make_tensor(sizes, a.dtype(), a.device());
  if (c.dim() == 1 && c.sizes()[0] == sizes.back() && c.is_contiguous() && beta.equals(1)) {
    run_gemm(kernel, a, b, out, alpha, 0, c);
  } else {
    autograd::NoGrad guard;
    const Tensor expanded = c.expand(sizes);
    if (!beta.equals(0)) out.copy_(expanded);
    run_gemm(kernel, a, b, out, alpha, beta);
  }
  if (!tracks(c, a, b)) return out;
  Record record(node, {c, a, b});
  return save_factors(record, a, b).rule(out, AddProductRule{beta, alpha, is_by_columns(b)});
}

void check_mm(const Tensor& a, const Tensor& b, const char* first) {
  RL_CHECK(a.dim() == 2, first, " must be a matrix");
  RL_CHECK(b.dim() == 2, "mat2 must be a matrix");
  RL_CHECK(a.sizes()[1] == b.sizes()[0], "mat1 and mat2 shapes cannot be multiplied (", a.sizes()[0], "x",
           a.sizes()[1], " and ", b.sizes()[0], "x", b.sizes()[1], ")");
  check_same_dtype(a, b);
}

void check_bmm(const Tensor& a, const Tensor& b) {
  RL_CHECK(a.dim() == 3, "batch1 must be a 3D tensor");
  RL_CHECK(b.dim() == 3, "batch2 must be a 3D tensor");
  RL_CHECK(a.sizes()[0] == b.sizes()[0] && a.sizes()[2] == b.sizes()[1],
           "Expected size for first two dimensions of batch2 tensor to be: [", a.sizes()[0], ", ",
           a.sizes()[2], "] but got: [", b.sizes()[0], ", ", b.sizes()[1], "].");
  RL_CHECK(a.dtype() == b.dtype(), "expected scalar type ", info(a.dtype()).message_name, " but found ",
           info(b.dtype()).message_name);
}

void check_mv(const Tensor& a, const Tensor& v) {
  RL_CHECK(a.dim() == 2 && v.dim() == 1, "vector + matrix @ vector expected, got ", 1, ", ", a.dim(), ", ",
           v.dim());
  RL_CHECK(a.sizes()[1] == v.sizes()[0], "size mismatch, got input (", a.sizes()[0], "), mat (", a.sizes()[0],
           "x", a.sizes()[1], "), vec (", v.sizes()[0], ")");
  RL_CHECK(a.dtype() == v.dtype(), "addmv input tensors must have the same dtype, but got ",
           info(a.dtype()).message_name, ", ", info(v.dtype()).message_name, ", and ",
           info(a.dtype()).message_name);
}

void check_dot(const Tensor& a, const Tensor& b) {
  RL_CHECK(a.dim() == 1 && b.dim() == 1, "1D tensors expected, but got ", a.dim(), "D and ", b.dim(),
           "D tensors");
  RL_CHECK(a.dtype() == b.dtype(), "dot : expected both vectors to have same dtype, but found ",
           info(a.dtype()).message_name, " and ", info(b.dtype()).message_name);
  RL_CHECK(a.numel() == b.numel(), "inconsistent tensor size, expected tensor [", a.numel(), "] and src [",
           b.numel(), "] to have the same number of elements, but got ", a.numel(), " and ", b.numel(),
           " elements respectively");
}

// The same elements as (rows, n): a batch of left factors that share the right one is one tall matrix.
Tensor fold(const Tensor& t) {
  const int64_t columns = t.size(-1);
  return t.reshape(
      {columns ? t.numel() / columns : numel_of(DimsRef(t.sizes().data(), t.dim() - 1)), columns});
}

Dims with_last(const Tensor& t, int64_t drop, std::initializer_list<int64_t> last) {
  Dims out(t.sizes().data(), t.dim() - drop);
  for (int64_t s : last) out.push_back(s);
  return out;
}

// Other sizes for a tensor that nothing else refers to; not tracked as a view.
Tensor unsafe_view(const Tensor& fresh, const Dims& sizes) {
  Tensor out = make_alias(fresh, sizes, contiguous_strides(sizes), fresh.storage_offset());
  if (!tracks(fresh)) return out;
  return Record("UnsafeViewBackward0", {fresh})
      .rule(out, [sizes = fresh.sizes()](Node&, const Tensor& g) -> Tensor { return g.reshape(sizes); });
}

// Batches that broadcast against each other, as one bmm.
Tensor broadcast_matmul(const Tensor& a, const Tensor& b) {
  const int64_t m = a.dim() == 1 ? 1 : a.size(-2), k = a.size(-1), n = b.dim() == 1 ? 1 : b.size(-1);
  const Tensor left = a.dim() == 1 ? a.unsqueeze(0) : a, right = b.dim() == 1 ? b.unsqueeze(1) : b;
  const Dims batch = broadcast_shapes(DimsRef(left.sizes().data(), left.dim() - 2),
                                      DimsRef(right.sizes().data(), right.dim() - 2));
  const int64_t count = numel_of(batch);
  Dims left_sizes = batch, right_sizes = batch, out_sizes = batch;
  for (int64_t s : {m, k}) left_sizes.push_back(s);
  for (int64_t s : {right.size(-2), n}) right_sizes.push_back(s);
  Tensor product = left.expand(left_sizes)
                       .reshape({count, m, k})
                       .bmm(right.expand(right_sizes).reshape({count, right.size(-2), n}));
  if (a.dim() > 1) out_sizes.push_back(m);
  if (b.dim() > 1) out_sizes.push_back(n);
  return unsafe_view(product, out_sizes);
}

}  // namespace

Tensor mm(const Tensor& a, const Tensor& b) {
  check_mm(a, b, "self");
  Tensor out = make_tensor({a.sizes()[0], b.sizes()[1]}, a.dtype(), a.device());
  run_gemm("addmm_impl_cpu_", a, b, out);
  return record_product("MmBackward0", out, a, b);
}

Tensor bmm(const Tensor& a, const Tensor& b) {
  check_bmm(a, b);
  Tensor out = make_tensor({a.sizes()[0], a.sizes()[1], b.sizes()[2]}, a.dtype(), a.device());
  run_gemm("bmm", a, b, out);
  return record_product("BmmBackward0", out, a, b);
}

Tensor mv(const Tensor& a, const Tensor& v) {
  check_mv(a, v);
  Tensor out = make_tensor(a.sizes()[0], a.dtype(), a.device());
  {
    autograd::NoGrad guard;
    run_gemm("addmv_impl_cpu", a, v.unsqueeze(1), out.unsqueeze(1));
  }
  if (!tracks(a, v)) return out;
  Record record("MvBackward0", {a, v});
  return save_factors(record, a, v).rule(out, [](Node& n, const Gradients& grads) {
    Gradients out;
    out.resize(2);
    if (n.needs(0)) out[0] = outer(grads[0], n.saved(1).conj());
    if (n.needs(1)) out[1] = n.saved(0).t().conj().mv(grads[0]);
    return out;
  });
}

Tensor dot(const Tensor& a, const Tensor& b) {
  check_dot(a, b);
  Tensor out = make_tensor({}, a.dtype(), a.device());
  {
    autograd::NoGrad guard;
    run_gemm("dot", a.unsqueeze(0), b.unsqueeze(1), out.view({1, 1}));
  }
  if (!tracks(a, b)) return out;
  Record record("DotBackward0", {a, b});
  return save_factors(record, a, b).rule(out, [](Node& n, const Gradients& grads) {
    Gradients out;
    out.resize(2);
    if (n.needs(0)) out[0] = grads[0] * n.saved(1).conj();
    if (n.needs(1)) out[1] = grads[0] * n.saved(0).conj();
    return out;
  });
}

Tensor vdot(const Tensor& a, const Tensor& b) { return dot(a.conj(), b); }

Tensor outer(const Tensor& a, const Tensor& b) {
  RL_CHECK(a.dim() == 1, "outer: Expected 1-D argument self, but got ", a.dim(), "-D");
  RL_CHECK(b.dim() == 1, "outer: Expected 1-D argument vec2, but got ", b.dim(), "-D");
  return a.reshape({a.numel(), 1}) * b;
}
Tensor ger(const Tensor& a, const Tensor& b) { return outer(a, b); }

Tensor inner(const Tensor& a, const Tensor& b) {
  if (a.dim() == 0 || b.dim() == 0) return a * b;
  RL_CHECK(a.size(-1) == b.size(-1),
           "inner() the last dimension must match on both input tensors but got shapes ",
           to_string(a.sizes()), " and ", to_string(b.sizes()));
  Dims sizes = with_last(a, 1, {});
  for (int64_t i = 0; i + 1 < b.dim(); ++i) sizes.push_back(b.sizes()[i]);
  return fold(a).mm(fold(b).t()).reshape(sizes);
}

Tensor addmm(const Tensor& c, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  RL_CHECK(b.dim() == 2, "mat2 must be a matrix, got ", b.dim(), "-D tensor");
  RL_CHECK(a.dtype() == b.dtype(), "mat1 and mat2 must have the same dtype, but got ",
           info(a.dtype()).message_name, " and ", info(b.dtype()).message_name);
  check_mm(a, b, "mat1");
  return add_product("AddmmBackward0", "addmm_impl_cpu_", c, a, b, {a.sizes()[0], b.sizes()[1]}, beta, alpha);
}

Tensor baddbmm(const Tensor& c, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  check_bmm(a, b);
  return add_product("BaddbmmBackward0", "baddbmm", c, a, b, {a.sizes()[0], a.sizes()[1], b.sizes()[2]}, beta,
                     alpha);
}

namespace {
// Factors of integer products are cut to integers.
Scalar of_dtype(const Scalar& factor, DType dtype) {
  return is_integral(dtype, false) ? Scalar(factor.to_int64()) : factor;
}
}  // namespace

Tensor addbmm(const Tensor& c, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  check_bmm(a, b);
  const Tensor total = bmm(a, b).sum(Dims{0}, false, a.dtype());
  return c.mul(of_dtype(beta, a.dtype())).add(total, of_dtype(alpha, a.dtype()));
}

Tensor addmv(const Tensor& c, const Tensor& a, const Tensor& v, const Scalar& beta, const Scalar& alpha) {
  check_mv(a, v);
  const Tensor product = mv(a, v);
  const Scalar scale = of_dtype(alpha, a.dtype());
  return beta.equals(0) ? product * scale : c.mul(of_dtype(beta, a.dtype())).add(product, scale);
}

Tensor addr(const Tensor& c, const Tensor& a, const Tensor& b, const Scalar& beta, const Scalar& alpha) {
  const bool integral = is_integral(promote_types(promote_types(a.dtype(), b.dtype()), c.dtype()), true);
  for (const auto& [name, factor] : {std::pair("beta", &beta), {"alpha", &alpha}})
    RL_CHECK(!integral || factor->is_integral(), "For integral input tensors, argument ", name,
             " must not be a floating point number.");
  // In half precision each step rounds, so that only the wider types go in one pass.
  const bool in_one_pass = a.dim() == 1 && b.dim() == 1 && c.dtype() == a.dtype() && c.dtype() == b.dtype() &&
                           is_inexact(c.dtype()) && c.item_size() > 2;
  if (in_one_pass && !beta.equals(0))
    return addcmul(beta.equals(1) ? c : c.mul(beta), a.unsqueeze(1), b, alpha);
  const Tensor product = outer(a, b);
  if (c.dtype() == DType::Bool && product.dtype() == DType::Bool) {
    const Tensor scaled = alpha.to_bool() ? product : zeros_like(product);
    return beta.to_bool() ? c.logical_or(scaled) : scaled;
  }
  return beta.equals(0) ? product * alpha : c.mul(beta).add(product, alpha);
}

Tensor matmul(const Tensor& a, const Tensor& b) {
  RL_CHECK(a.dim() != 0 && b.dim() != 0, "both arguments to matmul need to be at least 1D, but they are ",
           a.dim(), "D and ", b.dim(), "D");
  if (a.dim() == 1 && b.dim() == 1) return dot(a, b);
  if (a.dim() == 2 && b.dim() == 1) return mv(a, b);
  if (a.dim() == 1 && b.dim() == 2) return a.unsqueeze(0).mm(b).squeeze(0);
  if (a.dim() == 2 && b.dim() == 2) return mm(a, b);
  // A right factor without batches serves all rows at once.
  if (a.dim() >= 3 && b.dim() == 2) return unsafe_view(fold(a).mm(b), with_last(a, 1, {b.size(-1)}));
  if (a.dim() >= 3 && b.dim() == 1) return unsafe_view(fold(a).mv(b), with_last(a, 1, {}));
  return broadcast_matmul(a, b);
}

Tensor matrix_power(const Tensor& a, int64_t n) {
  RL_CHECK(a.dim() >= 2 && a.size(-1) == a.size(-2),
           "linalg.matrix_power: A must be batches of square matrices, but they are ",
           a.dim() >= 2 ? a.size(-2) : 0, " by ", a.dim() >= 1 ? a.size(-1) : 0, " matrices");
  RL_CHECK_AS(NotImplementedError, n >= 0,
              "matrix_power with a negative exponent needs an inverse, which Rushlight does not have yet");
  if (n == 0) return a.clone().copy_(eye(a.size(-1), a.dtype()));
  Tensor power, square = a;
  for (; n > 0; n /= 2) {
    if (n % 2) power = power.defined() ? power.matmul(square) : square;
    if (n > 1) square = square.matmul(square);
  }
  return power.is_same(a) ? a.clone() : power;
}

}  // namespace rushlight

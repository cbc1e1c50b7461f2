// Complex numbers as pairs of real ones and back.
#include "rushlight/kernels/cpu/complex_parts.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/view.h"

namespace rushlight {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;

namespace {

template <class Rule>
Tensor make_dtype_view(const char* node, const Tensor& base, DType dtype, Dims sizes, Dims strides,
                       int64_t offset, Rule rule) {
  Tensor view = make_reinterpreted(base, dtype, std::move(sizes), std::move(strides), offset);
  if (tracks(base)) Record(node, {base}).rule(view, std::move(rule));
  autograd::set_view(view, base);
  return view;
}

}  // namespace

Tensor view_as_real(const Tensor& input) {
  RL_CHECK(is_complex(input.dtype()), "view_as_real is only supported for complex tensors");
  Dims sizes = input.sizes(), strides = input.strides();
  for (int64_t& s : strides) s *= 2;
  sizes.push_back(2);
  strides.push_back(1);
  return make_dtype_view("ViewAsRealBackward0", input, to_real(input.dtype()), std::move(sizes),
                         std::move(strides), input.storage_offset() * 2,
                         [](Node&, const Tensor& g) -> Tensor { return view_as_complex(g.contiguous()); });
}

Tensor view_as_complex(const Tensor& input) {
  RL_CHECK(
      input.dtype() == DType::Float32 || input.dtype() == DType::Float64 || input.dtype() == DType::Float16,
      "view_as_complex is only supported for half, float and double tensors, but got a tensor of scalar "
      "type: ",
      info(input.dtype()).message_name);
  RL_CHECK_AS(NotImplementedError, input.dtype() != DType::Float16,
              "\"view_as_complex\" not implemented for 'Half'");
  RL_CHECK(input.dim() > 0, "Input tensor must have one or more dimensions");
  RL_CHECK(input.sizes().back() == 2, "Tensor must have a last dimension of size 2");
  RL_CHECK(input.strides().back() == 1, "Tensor must have a last dimension with stride 1");
  RL_CHECK(input.storage_offset() % 2 == 0, "Tensor must have a storage_offset divisible by 2");
  Dims sizes = input.sizes(), strides = input.strides();
  sizes.erase(sizes.size() - 1);
  strides.erase(strides.size() - 1);
  for (int64_t& s : strides) {
    RL_CHECK(s % 2 == 0, "Tensor must have a stride divisible by 2 for all but last dimension");
    s /= 2;
  }
  return make_dtype_view("ViewAsComplexBackward0", input, to_complex(input.dtype()), std::move(sizes),
                         std::move(strides), input.storage_offset() / 2,
                         [](Node&, const Tensor& g) -> Tensor { return view_as_real(g); });
}

Tensor real(const Tensor& input) {
  return is_complex(input.dtype()) ? view_as_real(input).select(-1, 0) : input;
}

Tensor imag(const Tensor& input) {
  RL_CHECK(is_complex(input.dtype()), "imag is not implemented for tensors with non-complex dtypes.");
  return view_as_real(input).select(-1, 1);
}

namespace {

void check_parts(const char* name, const Tensor& a, const Tensor& b) {
  auto fits = [](const Tensor& t) { return is_floating(t.dtype()) && t.dtype() != DType::BFloat16; };
  RL_CHECK(fits(a) && fits(b), "Expected both inputs to be Half, Float or Double tensors but got ",
           info(a.dtype()).message_name, " and ", info(b.dtype()).message_name);
  RL_CHECK(a.dtype() == b.dtype(), "Expected object of scalar type ", info(a.dtype()).message_name,
           " but got scalar type ", info(b.dtype()).message_name, " for second argument");
  RL_CHECK_AS(NotImplementedError, a.dtype() != DType::Float16, "\"", name,
              "_cpu\" not implemented for 'Half'");
}

Tensor from_parts(const Tensor& re, const Tensor& im) {
  autograd::NoGrad guard;
  const Dims sizes = broadcast_shapes(re.sizes(), im.sizes());
  Tensor out = empty(sizes, to_complex(re.dtype()), re.device());
  cpu::Elementwise job;
  job.sizes = sizes;
  job.out = {out.raw_data(), out.dtype(), out.strides()};
  job.in[0] = {re.raw_data(), re.dtype(), re.expand(sizes).strides()};
  job.in[1] = {im.raw_data(), im.dtype(), im.expand(sizes).strides()};
  job.num_inputs = 2;
  job.compute = cpu::compute_of(re.dtype());
  job.result = cpu::compute_of(out.dtype());
  job.kernel = cpu::join_parts_kernel(re.dtype());
  cpu::run(job);
  return out;
}

}  // namespace

Tensor complex(const Tensor& re, const Tensor& im) {
  check_parts("complex", re, im);
  Tensor out = from_parts(re, im);
  if (!tracks(re, im)) return out;
  return Record("ComplexBackward0", {re, im}).rule(out, [](Node& n, const Gradients& grads) {
    Gradients g;
    g.resize(2);
    if (n.needs(0)) g[0] = grads[0].real();
    if (n.needs(1)) g[1] = grads[0].imag();
    return g;
  });
}

Tensor polar(const Tensor& abs, const Tensor& angle) {
  check_parts("polar", abs, angle);
  Tensor out;
  {
    autograd::NoGrad guard;
    out = from_parts(abs * angle.cos(), abs * angle.sin());
  }
  if (!tracks(abs, angle)) return out;
  return Record("PolarBackward0", {abs, angle})
      .save(abs, angle)
      .rule(out, [](Node& n, const Gradients& grads) {
        const Tensor angle = n.saved(1), unit = complex(angle.cos(), angle.sin());
        const Tensor along = grads[0].conj() * unit;  // the gradient seen from the number's own direction
        Gradients g;
        g.resize(2);
        if (n.needs(0)) g[0] = along.real();
        if (n.needs(1)) g[1] = along.imag() * -n.saved(0);
        return g;
      });
}

}  // namespace rushlight

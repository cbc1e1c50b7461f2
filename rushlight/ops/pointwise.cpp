#include "rushlight/ops/pointwise.h"

#include "rushlight/ops/memory.h"

namespace rushlight {
namespace {

using cpu::Compute;
using cpu::Formula;

const Pointwise& pointwise_info(Formula f) { return kFormulaInfo[static_cast<int>(f)]; }

struct Plan {
  DType compute;  // what operands are converted to
  DType out;
};

Plan plan_dtypes(const Pointwise& op, DType common) {
  switch (op.result) {
    case PointwiseResult::Float:
      if (is_integral(common, true)) common = default_dtype();
      return {common, common};
    case PointwiseResult::Predicate: return {common, DType::Bool};
    case PointwiseResult::Inexact:
      if (!is_inexact(common)) refuse_dtype(op, common);
      return {common, common};
    case PointwiseResult::RealFloat:
      if (is_integral(common, true)) common = default_dtype();
      return {common, to_real(common)};
    case PointwiseResult::Real: return {common, to_real(common)};
    default: return {common, common};
  }
}

// Room for a scalar of any compute type.
struct alignas(16) Cell {
  char bytes[16];
};

void put_scalar(const Scalar& s, Compute compute, Cell& cell) {
  cpu::visit_compute(compute, [&]<class T>() {
    const T value = s.to<T>();
    std::memcpy(cell.bytes, &value, sizeof(T));
  });
}

Dims broadcast_strides(const Tensor& t, DimsRef sizes) {
  Dims out(sizes.size());
  const int64_t shift = sizes.size() - t.dim();
  for (int64_t i = 0; i < t.dim(); ++i) out[shift + i] = t.sizes()[i] == 1 ? 0 : t.strides()[i];
  return out;
}

// A new tensor laid out like the first operand of the full shape: transposed in, transposed out.
Tensor make_output(std::initializer_list<Operand> operands, const Dims& sizes, DType dtype) {
  for (const Operand& o : operands) {
    if (!o.is_tensor() || !(o.tensor().sizes() == sizes)) continue;
    return o.tensor().is_contiguous() ? make_tensor(sizes, dtype) : make_tensor_like(o.tensor(), dtype);
  }
  return make_tensor(sizes, dtype);
}

void check_destination(const Tensor& destination, const Dims& sizes, DType dtype,
                       std::initializer_list<Operand> operands) {
  RL_CHECK(can_cast(dtype, destination.dtype()), "result type ", info(dtype).message_name,
           " can't be cast to the desired output type ", info(destination.dtype()).message_name);
  RL_CHECK(destination.sizes() == sizes, "output with shape ", to_string(destination.sizes()),
           " doesn't match the broadcast shape ", to_string(sizes));
  check_no_internal_overlap(destination);
  for (const Operand& o : operands) {
    if (o.is_tensor()) check_no_partial_overlap(destination, o.tensor());
  }
}

// The common case, without any of the general machinery: dense operands of one dtype and shape.
bool run_simple(const Pointwise& op, std::initializer_list<Operand> operands, const cpu::Params& params,
                Tensor* out) {
  const Operand* first = operands.begin();
  if (!first->is_tensor()) return false;
  const Tensor& model = first->tensor();
  const DType dtype = model.dtype();
  if (op.result == PointwiseResult::Predicate || op.result == PointwiseResult::Real ||
      op.result == PointwiseResult::RealFloat || !is_floating(dtype) || item_size(dtype) < 4)
    return false;
  if (!model.is_contiguous() || model.impl()->wrapped_number) return false;
  for (const Operand* o = first + 1; o != operands.end(); ++o) {
    if (!o->is_tensor()) return false;
    const Tensor& t = o->tensor();
    if (t.dtype() != dtype || !t.is_contiguous() || !(t.sizes() == model.sizes())) return false;
  }
  const cpu::BlockKernel kernel = cpu::pointwise_kernel(op.formula, cpu::compute_of(dtype));
  if (!kernel || model.numel() > 4096) return false;
  *out = make_tensor(model.sizes(), dtype);
  const void* in[cpu::kMaxInputs];
  int k = 0;
  for (const Operand& o : operands) in[k++] = o.tensor().raw_data();
  if (model.numel()) kernel(in, out->raw_data(), model.numel(), params);
  return true;
}

}  // namespace

Tensor pointwise(Formula formula, std::initializer_list<Operand> operands, const cpu::Params& params,
                 const Tensor* destination) {
  const Pointwise& op = pointwise_info(formula);
  Tensor out;
  if (!destination && run_simple(op, operands, params, &out)) return out;

  ResultType types;
  Dims sizes;
  bool first = true;
  const bool masked = formula == Formula::Where;
  int index = 0;
  for (const Operand& o : operands) {
    if (!(masked && index++ == 0)) types.add(o);
    if (!o.is_tensor()) continue;
    if (first) sizes = o.tensor().sizes();
    else if (!(sizes == o.tensor().sizes())) sizes = broadcast_shapes(sizes, o.tensor().sizes());
    first = false;
  }
  const DType common = types.get();
  if (common == DType::Bool && refuses_bool(formula)) refuse_dtype(op, common);
  if (op.result == PointwiseResult::Rounding && is_integral(common, true)) {
    return destination ? destination->copy_(operands.begin()->tensor()) : operands.begin()->tensor().clone();
  }
  const Plan plan = plan_dtypes(op, common);
  const Compute compute = cpu::compute_of(plan.compute);
  const cpu::BlockKernel kernel = cpu::pointwise_kernel(formula, compute);
  if (!kernel) refuse_dtype(op, plan.compute);

  if (destination) check_destination(*destination, sizes, plan.out, operands);
  out = destination ? *destination : make_output(operands, sizes, plan.out);

  cpu::Elementwise job;
  job.sizes = sizes;
  job.out = {out.raw_data(), out.dtype(), out.strides()};
  job.compute = compute;
  job.result = cpu::compute_of(plan.out);
  job.bool_result = op.result == PointwiseResult::Predicate;
  job.kernel = kernel;
  job.params = params;
  job.mask_input = masked ? 0 : -1;
  Cell cells[cpu::kMaxInputs];
  Tensor copies[cpu::kMaxInputs];
  for (const Operand& o : operands) {
    cpu::Strided& in = job.in[job.num_inputs];
    if (o.is_tensor()) {
      Tensor& source = copies[job.num_inputs];
      source =
          destination && may_overlap(*destination, o.tensor()) ? o.tensor().detach().clone() : o.tensor();
      in = {source.raw_data(), source.dtype(), broadcast_strides(source, sizes)};
    } else {
      put_scalar(o.scalar(), compute, cells[job.num_inputs]);
      in = {cells[job.num_inputs].bytes, cpu::storage_of(compute), Dims(sizes.size())};
    }
    ++job.num_inputs;
  }
  cpu::run(job);
  return out;
}

cpu::Params params_of(const Scalar& a, const Scalar& b, const Scalar& c) {
  cpu::Params p;
  const Scalar* values[] = {&a, &b, &c};
  for (int i = 0; i < 3; ++i) {
    p.number[i] = values[i]->to_double();
    p.integer[i] = values[i]->to_int64();
    p.imag[i] = values[i]->to_complex128().imag();
  }
  return p;
}

Tensor as_tensor(const Operand& operand) {
  if (operand.is_tensor()) return operand.tensor();
  const Scalar& s = operand.scalar();
  const DType dtype = s.is_bool()       ? DType::Bool
                      : s.is_integral() ? DType::Int64
                      : s.is_floating() ? DType::Float64
                                        : DType::Complex128;
  Tensor t = make_tensor({}, dtype);
  visit_dtype(dtype, [&]<class T>() { *static_cast<T*>(t.raw_data()) = s.to<T>(); });
  t.impl()->wrapped_number = true;
  return t;
}

Tensor keep_original(const Tensor& t) {
  Tensor copy;
  {
    autograd::NoGrad guard;
    copy = t.clone();
  }
  if (autograd::Edge edge = autograd::gradient_edge(t)) {
    autograd::AutogradMeta& m = autograd::make_meta(copy);
    m.grad_fn = edge.node;
    m.output_slot = edge.slot;
  }
  return copy;
}

}  // namespace rushlight

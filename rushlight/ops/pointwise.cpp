#include "rushlight/ops/pointwise.h"

#include <algorithm>
#include <utility>

#include "rushlight/kernels/cpu/truth.h"
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

// Room for a scalar of any dtype.
struct alignas(16) Cell {
  char bytes[16];
};

void put_scalar(const Scalar& s, DType dtype, Cell& cell) {
  visit_dtype(dtype, [&]<class T>() {
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

// The dtype of the result when operands of `dtype` go to the kernel as they are; none when something has to
// be converted or refused.
OptDType result_as_is(const Pointwise& op, DType dtype) {
  switch (op.result) {
    case PointwiseResult::Same: return dtype;
    case PointwiseResult::Predicate: return DType::Bool;
    case PointwiseResult::Float:
    case PointwiseResult::Inexact: return is_inexact(dtype) ? OptDType(dtype) : OptDType();
    default: return is_floating(dtype) ? OptDType(dtype) : OptDType();
  }
}

// Is the number an element of this dtype as it is? Only asked of integers below 32 bits.
bool fits_small_integer(const Scalar& s, DType dtype) {
  if (s.category() != Category::Integer || !is_integral(dtype, false) || item_size(dtype) >= 4) return false;
  const int64_t value = s.to_int64();
  return visit_dtype(dtype, [=]<class T>() {
    if constexpr (std::is_integral_v<T> && !std::is_same_v<T, bool>) return std::in_range<T>(value);
    else return false;
  });
}

bool is_narrow_float(DType dtype) { return dtype == DType::BFloat16 || dtype == DType::Float16; }

// Can all operands be handed over as elements of this dtype, or as numbers beside them?
bool have_dtype(std::initializer_list<Operand> operands, DType dtype) {
  return std::all_of(operands.begin(), operands.end(), [=](const Operand& o) {
    if (o.is_tensor()) return o.tensor().dtype() == dtype;
    return is_narrow_float(dtype) || fits_small_integer(o.scalar(), dtype);
  });
}

bool is_disjoint(const Tensor& a, const Tensor& b) {
  const char *p = static_cast<const char*>(a.raw_data()), *q = static_cast<const char*>(b.raw_data());
  return p + a.numel() * a.item_size() <= q || q + b.numel() * b.item_size() <= p;
}

// The kernel that reads and writes a dtype that no kernel computes in; nullptr if there is none.
cpu::BlockKernel stored_kernel(Formula formula, DType dtype) {
  return dtype == DType::Bool ? cpu::truth_kernel(formula) : cpu::narrow_kernel(formula, dtype);
}

// Fills `bytes` with copies of an element, doubling what is there.
void fill_block(char* block, const void* element, int64_t size, int64_t bytes) {
  std::memcpy(block, element, size);
  for (int64_t done = size; done < bytes; done *= 2)
    std::memcpy(block + done, block, std::min(done, bytes - done));
}

// The common case without any of the general machinery: one small dense shape and one dtype that the kernels
// read. One of the operands may be a number, or a 0-d tensor, which is spread over a block, or else a
// row that is repeated, such as a bias.
class Simple {
 public:
  // Says whether this is such a case; if so, `out` is the result.
  bool run(const Pointwise& op, std::initializer_list<Operand> operands, const cpu::Params& params,
           const Tensor* destination, Tensor* out) {
    if (!choose_model(operands)) return false;
    const DType dtype = model_->dtype();
    compute_ = cpu::compute_of(dtype);
    const OptDType result = result_as_is(op, dtype);
    if (!result) return false;
    if (cpu::storage_of(compute_) == dtype) {
      kernel_ = cpu::pointwise_kernel(op.formula, compute_);
      repeats_ = cpu::kernels_repeat(compute_);
    } else {
      kernel_ = stored_kernel(op.formula, dtype);
      repeats_ = is_narrow_float(dtype);
    }
    if (!kernel_) return false;
    for (const Operand& o : operands)
      if (!(o.is_tensor() ? add(o.tensor(), destination) : add(o.scalar()))) return false;
    if (destination) {
      if (destination->dtype() != *result || !fits(*destination)) return false;
      *out = *destination;
    } else {
      *out = make_tensor(model_->sizes(), *result);
    }
    run_kernel(static_cast<char*>(out->raw_data()), item_size(*result), params);
    return true;
  }

 private:
  static constexpr int64_t kMaxElements = 4096;  // more may be worth several threads

  bool fits(const Tensor& t) const { return t.is_contiguous() && t.sizes() == model_->sizes(); }

  // The operand with the most dimensions decides about the shape.
  bool choose_model(std::initializer_list<Operand> operands) {
    for (const Operand& o : operands)
      if (o.is_tensor() && (!model_ || o.tensor().dim() > model_->dim())) model_ = &o.tensor();
    return model_ && model_->is_contiguous() && model_->numel() <= kMaxElements &&
           !model_->impl()->wrapped_number;
  }

  bool add(const Tensor& t, const Tensor* destination) {
    if (t.dtype() != model_->dtype()) return false;
    in_[count_++] = t.raw_data();
    if (fits(t))
      return !destination || destination->raw_data() == t.raw_data() || is_disjoint(*destination, t);
    if (special_ >= 0 || (destination && !is_disjoint(*destination, t))) return false;
    special_ = count_ - 1;
    if (t.dim() == 0) return true;
    period_ = t.numel();
    return is_row(t);
  }

  // The sizes are the model's last ones, and the rows are not too many and short for a call of the kernel
  // each.
  bool is_row(const Tensor& t) const {
    const Dims &all = model_->sizes(), &own = t.sizes();
    for (int64_t d = 1; d <= own.size(); ++d)
      if (own[own.size() - d] != all[all.size() - d]) return false;
    return t.is_contiguous() && (period_ >= 64 || model_->numel() <= 16 * period_);
  }

  bool add(const Scalar& number) {
    const Category kind = category(model_->dtype());
    const DType read = cpu::storage_of(compute_);
    is_beside_ = is_narrow_float(model_->dtype());
    if (special_ >= 0 || number.category() > kind || !(is_beside_ || read == model_->dtype())) return false;
    put_scalar(number, read, cell_);
    in_[count_] = cell_.bytes;
    special_ = count_++;
    return true;
  }

  void run_kernel(char* out, int64_t out_size, const cpu::Params& params) {
    const int64_t n = model_->numel(), size = model_->item_size();
    if (n == 0) return;
    if (special_ < 0) return kernel_(in_, out, n, params);
    if (is_beside_ || (period_ == 0 && repeats_)) {
      cpu::Params with_number = params;
      (is_beside_ ? with_number.numbers : with_number.repeated) = uint32_t{1} << special_;
      return kernel_(in_, out, n, with_number);
    }
    alignas(64) char block[cpu::kBlock * sizeof(complex128)];
    if (period_ == 0) {
      fill_block(block, in_[special_], size, std::min(n, cpu::kBlock) * size);
      in_[special_] = block;
    }
    const int64_t step = period_ > 0 ? period_ : std::min(n, cpu::kBlock);
    for (int64_t begin = 0; begin < n; begin += step) {
      const void* in[cpu::kMaxInputs];
      for (int k = 0; k < count_; ++k) in[k] = static_cast<const char*>(in_[k]) + begin * size;
      in[special_] = in_[special_];
      kernel_(in, out + begin * out_size, std::min(n - begin, step), params);
    }
  }

  const Tensor* model_ = nullptr;
  Compute compute_ = Compute::Float;
  cpu::BlockKernel kernel_ = nullptr;
  bool repeats_ = false;  // kernel_ heeds Params::repeated
  const void* in_[cpu::kMaxInputs];
  int count_ = 0;
  int special_ = -1;    // which of the operands is not of the model's shape,
  int64_t period_ = 0;  // and after how many elements it begins again; 0: it is one element for all
  Cell cell_;
  bool is_beside_ = false;  // a float number, although kernel_ reads something narrower
};

}  // namespace

Tensor pointwise(Formula formula, std::initializer_list<Operand> operands, const cpu::Params& params,
                 const Tensor* destination) {
  const Pointwise& op = pointwise_info(formula);
  Tensor out;
  if (Simple().run(op, operands, params, destination, &out)) return out;

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
  if (!cpu::pointwise_kernel(formula, compute)) refuse_dtype(op, plan.compute);

  if (destination) check_destination(*destination, sizes, plan.out, operands);
  out = destination ? *destination : make_output(operands, sizes, plan.out);
  const cpu::BlockKernel stored =
      have_dtype(operands, out.dtype()) ? stored_kernel(formula, out.dtype()) : nullptr;

  cpu::Elementwise job;
  job.sizes = sizes;
  job.out = {out.raw_data(), out.dtype(), out.strides()};
  job.compute = compute;
  job.result = cpu::compute_of(plan.out);
  job.bool_result = op.result == PointwiseResult::Predicate;
  job.as_stored = stored != nullptr;
  job.repeats = stored ? is_narrow_float(out.dtype()) : cpu::kernels_repeat(compute);
  job.kernel = stored ? stored : cpu::pointwise_kernel(formula, compute);
  job.params = params;
  job.mask_inputs = masked ? 1 : 0;
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
      const bool beside = stored && is_narrow_float(out.dtype());
      if (beside) job.params.numbers |= uint32_t{1} << job.num_inputs;
      const DType dtype = stored && !beside ? out.dtype() : cpu::storage_of(compute);
      put_scalar(o.scalar(), dtype, cells[job.num_inputs]);
      in = {cells[job.num_inputs].bytes, dtype, Dims(sizes.size())};
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

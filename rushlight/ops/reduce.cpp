// Sums, means, products and counts.
#include "rushlight/ops/reduce.h"

#include "rushlight/ops/along.h"

namespace rushlight {

using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Finish;
using cpu::Reduce;

ReducedDims::ReducedDims(const Tensor& x, OptDims dim, bool keepdim)
    : sizes_(x.sizes()), flags_(sizes_.size()), keepdim_(keepdim) {
  const bool everything = !dim.has_value() || dim.empty();
  for (int64_t i = 0; i < dim.size(); ++i) {
    const int64_t d = wrap_dim(dim[i], x.dim());
    if (x.dim() == 0) continue;
    RL_CHECK(!flags_[d], "dim ", d, " appears multiple times in the list of dims");
    flags_[d] = 1;
  }
  for (int64_t d = 0; d < sizes_.size(); ++d) {
    flags_[d] = flags_[d] || everything;
    kept_.push_back(flags_[d] ? 1 : sizes_[d]);
    if (flags_[d]) count_ *= sizes_[d];
    else out_.push_back(sizes_[d]);
  }
}

Dims ReducedDims::list() const {
  Dims dims;
  for (int64_t d = 0; d < flags_.size(); ++d)
    if (flags_[d]) dims.push_back(d);
  return dims;
}

Tensor reduce(const Tensor& x, const ReducedDims& dims, const ReduceOptions& options) {
  Tensor out = make_tensor(dims.out_sizes(), options.out, x.device());
  cpu::Reduction job;
  job.in = x.raw_data();
  job.dtype = x.dtype();
  job.compute = cpu::compute_of(options.compute);
  const Dims &sizes = x.sizes(), &strides = x.strides();
  for (int64_t d = 0; d < sizes.size(); ++d) {
    (dims.reduces(d) ? job.reduced_sizes : job.kept_sizes).push_back(sizes[d]);
    (dims.reduces(d) ? job.reduced_strides : job.kept_strides).push_back(strides[d]);
  }
  job.op = options.op;
  job.finish = options.finish;
  job.divisor = options.divisor;
  job.out = out.raw_data();
  job.out_dtype = options.out;
  if (options.second) {
    *options.second = make_tensor(dims.out_sizes(), options.second_dtype, x.device());
    job.second = options.second->raw_data();
    job.second_dtype = options.second_dtype;
  }
  cpu::run(job);
  return out;
}

namespace {

DType sum_dtype(const Tensor& x, OptDType dtype) {
  return dtype.value_or(is_integral(x.dtype(), true) ? DType::Int64 : x.dtype());
}

// Sum or product; as bool they are "any" and "all".
Tensor accumulate(Reduce op, const Tensor& x, const ReducedDims& dims, OptDType dtype) {
  const DType out = sum_dtype(x, dtype);
  if (out == DType::Bool) {
    Tensor count = reduce(x, dims, {Reduce::CountNonzero, DType::Int64, x.dtype()});
    return op == Reduce::Prod ? count.eq(dims.count()) : count.ne(0);
  }
  return reduce(x, dims, {op, out, out});
}

Tensor sum_recorded(const char* node, const Tensor& x, const ReducedDims& dims, OptDType dtype) {
  Tensor out = accumulate(Reduce::Sum, x, dims, dtype);
  if (!tracks(x) || !is_inexact(out.dtype())) return out;
  return Record(node, {x}).rule(out, [dims](Node&, const Tensor& g) -> Tensor { return dims.spread(g); });
}

Tensor mean_recorded(const char* node, const Tensor& x, const ReducedDims& dims, OptDType dtype) {
  const DType out_dtype = dtype.value_or(x.dtype());
  RL_CHECK(is_inexact(out_dtype), "mean(): could not infer output dtype. ", dtype ? "Optional" : "Input",
           " dtype must be either a floating point or complex dtype. Got: ", info(out_dtype).message_name);
  const double count = static_cast<double>(dims.count());
  Tensor out = reduce(x, dims, {Reduce::Sum, out_dtype, out_dtype, Finish::Divide, count});
  if (!tracks(x)) return out;
  return Record(node, {x}).rule(
      out, [dims, count](Node&, const Tensor& g) -> Tensor { return dims.spread(g / std::max(count, 1.0)); });
}

// The product of all elements of a row but one, for each: with zeros in it, y / x will not do.
Tensor products_of_others(const Tensor& x) {
  const int64_t n = x.sizes().back();
  Dims square = x.sizes();
  square.insert(square.size() - 1, n);
  Tensor column = arange(n).reshape({n, 1});
  Tensor diagonal = column.eq(column.t());
  return prod(where(diagonal, 1, x.unsqueeze(-2).expand(square)), -1);
}

// One zero in a row leaves a gradient at its own place only, two leave none.
Tensor prod_gradient_with_zeros(const Tensor& x, int64_t dim) {
  if (autograd::grad_enabled()) return products_of_others(x.transpose(dim, -1)).transpose(dim, -1);
  Tensor zero = x.eq(0);
  Tensor zeros_in_row = zero.sum(dim, true), nonzero = where(zero, 1, x);
  Tensor others = prod(nonzero, dim, true);
  return where(zeros_in_row.eq(0), others / nonzero, where(zeros_in_row.eq(1).mul(zero), others, 0));
}

Tensor prod_gradient(const Tensor& g, const Tensor& x, const Tensor& y, int64_t dim) {
  if (x.eq(0).any().item().to_bool()) return g * prod_gradient_with_zeros(x, dim).conj();
  return g * (y / x).conj();
}

}  // namespace

Tensor sum(const Tensor& x, OptDType dtype) {
  return sum_recorded("SumBackward0", x, ReducedDims::all(x), dtype);
}
Tensor sum(const Tensor& x, OptDims dim, bool keepdim, OptDType dtype) {
  return sum_recorded("SumBackward1", x, ReducedDims(x, dim, keepdim), dtype);
}

Tensor sum_to_size(const Tensor& x, DimsRef size) {
  if (DimsRef(x.sizes()) == size) return x;
  const int64_t shift = x.dim() - size.size();
  bool fits = shift >= 0;
  Dims reduced;
  for (int64_t d = 0; fits && d < x.dim(); ++d) {
    const bool goes = d < shift || (size[d - shift] == 1 && x.sizes()[d] != 1);
    fits = goes || size[d - shift] == x.sizes()[d];
    if (goes) reduced.push_back(d);
  }
  RL_CHECK(fits, "size {", to_string(size), "} is not expandable to size {", to_string(x.sizes()), "}.");
  Tensor out = sum(x, reduced, true, {});
  return shift > 0 ? out.view(size) : out;
}

Tensor nansum(const Tensor& x, OptDims dim, bool keepdim, OptDType dtype) {
  RL_CHECK(!is_complex(x.dtype()), "nansum on CPU does not support complex inputs");
  if (is_integral(x.dtype(), true)) return sum(x, dim, keepdim, dtype);
  const ReducedDims dims(x, dim, keepdim);
  const DType out_dtype = dtype.value_or(x.dtype());
  Tensor out = is_floating(out_dtype) ? reduce(x, dims, {Reduce::NanSum, out_dtype, out_dtype})
                                      : reduce(where(x.detach().isnan(), 0, x.detach()), dims,
                                               {Reduce::Sum, out_dtype, out_dtype});
  if (!tracks(x) || !is_inexact(out_dtype)) return out;
  return Record("NansumBackward0", {x}).save(x).rule(out, [dims](Node& n, const Tensor& g) -> Tensor {
    return where(n.saved(0).isnan(), 0, dims.spread(g));
  });
}

Tensor mean(const Tensor& x, OptDType dtype) {
  return mean_recorded("MeanBackward0", x, ReducedDims::all(x), dtype);
}
Tensor mean(const Tensor& x, OptDims dim, bool keepdim, OptDType dtype) {
  return mean_recorded("MeanBackward1", x, ReducedDims(x, dim, keepdim), dtype);
}

Tensor nanmean(const Tensor& x, OptDims dim, bool keepdim, OptDType dtype) {
  RL_CHECK(is_inexact(x.dtype()),
           "nanmean(): expected input to have floating point or complex dtype but got ",
           info(x.dtype()).message_name);
  return nansum(x, dim, keepdim, dtype) / x.detach().isnan().logical_not().sum(dim, keepdim);
}

Tensor prod(const Tensor& x, OptDType dtype) {
  Tensor out = accumulate(Reduce::Prod, x, ReducedDims::all(x), dtype);
  if (!tracks(x) || !is_inexact(out.dtype())) return out;
  return Record("ProdBackward0", {x})
      .save(x)
      .save_output(out)
      .rule(out, [](Node& n, const Tensor& g) -> Tensor {
        const Tensor x = n.saved(0);
        return prod_gradient(g, x.reshape(-1), n.saved(1), 0).reshape(x.sizes());
      });
}

Tensor prod(const Tensor& x, int64_t dim, bool keepdim, OptDType dtype) {
  const ReducedDims dims(x, dim, keepdim);
  dim = wrap_dim(dim, x.dim());
  Tensor out = accumulate(Reduce::Prod, x, dims, dtype);
  if (!tracks(x) || !is_inexact(out.dtype())) return out;
  return Record("ProdBackward1", {x})
      .save(x)
      .save_output(out)
      .rule(out, [dims, dim](Node& n, const Tensor& g) -> Tensor {
        const Tensor x = n.saved(0);
        if (x.dim() == 0) return g;
        return prod_gradient(dims.unsqueezed(g), x, dims.unsqueezed(n.saved(1)), dim);
      });
}

Tensor count_nonzero(const Tensor& x, OptDims dim) {
  return reduce(x, ReducedDims(x, dim, false), {Reduce::CountNonzero, DType::Int64, x.dtype()});
}

namespace {

// Unlike the sums, these take an empty list to mean no dimension at all.
bool keeps_everything(const OptDims& dim) { return dim.has_value() && dim.empty(); }
Tensor truth(Tensor t, const Tensor& x) { return x.dtype() == DType::UInt8 ? t.to(DType::UInt8) : t; }

}  // namespace

Tensor any(const Tensor& x, OptDims dim, bool keepdim) {
  if (keeps_everything(dim)) return truth(x.detach().ne(0), x);
  return truth(reduce(x, ReducedDims(x, dim, keepdim), {Reduce::CountNonzero, DType::Bool, x.dtype()}), x);
}

Tensor all(const Tensor& x, OptDims dim, bool keepdim) {
  if (keeps_everything(dim)) return truth(x.detach().ne(0), x);
  const ReducedDims dims(x, dim, keepdim);
  return truth(reduce(x, dims, {Reduce::CountNonzero, DType::Int64, x.dtype()}).eq(dims.count()), x);
}

}  // namespace rushlight

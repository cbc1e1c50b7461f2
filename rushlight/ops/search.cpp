// Counting and searching.
#include <cmath>

#include "rushlight/kernels/cpu/count.h"
#include "rushlight/kernels/cpu/search.h"
#include "rushlight/ops/along.h"
#include "rushlight/ops/fused.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/pointwise.h"

namespace rushlight {
namespace {

void check_search(const Tensor& sequence, const Tensor& values, bool right, OptString side,
                  const Tensor& sorter) {
  if (side) {
    RL_CHECK(*side == "left" || *side == "right",
             "torch.searchsorted(): side can only be 'left' or 'right' but got ", *side);
    RL_CHECK(!(right && *side == "left"),
             "torch.searchsorted(): side and right can't be set to opposites, got side of ", *side,
             " while right was True");
  }
  RL_CHECK(sequence.dim() > 0,
           "torch.searchsorted(): boundaries tensor should have positive dimension, but got 0 dimension");
  RL_CHECK(sequence.dim() == 1 || values.dim() > 0,
           "torch.searchsorted(): input value can be a scalar only when boundaries tensor dimension is 1, "
           "but we got boundaries tensor dim(",
           sequence.dim(), ") and input value's dim(", values.dim(), ") numel(", values.numel(), ")");
  bool match = sequence.dim() == 1 || sequence.dim() == values.dim();
  for (int64_t d = 0; match && sequence.dim() > 1 && d + 1 < sequence.dim(); ++d)
    match = sequence.sizes()[d] == values.sizes()[d];
  RL_CHECK(match,
           "torch.searchsorted(): boundaries tensor should be 1 dimension or the first N-1 dimensions of "
           "boundaries tensor and "
           "input value tensor must match, but we got boundaries tensor ",
           to_string(sequence.sizes()), " and input value tensor ", to_string(values.sizes()));
  if (!sorter.defined()) return;
  RL_CHECK(sorter.sizes() == sequence.sizes(),
           "torch.searchsorted(): boundary and sorter must have the same size, but got boundary tensor ",
           to_string(sequence.sizes()), "and got sorter tensor ", to_string(sorter.sizes()));
  RL_CHECK(sorter.dtype() == DType::Int64,
           "torch.searchsorted(): sorter must be a tensor of long dtype but got dtype ",
           info(sorter.dtype()).message_name);
  const bool inside = sorter.numel() == 0 || (sorter.amin().item().to_int64() >= 0 &&
                                              sorter.amax().item().to_int64() < sequence.sizes().back());
  RL_CHECK(inside, "torch.searchsorted(): sorter index out of range");
}

Tensor search(const Tensor& sequence, const Tensor& values, bool out_int32, bool right,
              const Tensor& sorter) {
  ResultType type;
  type.add(sequence);
  type.add(values);
  const cpu::Compute compute = cpu::compute_of(type.get());
  const DType stored = cpu::storage_of(compute);
  RL_CHECK_AS(NotImplementedError, type.get() != DType::Bool && !is_complex(type.get()),
              "\"searchsorted_out_cpu\" not implemented for '", info(type.get()).message_name, "'");
  const Tensor rows = sequence.detach().to(stored).contiguous(),
               wanted = values.detach().to(stored).contiguous();
  const Tensor order = sorter.defined() ? sorter.contiguous() : Tensor();
  Tensor out = make_tensor(values.sizes(), DType::Int64, values.device());
  const int64_t n = rows.sizes().back(), each = rows.dim() == 1 ? values.numel() : values.sizes().back();
  cpu::search_rows({compute, rows.raw_data(), order.defined() ? order.data<int64_t>() : nullptr, n,
                    wanted.raw_data(), values.numel(), each, right},
                   out.data<int64_t>());
  return out_int32 ? out.to(DType::Int32) : out;
}

}  // namespace

Tensor searchsorted(const Tensor& sequence, const Tensor& values, bool out_int32, bool right, OptString side,
                    const Tensor& sorter) {
  check_search(sequence, values, right, side, sorter);
  return search(sequence, values, out_int32, right || (side && *side == "right"), sorter);
}
Tensor searchsorted(const Tensor& sequence, const Scalar& value, bool out_int32, bool right, OptString side,
                    const Tensor& sorter) {
  return searchsorted(sequence, as_tensor(value), out_int32, right, side, sorter);
}

Tensor bucketize(const Tensor& x, const Tensor& boundaries, bool out_int32, bool right) {
  RL_CHECK(boundaries.dim() == 1, "boundaries tensor must be 1 dimension, but got dim(", boundaries.dim(),
           ")");
  return search(boundaries, x, out_int32, right, Tensor());
}
Tensor bucketize(const Scalar& value, const Tensor& boundaries, bool out_int32, bool right) {
  return bucketize(as_tensor(value), boundaries, out_int32, right);
}

// Integers that lie close together are looked up in a table, others among the sorted test elements.
Tensor isin(const Operand& elements, const Operand& test_elements, bool, bool invert) {
  const Tensor x = as_tensor(elements).detach(), tests = as_tensor(test_elements).detach();
  for (const Tensor& t : {x, tests}) {
    RL_CHECK(t.dtype() != DType::Bool && !is_complex(t.dtype()),
             "Unsupported input type encountered for isin(): ", info(t.dtype()).message_name);
  }
  if (tests.numel() == 0 || x.numel() == 0) return make_tensor(x.sizes(), DType::Bool).fill_(invert);
  ResultType type;
  type.add(x);
  type.add(tests);
  if (is_integral(type.get(), false) && type.get() != DType::UInt64) {
    const Tensor whole = x.to(DType::Int64).contiguous(), whole_tests = tests.to(DType::Int64).contiguous();
    const Tensor out = make_tensor(x.sizes(), DType::Bool);
    if (cpu::find_in_table(whole_tests.data<int64_t>(), tests.numel(), whole.data<int64_t>(), x.numel(),
                           out.data<bool>()))
      return invert ? out.logical_not_() : out;
  }
  const Tensor sorted = tests.to(type.get()).reshape(-1).sort(int64_t{-1}, false).values,
               wanted = x.to(type.get());
  const Tensor place = search(sorted, wanted, false, false, Tensor());
  const int64_t last = sorted.numel() - 1;
  const Tensor found = take_along(sorted, 0, where(place.gt(last), last, place).reshape(-1)).view(x.sizes());
  return invert ? found.ne(wanted) : found.eq(wanted);
}

Tensor bincount(const Tensor& x, const Tensor& weights, int64_t minlength) {
  RL_CHECK_AS(NotImplementedError,
              is_integral(x.dtype(), false) && x.dtype() != DType::UInt16 && x.dtype() != DType::UInt32 &&
                  x.dtype() != DType::UInt64,
              "\"bincount_cpu\" not implemented for '", info(x.dtype()).message_name, "'");
  RL_CHECK(minlength >= 0, "minlength should be >= 0");
  if (x.dim() == 1 && x.numel() == 0) return zeros(minlength, DType::Int64);
  const Tensor places = x.to(DType::Int64).contiguous();
  const int64_t *at = places.data<int64_t>(), n = x.numel();
  const cpu::IntegerRange range = x.dim() == 1 ? cpu::range_of(at, n) : cpu::IntegerRange{-1, -1};
  RL_CHECK(range.low >= 0, "bincount only supports 1-d non-negative integral inputs.");
  const bool weighted = weights.defined();
  RL_CHECK(!weighted || (weights.dim() == 1 && weights.numel() == n),
           "weights should be 1-d and have the same length as input");
  RL_CHECK(range.high < INT64_MAX, "bincount: the largest element is too large");
  const int64_t bins = std::max(range.high + 1, minlength);
  if (!weighted) {
    Tensor out = zeros(bins, DType::Int64);
    cpu::count_integers(at, n, 0, bins, out.data<int64_t>());
    return out;
  }
  auto sum_weights = [&]<class T>(const T* weight) {
    Tensor out = zeros(bins, dtype_of<T>);
    T* result = out.data<T>();
    for (int64_t i = 0; i < n; ++i) result[at[i]] += weight[i];
    return out;
  };
  const DType sum = weights.dtype() == DType::Float32 ? DType::Float32 : DType::Float64;
  const Tensor w = weights.detach().to(sum).contiguous();
  const Tensor out = sum == DType::Float32 ? sum_weights(static_cast<const float*>(w.data<float>()))
                                           : sum_weights(static_cast<const double*>(w.data<double>()));
  return not_differentiable("bincount", out, weights);
}

Tensor histc(const Tensor& x, int64_t bins, const Scalar& min, const Scalar& max) {
  RL_CHECK_AS(NotImplementedError, is_floating(x.dtype()), "\"",
              x.dtype() == DType::Bool ? "linspace_cpu" : "histogram_cpu", "\" not implemented for '",
              info(x.dtype()).message_name, "'");
  RL_CHECK(bins > 0, "torch.histogram(): bins must be > 0, but got ", bins, " for dimension 0");
  double low = min.to_double(), high = max.to_double();
  if (low == high && x.numel() > 0) {
    low = x.detach().amin().item().to_double();
    high = x.detach().amax().item().to_double();
  }
  if (low == high) {
    low -= 1;
    high += 1;
  }
  RL_CHECK(std::isfinite(low) && std::isfinite(high), "torch.histc: range of [", low, ", ", high,
           "] is not finite");
  RL_CHECK(low < high, "torch.histc: max must be larger than min");
  const DType type = x.dtype() == DType::Float64 ? DType::Float64 : DType::Float32;
  const Tensor dense = x.detach().to(type).contiguous();
  Tensor out = zeros(bins, type);
  auto fill = [&]<class T>(const T* v, T* count) {
    const T first = static_cast<T>(low), last = static_cast<T>(high);
    for (int64_t i = 0; i < x.numel(); ++i) {
      if (!(v[i] >= first && v[i] <= last)) continue;
      const auto bin = static_cast<int64_t>((v[i] - first) / (last - first) * static_cast<T>(bins));
      count[std::min(bin, bins - 1)] += 1;
    }
  };
  if (type == DType::Float32) fill(dense.data<float>(), out.data<float>());
  else fill(dense.data<double>(), out.data<double>());
  return out.to(x.dtype());
}

}  // namespace rushlight

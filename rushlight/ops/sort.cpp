// Sorting, selecting and quantiles.
#include "rushlight/kernels/cpu/sort.h"

#include <cmath>

#include "rushlight/autograd/record.h"
#include "rushlight/ops/along.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Select;

// A tensor with one dimension laid out as rows, and the way back for results that have m elements a row.
class AsRows {
 public:
  AsRows(const Tensor& x, int64_t dim) : scalar_(x.dim() == 0), dim_(wrap_dim(dim, x.dim())) {
    const Tensor source = x.detach();
    rows_ = (scalar_ ? source.reshape(1) : source.transpose(dim_, -1)).contiguous();
    const int64_t n = rows_.sizes().back();
    job = {rows_.raw_data(), x.dtype(), n ? rows_.numel() / n : 0, n};
  }
  int64_t dim() const { return dim_; }
  bool scalar() const { return scalar_; }
  Tensor make(DType dtype, int64_t m) const {
    Dims sizes = rows_.sizes();
    sizes.back() = m;
    return make_tensor(sizes, dtype);
  }
  Tensor back(const Tensor& t) const {
    return scalar_ ? t.reshape(Dims()) : t.transpose(dim_, -1).contiguous();
  }

  cpu::SortRows job;

 private:
  Tensor rows_;
  bool scalar_;
  int64_t dim_;
};

ValuesIndices record_places(const char* node, const Tensor& x, int64_t dim, ValuesIndices out,
                            bool squeezed) {
  if (!tracks(x)) return {out.values.detach(), out.indices.detach()};  // no views of what the kernels wrote
  Record(node, {x})
      .save(out.indices)
      .rule({out.values, out.indices},
            [dim, squeezed, sizes = x.sizes()](Node& n, const Gradients& grads) -> Tensor {
              if (!grads[0].defined()) return Tensor();
              if (!squeezed) return put_along(grads[0], dim, n.saved(0), sizes);
              return put_along(grads[0].unsqueeze(dim), dim, n.saved(0).unsqueeze(dim), sizes);
            });
  return out;
}

ValuesIndices sorted_along(const Tensor& x, int64_t dim, bool descending) {
  RL_CHECK(!is_complex(x.dtype()), " Sort does not support complex dtypes on CPU");
  const AsRows rows(x, dim);
  Tensor values = rows.make(x.dtype(), rows.job.n), indices = rows.make(DType::Int64, rows.job.n);
  if (values.numel() > 0) cpu::sort_rows(rows.job, descending, values.raw_data(), indices.data<int64_t>());
  return {rows.back(values), rows.back(indices)};
}

void check_selectable(const char* name, const Tensor& x) {
  RL_CHECK_AS(NotImplementedError, !is_complex(x.dtype()) && x.dtype() != DType::Bool, "\"", name,
              "_cpu\" not implemented for '", info(x.dtype()).message_name, "'");
}

void check_row_length(const char* name, const Tensor& x, int64_t dim) {
  RL_CHECK_AS(IndexError, x.dim() == 0 || x.size(dim) != 0, name, "(): Expected reduction dim ",
              wrap_dim(dim, x.dim()), " to have non-zero size.");
}

// One element a row, by `select(job, values, indices)`.
template <class F>
ValuesIndices one_along(const char* node, const Tensor& x, int64_t dim, bool keepdim, F&& select) {
  const AsRows rows(x, dim);
  Tensor values = rows.make(x.dtype(), 1), indices = rows.make(DType::Int64, 1);
  if (values.numel() > 0) select(rows.job, values.raw_data(), indices.data<int64_t>());
  ValuesIndices out{rows.back(values), rows.back(indices)};
  const bool squeezed = !keepdim && !rows.scalar();
  if (squeezed) out = {out.values.squeeze(rows.dim()), out.indices.squeeze(rows.dim())};
  return record_places(node, x, rows.dim(), out, squeezed);
}

ValuesIndices median_along(const char* name, const char* node, Select what, const Tensor& x, int64_t dim,
                           bool keepdim) {
  wrap_dim(dim, x.dim());
  check_row_length(name, x, dim);
  check_selectable("median", x);
  return one_along(node, x, dim, keepdim, [&](const cpu::SortRows& job, void* v, int64_t* i) {
    cpu::select_rows(job, what, 0, v, i);
  });
}

// Equal elements share the gradient.
Tensor median_of_all(const char* node, Select what, const Tensor& x) {
  check_selectable("median", x);
  Tensor out = make_tensor({}, x.dtype(), x.device());
  if (x.numel() == 0) {
    out.fill_(x.dtype() == DType::Int32 ? Scalar(INT32_MIN)
                                        : Scalar(std::numeric_limits<double>::quiet_NaN()));
  } else {
    const Tensor dense = x.is_contiguous() ? x : x.detach().contiguous();
    int64_t index;
    cpu::select_rows({dense.raw_data(), x.dtype(), 1, x.numel()}, what, 0, out.raw_data(), &index);
  }
  if (!tracks(x)) return out;
  return Record(node, {x}).save(x).save_output(out).rule(out, [](Node& n, const Tensor& g) -> Tensor {
    const Tensor x = n.saved(0), y = n.saved(1);
    const Tensor mask = y.isnan().item().to_bool() ? x.isnan() : x.eq(y);
    return g / mask.sum() * mask;
  });
}

// ---- quantiles

enum class Interpolation { Linear, Lower, Higher, Midpoint, Nearest };

Interpolation parse_interpolation(String name) {
  constexpr std::string_view kNames[] = {"linear", "lower", "higher", "midpoint", "nearest"};
  for (int i = 0; i < 5; ++i)
    if (name == kNames[i]) return static_cast<Interpolation>(i);
  throw_error<RuntimeError>(
      "quantile() interpolation must be one of linear, lower, higher, midpoint or nearest, but got ", name);
}

// For every row and share: the neighbours to take, the weight of the upper one, and how fast the weight grows
// with the share.
struct Neighbours {
  Tensor below, above, weight, slope;
};

template <class T>
void find_neighbours(const T* sorted, int64_t rows, int64_t n, const T* q, int64_t nq, Interpolation how,
                     bool ignore_nan, Neighbours& out) {
  for (int64_t r = 0; r < rows; ++r, sorted += n) {
    int64_t numbers = n;
    while (numbers > 0 && sorted[numbers - 1] != sorted[numbers - 1]) --numbers;
    const bool poisoned =
        !ignore_nan && numbers < n;  // one NaN makes all quantiles NaN, and it stands at the end
    const T last = static_cast<T>(std::max<int64_t>((ignore_nan ? numbers : n) - 1, 0));
    for (int64_t k = 0; k < nq; ++k) {
      T rank = poisoned ? static_cast<T>(n - 1) : q[k] * last;
      if (how == Interpolation::Lower) rank = std::floor(rank);
      if (how == Interpolation::Higher) rank = std::ceil(rank);
      if (how == Interpolation::Nearest) rank = std::nearbyint(rank);
      const T floor = std::floor(rank);
      const int64_t at = r * nq + k;
      out.below.data<int64_t>()[at] = static_cast<int64_t>(floor);
      out.above.data<int64_t>()[at] = static_cast<int64_t>(std::ceil(rank));
      out.weight.data<T>()[at] = how == Interpolation::Midpoint ? T(0.5) : rank - floor;
      out.slope.data<T>()[at] = how == Interpolation::Midpoint || poisoned ? T(0) : last;
    }
  }
}

Tensor quantile_rows(const Tensor& x, const Tensor& shares, Interpolation how, bool ignore_nan) {
  const int64_t n = x.sizes().back(), nq = shares.numel(), rows = x.numel() / n;
  const Tensor sorted = sort(x, -1, false).values;
  Dims sizes = x.sizes();
  sizes.back() = nq;
  Neighbours at{make_tensor(sizes, DType::Int64), make_tensor(sizes, DType::Int64),
                make_tensor(sizes, x.dtype()), make_tensor(sizes, x.dtype())};
  const Tensor values = sorted.detach().contiguous(), q = shares.detach().contiguous();
  if (x.dtype() == DType::Float32)
    find_neighbours(values.data<float>(), rows, n, q.data<float>(), nq, how, ignore_nan, at);
  else find_neighbours(values.data<double>(), rows, n, q.data<double>(), nq, how, ignore_nan, at);
  const int64_t last = x.dim() - 1;
  const Tensor below = take_along(sorted, last, at.below);
  if (how != Interpolation::Linear && how != Interpolation::Midpoint) return below;
  const Tensor above = take_along(sorted, last, at.above), step = above - below;
  const Tensor weight = tracks(shares) ? at.weight + at.slope * (shares - q).reshape({nq}) : at.weight;
  // From the nearer neighbour, so that a weight of 1 gives exactly the upper one.
  return where(at.weight.lt(0.5), below + weight * step, above - step * (1 - weight));
}

Tensor quantile_op(const Tensor& input, const Tensor& q, OptInt dim, bool keepdim, String interpolation,
                   bool ignore_nan) {
  RL_CHECK(input.numel() > 0, "quantile() input tensor must be non-empty");
  RL_CHECK(q.dim() <= 1, "quantile() q must be a scalar or 1D tensor");
  RL_CHECK(input.dtype() == DType::Float32 || input.dtype() == DType::Float64,
           "quantile() input tensor must be either float or double dtype");
  RL_CHECK(input.dtype() == q.dtype(), "quantile() q tensor must be same dtype as the input tensor");
  const Interpolation how = parse_interpolation(interpolation);
  RL_CHECK(!q.detach().ge(0).mul(q.detach().le(1)).logical_not().any().item().to_bool(),
           "quantile() q values must be in the range [0, 1]");
  const bool flat = !dim || input.dim() == 0;
  const int64_t d = flat ? 0 : wrap_dim(*dim, input.dim());
  const Tensor x = flat ? input.reshape(-1) : input;
  // In the shape of x with dimension d replaced by the shares.
  Tensor out = quantile_rows(x.transpose(d, -1), q, how, ignore_nan).transpose(d, -1);
  const Dims kept(flat && keepdim ? input.dim() : 0, 1);
  if (q.dim() == 0) {
    if (flat) return out.reshape(kept);
    return keepdim ? out : out.squeeze(d);
  }
  if (flat) {
    Dims sizes = kept;
    sizes.insert(0, q.numel());
    return out.reshape(sizes);
  }
  out = out.unsqueeze(0).transpose(0, d + 1);
  return keepdim ? out : out.squeeze(d + 1);
}

Tensor share_tensor(const Tensor& input, double q) {
  RL_CHECK(q >= 0 && q <= 1, "quantile() q must be in the range [0, 1] but got ", q);
  return make_tensor({}, is_floating(input.dtype()) ? input.dtype() : DType::Float32).fill_(q);
}

}  // namespace

ValuesIndices sort(const Tensor& x, int64_t dim, bool descending) {
  return record_places("SortBackward0", x, wrap_dim(dim, x.dim()), sorted_along(x, dim, descending), false);
}
ValuesIndices sort(const Tensor& x, OptBool, int64_t dim, bool descending) {
  return record_places("SortBackward1", x, wrap_dim(dim, x.dim()), sorted_along(x, dim, descending), false);
}
Tensor argsort(const Tensor& x, int64_t dim, bool descending) {
  return sorted_along(x, dim, descending).indices;
}
Tensor argsort(const Tensor& x, bool, int64_t dim, bool descending) {
  return sorted_along(x, dim, descending).indices;
}
Tensor msort(const Tensor& x) { return sort(x, int64_t{0}, false).values; }

ValuesIndices topk(const Tensor& x, int64_t k, int64_t dim, bool largest, bool sorted) {
  dim = wrap_dim(dim, x.dim());
  RL_CHECK(k >= 0 && k <= (x.dim() ? x.sizes()[dim] : 1), "selected index k out of range");
  RL_CHECK(!is_complex(x.dtype()), " topk does not support complex dtypes on CPU");
  RL_CHECK(x.dtype() != DType::Bool, "topk does not support bool dtypes on CPU");
  const bool known = x.dtype() != DType::UInt16 && x.dtype() != DType::UInt32 && x.dtype() != DType::UInt64;
  RL_CHECK_AS(NotImplementedError, known, "\"topk_cpu\" not implemented for '", info(x.dtype()).message_name,
              "'");
  const AsRows rows(x, dim);
  if (rows.scalar()) k = 1;
  Tensor values = rows.make(x.dtype(), k), indices = rows.make(DType::Int64, k);
  if (values.numel() > 0)
    cpu::topk_rows(rows.job, k, largest, sorted, values.raw_data(), indices.data<int64_t>());
  return record_places("TopkBackward0", x, dim, {rows.back(values), rows.back(indices)}, false);
}

ValuesIndices kthvalue(const Tensor& x, int64_t k, int64_t dim, bool keepdim) {
  dim = wrap_dim(dim, x.dim());
  check_row_length("kthvalue", x, dim);
  RL_CHECK(k >= 1 && k <= (x.dim() ? x.sizes()[dim] : 1),
           "kthvalue(): selected number k out of range for dimension ", dim);
  check_selectable("kthvalue", x);
  return one_along("KthvalueBackward0", x, dim, keepdim, [&](const cpu::SortRows& job, void* v, int64_t* i) {
    cpu::select_rows(job, Select::Kth, k - 1, v, i);
  });
}

Tensor median(const Tensor& x) { return median_of_all("MedianBackward0", Select::Median, x); }
Tensor nanmedian(const Tensor& x) { return median_of_all("NanmedianBackward0", Select::NanMedian, x); }
ValuesIndices median(const Tensor& x, int64_t dim, bool keepdim) {
  return median_along("median", "MedianBackward1", Select::Median, x, dim, keepdim);
}
ValuesIndices nanmedian(const Tensor& x, int64_t dim, bool keepdim) {
  return median_along("nanmedian", "NanmedianBackward1", Select::NanMedian, x, dim, keepdim);
}

ValuesIndices mode(const Tensor& x, int64_t dim, bool keepdim) {
  wrap_dim(dim, x.dim());
  check_row_length("mode", x, dim);
  RL_CHECK_AS(NotImplementedError, !is_complex(x.dtype()), "\"mode_cpu\" not implemented for '",
              info(x.dtype()).message_name, "'");
  return one_along("ModeBackward0", x, dim, keepdim,
                   [&](const cpu::SortRows& job, void* v, int64_t* i) { cpu::mode_rows(job, v, i); });
}

Tensor quantile(const Tensor& x, const Tensor& q, OptInt dim, bool keepdim, String interpolation) {
  return quantile_op(x, q, dim, keepdim, interpolation, false);
}
Tensor quantile(const Tensor& x, double q, OptInt dim, bool keepdim, String interpolation) {
  return quantile_op(x, share_tensor(x, q), dim, keepdim, interpolation, false);
}
Tensor nanquantile(const Tensor& x, const Tensor& q, OptInt dim, bool keepdim, String interpolation) {
  return quantile_op(x, q, dim, keepdim, interpolation, true);
}
Tensor nanquantile(const Tensor& x, double q, OptInt dim, bool keepdim, String interpolation) {
  return quantile_op(x, share_tensor(x, q), dim, keepdim, interpolation, true);
}

}  // namespace rushlight

// Distinct elements and slices.
#include <algorithm>
#include <numeric>
#include <utility>

#include "rushlight/kernels/cpu/count.h"
#include "rushlight/kernels/cpu/sort.h"
#include "rushlight/ops/fused.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

// Groups of equal neighbours in some order of the elements.
struct Groups {
  std::vector<int64_t> first;  // of each group: its first element, as a place in the input
  std::vector<int64_t> size;
  std::vector<int64_t> group_of;  // for each place in the input
};

// `same(a, b)` compares two places; order[i] is the place that comes i-th.
template <class Same>
Groups group(const std::vector<int64_t>& order, Same&& same) {
  Groups out;
  out.group_of.resize(order.size());
  for (size_t i = 0; i < order.size(); ++i) {
    if (i == 0 || !same(order[i - 1], order[i])) {
      out.first.push_back(order[i]);
      out.size.push_back(0);
    }
    ++out.size.back();
    out.group_of[order[i]] = static_cast<int64_t>(out.first.size()) - 1;
  }
  return out;
}

Tensor to_tensor(const std::vector<int64_t>& v, DimsRef sizes) {
  Tensor out = make_tensor(sizes, DType::Int64);
  std::copy(v.begin(), v.end(), out.data<int64_t>());
  return out;
}

Distinct results(Tensor values, const Groups& g, DimsRef inverse_sizes, bool inverse, bool counts) {
  return {std::move(values), inverse ? to_tensor(g.group_of, inverse_sizes) : Tensor(),
          counts ? to_tensor(g.size, static_cast<int64_t>(g.size.size())) : Tensor()};
}

void check_orderable(const char* name, const Tensor& x) {
  RL_CHECK_AS(NotImplementedError, !is_complex(x.dtype()), "\"", name, "\" not implemented for '",
              info(x.dtype()).message_name, "'");
}

std::vector<int64_t> natural_order(int64_t n) {
  std::vector<int64_t> order(n);
  std::iota(order.begin(), order.end(), int64_t{0});
  return order;
}

// Integers that lie close together need no sorting: what occurs between the least and the greatest is
// counted.
Distinct unique_by_counting(const Tensor& x, const cpu::IntegerRange& range, bool inverse, bool counts) {
  const int64_t n = x.numel(), bins = range.size();
  const int64_t* data = x.data<int64_t>();
  std::vector<int64_t> table(bins);
  cpu::count_integers(data, n, range.low, bins, table.data());
  const int64_t groups = bins - std::count(table.begin(), table.end(), 0);
  Tensor values = make_tensor(groups, DType::Int64), sizes = make_tensor(groups, DType::Int64), places;
  for (int64_t b = 0, g = 0; b < bins; ++b) {
    if (table[b] == 0) continue;
    values.data<int64_t>()[g] = range.low + b;
    sizes.data<int64_t>()[g] = std::exchange(table[b], g);
    ++g;
  }
  if (inverse) {
    places = make_tensor(x.sizes(), DType::Int64);
    int64_t* place = places.data<int64_t>();
    for (int64_t i = 0; i < n; ++i) place[i] = table[data[i] - range.low];
  }
  return {values, places, counts ? sizes : Tensor()};
}

Distinct unique_elements(const Tensor& x, bool sorted, bool inverse, bool counts) {
  const Tensor dense = x.detach().contiguous();
  if (sorted && x.numel() > 0 && is_integral(x.dtype(), true) && x.dtype() != DType::UInt64) {
    constexpr int64_t kFewBins = 1024;  // or as many as two for each element
    const Tensor wide = dense.to(DType::Int64);
    const cpu::IntegerRange range = cpu::range_of(wide.data<int64_t>(), wide.numel());
    if (range.size() <= kFewBins || range.size() / 2 <= wide.numel()) {
      Distinct out = unique_by_counting(wide, range, inverse, counts);
      out.values = out.values.to(x.dtype());
      return out;
    }
  }
  std::vector<int64_t> order = natural_order(x.numel());
  if (sorted && x.numel() > 0)
    cpu::sort_rows({dense.raw_data(), x.dtype(), 1, x.numel()}, false, nullptr, order.data());
  return visit_dtype(x.dtype(), [&]<class T>() -> Distinct {
    const T* data = dense.data<T>();
    const Groups g = group(order, [&](int64_t a, int64_t b) { return data[a] == data[b]; });
    Tensor values = make_tensor(static_cast<int64_t>(g.first.size()), x.dtype(), x.device());
    for (size_t i = 0; i < g.first.size(); ++i) values.data<T>()[i] = data[g.first[i]];
    return results(std::move(values), g, x.sizes(), inverse, counts);
  });
}

// Dimension `dim` first, the others in their order; and back.
Tensor to_front(Tensor t, int64_t dim) {
  for (; dim > 0; --dim) t = t.transpose(dim - 1, dim);
  return t;
}
Tensor from_front(Tensor t, int64_t dim) {
  for (int64_t d = 0; d < dim; ++d) t = t.transpose(d, d + 1);
  return t;
}

Distinct unique_slices(const Tensor& x, int64_t dim, bool sorted, bool inverse, bool counts) {
  dim = wrap_dim(dim, x.dim(), false);
  const int64_t n = x.sizes()[dim];
  const int64_t zeros = std::count(x.sizes().begin(), x.sizes().end(), 0);
  if (n == 0) {
    RL_CHECK(zeros == 1, "Number of zero sized dimensions is more than one, so unique cannot be applied ");
    return results(make_tensor(x.sizes(), x.dtype()), {}, 0, inverse, counts);
  }
  RL_CHECK(zeros == 0, "There are 0 sized dimensions, and they aren't selected, so unique cannot be applied");
  const Tensor slices = to_front(x.detach(), dim).contiguous();
  const int64_t length = x.numel() / n;
  return visit_dtype(x.dtype(), [&]<class T>() -> Distinct {
    const T* data = slices.data<T>();
    auto slice = [&](int64_t i) { return data + i * length; };
    std::vector<int64_t> order = natural_order(n);
    if constexpr (!std::is_same_v<T, complex64> && !std::is_same_v<T, complex128>) {
      auto before = [&](int64_t a, int64_t b) {
        return std::lexicographical_compare(slice(a), slice(a) + length, slice(b), slice(b) + length);
      };
      if (sorted) std::stable_sort(order.begin(), order.end(), before);
    }
    const Groups g =
        group(order, [&](int64_t a, int64_t b) { return std::equal(slice(a), slice(a) + length, slice(b)); });
    Dims sizes = slices.sizes();
    sizes[0] = static_cast<int64_t>(g.first.size());
    Tensor values = make_tensor(sizes, x.dtype(), x.device());
    for (int64_t i = 0; i < sizes[0]; ++i)
      std::copy_n(slice(g.first[i]), length, values.data<T>() + i * length);
    return results(from_front(values, dim).contiguous(), g, n, inverse, counts);
  });
}

}  // namespace

Distinct unique(const Tensor& x, bool, bool return_inverse, bool return_counts, OptInt dim) {
  check_orderable(dim ? "unique_dim" : "unique", x);
  if (!dim) {
    Distinct out = unique_elements(x, true, return_inverse, return_counts);
    out.values = refuse_gradient("Unique2Backward0", "_unique2", out.values, x);
    return out;
  }
  Distinct out = unique_slices(x, *dim, true, return_inverse, return_counts);
  out.values = refuse_gradient("UniqueDimBackward0", "unique_dim", out.values, x);
  return out;
}

TensorTriple unique_dim(const Tensor& x, int64_t dim, bool, bool return_inverse, bool return_counts) {
  const Distinct out = unique(x, true, return_inverse, return_counts, dim);
  auto or_empty = [](const Tensor& t) { return t.defined() ? t : make_tensor(0, DType::Int64); };
  return {out.values, or_empty(out.inverse), or_empty(out.counts)};
}

Distinct unique_consecutive(const Tensor& x, bool return_inverse, bool return_counts, OptInt dim) {
  check_orderable("unique", x);
  Distinct out = dim ? unique_slices(x, *dim, false, return_inverse, return_counts)
                     : unique_elements(x, false, return_inverse, return_counts);
  out.values = refuse_gradient("UniqueConsecutiveBackward0", "unique_consecutive", out.values, x);
  return out;
}

}  // namespace rushlight

// An index for each element: gather and scatter; and places in the flattened tensor: take and put.
#include <algorithm>
#include <cmath>

#include "rushlight/kernels/cpu/index.h"
#include "rushlight/ops/in_place.h"
#include "rushlight/ops/write.h"

namespace rushlight {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Combine;

namespace {

const Dims& at_least_1d(const Dims& d) {
  static const Dims one{1};
  return d.empty() ? one : d;
}

// One step leads from each row to the next: along all dimensions but the last, which may have another one.
bool rows_are_even(const Tensor& t) {
  for (int64_t d = 0; d + 2 < t.dim(); ++d)
    if (t.strides()[d] != t.strides()[d + 1] * t.sizes()[d + 1]) return false;
  return true;
}

// The rows of an index tensor beside those of the tensor that is read or written and of the dense tensor
// outside.
class RowPlan {
 public:
  // data_*: the tensor that the indices point into; dense_*: the other one, at least as large as the index.
  // The indices stay where they are if `any_step` and their rows are even; else they become dense.
  RowPlan(const Tensor& index, int64_t dim, const Tensor& data, const Tensor& dense, bool one_value,
          bool any_step = false)
      : index_(index.to(DType::Int64)) {
    const bool stays = any_step && rows_are_even(index_);
    if (!stays) index_ = index_.contiguous();  // whose strides along dimensions of size one may be any
    const int64_t rank = index.dim();
    if (rank == 0) {
      offsets_ = {0, 0};
      rows_ = {index_.data<int64_t>(),
               &offsets_[0],
               &offsets_[1],
               1,
               1,
               data.dim() ? data.strides()[0] : 1,
               0,
               0,
               1,
               1};
      return;
    }
    const int64_t last = rank - 1, count = index.numel() / std::max<int64_t>(1, index.sizes()[last]);
    auto stride = [](const Tensor& t, int64_t d) { return t.dim() ? t.strides()[d] : 1; };
    offsets_.assign(2 * count, 0);
    Dims at(rank);
    int64_t data_row = 0, dense_row = 0;
    for (int64_t r = 0; r < count; ++r) {
      offsets_[r] = data_row;
      offsets_[count + r] = dense_row;
      for (int64_t d = last - 1; d >= 0; --d) {
        const int64_t data_step = d == dim ? 0 : stride(data, d),
                      dense_step = one_value ? 0 : stride(dense, d);
        data_row += data_step;
        dense_row += dense_step;
        if (++at[d] < index.sizes()[d]) break;
        data_row -= data_step * index.sizes()[d];
        dense_row -= dense_step * index.sizes()[d];
        at[d] = 0;
      }
    }
    rows_ = {index_.data<int64_t>(),
             offsets_.data(),
             offsets_.data() + count,
             count,
             index.sizes()[last],
             stride(data, dim),
             dim == last ? 0 : stride(data, last),
             one_value ? 0 : stride(dense, last),
             stays && rank > 1 ? index_.strides()[last - 1] : index.sizes()[last],
             stays ? index_.strides()[last] : 1};
  }
  const cpu::Rows& rows() const { return rows_; }
  const Tensor& index() const { return index_; }

 private:
  Tensor index_;
  std::vector<int64_t> offsets_;
  cpu::Rows rows_;
};

void check_found(int64_t bad, const Tensor& index, int64_t dim, int64_t size) {
  RL_CHECK(bad < 0, "index ", index.contiguous().data<int64_t>()[bad], " is out of bounds for dimension ",
           dim, " with size ", size);
}
void check_range(const Tensor& index, int64_t dim, const Tensor& t) {
  const int64_t size = at_least_1d(t.sizes())[dim];
  check_found(cpu::find_out_of_range(index.data<int64_t>(), index.numel(), size), index, dim, size);
}

void check_index_dtype(const char* name, const Tensor& index) {
  RL_CHECK(index.numel() == 0 || index.dtype() == DType::Int64 || index.dtype() == DType::Int32, name,
           "(): Expected dtype int32/int64 for index");
}

bool same_rank(const Tensor& a, const Tensor& b) {
  return at_least_1d(a.sizes()).size() == at_least_1d(b.sizes()).size();
}

}  // namespace

Tensor gather(const Tensor& input, int64_t dim, const Tensor& index, bool) {
  dim = wrap_dim(dim, input.dim());
  check_index_dtype("gather", index);
  Tensor out = make_tensor(index.sizes(), input.dtype(), input.device());
  if (index.numel() > 0) {
    RL_CHECK(same_rank(input, index), "Index tensor must have the same number of dimensions as input tensor");
    const Dims &have = at_least_1d(input.sizes()), &want = at_least_1d(index.sizes());
    for (int64_t d = 0; d < want.size(); ++d) {
      RL_CHECK(d == dim || want[d] <= have[d], "Size does not match at dimension ", d, " expected index ",
               to_string(index.sizes()), " to be no larger than self ", to_string(input.sizes()),
               " apart from dimension ", dim);
    }
    const RowPlan plan(index, dim, input, out, false, true);
    const int64_t bad =
        cpu::gather_rows(input.item_size(), plan.rows(), have[dim], input.raw_data(), out.raw_data());
    check_found(bad, plan.index(), dim, have[dim]);
  }
  if (!tracks(input)) return out;
  return Record("GatherBackward0", {input})
      .save(index)
      .rule(out, [sizes = input.sizes(), dim](Node& n, const Tensor& g) -> Tensor {
        return zeros(sizes, g.dtype(), g.device()).scatter_add(dim, n.saved(0), g);
      });
}

Tensor take_along_dim(const Tensor& input, const Tensor& indices, OptInt dim) {
  if (!dim) return input.reshape(-1).gather(0, indices.reshape(-1));
  const int64_t d = wrap_dim(*dim, input.dim());
  RL_CHECK(input.dim() == indices.dim(),
           "torch.take_along_dim(): input and indices should have the same number of dimensions, but got ",
           input.dim(), " dimensions for input, and ", indices.dim(), " dimensions for indices");
  Dims a = input.sizes(), b = indices.sizes();
  if (input.dim() == 0) return input.gather(0, indices);
  const int64_t size = input.sizes()[d];
  const Tensor places = indices.remainder(size > 0 ? size : 1);  // any number counts around the dimension
  a[d] = 1;
  b[d] = 1;
  Dims common = broadcast_shapes(a, b);
  Dims for_input = common, for_index = common;
  for_input[d] = size;
  for_index[d] = indices.sizes()[d];
  return input.expand(for_input).gather(d, places.expand(for_index));
}

// ---- scatter

namespace {

// What all scatters share: checks and the walk.
struct ScatterInto {
  int64_t dim;
  const Tensor& index;
  const Tensor& src;  // 0-d and `one_value` for a number
  bool one_value;

  void check(const Tensor& self) const {
    check_index_dtype("scatter", index);
    RL_CHECK(one_value || self.dtype() == src.dtype(),
             "scatter(): Expected self.dtype to be equal to src.dtype");
    if (index.numel() == 0) return;
    RL_CHECK(same_rank(self, index), "Index tensor must have the same number of dimensions as self tensor");
    RL_CHECK(one_value || same_rank(src, index),
             "Index tensor must have the same number of dimensions as src tensor");
    const Dims &want = at_least_1d(index.sizes()), &have = at_least_1d(self.sizes());
    bool fits = true;
    for (int64_t d = 0; d < want.size(); ++d) fits &= d == dim || want[d] <= have[d];
    if (!one_value) {
      for (int64_t d = 0; d < want.size(); ++d) fits &= want[d] <= at_least_1d(src.sizes())[d];
    }
    RL_CHECK(
        fits, "Expected index ", to_string(index.sizes()), " to be no larger than self ",
        to_string(self.sizes()), " apart from dimension ", dim,
        one_value ? std::string() : concat(" and to be no larger size than src ", to_string(src.sizes())));
  }
  void run(const Tensor& target, Combine combine, const Tensor& values) const {
    if (index.numel() == 0) return;
    if (combine != Combine::Assign && is_floating(target.dtype()) && target.item_size() == 2) {
      // Rounded once at the end, not after every step.
      const Tensor wide = target.to(DType::Float32);
      run(wide, combine, values.to(DType::Float32));
      target.copy_(wide);
      return;
    }
    const Tensor apart = values.storage() == target.storage() ? values.detach().clone() : values.detach();
    const RowPlan plan(index, dim, target, apart, one_value);
    check_range(plan.index(), dim, target);
    const bool rows_apart = dim == at_least_1d(index.sizes()).size() - 1;
    cpu::scatter_rows(target.dtype(), combine, plan.rows(), rows_apart, target.raw_data(), apart.raw_data());
  }
};

Tensor number_like(const Tensor& self, const Scalar& value) {
  return make_tensor({}, self.dtype()).fill_(value);
}

struct ScatterAssign : ScatterInto {
  void write(const Tensor& target) const { run(target, Combine::Assign, src); }
  void save(Record& record) const { record.save(index); }
  auto rule() const {
    return [dim = dim, one = one_value, sizes = src.sizes()](Node& n, const Gradients& grads) {
      Gradients out;
      out.resize(2);
      const Tensor index = n.saved(0);
      if (n.needs(0)) out[0] = grads[0].scatter(dim, index, 0);
      if (!one && n.needs(1)) out[1] = pad_to(grads[0].gather(dim, index), sizes);
      return out;
    };
  }
  // The source may be larger than the index: what was not read has no gradient.
  static Tensor pad_to(const Tensor& g, const Dims& sizes) {
    if (g.sizes() == sizes) return g;
    Dims margins;
    for (int64_t d = sizes.size() - 1; d >= 0; --d) {
      margins.push_back(0);
      margins.push_back(sizes[d] - g.sizes()[d]);
    }
    return constant_pad_nd(g, margins);
  }
};

struct ScatterAdd : ScatterInto {
  void write(const Tensor& target) const { run(target, Combine::Add, src); }
  void save(Record& record) const { record.save(index); }
  auto rule() const {
    return [dim = dim, sizes = src.sizes()](Node& n, const Gradients& grads) {
      Gradients out;
      out.resize(2);
      if (n.needs(0)) out[0] = grads[0];
      if (n.needs(1)) out[1] = ScatterAssign::pad_to(grads[0].gather(dim, n.saved(0)), sizes);
      return out;
    };
  }
};

// scatter with reduce='add' or 'multiply': PyTorch has no gradient for it.
struct ScatterOld : ScatterInto {
  Combine combine;
  void write(const Tensor& target) const { run(target, combine, src); }
  void save(Record&) const {}
  auto rule() const {
    return [](Node&, const Gradients&) -> Gradients {
      throw_error<NotImplementedError>("derivative for aten::scatter is not implemented");
    };
  }
};

Combine old_reduce(String reduce) {
  if (reduce == "add") return Combine::Add;
  RL_CHECK(reduce == "multiply", "reduce argument must be either add or multiply.");
  return Combine::Multiply;
}

}  // namespace

Tensor scatter(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& src) {
  return changed("ScatterBackward0", input, src,
                 ScatterAssign{{wrap_dim(dim, input.dim()), index, src, false}});
}
const Tensor& scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  return change_in_place("ScatterBackward0", self, src,
                         ScatterAssign{{wrap_dim(dim, self.dim()), index, src, false}});
}
Tensor scatter(const Tensor& input, int64_t dim, const Tensor& index, const Scalar& value) {
  const Tensor cell = number_like(input, value);
  return changed("ScatterBackward1", input, {},
                 ScatterAssign{{wrap_dim(dim, input.dim()), index, cell, true}});
}
const Tensor& scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value) {
  const Tensor cell = number_like(self, value);
  return change_in_place("ScatterBackward1", self, {},
                         ScatterAssign{{wrap_dim(dim, self.dim()), index, cell, true}});
}
Tensor scatter(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& src, String reduce) {
  return changed("torch::autograd::NotImplemented", input, src,
                 ScatterOld{{wrap_dim(dim, input.dim()), index, src, false}, old_reduce(reduce)});
}
const Tensor& scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                       String reduce) {
  return change_in_place("torch::autograd::NotImplemented", self, src,
                         ScatterOld{{wrap_dim(dim, self.dim()), index, src, false}, old_reduce(reduce)});
}
Tensor scatter(const Tensor& input, int64_t dim, const Tensor& index, const Scalar& value, String reduce) {
  const Tensor cell = number_like(input, value);
  return changed("torch::autograd::NotImplemented", input, {},
                 ScatterOld{{wrap_dim(dim, input.dim()), index, cell, true}, old_reduce(reduce)});
}
const Tensor& scatter_(const Tensor& self, int64_t dim, const Tensor& index, const Scalar& value,
                       String reduce) {
  const Tensor cell = number_like(self, value);
  return change_in_place("torch::autograd::NotImplemented", self, {},
                         ScatterOld{{wrap_dim(dim, self.dim()), index, cell, true}, old_reduce(reduce)});
}
Tensor scatter_add(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& src) {
  return changed("ScatterAddBackward0", input, src,
                 ScatterAdd{{wrap_dim(dim, input.dim()), index, src, false}});
}
const Tensor& scatter_add_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src) {
  return change_in_place("ScatterAddBackward0", self, src,
                         ScatterAdd{{wrap_dim(dim, self.dim()), index, src, false}});
}

// ---- scatter_reduce

namespace {

enum class Reduce : uint8_t { Sum, Prod, Mean, Max, Min };

Reduce parse_reduce(String reduce) {
  if (reduce == "sum") return Reduce::Sum;
  if (reduce == "prod") return Reduce::Prod;
  if (reduce == "mean") return Reduce::Mean;
  if (reduce == "amax") return Reduce::Max;
  RL_CHECK(reduce == "amin", "reduce argument must be either sum, prod, mean, amax or amin, got ", reduce);
  return Reduce::Min;
}

// How many values meet at each place, the element of self included if it counts.
Tensor counts_at(const Tensor& like, int64_t dim, const Tensor& index, bool include_self) {
  Tensor counts = include_self ? ones_like(like) : zeros_like(like);
  counts = counts.scatter_add(dim, index, ones(index.sizes(), like.dtype()));
  return counts.masked_fill(counts.eq(0), 1);
}

struct ScatterReduce : ScatterInto {
  Reduce reduce;
  bool include_self;

  void write(const Tensor& target) const {
    if (!include_self) start_afresh(target);
    switch (reduce) {
      case Reduce::Sum: return run(target, Combine::Add, src);
      case Reduce::Prod: return run(target, Combine::Multiply, src);
      case Reduce::Max: return run(target, Combine::Max, src);
      case Reduce::Min: return run(target, Combine::Min, src);
      case Reduce::Mean: break;
    }
    run(target, Combine::Add, src);
    const Tensor counts = counts_at(target, dim, index, include_self);
    if (is_integral(target.dtype(), true)) target.copy_(div(target, counts, "floor"));
    else target.copy_(target / counts);
  }
  void check_dtype(const Tensor& self, String name) const {
    const bool refused = reduce == Reduce::Mean ? self.dtype() == DType::Bool
                                                : reduce >= Reduce::Max && is_complex(self.dtype());
    RL_CHECK_AS(NotImplementedError, !refused, "\"scatter_gather_tensor_cpu_reduce_", name,
                "\" not implemented for '", info(self.dtype()).message_name, "'");
    RL_CHECK(!is_complex(self.dtype()) || !tracks(self, src),
             "scatter_reduce does not support automatic differentiation for outputs with complex dtype.");
  }
  // The touched places begin with the neutral element.
  void start_afresh(const Tensor& target) const {
    Scalar neutral = 0;
    if (reduce == Reduce::Prod) neutral = 1;
    if (reduce == Reduce::Max || reduce == Reduce::Min) {
      if (is_floating(target.dtype())) {
        neutral = reduce == Reduce::Max ? -INFINITY : INFINITY;
      } else {
        return run(target, Combine::Assign, src);  // any of the values: the reduction then sees them all
      }
    }
    ScatterInto{dim, index, number_like(target, neutral), true}.run(target, Combine::Assign,
                                                                    number_like(target, neutral));
  }
  void save(Record& record) const { record.save(index, src); }
};

struct ScatterReduceRule {
  Reduce reduce;
  bool include_self;
  int64_t dim;
  Dims src_sizes;

  // Saved: index, src, self, result.
  Gradients operator()(Node& n, const Gradients& grads) const {
    const Tensor& g = grads[0];
    const Tensor index = n.saved(0);
    Gradients out;
    out.resize(2);
    Tensor to_self, to_src;
    switch (reduce) {
      case Reduce::Sum:
        to_self = g;
        to_src = g.gather(dim, index);
        break;
      case Reduce::Mean: {
        const Tensor counts = counts_at(g.detach(), dim, index, include_self);
        to_self = g / counts;
        to_src = (g / counts).gather(dim, index);
        break;
      }
      case Reduce::Prod: product(n, g, index, to_self, to_src); break;
      default: extreme(n, g, index, to_self, to_src);
    }
    if (!include_self) to_self = to_self.scatter(dim, index, 0);
    if (n.needs(0)) out[0] = to_self;
    if (n.needs(1)) out[1] = ScatterAssign::pad_to(to_src, src_sizes);
    return out;
  }
  static Tensor crop(const Tensor& src, const Tensor& index) {
    Tensor part = src;
    for (int64_t d = 0; d < part.dim() && d < index.dim(); ++d) {
      if (part.sizes()[d] != index.sizes()[d]) part = part.narrow(d, 0, index.sizes()[d]);
    }
    return part;
  }
  // The product of the others is the result divided by the value, and has to be found otherwise where that is
  // zero.
  void product(Node& n, const Tensor& g, const Tensor& index, Tensor& to_self, Tensor& to_src) const {
    const Tensor src = crop(n.saved(1), index), self = n.saved(2), result = n.saved(3);
    const Tensor zero_self = self.eq(0), zero_src = src.eq(0);
    to_self = g * self.masked_fill(zero_self, 1).scatter_reduce(dim, index, src, "prod", true) /
              self.masked_fill(zero_self, 1);
    const Tensor zeros_met = zeros_like(self).scatter_add(dim, index, zero_src.to(g.dtype()));
    const Tensor one_zero = zero_src.mul(zeros_met.gather(dim, index).eq(1));
    const Tensor others = (include_self ? self : ones_like(self))
                              .scatter_reduce(dim, index, src.masked_fill(zero_src, 1), "prod", include_self);
    const Tensor gathered = g.gather(dim, index);
    const Tensor plain = gathered * result.gather(dim, index) / src.masked_fill(zero_src, 1);
    to_src = where(one_zero, gathered * others.gather(dim, index), plain.masked_fill(zero_src, 0));
  }
  // Shared out evenly among all that attain the extreme.
  void extreme(Node& n, const Tensor& g, const Tensor& index, Tensor& to_self, Tensor& to_src) const {
    const Tensor src = crop(n.saved(1), index), self = n.saved(2), result = n.saved(3);
    const Tensor self_wins = self.eq(result).to(g.dtype());
    const Tensor src_wins = src.eq(result.gather(dim, index)).to(g.dtype());
    Tensor winners =
        (include_self ? self_wins : self_wins.scatter(dim, index, 0)).scatter_add(dim, index, src_wins);
    winners = winners.masked_fill(winners.eq(0), 1);
    const Tensor share = g / winners;
    to_self = self_wins * share;
    to_src = src_wins * share.gather(dim, index);
  }
};

}  // namespace

Tensor scatter_reduce(const Tensor& input, int64_t dim, const Tensor& index, const Tensor& src, String reduce,
                      bool include_self) {
  const ScatterReduce change{
      {wrap_dim(dim, input.dim()), index, src, false}, parse_reduce(reduce), include_self};
  change.check(input);
  change.check_dtype(input, reduce);
  Tensor out;
  {
    autograd::NoGrad guard;
    out = input.clone();
    change.write(out);
  }
  if (!tracks(input, src)) return out;
  Record record("ScatterReduceBackward0", {input, src});
  change.save(record);
  return record.save(input).save_output(out).rule(
      out, ScatterReduceRule{change.reduce, include_self, change.dim, src.sizes()});
}
const Tensor& scatter_reduce_(const Tensor& self, int64_t dim, const Tensor& index, const Tensor& src,
                              String reduce, bool include_self) {
  return in_place(self,
                  [&](const Tensor& x) { return scatter_reduce(x, dim, index, src, reduce, include_self); });
}

// ---- places in the flattened tensor

namespace {

// Indices of a flattened tensor with negative ones counted from the end.
Tensor flat_index(const char* name, const Tensor& self, const Tensor& index) {
  RL_CHECK(index.dtype() == DType::Int64, name, "(): Expected a long tensor for index, but got ",
           info(index.dtype()).message_name);
  const Tensor dense = index.contiguous();
  const int64_t n = self.numel(), count = index.numel();
  Tensor out = zeros(count, DType::Int64);
  const int64_t bad = cpu::add_offsets(dense.data<int64_t>(), count, n, 1, true, out.data<int64_t>());
  RL_CHECK_AS(IndexError, bad < 0, "out of range: tried to access index ", dense.data<int64_t>()[bad],
              " on a tensor of ", n, " elements.");
  return out;
}

}  // namespace

Tensor take(const Tensor& input, const Tensor& index) {
  RL_CHECK(index.dtype() == DType::Int64, "take(): Expected a long tensor for index, but got ",
           info(index.dtype()).message_name);
  RL_CHECK_AS(IndexError, input.numel() > 0 || index.numel() == 0,
              "take(): tried to take from an empty tensor");
  Tensor out = make_tensor(index.sizes(), input.dtype(), input.device());
  {
    autograd::NoGrad guard;
    const Tensor flat = input.reshape(-1), line = out.view(-1);
    const auto gathered = [&](const Tensor& places) {
      const RowPlan plan(places, 0, flat, line, false);
      return cpu::gather_rows(flat.item_size(), plan.rows(), flat.numel(), flat.raw_data(), line.raw_data()) <
             0;
    };
    // That some count from the end shows when one is out of range, and then all are looked at.
    if (index.numel() > 0 && !gathered(index.reshape(-1))) gathered(flat_index("take", input, index));
  }
  if (!tracks(input)) return out;
  return Record("TakeBackward0", {input})
      .save(index)
      .rule(out, [sizes = input.sizes()](Node& n, const Tensor& g) -> Tensor {
        return zeros(sizes, g.dtype(), g.device()).put(n.saved(0), g, true);
      });
}

namespace {

struct Put {
  const Tensor& index;
  const Tensor& source;
  bool accumulate;

  void check(const Tensor& self) const {
    RL_CHECK(index.dtype() == DType::Int64, "put_(): Expected a long tensor for index, but got ",
             info(index.dtype()).message_name);
    RL_CHECK(self.dtype() == source.dtype(),
             "put_(): self and source expected to have the same dtype, but got self.dtype = ",
             info(self.dtype()).message_name, " and source.dtype = ", info(source.dtype()).message_name);
    RL_CHECK_AS(
        IndexError, source.numel() == index.numel(),
        "put_(): Expected source and index to have the same number of elements, but got source.numel() = ",
        source.numel(), ", index.numel() = ", index.numel());
  }
  void write(const Tensor& target) const {
    const Tensor places = flat_index("put_", target, index);
    if (places.numel() == 0) return;
    Tensor flat = target.contiguous().view(-1);
    const Tensor values = source.detach().reshape(-1);
    if (accumulate) flat.scatter_add_(0, places, values);
    else flat.scatter_(0, places, values);
    if (!target.is_contiguous()) target.copy_(flat.view(target.sizes()));
  }
  void save(Record& record) const { record.save(index); }
  auto rule() const {
    return [accumulate = accumulate, sizes = source.sizes()](Node& n, const Gradients& grads) {
      Gradients out;
      out.resize(2);
      const Tensor index = n.saved(0);
      if (n.needs(0))
        out[0] = accumulate ? grads[0] : grads[0].put(index, zeros(index.sizes(), grads[0].dtype()));
      if (n.needs(1)) out[1] = grads[0].take(index).reshape(sizes);
      return out;
    };
  }
};

}  // namespace

Tensor put(const Tensor& input, const Tensor& index, const Tensor& source, bool accumulate) {
  return changed("PutBackward0", input, source, Put{index, source, accumulate});
}
const Tensor& put_(const Tensor& self, const Tensor& index, const Tensor& source, bool accumulate) {
  return change_in_place("PutBackward0", self, source, Put{index, source, accumulate});
}

}  // namespace rushlight

// Elements at other places in new memory: repeat, flip, roll, rot90, triangles.
#include <algorithm>

#include "rushlight/kernels/cpu/move.h"
#include "rushlight/ops/in_place.h"
#include "rushlight/ops/memory.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/view.h"

namespace rushlight {

using autograd::Node;
using autograd::Record;
using autograd::tracks;

Tensor repeat(const Tensor& self, DimsRef repeats) {
  RL_CHECK(repeats.size() >= self.dim(),
           "Number of dimensions of repeat dims can not be smaller than number of dimensions of tensor");
  // The output seen as (r0, n0, r1, n1, ...) is the input expanded.
  const int64_t shift = repeats.size() - self.dim();
  Dims sizes, split_sizes, split_strides, source_strides;
  for (int64_t d = 0; d < repeats.size(); ++d) {
    const int64_t n = d < shift ? 1 : self.sizes()[d - shift];
    int64_t size;
    RL_CHECK(!__builtin_mul_overflow(repeats[d], n, &size), "numel: integer multiplication overflow");
    sizes.push_back(size);
    split_sizes.push_back(repeats[d]);
    split_sizes.push_back(n);
    source_strides.push_back(0);
    source_strides.push_back(d < shift ? 0 : self.strides()[d - shift]);
  }
  Tensor out = make_tensor(sizes, self.dtype(), self.device());
  for (int64_t d = 0; d < repeats.size(); ++d) {
    split_strides.push_back(out.strides()[d] * split_sizes[2 * d + 1]);
    split_strides.push_back(out.strides()[d]);
  }
  if (out.numel())
    cpu::move(self.item_size(), split_sizes, out.raw_data(), split_strides, self.raw_data(), source_strides);
  if (!tracks(self)) return out;
  return Record("RepeatBackward0", {self})
      .rule(out, [sizes = self.sizes(), split_sizes](Node&, const Tensor& g) -> Tensor {
        if (g.numel() == 0) return zeros(sizes, g.dtype(), g.device());
        Dims kept = split_sizes;
        for (int64_t d = 0; d < kept.size(); d += 2) kept[d] = 1;
        return g.reshape(split_sizes).sum_to_size(kept).reshape(sizes);
      });
}

Tensor tile(const Tensor& input, DimsRef dims) {
  Dims repeats = dims.copy();
  while (repeats.size() < input.dim()) repeats.insert(0, 1);
  return repeat(input, repeats);
}

// ---- repeat_interleave

namespace {

Tensor repeat_indices(const Tensor& repeats, OptInt output_size) {
  RL_CHECK(repeats.dim() == 1, "repeat_interleave only accept 1D vector as repeat");
  RL_CHECK_AS(NotImplementedError, repeats.dtype() == DType::Int64 || repeats.dtype() == DType::Int32,
              "\"repeat_interleave_cpu\" not implemented for '", info(repeats.dtype()).message_name, "'");
  const Tensor counts = repeats.detach().to(DType::Int64).contiguous();
  const int64_t* count = counts.data<int64_t>();
  int64_t total = 0;
  for (int64_t i = 0; i < counts.numel(); ++i) {
    RL_CHECK(count[i] >= 0, "repeats can not be negative");
    RL_CHECK(!__builtin_add_overflow(total, count[i], &total), "numel: integer multiplication overflow");
  }
  RL_CHECK(!output_size || *output_size == total, "allocated size does not match required size");
  Tensor out = empty(total, DType::Int64);
  int64_t* to = out.data<int64_t>();
  for (int64_t i = 0; i < counts.numel(); ++i) to = std::fill_n(to, count[i], i);
  return out;
}

}  // namespace

Tensor repeat_interleave(const Tensor& repeats, OptInt output_size) {
  return repeat_indices(repeats, output_size).to(repeats.dtype());
}

Tensor repeat_interleave(const Tensor& input, const Tensor& repeats, OptInt dim, OptInt output_size) {
  const Tensor x = dim ? input : input.flatten();
  const int64_t d = wrap_dim(dim.value_or(0), x.dim());
  RL_CHECK(repeats.dim() <= 1, "repeats must be 0-dim or 1-dim tensor");
  const int64_t size = x.dim() ? x.sizes()[d] : 1;
  const bool one = repeats.numel() == 1;
  RL_CHECK(one || repeats.sizes()[0] == size,
           "repeats must have the same size as input along dim, but got repeats.size(0) = ",
           repeats.dim() ? repeats.sizes()[0] : 1, " and input.size(", d, ") = ", size);
  return x.index_select(d, repeat_indices(one ? repeats.reshape(1).expand(size) : repeats, output_size));
}

Tensor repeat_interleave(const Tensor& input, int64_t repeats, OptInt dim, OptInt output_size) {
  const Tensor x = dim ? input : input.flatten();
  const int64_t d = wrap_dim(dim.value_or(0), x.dim());
  RL_CHECK(repeats >= 0, "Repeats must be non-negative");
  const Tensor y = x.dim() ? x : x.reshape(1);
  int64_t total;
  RL_CHECK(!__builtin_mul_overflow(y.sizes()[d], repeats, &total), "numel: integer multiplication overflow");
  RL_CHECK(!output_size || *output_size == total, "repeat_interleave: Invalid output_size, expected ", total,
           " but got ", output_size.value_or(0));
  Dims wide = y.sizes(), flat = y.sizes();
  wide.insert(d + 1, repeats);
  flat[d] = total;
  return y.unsqueeze(d + 1).expand(wide).clone(MemoryFormat::Contiguous).view(flat);
}

// ---- flip, roll, rot90

namespace {

Dims wrapped_dims(const Tensor& t, DimsRef dims) {
  Dims out;
  for (int64_t d : dims) {
    d = wrap_dim(d, t.dim());
    RL_CHECK(std::count(out.begin(), out.end(), d) == 0, "dim ", d,
             " appears multiple times in the list of dims");
    out.push_back(d);
  }
  return out;
}

}  // namespace

Tensor flip(const Tensor& input, DimsRef dims) {
  const Dims reversed = wrapped_dims(input, dims);
  Tensor out = make_tensor_like(input, input.dtype());
  Dims strides = input.strides();
  int64_t start = 0;
  if (input.dim() > 0) {
    for (int64_t d : reversed) {
      start += (input.sizes()[d] - 1) * strides[d];
      strides[d] = -strides[d];
    }
  }
  if (input.numel()) {
    const char* last = static_cast<const char*>(input.raw_data()) + start * input.item_size();
    cpu::move(input.item_size(), input.sizes(), out.raw_data(), out.strides(), last, strides);
  }
  if (!tracks(input)) return out;
  return Record("FlipBackward0", {input}).rule(out, [reversed](Node&, const Tensor& g) -> Tensor {
    return g.flip(reversed);
  });
}

Tensor fliplr(const Tensor& input) {
  RL_CHECK(input.dim() >= 2, "Input must be >= 2-d.");
  return flip(input, 1);
}
Tensor flipud(const Tensor& input) {
  RL_CHECK(input.dim() >= 1, "Input must be >= 1-d.");
  return flip(input, 0);
}

namespace {

// One dimension rolled by `shift`, 0 <= shift < size.
Tensor roll_one(const Tensor& x, int64_t dim, int64_t shift) {
  const int64_t size = x.sizes()[dim];
  Tensor out = make_tensor(x.sizes(), x.dtype(), x.device());
  constexpr int64_t kFewRows = 8;  // which threads could not share
  int64_t rows = 1;
  for (int64_t d = 0; d < dim; ++d) rows *= x.sizes()[d];
  if (rows >= kFewRows && x.is_contiguous() && x.device().is_cpu()) {
    const int64_t row = x.numel() / rows * x.item_size(), kept = row / size * (size - shift);
    const char* from = static_cast<const char*>(x.raw_data());
    const cpu::RowPart parts[] = {{from + kept, row - kept, row}, {from, kept, row}};
    cpu::join_rows(parts, rows, out.raw_data());
    return out;
  }
  out.narrow(dim, shift, size - shift).copy_(x.narrow(dim, 0, size - shift));
  if (shift > 0) out.narrow(dim, 0, shift).copy_(x.narrow(dim, size - shift, shift));
  begin_versions(out);
  return out;
}

Tensor roll_all(const Tensor& input, const Dims& shifts, const Dims& dims) {
  autograd::NoGrad guard;
  if (input.numel() == 0) return input.clone();
  if (dims.empty()) return roll_all(input.contiguous().view(-1), shifts, {0}).view(input.sizes());
  Tensor out = input;
  for (int64_t i = 0; i < dims.size(); ++i) {
    const int64_t size = input.sizes()[dims[i]], shift = shifts[i] % size;
    out = roll_one(out, dims[i], shift < 0 ? shift + size : shift);
  }
  return out;
}

}  // namespace

Tensor roll(const Tensor& input, DimsRef shifts, OptDims dims) {
  RL_CHECK(!shifts.empty(), "`shifts` required");
  RL_CHECK((dims.empty() && shifts.size() == 1) || dims.size() == shifts.size(),
           "shifts and dimensions must align. shifts: ", shifts.size(), ", dims:", dims.size());
  Dims wrapped, by = shifts.copy();
  for (int64_t d : dims) wrapped.push_back(wrap_dim(d, input.dim(), false));
  Tensor out = roll_all(input, by, wrapped);
  if (!tracks(input)) return out;
  for (int64_t& s : by) s = s == INT64_MIN ? 0 : -s;
  return Record("RollBackward0", {input}).rule(out, [by, wrapped](Node&, const Tensor& g) -> Tensor {
    return g.roll(by, wrapped);
  });
}

Tensor rot90(const Tensor& input, int64_t k, OptDims dims_or_none) {
  const Dims chosen = dims_or_none.has_value() ? dims_or_none.copy() : Dims{0, 1};
  const int64_t rank = input.dim();
  RL_CHECK(chosen.size() == 2, "expected total rotation dims == 2, but got dims = ", chosen.size());
  RL_CHECK(rank >= 2, "expected total dims >= 2, but got total dims = ", rank);
  const uint64_t apart = static_cast<uint64_t>(chosen[0]) - static_cast<uint64_t>(chosen[1]);  // may wrap
  RL_CHECK(apart != 0 && apart != static_cast<uint64_t>(rank) && apart != static_cast<uint64_t>(-rank),
           "expected rotation dims to be different, but got dim0 = ", chosen[0], " and dim1 = ", chosen[1]);
  for (int64_t d : chosen) wrap_dim(d, rank);
  Tensor out;
  {
    autograd::NoGrad guard;
    switch (((k % 4) + 4) % 4) {
      case 1: out = input.flip(chosen[1]).transpose(chosen[0], chosen[1]); break;
      case 2: out = input.flip(chosen); break;
      case 3: out = input.flip(chosen[0]).transpose(chosen[0], chosen[1]); break;
      default: out = input.clone(MemoryFormat::Contiguous);
    }
  }
  if (!tracks(input)) return out;
  out = make_alias(out);
  return Record("Rot90Backward0", {input}).rule(out, [k, chosen](Node&, const Tensor& g) -> Tensor {
    return g.rot90(-(k % 4), chosen);
  });
}

// ---- triangles

namespace {

Tensor triangle(const char* name, const Tensor& input, int64_t diagonal, bool lower) {
  RL_CHECK(input.dim() >= 2, name, ": input tensor must have at least 2 dimensions");
  autograd::NoGrad guard;
  const Tensor in = input.contiguous();
  Tensor out = make_tensor(in.sizes(), in.dtype(), in.device());
  const int64_t rows = in.size(-2), columns = in.size(-1);
  if (in.numel())
    cpu::triangle(in.item_size(), in.numel() / (rows * columns), rows, columns, diagonal, lower,
                  in.raw_data(), out.raw_data());
  return out;
}

Tensor record_triangle(const char* node, const Tensor& input, const Tensor& out, int64_t diagonal,
                       bool lower) {
  if (!tracks(input)) return out;
  return Record(node, {input}).rule(out, [diagonal, lower](Node&, const Tensor& g) -> Tensor {
    return lower ? g.tril(diagonal) : g.triu(diagonal);
  });
}

}  // namespace

Tensor tril(const Tensor& input, int64_t diagonal) {
  return record_triangle("TrilBackward0", input, triangle("tril", input, diagonal, true), diagonal, true);
}
Tensor triu(const Tensor& input, int64_t diagonal) {
  return record_triangle("TriuBackward0", input, triangle("triu", input, diagonal, false), diagonal, false);
}
const Tensor& tril_(const Tensor& self, int64_t diagonal) {
  return in_place(self, [&](const Tensor& x) { return tril(x, diagonal); });
}
const Tensor& triu_(const Tensor& self, int64_t diagonal) {
  return in_place(self, [&](const Tensor& x) { return triu(x, diagonal); });
}

}  // namespace rushlight

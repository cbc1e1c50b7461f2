// By mask: fill, select, scatter; and where the non-zero elements are.
#include <algorithm>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/masked.h"
#include "rushlight/ops/pointwise.h"
#include "rushlight/ops/write.h"

namespace rushlight {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;

namespace {

// C++'s names for dtypes, as one message has them.
const char* long_name(DType t) {
  static const char* const names[] = {
      "bool",          "unsigned char",       "unsigned short",      "unsigned int",
      "unsigned long", "signed char",         "short int",           "int",
      "long int",      "c10::Half",           "c10::BFloat16",       "float",
      "double",        "c10::complex<float>", "c10::complex<double>"};
  return names[static_cast<int>(t)];
}

const Tensor& tensor_or_none(const Operand& o) {
  static const Tensor none;
  return o.is_tensor() ? o.tensor() : none;
}

struct MaskedFill {
  const Tensor& mask;
  const Operand& value;

  void check(const Tensor& self) const {
    RL_CHECK(mask.dtype() == DType::Bool,
             "masked_fill_ only supports boolean masks, but got mask with dtype ", long_name(mask.dtype()));
    RL_CHECK(!value.is_tensor() || value.tensor().dim() == 0,
             "masked_fill_ only supports a 0-dimensional value tensor, but got tensor with ",
             value.is_tensor() ? value.tensor().dim() : 0, " dimension(s).");
    const Dims common = broadcast_shapes(mask.sizes(), self.sizes());
    RL_CHECK(common == self.sizes(), "output with shape ", to_string(self.sizes()),
             " doesn't match the broadcast shape ", to_string(common));
  }
  void write(const Tensor& target) const {
    const Tensor cell = make_tensor({}, target.dtype()).fill_(value);
    pointwise(cpu::Formula::Where, {mask, cell, target}, {}, &target);
  }
  void save(Record& record) const { record.save(mask); }
  auto rule() const {
    return [](Node& n, const Gradients& grads) {
      Gradients out;
      out.resize(2);
      const Tensor mask = n.saved(0);
      if (n.needs(0)) out[0] = grads[0].masked_fill(mask, 0);
      if (n.needs(1)) out[1] = where(mask, grads[0], 0).sum();
      return out;
    };
  }
};

const char* fill_node(const Operand& value) {
  return value.is_tensor() ? "MaskedFillBackward1" : "MaskedFillBackward0";
}

// A copy in which broadcast dimensions are written out.
Tensor expanded_for(const Tensor& input, const Tensor& mask) {
  const Dims common = broadcast_shapes(mask.sizes(), input.sizes());
  return common == input.sizes() ? input : input.expand(common);
}

}  // namespace

Tensor masked_fill(const Tensor& input, const Tensor& mask, const Operand& value) {
  const Tensor wide = expanded_for(input, mask);
  return changed(fill_node(value), wide.is_contiguous() || wide.is_same(input) ? wide : wide.contiguous(),
                 tensor_or_none(value), MaskedFill{mask, value});
}
const Tensor& masked_fill_(const Tensor& self, const Tensor& mask, const Operand& value) {
  return change_in_place(fill_node(value), self, tensor_or_none(value), MaskedFill{mask, value});
}

Tensor masked_select(const Tensor& input, const Tensor& mask) {
  RL_CHECK(mask.dtype() == DType::Bool, "masked_select: expected BoolTensor for mask");
  const Dims common = broadcast_shapes(mask.sizes(), input.sizes());
  Tensor out;
  {
    autograd::NoGrad guard;
    const Tensor flags = mask.expand(common).contiguous(), in = input.expand(common).contiguous();
    const std::vector<int64_t> counts = cpu::count_mask(flags.data<bool>(), flags.numel());
    out = make_tensor(counts.back(), input.dtype(), input.device());
    cpu::pack(in.item_size(), flags.data<bool>(), flags.numel(), counts, in.raw_data(), out.raw_data());
  }
  if (!tracks(input)) return out;
  return Record("MaskedSelectBackward0", {input})
      .save(mask)
      .rule(out, [common](Node& n, const Tensor& g) -> Tensor {
        return zeros(common, g.dtype(), g.device()).masked_scatter(n.saved(0), g);
      });
}

namespace {

struct MaskedScatter {
  const Tensor& mask;
  const Tensor& source;

  void check(const Tensor& self) const {
    RL_CHECK(self.dtype() == source.dtype(),
             "masked_scatter: expected self and source to have same dtypes but got",
             info(self.dtype()).message_name, " and ", info(source.dtype()).message_name);
    RL_CHECK(mask.dtype() == DType::Bool,
             "masked_scatter_ only supports boolean masks, but got mask with dtype ",
             info(mask.dtype()).message_name);
    const Dims common = broadcast_shapes(mask.sizes(), self.sizes());
    RL_CHECK(common == self.sizes(), "output with shape ", to_string(self.sizes()),
             " doesn't match the broadcast shape ", to_string(common));
  }
  void write(const Tensor& target) const {
    const Tensor flags = mask.expand(target.sizes()).contiguous();
    Tensor values = source.contiguous(), dense = target.contiguous();
    if (values.storage() == dense.storage()) values = values.clone();
    const std::vector<int64_t> counts = cpu::count_mask(flags.data<bool>(), flags.numel());
    RL_CHECK(counts.back() <= values.numel(), "Number of elements of source < number of ones in mask");
    cpu::unpack(dense.item_size(), flags.data<bool>(), flags.numel(), counts, values.raw_data(),
                dense.raw_data());
    if (!dense.is_same(target)) target.copy_(dense);
  }
  void save(Record& record) const { record.save(mask); }
  auto rule() const {
    return [sizes = source.sizes()](Node& n, const Gradients& grads) {
      Gradients out;
      out.resize(2);
      const Tensor mask = n.saved(0);
      if (n.needs(0)) out[0] = grads[0].masked_fill(mask, 0);
      if (n.needs(1)) {
        const Tensor used = grads[0].masked_select(mask);
        out[1] = constant_pad_nd(used, {0, numel_of(sizes) - used.numel()}).reshape(sizes);
      }
      return out;
    };
  }
};

}  // namespace

Tensor masked_scatter(const Tensor& input, const Tensor& mask, const Tensor& source) {
  const Tensor wide = expanded_for(input, mask);
  return changed("MaskedScatterBackward0", wide.is_same(input) ? wide : wide.contiguous(), source,
                 MaskedScatter{mask, source});
}
const Tensor& masked_scatter_(const Tensor& self, const Tensor& mask, const Tensor& source) {
  return change_in_place("MaskedScatterBackward0", self, source, MaskedScatter{mask, source});
}

// ---- non-zero elements

namespace {

// A row of coordinates for each dimension: (dim, count), row-major.
Tensor coordinates(const Tensor& input) {
  autograd::NoGrad guard;
  const Tensor flags = (input.dtype() == DType::Bool ? input : input.ne(0)).contiguous();
  const int64_t n = flags.numel(), rank = input.dim();
  const std::vector<int64_t> counts = cpu::count_mask(flags.data<bool>(), n);
  const int64_t count = counts.back();
  Tensor out = make_tensor({rank, count}, DType::Int64);
  if (rank == 0 || count == 0) return out;
  int64_t* last = out.data<int64_t>() + (rank - 1) * count;
  cpu::places(flags.data<bool>(), n, counts, last);
  // Split a dimension at a time; 32-bit division, where it suffices, is several times as quick.
  auto split = [&]<class Wide>() {
    for (int64_t d = rank - 1; d > 0; --d) {
      int64_t* const here = out.data<int64_t>() + d * count;
      const Wide size = static_cast<Wide>(input.sizes()[d]);
      parallel_for(0, count, 16 * 1024, [=](int64_t begin, int64_t end) {
        for (int64_t k = begin; k < end; ++k) {
          const Wide place = static_cast<Wide>(here[k]), rest = place / size;
          here[k - count] = rest;
          here[k] = place - rest * size;
        }
      });
    }
  };
  n <= UINT32_MAX ? split.operator()<uint32_t>() : split.operator()<uint64_t>();
  return out;
}

}  // namespace

Tensor nonzero(const Tensor& input) {
  const Tensor rows = coordinates(input);
  return make_alias(rows, {rows.sizes()[1], rows.sizes()[0]}, {1, rows.sizes()[1]}, 0);
}

TensorOrTuple nonzero(const Tensor& input, bool as_tuple) {
  if (as_tuple) return {where(input), true};
  return {{nonzero(input)}, false};
}

Tensor argwhere(const Tensor& input) { return nonzero(input); }

TensorVector where(const Tensor& condition) {
  return coordinates(condition.dim() ? condition : condition.detach().unsqueeze(0)).unbind(0);
}

Tensor one_hot(const Tensor& tensor, int64_t num_classes) {
  RL_CHECK(tensor.dtype() == DType::Int64, "one_hot is only applicable to index tensor of type LongTensor.");
  Dims sizes = tensor.sizes();
  if (tensor.numel() == 0) {
    RL_CHECK(num_classes > 0, num_classes == -1 || num_classes > 0
                                  ? "Can not infer total number of classes from empty tensor."
                                  : "Can not infer total number of classes from empty tensor.");
    sizes.push_back(num_classes);
    return empty(sizes, DType::Int64);
  }
  const Tensor dense = tensor.contiguous();
  const auto [low, high] = std::minmax_element(dense.data<int64_t>(), dense.data<int64_t>() + dense.numel());
  RL_CHECK(*low >= 0, "Class values must be non-negative.");
  RL_CHECK(num_classes == -1 || *high < num_classes, "Class values must be smaller than num_classes.");
  if (num_classes == -1) {
    RL_CHECK(*high < INT64_MAX, "numel: integer multiplication overflow");
    num_classes = *high + 1;
  }
  sizes.push_back(num_classes);
  Tensor out = zeros(sizes, DType::Int64);
  for (int64_t i = 0; i < dense.numel(); ++i)
    out.data<int64_t>()[i * num_classes + dense.data<int64_t>()[i]] = 1;
  return out;
}

}  // namespace rushlight

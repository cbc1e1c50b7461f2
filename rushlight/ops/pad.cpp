// Margins: constant, reflecting, replicating and circular.
#include <algorithm>

#include "rushlight/ops/ops.h"
#include "rushlight/ops/view.h"

namespace rushlight {

using autograd::Node;
using autograd::Record;
using autograd::tracks;

namespace {

// The part of `t` that lies inside margins of these widths; negative ones are taken as none.
Tensor inner_part(const Tensor& t, const Dims& pad, const Dims& inner) {
  Tensor part = t;
  for (int64_t i = 0; i < pad.size() / 2; ++i) {
    const int64_t d = t.dim() - 1 - i;
    part = part.narrow(d, std::max<int64_t>(0, pad[2 * i]), inner[d]);
  }
  return part;
}

Dims negated(const Dims& pad) {
  Dims out = pad;
  for (int64_t& p : out) p = -p;
  return out;
}

Tensor pad_constant(const Tensor& input, const Dims& pad, const Scalar& value) {
  autograd::NoGrad guard;
  Tensor cut = input;
  Dims sizes = input.sizes();
  for (int64_t i = 0; i < pad.size() / 2; ++i) {
    const int64_t d = input.dim() - 1 - i, before = pad[2 * i], after = pad[2 * i + 1];
    const int64_t size = cut.sizes()[d];
    if (before < 0) cut = cut.narrow(d, before < -size ? size : -before, size + before);
    if (after < 0) cut = cut.narrow(d, 0, cut.sizes()[d] + after);
    const bool overflow = __builtin_add_overflow(cut.sizes()[d], std::max<int64_t>(0, before), &sizes[d]) ||
                          __builtin_add_overflow(sizes[d], std::max<int64_t>(0, after), &sizes[d]);
    RL_CHECK(!overflow, "numel: integer multiplication overflow");
  }
  Tensor out = make_tensor(sizes, input.dtype(), input.device()).fill_(value);
  inner_part(out, pad, cut.sizes()).copy_(cut);
  return out;
}

// ---- margins that repeat elements: for each padded dimension the place that each place of the output shows

enum class Mode { Reflect, Replicate, Circular };

int64_t source_place(Mode mode, int64_t i, int64_t size) {
  switch (mode) {
    case Mode::Reflect: return i < 0 ? -i : i >= size ? 2 * (size - 1) - i : i;
    case Mode::Replicate: return std::clamp<int64_t>(i, 0, size - 1);
    default: return i < 0 ? i + size : i >= size ? i - size : i;
  }
}

Tensor source_places(Mode mode, int64_t size, int64_t before, int64_t after) {
  Tensor index = make_tensor(size + before + after, DType::Int64);
  // Negative margins cut before the rest goes round in circles.
  const int64_t cut = mode == Mode::Circular ? std::max<int64_t>(-before, 0) : 0;
  const int64_t kept = mode == Mode::Circular ? size - cut - std::max<int64_t>(-after, 0) : size;
  for (int64_t i = 0; i < index.numel(); ++i)
    index.data<int64_t>()[i] = cut + source_place(mode, i - before - cut, kept);
  return index;
}

void check_margins(Mode mode, const Tensor& input, const Dims& pad) {
  const int64_t dims = pad.size() / 2;
  const bool ranked = dims >= 1 && dims <= 3 && (input.dim() == dims + 1 || input.dim() == dims + 2);
  RL_CHECK_AS(NotImplementedError, ranked, "Padding size ", pad.size(), " is not supported for ", input.dim(),
              "D input tensor.");
  if (mode != Mode::Circular) {
    bool full = true;
    for (int64_t d = input.dim() == dims + 2 ? 1 : 0; d < input.dim(); ++d) full &= input.sizes()[d] > 0;
    RL_CHECK(
        full, "Expected ", dims + 1, "D or ", dims + 2,
        "D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions for input, but got: ",
        to_string(input.sizes()));
  }
  for (int64_t i = 0; i < dims; ++i) {
    const int64_t d = input.dim() - 1 - i, size = input.sizes()[d], before = pad[2 * i],
                  after = pad[2 * i + 1];
    RL_CHECK(mode != Mode::Reflect || (before < size && after < size), "Argument #", 4 + 2 * i,
             ": Padding size should be less than the corresponding input dimension, but got: padding (",
             before, ", ", after, ") at dimension ", d, " of input ", to_string(input.sizes()));
    RL_CHECK(mode != Mode::Circular || (before <= size && after <= size),
             "Padding value causes wrapping around more than once.");
    RL_CHECK(mode != Mode::Circular || (before <= size + after && after <= size + before),
             "unsupported operation: some elements of the input tensor and the written-to tensor refer to a "
             "single memory location. Please clone() the tensor before performing the operation.");
    int64_t length;
    const bool overflow =
        __builtin_add_overflow(size, before, &length) || __builtin_add_overflow(length, after, &length);
    RL_CHECK(!overflow, "numel: integer multiplication overflow");
    RL_CHECK(mode != Mode::Circular || length >= 0,
             "Negative padding value is resulting in an empty dimension");
    RL_CHECK(mode == Mode::Circular || length >= 1, "input (",
             dims == 1 ? "W: "
             : i == 0  ? "W: "
             : i == 1  ? "H: "
                       : "D: ",
             size, ") is too small. Calculated output ",
             i == 0   ? "W: "
             : i == 1 ? "H: "
                      : "D: ",
             length);
  }
}

Tensor pad_repeating(Mode mode, const char* node, const Tensor& input, const Dims& pad) {
  check_margins(mode, input, pad);
  TensorVector places;
  Tensor out = input;
  {
    autograd::NoGrad guard;
    for (int64_t i = 0; i < pad.size() / 2; ++i) {
      const int64_t d = input.dim() - 1 - i;
      places.push_back(source_places(mode, input.sizes()[d], pad[2 * i], pad[2 * i + 1]));
      out = out.index_select(d, places.back());
    }
  }
  if (!tracks(input)) return out;
  return Record(node, {input}).rule(out, [places, sizes = input.sizes()](Node&, const Tensor& g) -> Tensor {
    Tensor back = g;
    for (int64_t i = static_cast<int64_t>(places.size()) - 1; i >= 0; --i) {
      const int64_t d = sizes.size() - 1 - i;
      Dims shape = back.sizes();
      shape[d] = sizes[d];
      back = zeros(shape, g.dtype(), g.device()).index_add(d, places[i], back);
    }
    return back;
  });
}

const char* pad_node(Mode mode, int64_t dims) {
  static constexpr char kSlices[] = "torch::autograd::CopySlices";
  static const char* const names[3][3] = {
      {"ReflectionPad1DBackward0", "ReflectionPad2DBackward0", "ReflectionPad3DBackward0"},
      {"ReplicationPad1DBackward0", "ReplicationPad2DBackward0", "ReplicationPad3DBackward0"},
      {kSlices, kSlices, kSlices}};
  return names[static_cast<int>(mode)][std::clamp<int64_t>(dims, 1, 3) - 1];
}

}  // namespace

Tensor constant_pad_nd(const Tensor& input, DimsRef pad_, const Scalar& value) {
  const Dims pad = pad_.copy();
  RL_CHECK(pad.size() % 2 == 0, "Length of pad must be even but instead it equals ", pad.size());
  RL_CHECK(pad.size() / 2 <= input.dim(),
           "Length of pad should be no more than twice the number of dimensions of the input. Pad length is ",
           pad.size(), "while the input has ", input.dim(), "dimensions.");
  Tensor out = pad_constant(input, pad, value);
  if (!tracks(input)) return out;
  return Record("ConstantPadNdBackward0", {input})
      .rule(out,
            [back = negated(pad)](Node&, const Tensor& g) -> Tensor { return constant_pad_nd(g, back, 0); });
}

Tensor pad(const Tensor& input, DimsRef pad_, String mode, OptDouble value) {
  const Dims pad = pad_.copy();
  RL_CHECK(pad.size() % 2 == 0, "Padding length must be divisible by 2");
  RL_CHECK(
      pad.size() / 2 <= input.dim(),
      "Padding length should be less than or equal to two times the input dimension but got padding length ",
      pad.size(), " and input of dimension ", input.dim());
  if (mode == "constant") return constant_pad_nd(input, pad, value.value_or(0.0));
  RL_CHECK(!value || *value == 0, "Padding mode \"", mode, "\" doesn't take in value argument");
  for (const auto& [name, kind] : {std::pair<String, Mode>{"reflect", Mode::Reflect},
                                   {"replicate", Mode::Replicate},
                                   {"circular", Mode::Circular}}) {
    if (mode == name) return pad_repeating(kind, pad_node(kind, pad.size() / 2), input, pad);
  }
  throw_error<NotImplementedError>("Unrecognised padding mode ", mode);
}

}  // namespace rushlight

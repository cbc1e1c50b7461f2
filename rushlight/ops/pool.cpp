// Pooling. One dimension is a plane of height one.
#include "rushlight/kernels/cpu/pool.h"
#include "rushlight/ops/linear_map.h"
#include "rushlight/ops/ops.h"
#include "rushlight/ops/pool.h"

namespace rushlight {

// ---- windows

namespace {

Dims spread_sizes(const char* name, const char* what, const char* rule, DimsRef given, int64_t rank) {
  RL_CHECK(given.size() == 1 || given.size() == rank, name, ": ", what, " must ", rule,
           "a single int, or a tuple of ", rank == 2 ? "two" : "three", " ints");
  if (given.size() == rank) return given.copy();
  return Dims(rank, given[0]);
}

// Windows are counted in int, as PyTorch does: every sum and product of them then fits int64_t.
void check_fits_int(const Dims& sizes) {
  for (int64_t v : sizes) {
    RL_CHECK(v == static_cast<int32_t>(v), "value cannot be converted to type int without overflow");
  }
}

}  // namespace

Window make_window(const char* name, DimsRef kernel, OptDims stride, DimsRef padding, DimsRef dilation,
                   bool ceil_mode, int64_t rank) {
  Window w{spread_sizes(name, "kernel_size", std::string_view(name) == "avg_pool3d" ? "be " : "either be ",
                        kernel, rank),
           {},
           {},
           {},
           ceil_mode};
  w.stride = stride.empty() ? w.kernel : spread_sizes(name, "stride", "either be omitted, ", stride, rank);
  w.padding = spread_sizes(name, "padding", "either be ", padding, rank);
  w.dilation = spread_sizes(name, "dilation", "be either ", dilation, rank);
  for (const Dims* sizes : {&w.kernel, &w.stride, &w.padding, &w.dilation}) check_fits_int(*sizes);
  return w;
}

int64_t pooled_size(const Window& w, int d, int64_t size) {
  const int64_t kernel = w.kernel[d], stride = w.stride[d], pad = w.padding[d], dilation = w.dilation[d];
  RL_CHECK(stride != 0, "stride should not be zero");
  RL_CHECK(pad >= 0, "pad must be non-negative, but got pad: ", pad);
  const int64_t reach = dilation * (kernel - 1) + 1;
  RL_CHECK(pad <= reach / 2, "pad should be at most half of effective kernel size, but got pad=", pad,
           ", kernel_size=", kernel, " and dilation=", dilation);
  const int64_t room = size + 2 * pad - reach;
  int64_t out = (room + (w.ceil_mode ? stride - 1 : 0)) / stride + 1;
  if (room + (w.ceil_mode ? stride - 1 : 0) < 0) out = 0;
  if (w.ceil_mode && (out - 1) * stride >= size + pad) --out;
  return out;
}

namespace {

using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::PoolShape;

enum class Integers : uint8_t { None, Long, All };

// What the kernels compute in; the integers that they take besides the floats are PyTorch's.
DType compute_dtype(const char* name, DType t, Integers integers) {
  const bool fits = is_floating(t) || (integers == Integers::All && is_integral(t, false)) ||
                    (integers == Integers::Long && t == DType::Int64);
  RL_CHECK_AS(NotImplementedError, fits, "\"", name, "\" not implemented for '", info(t).message_name, "'");
  return t == DType::Float64 ? t : is_floating(t) ? DType::Float32 : DType::Int64;
}

template <class F>
void visit_pooled(DType t, F&& f) {
  if (t == DType::Float32) f.template operator()<float>();
  else if (t == DType::Float64) f.template operator()<double>();
  else f.template operator()<int64_t>();
}
template <class F>
void visit_floating(DType t, F&& f) {
  if (t == DType::Float32) f.template operator()<float>();
  else f.template operator()<double>();
}

Tensor dense(const Tensor& t, DType dtype) { return t.detach().to(dtype).contiguous(); }

Dims with_plane(const Tensor& t, int64_t h, int64_t w) {
  Dims out(t.sizes().data(), t.dim() - 2);
  out.push_back(h);
  out.push_back(w);
  return out;
}

PoolShape make_shape(const Window& w, const Tensor& x) {
  RL_CHECK(w.dilation[0] > 0 && w.dilation[1] > 0,
           "dilation should be greater than zero, but got dilationH: ", w.dilation[0],
           " dilationW: ", w.dilation[1]);
  const int64_t rank = x.dim();
  PoolShape s;
  s.in_h = x.sizes()[rank - 2];
  s.in_w = x.sizes()[rank - 1];
  s.kernel_h = w.kernel[0], s.kernel_w = w.kernel[1];
  s.stride_h = w.stride[0], s.stride_w = w.stride[1];
  s.pad_h = w.padding[0], s.pad_w = w.padding[1];
  s.dilation_h = w.dilation[0], s.dilation_w = w.dilation[1];
  s.out_h = pooled_size(w, 0, s.in_h);
  s.out_w = pooled_size(w, 1, s.in_w);
  RL_CHECK(s.kernel_h > 0 && s.kernel_w > 0,
           "kernel size should be greater than zero, but got kH: ", s.kernel_h, " kW: ", s.kernel_w);
  RL_CHECK(s.stride_h > 0 && s.stride_w > 0, "stride should be greater than zero, but got dH: ", s.stride_h,
           " dW: ", s.stride_w);
  s.planes = numel_of(DimsRef(x.sizes().data(), rank - 2));
  const int64_t channels = x.sizes()[rank - 3];
  bool filled = true;
  for (int64_t d = rank == 4 ? 1 : 0; d < rank; ++d) filled &= x.sizes()[d] > 0;
  RL_CHECK(filled, "Expected 3D or 4D (batch mode) tensor with optional 0 dim batch size for input, but got:",
           to_string(x.sizes()));
  RL_CHECK(s.out_h >= 1 && s.out_w >= 1, "Given input size: (", channels, "x", s.in_h, "x", s.in_w,
           "). Calculated output size: (", channels, "x", s.out_h, "x", s.out_w,
           "). Output size is too small");
  return s;
}

// ---- maxima

// Of several values for one place: their sum, as gradients add up, or the last.
enum class Meeting : uint8_t { Sum, Last };

// Values at places of planes, and planes filled from values: each the other's gradient.
Tensor scatter_into_planes(const char* node, const Tensor& values, const Tensor& indices, int64_t h,
                           int64_t w, Meeting meeting = Meeting::Sum);

Tensor pick_from_planes(const char* node, const Tensor& in, const Tensor& indices) {
  const int64_t rank = in.dim(), h = in.sizes()[rank - 2], w = in.sizes()[rank - 1];
  const DType dtype = compute_dtype("max_pool2d", in.dtype(), Integers::All);
  const Tensor source = dense(in, dtype);
  Tensor out = make_tensor(indices.sizes(), dtype, in.device());
  const int64_t planes = numel_of(DimsRef(in.sizes().data(), rank - 2));
  visit_pooled(dtype, [&]<class T>() {
    cpu::pick_planes<T>(planes, planes ? out.numel() / planes : 0, h * w, source.data<T>(),
                        indices.data<int64_t>(), out.data<T>());
  });
  out = out.to(in.dtype());
  if (!tracks(in)) return out;
  return Record(node, {in}).save(indices).rule(out, [h, w](Node& n, const Tensor& g) -> Tensor {
    return scatter_into_planes("MaxPool2DWithIndicesBackwardBackward0", g, n.saved(0), h, w);
  });
}

Tensor scatter_into_planes(const char* node, const Tensor& values, const Tensor& indices, int64_t h,
                           int64_t w, Meeting meeting) {
  const DType dtype = compute_dtype("max_pool2d", values.dtype(), Integers::All);
  const Tensor source = dense(values, dtype);
  Tensor out = make_tensor(with_plane(values, h, w), dtype, values.device());
  const int64_t planes = numel_of(DimsRef(values.sizes().data(), values.dim() - 2));
  visit_pooled(dtype, [&]<class T>() {
    cpu::scatter_planes<T>(planes, planes ? source.numel() / planes : 0, h * w, source.data<T>(),
                           indices.data<int64_t>(), meeting == Meeting::Sum, out.data<T>());
  });
  out = out.to(values.dtype());
  if (!tracks(values)) return out;
  return Record(node, {values}).save(indices).rule(out, [](Node& n, const Tensor& g) -> Tensor {
    return pick_from_planes("MaxUnpool2DBackward0", g, n.saved(0));
  });
}

WithIndices record_maximum(const char* node, const Tensor& x, const Tensor& out, const Tensor& indices) {
  if (!tracks(x)) return {out, indices};
  const int64_t h = x.size(-2), w = x.size(-1);
  const Tensor recorded =
      Record(node, {x}).save(indices).rule(out, [h, w](Node& n, const Tensor& g) -> Tensor {
        return scatter_into_planes("MaxPool2DWithIndicesBackwardBackward0", g, n.saved(0), h, w);
      });
  return {recorded, indices};
}

WithIndices max_pool_planes(const Window& w, const Tensor& x, bool with_indices) {
  const PoolShape s = make_shape(w, x);
  const DType dtype = compute_dtype("max_pool2d", x.dtype(), Integers::All);
  const Tensor source = dense(x, dtype);
  const Dims sizes = with_plane(x, s.out_h, s.out_w);
  Tensor out = make_tensor(sizes, dtype, x.device());
  Tensor indices = with_indices || tracks(x) ? make_tensor(sizes, DType::Int64, x.device()) : Tensor();
  visit_pooled(dtype, [&]<class T>() {
    cpu::max_pool2d<T>(s, source.data<T>(), out.data<T>(),
                       indices.defined() ? indices.data<int64_t>() : nullptr);
  });
  return record_maximum("MaxPool2DWithIndicesBackward0", x, out.to(x.dtype()), indices);
}

WithIndices drop_indices(WithIndices r, bool keep) {
  if (!keep) r.indices = Tensor();
  return r;
}

// ---- means

struct AveragePool {
  PoolShape shape;
  bool count_padding;
  int64_t divisor;

  const char* name(bool transposed) const {
    return transposed ? "AvgPool2DBackwardBackward0" : "AvgPool2DBackward0";
  }
  Tensor apply(const Tensor& x, bool transposed) const {
    const DType dtype = compute_dtype("avg_pool2d", x.dtype(), Integers::Long);
    const Tensor source = dense(x, dtype);
    Tensor out = make_tensor(
        transposed ? with_plane(x, shape.in_h, shape.in_w) : with_plane(x, shape.out_h, shape.out_w), dtype,
        x.device());
    visit_pooled(dtype, [&]<class T>() {
      if (transposed)
        cpu::avg_pool2d_backward<T>(shape, count_padding, divisor, source.data<T>(), out.data<T>());
      else cpu::avg_pool2d<T>(shape, count_padding, divisor, source.data<T>(), out.data<T>());
    });
    return out.to(x.dtype());
  }
};

struct AdaptiveAveragePool {
  PoolShape shape;

  const char* name(bool transposed) const {
    return transposed ? "AdaptiveAvgPool2DBackwardBackward0" : "AdaptiveAvgPool2DBackward0";
  }
  Tensor apply(const Tensor& x, bool transposed) const {
    const DType dtype = compute_dtype("adaptive_avg_pool2d", x.dtype(), Integers::None);
    const Tensor source = dense(x, dtype);
    Tensor out = make_tensor(
        transposed ? with_plane(x, shape.in_h, shape.in_w) : with_plane(x, shape.out_h, shape.out_w), dtype,
        x.device());
    visit_floating(dtype, [&]<class T>() {
      if (transposed) cpu::adaptive_avg_pool2d_backward<T>(shape, source.data<T>(), out.data<T>());
      else cpu::adaptive_avg_pool2d<T>(shape, source.data<T>(), out.data<T>());
    });
    return out.to(x.dtype());
  }
};

Dims extents_of(const Extents& wanted, const Tensor& x) {
  Dims out;
  for (int i = 0; i < 2; ++i)
    out.push_back(wanted.sizes[wanted.sizes.size() == 1 ? 0 : i].value_or(x.size(i - 2)));
  return out;
}

void check_adaptive(const char* name, const Tensor& x, const char* colon) {
  RL_CHECK(x.dim() == 3 || x.dim() == 4, name, "(): Expected 3D or 4D tensor, but got", colon, " ",
           to_string(x.sizes()));
  for (int64_t d = x.dim() == 4 ? 1 : 0; d < x.dim(); ++d) {
    RL_CHECK(x.sizes()[d] > 0, name,
             "(): Expected input to have non-zero size for non-batch dimensions, but input has sizes ",
             to_string(x.sizes()), " with dimension ", d, " being empty");
  }
}

PoolShape adaptive_shape(const Tensor& x, const Dims& out) {
  PoolShape s;
  s.in_h = x.size(-2), s.in_w = x.size(-1);
  s.out_h = out[0], s.out_w = out[1];
  s.planes = numel_of(DimsRef(x.sizes().data(), x.dim() - 2));
  return s;
}

// ---- one dimension

void check_line(const char* name, const Tensor& x) {
  RL_CHECK(x.dim() == 2 || x.dim() == 3, "Expected 2 to 3 dimensions, but got ", x.dim(),
           "-dimensional tensor for argument #1 'self' (while checking arguments for ", name, ")");
}

int64_t one_of(const char* name, const char* what, DimsRef given) {
  RL_CHECK(given.size() == 1, name, "() argument '", what, "' should contain one int (got ", given.size(),
           ")");
  return given[0];
}

Tensor squeeze_line(const Tensor& t) { return t.squeeze(-2); }

}  // namespace

namespace nn::functional {

WithIndices max_pool2d(const Tensor& input, DimsRef kernel_size, OptDims stride, DimsRef padding,
                       DimsRef dilation, bool ceil_mode, bool return_indices) {
  const Window w = make_window("max_pool2d", kernel_size, stride, padding, dilation, ceil_mode);
  RL_CHECK(input.dim() == 3 || input.dim() == 4, "non-empty 3D or 4D (batch mode) tensor expected for input");
  return drop_indices(max_pool_planes(w, input, return_indices), return_indices);
}

TensorPair max_pool2d_with_indices(const Tensor& input, DimsRef kernel_size, OptDims stride, DimsRef padding,
                                   DimsRef dilation, bool ceil_mode, bool) {
  const WithIndices r = max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, true);
  return {r, r.indices};
}

WithIndices max_pool1d(const Tensor& input, DimsRef kernel_size, OptDims stride, DimsRef padding,
                       DimsRef dilation, bool ceil_mode, bool return_indices) {
  bool filled = input.dim() == 2 || input.dim() == 3;
  for (int64_t d = input.dim() == 3 ? 1 : 0; d < input.dim(); ++d) filled &= input.sizes()[d] > 0;
  RL_CHECK(
      filled,
      "max_pool1d: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for input, but got:",
      to_string(input.sizes()));
  const int64_t kernel = one_of("max_pool1d", "kernel_size", kernel_size),
                step = stride.empty() ? kernel : one_of("max_pool1d", "stride", stride);
  const int64_t pad = one_of("max_pool1d", "padding", padding),
                gap = one_of("max_pool1d", "dilation", dilation);
  RL_CHECK(kernel > 0, "max_pool1d() kernel_size must be greater than zero, but got ", kernel);
  RL_CHECK(step > 0, "max_pool1d() stride must be greater than zero, but got ", step);
  RL_CHECK(pad >= 0, "max_pool1d() padding must be non-negative, but got ", pad);
  RL_CHECK(pad <= kernel / 2,
           "max_pool1d() padding should be at most half of kernel size, but got padding=", pad,
           " and kernel_size=", kernel);
  RL_CHECK(gap > 0, "max_pool1d() dilation must be greater than zero, but got ", gap);
  const Window w{{1, kernel}, {1, step}, {0, pad}, {1, gap}, ceil_mode};
  const int64_t size = pooled_size(w, 1, input.size(-1));
  RL_CHECK(size > 0, "max_pool1d() Invalid computed output size: ", size);
  if (!return_indices) compute_dtype("max_pool1d_impl", input.dtype(), Integers::None);
  const WithIndices r = max_pool_planes(w, input.unsqueeze(-2), return_indices);
  return {squeeze_line(r), return_indices ? squeeze_line(r.indices) : Tensor()};
}

Tensor avg_pool2d(const Tensor& input, DimsRef kernel_size, OptDims stride, DimsRef padding, bool ceil_mode,
                  bool count_include_pad, OptInt divisor_override) {
  const Window w = make_window("avg_pool2d", kernel_size, stride, padding, 1, ceil_mode);
  RL_CHECK(!divisor_override || *divisor_override != 0, "divisor must be not zero");
  RL_CHECK_AS(IndexError, input.dim() >= 3, "Dimension out of range (expected to be in range of [",
              -std::max<int64_t>(1, input.dim()), ", ", std::max<int64_t>(1, input.dim()) - 1,
              "], but got -3)");
  RL_CHECK(input.dim() <= 4, "non-empty 3D or 4D (batch mode) tensor expected for input");
  return apply_linear(AveragePool{make_shape(w, input), count_include_pad, divisor_override.value_or(0)},
                      input);
}

Tensor avg_pool1d(const Tensor& input, DimsRef kernel_size, OptDims stride, DimsRef padding, bool ceil_mode,
                  bool count_include_pad) {
  check_line("avg_pool1d", input);
  const int64_t kernel = one_of("avg_pool1d", "kernel_size", kernel_size),
                step = stride.empty() ? kernel : one_of("avg_pool1d", "stride", stride);
  const int64_t pad = one_of("avg_pool1d", "padding", padding);
  return squeeze_line(avg_pool2d(input.unsqueeze(-2), {1, kernel}, Dims{1, step}, {0, pad}, ceil_mode,
                                 count_include_pad, {}));
}

Tensor adaptive_avg_pool2d(const Tensor& input, const Extents& output_size) {
  RL_CHECK(output_size.sizes.size() == 1 || output_size.sizes.size() == 2,
           "adaptive_avg_pool2d: output_size must be 2");
  check_extents(output_size, input);
  RL_CHECK(input.dim() == 3 || input.dim() == 4, "adaptive_avg_pool2d(): Expected 3D or 4D tensor, but got ",
           to_string(input.sizes()));
  const Dims out = extents_of(output_size, input);
  RL_CHECK(out[0] >= 0 && out[1] >= 0,
           "adaptive_avg_pool2d: elements of output_size must be greater than or equal to 0 but received {",
           out[0], ", ", out[1], "}");
  if (out[0] == 1 && out[1] == 1) return input.mean({-1, -2}, true);
  check_adaptive("adaptive_avg_pool2d", input, "");
  return apply_linear(AdaptiveAveragePool{adaptive_shape(input, out)}, input);
}

Tensor adaptive_avg_pool1d(const Tensor& input, DimsRef output_size) {
  check_line("adaptive_avg_pool1d", input);
  return squeeze_line(adaptive_avg_pool2d(input.unsqueeze(-2),
                                          {1, one_of("adaptive_avg_pool1d", "output_size", output_size)}));
}

WithIndices adaptive_max_pool2d(const Tensor& input, const Extents& output_size, bool return_indices) {
  RL_CHECK(output_size.sizes.size() == 1 || output_size.sizes.size() == 2,
           "adaptive_max_pool2d(): internal error: output_size.size() must be 2");
  check_extents(output_size, input);
  check_adaptive("adaptive_max_pool2d", input, ":");
  const Dims out_size = extents_of(output_size, input);
  const Dims sizes = with_plane(input, out_size[0], out_size[1]);
  RL_CHECK(out_size[0] >= 0 && out_size[1] >= 0, "Trying to create tensor with negative dimension ",
           out_size[out_size[0] < 0 ? 0 : 1], ": ", to_string(sizes));
  const DType dtype = compute_dtype("adaptive_max_pool2d", input.dtype(), Integers::None);
  const Tensor source = dense(input, dtype);
  Tensor out = make_tensor(sizes, dtype, input.device()),
         indices = make_tensor(sizes, DType::Int64, input.device());
  visit_floating(dtype, [&]<class T>() {
    cpu::adaptive_max_pool2d<T>(adaptive_shape(input, out_size), source.data<T>(), out.data<T>(),
                                indices.data<int64_t>());
  });
  return drop_indices(record_maximum("AdaptiveMaxPool2DBackward0", input, out.to(input.dtype()), indices),
                      return_indices);
}

WithIndices adaptive_max_pool1d(const Tensor& input, DimsRef output_size, bool return_indices) {
  check_line("adaptive_max_pool1d", input);
  const WithIndices r = adaptive_max_pool2d(
      input.unsqueeze(-2), {1, one_of("adaptive_max_pool1d", "output_size", output_size)}, true);
  return {squeeze_line(r), return_indices ? squeeze_line(r.indices) : Tensor()};
}

// ---- unpooling

namespace {

// The length along dimension d that `windows` windows cover.
int64_t unpooled_size(int64_t d, int64_t windows, int64_t kernel, int64_t stride, int64_t padding) {
  const __int128 size = __int128{windows - 1} * stride + kernel - __int128{2} * padding;
  RL_CHECK(size <= INT64_MAX && size >= INT64_MIN, "numel: integer multiplication overflow");
  RL_CHECK_AS(ValueError, size >= 0,
              "max_unpooling: output_size must contain non-negative spatial dimensions, but got output_size[",
              d, "]=", static_cast<int64_t>(size));
  return static_cast<int64_t>(size);
}

// Sizes before pooling: as output_size says, if that is near enough, or the least that it can have been.
Dims unpooled_sizes(const Tensor& input, const Dims& kernel, const Dims& stride, const Dims& padding,
                    OptDims output_size) {
  const int64_t spatial = kernel.size(), lead = input.dim() - spatial;
  Dims sizes;
  for (int64_t d = 0; d < spatial; ++d)
    sizes.push_back(unpooled_size(d, input.sizes()[lead + d], kernel[d], stride[d], padding[d]));
  if (!output_size.has_value()) return sizes;
  DimsRef wanted = output_size;
  if (wanted.size() == spatial + 2) wanted = DimsRef(wanted.data() + 2, spatial);
  RL_CHECK_AS(ValueError, wanted.size() == spatial, "output_size should be a sequence containing ", spatial,
              " or ", spatial + 2, " elements, but it has a length of '", output_size.size(), "'");
  for (int64_t d = 0; d < spatial; ++d) {
    RL_CHECK_AS(ValueError, sizes[d] - stride[d] < wanted[d] && wanted[d] < sizes[d] + stride[d],
                "invalid output_size \"", to_string(wanted), "\" (dim ", d, " must be between ",
                sizes[d] - stride[d], " and ", sizes[d] + stride[d], ")");
  }
  return wanted.copy();
}

Tensor unpool(const Tensor& input, const Tensor& indices, int64_t h, int64_t w) {
  RL_CHECK(indices.dtype() == DType::Int64,
           "elements in indices should be type int64 but got: ", info(indices.dtype()).message_name);
  RL_CHECK(indices.sizes() == input.sizes(),
           "Expected shape of indices to be same as that of the input tensor (", to_string(input.sizes()),
           ") but got indices tensor with shape: ", to_string(indices.sizes()));
  const int64_t volume = numel_of({h, w});
  if (volume == 0) return input.narrow(-1, 0, 0).reshape(with_plane(input, h, w));
  const Tensor places = indices.contiguous();
  for (int64_t i = 0; i < places.numel(); ++i) {
    const int64_t place = places.data<int64_t>()[i];
    RL_CHECK(place >= 0 && place < volume, "Found an invalid max index: ", place,
             " (output volumes are of size ", h, "x", w);
  }
  return scatter_into_planes("MaxUnpool2DBackward0", input, places, h, w, Meeting::Last);
}

}  // namespace

Tensor max_unpool2d(const Tensor& input, const Tensor& indices, DimsRef kernel_size, OptDims stride,
                    DimsRef padding, OptDims output_size) {
  RL_CHECK(input.dim() == 3 || input.dim() == 4,
           "Input to max_unpooling2d should be a 3d or 4d Tensor, but got a tensor with ", input.dim(),
           " dimensions");
  const Dims kernel = spread_sizes("max_unpool2d", "kernel_size", "either be ", kernel_size, 2);
  const Dims steps =
      stride.empty() ? kernel : spread_sizes("max_unpool2d", "stride", "either be omitted, ", stride, 2);
  const Dims sizes = unpooled_sizes(
      input, kernel, steps, spread_sizes("max_unpool2d", "padding", "either be ", padding, 2), output_size);
  return unpool(input, indices, sizes[0], sizes[1]);
}

Tensor max_unpool1d(const Tensor& input, const Tensor& indices, DimsRef kernel_size, OptDims stride,
                    DimsRef padding, OptDims output_size) {
  check_line("max_unpool1d", input);
  const int64_t kernel = one_of("max_unpool1d", "kernel_size", kernel_size);
  const Dims sizes =
      unpooled_sizes(input, {kernel}, {stride.empty() ? kernel : stride[0]}, {padding[0]}, output_size);
  return unpool(input.unsqueeze(-1), indices.unsqueeze(-1), sizes[0], 1).squeeze(-1);
}

// ---- norms of windows

namespace {

// Of a mean of powers: the norm of the window of `count` places.
Tensor norm_of_mean(const Tensor& mean, double count, double norm_type) {
  return (mean.sign() * mean.abs().relu() * count).pow(1.0 / norm_type);
}

}  // namespace

Tensor lp_pool2d(const Tensor& input, const Scalar& norm_type, DimsRef kernel_size, OptDims stride,
                 bool ceil_mode) {
  const Dims kernel = spread_sizes("avg_pool2d", "kernel_size", "either be ", kernel_size, 2);
  const Tensor mean = avg_pool2d(input.pow(norm_type), kernel, stride, 0, ceil_mode, true, {});
  return norm_of_mean(mean, static_cast<double>(kernel[0]) * static_cast<double>(kernel[1]),
                      norm_type.to_double());
}

Tensor lp_pool3d(const Tensor& input, const Scalar& norm_type, DimsRef kernel_size, OptDims stride,
                 bool ceil_mode) {
  const Window w = make_window("avg_pool3d", kernel_size, stride, 0, 1, ceil_mode, 3);
  const Tensor mean = avg_pool3d(input.pow(norm_type), w.kernel, w.stride, 0, ceil_mode, true, {});
  double count = 1;
  for (int64_t k : w.kernel) count *= static_cast<double>(k);
  return norm_of_mean(mean, count, norm_type.to_double());
}

Tensor lp_pool1d(const Tensor& input, const Scalar& norm_type, int64_t kernel_size, OptInt stride,
                 bool ceil_mode) {
  const Tensor mean = avg_pool1d(input.pow(norm_type), kernel_size, stride ? OptDims(*stride) : OptDims(), 0,
                                 ceil_mode, true);
  return norm_of_mean(mean, static_cast<double>(kernel_size), norm_type.to_double());
}

}  // namespace nn::functional

Tensor max_pool1d(const Tensor& input, DimsRef kernel_size, OptDims stride, DimsRef padding, DimsRef dilation,
                  bool ceil_mode) {
  return nn::functional::max_pool1d(input, kernel_size, stride, padding, dilation, ceil_mode, false);
}
Tensor max_pool2d(const Tensor& input, DimsRef kernel_size, OptDims stride, DimsRef padding, DimsRef dilation,
                  bool ceil_mode) {
  return nn::functional::max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode, false);
}

}  // namespace rushlight

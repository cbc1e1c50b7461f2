// Pooling in three dimensions. Greatest elements, sums and parts of a box are those of its planes and then of
// the columns across them, so that both steps are pooling in two dimensions.
#include <cmath>

#include "rushlight/ops/ops.h"
#include "rushlight/ops/pool.h"

namespace rushlight::nn::functional {
namespace {

// (N, C, D, H, W) or (C, D, H, W) as (volumes, D, H, W), and results of that kind back.
Tensor as_volumes(const Tensor& x) { return x.dim() == 4 ? x : x.flatten(0, 1); }
Tensor from_volumes(const Tensor& y, const Tensor& like) {
  return like.dim() == 4 ? y : y.unflatten(0, {like.sizes()[0], like.sizes()[1]});
}
// (volumes, D, H, W) as (volumes, 1, D, H W): one plane whose columns run across the planes.
Tensor as_columns(const Tensor& y) { return y.flatten(2, 3).unsqueeze(1); }
Tensor from_columns(const Tensor& y, int64_t h, int64_t w) { return y.squeeze(1).unflatten(2, {h, w}); }

// The two steps of a window.
Dims of_plane(const Dims& d) { return {d[1], d[2]}; }
Dims across(const Dims& d, int64_t other) { return {d[0], other}; }

struct Sizes {
  int64_t d, h, w;
};

Sizes input_sizes(const Tensor& x) { return {x.size(-3), x.size(-2), x.size(-1)}; }

void check_volume(const char* name, const Tensor& x) {
  RL_CHECK(x.dim() == 4 || x.dim() == 5, "non-empty 4D or 5D (batch mode) tensor expected for input");
  for (int64_t d = x.dim() == 5 ? 1 : 0; d < x.dim(); ++d) {
    RL_CHECK(x.sizes()[d] > 0, name,
             "(): Expected input's non-batch dimensions to have positive length, but input has a shape of ",
             to_string(x.sizes()), " and non-batch dimension ", d - (x.dim() == 5), " has length zero!");
  }
}

void check_window(const Window& w) {
  const Dims &k = w.kernel, &s = w.stride, &l = w.dilation;
  RL_CHECK(k[0] > 0 && k[1] > 0 && k[2] > 0, "kernel size should be greater than zero, but got kT: ", k[0],
           " kH: ", k[1], " kW: ", k[2]);
  RL_CHECK(s[0] > 0 && s[1] > 0 && s[2] > 0, "stride should be greater than zero, but got dT: ", s[0],
           " dH: ", s[1], " dW: ", s[2]);
  RL_CHECK(l[0] > 0 && l[1] > 0 && l[2] > 0,
           "dilation should be greater than zero, but got dilationT: ", l[0], " dilationH: ", l[1],
           " dilationW: ", l[2]);
}

Sizes pooled_sizes(const Window& w, const Tensor& x) {
  const Sizes in = input_sizes(x);
  const Sizes out{pooled_size(w, 0, in.d), pooled_size(w, 1, in.h), pooled_size(w, 2, in.w)};
  check_window(w);
  const int64_t channels = x.size(-4);
  RL_CHECK(out.d >= 1 && out.h >= 1 && out.w >= 1, "Given input size: (", channels, "x", in.d, "x", in.h, "x",
           in.w, "). Calculated output size: (", channels, "x", out.d, "x", out.h, "x", out.w,
           "). Output size is too small");
  return out;
}

void check_kind(const char* kernel, const Tensor& x, bool fits) {
  RL_CHECK_AS(NotImplementedError, fits, "\"", kernel, "\" not implemented for '",
              info(x.dtype()).message_name, "'");
}

// Halves wait for the end of both steps before they are rounded.
Tensor widened(const Tensor& x) {
  return x.dtype() == DType::Float16 || x.dtype() == DType::BFloat16 ? x.to(DType::Float32) : x;
}

// Places in planes, and then in columns of those, as places in the volume.
Tensor volume_indices(const WithIndices& planes, const WithIndices& columns, const Sizes& in) {
  const Tensor inside = planes.indices.flatten(1), chosen = columns.indices.flatten(1);
  const int64_t width = planes.indices.size(-1) * planes.indices.size(-2);
  const Tensor place = inside.gather(1, chosen) + chosen.floor_divide(width) * (in.h * in.w);
  return place.view(columns.indices.sizes());
}

// How many elements the windows along one dimension hold; with `padded`, those of the padding too.
Tensor window_counts(const Window& w, int d, int64_t size, int64_t windows, bool padded) {
  Tensor out = make_tensor(windows, DType::Int64);
  const int64_t pad = w.padding[d];
  for (int64_t i = 0; i < windows; ++i) {
    const int64_t begin = i * w.stride[d] - pad, end = std::min(begin + w.kernel[d], size + pad);
    out.data<int64_t>()[i] = padded ? end - begin : std::min(end, size) - std::max<int64_t>(begin, 0);
  }
  return out;
}

// What the sum of each window is divided by, (D, H, W).
Tensor window_volumes(const Window& w, const Sizes& in, const Sizes& out, bool padded) {
  return window_counts(w, 0, in.d, out.d, padded).view({out.d, 1, 1}) *
         window_counts(w, 1, in.h, out.h, padded).view({out.h, 1}) * window_counts(w, 2, in.w, out.w, padded);
}

struct Extent3 {
  Sizes sizes;
  explicit Extent3(const char* message, const Extents& wanted, const Tensor& x) {
    RL_CHECK(wanted.sizes.size() == 1 || wanted.sizes.size() == 3, message);
    auto size = [&](int i) { return wanted.sizes[wanted.sizes.size() == 1 ? 0 : i].value_or(x.size(i - 3)); };
    sizes = {size(0), size(1), size(2)};
  }
};

void check_adaptive(const char* name, const Tensor& x, const char* colon) {
  RL_CHECK(x.dim() == 4 || x.dim() == 5, name, "(): Expected 4D or 5D tensor, but got", colon, " ",
           to_string(x.sizes()));
  for (int64_t d = x.dim() == 5 ? 1 : 0; d < x.dim(); ++d) {
    RL_CHECK(x.sizes()[d] > 0, name,
             "(): Expected input to have non-zero size for non-batch dimensions, but input has sizes ",
             to_string(x.sizes()), " with dimension ", d, " being empty");
  }
}

WithIndices pooled_maxima(const WithIndices& planes, const WithIndices& columns, const Tensor& input,
                          int64_t h, int64_t w, bool return_indices) {
  const Tensor values = from_volumes(from_columns(columns, h, w), input).to(input.dtype());
  if (!return_indices) return values;
  const Tensor places = volume_indices(planes, columns, input_sizes(input));
  return {values, from_volumes(from_columns(places, h, w), input)};
}

}  // namespace

WithIndices max_pool3d(const Tensor& input, DimsRef kernel_size, OptDims stride, DimsRef padding,
                       DimsRef dilation, bool ceil_mode, bool return_indices) {
  const Window w = make_window("max_pool3d", kernel_size, stride, padding, dilation, ceil_mode, 3);
  check_volume("max_pool3d_with_indices_out_cpu_template", input);
  const Sizes out = pooled_sizes(w, input);
  check_kind("max_pool3d", input, is_floating(input.dtype()) || is_integral(input.dtype(), false));
  const WithIndices planes = max_pool2d(as_volumes(input), of_plane(w.kernel), of_plane(w.stride),
                                        of_plane(w.padding), of_plane(w.dilation), ceil_mode, return_indices);
  const WithIndices columns =
      max_pool2d(as_columns(planes), across(w.kernel, 1), across(w.stride, 1), across(w.padding, 0),
                 across(w.dilation, 1), ceil_mode, return_indices);
  return pooled_maxima(planes, columns, input, out.h, out.w, return_indices);
}

Tensor avg_pool3d(const Tensor& input, DimsRef kernel_size, OptDims stride, DimsRef padding, bool ceil_mode,
                  bool count_include_pad, OptInt divisor_override) {
  const Window w = make_window("avg_pool3d", kernel_size, stride, padding, 1, ceil_mode, 3);
  RL_CHECK(!divisor_override || *divisor_override != 0, "divisor must be not zero");
  check_volume("avg_pool3d", input);
  const Sizes in = input_sizes(input);
  RL_CHECK(ceil_mode || (in.d + 2 * w.padding[0] >= w.kernel[0] && in.h + 2 * w.padding[1] >= w.kernel[1] &&
                         in.w + 2 * w.padding[2] >= w.kernel[2]),
           "input image (T: ", in.d, " H: ", in.h, " W: ", in.w,
           ") smaller than kernel size (kT: ", w.kernel[0], " kH: ", w.kernel[1], " kW: ", w.kernel[2], ")");
  const Sizes out = pooled_sizes(w, input);
  check_kind(
      "avg_pool3d_out_frame", input,
      input.dtype() == DType::Float32 || input.dtype() == DType::Float64 || input.dtype() == DType::Int64);
  const OptInt sum = 1;  // a divisor
  const Tensor planes = avg_pool2d(as_volumes(input), of_plane(w.kernel), of_plane(w.stride),
                                   of_plane(w.padding), ceil_mode, count_include_pad, sum);
  const Tensor columns = avg_pool2d(as_columns(planes), across(w.kernel, 1), across(w.stride, 1),
                                    across(w.padding, 0), ceil_mode, count_include_pad, sum);
  const Tensor sums = from_volumes(from_columns(columns, out.h, out.w), input);
  const Tensor divisor =
      divisor_override ? full({}, *divisor_override) : window_volumes(w, in, out, count_include_pad);
  if (input.dtype() == DType::Int64) return sums.div(divisor, "trunc");
  return sums.div(divisor.to(input.dtype()));
}

Tensor adaptive_avg_pool3d(const Tensor& input, const Extents& output_size) {
  check_extents(output_size, input);
  RL_CHECK(input.dim() == 4 || input.dim() == 5, "adaptive_avg_pool3d(): Expected 4D or 5D tensor, but got ",
           to_string(input.sizes()));
  const Sizes out = Extent3("adaptive_avg_pool3d: output_size must be 3", output_size, input).sizes;
  RL_CHECK(out.d >= 0 && out.h >= 0 && out.w >= 0,
           "adaptive_avg_pool3d: elements of output_size must be greater than or equal to 0 but received {",
           out.d, ", ", out.h, ",", out.w, "}");
  if (out.d == 1 && out.h == 1 && out.w == 1) return input.mean({-1, -2, -3}, true);
  check_adaptive("adaptive_avg_pool3d", input, "");
  check_kind("adaptive_avg_pool3d_cpu", input, is_floating(input.dtype()));
  const Tensor planes = adaptive_avg_pool2d(as_volumes(widened(input)), {out.h, out.w});
  const Tensor columns = adaptive_avg_pool2d(as_columns(planes), {out.d, out.h * out.w});
  return from_volumes(from_columns(columns, out.h, out.w), input).to(input.dtype());
}

WithIndices adaptive_max_pool3d(const Tensor& input, const Extents& output_size, bool return_indices) {
  check_extents(output_size, input);
  check_adaptive("adaptive_max_pool3d", input, ":");
  const Sizes out =
      Extent3("adaptive_max_pool3d(): internal error: output_size.size() must be 3", output_size, input)
          .sizes;
  Dims sizes(input.sizes().data(), input.dim() - 3);
  for (int64_t d : {out.d, out.h, out.w}) sizes.push_back(d);
  for (int64_t d : {out.d, out.h, out.w})
    RL_CHECK(d >= 0, "Trying to create tensor with negative dimension ", d, ": ", to_string(sizes));
  check_kind("adaptive_max_pool3d_cpu", input, is_floating(input.dtype()));
  const WithIndices planes = adaptive_max_pool2d(as_volumes(input), {out.h, out.w}, true);
  const WithIndices columns = adaptive_max_pool2d(as_columns(planes), {out.d, out.h * out.w}, true);
  return pooled_maxima(planes, columns, input, out.h, out.w, return_indices);
}

}  // namespace rushlight::nn::functional

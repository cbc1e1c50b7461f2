// Resizing: every mode but 'area' is a weighted sum of a few places along each dimension, one dimension after
// the other.
#include <algorithm>
#include <cmath>
#include <memory>
#include <vector>

#include "rushlight/kernels/cpu/resample.h"
#include "rushlight/ops/linear_map.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

// For each place of the output along one dimension, `taps` places of the input and their weights.
struct Axis {
  int64_t in_size, out_size, taps;
  std::vector<int64_t> index;
  std::vector<double> weight;
};

enum class Mode : uint8_t { Nearest, NearestExact, Linear, Cubic, Area };

struct ModeInfo {
  const char* name;
  Mode mode;
  int64_t rank;                       // of the input; 0: any
  const char* nodes[3];               // for one, two and three dimensions
  const char* smooth_node = nullptr;  // with antialias
};
constexpr ModeInfo kModes[] = {
    {"nearest",
     Mode::Nearest,
     0,
     {"UpsampleNearest1DBackward0", "UpsampleNearest2DBackward0", "UpsampleNearest3DBackward0"}},
    {"nearest-exact",
     Mode::NearestExact,
     0,
     {"UpsampleNearestExact1DBackward0", "UpsampleNearestExact2DBackward0",
      "UpsampleNearestExact3DBackward0"}},
    {"linear", Mode::Linear, 3, {"UpsampleLinear1DBackward0", nullptr, nullptr}},
    {"bilinear",
     Mode::Linear,
     4,
     {nullptr, "UpsampleBilinear2DBackward0", nullptr},
     "UpsampleBilinear2DAaBackward0"},
    {"trilinear", Mode::Linear, 5, {nullptr, nullptr, "UpsampleTrilinear3DBackward0"}},
    {"bicubic",
     Mode::Cubic,
     4,
     {nullptr, "UpsampleBicubic2DBackward0", nullptr},
     "UpsampleBicubic2DAaBackward0"},
    {"area", Mode::Area, 0, {}},
};

// The cubic convolution of R. Keys (1981) with a = -0.75, at distances 1 + t, t, 1 - t, 2 - t.
template <class T>
void cubic_weights(T t, double* out) {
  constexpr T a = T(-0.75);
  const auto near = [](T d) { return ((a + 2) * d - (a + 3)) * d * d + 1; };
  const auto far = [](T d) { return ((a * d - 5 * a) * d + 8 * a) * d - 4 * a; };
  out[0] = far(t + 1), out[1] = near(t), out[2] = near(1 - t), out[3] = far(2 - t);
}

// How many places of the input one place of the output stands for. T is what PyTorch computes coordinates in:
// float but for doubles.
template <class T>
T scale_of(int64_t in, int64_t out, bool align, double factor) {
  if (align) return out > 1 ? static_cast<T>(in - 1) / static_cast<T>(out - 1) : T(0);
  return factor > 0 ? static_cast<T>(1.0 / factor) : static_cast<T>(in) / static_cast<T>(out);
}

template <class T>
Axis make_axis(Mode mode, int64_t in, int64_t out, bool align, double factor) {
  const int64_t taps = mode == Mode::Linear ? 2 : mode == Mode::Cubic ? 4 : 1;
  Axis axis{in, out, taps, {}, {}};
  axis.index.resize(out * taps);
  axis.weight.assign(out * taps, 1.0);
  const T scale = scale_of<T>(in, out, align, factor);
  for (int64_t i = 0; i < out; ++i) {
    const T place = static_cast<T>(i);
    int64_t* index = &axis.index[i * taps];
    double* weight = &axis.weight[i * taps];
    if (taps == 1) {
      const T source = mode == Mode::Nearest ? place * scale : (place + T(0.5)) * scale;
      index[0] = std::clamp<int64_t>(static_cast<int64_t>(std::floor(source)), 0, in - 1);
      continue;
    }
    T source = align ? scale * place : scale * (place + T(0.5)) - T(0.5);
    if (mode == Mode::Linear) source = std::max(source, T(0));
    const int64_t first = std::min(static_cast<int64_t>(std::floor(source)), in - 1);
    const T rest = std::clamp(source - static_cast<T>(first), T(0), T(1));
    if (mode == Mode::Linear) {
      index[0] = first;
      index[1] = std::min(first + 1, in - 1);
      weight[0] = T(1) - rest;
      weight[1] = rest;
    } else {
      for (int64_t k = 0; k < 4; ++k) index[k] = std::clamp<int64_t>(first - 1 + k, 0, in - 1);
      cubic_weights<T>(rest, weight);
    }
  }
  return axis;
}

// The same with the filter widened to the scale, so that every place of the input counts when sizes shrink:
// PIL's and PyTorch's antialias. Weights are those of the triangle or of Keys' cubic with a = -0.5, and sum
// to one.
template <class T>
Axis make_smooth_axis(Mode mode, int64_t in, int64_t out, bool align, double factor) {
  if (in == out) factor = 0;  // nothing to do, whatever was asked for
  const T scale = scale_of<T>(in, out, align, factor), widen = std::max(scale, T(1));
  const T reach = (mode == Mode::Linear ? T(1) : T(2)) * widen;
  const auto filter = [mode](T d) {
    constexpr T a = T(-0.5);
    d = std::abs(d);
    if (mode == Mode::Linear) return std::max(T(1) - d, T(0));
    if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
    return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : T(0);
  };
  Axis axis{in, out, std::min(in, 2 * static_cast<int64_t>(std::ceil(reach)) + 1), {}, {}};
  axis.index.resize(out * axis.taps);
  axis.weight.assign(out * axis.taps, 0.0);  // rows at the border use fewer taps
  for (int64_t i = 0; i < out; ++i) {
    const T center = scale * (static_cast<T>(i) + T(0.5));
    const int64_t first = std::clamp<int64_t>(static_cast<int64_t>(center - reach + T(0.5)), 0, in - 1);
    const int64_t last = std::min(static_cast<int64_t>(center + reach + T(0.5)), in);
    const int64_t used = std::clamp<int64_t>(last - first, 1, axis.taps);
    double* weight = &axis.weight[i * axis.taps];
    double total = 0;
    for (int64_t k = 0; k < used; ++k)
      total += weight[k] = filter((static_cast<T>(first + k) - center + T(0.5)) / widen);
    for (int64_t k = 0; k < axis.taps; ++k) {
      axis.index[i * axis.taps + k] = first + std::min(k, used - 1);
      if (total != 0) weight[k] = static_cast<T>(weight[k] / total);
    }
  }
  return axis;
}

struct Resample {
  std::shared_ptr<const std::vector<Axis>> axes;  // of the last dimensions
  const char* node;

  const char* name(bool) const { return node; }

  Tensor apply(const Tensor& x, bool transposed) const {
    const DType dtype =
        x.dtype() == DType::Float64 || !is_floating(x.dtype()) ? DType::Float64 : DType::Float32;
    Tensor out = x.detach().to(dtype).contiguous();
    const int64_t lead = x.dim() - static_cast<int64_t>(axes->size());
    for (size_t step = 0; step < axes->size(); ++step) {
      // The last dimension first: its gathers are the slow part, and the tensor grows with each step (or
      // shrinks, on the way back).
      const size_t k = transposed ? step : axes->size() - 1 - step;
      const Axis& axis = (*axes)[k];
      const int64_t d = lead + static_cast<int64_t>(k);
      Dims sizes = out.sizes();
      sizes[d] = transposed ? axis.in_size : axis.out_size;
      const Tensor next = make_tensor(sizes, dtype, x.device());
      const cpu::AxisShape shape{numel_of(DimsRef(sizes.data(), d)), axis.in_size, axis.out_size,
                                 numel_of(DimsRef(sizes.data() + d + 1, sizes.size() - d - 1)), axis.taps};
      const auto run = [&]<class T>() {
        const auto f = transposed ? cpu::resample_axis_transposed<T> : cpu::resample_axis<T>;
        f(shape, axis.index.data(), axis.weight.data(), out.data<T>(), next.data<T>());
      };
      if (dtype == DType::Float32) run.template operator()<float>();
      else run.template operator()<double>();
      out = next;
    }
    return out.to(x.dtype());
  }
};

const ModeInfo* find_mode(String name) {
  for (const ModeInfo& m : kModes)
    if (name == m.name) return &m;
  return nullptr;
}

void check_mode(const Tensor& input, String name, const ModeInfo* mode) {
  const int64_t rank = input.dim();
  RL_CHECK_AS(NotImplementedError, mode && rank >= 3 && rank <= 5,
              "Input Error: Only 3D, 4D and 5D input Tensors supported (got ", rank,
              "D) for the modes: nearest | linear | bilinear | bicubic | trilinear | lanczos | area | "
              "nearest-exact (got ",
              name, ")");
  RL_CHECK_AS(NotImplementedError, mode->rank == 0 || mode->rank == rank, "Got ", rank, "D input, but ", name,
              " mode needs ", mode->rank, "D input");
}

std::string list_text(DimsRef values, const char* open, const char* close) {
  std::string out;
  for (int64_t v : values) out += concat(out.empty() ? "" : ", ", v);
  return concat(open, out, values.size() == 1 && open[0] == '(' ? "," : "", close);
}

struct Target {
  Dims sizes;
  std::vector<double> factors;  // 0: from the sizes
};

Target target_of(const Tensor& input, OptDims size, const OptDoubles& scale_factor, bool recompute) {
  const int64_t spatial = input.dim() - 2;
  const DimsRef sizes(input.sizes().data() + 2, spatial);
  RL_CHECK_AS(ValueError, !(size.has_value() && scale_factor.has_value()),
              "only one of size or scale_factor should be defined");
  RL_CHECK_AS(ValueError, size.has_value() || scale_factor.has_value(),
              "either size or scale_factor should be defined");
  Target out{{}, std::vector<double>(spatial, 0.0)};
  if (size.has_value()) {
    RL_CHECK_AS(ValueError, !recompute, "recompute_scale_factor is not meaningful with an explicit size.");
    RL_CHECK_AS(ValueError, size.size() == 1 || size.size() == spatial,
                "Input and output must have the same number of spatial dimensions, but got input with "
                "spatial dimensions of ",
                list_text(sizes, "[", "]"), " and output size of ", list_text(size, "(", ")"),
                ". Please provide input tensor in (N, C, d1, d2, ...,dK) format and output size in (o1, o2, "
                "...,oK) format.");
    for (int64_t d = 0; d < spatial; ++d) out.sizes.push_back(size[size.size() == 1 ? 0 : d]);
    return out;
  }
  const std::vector<double>& factors = scale_factor.values;
  if (factors.size() != 1 && static_cast<int64_t>(factors.size()) != spatial) {
    std::string shown;
    for (double f : factors) shown += concat(shown.empty() ? "" : ", ", f);
    throw_error<ValueError>(
        "Input and scale_factor must have the same number of spatial dimensions, but got input with spatial "
        "dimensions of ",
        list_text(sizes, "[", "]"), " and scale_factor of shape (", shown,
        "). Please provide input tensor in (N, C, d1, d2, ...,dK) format and scale_factor in (s1, s2, "
        "...,sK) format.");
  }
  for (int64_t d = 0; d < spatial; ++d) {
    const double factor = factors[factors.size() == 1 ? 0 : d],
                 wanted = std::floor(static_cast<double>(sizes[d]) * factor);
    RL_CHECK(wanted < 9e18 && wanted > -9e18, "numel: integer multiplication overflow");
    out.sizes.push_back(static_cast<int64_t>(wanted));
    if (!recompute) out.factors[d] = factor;
  }
  return out;
}

std::string shown_sizes(DimsRef sizes) {
  static constexpr const char* kNames[] = {"W", "H", "D"};
  std::string out;
  for (int64_t d = 0; d < sizes.size(); ++d)
    out += concat(out.empty() ? "" : ", ", kNames[sizes.size() - 1 - d], ": ", sizes[d]);
  return out;
}

void check_sizes(const Tensor& input, const Dims& out) {
  const DimsRef in(input.sizes().data() + 2, out.size());
  bool positive = true;
  for (int64_t d = 0; d < out.size(); ++d) positive &= in[d] > 0 && out[d] > 0;
  RL_CHECK(positive, "Input and output sizes should be greater than 0, but got input (", shown_sizes(in),
           ") output (", shown_sizes(out), ")");
  RL_CHECK(input.sizes()[1] > 0, "Non-empty ", input.dim(),
           "D data tensor expected but got a tensor with sizes ", to_string(input.sizes()));
  Dims all{input.sizes()[0], input.sizes()[1]};
  for (int64_t s : out) all.push_back(s);
  numel_of(all);
}

}  // namespace

namespace nn::functional {

Tensor interpolate(const Tensor& input, OptDims size, const OptDoubles& scale_factor, String mode_name,
                   OptBool align_corners, OptBool recompute, bool antialias) {
  const ModeInfo* mode = find_mode(mode_name);
  const bool aligns = mode && (mode->mode == Mode::Linear || mode->mode == Mode::Cubic);
  RL_CHECK_AS(ValueError, aligns || !align_corners || mode == nullptr,
              "align_corners option can only be set with the interpolating modes: linear | bilinear | "
              "bicubic | trilinear");
  if (input.dim() < 3 || input.dim() > 5) check_mode(input, mode_name, mode);
  const Target target = target_of(input, size, scale_factor, recompute.value_or(false));
  const bool smooth = antialias && mode && mode->rank == 4;
  RL_CHECK_AS(ValueError, !antialias || smooth,
              "Anti-alias option is restricted to bilinear, bicubic, and lanczos modes and requires a 4-D "
              "tensor as input");
  check_mode(input, mode_name, mode);
  const int64_t spatial = target.sizes.size();
  if (mode->mode == Mode::Area) {
    if (spatial == 1) return adaptive_avg_pool1d(input, target.sizes);
    if (spatial == 2) return adaptive_avg_pool2d(input, Extents{target.sizes[0], target.sizes[1]});
    return adaptive_avg_pool3d(input, Extents{target.sizes[0], target.sizes[1], target.sizes[2]});
  }
  check_sizes(input, target.sizes);
  RL_CHECK_AS(NotImplementedError, is_floating(input.dtype()) || (input.dtype() == DType::UInt8 && !aligns),
              "\"upsample_",
              mode->mode == Mode::Linear  ? "bilinear2d"
              : mode->mode == Mode::Cubic ? "bicubic2d"
                                          : "nearest2d",
              "_channels_last\" not implemented for '", info(input.dtype()).message_name, "'");
  RL_CHECK_AS(
      NotImplementedError, !smooth || input.dtype() == DType::Float32 || input.dtype() == DType::Float64,
      "\"compute_index_ranges_weights\" not implemented for '", info(input.dtype()).message_name, "'");
  auto axes = std::make_shared<std::vector<Axis>>();
  for (int64_t d = 0; d < spatial; ++d) {
    const bool wide = input.dtype() == DType::Float64;
    const auto make = smooth ? (wide ? make_smooth_axis<double> : make_smooth_axis<float>)
                             : (wide ? make_axis<double> : make_axis<float>);
    axes->push_back(make(mode->mode, input.sizes()[d + 2], target.sizes[d], align_corners.value_or(false),
                         target.factors[d]));
  }
  return apply_linear(Resample{std::move(axes), smooth ? mode->smooth_node : mode->nodes[spatial - 1]},
                      input);
}

}  // namespace nn::functional
}  // namespace rushlight

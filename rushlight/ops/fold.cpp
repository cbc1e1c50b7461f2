// The windows of a convolution as columns, and back.
#include "rushlight/kernels/cpu/resample.h"
#include "rushlight/ops/linear_map.h"
#include "rushlight/ops/ops.h"

namespace rushlight {
namespace {

struct Windows {
  cpu::WindowShape shape;
  Dims planes, columns;  // sizes of either side
  bool folds;            // the forward map adds columns up

  const char* name(bool transposed) const {
    return transposed == folds ? "Im2ColBackward0" : "Col2ImBackward0";
  }
  Tensor apply(const Tensor& x, bool transposed) const {
    if (is_complex(x.dtype()))
      return complex(apply(real(x.detach()), transposed), apply(imag(x.detach()), transposed));
    RL_CHECK_AS(NotImplementedError, is_floating(x.dtype()) || x.dtype() == DType::Bool, "\"",
                folds ? "col2im" : "im2col", "_out_cpu\" not implemented for '", info(x.dtype()).message_name,
                "'");
    const DType dtype = x.dtype() == DType::Float64 ? x.dtype() : DType::Float32;
    const Tensor source = x.detach().to(dtype).contiguous();
    const bool to_planes = folds != transposed;
    Tensor out = make_tensor(to_planes ? planes : columns, dtype, x.device());
    const auto run = [&]<class T>() {
      const auto f = to_planes ? cpu::fold_columns<T> : cpu::unfold_planes<T>;
      f(shape, source.data<T>(), out.data<T>());
    };
    if (dtype == DType::Float32) run.template operator()<float>();
    else run.template operator()<double>();
    return out.to(x.dtype());
  }
};

Dims pair_of(const char* what, DimsRef given) {
  RL_CHECK(given.size() == 1 || given.size() == 2, "It is expected ", what, " equals to 2, but got size ",
           given.size());
  return {given[0], given.back()};
}

std::string pair_text(const Dims& d) { return concat("(", d[0], ", ", d[1], ")"); }

struct Parameters {
  Dims kernel, dilation, padding, stride;
};

Parameters make_parameters(DimsRef kernel_size, DimsRef dilation, DimsRef padding, DimsRef stride) {
  Parameters p{pair_of("kernel_size", kernel_size), pair_of("dilation", dilation),
               pair_of("padding", padding), pair_of("stride", stride)};
  const auto all = [](const Dims& d, int64_t least) {
    return d[0] >= least && d[1] >= least && d[0] <= INT32_MAX && d[1] <= INT32_MAX;
  };
  const auto check = [](bool fits, const char* what, const char* rule, const char* name, const Dims& d) {
    RL_CHECK(fits, what, " should be ", rule, ", but got ", name, "_height: ", d[0], " ", name,
             "_width: ", d[1]);
  };
  check(all(p.kernel, 1), "kernel size", "greater than zero", "kernel", p.kernel);
  check(all(p.dilation, 1), "dilation", "greater than zero", "dilation", p.dilation);
  check(all(p.padding, 0), "padding", "non-negative", "pad", p.padding);
  check(all(p.stride, 1), "stride", "greater than zero", "stride", p.stride);
  return p;
}

// How many windows fit along dimension d; rounded down, also below zero.
int64_t window_count(const Parameters& p, int d, int64_t size) {
  const int64_t room = size + 2 * p.padding[d] - (p.dilation[d] * (p.kernel[d] - 1) + 1);
  return (room >= 0 ? room / p.stride[d] : -((-room + p.stride[d] - 1) / p.stride[d])) + 1;
}

cpu::WindowShape make_shape(const Parameters& p, int64_t planes, int64_t in_h, int64_t in_w, int64_t out_h,
                            int64_t out_w) {
  return {planes,      in_h,        in_w,         out_h,        out_w,         p.kernel[0],  p.kernel[1],
          p.stride[0], p.stride[1], p.padding[0], p.padding[1], p.dilation[0], p.dilation[1]};
}

}  // namespace

namespace nn::functional {

Tensor unfold(const Tensor& input, DimsRef kernel_size, DimsRef dilation, DimsRef padding, DimsRef stride) {
  const Parameters p = make_parameters(kernel_size, dilation, padding, stride);
  const int64_t rank = input.dim();
  RL_CHECK_AS(IndexError, rank != 2,
              "Dimension out of range (expected to be in range of [-2, 1], but got 2)");
  bool filled = rank == 3 || rank == 4;
  for (int64_t d = rank == 4 ? 1 : 0; d < rank; ++d) filled &= input.sizes()[d] > 0;
  RL_CHECK(filled,
           "Expected 3D or 4D (batch mode) tensor with possibly 0 batch size and other non-zero dimensions "
           "for input, but got: ",
           to_string(input.sizes()));
  const int64_t channels = input.size(-3), h = input.size(-2), w = input.size(-1);
  const int64_t out_h = window_count(p, 0, h), out_w = window_count(p, 1, w);
  RL_CHECK(out_h >= 1 && out_w >= 1, "Given input with spatial size (", h, ", ", w,
           "), kernel_size=", pair_text(p.kernel), ", dilation=", pair_text(p.dilation),
           ", padding=", pair_text(p.padding), ", calculated shape of the array of sliding blocks as (",
           out_h, ", ", out_w, "), but its components must be at least one.");
  Dims columns(input.sizes().data(), rank - 3);
  columns.push_back(numel_of({channels, p.kernel[0], p.kernel[1]}));
  columns.push_back(numel_of({out_h, out_w}));
  const int64_t batch = rank == 4 ? input.sizes()[0] : 1;
  return apply_linear(
      Windows{make_shape(p, batch * channels, h, w, out_h, out_w), input.sizes(), columns, false}, input);
}

Tensor fold(const Tensor& input, DimsRef output_size, DimsRef kernel_size, DimsRef dilation, DimsRef padding,
            DimsRef stride) {
  const Dims size = pair_of("output_size", output_size);
  const Parameters p = make_parameters(kernel_size, dilation, padding, stride);
  const int64_t rank = input.dim();
  bool filled = rank == 2 || rank == 3;
  for (int64_t d = rank == 3 ? 1 : 0; d < rank; ++d) filled &= input.sizes()[d] > 0;
  RL_CHECK(filled,
           "Expected 2D or 3D (batch mode) tensor for input with possibly 0 batch size and non-zero "
           "dimensions for input, but got: ",
           to_string(input.sizes()));
  const int64_t rows = input.size(-2), blocks = input.size(-1), window = p.kernel[0] * p.kernel[1];
  RL_CHECK(rows % window == 0,
           "Expected size of input's dimension 1 to be divisible by the product of kernel_size, but got "
           "input.size(1)=",
           rows, " and kernel_size=", pair_text(p.kernel), ".");
  const int64_t out_h = window_count(p, 0, size[0]), out_w = window_count(p, 1, size[1]);
  RL_CHECK(out_h * out_w == blocks, "Given output_size=", pair_text(size),
           ", kernel_size=", pair_text(p.kernel), ", dilation=", pair_text(p.dilation),
           ", padding=", pair_text(p.padding), ", stride=", pair_text(p.stride),
           ", expected size of input's dimension 2 to match the calculated number of sliding blocks ", out_h,
           " * ", out_w, " = ", out_h * out_w, ", but got input.size(2)=", blocks, ".");
  RL_CHECK(out_h >= 1 && out_w >= 1 && size[0] > 0 && size[1] > 0,
           "Expected output spatial size to be positive, but got: output_size=", pair_text(size), ".");
  Dims planes(input.sizes().data(), rank - 2);
  for (int64_t s : {rows / window, size[0], size[1]}) planes.push_back(s);
  const int64_t batch = rank == 3 ? input.sizes()[0] : 1;
  return apply_linear(Windows{make_shape(p, batch * (rows / window), size[0], size[1], out_h, out_w), planes,
                              input.sizes(), true},
                      input);
}

}  // namespace nn::functional
}  // namespace rushlight

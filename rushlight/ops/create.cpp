// Making tensors: constants, sequences, index triangles.
#include <algorithm>
#include <cmath>

#include "rushlight/core/warning.h"
#include "rushlight/kernels/cpu/sequence.h"
#include "rushlight/ops/memory.h"
#include "rushlight/ops/pointwise.h"

namespace rushlight {
namespace {

Tensor finish(const Tensor& t, bool requires_grad) {
  RL_CHECK(!requires_grad || is_inexact(t.dtype()),
           "Only Tensors of floating point and complex dtype can require gradients");
  begin_versions(t);
  if (requires_grad) t.set_requires_grad(true);
  return t;
}

Tensor made(DimsRef size, OptDType dtype, OptDevice device) {
  return make_tensor(size, dtype.value_or(default_dtype()), device.value_or(Device()));
}

Tensor made_like(const Tensor& model, OptDType dtype, OptDevice device, OptMemoryFormat format) {
  RL_CHECK_AS(AssertionError, !device || !device->is_cuda(), "Torch not compiled with CUDA enabled");
  return make_tensor_like(model, dtype.value_or(model.dtype()), format.value_or(MemoryFormat::Preserve));
}

// The dtype that a number alone chooses.
DType dtype_of_number(const Scalar& s) {
  switch (s.category()) {
    case Category::Boolean: return DType::Bool;
    case Category::Integer: return DType::Int64;
    case Category::Floating: return default_dtype();
    default: return to_complex(default_dtype());
  }
}

}  // namespace

Tensor empty(DimsRef size, OptDType dtype, OptDevice device, bool requires_grad,
             OptMemoryFormat memory_format) {
  Tensor out = made(size, dtype, device);
  if (memory_format && *memory_format != MemoryFormat::Contiguous) {
    RL_CHECK(*memory_format != MemoryFormat::Preserve, "unsupported memory format Preserve");
    out.impl()->set_geometry(size.copy(), strides_of(size, *memory_format), 0);
  }
  return finish(out, requires_grad);
}

Tensor empty_strided(DimsRef size, DimsRef stride, OptDType dtype, OptDevice device, bool requires_grad) {
  RL_CHECK(size.size() == stride.size(), "dimensionality of sizes (", size.size(),
           ") must match dimensionality of strides (", stride.size(), ")");
  for (int64_t s : size)
    RL_CHECK(s >= 0, "Trying to create tensor with negative dimension ", s, ": ", to_string(size));
  int64_t last = 0;
  bool overflow = false;
  const bool none = numel_of(size) == 0;
  for (int64_t d = 0; d < size.size() && !none; ++d) {
    int64_t reach;
    overflow |= stride[d] < 0 || __builtin_mul_overflow(size[d] - 1, stride[d], &reach) ||
                __builtin_add_overflow(last, reach, &last);
  }
  overflow = overflow || last == INT64_MAX;
  RL_CHECK(!overflow, "Storage size calculation overflowed with sizes=", to_string(size),
           " and strides=", to_string(stride));
  Tensor out = made(none ? 0 : last + 1, dtype, device);
  out.impl()->set_geometry(size.copy(), stride.copy(), 0);
  return finish(out, requires_grad);
}

Tensor zeros(DimsRef size, OptDType dtype, OptDevice device, bool requires_grad) {
  for (int64_t s : size) RL_CHECK(s >= 0, "zeros: Dimension size must be non-negative.");
  return finish(made(size, dtype, device).zero_(), requires_grad);
}
Tensor ones(DimsRef size, OptDType dtype, OptDevice device, bool requires_grad) {
  return finish(made(size, dtype, device).fill_(1), requires_grad);
}
Tensor full(DimsRef size, const Scalar& fill_value, OptDType dtype, OptDevice device, bool requires_grad) {
  return finish(made(size, dtype.value_or(dtype_of_number(fill_value)), device).fill_(fill_value),
                requires_grad);
}

Tensor empty_like(const Tensor& input, OptDType dtype, OptDevice device, bool requires_grad,
                  OptMemoryFormat format) {
  return finish(made_like(input, dtype, device, format), requires_grad);
}
Tensor zeros_like(const Tensor& input, OptDType dtype, OptDevice device, bool requires_grad,
                  OptMemoryFormat format) {
  return finish(made_like(input, dtype, device, format).zero_(), requires_grad);
}
Tensor ones_like(const Tensor& input, OptDType dtype, OptDevice device, bool requires_grad,
                 OptMemoryFormat format) {
  return finish(made_like(input, dtype, device, format).fill_(1), requires_grad);
}
Tensor full_like(const Tensor& input, const Scalar& fill_value, OptDType dtype, OptDevice device,
                 bool requires_grad, OptMemoryFormat format) {
  return finish(made_like(input, dtype, device, format).fill_(fill_value), requires_grad);
}

Tensor new_empty(const Tensor& self, DimsRef size, OptDType dtype, OptDevice device, bool requires_grad) {
  return finish(made(size, dtype.value_or(self.dtype()), device.value_or(self.device())), requires_grad);
}
Tensor new_zeros(const Tensor& self, DimsRef size, OptDType dtype, OptDevice device, bool requires_grad) {
  return finish(new_empty(self, size, dtype, device).zero_(), requires_grad);
}
Tensor new_ones(const Tensor& self, DimsRef size, OptDType dtype, OptDevice device, bool requires_grad) {
  return finish(new_empty(self, size, dtype, device).fill_(1), requires_grad);
}
Tensor new_full(const Tensor& self, DimsRef size, const Scalar& fill_value, OptDType dtype, OptDevice device,
                bool requires_grad) {
  return finish(new_empty(self, size, dtype, device).fill_(fill_value), requires_grad);
}

namespace {

// Does `step` lead from start to end?
void check_steps(const Scalar& start, const Scalar& end, const Scalar& step) {
  for (const Scalar* s : {&start, &end, &step})
    RL_CHECK(!s->is_complex(), "value cannot be converted to type double without overflow");
  const double a = start.to_double(), b = end.to_double(), d = step.to_double();
  RL_CHECK(d < 0 || d > 0, "step must be nonzero");
  auto text = [](const Scalar& s) {
    return s.is_integral() ? std::to_string(s.to_int64()) : concat(s.to_double());
  };
  RL_CHECK(std::isfinite(a) && std::isfinite(b), "unsupported range: ", text(start), " -> ", text(end));
  RL_CHECK(d > 0 ? b >= a : b <= a, "upper bound and lower bound inconsistent with step sign");
}

int64_t exact_int64(const Scalar& s) {
  const double v = s.to_double();
  RL_CHECK(s.is_integral() || (v >= -0x1p63 && v < 0x1p63),
           "value cannot be converted to type int64_t without overflow");
  return s.to_int64();
}

// ceil((end - start) / step), exactly.
int64_t count_integers(int64_t start, int64_t end, int64_t step) {
  int64_t span;
  RL_CHECK_AS(ValueError, step != 0, "step must be nonzero");
  RL_CHECK(!__builtin_sub_overflow(end, start, &span) && step != INT64_MIN,
           "invalid size, possible overflow?");
  return span / step + (span % step != 0);
}

int64_t checked_count(double count) {
  RL_CHECK(count >= 0 && count < 0x1p63, "invalid size, possible overflow?");
  return static_cast<int64_t>(count);
}

double steps_between(const Scalar& start, const Scalar& end, const Scalar& step) {
  return (end.to_double() - start.to_double()) / step.to_double();
}

Tensor counted(const Scalar& start, const Scalar& step, int64_t n, DType type, OptDevice device,
               bool requires_grad) {
  Tensor out = made(n, type, device);
  if (is_integral(type, false)) {
    cpu::arange_integers(type, exact_int64(start), exact_int64(step), n, out.raw_data());
  } else {
    cpu::arange_floats(type, start.to_double(), step.to_double(), n, out.raw_data());
  }
  return finish(out, requires_grad);
}

}  // namespace

Tensor arange(const Scalar& start, const Scalar& end, const Scalar& step, OptDType dtype, OptDevice device,
              bool requires_grad) {
  const bool all_integers = start.is_integral() && end.is_integral() && step.is_integral();
  const DType type = dtype.value_or(all_integers ? DType::Int64 : default_dtype());
  RL_CHECK_AS(NotImplementedError, type != DType::Bool && !is_complex(type),
              "\"arange_cpu\" not implemented for '", info(type).message_name, "'");
  check_steps(start, end, step);
  // Int64 counts with its own integers, whatever it was given; floats are counted in double as PyTorch does.
  const int64_t n = type == DType::Int64 || (is_integral(type, false) && all_integers)
                        ? count_integers(exact_int64(start), exact_int64(end), exact_int64(step))
                        : checked_count(std::ceil(steps_between(start, end, step)));
  return counted(start, step, n, type, device, requires_grad);
}
Tensor arange(const Scalar& start, const Scalar& end, OptDType dtype, OptDevice device, bool requires_grad) {
  return arange(start, end, 1, dtype, device, requires_grad);
}
Tensor arange(const Scalar& end, OptDType dtype, OptDevice device, bool requires_grad) {
  return arange(0, end, 1, dtype, device, requires_grad);
}

Tensor range(const Scalar& start, const Scalar& end, const Scalar& step, OptDType dtype, OptDevice device,
             bool requires_grad) {
  warn(
      "torch.range is deprecated and will be removed in a future release because its behavior is "
      "inconsistent with Python's range builtin. Instead, use torch.arange, which produces values in "
      "[start, end).");
  const DType type = dtype.value_or(default_dtype());
  RL_CHECK_AS(NotImplementedError, type != DType::Bool && !is_complex(type),
              "\"range_cpu\" not implemented for '", info(type).message_name, "'");
  if (is_integral(type, false))
    for (const Scalar* v : {&start, &end, &step}) exact_int64(*v);
  check_steps(start, end, step);
  const int64_t n = checked_count(std::floor(steps_between(start, end, step)) + 1);
  return counted(start, step, n, type, device, requires_grad);
}

Tensor linspace(const Scalar& start, const Scalar& end, int64_t steps, OptDType dtype, OptDevice device,
                bool requires_grad) {
  RL_CHECK(steps >= 0, "number of steps must be non-negative");
  const bool complex_ends = start.is_complex() || end.is_complex();
  const DType type = dtype.value_or(complex_ends ? to_complex(default_dtype()) : default_dtype());
  RL_CHECK(!complex_ends || is_complex(type), "torch.linspace(): inferred dtype c10::complex<",
           default_dtype() == DType::Float64 ? "double" : "float", "> can't be safely cast to passed dtype ",
           info(type).message_name);
  RL_CHECK_AS(NotImplementedError, type != DType::Bool, "\"linspace_cpu\" not implemented for 'Bool'");
  Tensor out = made(steps, type, device);
  cpu::linspace(type, start.to_complex128(), end.to_complex128(), steps, out.raw_data());
  return finish(out, requires_grad);
}

Tensor logspace(const Scalar& start, const Scalar& end, int64_t steps, double base, OptDType dtype,
                OptDevice device, bool requires_grad) {
  const DType type =
      dtype.value_or(start.is_complex() || end.is_complex() ? to_complex(default_dtype()) : default_dtype());
  // Integers and narrow floats go through a wider float; the ends of integers are integers.
  const DType wide = is_complex(type) || type == DType::Float64 ? type
                     : is_floating(type)                        ? DType::Float32
                                                                : DType::Float64;
  const bool whole = is_integral(type, false);
  Tensor exponents = linspace(whole ? Scalar(start.to_int64()) : start, whole ? Scalar(end.to_int64()) : end,
                              steps, wide, device);
  return finish(pointwise(cpu::Formula::Pow, {base, exponents}).to(type), requires_grad);
}

Tensor eye(int64_t n, int64_t m, OptDType dtype, OptDevice device, bool requires_grad) {
  RL_CHECK(n >= 0, "n must be greater or equal to 0, got ", n);
  RL_CHECK(m >= 0, "m must be greater or equal to 0, got ", m);
  Tensor out = made({n, m}, dtype, device).zero_();
  if (out.numel()) out.diagonal().fill_(1);
  return finish(out, requires_grad);
}
Tensor eye(int64_t n, OptDType dtype, OptDevice device, bool requires_grad) {
  return eye(n, n, dtype, device, requires_grad);
}

namespace {

// How many places of a matrix lie on or below a diagonal: none in the rows above `first`, one more in each
// row until all columns are reached.
int64_t below_diagonal(int64_t row, int64_t col, int64_t offset) {
  offset = std::clamp(offset, -row, col);
  const __int128 first = std::clamp<int64_t>(-offset, 0, row);
  const __int128 full = std::clamp<__int128>(__int128{col} - offset, first, row);
  const __int128 growing = (full - first) * (first + full + 1 + 2 * __int128{offset}) / 2;
  return static_cast<int64_t>(growing + (row - full) * col);
}

// `count` places in reading order: those of row `i` have the columns [first(i), last(i)), and rows before
// `row` have none.
template <class First, class Last>
Tensor triangle_indices(int64_t row, int64_t count, DType type, First first, Last last) {
  Tensor out = make_tensor({2, count}, DType::Int64);
  int64_t* rows = out.data<int64_t>();
  int64_t* columns = rows + count;
  for (int64_t i = row, left = count; left > 0; ++i) {
    for (int64_t j = first(i); j < last(i); ++j, --left) {
      *rows++ = i;
      *columns++ = j;
    }
  }
  return out.to(type);
}

DType check_triangle(const char* name, int64_t row, int64_t col, OptDType dtype) {
  RL_CHECK(row >= 0, "row must be non-negative, got", row);
  RL_CHECK(col >= 0, "col must be non-negative, got", col);
  const DType type = dtype.value_or(DType::Int64);
  RL_CHECK_AS(NotImplementedError, type == DType::Int64 || type == DType::Int32, "\"", name,
              "\" not implemented for '", info(type).message_name, "'");
  numel_of({row, col});
  return type;
}

// i + offset, kept within [0, limit].
int64_t shifted(int64_t i, int64_t offset, int64_t limit) {
  int64_t sum;
  if (__builtin_add_overflow(i, offset, &sum)) sum = offset > 0 ? limit : 0;
  return std::clamp<int64_t>(sum, 0, limit);
}

}  // namespace

Tensor tril_indices(int64_t row, int64_t col, int64_t offset, OptDType dtype, OptDevice, bool requires_grad) {
  const DType type = check_triangle("tril_indices", row, col, dtype);
  const int64_t first_row = std::clamp<int64_t>(-std::clamp(offset, -row, col), 0, row);
  const Tensor out = triangle_indices(
      first_row, below_diagonal(row, col, offset), type, [](int64_t) { return int64_t{0}; },
      [=](int64_t i) { return shifted(i + 1, offset, col); });
  return finish(out, requires_grad);
}
Tensor triu_indices(int64_t row, int64_t col, int64_t offset, OptDType dtype, OptDevice, bool requires_grad) {
  const DType type = check_triangle("triu_indices", row, col, dtype);
  const int64_t below = below_diagonal(row, col, offset == INT64_MIN ? offset : offset - 1);
  const Tensor out = triangle_indices(
      0, row * col - below, type, [=](int64_t i) { return shifted(i, offset, col); },
      [=](int64_t) { return col; });
  return finish(out, requires_grad);
}

}  // namespace rushlight

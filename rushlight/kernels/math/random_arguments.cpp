#include "rushlight/kernels/math/random_arguments.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <type_traits>

#include "rushlight/core/error.h"

namespace rushlight {
namespace {

// How PyTorch's range errors spell a dtype: the compiler's name of its type.
const char* type_name(DType dtype) {
  switch (dtype) {
    case DType::Bool: return "bool";
    case DType::UInt8: return "unsigned char";
    case DType::UInt16: return "short unsigned int";
    case DType::UInt32: return "unsigned int";
    case DType::UInt64: return "long unsigned int";
    case DType::Int8: return "signed char";
    case DType::Int16: return "short int";
    case DType::Int32: return "int";
    case DType::Int64: return "long int";
    case DType::Float16: return "c10::Half";
    case DType::BFloat16: return "c10::BFloat16";
    case DType::Float32: return "float";
    case DType::Float64: return "double";
    case DType::Complex64: return "c10::complex<float>";
    case DType::Complex128: return "c10::complex<double>";
  }
  __builtin_unreachable();
}

struct FloatingLimits {
  int digits;  // bits of the significand
  double max;
};

FloatingLimits floating_limits(DType dtype) {
  switch (dtype) {
    case DType::Float16: return {11, 65504.0};
    case DType::BFloat16: return {8, 0x1.fep127};
    case DType::Float32: return {24, std::numeric_limits<float>::max()};
    default: return {53, std::numeric_limits<double>::max()};
  }
}

struct IntegerLimits {
  int64_t min;
  int64_t max;  // for uint64 -1: PyTorch converts it
};

IntegerLimits integer_limits(DType dtype) {
  return visit_dtype(dtype, []<class T>() -> IntegerLimits {
    if constexpr (std::is_integral_v<T>) {
      return {static_cast<int64_t>(std::numeric_limits<T>::min()),
              static_cast<int64_t>(std::numeric_limits<T>::max())};
    } else {
      return {0, 0};
    }
  });
}

// `value` rounded to the dtype and back; beyond int64's range, its smallest value.
int64_t round_trip(DType dtype, int64_t value) {
  double rounded = 0;
  switch (dtype) {
    case DType::Float16: rounded = static_cast<float>(Half(static_cast<float>(value))); break;
    case DType::BFloat16: rounded = static_cast<float>(BFloat16(static_cast<float>(value))); break;
    case DType::Float32: rounded = static_cast<float>(value); break;
    default: rounded = static_cast<double>(value);
  }
  if (!(rounded >= -0x1p63 && rounded < 0x1p63)) return std::numeric_limits<int64_t>::min();
  return static_cast<int64_t>(rounded);
}

// Arithmetic on bounds wraps like the processor's.
int64_t plus(int64_t a, int64_t b) {
  return static_cast<int64_t>(static_cast<uint64_t>(a) + static_cast<uint64_t>(b));
}

// The distance between neighbours of the dtype at `value`, doubled where PyTorch doubles it.
int64_t spacing(DType dtype, int64_t value) {
  const uint64_t magnitude =
      value < 0 ? uint64_t{0} - static_cast<uint64_t>(value) : static_cast<uint64_t>(value);
  const int shift = static_cast<int>(std::bit_width(magnitude)) - floating_limits(dtype).digits;
  return shift > 0 ? static_cast<int64_t>(uint64_t{1} << std::min(shift, 62)) : 1;
}

// The bounds moved inwards to values of the dtype, so that rounding never leaves [from, to).
int64_t round_from(DType dtype, int64_t from) {
  const int64_t next = round_trip(dtype, plus(from, 1));
  return next < from ? plus(next, spacing(dtype, plus(from, 1))) : from;
}
int64_t round_to(DType dtype, int64_t to) {
  const int64_t last = round_trip(dtype, plus(to, -1));
  return last >= to ? plus(last, -spacing(dtype, plus(to, -1))) : to;
}

void check_bound(DType dtype, int64_t value, const char* name) {
  bool inside;
  if (is_floating(dtype)) {
    inside = std::abs(static_cast<double>(value)) <= floating_limits(dtype).max;
  } else if (dtype == DType::UInt64) {
    inside = value >= 0;
  } else {
    const IntegerLimits limits = integer_limits(dtype);
    inside = value >= limits.min && value <= limits.max;
  }
  RL_CHECK(inside, name, " is out of bounds for ", type_name(dtype));
}

std::string precision_warning(DType dtype, int64_t value, const char* name) {
  if (!is_floating(dtype)) return "";
  const int digits = floating_limits(dtype).digits;
  const int64_t limit = int64_t{1} << digits;
  if (value >= -limit && value <= limit) return "";
  return concat(name, " is out of bounds [-(2^", digits, "), 2^", digits, "]. Due to precision limitations ",
                type_name(dtype), " can support discrete uniform distribution only within this range. ",
                "This warning will become an error in version 1.7 release, please fix the code in advance");
}

RandomRange checked_range(DType dtype, int64_t from, int64_t last, uint64_t range) {
  RL_CHECK(!is_complex(dtype), "check_random_bounds handles only integral, floating-point and boolean types");
  check_bound(dtype, from, "from");
  check_bound(dtype, last, "to - 1");
  return {
      range, from, false, {precision_warning(dtype, from, "from"), precision_warning(dtype, last, "to - 1")}};
}

RandomRange range_up_to(DType dtype, int64_t from, int64_t to) {
  RL_CHECK(from < to, "random_ expects 'from' to be less than 'to', but got from=", from, " >= to=", to);
  if (is_floating(dtype)) {
    from = round_from(dtype, from);
    to = round_to(dtype, to);
    RL_CHECK(from < to,
             "random_ expects 'from' casted to dtype to be less than 'to' casted to dtype, but got from=",
             from, " >= to=", to);
  }
  return checked_range(dtype, from, plus(to, -1), static_cast<uint64_t>(to) - static_cast<uint64_t>(from));
}

RandomRange range_to_end(DType dtype, int64_t from) {
  int64_t last;
  if (is_floating(dtype)) {
    last = int64_t{1} << floating_limits(dtype).digits;
    from = round_from(dtype, from);
    RL_CHECK(from < last,
             "random_ expects 'from' casted to dtype to be less than or equal to 'to_inc' casted to dtype, "
             "but got "
             "from=",
             from, " > to_inc=", last);
  } else {
    RL_CHECK(!is_complex(dtype),
             "random_from_to_impl handles only integral, floating-point and boolean types");
    last = integer_limits(dtype).max;
  }
  return checked_range(dtype, from, last, static_cast<uint64_t>(last) - static_cast<uint64_t>(from) + 1);
}

}  // namespace

RandomRange random_range_arguments(DType dtype, int64_t from, std::optional<int64_t> to) {
  if (to) return range_up_to(dtype, from, *to);
  if (from != std::numeric_limits<int64_t>::min()) return range_to_end(dtype, from);
  RandomRange all;
  all.full = true;
  return all;
}

void check_uniform(DType dtype, double from, double to) {
  RL_CHECK_AS(NotImplementedError, is_floating(dtype), "\"check_uniform_bounds\" not implemented for '",
              info(dtype).message_name, "'");
  const double max = floating_limits(dtype).max;
  RL_CHECK(from >= -max && from <= max, "from is out of bounds for ", type_name(dtype));
  RL_CHECK(to >= -max && to <= max, "to is out of bounds for ", type_name(dtype));
  RL_CHECK(from <= to, "uniform_ expects to return a [from, to) range, but found from=", from, " > to=", to);
  RL_CHECK(to - from <= max, "uniform_ expects to-from <= std::numeric_limits<", info(dtype).message_name,
           ">::max(), but found to=", to, " and from=", from, " which result in to-from to exceed the limit");
}

void check_normal(double std) { RL_CHECK(std >= 0.0, "normal expects std >= 0.0, but found std ", std); }

void check_log_normal(double std) {
  RL_CHECK(std > 0.0, "log_normal_ expects std > 0.0, but found std=", std);
}

void check_geometric(double p) {
  RL_CHECK(p > 0 && p < 1, "geometric_ expects p to be in (0, 1), but got p=", p);
}

void check_bernoulli(double p) {
  RL_CHECK(p >= 0 && p <= 1, "bernoulli_ expects p to be in [0, 1], but got p=", p);
}

void check_exponential(double lambda) {
  RL_CHECK(lambda > 0.0, "exponential_ expects lambda > 0.0, but found lambda=", lambda);
}

void check_exponential_dtype(DType dtype) {
  RL_CHECK(is_floating(dtype),
           "Exponential distribution is a continuous probability distribution. dtype must be a floating "
           "point but you "
           "specified ",
           info(dtype).message_name);
}

void check_cauchy(DType dtype, double sigma) {
  RL_CHECK(sigma > 0.0, "cauchy_ expects sigma > 0.0, but found sigma=", sigma);
  RL_CHECK(
      is_floating(dtype),
      "Cauchy distribution is a continuous probability distribution. dtype must be a floating point but you "
      "specified ",
      type_name(dtype));
}

void check_multinomial(DType dtype, int64_t dim, int64_t categories, int64_t samples, bool replacement) {
  RL_CHECK(dim == 1 || dim == 2, "prob_dist must be 1 or 2 dim");
  RL_CHECK(is_floating(dtype),
           "multinomial only supports floating-point dtypes for input, got: ", info(dtype).message_name);
  RL_CHECK(samples > 0, "cannot sample n_sample <= 0 samples");
  RL_CHECK(replacement || samples <= categories,
           "cannot sample n_sample > prob_dist.size(-1) samples without replacement");
  RL_CHECK(categories <= int64_t{1} << 24, "number of categories cannot exceed 2^24");
}

void check_randperm(DType dtype, int64_t n) {
  RL_CHECK(n >= 0, "n must be non-negative, got", n);
  if (is_integral(dtype, false) && item_size(dtype) < 8) {
    const std::string type = dtype == DType::Int32 ? "int" : concat(info(dtype).name, "_t");
    RL_CHECK(n - 1 <= integer_limits(dtype).max, "value cannot be converted to type ", type,
             " without overflow");
  } else if (is_floating(dtype) && dtype != DType::BFloat16) {
    const int digits = floating_limits(dtype).digits;
    const std::string most = dtype == DType::Float16 ? "2049" : concat("2^", digits, "+1");
    RL_CHECK(n <= (int64_t{1} << digits) + 1, "n cannot be greater than ", most, " for ",
             info(dtype).message_name, " type.");
  }
}

}  // namespace rushlight

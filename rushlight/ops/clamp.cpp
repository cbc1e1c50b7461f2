// Limits: clamp, clamp_min, clamp_max with numbers or tensors as bounds.
#include <cmath>

#include "rushlight/ops/in_place.h"
#include "rushlight/ops/pointwise.h"
#include "rushlight/ops/type_name.h"

namespace rushlight {
namespace {

using autograd::Gradients;
using autograd::Node;
using autograd::Record;
using autograd::tracks;
using cpu::Formula;

constexpr const char* kNoBounds = "torch.clamp: At least one of 'min' or 'max' must not be None";

// x in the dtype that the numbers bring: clamping integers at 0.5 gives floats.
Tensor promoted(const Tensor& x, const OptScalar& min, const OptScalar& max) {
  ResultType type;
  type.add(x);
  if (min) type.add(*min);
  if (max) type.add(*max);
  RL_CHECK_AS(NotImplementedError, !is_complex(type.get()), "clamp is not supported for complex types");
  RL_CHECK_AS(NotImplementedError, type.get() != DType::Bool, "\"clamp_",
              !max   ? "min_"
              : !min ? "max_"
                     : "",
              "scalar_cpu\" not implemented for 'Bool'");
  return x.detach().to(type.get());
}

// The bound as the dtype holds it: for unsigned integers -1 is their largest number, as in PyTorch.
Scalar in_dtype(const Scalar& bound, DType dtype) {
  if (!is_integral(dtype, false)) return bound;
  int64_t value = 0;
  visit_dtype(dtype, [&]<class T>() {
    if constexpr (std::is_integral_v<T>) value = static_cast<int64_t>(bound.to<T>());
  });
  return value;
}

bool is_nan(const OptScalar& s) { return s && std::isnan(s->to_double()); }

Tensor clamp_forward(const Tensor& x, const OptScalar& min, const OptScalar& max,
                     const Tensor* destination = nullptr) {
  RL_CHECK(min || max, kNoBounds);
  const Tensor wide = promoted(x, min, max);
  RL_CHECK(!destination || can_cast(wide.dtype(), destination->dtype()), "result type ",
           info(wide.dtype()).message_name, " can't be cast to the desired output type ",
           c_type_name(destination->dtype()));
  if (is_nan(min) || is_nan(max)) {
    const Tensor nans = full_like(wide, std::nan(""));
    return destination ? assign(*destination, nans) : nans;
  }
  const Formula formula = !max ? Formula::ClampMin : !min ? Formula::ClampMax : Formula::Clamp;
  const Scalar first = in_dtype(min ? *min : *max, wide.dtype()),
               second = min && max ? in_dtype(*max, wide.dtype()) : Scalar(0);
  return pointwise(formula, {wide}, params_of(first, second), destination);
}

Tensor clamp_number(const char* node, const Tensor& x, OptScalar min, OptScalar max) {
  Tensor out = clamp_forward(x, min, max);
  if (!tracks(x)) return out;
  return Record(node, {x}).save(x).rule(out, [min, max](Node& n, const Tensor& g) -> Tensor {
    const Tensor x = n.saved(0);
    if (!max) return where(x.ge(*min), g, 0);
    if (!min) return where(x.le(*max), g, 0);
    return where(x.ge(*min).logical_and(x.le(*max)), g, 0);
  });
}

// Gradients of x and both bounds: to x where it lies within, else to the bound that won.
struct ClampRule {
  bool has_min, has_max;
  Gradients operator()(Node& n, const Gradients& grads) const {
    const Tensor &g = grads[0], x = n.saved(0), min = n.saved(1), max = n.saved(2);
    Gradients out;
    out.resize(3);
    if (n.needs(0))
      out[0] = where(!has_max ? x.ge(min) : !has_min ? x.le(max) : x.ge(min).logical_and(x.le(max)), g, 0);
    if (has_min && n.needs(1)) out[1] = where(has_max ? min.lt(max).logical_and(x.lt(min)) : x.lt(min), g, 0);
    if (has_max && n.needs(2)) out[2] = where(has_min ? max.lt(min).logical_or(x.gt(max)) : x.gt(max), g, 0);
    return out;
  }
};

// At least one of the bounds is defined.
Tensor clamp_forward(const Tensor& x, const Tensor& min, const Tensor& max,
                     const Tensor* destination = nullptr) {
  RL_CHECK(min.defined() || max.defined(), kNoBounds);
  if (min.defined() && max.defined()) {
    RL_CHECK_AS(NotImplementedError,
                x.dtype() != DType::Bool || min.dtype() != DType::Bool || max.dtype() != DType::Bool,
                "\"clamp_cpu\" not implemented for 'Bool'");
    return pointwise(Formula::ClampTensor, {x, min, max}, {}, destination);
  }
  const bool lower = min.defined();
  const Tensor& bound = lower ? min : max;
  ResultType type;
  type.add(x);
  type.add(bound);
  RL_CHECK_AS(NotImplementedError, !is_complex(type.get()), "\"", lower ? "maximum" : "minimum",
              "_cpu\" not implemented for '", info(type.get()).message_name, "'");
  return pointwise(lower ? Formula::Maximum : Formula::Minimum, {x, bound}, {}, destination);
}

Tensor clamp_tensor(const char* node, const Tensor& x, const Tensor& min, const Tensor& max) {
  Tensor out = clamp_forward(x, min, max);
  if (!tracks(x, min, max)) return out;
  return Record(node, {x, min, max}).save(x, min, max).rule(out, ClampRule{min.defined(), max.defined()});
}

// self = clamp(self, min, max), which `recorded` records.
template <class Recorded>
const Tensor& clamp_in_place(const Tensor& self, const OptScalar& min, const OptScalar& max,
                             Recorded recorded) {
  return in_place(
      self, tracks(self), [&] { clamp_forward(self, min, max, &self); }, recorded);
}
template <class Recorded>
const Tensor& clamp_in_place(const Tensor& self, const Tensor& min, const Tensor& max, Recorded recorded) {
  return in_place(
      self, tracks(self, min, max), [&] { clamp_forward(self, min, max, &self); }, recorded);
}

void check_no_complex(const Tensor& x) {
  RL_CHECK_AS(NotImplementedError, !is_complex(x.dtype()), "clamp is not supported for complex types");
}

}  // namespace

Tensor clamp(const Tensor& x, const Tensor& min, const Tensor& max) {
  check_no_complex(x);
  return clamp_tensor("ClampBackward0", x, min, max);
}
Tensor clamp(const Tensor& x, OptScalar min, OptScalar max) {
  return clamp_number("ClampBackward1", x, min, max);
}
Tensor clamp_min(const Tensor& x, const Tensor& min) { return clamp_tensor("ClampMinBackward1", x, min, {}); }
Tensor clamp_min(const Tensor& x, const Scalar& min) { return clamp_number("ClampMinBackward0", x, min, {}); }
Tensor clamp_max(const Tensor& x, const Tensor& max) { return clamp_tensor("ClampMaxBackward1", x, {}, max); }
Tensor clamp_max(const Tensor& x, const Scalar& max) { return clamp_number("ClampMaxBackward0", x, {}, max); }

const Tensor& clamp_(const Tensor& x, const Tensor& min, const Tensor& max) {
  check_no_complex(x);
  return clamp_in_place(x, min, max, [&](const Tensor& original) { return clamp(original, min, max); });
}
const Tensor& clamp_(const Tensor& x, OptScalar min, OptScalar max) {
  return clamp_in_place(x, min, max, [&](const Tensor& original) { return clamp(original, min, max); });
}
const Tensor& clamp_min_(const Tensor& x, const Tensor& min) {
  return clamp_in_place(x, min, {}, [&](const Tensor& original) { return clamp_min(original, min); });
}
const Tensor& clamp_min_(const Tensor& x, const Scalar& min) {
  return clamp_in_place(x, OptScalar(min), {},
                        [&](const Tensor& original) { return clamp_min(original, min); });
}
const Tensor& clamp_max_(const Tensor& x, const Tensor& max) {
  return clamp_in_place(x, {}, max, [&](const Tensor& original) { return clamp_max(original, max); });
}
const Tensor& clamp_max_(const Tensor& x, const Scalar& max) {
  return clamp_in_place(x, {}, OptScalar(max),
                        [&](const Tensor& original) { return clamp_max(original, max); });
}

}  // namespace rushlight

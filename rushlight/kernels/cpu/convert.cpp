#include "rushlight/kernels/cpu/convert.h"

#include <array>
#include <cstring>
#include <type_traits>

namespace rushlight::cpu {
namespace {

template <class T>
inline constexpr bool is_complex_type = std::is_same_v<T, complex64> || std::is_same_v<T, complex128>;

// Floats out of an integer's range convert as x86's instructions do, never as undefined behaviour.
template <class To, class From>
To float_to_integer(From v) {
  if constexpr (std::is_same_v<To, uint64_t>) {
    if (v >= From(9223372036854775808.0))
      return v < From(18446744073709551616.0) ? static_cast<uint64_t>(v) : 0;
    return static_cast<uint64_t>(v > From(-9223372036854775808.0) ? static_cast<int64_t>(v) : INT64_MIN);
  } else if constexpr (sizeof(To) == 8) {
    return v >= From(-9223372036854775808.0) && v < From(9223372036854775808.0) ? static_cast<int64_t>(v)
                                                                                : INT64_MIN;
  } else {
    const bool fits = v > From(-2147483649.0) && v < From(2147483648.0);
    return static_cast<To>(fits ? static_cast<int32_t>(v) : INT32_MIN);
  }
}

template <class To, class From>
To convert(From v) {
  if constexpr (std::is_same_v<To, From>) {
    return v;
  } else if constexpr (is_complex_type<From>) {
    if constexpr (is_complex_type<To>) return To(v);
    else if constexpr (std::is_same_v<To, bool>) return v != From(0);
    else return convert<To>(v.real());
  } else if constexpr (std::is_same_v<From, Half> || std::is_same_v<From, BFloat16>) {
    return convert<To>(static_cast<float>(v));
  } else if constexpr (std::is_same_v<To, bool>) {
    return v != From(0);
  } else if constexpr (is_complex_type<To>) {
    return To(static_cast<typename To::value_type>(v));
  } else if constexpr (std::is_same_v<To, Half> || std::is_same_v<To, BFloat16>) {
    return To(static_cast<float>(v));
  } else if constexpr (std::is_floating_point_v<From> && std::is_integral_v<To>) {
    return float_to_integer<To>(v);
  } else {
    return static_cast<To>(v);
  }
}

template <class S, class C>
void load(const void* source, int64_t stride, void* block, int64_t n) {
  const S* in = static_cast<const S*>(source);
  C* out = static_cast<C*>(block);
  if (stride == 1) {
    if constexpr (std::is_same_v<S, C>) std::memcpy(out, in, n * sizeof(S));
    else
      for (int64_t i = 0; i < n; ++i) out[i] = convert<C>(in[i]);
  } else if (stride == 0) {
    const C value = convert<C>(*in);
    for (int64_t i = 0; i < n; ++i) out[i] = value;
  } else {
    for (int64_t i = 0; i < n; ++i) out[i] = convert<C>(in[i * stride]);
  }
}

template <class C, class D>
void store(const void* block, void* target, int64_t stride, int64_t n) {
  const C* in = static_cast<const C*>(block);
  D* out = static_cast<D*>(target);
  if (stride == 1) {
    if constexpr (std::is_same_v<C, D>) std::memcpy(out, in, n * sizeof(D));
    else
      for (int64_t i = 0; i < n; ++i) out[i] = convert<D>(in[i]);
  } else {
    for (int64_t i = 0; i < n; ++i) out[i * stride] = convert<D>(in[i]);
  }
}

template <class D>
void store_bool(const bool* in, void* target, int64_t stride, int64_t n) {
  D* out = static_cast<D*>(target);
  for (int64_t i = 0; i < n; ++i) out[i * stride] = convert<D>(static_cast<int32_t>(in[i]));
}

}  // namespace

Load load_function(DType from, Compute to) {
  return visit_dtype(from, [&]<class S>() -> Load {
    return visit_compute(to, [&]<class C>() -> Load { return &load<S, C>; });
  });
}

Store store_function(Compute from, DType to) {
  return visit_compute(from, [&]<class C>() -> Store {
    return visit_dtype(to, [&]<class D>() -> Store { return &store<C, D>; });
  });
}

StoreBool store_bool_function(DType to) {
  return visit_dtype(to, []<class D>() -> StoreBool { return &store_bool<D>; });
}

}  // namespace rushlight::cpu

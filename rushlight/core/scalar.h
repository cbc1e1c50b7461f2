// One number of any kind: what a Python int, float, bool or complex becomes.
#pragma once

#include <complex>
#include <concepts>
#include <cstdint>
#include <string>

#include "rushlight/core/dtype.h"
#include "rushlight/core/error.h"

namespace rushlight {

class Scalar {
 public:
  enum class Kind : uint8_t { Bool, Int, UInt, Float, Complex };

  Scalar() : Scalar(int64_t{0}) {}
  Scalar(bool v) : kind_(Kind::Bool), int_(v) {}
  template <std::signed_integral T>
  Scalar(T v) : kind_(Kind::Int), int_(v) {}
  template <std::unsigned_integral T>
  requires(!std::same_as<T, bool>) Scalar(T v)
      : kind_(static_cast<uint64_t>(v) > INT64_MAX ? Kind::UInt : Kind::Int), int_(static_cast<int64_t>(v)) {}
  Scalar(double v) : kind_(Kind::Float), real_(v) {}
  Scalar(float v) : Scalar(double{v}) {}
  Scalar(complex128 v) : kind_(Kind::Complex), real_(v.real()), imag_(v.imag()) {}

  Kind kind() const { return kind_; }
  bool is_bool() const { return kind_ == Kind::Bool; }
  bool is_integral() const { return kind_ <= Kind::UInt; }
  bool is_floating() const { return kind_ == Kind::Float; }
  bool is_complex() const { return kind_ == Kind::Complex; }
  Category category() const {
    return is_bool()       ? Category::Boolean
           : is_integral() ? Category::Integer
           : is_floating() ? Category::Floating
                           : Category::Complex;
  }

  double to_double() const {
    switch (kind_) {
      case Kind::UInt: return static_cast<double>(static_cast<uint64_t>(int_));
      case Kind::Float:
      case Kind::Complex: return real_;
      default: return static_cast<double>(int_);
    }
  }
  // Saturating for floats out of range; NaN gives the smallest integer, as x86 conversion does.
  int64_t to_int64() const {
    if (is_integral()) return int_;
    return real_ >= -9223372036854775808.0 && real_ < 9223372036854775808.0 ? static_cast<int64_t>(real_)
                                                                            : INT64_MIN;
  }
  bool to_bool() const { return is_integral() ? int_ != 0 : real_ != 0 || (is_complex() && imag_ != 0); }
  complex128 to_complex128() const { return {to_double(), is_complex() ? imag_ : 0.0}; }

  // The value as T, wrapping integers.
  template <class T>
  T to() const {
    if constexpr (std::is_same_v<T, bool>) return to_bool();
    else if constexpr (std::is_integral_v<T>) return static_cast<T>(to_int64());
    else if constexpr (std::is_same_v<T, complex64>)
      return complex64(static_cast<float>(to_double()), is_complex() ? static_cast<float>(imag_) : 0.f);
    else if constexpr (std::is_same_v<T, complex128>) return to_complex128();
    else return T(static_cast<std::conditional_t<std::is_same_v<T, double>, double, float>>(to_double()));
  }

  bool equals(double v) const { return to_double() == v && (!is_complex() || imag_ == 0); }
  Scalar operator-() const {
    return is_complex()    ? Scalar(-to_complex128())
           : is_floating() ? Scalar(-real_)
                           : Scalar(static_cast<int64_t>(-static_cast<uint64_t>(int_)));
  }

 private:
  Kind kind_;
  union {
    int64_t int_;
    double real_;
  };
  double imag_ = 0;
};

}  // namespace rushlight

// Formulas of two and three operands. See formulas-inl.h.
#if defined(RUSHLIGHT_MATH_FORMULAS_BINARY_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_MATH_FORMULAS_BINARY_INL_H_
#undef RUSHLIGHT_MATH_FORMULAS_BINARY_INL_H_
#else
#define RUSHLIGHT_MATH_FORMULAS_BINARY_INL_H_
#endif

#include "rushlight/kernels/math/formulas_activation-inl.h"

RL_MATH_BEGIN

struct Add {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return add(a, b);
  }
};
struct Sub {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return sub(a, b);
  }
};
struct Mul {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return mul(a, b);
  }
};
template <class S>
struct AddScaled {  // a + alpha b
  S alpha;
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return add(a, mul(V(alpha), b));
  }
};
template <class S>
struct SubScaled {
  S alpha;
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return sub(a, mul(V(alpha), b));
  }
};
struct Div {  // true division; integers are converted first
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return a / b;
  }
};
// Those that divide integers also say what they do with whole numbers in doubles (`of_whole`; |a| and |b| up
// to 2^51 unless kWholeBits says less, b not 0 unless there is a kAnyDivisor). That is exact: a quotient that
// is no integer is at least 1 / |b| away from one, and rounding moves it by no more than |a / b| 2^-53, which
// is less.
struct TruncDivide {
  template <class V>
  RL_INLINE V of_whole(V a, V b) const {
    return trunc(a / b);
  }
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    if constexpr (std::is_integral_v<V>) {
      return trunc_divide(a, b);
    } else {
      return trunc(a / b);
    }
  }
};
// Python's floor division: from the exact remainder, so that 1 // 0.1 is 9 (CPython's float_floor_div).
struct FloorDivide {
  template <class V>
  RL_INLINE V of_whole(V a, V b) const {
    return floor(a / b);
  }
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    if constexpr (std::is_integral_v<V>) {
      return floor_divide(a, b);
    } else {
      const V zero(0), one(1);
      const V r = fmod(a, b);
      const auto differ = (r != zero) & ((b < zero) ^ (r < zero));
      const V q = (a - r) / b - select(differ, one, zero);
      const V down = floor(q);
      const V whole = select(q - down > constant<V>(0.5), down + one, down);
      const V y = select(q == zero, copysign(zero, a / b), whole);
      return select(b == zero, a / b, y);
    }
  }
};
struct Fmod {
  template <class V>
  RL_INLINE V of_whole(V a, V b) const {
    return a - trunc(a / b) * b;
  }
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return fmod(a, b);
  }
};
struct Remainder {  // the sign of the divisor, as in Python
  template <class V>
  RL_INLINE V of_whole(V a, V b) const {
    return a - floor(a / b) * b;
  }
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    if constexpr (std::is_integral_v<V>) {
      return remainder(a, b);
    } else {
      const V zero(0);
      const V r = fmod(a, b);
      return select((r != zero) & ((b < zero) ^ (r < zero)), r + b, r);
    }
  }
};
#define RL_BINARY(Name, function)            \
  struct Name {                              \
    template <class V>                       \
    RL_INLINE V operator()(V a, V b) const { \
      return function(a, b);                 \
    }                                        \
  };
RL_BINARY(Atan2, atan2)
RL_BINARY(Hypot, hypot)
RL_BINARY(Copysign, copysign)
RL_BINARY(Nextafter, nextafter)
RL_BINARY(Ldexp, ldexp)
#undef RL_BINARY

// Compilers narrow the counts of 64-bit shifts to int before they widen them again (C++ takes the count as
// its own type); `together` shifts a vector by the counts as they are.
#if !defined(__CUDACC__) && HWY_TARGET != HWY_SCALAR
using ShiftTag = hn::Repartition<uint64_t, Simd<double>::D>;
// shift(numbers, counts), and 0 where a count is not from 0 to 63; AVX2 and AVX-512 see to that themselves.
template <class Shift>
RL_INLINE hn::Vec<ShiftTag> shifted(hn::Vec<ShiftTag> numbers, hn::Vec<ShiftTag> counts, Shift shift) {
  if constexpr (HWY_TARGET <= HWY_AVX2) {
    return shift(numbers, counts);
  } else {
    const ShiftTag d;
    const auto most = hn::Set(d, 63);
    const auto inside = hn::VecFromMask(d, hn::Eq(hn::AndNot(most, counts), hn::Zero(d)));
    return hn::And(shift(numbers, hn::And(counts, most)), inside);
  }
}
template <class T>
RL_INLINE hn::Vec<ShiftTag> load_shifted(const T* p) {
  return hn::LoadU(ShiftTag(), reinterpret_cast<const uint64_t*>(p));
}
#endif
struct LeftShift {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return left_shift(a, b);
  }
#if !defined(__CUDACC__) && HWY_TARGET != HWY_SCALAR
  static constexpr int64_t kAtOnce = Simd<double>::kLanes;
  template <std::integral T>
  requires(sizeof(T) == 8) RL_INLINE void together(const T* a, const T* b, T* out) const {
    const auto shift = [](auto v, auto n) HWY_ATTR { return hn::Shl(v, n); };
    hn::StoreU(shifted(load_shifted(a), load_shifted(b), shift), ShiftTag(),
               reinterpret_cast<uint64_t*>(out));
  }
#endif
};
struct RightShift {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return right_shift(a, b);
  }
#if !defined(__CUDACC__) && HWY_TARGET != HWY_SCALAR
  static constexpr int64_t kAtOnce = Simd<double>::kLanes;
  template <std::integral T>
  requires(sizeof(T) == 8) RL_INLINE void together(const T* a, const T* b, T* out) const {
    const auto shift = [](auto v, auto n) HWY_ATTR { return hn::Shr(v, n); };
    const ShiftTag d;
    auto sign = hn::Zero(d);  // a negative number goes as its complement
    if constexpr (std::is_signed_v<T>)
      sign =
          hn::BitCast(d, hn::BroadcastSignBit(hn::BitCast(hn::RebindToSigned<ShiftTag>(), load_shifted(a))));
    const auto result = shifted(hn::Xor(load_shifted(a), sign), load_shifted(b), shift);
    hn::StoreU(hn::Xor(result, sign), d, reinterpret_cast<uint64_t*>(out));
  }
#endif
};

struct Pow {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return pow(a, b);
  }
  // The same for kAtOnce integers, bit by bit of all exponents together: compilers make vectors of it, and a
  // loop for each element would end where the processor does not expect it.
  static constexpr int64_t kAtOnce = 64;
  template <std::integral T>
  RL_INLINE void together(const T* bases, const T* exponents, T* out) const {
    T base[kAtOnce], exponent[kAtOnce], result[kAtOnce];
    std::make_unsigned_t<T> left = 0;  // bits of any exponent
    for (int64_t k = 0; k < kAtOnce; ++k) {
      const T b = bases[k], e = exponents[k];
      const bool is_unit = b == 1 || (std::is_signed_v<T> && b == static_cast<T>(-1));
      base[k] = signbit(e) && !is_unit ? T{0} : b;
      exponent[k] = !signbit(e) ? e : is_unit ? static_cast<T>(e & 1) : T{1};
      result[k] = 1;
      left |= static_cast<std::make_unsigned_t<T>>(exponent[k]);
    }
    while (left != 0) {
      for (int64_t k = 0; k < kAtOnce; ++k) {
        const T longer = mul(result[k], base[k]);
        result[k] = (exponent[k] & 1) != 0 ? longer : result[k];
        exponent[k] = static_cast<T>(exponent[k] >> 1);
      }
      left >>= 1;
      if (left == 0) break;
      for (int64_t k = 0; k < kAtOnce; ++k) base[k] = mul(base[k], base[k]);
    }
    for (int64_t k = 0; k < kAtOnce; ++k) out[k] = result[k];
  }
};

// Euclid's algorithm; of doubles, lanes that are done wait for the others.
struct Gcd {
  static constexpr bool kAnyDivisor = true;
  template <class V>
  RL_INLINE V of_whole(V a, V b) const {
    a = abs(a), b = abs(b);
    for (auto going = b != V(0); any_true(going); going = b != V(0)) {
      const V rest = a - trunc(a / b) * b;
      a = select(going, b, a);
      b = select(going, rest, V(0));
    }
    return a;
  }
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return gcd(a, b);
  }
};
struct Lcm {
  static constexpr bool kAnyDivisor = true;
  static constexpr int kWholeBits = 25;  // a product of two such numbers is whole too
  template <class V>
  RL_INLINE V of_whole(V a, V b) const {
    const V divisor = Gcd().of_whole(a, b);
    return select(divisor == V(0), V(0), abs(a / divisor * b));
  }
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return lcm(a, b);
  }
};

// A NaN in either operand wins in maximum and minimum, and loses in fmax and fmin.
struct Maximum {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    if constexpr (kRawKeepsNan<V>) return select(isnan(b), b, at_least(b, a));
    else return select((a >= b) | isnan(a), a, b);
  }
};
struct Minimum {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    if constexpr (kRawKeepsNan<V>) return select(isnan(b), b, at_most(b, a));
    else return select((a <= b) | isnan(a), a, b);
  }
};
struct Fmax {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return select((b > a) | isnan(a), b, a);
  }
};
struct Fmin {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return select((b < a) | isnan(a), b, a);
  }
};

// log(e^a + e^b); equal infinities would give inf - inf.
struct Logaddexp {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    if constexpr (kIsComplex<V>) {
      const bool first = a.re >= b.re || isnan(a);
      const V larger = first ? a : b, smaller = first ? b : a;
      return larger.re == -kInfinity<decltype(a.re)> ? larger : larger + log1p(exp(smaller - larger));
    } else {
      const V larger = select(a >= b, a, b);
      return select(isinf(a) & (a == b), a, larger + log1p(exp(-abs(a - b))));
    }
  }
};
struct Logaddexp2 {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    const V larger = select(a >= b, a, b);
    const V log2_e = constant<V>(1.44269504088896340736);
    return select(isinf(a) & (a == b), a, larger + log1p(exp2(-abs(a - b))) * log2_e);
  }
};
struct Xlogy {  // x log y, 0 where x is 0 and y is a number
  template <class V>
  RL_INLINE V operator()(V x, V y) const {
    return select(isnan(y), y, select(x == V(0), V(0), x * log(y)));
  }
};
struct Xlog1py {
  template <class V>
  RL_INLINE V operator()(V x, V y) const {
    return select(isnan(y), y, select(x == V(0), V(0), x * log1p(y)));
  }
};
struct Heaviside {
  template <class V>
  RL_INLINE V operator()(V x, V at_zero) const {
    return select(x == V(0), at_zero, select(x > V(0), V(1), V(0)));
  }
};

#define RL_COMPARE(Name, expression)            \
  struct Name {                                 \
    template <class V>                          \
    RL_INLINE auto operator()(V a, V b) const { \
      return truth(expression);                 \
    }                                           \
  };
RL_COMPARE(Eq, a == b)
RL_COMPARE(Ne, a != b)
RL_COMPARE(Lt, a < b)
RL_COMPARE(Le, a <= b)
RL_COMPARE(Gt, a > b)
RL_COMPARE(Ge, a >= b)
RL_COMPARE(LogicalAnd, (a != V(0)) & (b != V(0)))
RL_COMPARE(LogicalOr, (a != V(0)) | (b != V(0)))
RL_COMPARE(LogicalXor, (a != V(0)) ^ (b != V(0)))
#undef RL_COMPARE

#define RL_BITWISE(Name, op)                 \
  struct Name {                              \
    template <std::integral V>               \
    RL_INLINE V operator()(V a, V b) const { \
      return static_cast<V>(a op b);         \
    }                                        \
  };
RL_BITWISE(BitwiseAnd, &)
RL_BITWISE(BitwiseOr, |)
RL_BITWISE(BitwiseXor, ^)
#undef RL_BITWISE

// Three operands.
struct Where {
  template <class M, class V>
  RL_INLINE V operator()(M condition, V yes, V no) const {
    return select(condition, yes, no);
  }
};
// From the nearer end, so that weight 1 gives `end` exactly.
struct Lerp {
  template <class V>
  RL_INLINE V operator()(V start, V end, V weight) const {
    const V difference = end - start;
    if constexpr (kIsComplex<V>) {
      return abs(weight) < 0.5f ? start + weight * difference : end - difference * (V(1) - weight);
    } else {
      const auto near = abs(weight) < constant<V>(0.5);
      return select(near, start, end) + difference * select(near, weight, -(V(1) - weight));
    }
  }
};
template <class S>
struct Addcmul {  // a + value b c
  S value;
  template <class V>
  RL_INLINE V operator()(V a, V b, V c) const {
    return add(a, mul(mul(V(value), b), c));
  }
};
template <class S>
struct Addcdiv {  // a + value b / c
  S value;
  template <class V>
  RL_INLINE V operator()(V a, V b, V c) const {
    return a + V(value) * b / c;
  }
};
struct ClampTensor {
  template <class V>
  RL_INLINE V operator()(V x, V lo, V hi) const {
    return Minimum{}(Maximum{}(x, lo), hi);
  }
};

RL_MATH_END

#endif

// Kernels that read and write Half, BFloat16 and integers of 8 and 16 bits themselves. Where a formula is a
// few instructions, the way through a block of floats or int32_t would cost more than the formula: here the
// wide numbers stay in registers.
#include <algorithm>
#include <cmath>
#include <cstring>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/pointwise_narrow.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/narrow-inl.h"
#include "rushlight/kernels/cpu/pointwise-inl.h"

RL_MATH_BEGIN

// One element: as int32_t, or divided as float, which holds 16 bits (`of_whole`). A zero divisor gives 0.
template <class T, class F, class... X>
RL_INLINE T small_integer(F f, X... x) {
  if constexpr (requires { f.of_whole(static_cast<float>(x)...); }) {
    const T operands[] = {x...};
    const float whole = f.of_whole(static_cast<float>(x)...);
    return static_cast<T>(static_cast<int32_t>(operands[1] != 0 ? whole : 0.0f));
  } else {
    return static_cast<T>(f(static_cast<int32_t>(x)...));
  }
}

template <class T, class F, size_t... I>
RL_INLINE void small_integer_loop(F f, const void* const* in, void* result, int64_t n,
                                  std::index_sequence<I...>) {
  T* HWY_RESTRICT out = static_cast<T*>(result);
  const T* x[] = {static_cast<const T*>(in[I])...};  // a byte that is written might alias `in` itself
  for (int64_t i = 0; i < n; ++i) out[i] = small_integer<T>(f, x[I][i]...);
}

template <class T>
BlockKernel small_integer_kernel(Formula formula) {
  switch (formula) {
#define RL_SMALL_CASE(kArity, Formula_)                                         \
  case Formula::Formula_:                                                       \
    if constexpr (is_brief_of_integers(Formula::Formula_)) {                    \
      return [](const void* const* in, void* out, int64_t n, const Params& p) { \
        small_integer_loop<T>(make_formula<Formula_, int32_t>(p), in, out, n,   \
                              std::make_index_sequence<kArity>());              \
      };                                                                        \
    }                                                                           \
    break;
#define RL_CASE_UNARY(Formula, Types) RL_SMALL_CASE(1, Formula)
#define RL_CASE_BINARY(Formula, Types) RL_SMALL_CASE(2, Formula)
#define RL_CASE_TERNARY(Formula, Types)
#define RL_CASE_MASKED(Formula, Types)
#include "rushlight/kernels/cpu/formula_cases-inl.h"
#undef RL_SMALL_CASE
    default: return nullptr;
  }
  return nullptr;
}

#if HWY_TARGET != HWY_SCALAR

// A formula of floats on pairs of vectors.
template <class H, class F>
struct Widened {
  F f;
  static RL_INLINE FloatPair load(const uint16_t* p) { return load_pair(reinterpret_cast<const H*>(p)); }
  static RL_INLINE FloatPair spread(float x) { return {hn::Set(FloatTag(), x), hn::Set(FloatTag(), x)}; }
  static RL_INLINE void store(FloatPair x, uint16_t* p) { store_pair(x, reinterpret_cast<H*>(p)); }
  template <class... Pairs>
  RL_INLINE FloatPair operator()(Pairs... x) const {
    return {f(Simd<float>(x.low)...).raw, f(Simd<float>(x.high)...).raw};
  }
};

// What the sign bit alone decides needs no float.
struct Bits {
  using D = hn::Repartition<uint16_t, FloatTag>;
  using V = hn::Vec<D>;
  static RL_INLINE V load(const uint16_t* p) { return hn::LoadU(D(), p); }
  static RL_INLINE void store(V x, uint16_t* p) { hn::StoreU(x, D(), p); }
  // Of a number only the sign is asked for, as copysign's second operand.
  static RL_INLINE V spread(float x) { return hn::Set(D(), std::signbit(x) ? 0x8000 : 0); }
  static RL_INLINE V sign() { return hn::Set(D(), 0x8000); }
};
struct NegBits : Bits {
  RL_INLINE V operator()(V x) const { return hn::Xor(x, sign()); }
};
struct AbsBits : Bits {
  RL_INLINE V operator()(V x) const { return hn::AndNot(sign(), x); }
};
struct CopysignBits : Bits {
  RL_INLINE V operator()(V x, V y) const { return hn::Or(hn::AndNot(sign(), x), hn::And(sign(), y)); }
};

// An operand of narrow_loop: elements,
template <class F>
struct NarrowElements : Stream<uint16_t, kPairLanes> {
  RL_INLINE NarrowElements(const void* const* in, int k, const Params& p, uint16_t* room)
      : Stream<uint16_t, kPairLanes>(in, k, p, room) {}
  RL_INLINE auto next() {
    const auto x = F::load(at);
    at += step;
    return x;
  }
  RL_INLINE auto rest(size_t bytes) const {
    uint16_t padded[kPairLanes] = {};
    std::memcpy(padded, at, bytes);
    return F::load(padded);
  }
};
// or a float for all of them.
template <class F>
struct ElementsOrNumber {
  NarrowElements<F> elements;
  bool is_number;
  decltype(F::load(nullptr)) number{};
  RL_INLINE ElementsOrNumber(const void* const* in, int k, const Params& p, uint16_t* room)
      : elements(in, k, p, room), is_number((p.numbers >> k & 1) != 0) {
    if (is_number) number = F::spread(*static_cast<const float*>(in[k]));
  }
  RL_INLINE auto next() { return is_number ? number : elements.next(); }
  RL_INLINE auto rest(size_t bytes) const { return is_number ? number : elements.rest(bytes); }
};

// Of two zeros PyTorch's fmax and fmin of BFloat16 return the second, those of other dtypes the first.
template <class F>
struct SecondOfZeros : F {
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return F::operator()(b, a);
  }
};
template <class H, class F>
RL_INLINE auto of_dtype(F f) {
  constexpr bool kExtreme = std::is_same_v<F, Fmax> || std::is_same_v<F, Fmin>;
  if constexpr (kExtreme && std::is_same_v<H, BFloat16>) return Widened<H, SecondOfZeros<F>>{};
  else return Widened<H, F>{f};
}

template <bool kNumbers, class F, size_t... I>
RL_INLINE void narrow_loop(F f, const void* const* in, void* result, int64_t n, const Params& p,
                           std::index_sequence<I...> order) {
  if constexpr (!kNumbers && sizeof...(I) > 1) {
    if (p.numbers != 0) return narrow_loop<true>(f, in, result, n, p, order);
  }
  HWY_ALIGN uint16_t room[sizeof...(I)][kPairLanes];
  std::conditional_t<kNumbers, ElementsOrNumber<F>, NarrowElements<F>> x[] = {{in, I, p, room[I]}...};
  uint16_t* out = static_cast<uint16_t*>(result);
  int64_t i = 0;
  if constexpr (kNumbers && sizeof...(I) == 3) {  // what depends on a number alone is computed once
    if (x[2].is_number) {
      for (; i + kPairLanes <= n; i += kPairLanes)
        F::store(f(x[0].next(), x[1].next(), x[2].number), out + i);
    }
  }
  for (; i + kPairLanes <= n; i += kPairLanes) F::store(f(x[I].next()...), out + i);
  if (i == n) return;
  const size_t bytes = static_cast<size_t>(n - i) * sizeof(uint16_t);
  uint16_t last[kPairLanes];
  F::store(f(x[I].rest(bytes)...), last);
  std::memcpy(out + i, last, bytes);
}

template <int kArity, class F>
BlockKernel bits_kernel() {
  return [](const void* const* in, void* out, int64_t n, const Params& p) {
    narrow_loop<false>(F{}, in, out, n, p, std::make_index_sequence<kArity>());
  };
}

// Longer formulas that such results let do with less; their vectors go through a block, since two at once
// would not fit the registers.
struct ShortSin {
  RL_INLINE Simd<float> operator()(Simd<float> x) const { return sin_short(x); }
};
struct ShortCos {
  RL_INLINE Simd<float> operator()(Simd<float> x) const { return cos_short(x); }
};
template <DType kDType, class F>
void short_block(const void* const* in, void* result, int64_t n, const Params& p) {
  const cpu::Load load = cpu::load_function(kDType, Compute::Float);
  const cpu::Store store = cpu::store_function(Compute::Float, kDType);
  const uint16_t* from = static_cast<const uint16_t*>(in[0]);
  uint16_t* to = static_cast<uint16_t*>(result);
  HWY_ALIGN float block[cpu::kBlock];
  const void* const floats[] = {block};
  for (int64_t i = 0; i < n; i += cpu::kBlock) {
    const int64_t count = std::min(cpu::kBlock, n - i);
    load(from + i, 1, block, count);
    loop<false, float>(F(), floats, block, count, p, std::make_index_sequence<1>());
    store(block, to + i, 1, count);
  }
}
template <class F>
BlockKernel short_kernel(DType dtype) {
  return dtype == DType::Float16 ? &short_block<DType::Float16, F> : &short_block<DType::BFloat16, F>;
}

BlockKernel narrow_float_kernel(Formula formula, DType dtype) {
  switch (formula) {
    case Formula::Sin: return short_kernel<ShortSin>(dtype);
    case Formula::Cos: return short_kernel<ShortCos>(dtype);
    case Formula::Neg: return bits_kernel<1, NegBits>();
    case Formula::Abs: return bits_kernel<1, AbsBits>();
    case Formula::Copysign: return bits_kernel<2, CopysignBits>();
    default: break;
  }
  const auto choose = [&]<class H>() -> BlockKernel {
    if constexpr (kHasPairs<H>) {
      switch (formula) {
#define RL_NARROW_CASE(kArity, Formula_)                                                 \
  case Formula::Formula_:                                                                \
    if constexpr (is_brief(Formula::Formula_)) {                                         \
      return [](const void* const* in, void* out, int64_t n, const Params& p) {          \
        narrow_loop<false>(of_dtype<H>(make_formula<Formula_, float>(p)), in, out, n, p, \
                           std::make_index_sequence<kArity>());                          \
      };                                                                                 \
    }                                                                                    \
    break;
#define RL_CASE_UNARY(Formula, Types) RL_NARROW_CASE(1, Formula)
#define RL_CASE_BINARY(Formula, Types) RL_NARROW_CASE(2, Formula)
#define RL_CASE_TERNARY(Formula, Types) RL_NARROW_CASE(3, Formula)
#define RL_CASE_MASKED(Formula, Types)
#include "rushlight/kernels/cpu/formula_cases-inl.h"
#undef RL_NARROW_CASE
        default: break;
      }
    }
    return nullptr;
  };
  return dtype == DType::Float16 ? choose.operator()<Half>() : choose.operator()<BFloat16>();
}

#else

BlockKernel narrow_float_kernel(Formula, DType) { return nullptr; }

#endif

BlockKernel narrow_kernel(Formula formula, DType dtype) {
  switch (dtype) {
    case DType::Int8: return small_integer_kernel<int8_t>(formula);
    case DType::UInt8: return small_integer_kernel<uint8_t>(formula);
    case DType::Int16: return small_integer_kernel<int16_t>(formula);
    case DType::Float16:
    case DType::BFloat16: return narrow_float_kernel(formula, dtype);
    default: return nullptr;
  }
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(narrow_kernel);
cpu::BlockKernel find_narrow_kernel(cpu::Formula formula, DType dtype) {
  return HWY_DYNAMIC_DISPATCH(narrow_kernel)(formula, dtype);
}
}  // namespace rushlight::math
#endif

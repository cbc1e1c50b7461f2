// Loops over a block for any formula: vectors of floats, plain numbers of the other types.
#if defined(RUSHLIGHT_CPU_POINTWISE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_CPU_POINTWISE_INL_H_
#undef RUSHLIGHT_CPU_POINTWISE_INL_H_
#else
#define RUSHLIGHT_CPU_POINTWISE_INL_H_
#endif

#include <algorithm>
#include <utility>

#include "rushlight/kernels/cpu/pointwise.h"
#include "rushlight/kernels/math/formulas-inl.h"

RL_MATH_BEGIN

using cpu::BlockKernel;
using cpu::Compute;
using cpu::Formula;
using cpu::Params;

// The formulas of a few instructions, beside which those of a loop count: they have narrow kernels, and loops
// that are unrolled. Their result has the dtype of the operands.
constexpr bool is_brief(Formula formula) {
  using enum Formula;
  constexpr Formula kBrief[] = {
      // clang-format off
      Add, Sub, Mul, Div, AddScaled, SubScaled, Maximum, Minimum, Fmax, Fmin, SquaredDifference,
      Sqrt, Rsqrt, Reciprocal, Sign, Angle, Deg2Rad, Rad2Deg, Floor, Ceil, Trunc, Round, Frac, NanToNum,
      Clamp, ClampMin, ClampMax, ClampTensor, Lerp, Addcmul, Addcdiv,
      Relu, Threshold, Hardtanh, LeakyRelu, Prelu, Hardsigmoid, Hardswish, Softshrink, Hardshrink,
      SigmoidBackward, TanhBackward, ThresholdBackward, HardtanhBackward, LeakyReluBackward,
      // clang-format on
  };
  for (const Formula f : kBrief)
    if (f == formula) return true;
  return false;
}

// The same for integers.
constexpr bool is_brief_of_integers(Formula formula) {
  using enum Formula;
  constexpr Formula kBrief[] = {
      // clang-format off
      Add, Sub, Mul, AddScaled, SubScaled, Neg, Abs, Sign, Maximum, Minimum, Clamp, ClampMin, ClampMax, Relu,
      BitwiseAnd, BitwiseOr, BitwiseXor, BitwiseNot, LeftShift, RightShift,
      FloorDivide, TruncDivide, Fmod, Remainder,
      // clang-format on
  };
  for (const Formula f : kBrief)
    if (f == formula) return true;
  return false;
}

template <class T>
inline constexpr bool kVectorised = std::is_same_v<T, float> || std::is_same_v<T, double>;

template <class S>
RL_INLINE S parameter(const Params& p, int i) {
  if constexpr (std::is_integral_v<S>) return static_cast<S>(p.integer[i]);
  else if constexpr (kIsComplex<S>)
    return S(static_cast<decltype(S::re)>(p.number[i]), static_cast<decltype(S::re)>(p.imag[i]));
  else return static_cast<S>(p.number[i]);
}

// A formula is a plain struct, or a template on the scalar type that holds up to three parameters.
template <class F, class S>
RL_INLINE F make_formula(const Params&) {
  return F{};
}
template <template <class> class F, class S>
RL_INLINE F<S> make_formula(const Params& p) {
  if constexpr (requires { F<S>{S{}, S{}, S{}}; })
    return F<S>{parameter<S>(p, 0), parameter<S>(p, 1), parameter<S>(p, 2)};
  else if constexpr (requires { F<S>{S{}, S{}}; }) return F<S>{parameter<S>(p, 0), parameter<S>(p, 1)};
  else return F<S>{parameter<S>(p, 0)};
}

template <class T, class M>
RL_INLINE void put(SimdMask<M> m, T* out) {
  store_mask(m, out);
}
template <class T, class S>
RL_INLINE void put(Simd<S> v, T* out) {
  v.store(out);
}
template <class T, class M>
RL_INLINE void put_part(SimdMask<M> m, T* out, int64_t n) {
  store_mask_part(m, out, n);
}
template <class T, class S>
RL_INLINE void put_part(Simd<S> v, T* out, int64_t n) {
  v.store_part(out, n);
}

template <class R>
struct StoredAs {
  using type = R;
};
template <class T>
struct StoredAs<Simd<T>> {
  using type = T;
};
template <class T>
struct StoredAs<SimdMask<T>> {
  using type = bool;
};

// An operand of a loop over vectors of kLanes; an element that is repeated becomes a vector in `room`. That
// is written by one store: the loads would wait for several.
template <class T, int64_t kLanes = Simd<T>::kLanes>
struct Stream {
  const T* at;
  int64_t step = kLanes;
  RL_INLINE Stream(const void* const* in, int k, const Params& p, T* room)
      : at(static_cast<const T*>(in[k])) {
    if ((p.repeated >> k & 1) == 0) return;
    if constexpr (std::is_same_v<T, bool>) std::fill_n(room, kLanes, *at);
    else hn::StoreU(hn::Set(hn::CappedTag<T, kLanes>(), *at), hn::CappedTag<T, kLanes>(), room);
    at = room;
    step = 0;
  }
};

#if HWY_TARGET != HWY_SCALAR
// Division of 64-bit integers: one at a time takes many cycles, so vectors of numbers that doubles hold go
// through these. Added to the bits of 1.5 * 2^52, an integer below 2^51 is that double's last digits.
template <class F>
constexpr int whole_bits() {
  if constexpr (requires { F::kWholeBits; }) return F::kWholeBits;
  else return 51;
}
template <class F>
constexpr bool takes_any_divisor() {
  return requires { F::kAnyDivisor; };
}
template <class F>
RL_INLINE void divide_loop(F f, const int64_t* a, const int64_t* b, int64_t* out, int64_t n) {
  using V = Simd<double>;
  const typename V::IntTag d;
  const V magic(6755399441055744.0);
  constexpr int kBits = whole_bits<F>();
  const auto limit = hn::Set(d, int64_t{1} << kBits);
  const auto whole = [&](auto x) HWY_ATTR { return V::from_bits(hn::Add(x, magic.bits())) - magic; };
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) {
    const auto x = hn::LoadU(d, a + i), y = hn::LoadU(d, b + i);
    const auto beyond = hn::ShiftRight<kBits + 1>(
        hn::BitCast(hn::RebindToUnsigned<decltype(d)>(), hn::Or(hn::Add(x, limit), hn::Add(y, limit))));
    auto hard = hn::Ne(hn::BitCast(d, beyond), hn::Zero(d));
    if constexpr (!takes_any_divisor<F>()) hard = hn::Or(hard, hn::Eq(y, hn::Zero(d)));
    if (HWY_LIKELY(hn::AllFalse(d, hard))) {
      const V result = f.of_whole(whole(x), whole(y)) + magic;
      hn::StoreU(hn::Sub(result.bits(), magic.bits()), d, out + i);
    } else {
      for (int64_t k = i; k < i + V::kLanes; ++k) out[k] = f(a[k], b[k]);
    }
  }
  for (; i < n; ++i) out[i] = f(a[i], b[i]);
}
#endif

template <class M>
inline constexpr bool kIsMask = false;
template <class T>
inline constexpr bool kIsMask<SimdMask<T>> = true;

// Two vectors in a turn, mostly a whole line of the cache: Zen 3 takes up to a quarter longer for sums whose
// lines are filled by halves. `of` gives the vector which begins at an element. Returns how many elements are
// done.
template <class T, class Of>
RL_INLINE int64_t loop_in_pairs(Of of, T* out, int64_t n) {
  constexpr int64_t kLanes = Simd<T>::kLanes;
  int64_t i = 0;
  for (; i + 2 * kLanes <= n; i += 2 * kLanes) {
    const Simd<T> first = of(i), second = of(i + kLanes);
    put(first, out + i);
    put(second, out + i + kLanes);
  }
  return i;
}

// An operand of which each vector is read, or one that is the same number throughout.
template <class T, bool kNumber>
struct Dense {
  const T* at;
  RL_INLINE explicit Dense(const T* first) : at(first) {}
  RL_INLINE Simd<T> operator()(int64_t i) const { return Simd<T>::load(at + i); }
};
template <class T>
struct Dense<T, true> {
  Simd<T> number;
  RL_INLINE explicit Dense(const T* first) : number(*first) {}
  RL_INLINE Simd<T> operator()(int64_t) const { return number; }
};

// The loop for operands of which those in kRepeated are numbers: what depends on these alone is computed
// once.
template <uint32_t kRepeated, class T, class F, size_t... I>
RL_INLINE int64_t loop_with_numbers(F f, const void* const* in, T* out, int64_t n,
                                    std::index_sequence<I...>) {
  const auto loop = [&](auto... x) HWY_ATTR {
    return loop_in_pairs<T>([&](int64_t i) HWY_ATTR { return f(x(i)...); }, out, n);
  };
  return loop(Dense<T, (kRepeated >> I & 1) != 0>(static_cast<const T*>(in[I]))...);
}

// A brief formula of dense operands, one of which may be a number.
template <class T, class F, size_t... I>
RL_INLINE int64_t brief_loop(F f, const void* const* in, T* out, int64_t n, const Params& p,
                             std::index_sequence<I...> order) {
  if (p.repeated == 0) return loop_with_numbers<0>(f, in, out, n, order);
  int64_t done = 0;
  if constexpr (sizeof...(I) > 1)
    (void)((p.repeated == 1u << I && (done = loop_with_numbers<1u << I>(f, in, out, n, order), true)) || ...);
  return done;
}

template <bool kBrief, class T, class F, size_t... I>
RL_INLINE void loop(F f, const void* const* in, void* result, int64_t n, const Params& p,
                    std::index_sequence<I...> order) {
  if constexpr (kVectorised<T>) {
    using V = Simd<T>;
    using R = decltype(f((static_cast<void>(I), V())...));
    auto* out = static_cast<typename StoredAs<R>::type*>(result);
    HWY_ALIGN T room[sizeof...(I)][V::kLanes];
    Stream<T> x[] = {{in, I, p, room[I]}...};
    int64_t i = 0;
#if HWY_TARGET != HWY_SCALAR
    if constexpr (kIsMask<R>) {
      constexpr int kAtOnce = kMasksAtOnce<T>;
      for (; i + kAtOnce * V::kLanes <= n; i += kAtOnce * V::kLanes) {
        R masks[kAtOnce];
        for (R& m : masks) {
          m = f(V::load(x[I].at)...);
          ((x[I].at += x[I].step), ...);
        }
        store_masks(masks, out + i);
      }
    }
#endif
    if constexpr (kBrief) {
      i = brief_loop(f, in, out, n, p, order);
      ((x[I].at += i / V::kLanes * x[I].step), ...);
    }
    for (; i + V::kLanes <= n; i += V::kLanes) {
      put(f(V::load(x[I].at)...), out + i);
      ((x[I].at += x[I].step), ...);
    }
    if (i < n) put_part(f(V::load_part(x[I].at, n - i)...), out + i, n - i);
#if HWY_TARGET != HWY_SCALAR
  } else if constexpr (std::is_same_v<T, int64_t> &&
                       requires { f.of_whole(Simd<double>(), Simd<double>()); }) {
    divide_loop(f, static_cast<const T*>(in[I])..., static_cast<T*>(result), n);
#endif
  } else {
    using R = decltype(f((static_cast<void>(I), T())...));
    auto* HWY_RESTRICT out = static_cast<R*>(result);
    int64_t i = 0;
    if constexpr (requires { f.together(static_cast<const T*>(in[I])..., static_cast<T*>(result)); })
      for (; i + f.kAtOnce <= n; i += f.kAtOnce) f.together(static_cast<const T*>(in[I]) + i..., out + i);
    if constexpr (kBrief && sizeof(R) == sizeof(T)) {  // whole lines, as loop_in_pairs
      constexpr int64_t kLine = 64 / sizeof(R);
      for (; i + kLine <= n; i += kLine)
        for (int64_t k = i; k < i + kLine; ++k) out[k] = f(static_cast<const T*>(in[I])[k]...);
    }
    for (; i < n; ++i) out[i] = f(static_cast<const T*>(in[I])[i]...);
  }
}

template <int kArity, Formula kFormula, class T, class F>
void run_block(F f, const void* const* in, void* out, int64_t n, const Params& p) {
  constexpr bool kBrief = std::is_integral_v<T> ? is_brief_of_integers(kFormula) : is_brief(kFormula);
  loop<kBrief, T>(f, in, out, n, p, std::make_index_sequence<kArity>());
}

// A choice between numbers does not read them: those of 4 and 8 bytes go in vectors of floats.
template <class T>
using Chosen = std::conditional_t<sizeof(T) == 4, float, std::conditional_t<sizeof(T) == 8, double, T>>;

// where(mask, a, b): the first input is bool.
template <class Number, class F>
void run_masked_block(F f, const void* const* in, void* result, int64_t n, const Params& p) {
  using T = Chosen<Number>;
  T* out = static_cast<T*>(result);
  if constexpr (kVectorised<T>) {
    using V = Simd<T>;
    bool mask_room[V::kLanes];
    HWY_ALIGN T room[2][V::kLanes];
    Stream<bool, V::kLanes> mask(in, 0, p, mask_room);
    Stream<T> a(in, 1, p, room[0]), b(in, 2, p, room[1]);
    const auto next = [&]() HWY_ATTR {
      const V chosen = f(load_mask<T>(mask.at), V::load(a.at), V::load(b.at));
      mask.at += mask.step, a.at += a.step, b.at += b.step;
      return chosen;
    };
    int64_t i = 0;
    for (; i + 2 * V::kLanes <= n; i += 2 * V::kLanes) {
      const V first = next(), second = next();
      first.store(out + i);
      second.store(out + i + V::kLanes);
    }
    for (; i + V::kLanes <= n; i += V::kLanes) next().store(out + i);
    if (i < n)
      f(load_mask_part<T>(mask.at, n - i), V::load_part(a.at, n - i), V::load_part(b.at, n - i))
          .store_part(out + i, n - i);
  } else {
    const bool* mask = static_cast<const bool*>(in[0]);
    const T *a = static_cast<const T*>(in[1]), *b = static_cast<const T*>(in[2]);
    for (int64_t i = 0; i < n; ++i) out[i] = mask[i] ? a[i] : b[i];
  }
}

// The letters of the Types column.
template <class T>
inline constexpr int kKind = kVectorised<T>  ? 0
                             : kIsComplex<T> ? 1
                                             : 2;
#define RL_TYPES_R(kind) ((kind) == 0)
#define RL_TYPES_RC(kind) ((kind) <= 1)
#define RL_TYPES_RI(kind) ((kind) != 1)
#define RL_TYPES_RIC(kind) true
#define RL_TYPES_I(kind) ((kind) == 2)

template <class F>
constexpr BlockKernel kernel_table_entry(Compute compute, F&& make) {
  switch (compute) {
    case Compute::Float: return make.template operator()<float>();
    case Compute::Double: return make.template operator()<double>();
    case Compute::Int32: return make.template operator()<int32_t>();
    case Compute::Int64: return make.template operator()<int64_t>();
    case Compute::UInt64: return make.template operator()<uint64_t>();
    case Compute::Complex64: return make.template operator()<Complex<float>>();
    case Compute::Complex128: return make.template operator()<Complex<double>>();
  }
  return nullptr;
}

// One case of a switch over formulas: the kernel for `compute`, or nullptr where Types leaves the type out.
#define RL_KERNEL_CASE(run, Formula_, Types)                                      \
  case cpu::Formula::Formula_:                                                    \
    return kernel_table_entry(compute, []<class T>() -> BlockKernel {             \
      if constexpr (RL_TYPES_##Types(kKind<T>)) {                                 \
        return [](const void* const* in, void* out, int64_t n, const Params& p) { \
          run(make_formula<Formula_, T>(p), in, out, n, p);                       \
        };                                                                        \
      } else {                                                                    \
        return nullptr;                                                           \
      }                                                                           \
    });

RL_MATH_END

#endif

#include "rushlight/kernels/cpu/random.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "rushlight/core/error.h"
#include "rushlight/kernels/cpu/convert.h"
#include "rushlight/kernels/cpu/random_visit.h"

// The vectorised fills; kernels/cpu/random_scalar.cpp has the others. A block of draws is made by the
// generator, then turned into values by a function of the processor's best target.

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/random.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/box_muller-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rushlight::cpu::HWY_NAMESPACE {
namespace {
namespace hn = hwy::HWY_NAMESPACE;

// [0, 1) from 24 bits of each draw.
template <FloatTag D>
HWY_INLINE hn::Vec<D> unit(D d, const uint32_t* words) {
  const hn::RebindToSigned<D> di;
  const hn::RebindToUnsigned<D> du;
  const auto bits = hn::And(hn::LoadU(du, words), hn::Set(du, 0xffffffu));
  return hn::Mul(hn::ConvertTo(d, hn::BitCast(di, bits)), hn::Set(d, 0x1p-24f));
}

// Two draws a lane: the first, which counts as the upper half, is the lower half here.
template <class D>
HWY_INLINE hn::Vec<D> load_pairs(D d, const uint32_t* words) {
  return hn::BitCast(d, hn::LoadU(hn::Repartition<uint32_t, D>(), words));
}

// [0, 1) from 53 bits of two draws: 21 of the first above 32 of the second. Each part becomes the mantissa of
// a double of known exponent.
template <DoubleTag D>
HWY_INLINE hn::Vec<D> unit(D d, const uint32_t* words) {
  const hn::RebindToUnsigned<D> du;
  const auto lane = load_pairs(du, words);
  const auto high = hn::Or(hn::And(lane, hn::Set(du, 0x1fffffu)), hn::BitCast(du, hn::Set(d, 0x1p84)));
  const auto low = hn::Or(hn::ShiftRight<32>(lane), hn::BitCast(du, hn::Set(d, 0x1p52)));
  const auto sum = hn::Add(hn::Sub(hn::BitCast(d, high), hn::Set(d, 0x1p84 + 0x1p52)), hn::BitCast(d, low));
  return hn::Mul(sum, hn::Set(d, 0x1p-53));
}

// out[i] = value(i), a vector at a time; the words behind the last value may be read, out is not overrun.
template <class D, class Value>
HWY_INLINE void store_all(D d, hn::TFromD<D>* HWY_RESTRICT out, int64_t n, const Value& value) {
  const int64_t lanes = static_cast<int64_t>(hn::Lanes(d));
  int64_t i = 0;
  for (; i + lanes <= n; i += lanes) hn::StoreU(value(i), d, out + i);
  if (i == n) return;
  HWY_ALIGN hn::TFromD<D> last[HWY_MAX_BYTES / sizeof(hn::TFromD<D>)];
  hn::Store(value(i), d, last);
  std::memcpy(out + i, last, static_cast<size_t>(n - i) * sizeof(last[0]));
}

// from + (to - from) u; a value that rounds up to `to` becomes `from`.
template <class T>
HWY_INLINE void uniform_block(const uint32_t* words, T* out, int64_t n, T from, T to) {
  const hn::ScalableTag<T> d;
  const auto start = hn::Set(d, from);
  const auto end = hn::Set(d, to);
  const auto width = hn::Set(d, to - from);
  store_all(d, out, n, [&](int64_t i) HWY_ATTR {
    const auto value = hn::MulAdd(unit(d, words + i * static_cast<int64_t>(sizeof(T) / 4)), width, start);
    return hn::IfThenElse(hn::Eq(value, end), start, value);
  });
}
void uniform_float(const uint32_t* words, float* out, int64_t n, float from, float to) {
  uniform_block(words, out, n, from, to);
}
void uniform_double(const uint32_t* words, double* out, int64_t n, double from, double to) {
  uniform_block(words, out, n, from, to);
}

// Sixteen values from sixteen uniforms: value k of the first eight pairs with k + 8. n is a multiple of 16.
template <class T>
HWY_INLINE void normal_block(const uint32_t* words, T* HWY_RESTRICT out, int64_t n, T mean, T std) {
  const hn::CappedTag<T, 8> d;
  constexpr int64_t kDraws = sizeof(T) / 4;
  const auto m = hn::Set(d, mean);
  const auto s = hn::Set(d, std);
  for (int64_t i = 0; i < n; i += 16) {
    for (int64_t j = i; j < i + 8; j += static_cast<int64_t>(hn::Lanes(d))) {
      auto u = unit(d, words + j * kDraws);
      auto v = unit(d, words + (j + 8) * kDraws);
      box_muller(d, u, v, m, s);
      hn::StoreU(u, d, out + j);
      hn::StoreU(v, d, out + j + 8);
    }
  }
}
void normal_float(const uint32_t* words, float* out, int64_t n, float mean, float std) {
  normal_block(words, out, n, mean, std);
}
void normal_double(const uint32_t* words, double* out, int64_t n, double mean, double std) {
  normal_block(words, out, n, mean, std);
}

// All bits set where the 53 bits of two draws are below `threshold`, else 0.
void below(const uint32_t* words, uint32_t* out, int64_t n, uint64_t threshold) {
  const hn::ScalableTag<int64_t> d;
  const hn::RebindToUnsigned<decltype(d)> du;
  const hn::Rebind<uint32_t, decltype(d)> d32;
  const auto limit = hn::Set(d, static_cast<int64_t>(threshold));
  store_all(d32, out, n, [&](int64_t i) HWY_ATTR {
    const auto lane = load_pairs(du, words + 2 * i);
    const auto high = hn::ShiftLeft<32>(hn::And(lane, hn::Set(du, 0x1fffffu)));
    const auto value = hn::BitCast(d, hn::Or(high, hn::ShiftRight<32>(lane)));
    return hn::TruncateTo(d32, hn::BitCast(du, hn::VecFromMask(d, hn::Lt(value, limit))));
  });
}

// words[i] %= divisor, divisor >= 2: T. Granlund and P. Montgomery, "Division by invariant integers using
// multiplication", 1994, figure 4.1. There is room for a whole vector behind the last word.
void modulo(uint32_t* words, int64_t n, uint32_t divisor) {
  const hn::ScalableTag<uint32_t> d;
  const hn::RepartitionToWide<decltype(d)> wide;
  const int log = std::bit_width(divisor - 1);
  const uint64_t excess = (uint64_t{1} << log) - divisor;
  const auto multiplier = hn::Set(d, static_cast<uint32_t>((excess << 32) / divisor + 1));
  const auto by = hn::Set(d, divisor);
  for (int64_t i = 0; i < n; i += static_cast<int64_t>(hn::Lanes(d))) {
    const auto x = hn::LoadU(d, words + i);
    const auto even = hn::ShiftRight<32>(hn::MulEven(x, multiplier));
    const auto odd = hn::MulEven(hn::BitCast(d, hn::ShiftRight<32>(hn::BitCast(wide, x))), multiplier);
    const auto high = hn::OddEven(hn::BitCast(d, odd), hn::BitCast(d, even));
    const auto sum = hn::Add(high, hn::ShiftRight<1>(hn::Sub(x, high)));
    const auto quotient = hn::ShiftRightSame(sum, log - 1);
    hn::StoreU(hn::Sub(x, hn::Mul(quotient, by)), d, words + i);
  }
}

// scale * log(1 - u); 1 - u is exact, so this is log1p.
void scaled_log(const uint32_t* words, double* out, int64_t n, double scale) {
  const hn::ScalableTag<double> d;
  const auto factor = hn::Set(d, scale);
  store_all(d, out, n, [&](int64_t i) HWY_ATTR {
    return hn::Mul(factor, log_unit(d, hn::Sub(hn::Set(d, 1.0), unit(d, words + 2 * i))));
  });
}

}  // namespace
}  // namespace rushlight::cpu::HWY_NAMESPACE
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rushlight::cpu {
namespace {

HWY_EXPORT(uniform_float);
HWY_EXPORT(uniform_double);
HWY_EXPORT(normal_float);
HWY_EXPORT(normal_double);
HWY_EXPORT(below);
HWY_EXPORT(modulo);
HWY_EXPORT(scaled_log);

constexpr int64_t kBlock = 1024;  // elements; a multiple of 16

struct alignas(64) Words {
  uint32_t data[2 * kBlock + 16];  // two draws an element, and the room that the loops above ask for
};

// Calls f(words, begin, count) for blocks of elements of `draws` draws each.
template <int draws, class F>
void for_each_block(Generator& generator, int64_t n, F&& f) {
  Words words;
  for (int64_t begin = 0; begin < n; begin += kBlock) {
    const int64_t count = std::min(kBlock, n - begin);
    generator.generate(words.data, count * draws);
    f(words.data, begin, count);
  }
}

void uniform_words(const uint32_t* words, float* out, int64_t n, float from, float to) {
  HWY_DYNAMIC_DISPATCH(uniform_float)(words, out, n, from, to);
}
void uniform_words(const uint32_t* words, double* out, int64_t n, double from, double to) {
  HWY_DYNAMIC_DISPATCH(uniform_double)(words, out, n, from, to);
}
void normal_words(const uint32_t* words, float* out, int64_t n, float mean, float std) {
  HWY_DYNAMIC_DISPATCH(normal_float)(words, out, n, mean, std);
}
void normal_words(const uint32_t* words, double* out, int64_t n, double mean, double std) {
  HWY_DYNAMIC_DISPATCH(normal_double)(words, out, n, mean, std);
}

template <class T>
void uniform_fill(T* out, int64_t n, double from, double to, Generator& generator) {
  if constexpr (is_reduced<T>) {
    // What rounds up to `to` becomes `from`: here after rounding to T, which may give a zero either sign.
    const uint16_t start = T(static_cast<float>(from)).bits;
    const uint16_t end = T(static_cast<float>(to)).bits;
    const uint16_t compared = (end & 0x7fff) == 0 ? 0x7fff : 0xffff;
    const Store round = store_function(Compute::Float, dtype_of<T>);
    for_each_block<1>(generator, n, [&](const uint32_t* words, int64_t begin, int64_t count) {
      float values[kBlock];
      uniform_words(words, values, count, static_cast<float>(from), static_cast<float>(to));
      T* block = out + begin;
      round(values, block, 1, count);
      for (int64_t i = 0; i < count; ++i) {
        const uint16_t bits = block[i].bits;
        block[i].bits = ((bits ^ end) & compared) == 0 ? start : bits;
      }
    });
  } else {
    for_each_block<sizeof(T) / 4>(generator, n, [&](const uint32_t* words, int64_t begin, int64_t count) {
      uniform_words(words, out + begin, count, static_cast<T>(from), static_cast<T>(to));
    });
  }
}

// 16 <= n. Returns after `n` rounded down to 16 values and, if that leaves some, the last 16 once more.
template <class T>
void normal_fill(T* out, int64_t n, double mean, double std, Generator& generator) {
  using Real = compute_type<T>;
  constexpr int kDraws = sizeof(Real) / 4;
  const auto m = static_cast<Real>(mean);
  const auto s = static_cast<Real>(std);
  const auto fill = [&](T* to, int64_t size) {
    for_each_block<kDraws>(generator, size, [&](const uint32_t* words, int64_t begin, int64_t count) {
      if constexpr (is_reduced<T>) {
        float values[kBlock];
        normal_words(words, values, count, m, s);
        store_function(Compute::Float, dtype_of<T>)(values, to + begin, 1, count);
      } else {
        normal_words(words, to + begin, count, m, s);
      }
    });
  };
  const int64_t rest = n % 16;
  fill(out, n - rest);
  if (rest == 0) return;
  // PyTorch makes uniforms for the rest in place, then overwrites them; its 16-bit loop never makes them.
  Words discarded;
  if (!is_reduced<T>) generator.generate(discarded.data, rest * kDraws);
  fill(out + n - 16, 16);
}

// The unsigned threshold t for which x < t is (x * 2^-53) < p, for integers x below 2^53.
uint64_t threshold_of(double p) { return static_cast<uint64_t>(std::ceil(p * 0x1p53)); }

template <class T>
using Bits = std::conditional_t<
    sizeof(T) == 1, uint8_t,
    std::conditional_t<sizeof(T) == 2, uint16_t, std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>>>;

template <class T>
void bernoulli_fill(T* out, int64_t n, double p, T on, Generator& generator) {
  const uint64_t threshold = threshold_of(p);
  const auto on_bits = std::bit_cast<Bits<T>>(on);
  for_each_block<2>(generator, n, [&](const uint32_t* words, int64_t begin, int64_t count) {
    uint32_t hits[kBlock];
    HWY_DYNAMIC_DISPATCH(below)(words, hits, count, threshold);
    for (int64_t i = 0; i < count; ++i) {
      const auto mask = static_cast<Bits<T>>(static_cast<int32_t>(hits[i]));  // no branch: it would be random
      out[begin + i] = std::bit_cast<T>(static_cast<Bits<T>>(mask & on_bits));
    }
  });
}

template <class T>
T from_integer(uint64_t value) {
  return static_cast<T>(static_cast<int64_t>(value));
}

template <class T>
void range_fill(T* out, int64_t n, uint64_t range, int64_t base, Generator& generator) {
  const uint64_t offset = static_cast<uint64_t>(base);
  if (range < uint64_t{1} << 28) {
    for_each_block<1>(generator, n, [&](uint32_t* words, int64_t begin, int64_t count) {
      if (range == 1) {
        std::fill_n(words, count, 0u);
      } else {
        HWY_DYNAMIC_DISPATCH(modulo)(words, count, static_cast<uint32_t>(range));
      }
      for (int64_t i = 0; i < count; ++i) out[begin + i] = from_integer<T>(words[i] + offset);
    });
  } else {
    for_each_block<2>(generator, n, [&](const uint32_t* words, int64_t begin, int64_t count) {
      for (int64_t i = 0; i < count; ++i) {
        const uint64_t draw = uint64_t{words[2 * i]} << 32 | words[2 * i + 1];
        out[begin + i] = from_integer<T>(draw % range + offset);
      }
    });
  }
}

}  // namespace

void uniform(DType dtype, void* out, int64_t n, double from, double to, Generator& generator) {
  if (n == 0) return;
  visit_floating(dtype, "uniform_kernel_cpu", [&]<class T>() {
    const auto held = generator.lock();
    uniform_fill(static_cast<T*>(out), n, from, to, generator);
  });
}

void normal(DType dtype, void* out, int64_t n, double mean, double std, Generator& generator,
            bool contiguous) {
  if (n == 0) return;
  visit_floating(dtype, "normal_kernel_cpu", [&]<class T>() {
    const auto held = generator.lock();
    T* values = static_cast<T*>(out);
    if (n >= 16 && contiguous) return normal_fill(values, n, mean, std, generator);
    for (int64_t i = 0; i < n; ++i) values[i] = static_cast<T>(std::fma(generator.next_normal(), std, mean));
  });
}

void bernoulli(DType dtype, void* out, int64_t n, double p, Generator& generator) {
  if (n == 0) return;
  visit_random_type(dtype, "bernoulli_scalar_cpu_", [&]<class T>() {
    const auto held = generator.lock();
    bernoulli_fill(static_cast<T*>(out), n, p, T(1), generator);
  });
}

void dropout_mask(DType dtype, void* out, int64_t n, double p, Generator& generator) {
  if (n == 0) return;
  visit_floating(dtype, "bernoulli_scalar_cpu_", [&]<class T>() {
    using Real = compute_type<T>;
    const auto held = generator.lock();
    const Real scale = Real(1) / static_cast<Real>(1 - p);
    bernoulli_fill(static_cast<T*>(out), n, 1 - p, static_cast<T>(scale), generator);
  });
}

void random_range(DType dtype, void* out, int64_t n, uint64_t range, int64_t base, Generator& generator) {
  if (n == 0) return;
  RL_CHECK(range > 0, "random_ expects a range of at least one value");
  visit_dtype(dtype, [&]<class T>() {
    if constexpr (is_complex(dtype_of<T>)) {
      not_implemented("random_from_to_kernel_cpu", dtype);
    } else {
      const auto held = generator.lock();
      range_fill(static_cast<T*>(out), n, range, base, generator);
    }
  });
}

void scaled_log_uniform(double* out, int64_t n, double scale, Generator& generator) {
  for_each_block<2>(generator, n, [&](const uint32_t* words, int64_t begin, int64_t count) {
    HWY_DYNAMIC_DISPATCH(scaled_log)(words, out + begin, count, scale);
  });
}

}  // namespace rushlight::cpu
#endif  // HWY_ONCE

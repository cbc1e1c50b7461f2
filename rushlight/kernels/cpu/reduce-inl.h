// The reductions over blocks. Simple ones are a monoid: a map, an associative combination and its identity.
// Floats are combined in vectors within a block of at most kPart elements (or kRows rows) and the blocks in
// the wider type A.
#if defined(RUSHLIGHT_CPU_REDUCE_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_CPU_REDUCE_INL_H_
#undef RUSHLIGHT_CPU_REDUCE_INL_H_
#else
#define RUSHLIGHT_CPU_REDUCE_INL_H_
#endif

#include <algorithm>
#include <limits>

#include "rushlight/kernels/cpu/reduce_kernels.h"
#include "rushlight/kernels/math/formulas-inl.h"

RL_MATH_BEGIN

using cpu::Compute;
using cpu::ReduceKernel;

template <class T>
inline constexpr bool kIsVector = std::is_same_v<T, float> || std::is_same_v<T, double>;
inline constexpr int64_t kPart = 512;
inline constexpr int64_t kRows = 16;

// ---- maps: what is combined, as the compute type

struct Itself {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x;
  }
};
struct NanToZero {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return select(x == x, x, V(ScalarOf<V>(0)));
  }
};
struct Nonzero {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return select(x != V(ScalarOf<V>(0)), V(ScalarOf<V>(1)), V(ScalarOf<V>(0)));
  }
};
struct Magnitude {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return abs(x);
  }
};
struct Squared {
  template <class V>
  RL_INLINE V operator()(V x) const {
    return x * x;
  }
};

// ---- combinations

struct Plus {
  template <class A>
  static A identity() {
    return A(0);
  }
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return add(a, b);
  }
};
struct Times {
  template <class A>
  static A identity() {
    return A(1);
  }
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    return mul(a, b);
  }
};
// A NaN on either side stays. The vectors of raw_max and raw_min have NaN where the second operand has it:
// x86 returns that operand, Arm any NaN.
struct Larger {
  template <class A>
  static A identity() {
    if constexpr (std::is_integral_v<A>) return std::numeric_limits<A>::lowest();
    else return -std::numeric_limits<A>::infinity();
  }
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    if constexpr (std::is_arithmetic_v<V>) return a > b || isnan(a) ? a : b;
    else return select(isnan(a), a, raw_max(a, b));
  }
};
struct Smaller {
  template <class A>
  static A identity() {
    if constexpr (std::is_integral_v<A>) return std::numeric_limits<A>::max();
    else return std::numeric_limits<A>::infinity();
  }
  template <class V>
  RL_INLINE V operator()(V a, V b) const {
    if constexpr (std::is_arithmetic_v<V>) return a < b || isnan(a) ? a : b;
    else return select(isnan(a), a, raw_min(a, b));
  }
};

// All lanes of a vector combined into one number.
template <class T, class Combine>
RL_INLINE T across(Simd<T> v, Combine combine) {
  using V = Simd<T>;
  [[maybe_unused]] const typename V::D d;
  if constexpr (V::kLanes >= 16) v = combine(v, V(hn::Reverse(d, v.raw)));
  if constexpr (V::kLanes >= 8) v = combine(v, V(hn::Reverse8(d, v.raw)));
  if constexpr (V::kLanes >= 4) v = combine(v, V(hn::Reverse4(d, v.raw)));
  if constexpr (V::kLanes >= 2) v = combine(v, V(hn::Reverse2(d, v.raw)));
  return hn::GetLane(v.raw);
}

template <class A, class T>
RL_INLINE A widen(T x) {
  if constexpr (std::is_same_v<A, T>) return x;
  else if constexpr (kIsComplex<T> && kIsComplex<A>) return A(x.re, x.im);
  else if constexpr (kIsComplex<T>) return A(x.re);
  else return static_cast<A>(x);
}

template <class T>
constexpr Compute compute_type() {
  if constexpr (std::is_same_v<T, float>) return Compute::Float;
  else if constexpr (std::is_same_v<T, double>) return Compute::Double;
  else if constexpr (std::is_same_v<T, int32_t>) return Compute::Int32;
  else if constexpr (std::is_same_v<T, int64_t>) return Compute::Int64;
  else if constexpr (std::is_same_v<T, uint64_t>) return Compute::UInt64;
  else if constexpr (std::is_same_v<T, Complex<float>>) return Compute::Complex64;
  else return Compute::Complex128;
}

template <class T, class A, class Map, class Combine>
struct Monoid {
  static A identity() { return Combine::template identity<A>(); }

  static void init(void* states, int64_t width) { std::fill_n(static_cast<A*>(states), width, identity()); }

  static constexpr bool kIsExtreme = std::is_same_v<Combine, Larger> || std::is_same_v<Combine, Smaller>;

  // The extreme of n >= kLanes elements, if none of them is NaN; false when one may be. Their sum tells, for
  // one addition a vector: NaN makes it NaN (and so do infinities of both signs, which is no harm).
  static bool extreme_of_numbers(const T* x, int64_t n, T& result) {
    using V = Simd<T>;
    constexpr int64_t kLanes = V::kLanes;
    const Map map;
    const auto further = [](V a, V b) HWY_ATTR {
      if constexpr (std::is_same_v<Combine, Larger>) return raw_max(a, b);
      else return raw_min(a, b);
    };
    V best[4], sum[4];
    for (int k = 0; k < 4; ++k) best[k] = V(Combine::template identity<T>()), sum[k] = V(T(0));
    const auto meet = [&](int k, int64_t i) HWY_ATTR {
      const V v = map(V::load(x + i));
      best[k] = further(v, best[k]);
      sum[k] = sum[k] + v;
    };
    int64_t i = 0;
    for (; i + 4 * kLanes <= n; i += 4 * kLanes)
      for (int k = 0; k < 4; ++k) meet(k, i + k * kLanes);
    for (; i + kLanes <= n; i += kLanes) meet(0, i);
    if (i < n) meet(1, n - kLanes);  // some once more, which changes nothing
    const V total = (sum[0] + sum[1]) + (sum[2] + sum[3]);
    if (any_true(isnan(total))) return false;
    result = across<T>(further(further(best[0], best[1]), further(best[2], best[3])), further);
    return true;
  }

#if HWY_TARGET == HWY_SCALAR
  static constexpr bool kInVectors = false;
#else
  // Of integers any order gives the same. (No instruction multiplies 64 bits before AVX-512.)
  static constexpr bool kInVectors = std::is_integral_v<T> && std::is_same_v<A, T> &&
                                     std::is_same_v<Map, Itself> && !std::is_same_v<Combine, Times>;
#endif
  // Combines whole vectors of integers with `total`; returns how many elements these are.
  static int64_t whole_vectors(const T* x, int64_t n, A& total) {
    const hn::ScalableTag<T> d;
    using V = hn::Vec<hn::ScalableTag<T>>;
    constexpr int64_t kLanes = HWY_LANES(T), kVectors = 4;
    const auto join = [](V a, V b) HWY_ATTR {
      if constexpr (std::is_same_v<Combine, Plus>) return hn::Add(a, b);
      else if constexpr (std::is_same_v<Combine, Larger>) return hn::Max(a, b);
      else return hn::Min(a, b);
    };
    int64_t i = kVectors * kLanes;
    if (n < i) return 0;
    V v[kVectors];
    for (int64_t k = 0; k < kVectors; ++k) v[k] = hn::LoadU(d, x + k * kLanes);
    for (; i + kVectors * kLanes <= n; i += kVectors * kLanes)
      for (int64_t k = 0; k < kVectors; ++k) v[k] = join(v[k], hn::LoadU(d, x + i + k * kLanes));
    HWY_ALIGN T lanes[kLanes];
    hn::Store(join(join(v[0], v[1]), join(v[2], v[3])), d, lanes);
    for (const T lane : lanes) total = Combine()(total, lane);
    return i;
  }

  // At most kPart elements.
  static A part(const T* x, int64_t n) {
    const Map map;
    const Combine combine;
    if constexpr (kIsVector<T>) {
      if constexpr (kIsExtreme) {
        if (T result; n >= Simd<T>::kLanes && extreme_of_numbers(x, n, result)) return widen<A>(result);
      }
      using V = Simd<T>;
      constexpr int64_t kLanes = V::kLanes;
      T total = Combine::template identity<T>();
      int64_t i = 0;
      if (n >= kLanes) {
        V sum[4] = {V(total), V(total), V(total), V(total)};
        for (; i + 4 * kLanes <= n; i += 4 * kLanes) {
          sum[0] = combine(sum[0], map(V::load(x + i)));
          sum[1] = combine(sum[1], map(V::load(x + i + kLanes)));
          sum[2] = combine(sum[2], map(V::load(x + i + 2 * kLanes)));
          sum[3] = combine(sum[3], map(V::load(x + i + 3 * kLanes)));
        }
        for (; i + kLanes <= n; i += kLanes) sum[0] = combine(sum[0], map(V::load(x + i)));
        total = across<T>(combine(combine(sum[0], sum[1]), combine(sum[2], sum[3])), combine);
      }
      for (; i < n; ++i) total = combine(total, map(x[i]));
      return widen<A>(total);
    } else {
      A total = identity();
      int64_t i = 0;
      if constexpr (kInVectors) i = whole_vectors(x, n, total);
      for (; i < n; ++i) total = combine(total, widen<A>(map(x[i])));
      return total;
    }
  }

  static void fold(const void* row, int64_t n, void* state, int64_t) {
    const T* x = static_cast<const T*>(row);
    A total = *static_cast<A*>(state);
    for (int64_t i = 0; i < n; i += kPart) total = Combine()(total, part(x + i, std::min(kPart, n - i)));
    *static_cast<A*>(state) = total;
  }

  static void fold_rows(const void* rows, int64_t row_stride, int64_t count, int64_t n, void* states) {
    const T* x = static_cast<const T*>(rows);
    A* total = static_cast<A*>(states);
    for (int64_t r = 0; r < count; ++r, x += row_stride) fold(x, n, total + r, 0);
  }

  // The columns of up to kRows rows, each combined into one number. Strips of several vectors: whole lines of
  // the cache are read at a time, and each column is a chain of its own.
  static constexpr int kStrip = 4;
  static void columns(const T* HWY_RESTRICT x, int64_t row_stride, int64_t rows, int64_t width,
                      A* HWY_RESTRICT states) {
    const Map map;
    const Combine combine;
    int64_t j = 0;
    if constexpr (kIsVector<T>) {
      using V = Simd<T>;
      HWY_ALIGN T part[kPart];
      const auto strip = [&]<int kVectors>() HWY_ATTR {
        V total[kVectors];
        for (int k = 0; k < kVectors; ++k) total[k] = map(V::load(x + j + k * V::kLanes));
        for (int64_t r = 1; r < rows; ++r) {
          const T* row = x + r * row_stride + j;
          for (int k = 0; k < kVectors; ++k) total[k] = combine(total[k], map(V::load(row + k * V::kLanes)));
        }
        for (int k = 0; k < kVectors; ++k) total[k].store(part + j + k * V::kLanes);
        j += kVectors * V::kLanes;
      };
      while (j + kStrip * V::kLanes <= width) strip.template operator()<kStrip>();
      while (j + V::kLanes <= width) strip.template operator()<1>();
      for (int64_t k = 0; k < j; ++k) states[k] = combine(states[k], widen<A>(part[k]));
      for (; j < width; ++j) {
        T total = map(x[j]);
        for (int64_t r = 1; r < rows; ++r) total = combine(total, map(x[r * row_stride + j]));
        states[j] = combine(states[j], widen<A>(total));
      }
    } else {
      for (int64_t r = 0; r < rows; ++r, x += row_stride) {
        for (j = 0; j < width; ++j) states[j] = combine(states[j], widen<A>(map(x[j])));
      }
    }
  }

  static void zip(const void* rows, int64_t row_stride, int64_t count, int64_t width, void* states, int64_t) {
    const T* x = static_cast<const T*>(rows);
    for (int64_t r = 0; r < count; r += kRows) {
      columns(x + r * row_stride, row_stride, std::min(kRows, count - r), width, static_cast<A*>(states));
    }
  }

  static void merge(void* states, const void* later, int64_t width) {
    A* HWY_RESTRICT a = static_cast<A*>(states);
    const A* HWY_RESTRICT b = static_cast<const A*>(later);
    for (int64_t j = 0; j < width; ++j) a[j] = Combine()(a[j], b[j]);
  }

  static void finish(const void* states, int64_t width, void* result, void*) {
    std::memcpy(result, states, width * sizeof(A));
  }

  static constexpr ReduceKernel kernel{sizeof(A), compute_type<A>(), Compute::Int64, init, fold, zip, merge,
                                       finish,    fold_rows};
};

// ---- sums of squared differences from the mean

// A part is summed twice, the second time as differences d from the first pass's mean m: then mean = m +
// sum(d) / n and M2 = sum(d^2) - sum(d)^2 / n are right even where m was rounded (Chan, Golub and LeVeque,
// "Algorithms for computing the sample variance", 1983; parts are joined by their formula 2.1).
template <class T>
struct Moments {
  struct Part {
    double mean, m2;
  };
  struct State {
    double *mean, *m2, *count;
    State(void* states, int64_t width)
        : mean(static_cast<double*>(states)), m2(mean + width), count(m2 + width) {}
  };

  static void init(void* states, int64_t width) { std::fill_n(static_cast<double*>(states), 3 * width, 0.0); }

  static RL_INLINE void join(double& mean, double& m2, double before, const Part& p, double n) {
    const double delta = p.mean - mean, share = n / (before + n);
    mean += delta * share;
    m2 += p.m2 + delta * delta * before * share;
  }

  static Part part(const T* x, int64_t n) {
    const T m = static_cast<T>(Monoid<T, double, Itself, Plus>::part(x, n) / static_cast<double>(n));
    using V = Simd<T>;
    V d1[2] = {V(T(0)), V(T(0))}, d2[2] = {V(T(0)), V(T(0))};
    int64_t i = 0;
    for (; i + 2 * V::kLanes <= n; i += 2 * V::kLanes) {
      for (int k = 0; k < 2; ++k) {
        const V d = V::load(x + i + k * V::kLanes) - V(m);
        d1[k] = d1[k] + d;
        d2[k] = fma(d, d, d2[k]);
      }
    }
    HWY_ALIGN T lanes1[V::kLanes], lanes2[V::kLanes];
    (d1[0] + d1[1]).store(lanes1);
    (d2[0] + d2[1]).store(lanes2);
    double sum1 = 0, sum2 = 0;
    for (int k = 0; k < V::kLanes; ++k) {
      sum1 += static_cast<double>(lanes1[k]);
      sum2 += static_cast<double>(lanes2[k]);
    }
    for (; i < n; ++i) {
      const double d = static_cast<double>(x[i] - m);
      sum1 += d;
      sum2 += d * d;
    }
    const double count = static_cast<double>(n);
    return {static_cast<double>(m) + sum1 / count, std::max(sum2 - sum1 * sum1 / count, 0.0 * sum2)};
  }

  static void fold(const void* row, int64_t n, void* state, int64_t) {
    const T* x = static_cast<const T*>(row);
    const State s(state, 1);
    for (int64_t i = 0; i < n; i += kPart) {
      const int64_t count = std::min(kPart, n - i);
      join(*s.mean, *s.m2, *s.count, part(x + i, count), static_cast<double>(count));
      *s.count += static_cast<double>(count);
    }
  }

  // Mean and M2 of up to kRows rows in V (a vector or a number), at column j.
  template <class V, class At>
  static RL_INLINE void column(At at, int64_t rows, T inverse, V& mean, V& m2) {
    V sum = at(0);
    for (int64_t r = 1; r < rows; ++r) sum = sum + at(r);
    mean = sum * V(inverse);
    V d1(T(0)), d2(T(0));
    for (int64_t r = 0; r < rows; ++r) {
      const V d = at(r) - mean;
      d1 = d1 + d;
      d2 = fma(d, d, d2);
    }
    const V shift = d1 * V(inverse);
    mean = mean + shift;
    m2 = d2 - d1 * shift;
  }

  static void columns(const T* x, int64_t row_stride, int64_t rows, int64_t width, const State& s) {
    using V = Simd<T>;
    HWY_ALIGN T mean[kPart], m2[kPart];
    const T inverse = T(1) / static_cast<T>(rows);
    int64_t j = 0;
    for (; j + V::kLanes <= width; j += V::kLanes) {
      V a, b;
      column([&](int64_t r) HWY_ATTR { return V::load(x + r * row_stride + j); }, rows, inverse, a, b);
      a.store(mean + j);
      b.store(m2 + j);
    }
    for (; j < width; ++j)
      column([&](int64_t r) HWY_ATTR { return x[r * row_stride + j]; }, rows, inverse, mean[j], m2[j]);
    const double n = static_cast<double>(rows), before = s.count[0];
    for (j = 0; j < width; ++j) {
      join(s.mean[j], s.m2[j], before, {static_cast<double>(mean[j]), static_cast<double>(m2[j])}, n);
    }
    s.count[0] = before + n;
  }

  static void zip(const void* rows, int64_t row_stride, int64_t count, int64_t width, void* states, int64_t) {
    const T* x = static_cast<const T*>(rows);
    const State s(states, width);
    for (int64_t r = 0; r < count; r += kRows)
      columns(x + r * row_stride, row_stride, std::min(kRows, count - r), width, s);
  }

  static void merge(void* states, const void* later, int64_t width) {
    const State a(states, width), b(const_cast<void*>(later), width);
    if (b.count[0] == 0) return;
    for (int64_t j = 0; j < width; ++j)
      join(a.mean[j], a.m2[j], a.count[0], {b.mean[j], b.m2[j]}, b.count[0]);
    a.count[0] += b.count[0];
  }

  static void finish(const void* states, int64_t width, void* result, void* second) {
    const State s(const_cast<void*>(states), width);
    std::memcpy(result, s.m2, width * sizeof(double));
    if (!second) return;
    for (int64_t j = 0; j < width; ++j) {
      static_cast<double*>(second)[j] =
          s.count[0] == 0 ? std::numeric_limits<double>::quiet_NaN() : s.mean[j];
    }
  }

  static constexpr ReduceKernel kernel{24, Compute::Double, Compute::Double, init, fold, zip, merge, finish};
};

// ---- the place of the largest or smallest element

template <class T, class Combine>
struct Extreme {
  struct State {
    int64_t* index;
    T* value;
    State(void* states, int64_t width)
        : index(static_cast<int64_t*>(states)), value(reinterpret_cast<T*>(index + width)) {}
  };
  static constexpr int64_t kNone = -1;

  static void init(void* states, int64_t width) {
    const State s(states, width);
    std::fill_n(s.index, width, kNone);
    std::fill_n(s.value, width, Combine::template identity<T>());
  }

  // Does b take the place of a, which comes before it.
  static RL_INLINE bool replaces(T b, T a) {
    if constexpr (std::is_same_v<Combine, Larger>) return b > a || (b != b && a == a);
    else return b < a || (b != b && a == a);
  }
  static RL_INLINE void update(int64_t& index, T& value, int64_t later_index, T later) {
    if (index != kNone && !replaces(later, value)) return;
    value = later;
    index = later_index;
  }

  static int64_t find(const T* x, T value) {
    int64_t i = 0;
    if (value != value) {
      while (x[i] == x[i]) ++i;
    } else {
      while (x[i] != value) ++i;
    }
    return i;
  }

  static void fold(const void* row, int64_t n, void* state, int64_t first) {
    const T* x = static_cast<const T*>(row);
    const State s(state, 1);
    for (int64_t i = 0; i < n; i += kPart) {
      const T best = Monoid<T, T, Itself, Combine>::part(x + i, std::min(kPart, n - i));
      if (*s.index == kNone || replaces(best, *s.value)) {
        const int64_t at = i + find(x + i, best);
        *s.value = x[at];  // of several zeros the sign of the first
        *s.index = first + at;
      }
    }
  }

  static void columns(const T* x, int64_t row_stride, int64_t rows, int64_t width, const State& s,
                      int64_t first) {
    int64_t j = 0;
    if constexpr (kIsVector<T>) {
      using V = Simd<T>;
      using Int = hn::TFromD<typename V::IntTag>;
      const typename V::IntTag di;
      HWY_ALIGN T values[V::kLanes];
      HWY_ALIGN Int places[V::kLanes];
      for (; j + V::kLanes <= width; j += V::kLanes) {
        V value = V::load(x + j);
        auto place = hn::Zero(di);
        for (int64_t r = 1; r < rows; ++r) {
          const V y = V::load(x + r * row_stride + j);
          const auto better =
              (std::is_same_v<Combine, Larger> ? y > value : y < value) | ((y != y) & (value == value));
          value = select(better, y, value);
          place = hn::IfThenElse(hn::RebindMask(di, better.raw), hn::Set(di, static_cast<Int>(r)), place);
        }
        value.store(values);
        hn::Store(place, di, places);
        for (int k = 0; k < V::kLanes; ++k)
          update(s.index[j + k], s.value[j + k], first + places[k], values[k]);
      }
    }
    for (int64_t r = 0; r < rows; ++r) {
      for (int64_t k = j; k < width; ++k) update(s.index[k], s.value[k], first + r, x[r * row_stride + k]);
    }
  }

  static void zip(const void* rows, int64_t row_stride, int64_t count, int64_t width, void* states,
                  int64_t first) {
    const T* x = static_cast<const T*>(rows);
    constexpr int64_t kStep = 4 * kRows;
    for (int64_t r = 0; r < count; r += kStep) {
      columns(x + r * row_stride, row_stride, std::min(kStep, count - r), width, State(states, width),
              first + r);
    }
  }

  static void merge(void* states, const void* later, int64_t width) {
    const State a(states, width), b(const_cast<void*>(later), width);
    for (int64_t j = 0; j < width; ++j)
      if (b.index[j] != kNone) update(a.index[j], a.value[j], b.index[j], b.value[j]);
  }

  static void finish(const void* states, int64_t width, void* result, void* second) {
    const State s(const_cast<void*>(states), width);
    std::memcpy(result, s.value, width * sizeof(T));
    if (second) std::memcpy(second, s.index, width * sizeof(int64_t));
  }

  static constexpr ReduceKernel kernel{
      8 + sizeof(T), compute_type<T>(), Compute::Int64, init, fold, zip, merge, finish};
};

// What sums of T are kept in.
template <class T>
struct WideImpl {
  using type = T;
};
template <>
struct WideImpl<float> {
  using type = double;
};
template <>
struct WideImpl<Complex<float>> {
  using type = Complex<double>;
};
template <class T>
using Wide = typename WideImpl<T>::type;

RL_MATH_END

#endif

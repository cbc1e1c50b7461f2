// The update rules, vectorised. Each follows the order of operations of PyTorch's single-tensor optimizers,
// rounding where those round (and fusing a multiplication with an addition where its kernels do), so that
// runs stay together.
#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/optim.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include <algorithm>

#include "rushlight/core/ceil_div.h"
#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/convert.h"
#include "rushlight/kernels/cpu/optim.h"
#include "rushlight/kernels/math/simd-inl.h"

RL_MATH_BEGIN

using cpu::Update;

// The coefficients of an update as vectors.
template <class V>
struct Coefficients {
  using T = typename V::Scalar;
  explicit Coefficients(const Update& u) {
    for (int i = 0; i < Update::kMaxCoefficients; ++i) c[i] = V(static_cast<T>(u.c[i]));
  }
  V operator[](int i) const { return c[i]; }
  V c[Update::kMaxCoefficients];
};

// torch.lerp: the form that is exact at the nearer end.
template <class V>
RL_INLINE V lerp(V start, V end, V weight, bool near_start) {
  return near_start ? fma(weight, end - start, start) : fma(weight - V(1), end - start, end);
}
template <class V>
RL_INLINE V addcmul(V self, V value, V a, V b) {
  return fma(value * a, b, self);
}
template <class V>
RL_INLINE V addcdiv(V self, V value, V a, V b) {
  return self + value * a / b;
}

// Every rule: kState arrays; apply(p, g, s) updates the parameter and its state from the gradient.

template <class V>
struct Sgd {  // c: -lr, weight_decay, momentum, 1 - dampening; flags: nesterov
  static constexpr int kState = 1;
  const Update& u;
  Coefficients<V> c{u};
  RL_INLINE void apply(V& p, V g, V* s) const {
    if (u.c[1] != 0) g = fma(p, c[1], g);
    if (u.c[2] != 0) {
      s[0] = u.first ? g : fma(g, c[3], s[0] * c[2]);
      g = u.flags[0] ? fma(s[0], c[2], g) : s[0];
    }
    p = fma(g, c[0], p);
  }
};

template <class V>
struct Adam {  // c: -step size, weight_decay or 1 - lr * weight_decay, 1 - beta1, beta2, 1 - beta2,
               // sqrt(correction 2), eps; flags: amsgrad, decoupled
  static constexpr int kState = 3;
  const Update& u;
  Coefficients<V> c{u};
  RL_INLINE void apply(V& p, V g, V* s) const {
    if (u.flags[1]) p = p * c[1];
    else if (u.c[1] != 0) g = fma(p, c[1], g);
    s[0] = lerp(s[0], g, c[2], u.c[2] < 0.5);
    s[1] = addcmul(s[1] * c[3], c[4], g, g);
    V second = s[1];
    if (u.flags[0]) {
      s[2] = select((s[2] > s[1]) | isnan(s[2]), s[2], s[1]);
      second = s[2];
    }
    p = addcdiv(p, c[0], s[0], sqrt(second) / c[5] + c[6]);
  }
};

template <class V>
struct Adagrad {  // c: -lr, weight_decay, eps
  static constexpr int kState = 1;
  const Update& u;
  Coefficients<V> c{u};
  RL_INLINE void apply(V& p, V g, V* s) const {
    if (u.c[1] != 0) g = fma(p, c[1], g);
    s[0] = fma(g, g, s[0]);
    p = addcdiv(p, c[0], g, sqrt(s[0]) + c[2]);
  }
};

template <class V>
struct RmsProp {  // c: -lr, weight_decay, alpha, 1 - alpha, eps, momentum; state: square_avg,
                  // momentum_buffer, grad_avg; flags: centered
  static constexpr int kState = 3;
  const Update& u;
  Coefficients<V> c{u};
  RL_INLINE void apply(V& p, V g, V* s) const {
    if (u.c[1] != 0) g = fma(p, c[1], g);
    s[0] = addcmul(s[0] * c[2], c[3], g, g);
    V square = s[0];
    if (u.flags[0]) {
      s[2] = lerp(s[2], g, c[3], u.c[3] < 0.5);
      square = addcmul(square, V(-1), s[2], s[2]);
    }
    const V average = sqrt(square) + c[4];
    if (u.c[5] > 0) {
      s[1] = s[1] * c[5] + g / average;
      p = fma(s[1], c[0], p);
    } else {
      p = addcdiv(p, c[0], g, average);
    }
  }
};

template <class V>
struct Adadelta {  // c: -lr, weight_decay, rho, 1 - rho, eps; state: square_avg, acc_delta
  static constexpr int kState = 2;
  const Update& u;
  Coefficients<V> c{u};
  RL_INLINE void apply(V& p, V g, V* s) const {
    if (u.c[1] != 0) g = fma(p, c[1], g);
    s[0] = addcmul(s[0] * c[2], c[3], g, g);
    const V delta = sqrt(s[1] + c[4]) / sqrt(s[0] + c[4]) * g;
    s[1] = addcmul(s[1] * c[2], c[3], delta, delta);
    p = fma(delta, c[0], p);
  }
};

template <class V>
struct Adamax {  // c: -lr / correction 1, weight_decay, 1 - beta1, beta2, eps; state: exp_avg, exp_inf
  static constexpr int kState = 2;
  const Update& u;
  Coefficients<V> c{u};
  RL_INLINE void apply(V& p, V g, V* s) const {
    if (u.c[1] != 0) g = fma(p, c[1], g);
    s[0] = lerp(s[0], g, c[2], u.c[2] < 0.5);
    const V decayed = s[1] * c[3], now = abs(g) + c[4];
    s[1] = select((decayed > now) | isnan(decayed), decayed, now);
    p = addcdiv(p, c[0], s[0], s[1]);
  }
};

template <class V>
struct NAdam {  // c: weight of the gradient, weight_decay or 1 - lr * weight_decay, 1 - beta1, beta2, 1 -
                // beta2, correction 2, eps, weight of the average; flags: unused, decoupled
  static constexpr int kState = 2;
  const Update& u;
  Coefficients<V> c{u};
  RL_INLINE void apply(V& p, V g, V* s) const {
    if (u.flags[1]) p = p * c[1];
    else if (u.c[1] != 0) g = fma(p, c[1], g);
    s[0] = lerp(s[0], g, c[2], u.c[2] < 0.5);
    s[1] = addcmul(s[1] * c[3], c[4], g, g);
    const V denominator = sqrt(s[1] / c[5]) + c[6];
    p = addcdiv(p, c[0], g, denominator);
    p = addcdiv(p, c[7], s[0], denominator);
  }
};

template <class V>
struct RAdam {  // c: lr, weight_decay or 1 - lr * weight_decay, 1 - beta1, beta2, 1 - beta2, correction 1,
                // eps, sqrt(correction 2), rectification; flags: rectified, decoupled
  static constexpr int kState = 2;
  const Update& u;
  Coefficients<V> c{u};
  RL_INLINE void apply(V& p, V g, V* s) const {
    if (u.flags[1]) p = p * c[1];
    else if (u.c[1] != 0) g = fma(p, c[1], g);
    s[0] = lerp(s[0], g, c[2], u.c[2] < 0.5);
    s[1] = addcmul(s[1] * c[3], c[4], g, g);
    V update = s[0] / c[5] * c[0];
    if (u.flags[0]) update = update * (V(1) / (sqrt(s[1]) + c[6]) * c[7]) * c[8];
    p = p - update;
  }
};

template <class V>
struct Rprop {  // c: eta minus, eta plus, smallest step, largest step; state: prev, step_size
  static constexpr int kState = 2;
  const Update& u;
  Coefficients<V> c{u};
  RL_INLINE void apply(V& p, V g, V* s) const {
    const V agreement = g * s[0], zero(0);
    const auto turned = agreement < zero;
    const V factor =
        select(agreement > zero, c[1], select(turned, c[0], select(isnan(agreement), agreement, V(1))));
    const V size = s[1] * factor;
    s[1] = select(size < c[2], c[2], select(size > c[3], c[3], size));
    g = select(turned, zero, g);
    const V sign = select(g > zero, V(1), select(g < zero, V(-1), g));
    p = p - sign * s[1];
    s[0] = g;
  }
};

template <class V>
struct Asgd {  // c: -eta, weight_decay, 1 - lambd * eta, mu; state: ax
  static constexpr int kState = 1;
  const Update& u;
  Coefficients<V> c{u};
  RL_INLINE void apply(V& p, V g, V* s) const {
    if (u.c[1] != 0) g = fma(p, c[1], g);
    p = fma(g, c[0], p * c[2]);
    s[0] = u.c[3] == 1 ? p : s[0] + (p - s[0]) * c[3];
  }
};

// n elements of type T from the given addresses.
template <template <class> class Rule, class T>
void update_dense(const Update& u, T* param, const T* grad, T* const* state, int64_t n) {
  using V = Simd<T>;
  const Rule<V> rule{u};
  constexpr int kState = Rule<V>::kState;
  const bool maximize = u.maximize;
  V s[kState];
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) {
    V p = V::load(param + i), g = V::load(grad + i);
    if (maximize) g = -g;
    for (int k = 0; k < kState; ++k)
      if (state[k]) s[k] = V::load(state[k] + i);
    rule.apply(p, g, s);
    for (int k = 0; k < kState; ++k)
      if (state[k]) s[k].store(state[k] + i);
    p.store(param + i);
  }
  if (i == n) return;
  V p = V::load_part(param + i, n - i), g = V::load_part(grad + i, n - i);
  if (maximize) g = -g;
  for (int k = 0; k < kState; ++k)
    if (state[k]) s[k] = V::load_part(state[k] + i, n - i);
  rule.apply(p, g, s);
  for (int k = 0; k < kState; ++k)
    if (state[k]) s[k].store_part(state[k] + i, n - i);
  p.store_part(param + i, n - i);
}

// Elements [begin, end) of an update.
template <template <class> class Rule, class T>
void update_range(const Update& u, int64_t begin, int64_t end) {
  T* state[Update::kMaxState];
  for (int k = 0; k < Update::kMaxState; ++k)
    state[k] = u.state[k] ? static_cast<T*>(u.state[k]) + begin : nullptr;
  update_dense<Rule, T>(u, static_cast<T*>(u.param) + begin, static_cast<const T*>(u.grad) + begin, state,
                        end - begin);
}

// The 16-bit types, a block at a time through float.
template <template <class> class Rule>
void update_range_16(const Update& u, int64_t begin, int64_t end) {
  constexpr int64_t kBlock = 256, kArrays = Update::kMaxState + 2;
  constexpr int64_t kSize = 2;
  float blocks[kArrays][kBlock];
  const cpu::Load load = cpu::load_function(u.dtype, cpu::Compute::Float);
  const cpu::Store store = cpu::store_function(cpu::Compute::Float, u.dtype);
  for (int64_t at = begin; at < end; at += kBlock) {
    const int64_t n = end - at < kBlock ? end - at : kBlock;
    const auto place = [&](void* p) { return static_cast<char*>(p) + at * kSize; };
    float* state[Update::kMaxState] = {};
    load(place(u.param), 1, blocks[0], n);
    load(static_cast<const char*>(u.grad) + at * kSize, 1, blocks[1], n);
    for (int k = 0; k < Update::kMaxState; ++k) {
      if (!u.state[k]) continue;
      state[k] = blocks[2 + k];
      load(place(u.state[k]), 1, state[k], n);
    }
    update_dense<Rule, float>(u, blocks[0], blocks[1], state, n);
    store(blocks[0], place(u.param), 1, n);
    for (int k = 0; k < Update::kMaxState; ++k)
      if (state[k]) store(state[k], place(u.state[k]), 1, n);
  }
}

template <template <class> class Rule>
void update_any(const Update& u, int64_t begin, int64_t end) {
  switch (u.dtype) {
    case DType::Float32: return update_range<Rule, float>(u, begin, end);
    case DType::Float64: return update_range<Rule, double>(u, begin, end);
    default: return update_range_16<Rule>(u, begin, end);
  }
}

void run_update(const Update& u, int64_t begin, int64_t end) {
  using cpu::UpdateRule;
  switch (u.rule) {
    case UpdateRule::Sgd: return update_any<Sgd>(u, begin, end);
    case UpdateRule::Adam: return update_any<Adam>(u, begin, end);
    case UpdateRule::Adagrad: return update_any<Adagrad>(u, begin, end);
    case UpdateRule::RmsProp: return update_any<RmsProp>(u, begin, end);
    case UpdateRule::Adadelta: return update_any<Adadelta>(u, begin, end);
    case UpdateRule::Adamax: return update_any<Adamax>(u, begin, end);
    case UpdateRule::NAdam: return update_any<NAdam>(u, begin, end);
    case UpdateRule::RAdam: return update_any<RAdam>(u, begin, end);
    case UpdateRule::Rprop: return update_any<Rprop>(u, begin, end);
    case UpdateRule::Asgd: return update_any<Asgd>(u, begin, end);
    case UpdateRule::kCount: break;
  }
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(run_update);
}

namespace rushlight::cpu {
namespace {

constexpr int64_t kChunk = 16384;

void run(const Update& u, int64_t begin, int64_t end) {
  using namespace math;
  HWY_DYNAMIC_DISPATCH(run_update)(u, begin, end);
}

}  // namespace

void run_updates(std::span<const Update> updates) {
  int64_t chunks = 0, total = 0;
  for (const Update& u : updates) {
    chunks += ceil_div(u.n, kChunk);
    total += u.n;
  }
  if (total <= 2 * kChunk) {
    for (const Update& u : updates) run(u, 0, u.n);
    return;
  }
  // A chunk is a stretch of one parameter; small parameters are chunks of their own.
  parallel_for(0, chunks, 1, [&](int64_t chunk, int64_t last) {
    for (const Update& u : updates) {
      const int64_t own = ceil_div(u.n, kChunk);
      for (; chunk < last && chunk < own; ++chunk)
        run(u, chunk * kChunk, std::min(u.n, (chunk + 1) * kChunk));
      if (chunk >= last) return;
      chunk -= own;
      last -= own;
    }
  });
}

}  // namespace rushlight::cpu
#endif

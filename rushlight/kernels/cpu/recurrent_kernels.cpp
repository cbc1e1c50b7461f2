#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/recurrent_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/recurrent_kernels.h"
#include "rushlight/kernels/cpu/vectors-inl.h"

RL_MATH_BEGIN

using cpu::Cell;
using cpu::CellGradient;
using cpu::CellKernel;
using cpu::CellStep;

// Slopes of the activations, from their values.
template <class V>
RL_INLINE V sigmoid_slope(V y) {
  return y * (V(1) - y);
}
template <class V>
RL_INLINE V tanh_slope(V y) {
  return V(1) - y * y;
}

// h = tanh(s) or relu(s), which NaN passes.
template <class T, bool IsRelu>
void plain_step(int64_t size, const CellStep<T>& row) {
  each_vector<T>(size, [&](auto load, auto store) HWY_ATTR {
    const Simd<T> sum = load(row.gates), zero(T(0));
    const Simd<T> h = IsRelu ? select(sum < zero, zero, sum) : tanh(sum);
    store(h, row.gates);
    store(h, row.h);
  });
}
template <class T, bool IsRelu>
void plain_gradient(int64_t size, const CellGradient<T>& row) {
  each_vector<T>(size, [&](auto load, auto store) HWY_ATTR {
    const Simd<T> h = load(row.gates), dh = load(row.dh) + load(row.grad), zero(T(0));
    store(IsRelu ? select(h <= zero, zero, dh) : dh * tanh_slope(h), row.to_input);
  });
}

// S. Hochreiter and J. Schmidhuber, "Long short-term memory", 1997, with the forget gate of F. Gers et al.,
// 2000: c = f c + i g, h = o tanh(c).
template <class T>
void lstm_step(int64_t size, const CellStep<T>& row) {
  T *const i = row.gates, *const f = i + size, *const g = f + size, *const o = g + size;
  each_vector<T>(size, [&](auto load, auto store) HWY_ATTR {
    const Simd<T> in = sigmoid(load(i)), forget = sigmoid(load(f)), next = tanh(load(g)),
                  out = sigmoid(load(o));
    const Simd<T> cell = forget * load(row.c) + in * next;
    store(in, i);
    store(forget, f);
    store(next, g);
    store(out, o);
    store(cell, row.c);
    store(out * tanh(cell), row.h);
  });
}
template <class T>
void lstm_gradient(int64_t size, const CellGradient<T>& row) {
  const T *const i = row.gates, *const f = i + size, *const g = f + size, *const o = g + size;
  T *const di = row.to_input, *const df = di + size, *const dg = df + size, *const d_o = dg + size;
  each_vector<T>(size, [&](auto load, auto store) HWY_ATTR {
    const Simd<T> in = load(i), forget = load(f), next = load(g), out = load(o), before = load(row.extra);
    const Simd<T> squashed = tanh(forget * before + in * next), dh = load(row.dh) + load(row.grad);
    const Simd<T> dc = load(row.dc) + dh * out * tanh_slope(squashed);
    store(dc * next * sigmoid_slope(in), di);
    store(dc * before * sigmoid_slope(forget), df);
    store(dc * in * tanh_slope(next), dg);
    store(dh * squashed * sigmoid_slope(out), d_o);
    store(dc * forget, row.dc);
  });
}

// K. Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014, with r behind the
// product: n = tanh(x_n + r h_n), h = (1 - z) n + z h.
template <class T>
void gru_step(int64_t size, const CellStep<T>& row) {
  T *const r = row.gates, *const z = r + size, *const n = z + size;
  const T *const hr = row.from_state, *const hz = hr + size, *const hn = hz + size;
  each_vector<T>(size, [&](auto load, auto store) HWY_ATTR {
    const Simd<T> reset = sigmoid(load(r) + load(hr)), update = sigmoid(load(z) + load(hz));
    const Simd<T> next = tanh(load(n) + reset * load(hn));
    store(reset, r);
    store(update, z);
    store(next, n);
    store((load(row.h) - next) * update + next, row.h);
  });
}
template <class T>
void gru_gradient(int64_t size, const CellGradient<T>& row) {
  const T *const r = row.gates, *const z = r + size, *const n = z + size;
  T *const dr = row.to_input, *const dz = dr + size, *const dn = dz + size;
  T *const hr = row.to_state, *const hz = hr + size, *const hn = hz + size;
  each_vector<T>(size, [&](auto load, auto store) HWY_ATTR {
    const Simd<T> reset = load(r), update = load(z), next = load(n), dh = load(row.dh) + load(row.grad);
    const Simd<T> to_next = dh * (Simd<T>(T(1)) - update) * tanh_slope(next);
    const Simd<T> to_update = dh * (load(row.h_before) - next) * sigmoid_slope(update);
    const Simd<T> to_reset = to_next * load(row.extra) * sigmoid_slope(reset);
    store(to_reset, dr);
    store(to_reset, hr);
    store(to_update, dz);
    store(to_update, hz);
    store(to_next, dn);
    store(to_next * reset, hn);
    store(dh * update, row.dh);
  });
}

template <class T>
const CellKernel<T>* cell_table(Cell cell) {
  static constexpr CellKernel<T> kKernels[] = {{plain_step<T, false>, plain_gradient<T, false>},
                                               {plain_step<T, true>, plain_gradient<T, true>},
                                               {lstm_step<T>, lstm_gradient<T>},
                                               {gru_step<T>, gru_gradient<T>}};
  return &kKernels[static_cast<int>(cell)];
}
const CellKernel<float>* float_cells(Cell cell) { return cell_table<float>(cell); }
const CellKernel<double>* double_cells(Cell cell) { return cell_table<double>(cell); }

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(float_cells);
HWY_EXPORT(double_cells);
}  // namespace rushlight::math
namespace rushlight::cpu {
using namespace math;
template <>
const CellKernel<float>& cell_kernel<float>(Cell cell) {
  return *HWY_DYNAMIC_DISPATCH(float_cells)(cell);
}
template <>
const CellKernel<double>& cell_kernel<double>(Cell cell) {
  return *HWY_DYNAMIC_DISPATCH(double_cells)(cell);
}
}  // namespace rushlight::cpu
#endif

// The three transforms of F(4x4, 3x3), compiled once for each SIMD target. A lane is a tile (or a filter).

#if defined(RUSHLIGHT_KERNELS_CPU_WINOGRAD_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_KERNELS_CPU_WINOGRAD_INL_H_
#undef RUSHLIGHT_KERNELS_CPU_WINOGRAD_INL_H_
#else
#define RUSHLIGHT_KERNELS_CPU_WINOGRAD_INL_H_
#endif

#include <hwy/highway.h>

HWY_BEFORE_NAMESPACE();
namespace rushlight::cpu {
namespace HWY_NAMESPACE {

namespace hn = hwy::HWY_NAMESPACE;

using Lane = hn::ScalableTag<float>;
using Lanes = hn::Vec<Lane>;
using LaneIndex = hn::RebindToSigned<Lane>;
constexpr int64_t kLanes = HWY_MAX_BYTES / static_cast<int64_t>(sizeof(float));

// With points p = 0, A, -A, B, -B and infinity, M(x) = x (x^2 - A^2) (x^2 - B^2):
//   a row of the input's transform holds the coefficients of M(x) / (x - p), and of M(x) for infinity;
//   a row of the filter's transform is (1, p, p^2) over the product of p - q for the other points q;
//   a row of the output's transform holds the powers of the points.
// What a pair of points +-p shares is computed once: the even and the odd part.
constexpr float kA = 0.625f, kB = 1.5f, kA2 = kA * kA, kB2 = kB * kB;
constexpr float kSum = kA2 + kB2, kProduct = kA2 * kB2;
constexpr float kScaleA = 1 / (2 * kA2 * (kA2 - kB2)), kScaleB = 1 / (2 * kB2 * (kB2 - kA2));

HWY_INLINE Lanes times(float s, Lanes x) { return hn::Mul(hn::Set(Lane(), s), x); }
HWY_INLINE Lanes add_times(Lanes sum, float s, Lanes x) { return hn::MulAdd(hn::Set(Lane(), s), x, sum); }

HWY_INLINE void transform_input(const Lanes (&d)[6], Lanes (&t)[6]) {
  const Lanes even_a = add_times(d[4], -kB2, d[2]), odd_a = add_times(d[3], -kB2, d[1]);
  const Lanes even_b = add_times(d[4], -kA2, d[2]), odd_b = add_times(d[3], -kA2, d[1]);
  t[0] = add_times(add_times(d[4], -kSum, d[2]), kProduct, d[0]);
  t[1] = add_times(even_a, kA, odd_a);
  t[2] = add_times(even_a, -kA, odd_a);
  t[3] = add_times(even_b, kB, odd_b);
  t[4] = add_times(even_b, -kB, odd_b);
  t[5] = add_times(add_times(d[5], -kSum, d[3]), kProduct, d[1]);
}

HWY_INLINE void transform_filter(const Lanes (&g)[3], Lanes (&u)[6]) {
  const Lanes even_a = add_times(g[0], kA2, g[2]), even_b = add_times(g[0], kB2, g[2]);
  u[0] = times(1 / kProduct, g[0]);
  u[1] = times(kScaleA, add_times(even_a, kA, g[1]));
  u[2] = times(kScaleA, add_times(even_a, -kA, g[1]));
  u[3] = times(kScaleB, add_times(even_b, kB, g[1]));
  u[4] = times(kScaleB, add_times(even_b, -kB, g[1]));
  u[5] = g[2];
}

HWY_INLINE void transform_output(const Lanes (&m)[6], Lanes (&y)[4]) {
  const Lanes even_a = hn::Add(m[1], m[2]), odd_a = hn::Sub(m[1], m[2]);
  const Lanes even_b = hn::Add(m[3], m[4]), odd_b = hn::Sub(m[3], m[4]);
  y[0] = hn::Add(hn::Add(m[0], even_a), even_b);
  y[1] = add_times(times(kA, odd_a), kB, odd_b);
  y[2] = add_times(times(kA2, even_a), kB2, even_b);
  y[3] = add_times(add_times(m[5], kA2 * kA, odd_a), kB2 * kB, odd_b);
}

// See WinogradKernels for the three that follow.
inline void winograd_input(int64_t count, const float* rows, int64_t row_stride, const float* seams,
                           int64_t seam_stride, float* out, int64_t point_stride, int64_t panel_stride) {
  const Lane lane;
  HWY_ALIGN float half_way[36 * kLanes];
  for (int64_t tile = 0; tile < count; tile += kLanes) {
    const auto is_last = hn::Ne(hn::LoadU(lane, seams + tile), hn::Zero(lane));
    for (int64_t i = 0; i < 6; ++i) {
      const float* row = rows + i * row_stride + 4 * tile;
      const float* seam = seams + (2 * i + 1) * seam_stride + tile;
      Lanes d[6], t[6], unused_2, unused_3;
      hn::LoadInterleaved4(lane, row, d[0], d[1], d[2], d[3]);
      hn::LoadInterleaved4(lane, row + 4, d[4], d[5], unused_2, unused_3);
      d[4] = hn::IfThenElse(is_last, hn::LoadU(lane, seam), d[4]);
      d[5] = hn::IfThenElse(is_last, hn::LoadU(lane, seam + seam_stride), d[5]);
      transform_input(d, t);
      for (int64_t j = 0; j < 6; ++j) hn::Store(t[j], lane, half_way + (i * 6 + j) * kLanes);
    }
    float* target = out + tile / (2 * kLanes) * panel_stride + tile % (2 * kLanes);
    for (int64_t j = 0; j < 6; ++j) {
      Lanes d[6], t[6];
      for (int64_t i = 0; i < 6; ++i) d[i] = hn::Load(lane, half_way + (i * 6 + j) * kLanes);
      transform_input(d, t);
      for (int64_t i = 0; i < 6; ++i) hn::StoreU(t[i], lane, target + (i * 6 + j) * point_stride);
    }
  }
}

inline void winograd_output(int64_t count, const float* in, int64_t point_stride, float bias, float* rows,
                            int64_t row_stride) {
  const Lane lane;
  const Lanes added = hn::Set(lane, bias);
  HWY_ALIGN float half_way[24 * kLanes];
  for (int64_t tile = 0; tile < count; tile += kLanes) {
    for (int64_t j = 0; j < 6; ++j) {
      Lanes m[6], y[4];
      for (int64_t i = 0; i < 6; ++i) m[i] = hn::LoadU(lane, in + (i * 6 + j) * point_stride + tile);
      transform_output(m, y);
      for (int64_t i = 0; i < 4; ++i) hn::Store(y[i], lane, half_way + (i * 6 + j) * kLanes);
    }
    for (int64_t i = 0; i < 4; ++i) {
      Lanes m[6], y[4];
      for (int64_t j = 0; j < 6; ++j) m[j] = hn::Load(lane, half_way + (i * 6 + j) * kLanes);
      transform_output(m, y);
      hn::StoreInterleaved4(hn::Add(y[0], added), hn::Add(y[1], added), hn::Add(y[2], added),
                            hn::Add(y[3], added), lane, rows + i * row_stride + 4 * tile);
    }
  }
}

inline void winograd_filter(int64_t count, const float* w, int64_t stride, bool flipped, float* out,
                            int64_t point_stride) {
  const Lane lane;
  const LaneIndex index;
  for (int64_t first = 0; first < count; first += kLanes) {
    // Lanes behind the last filter read it again.
    const auto last = hn::Set(index, static_cast<int32_t>(count - 1 - first));
    const auto place =
        hn::Mul(hn::Min(hn::Iota(index, 0), last), hn::Set(index, static_cast<int32_t>(stride)));
    const float* filter = w + first * stride;
    Lanes half_way[6][3];
    for (int64_t j = 0; j < 3; ++j) {
      Lanes g[3], u[6];
      for (int64_t i = 0; i < 3; ++i)
        g[i] = hn::GatherIndex(lane, filter + (flipped ? 8 - (3 * i + j) : 3 * i + j), place);
      transform_filter(g, u);
      for (int64_t i = 0; i < 6; ++i) half_way[i][j] = u[i];
    }
    for (int64_t i = 0; i < 6; ++i) {
      Lanes u[6];
      transform_filter(half_way[i], u);
      for (int64_t j = 0; j < 6; ++j) hn::StoreU(u[j], lane, out + (i * 6 + j) * point_stride + first);
    }
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace rushlight::cpu
HWY_AFTER_NAMESPACE();

#endif  // RUSHLIGHT_KERNELS_CPU_WINOGRAD_INL_H_

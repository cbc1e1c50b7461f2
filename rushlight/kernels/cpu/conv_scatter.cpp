#include "rushlight/kernels/cpu/conv_scatter.h"

#include <algorithm>
#include <vector>

#include "rushlight/core/thread_pool.h"
#include "rushlight/kernels/cpu/conv_correlation.h"
#include "rushlight/kernels/cpu/gemm.h"
#include "rushlight/kernels/cpu/gemm_kernels.h"

namespace rushlight::cpu {
namespace {

constexpr int64_t kManyChannels = 128;

// Where in the input the taps of an output position lie, of those inside.
struct Reach {
  std::vector<int64_t> tap, place;

  Reach(const ConvShape& s, int64_t i, int64_t j) {
    for (int64_t t = 0; t < s.kernel_h * s.kernel_w; ++t) {
      const int64_t row = i * s.stride_h - s.pad_top + t / s.kernel_w * s.dilation_h;
      const int64_t column = j * s.stride_w - s.pad_left + t % s.kernel_w * s.dilation_w;
      if (row < 0 || row >= s.in_h || column < 0 || column >= s.in_w) continue;
      tap.push_back(t), place.push_back(row * s.in_w + column);
    }
  }
};

}  // namespace

bool scatter_pays(const ConvShape& s) {
  const int64_t out = s.out_channels / s.groups;
  return s.batch == 1 && s.kernel_h * s.kernel_w > 1 && out >= kManyChannels && s.out_h * s.out_w > 0 &&
         2 * s.out_h * s.out_w <= out;
}

template <class T>
void scatter_backward_input(const ConvShape& s, const T* dy, const T* w, const T* bias, T* dx) {
  const int64_t in = s.in_channels / s.groups, out = s.out_channels / s.groups, plane = s.in_h * s.in_w;
  const int64_t taps = s.kernel_h * s.kernel_w, positions = s.out_h * s.out_w;
  std::vector<Reach> reach;
  for (int64_t p = 0; p < positions; ++p) reach.emplace_back(s, p / s.out_w, p % s.out_w);
  T* shares = ThreadScratch::get<T>(Slot::ConvColumns, positions * in * taps);
  for (int64_t g = 0; g < s.groups; ++g) {
    gemm<T>(positions, in * taps, out, {dy + g * out * positions, 1, positions},
            {w + g * out * in * taps, in * taps, 1}, Matrix<T>{shares, in * taps, 1});
    const int64_t grain = std::max<int64_t>(1, 32768 / (positions * taps));
    parallel_for(0, in, grain, [&](int64_t begin, int64_t end) {
      T* target = dx + g * in * plane;
      for (int64_t c = begin; c < end; ++c)
        std::fill_n(target + c * plane, plane, bias ? bias[g * in + c] : T(0));
      for (int64_t p = 0; p < positions; ++p) {
        const Reach& to = reach[static_cast<size_t>(p)];
        for (int64_t c = begin; c < end; ++c) {
          const T* src = shares + (p * in + c) * taps;
          for (size_t k = 0; k < to.tap.size(); ++k) target[c * plane + to.place[k]] += src[to.tap[k]];
        }
      }
    });
  }
}

template void scatter_backward_input<float>(const ConvShape&, const float*, const float*, const float*,
                                            float*);
template void scatter_backward_input<double>(const ConvShape&, const double*, const double*, const double*,
                                             double*);

}  // namespace rushlight::cpu

#include "rushlight/kernels/cpu/scan_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/scan_kernels.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR && HWY_MAX_BYTES >= 32
using Floats = hn::FixedTag<float, 4>;
using Doubles = hn::FixedTag<double, 4>;

struct AddDoubles {
  static constexpr double kIdentity = 0;
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return a + b;
  }
};
struct MultiplyDoubles {
  static constexpr double kIdentity = 1;
  template <class V>
  HWY_INLINE V operator()(V a, V b) const {
    return a * b;
  }
};

// Rows become columns.
HWY_INLINE void transpose_four(hn::Vec<Floats>* v) {
  const Floats d;
  const auto low_even = hn::InterleaveLower(d, v[0], v[2]), low_odd = hn::InterleaveLower(d, v[1], v[3]),
             high_even = hn::InterleaveUpper(d, v[0], v[2]), high_odd = hn::InterleaveUpper(d, v[1], v[3]);
  v[0] = hn::InterleaveLower(d, low_even, low_odd);
  v[1] = hn::InterleaveUpper(d, low_even, low_odd);
  v[2] = hn::InterleaveLower(d, high_even, high_odd);
  v[3] = hn::InterleaveUpper(d, high_even, high_odd);
}

// A vector holds one element of each row, and so the steps of one row are those of four.
template <class Combine>
void scan_four_rows(const float* in, float* out, int64_t n, int64_t stride) {
  constexpr int64_t kRows = cpu::kScanRows;
  const Floats df;
  const Doubles dd;
  const Combine combine;
  auto total = hn::Set(dd, Combine::kIdentity);
  int64_t i = 0;
  for (; i + kRows <= n; i += kRows) {
    hn::Vec<Floats> v[kRows];
    for (int64_t r = 0; r < kRows; ++r) v[r] = hn::LoadU(df, in + r * stride + i);
    transpose_four(v);
    for (int64_t c = 0; c < kRows; ++c) {
      total = combine(total, hn::PromoteTo(dd, v[c]));
      v[c] = hn::DemoteTo(df, total);
    }
    transpose_four(v);
    for (int64_t r = 0; r < kRows; ++r) hn::StoreU(v[r], df, out + r * stride + i);
  }
  HWY_ALIGN double last[kRows];
  hn::Store(total, dd, last);
  for (; i < n; ++i) {
    for (int64_t r = 0; r < kRows; ++r) {
      last[r] = combine(last[r], static_cast<double>(in[r * stride + i]));
      out[r * stride + i] = static_cast<float>(last[r]);
    }
  }
}

cpu::ScanFloats find_scan_floats(cpu::Scan op) {
  return op == cpu::Scan::Sum    ? scan_four_rows<AddDoubles>
         : op == cpu::Scan::Prod ? scan_four_rows<MultiplyDoubles>
                                 : nullptr;
}
#else
cpu::ScanFloats find_scan_floats(cpu::Scan) { return nullptr; }
#endif

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(find_scan_floats);
}
namespace rushlight::cpu {
using namespace math;
ScanFloats scan_floats(Scan op) { return HWY_DYNAMIC_DISPATCH(find_scan_floats)(op); }
}  // namespace rushlight::cpu
#endif

#include "rushlight/kernels/cpu/bytes.h"

#include <algorithm>
#include <cstring>

#include "rushlight/core/host.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/bytes.cpp"
#include <hwy/cache_control.h>
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

namespace hn = hwy::HWY_NAMESPACE;

using ByteTag = hn::ScalableTag<uint8_t>;

// Copies in groups of four vectors, all of which are loaded before the first is stored: Zen 3 takes addresses
// that agree in their lowest twelve bits for the same, and a load then waits for the store before it.
template <class StoreVector>
HWY_INLINE size_t copy_groups(uint8_t* to, const uint8_t* from, size_t n, StoreVector store) {
  const ByteTag d;
  const size_t lanes = hn::Lanes(d);
  size_t i = 0;
  for (; i + 4 * lanes <= n; i += 4 * lanes) {
    const auto a = hn::LoadU(d, from + i), b = hn::LoadU(d, from + i + lanes);
    const auto c = hn::LoadU(d, from + i + 2 * lanes), e = hn::LoadU(d, from + i + 3 * lanes);
    store(a, to + i);
    store(b, to + i + lanes);
    store(c, to + i + 2 * lanes);
    store(e, to + i + 3 * lanes);
  }
  return i;
}

void copy_by_vectors(uint8_t* to, const uint8_t* from, size_t n) {
  const size_t done =
      copy_groups(to, from, n, [](auto v, uint8_t* place) HWY_ATTR { hn::StoreU(v, ByteTag(), place); });
  std::memcpy(to + done, from + done, n - done);
}

void stream_by_vectors(uint8_t* to, const uint8_t* from, size_t n) {
  constexpr size_t kLine = 64;
  const size_t head = std::min(n, -reinterpret_cast<uintptr_t>(to) % kLine);
  std::memcpy(to, from, head);
  to += head, from += head, n -= head;
  const size_t done =
      copy_groups(to, from, n, [](auto v, uint8_t* place) HWY_ATTR { hn::Stream(v, ByteTag(), place); });
  std::memcpy(to + done, from + done, n - done);
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(copy_by_vectors);
HWY_EXPORT(stream_by_vectors);
}  // namespace rushlight::math

namespace rushlight::cpu {
using namespace math;

void copy_vectors(void* out, const void* in, size_t n) {
  HWY_DYNAMIC_DISPATCH(copy_by_vectors)(static_cast<uint8_t*>(out), static_cast<const uint8_t*>(in), n);
}

void stream_bytes(void* out, const void* in, size_t n) {
  HWY_DYNAMIC_DISPATCH(stream_by_vectors)(static_cast<uint8_t*>(out), static_cast<const uint8_t*>(in), n);
}

void end_stream() { hwy::FlushStream(); }

bool exceeds_caches(int64_t written, int64_t read) {
  static const int64_t limit = last_cache_bytes() / 8 * 3;
  return written >= limit && read >= 2 * limit - written;
}

int64_t elements_read(const Dims& sizes, const Dims& strides) {
  int64_t n = 1;
  for (int64_t d = 0; d < sizes.size(); ++d) n *= strides[d] == 0 ? 1 : sizes[d];
  return n;
}
}  // namespace rushlight::cpu
#endif

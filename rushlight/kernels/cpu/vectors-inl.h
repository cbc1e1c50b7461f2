// Loops over dense arrays, vector by vector.
#if defined(RUSHLIGHT_CPU_VECTORS_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef RUSHLIGHT_CPU_VECTORS_INL_H_
#undef RUSHLIGHT_CPU_VECTORS_INL_H_
#else
#define RUSHLIGHT_CPU_VECTORS_INL_H_
#endif

#include "rushlight/kernels/math/simd-inl.h"

RL_MATH_BEGIN

// f on whole vectors of [0, n), then on the rest: f(load, store) with functions that move a whole or a part
// vector.
template <class T, class F>
RL_INLINE void each_vector(int64_t n, F f) {
  using V = Simd<T>;
  int64_t i = 0;
  for (; i + V::kLanes <= n; i += V::kLanes) {
    f([i](const T* p) HWY_ATTR { return V::load(p + i); }, [i](V v, T* p) HWY_ATTR { v.store(p + i); });
  }
  if (i < n) {
    f([i, n](const T* p) HWY_ATTR { return V::load_part(p + i, n - i); },
      [i, n](V v, T* p) HWY_ATTR { v.store_part(p + i, n - i); });
  }
}

RL_MATH_END

#endif

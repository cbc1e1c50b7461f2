#include "rushlight/kernels/cpu/truth.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/truth.cpp"
#include <hwy/foreach_target.h>
#include <hwy/highway.h>

#include "rushlight/kernels/math/target-inl.h"

RL_MATH_BEGIN

using cpu::BlockKernel;
using cpu::Formula;
using cpu::Params;

namespace {

// A bool is the byte 0 or 1: the bitwise operators of C++ keep it so, and the compiler makes vectors of them.
template <class F>
void unary(const void* const* in, void* result, int64_t n, const Params&) {
  const uint8_t* a = static_cast<const uint8_t*>(in[0]);
  uint8_t* HWY_RESTRICT out = static_cast<uint8_t*>(result);
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(F()(a[i]));
}
template <class F>
void binary(const void* const* in, void* result, int64_t n, const Params&) {
  const uint8_t *a = static_cast<const uint8_t*>(in[0]), *b = static_cast<const uint8_t*>(in[1]);
  uint8_t* HWY_RESTRICT out = static_cast<uint8_t*>(result);
  for (int64_t i = 0; i < n; ++i) out[i] = static_cast<uint8_t>(F()(a[i], b[i]));
}

struct Not {
  int operator()(int a) const { return a ^ 1; }
};
struct And {
  int operator()(int a, int b) const { return a & b; }
};
struct Or {
  int operator()(int a, int b) const { return a | b; }
};
struct Differ {
  int operator()(int a, int b) const { return a ^ b; }
};
struct Same {
  int operator()(int a, int b) const { return a ^ b ^ 1; }
};

}  // namespace

BlockKernel truth_kernel(Formula formula) {
  switch (formula) {
    case Formula::LogicalNot: return unary<Not>;
    case Formula::LogicalAnd:
    case Formula::BitwiseAnd: return binary<And>;
    case Formula::LogicalOr:
    case Formula::BitwiseOr: return binary<Or>;
    case Formula::LogicalXor:
    case Formula::BitwiseXor:
    case Formula::Ne: return binary<Differ>;
    case Formula::Eq: return binary<Same>;
    default: return nullptr;
  }
}

RL_MATH_END

#if HWY_ONCE
namespace rushlight::math {
HWY_EXPORT(truth_kernel);
}  // namespace rushlight::math

namespace rushlight::cpu {
BlockKernel truth_kernel(Formula formula) {
  using namespace math;
  return HWY_DYNAMIC_DISPATCH(truth_kernel)(formula);
}
}  // namespace rushlight::cpu
#endif

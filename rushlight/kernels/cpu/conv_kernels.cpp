#include "rushlight/kernels/cpu/conv_kernels.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "rushlight/kernels/cpu/conv_kernels.cpp"
#include <hwy/foreach_target.h>  // IWYU pragma: keep
#include <hwy/highway.h>

#include "rushlight/kernels/cpu/conv-inl.h"

HWY_BEFORE_NAMESPACE();
namespace rushlight::cpu {
namespace HWY_NAMESPACE {

const ConvKernels<float>* float_conv() { return conv_table<float>(); }
const ConvKernels<double>* double_conv() { return conv_table<double>(); }

}  // namespace HWY_NAMESPACE
}  // namespace rushlight::cpu
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace rushlight::cpu {

HWY_EXPORT(float_conv);
HWY_EXPORT(double_conv);

template <>
const ConvKernels<float>& conv_kernels<float>() {
  static const ConvKernels<float>* table = HWY_DYNAMIC_DISPATCH(float_conv)();
  return *table;
}
template <>
const ConvKernels<double>& conv_kernels<double>() {
  static const ConvKernels<double>* table = HWY_DYNAMIC_DISPATCH(double_conv)();
  return *table;
}

}  // namespace rushlight::cpu
#endif  // HWY_ONCE

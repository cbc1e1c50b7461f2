// C++ names of the element types, which PyTorch prints in some messages.
#pragma once

#include "rushlight/core/dtype.h"

namespace rushlight {

inline const char* c_type_name(DType t) {
  static constexpr const char* kNames[] = {"bool",
                                           "unsigned char",
                                           "uint16_t",
                                           "uint32_t",
                                           "uint64_t",
                                           "signed char",
                                           "short",
                                           "int",
                                           "long int",
                                           "c10::Half",
                                           "c10::BFloat16",
                                           "float",
                                           "double",
                                           "c10::complex<float>",
                                           "c10::complex<double>"};
  return kNames[static_cast<int>(t)];
}

}  // namespace rushlight

// C++ names of the element types, which PyTorch prints in some messages.
#pragma once

#include <string>

#include "rushlight/core/dtype.h"
#include "rushlight/core/error.h"

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

// "torch.LongTensor", the old name of a CPU tensor's type.
inline std::string tensor_type_name(DType t) {
  return t == DType::Bool ? "CPUBoolType" : concat("torch.", info(t).message_name, "Tensor");
}

}  // namespace rushlight

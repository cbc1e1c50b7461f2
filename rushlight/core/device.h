// Where a tensor's memory is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rushlight {

enum class DeviceType : uint8_t { CPU, CUDA, Meta };

struct Device {
  DeviceType type = DeviceType::CPU;
  int8_t index = -1;  // -1: the current device of that type

  bool operator==(const Device&) const = default;
  bool is_cpu() const { return type == DeviceType::CPU; }
  bool is_cuda() const { return type == DeviceType::CUDA; }

  // "cpu", "cuda:0"
  std::string str() const;
  const char* type_name() const;

  // From "cuda:1"; RuntimeError with PyTorch's words for anything else.
  static Device parse(std::string_view text);
};

}  // namespace rushlight

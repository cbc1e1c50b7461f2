#include "rushlight/core/device.h"

#include "rushlight/core/error.h"

namespace rushlight {

const char* Device::type_name() const {
  switch (type) {
    case DeviceType::CPU: return "cpu";
    case DeviceType::CUDA: return "cuda";
    case DeviceType::Meta: return "meta";
  }
  __builtin_unreachable();
}

std::string Device::str() const { return index < 0 ? type_name() : concat(type_name(), ":", int{index}); }

Device Device::parse(std::string_view text) {
  RL_CHECK(!text.empty(), "Device string must not be empty");
  const size_t colon = text.find(':');
  const std::string_view name = text.substr(0, colon);
  Device device;
  if (name == "cpu") {
    device.type = DeviceType::CPU;
  } else if (name == "cuda") {
    device.type = DeviceType::CUDA;
  } else if (name == "meta") {
    device.type = DeviceType::Meta;
  } else {
    RL_CHECK(name.find_first_of("0123456789") == std::string_view::npos, "Invalid device string: '", text,
             "'");
    throw_error<RuntimeError>(
        "Expected one of cpu, cuda, ipu, xpu, mkldnn, opengl, opencl, ideep, hip, ve, fpga, maia, xla, lazy, "
        "vulkan, mps, meta, "
        "hpu, mtia, privateuseone device type at start of device string: ",
        name);
  }
  if (colon == std::string_view::npos) return device;
  const std::string_view digits = text.substr(colon + 1);
  int value = 0;
  bool valid = !digits.empty() && digits.size() <= 3 && (digits == "0" || digits[0] != '0');
  for (char c : digits) {
    valid = valid && c >= '0' && c <= '9';
    value = value * 10 + (c - '0');
  }
  RL_CHECK(valid && value < 128, "Invalid device string: '", text, "'");
  device.index = static_cast<int8_t>(value);
  return device;
}

}  // namespace rushlight

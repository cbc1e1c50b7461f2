// Numbers and text as Python prints them.
#pragma once

#include <string>

#include "rushlight/core/shape.h"

namespace rushlight::nn {

std::string python_repr(double value);              // 0.1, 1e-05, 3.0
std::string python_repr(const std::string& value);  // 'zeros'
std::string python_repr(const Dims& value);         // (3, 3), (4,)
inline std::string python_repr(bool value) { return value ? "True" : "False"; }
inline std::string python_repr(int64_t value) { return std::to_string(value); }

// Lines after the first two columns further in, as nested modules stand.
std::string indent(const std::string& text);

}  // namespace rushlight::nn

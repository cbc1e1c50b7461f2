#pragma once

#include <concepts>

namespace rushlight {

// How many pieces of b cover a; a is at least 0 and b above it.
constexpr auto ceil_div(std::integral auto a, std::integral auto b) { return (a + b - 1) / b; }

}  // namespace rushlight

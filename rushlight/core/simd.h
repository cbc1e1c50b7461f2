// The instruction set that the kernels run with: the best of those compiled in that the processor has. The
// environment variable RUSHLIGHT_SIMD (sse4, avx2, avx512 or neon) asks for a lesser one when the library is
// loaded, so that a test or a benchmark can run each of them on one machine.
#pragma once

#include <string>
#include <vector>

namespace rushlight {

// What kernels run with, say "avx2". ValueError if RUSHLIGHT_SIMD names none of simd_targets().
const std::string& simd_target();

// Those compiled in that this processor has, best first.
const std::vector<std::string>& simd_targets();

}  // namespace rushlight

// The two 16-bit floating types. Both are storage formats: arithmetic converts to float and back.
#pragma once

#include <bit>
#include <cstdint>

namespace rushlight {

// IEEE 754 binary16. Conversion from float rounds to nearest even and keeps subnormals, infinities and NaN.
struct Half {
  uint16_t bits;

  Half() = default;
  Half(float value) : bits(from_float(value)) {}
  operator float() const { return to_float(bits); }

  static Half from_bits(uint16_t bits) {
    Half h;
    h.bits = bits;
    return h;
  }

  static float to_float(uint16_t h) {
    // Scaling by a power of two rebuilds subnormals exactly (F. Giesen, "half to float done quic").
    const uint32_t magnitude = uint32_t{h & 0x7fffu} << 13;
    const float scaled = std::bit_cast<float>(magnitude) * std::bit_cast<float>((254u - 15u) << 23);
    uint32_t out = std::bit_cast<uint32_t>(scaled);
    if ((h & 0x7c00u) == 0x7c00u) out |= 255u << 23;
    return std::bit_cast<float>(out | (uint32_t{h & 0x8000u} << 16));
  }

  static uint16_t from_float(float value) {
    const uint32_t f = std::bit_cast<uint32_t>(value);
    const uint32_t sign = (f >> 16) & 0x8000u;
    uint32_t magnitude = f & 0x7fffffffu;
    if (magnitude >= 0x47800000u) {  // 2^16 and above, infinity and NaN
      return static_cast<uint16_t>(sign | (magnitude > 0x7f800000u ? 0x7e00u : 0x7c00u));
    }
    if (magnitude < 0x38800000u) {  // below the smallest normal: the addition rounds at the right bit
      const float shifted = std::bit_cast<float>(magnitude) + 0.5f;
      return static_cast<uint16_t>(sign | (std::bit_cast<uint32_t>(shifted) - std::bit_cast<uint32_t>(0.5f)));
    }
    magnitude += 0xc8000fffu + ((magnitude >> 13) & 1u);  // rebias the exponent, round to nearest even
    return static_cast<uint16_t>(sign | (magnitude >> 13));
  }
};

// The upper half of a float. Conversion rounds to nearest even.
struct BFloat16 {
  uint16_t bits;

  BFloat16() = default;
  BFloat16(float value) : bits(from_float(value)) {}
  operator float() const { return std::bit_cast<float>(uint32_t{bits} << 16); }

  static BFloat16 from_bits(uint16_t bits) {
    BFloat16 b;
    b.bits = bits;
    return b;
  }

  static uint16_t from_float(float value) {
    const uint32_t f = std::bit_cast<uint32_t>(value);
    if ((f & 0x7fffffffu) > 0x7f800000u) return 0x7fc0u;
    return static_cast<uint16_t>((f + 0x7fffu + ((f >> 16) & 1u)) >> 16);
  }
};

}  // namespace rushlight

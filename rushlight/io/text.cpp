#include "rushlight/io/text.h"

#include <cstddef>

#include "rushlight/core/error.h"

namespace rushlight::io {
namespace {

std::string hex(uint32_t value, int digits) {
  std::string out(static_cast<size_t>(digits), '0');
  for (int i = digits - 1; i >= 0; --i, value >>= 4)
    out[static_cast<size_t>(i)] = "0123456789abcdef"[value & 15];
  return out;
}

[[noreturn]] void throw_decode_error(std::string_view text, size_t start, size_t count, const char* reason) {
  if (count == 1) {
    throw_error<ValueError>("'utf-8' codec can't decode byte 0x", hex(static_cast<uint8_t>(text[start]), 2),
                            " in position ", start, ": ", reason);
  }
  throw_error<ValueError>("'utf-8' codec can't decode bytes in position ", start, "-", start + count - 1,
                          ": ", reason);
}

}  // namespace

void append_utf8(std::string& out, uint32_t c) {
  const auto tail = [&](int shift) { out += static_cast<char>(0x80 | ((c >> shift) & 0x3f)); };
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | (c >> 6));
    tail(0);
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | (c >> 12));
    tail(6);
    tail(0);
  } else {
    out += static_cast<char>(0xf0 | (c >> 18));
    tail(12);
    tail(6);
    tail(0);
  }
}

// The well-formed sequences of The Unicode Standard, table 3-7.
void check_utf8(std::string_view text, bool surrogates) {
  for (size_t i = 0; i < text.size();) {
    const auto lead = static_cast<uint8_t>(text[i]);
    if (lead < 0x80) {
      ++i;
      continue;
    }
    if (lead < 0xc2 || lead > 0xf4) throw_decode_error(text, i, 1, "invalid start byte");
    const size_t length = lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    for (size_t k = 1; k < length; ++k) {
      if (i + k == text.size()) throw_decode_error(text, i, k, "unexpected end of data");
      const auto byte = static_cast<uint8_t>(text[i + k]);
      uint8_t low = 0x80, high = 0xbf;
      if (k == 1 && lead == 0xe0) low = 0xa0;
      if (k == 1 && lead == 0xed && !surrogates) high = 0x9f;
      if (k == 1 && lead == 0xf0) low = 0x90;
      if (k == 1 && lead == 0xf4) high = 0x8f;
      if (byte < low || byte > high) throw_decode_error(text, i, k, "invalid continuation byte");
    }
    i += length;
  }
}

std::string latin1_to_utf8(std::string_view bytes) {
  std::string text;
  text.reserve(bytes.size());
  for (const char c : bytes) append_utf8(text, static_cast<uint8_t>(c));
  return text;
}

std::string utf8_to_latin1(std::string_view text) {
  std::string bytes;
  bytes.reserve(text.size());
  for (size_t i = 0; i < text.size(); ++i) {
    const auto lead = static_cast<uint8_t>(text[i]);
    if (lead < 0x80) {
      bytes += text[i];
      continue;
    }
    // C2 and C3 lead U+0080 to U+00FF.
    RL_CHECK_AS(ValueError, lead <= 0xc3 && i + 1 < text.size(),
                "'latin-1' codec can't encode character in position ", bytes.size(),
                ": ordinal not in range(256)");
    bytes += static_cast<char>(((lead & 3) << 6) | (static_cast<uint8_t>(text[++i]) & 0x3f));
  }
  return bytes;
}

}  // namespace rushlight::io

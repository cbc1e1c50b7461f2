// Character encodings of the file formats.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace rushlight::io {

void append_utf8(std::string& out, uint32_t code_point);

// Throws ValueError with the words of Python's UnicodeDecodeError. `surrogates`: encoded surrogates pass, as
// Python's "surrogatepass" lets them.
void check_utf8(std::string_view text, bool surrogates);

std::string latin1_to_utf8(std::string_view bytes);
// Throws ValueError with the words of Python's UnicodeEncodeError at a character beyond U+00FF.
std::string utf8_to_latin1(std::string_view text);

}  // namespace rushlight::io

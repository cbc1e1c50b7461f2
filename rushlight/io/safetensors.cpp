#include "rushlight/io/safetensors.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <tuple>
#include <unordered_set>

#include "rushlight/core/error.h"
#include "rushlight/io/text.h"

namespace rushlight::io {
namespace {

constexpr uint64_t kLargestHeader = 100'000'000;
constexpr std::string_view kMetadataName = "__metadata__";

struct DTypeName {
  const char* name;
  DType dtype;
};
constexpr DTypeName kDTypeNames[] = {
    {"BOOL", DType::Bool},   {"U8", DType::UInt8},      {"I8", DType::Int8},       {"U16", DType::UInt16},
    {"I16", DType::Int16},   {"F16", DType::Float16},   {"BF16", DType::BFloat16}, {"U32", DType::UInt32},
    {"I32", DType::Int32},   {"F32", DType::Float32},   {"U64", DType::UInt64},    {"I64", DType::Int64},
    {"F64", DType::Float64}, {"C64", DType::Complex64},
};

template <class... Parts>
void check_header(bool valid, const Parts&... parts) {
  if (!valid) throw_error("Error while deserializing header: ", parts...);
}

DType parse_dtype(std::string_view name) {
  for (const DTypeName& known : kDTypeNames) {
    if (name == known.name) return known.dtype;
  }
  throw_error<NotImplementedError>("safetensors dtype ", name, " is not supported");
}

std::string_view dtype_name(DType dtype) {
  for (const DTypeName& known : kDTypeNames) {
    if (dtype == known.dtype) return known.name;
  }
  throw_error<NotImplementedError>("safetensors has no dtype torch.", info(dtype).name);
}

// As much of JSON (RFC 8259) as the header takes: objects, strings, arrays of whole numbers.
class HeaderParser {
 public:
  explicit HeaderParser(std::string_view text) : text_(text) {}

  // Calls on_member(name) with the parser at the member's value.
  template <class F>
  void object(F&& on_member) {
    members('{', '}', [&] {
      const std::string name = string();
      expect(':');
      on_member(name);
    });
  }
  template <class T>
  std::vector<T> numbers() {
    std::vector<T> values;
    members('[', ']', [&] { values.push_back(number<T>()); });
    return values;
  }
  std::string string();
  void end() {
    skip_space();
    if (at_ != text_.size()) fail("trailing characters");
  }

 private:
  template <class F>
  void members(char open, char close, F&& member) {
    expect(open);
    if (skip_if(close)) return;
    do {
      member();
    } while (skip_if(','));
    expect(close);
  }
  template <class T>
  T number() {
    skip_space();
    T value{};
    const char* begin = text_.data() + at_;
    const auto result = std::from_chars(begin, text_.data() + text_.size(), value);
    const bool leading_zero = result.ptr - begin > 1 && *begin == '0';
    if (result.ec != std::errc{} || *begin == '-' || leading_zero) fail("expected a whole number");
    at_ += static_cast<size_t>(result.ptr - begin);
    return value;
  }
  uint32_t hex4();
  void skip_space() {
    while (at_ < text_.size() && std::strchr(" \t\r\n", text_[at_]) != nullptr && text_[at_] != '\0') ++at_;
  }
  bool skip_if(char c) {
    skip_space();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }
  void expect(char c) {
    if (!skip_if(c)) fail(concat("expected `", c, "`"));
  }
  char next() {
    if (at_ == text_.size()) fail("EOF while parsing a string");
    return text_[at_++];
  }
  [[noreturn]] void fail(std::string_view what) const {
    throw_error("Error while deserializing header: invalid JSON in header: ", what, " at byte ", at_);
  }

  std::string_view text_;
  size_t at_ = 0;
};

uint32_t HeaderParser::hex4() {
  uint32_t value = 0;
  if (text_.size() - at_ < 4) fail("EOF while parsing a string");
  const char* begin = text_.data() + at_;
  if (std::from_chars(begin, begin + 4, value, 16).ptr != begin + 4) fail("invalid escape");
  at_ += 4;
  return value;
}

std::string HeaderParser::string() {
  expect('"');
  std::string out;
  for (char c = next(); c != '"'; c = next()) {
    if (static_cast<uint8_t>(c) < 0x20) fail("control character in a string");
    if (c != '\\') {
      out += c;
      continue;
    }
    static constexpr std::string_view kNames = "\"\\/bfnrt", kCharacters = "\"\\/\b\f\n\r\t";
    c = next();
    if (const size_t named = kNames.find(c); named != std::string_view::npos) {
      out += kCharacters[named];
      continue;
    }
    if (c != 'u') fail("invalid escape");
    uint32_t code_point = hex4();
    if (code_point >= 0xd800 && code_point < 0xdc00) {
      if (next() != '\\' || next() != 'u') fail("lone surrogate");
      const uint32_t low = hex4();
      if (low < 0xdc00 || low >= 0xe000) fail("lone surrogate");
      code_point = 0x10000 + ((code_point - 0xd800) << 10) + (low - 0xdc00);
    } else if (code_point >= 0xdc00 && code_point < 0xe000) {
      fail("lone surrogate");
    }
    append_utf8(out, code_point);
  }
  return out;
}

SafetensorsEntry parse_entry(HeaderParser& parser, std::string name) {
  SafetensorsEntry entry{.name = std::move(name)};
  std::optional<std::string> dtype;
  std::optional<std::vector<int64_t>> shape;
  std::optional<std::vector<uint64_t>> offsets;
  const auto once = [&](auto& field, auto&& value) {
    check_header(!field.has_value(), "invalid JSON in header: a field of `", entry.name, "` twice");
    field = std::move(value);
  };
  parser.object([&](const std::string& field) {
    if (field == "dtype") {
      once(dtype, parser.string());
    } else if (field == "shape") {
      once(shape, parser.numbers<int64_t>());
    } else if (field == "data_offsets") {
      once(offsets, parser.numbers<uint64_t>());
    } else {
      check_header(false, "invalid JSON in header: unknown field `", field, "`");
    }
  });
  check_header(dtype && shape && offsets && offsets->size() == 2, "invalid JSON in header: `", entry.name,
               "` takes dtype, shape and two data_offsets");
  entry.dtype = parse_dtype(*dtype);
  entry.shape = std::move(*shape);
  entry.begin = (*offsets)[0];
  entry.end = (*offsets)[1];
  return entry;
}

uint64_t shape_bytes(const SafetensorsEntry& entry) {
  int64_t bytes = item_size(entry.dtype);
  for (const int64_t size : entry.shape) {
    check_header(size >= 0 && !__builtin_mul_overflow(bytes, size, &bytes),
                 "overflow computing buffer size from shape and/or element type");
  }
  return static_cast<uint64_t>(bytes);
}

void append_quoted(std::string& out, std::string_view text) {
  check_utf8(text, /*surrogates=*/false);
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<uint8_t>(c) < 0x20) {
      static constexpr char kHex[] = "0123456789abcdef";
      out += "\\u00";
      out += kHex[static_cast<uint8_t>(c) >> 4];
      out += kHex[c & 15];
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string header_of(const std::vector<SafetensorsEntry>& entries, const SafetensorsMetadata& metadata) {
  std::string out = "{";
  if (!metadata.empty()) {
    append_quoted(out, kMetadataName);
    out += ":{";
    for (const auto& [key, value] : metadata) {
      append_quoted(out, key);
      out += ':';
      append_quoted(out, value);
      out += ',';
    }
    out.back() = '}';
    out += ',';
  }
  for (const SafetensorsEntry& entry : entries) {
    append_quoted(out, entry.name);
    out += concat(":{\"dtype\":\"", dtype_name(entry.dtype), "\",\"shape\":[");
    for (size_t i = 0; i < entry.shape.size(); ++i)
      out += (i == 0 ? "" : ",") + std::to_string(entry.shape[i]);
    out += concat("],\"data_offsets\":[", entry.begin, ",", entry.end, "]},");
  }
  if (out.back() == ',') out.pop_back();
  out += '}';
  out.resize((out.size() + 7) / 8 * 8, ' ');  // the data begins aligned
  return out;
}

}  // namespace

SafetensorsReader::SafetensorsReader(ByteSource source) : source_(std::move(source)) {
  uint64_t size = 0;
  check_header(source_.read(0, &size, sizeof(size)), "header too small");
  check_header(size <= kLargestHeader, "header too large");
  check_header(size <= source_.size() - sizeof(size), "invalid header length");
  std::string header(size, '\0');
  check_header(source_.read(sizeof(size), header.data(), size), "invalid header length");
  check_header(header.starts_with('{'), "invalid start character in header, must start with `{`");
  check_utf8(header, /*surrogates=*/false);
  data_start_ = sizeof(size) + size;

  HeaderParser parser(header);
  std::unordered_set<std::string> names, keys;
  parser.object([&](const std::string& name) {
    check_header(names.insert(name).second, "invalid JSON in header: duplicate name `", name, "`");
    if (name != kMetadataName) {
      entries_.push_back(parse_entry(parser, name));
      return;
    }
    parser.object([&](const std::string& key) {
      check_header(keys.insert(key).second, "invalid JSON in header: duplicate name `", key, "`");
      metadata_.emplace_back(key, parser.string());
    });
  });
  parser.end();
  check_layout();
}

// The tensors follow one another without hole or overlap from the first byte of the data to the last.
void SafetensorsReader::check_layout() {
  std::sort(entries_.begin(), entries_.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::tie(a.begin, a.end) < std::tie(b.begin, b.end);
  });
  uint64_t position = 0;
  for (const SafetensorsEntry& entry : entries_) {
    check_header(entry.begin == position && entry.end >= entry.begin, "invalid offset for tensor `",
                 entry.name, "`");
    check_header(shape_bytes(entry) == entry.nbytes(), "invalid shape, data type, or offset for tensor `",
                 entry.name, "`");
    position = entry.end;
  }
  check_header(position == source_.size() - data_start_, "incomplete metadata, file not fully covered");
}

const SafetensorsEntry* SafetensorsReader::find(std::string_view name) const {
  for (const SafetensorsEntry& entry : entries_) {
    if (entry.name == name) return &entry;
  }
  return nullptr;
}

void SafetensorsReader::read(const SafetensorsEntry& entry, void* destination) const {
  RL_CHECK(source_.read(data_start_ + entry.begin, destination, entry.nbytes()), "cannot read tensor `",
           entry.name, "`: the file was cut while it was read");
}

void write_safetensors(ByteSink& sink, std::vector<SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata) {
  std::sort(entries.begin(), entries.end(), [](const SafetensorsEntry& a, const SafetensorsEntry& b) {
    return std::make_tuple(-item_size(a.dtype), std::string_view(a.name)) <
           std::make_tuple(-item_size(b.dtype), std::string_view(b.name));
  });
  std::unordered_set<std::string_view> names = {kMetadataName};
  uint64_t position = 0;
  for (SafetensorsEntry& entry : entries) {
    RL_CHECK(names.insert(entry.name).second, "cannot save two tensors under the name `", entry.name, "`");
    RL_CHECK(entry.data != nullptr || shape_bytes(entry) == 0, "tensor `", entry.name,
             "` to save has no data");
    entry.begin = position;
    entry.end = position += shape_bytes(entry);
  }
  const std::string header = header_of(entries, metadata);
  RL_CHECK(header.size() <= kLargestHeader, "header too large");
  const uint64_t size = header.size();
  sink.write(&size, sizeof(size));
  sink.write(header.data(), header.size());
  for (const SafetensorsEntry& entry : entries) sink.write(entry.data, entry.nbytes());
}

void write_safetensors(const std::string& path, std::vector<SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata) {
  AtomicFile file(path);
  write_safetensors(file, std::move(entries), metadata);
  file.commit();
}

}  // namespace rushlight::io

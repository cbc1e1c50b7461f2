#include "rushlight/io/zip.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "rushlight/core/error.h"

namespace rushlight::io {
namespace {

constexpr uint32_t kLocalHeader = 0x04034b50;
constexpr uint32_t kDataDescriptor = 0x08074b50;
constexpr uint32_t kCentralHeader = 0x02014b50;
constexpr uint32_t kEnd64 = 0x06064b50;
constexpr uint32_t kEnd64Locator = 0x07064b50;
constexpr uint32_t kEnd = 0x06054b50;
constexpr size_t kLocalHeaderSize = 30, kCentralHeaderSize = 46, kEnd64Size = 56, kEnd64LocatorSize = 20,
                 kEndSize = 22;
constexpr uint32_t kMax32 = 0xffffffff;
constexpr uint16_t kMax16 = 0xffff;
constexpr uint16_t kZip64Field = 1;
constexpr uint16_t kFlagEncrypted = 1, kFlagDataDescriptor = 1 << 3, kFlagUtf8 = 1 << 11;
constexpr size_t kReadBlock = size_t{1} << 18;  // read and checked while it is in the cache

constexpr std::string_view kCorrupted = "invalid header or archive is corrupted";

template <class T>
T load(const std::byte* at) {
  T value;
  std::memcpy(&value, at, sizeof(value));
  return value;
}

template <class T>
void put(std::string& out, T value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof(value));
}

// Slicing by 16 (Kounavis and Berry, "Novel Table Lookup-Based Algorithms for High-Performance CRC
// Generation", 2008): table[k][b] is the CRC of byte b followed by k zero bytes.
constexpr auto kCrcTable = [] {
  std::array<std::array<uint32_t, 256>, 16> table{};
  for (uint32_t b = 0; b < 256; ++b) {
    uint32_t crc = b;
    for (int bit = 0; bit < 8; ++bit) crc = (crc >> 1) ^ ((crc & 1) != 0 ? 0xedb88320u : 0);
    table[0][b] = crc;
  }
  for (size_t k = 1; k < 16; ++k) {
    for (size_t b = 0; b < 256; ++b) table[k][b] = (table[k - 1][b] >> 8) ^ table[0][table[k - 1][b] & 255];
  }
  return table;
}();

uint32_t crc_of_word(uint32_t word, size_t zeros) {
  return kCrcTable[zeros + 3][word & 255] ^ kCrcTable[zeros + 2][(word >> 8) & 255] ^
         kCrcTable[zeros + 1][(word >> 16) & 255] ^ kCrcTable[zeros][word >> 24];
}

// The zip64 extra field holds, in this order, the fields that the 32-bit header could not.
struct Zip64Fields {
  std::span<const std::byte> bytes;

  uint64_t take(uint32_t field32, bool& valid) {
    if (field32 != kMax32) return field32;
    if (bytes.size() < 8) {
      valid = false;
      return 0;
    }
    const auto value = load<uint64_t>(bytes.data());
    bytes = bytes.subspan(8);
    return value;
  }
};

Zip64Fields find_zip64(std::span<const std::byte> extra) {
  while (extra.size() >= 4) {
    const auto id = load<uint16_t>(extra.data());
    const size_t size = load<uint16_t>(extra.data() + 2);
    extra = extra.subspan(4);
    if (size > extra.size()) break;
    if (id == kZip64Field) return {extra.first(size)};
    extra = extra.subspan(size);
  }
  return {};
}

uint32_t clamp32(uint64_t value) { return value >= kMax32 ? kMax32 : static_cast<uint32_t>(value); }

std::string zip64_extra(uint64_t size, uint64_t stored_size, uint64_t offset) {
  std::string fields;
  if (size >= kMax32) {
    put(fields, size);
    put(fields, stored_size);
  }
  if (offset >= kMax32) put(fields, offset);
  if (fields.empty()) return fields;
  std::string extra;
  put(extra, kZip64Field);
  put(extra, static_cast<uint16_t>(fields.size()));
  return extra + fields;
}

// An extra field that ends on the alignment: PyTorch's marker "FB" and as many Z as it takes.
std::string padding_extra(uint64_t start) {
  constexpr uint64_t kHeader = 4;
  const uint64_t end = start + kHeader;
  const uint64_t padding = (ZipWriter::kAlignment - end % ZipWriter::kAlignment) % ZipWriter::kAlignment;
  std::string extra = "FB";
  put(extra, static_cast<uint16_t>(padding));
  return extra.append(padding, 'Z');
}

uint16_t flags_of(const ZipEntry& entry) { return kFlagUtf8 | (entry.size > 0 ? kFlagDataDescriptor : 0); }

std::string local_header(const ZipEntry& entry) {
  // PyTorch's writer does not know the stored size yet; the descriptor has it.
  std::string extra = zip64_extra(entry.size, 0, entry.header_offset);
  extra += padding_extra(entry.header_offset + kLocalHeaderSize + entry.name.size() + extra.size());
  std::string out;
  put(out, kLocalHeader);
  put(out, uint16_t{0});  // version needed
  put(out, flags_of(entry));
  put(out, uint16_t{0});  // stored
  put(out, uint32_t{0});  // time and date
  put(out, uint32_t{0});  // CRC and both sizes stand in the descriptor behind the data
  put(out, uint64_t{0});
  put(out, static_cast<uint16_t>(entry.name.size()));
  put(out, static_cast<uint16_t>(extra.size()));
  return out + entry.name + extra;
}

std::string data_descriptor(const ZipEntry& entry) {
  std::string out;
  put(out, kDataDescriptor);
  put(out, entry.crc);
  if (entry.size >= kMax32 || entry.header_offset >= kMax32) {
    put(out, entry.size);
    put(out, entry.size);
  } else {
    put(out, static_cast<uint32_t>(entry.size));
    put(out, static_cast<uint32_t>(entry.size));
  }
  return out;
}

std::string central_header(const ZipEntry& entry) {
  const std::string extra = zip64_extra(entry.size, entry.size, entry.header_offset);
  std::string out;
  put(out, kCentralHeader);
  put(out, uint32_t{0});  // versions made by and needed
  put(out, flags_of(entry));
  put(out, uint16_t{0});  // stored
  put(out, uint32_t{0});  // time and date
  put(out, entry.crc);
  put(out, clamp32(entry.size));
  put(out, clamp32(entry.size));
  put(out, static_cast<uint16_t>(entry.name.size()));
  put(out, static_cast<uint16_t>(extra.size()));
  put(out, uint16_t{0});  // comment
  put(out, uint16_t{0});  // disk
  put(out, uint16_t{0});  // internal attributes
  put(out, uint32_t{0});  // external attributes
  put(out, clamp32(entry.header_offset));
  return out + entry.name + extra;
}

std::string end_records(uint64_t count, uint64_t directory_offset, uint64_t directory_size) {
  std::string out;
  put(out, kEnd64);
  put(out, uint64_t{kEnd64Size - 12});
  put(out, uint16_t{0x031e});  // made by version 3.0 on Unix
  put(out, uint16_t{0x002d});  // needs version 4.5: zip64
  put(out, uint64_t{0});       // disks
  put(out, count);
  put(out, count);
  put(out, directory_size);
  put(out, directory_offset);
  put(out, kEnd64Locator);
  put(out, uint32_t{0});
  put(out, directory_offset + directory_size);
  put(out, uint32_t{1});  // disks
  put(out, kEnd);
  put(out, uint32_t{0});  // disks
  put(out, static_cast<uint16_t>(std::min<uint64_t>(count, kMax16)));
  put(out, static_cast<uint16_t>(std::min<uint64_t>(count, kMax16)));
  put(out, clamp32(directory_size));
  put(out, clamp32(directory_offset));
  put(out, uint16_t{0});  // comment
  return out;
}

}  // namespace

uint32_t crc32(const void* data, size_t count, uint32_t crc) {
  const auto* bytes = static_cast<const std::byte*>(data);
  crc = ~crc;
  for (; count >= 16; bytes += 16, count -= 16) {
    crc = crc_of_word(load<uint32_t>(bytes) ^ crc, 12) ^ crc_of_word(load<uint32_t>(bytes + 4), 8) ^
          crc_of_word(load<uint32_t>(bytes + 8), 4) ^ crc_of_word(load<uint32_t>(bytes + 12), 0);
  }
  for (; count > 0; ++bytes, --count)
    crc = (crc >> 8) ^ kCrcTable[0][(crc ^ static_cast<uint32_t>(*bytes)) & 255];
  return ~crc;
}

void throw_zip_error(std::string_view action, std::string_view reason) {
  throw_error(
      "PytorchStreamReader failed ", action, ": ", reason,
      ". This is an internal miniz error. If you are seeing this error, there is a high likelihood that your "
      "checkpoint file is corrupted. This can happen if the checkpoint was not saved properly, was "
      "transferred "
      "incorrectly, or the file was modified after saving.");
}

ZipReader::ZipReader(ByteSource source) : source_(std::move(source)) {
  read_directory(find_directory());
  index_.reserve(entries_.size());
  for (size_t i = 0; i < entries_.size(); ++i) index_[entries_[i].name] = i;
}

ZipReader::Directory ZipReader::find_directory() const {
  constexpr std::string_view kAction = "reading zip archive";
  if (source_.size() < kEndSize) throw_zip_error(kAction, "not a ZIP archive");
  const size_t tail_size = std::min<uint64_t>(source_.size(), kEndSize + kMax16 + kEnd64LocatorSize);
  std::vector<std::byte> tail(tail_size);
  if (!source_.read(source_.size() - tail_size, tail.data(), tail_size))
    throw_zip_error(kAction, "file read failed");

  size_t at = tail_size - kEndSize;
  while (load<uint32_t>(&tail[at]) != kEnd) {
    if (at == 0) throw_zip_error(kAction, "failed finding central directory");
    --at;
  }
  const std::byte* end = &tail[at];
  if (load<uint32_t>(end + 4) != 0) throw_zip_error(kAction, "unsupported multidisk archive");
  Directory directory{load<uint32_t>(end + 16), load<uint32_t>(end + 12), load<uint16_t>(end + 10)};
  if (load<uint16_t>(end + 8) != directory.count) throw_zip_error(kAction, "unsupported multidisk archive");

  if (at >= kEnd64LocatorSize && load<uint32_t>(end - kEnd64LocatorSize) == kEnd64Locator) {
    std::byte record[kEnd64Size];
    const auto offset = load<uint64_t>(end - kEnd64LocatorSize + 8);
    if (!source_.read(offset, record, kEnd64Size) || load<uint32_t>(record) != kEnd64) {
      throw_zip_error(kAction, kCorrupted);
    }
    if (load<uint64_t>(record + 16) != 0) throw_zip_error(kAction, "unsupported multidisk archive");
    directory = {load<uint64_t>(record + 48), load<uint64_t>(record + 40), load<uint64_t>(record + 32)};
    if (load<uint64_t>(record + 24) != directory.count)
      throw_zip_error(kAction, "unsupported multidisk archive");
  }
  if (directory.offset > source_.size() || directory.size > source_.size() - directory.offset ||
      directory.count > directory.size / kCentralHeaderSize) {
    throw_zip_error(kAction, kCorrupted);
  }
  return directory;
}

void ZipReader::read_directory(const Directory& directory) {
  constexpr std::string_view kAction = "reading zip archive";
  std::vector<std::byte> bytes(directory.size);
  if (!source_.read(directory.offset, bytes.data(), bytes.size()))
    throw_zip_error(kAction, "file read failed");
  std::span<const std::byte> rest(bytes);
  uint64_t room = source_.size();  // entries do not overlap, so together they fit into the file
  entries_.reserve(directory.count);
  for (uint64_t i = 0; i < directory.count; ++i) {
    if (rest.size() < kCentralHeaderSize || load<uint32_t>(rest.data()) != kCentralHeader) {
      throw_zip_error(kAction, kCorrupted);
    }
    const std::byte* header = rest.data();
    const size_t name_size = load<uint16_t>(header + 28), extra_size = load<uint16_t>(header + 30);
    const size_t total = kCentralHeaderSize + name_size + extra_size + load<uint16_t>(header + 32);
    if (total > rest.size()) throw_zip_error(kAction, kCorrupted);

    ZipEntry entry;
    entry.name.assign(reinterpret_cast<const char*>(header) + kCentralHeaderSize, name_size);
    const bool encrypted = (load<uint16_t>(header + 8) & kFlagEncrypted) != 0;
    if (encrypted) throw_zip_error(concat("reading file ", entry.name), "unsupported encryption");
    const bool stored = load<uint16_t>(header + 10) == 0;
    if (!stored) throw_zip_error(concat("reading file ", entry.name), "unsupported method");
    entry.crc = load<uint32_t>(header + 16);
    Zip64Fields wide = find_zip64(rest.subspan(kCentralHeaderSize + name_size, extra_size));
    bool valid = true;
    entry.size = wide.take(load<uint32_t>(header + 24), valid);
    const uint64_t compressed_size = wide.take(load<uint32_t>(header + 20), valid);
    entry.header_offset = wide.take(load<uint32_t>(header + 42), valid);
    if (!valid || compressed_size > room || entry.size != compressed_size) {
      throw_zip_error(kAction, kCorrupted);
    }
    room -= compressed_size;
    entries_.push_back(std::move(entry));
    rest = rest.subspan(total);
  }
}

const ZipEntry* ZipReader::find(std::string_view name) const {
  const auto found = index_.find(name);
  return found == index_.end() ? nullptr : &entries_[found->second];
}

uint64_t ZipReader::data_offset(const ZipEntry& entry, std::string_view label) const {
  std::byte header[kLocalHeaderSize];
  if (!source_.read(entry.header_offset, header, kLocalHeaderSize) ||
      load<uint32_t>(header) != kLocalHeader) {
    throw_zip_error(concat("reading file ", label), kCorrupted);
  }
  const uint64_t offset =
      entry.header_offset + kLocalHeaderSize + load<uint16_t>(header + 26) + load<uint16_t>(header + 28);
  if (offset > source_.size() || entry.size > source_.size() - offset) {
    throw_zip_error(concat("reading file ", label), kCorrupted);
  }
  return offset;
}

void ZipReader::read(const ZipEntry& entry, void* destination, std::string_view label) const {
  const std::string action = concat("reading file ", label);
  uint64_t offset = data_offset(entry, label);
  auto* out = static_cast<std::byte*>(destination);
  uint32_t crc = 0;
  for (uint64_t left = entry.size; left > 0;) {
    const size_t count = std::min<uint64_t>(left, kReadBlock);
    if (!source_.read(offset, out, count)) throw_zip_error(action, "file read failed");
    if (entry.crc != 0) crc = crc32(out, count, crc);
    out += count;
    offset += count;
    left -= count;
  }
  if (crc != entry.crc) throw_zip_error(action, "CRC-32 check failed");
}

std::string ZipReader::read(const ZipEntry& entry, std::string_view label) const {
  std::string bytes(entry.size, '\0');
  read(entry, bytes.data(), label);
  return bytes;
}

void ZipWriter::emit(const std::string& bytes) {
  sink_.write(bytes.data(), bytes.size());
  position_ += bytes.size();
}

void ZipWriter::add(const std::string& name, const void* data, uint64_t size) {
  RL_CHECK(name.size() <= 0x7fff, "PytorchStreamWriter failed writing file ", name, ": invalid filename.");
  ZipEntry entry{.name = name, .size = size, .header_offset = position_, .crc = crc32(data, size)};
  emit(local_header(entry));
  if (size > 0) {
    sink_.write(data, size);
    position_ += size;
    emit(data_descriptor(entry));
  }
  entries_.push_back(std::move(entry));
}

void ZipWriter::finish() {
  const uint64_t directory_offset = position_;
  for (const ZipEntry& entry : entries_) emit(central_header(entry));
  emit(end_records(entries_.size(), directory_offset, position_ - directory_offset));
}

}  // namespace rushlight::io

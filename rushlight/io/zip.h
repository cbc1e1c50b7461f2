// ZIP archives as torch.save writes them: stored (uncompressed) entries, data aligned by an "FB" extra field,
// zip64 past 4 GiB. Format: PKWARE's APPNOTE.TXT 6.3. Layout and alignment are those of PyTorch 2.13, byte
// for byte.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "rushlight/io/file.h"

namespace rushlight::io {

// CRC-32 of the ZIP format (IEEE 802.3, reflected) of `crc`'s bytes followed by these. Our own, since zlib
// would be a dependency for this one function.
uint32_t crc32(const void* data, size_t count, uint32_t crc = 0);

struct ZipEntry {
  std::string name;
  uint64_t size = 0;           // bytes
  uint64_t header_offset = 0;  // of the local header
  uint32_t crc = 0;            // 0: the writer computed none
};

// Every damaged, truncated or lying archive is a RuntimeError in PyTorch's words ("PytorchStreamReader failed
// reading zip archive: failed finding central directory. ..."), and so is one with compressed or encrypted
// entries. Nothing is allocated on a header's word: the entries together are no larger than the file.
class ZipReader {
 public:
  explicit ZipReader(ByteSource source);

  const std::vector<ZipEntry>& entries() const { return entries_; }
  // The last entry of that name, as PyTorch has it; nullptr when there is none.
  const ZipEntry* find(std::string_view name) const;
  // Copies the entry's `entry.size` bytes to `destination` and checks them against its CRC. `label` names it
  // in errors.
  void read(const ZipEntry& entry, void* destination, std::string_view label) const;
  std::string read(const ZipEntry& entry, std::string_view label) const;

 private:
  struct Directory {
    uint64_t offset, size, count;
  };
  Directory find_directory() const;
  void read_directory(const Directory& directory);
  uint64_t data_offset(const ZipEntry& entry, std::string_view label) const;

  ByteSource source_;
  std::vector<ZipEntry> entries_;
  std::unordered_map<std::string_view, size_t> index_;
};

class ZipWriter {
 public:
  static constexpr uint64_t kAlignment = 64;  // of each entry's data, in bytes from the start of the archive

  explicit ZipWriter(ByteSink& sink) : sink_(sink) {}
  void add(const std::string& name, const void* data, uint64_t size);
  void add(const std::string& name, std::string_view data) { add(name, data.data(), data.size()); }
  // Writes the central directory. The last call.
  void finish();
  const std::vector<ZipEntry>& entries() const { return entries_; }

 private:
  void emit(const std::string& bytes);

  ByteSink& sink_;
  uint64_t position_ = 0;
  std::vector<ZipEntry> entries_;
};

[[noreturn]] void throw_zip_error(std::string_view action, std::string_view reason);

}  // namespace rushlight::io

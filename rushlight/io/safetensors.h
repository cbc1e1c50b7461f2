// The safetensors format: a length, a JSON header that names each tensor's dtype, shape and place, and the
// data. Format and validity rules: https://github.com/huggingface/safetensors (README, "Format").
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "rushlight/core/dtype.h"
#include "rushlight/io/file.h"

namespace rushlight::io {

struct SafetensorsEntry {
  std::string name;
  DType dtype = DType::Float32;
  std::vector<int64_t> shape;   // contiguous, row-major
  uint64_t begin = 0, end = 0;  // bytes, from the start of the data
  const void* data = nullptr;   // writing: the caller's end - begin bytes

  uint64_t nbytes() const { return end - begin; }
};

using SafetensorsMetadata = std::vector<std::pair<std::string, std::string>>;

// Every file that breaks a rule (a header over 100 MB or not JSON, a name twice, tensors that overlap, leave
// a hole or do not fill the file, a shape that does not give the size) is a RuntimeError, or a ValueError
// when it is not UTF-8; a dtype that we lack is NotImplementedError.
class SafetensorsReader {
 public:
  explicit SafetensorsReader(ByteSource source);

  const std::vector<SafetensorsEntry>& entries() const { return entries_; }  // in the order of their data
  const SafetensorsMetadata& metadata() const { return metadata_; }
  const SafetensorsEntry* find(std::string_view name) const;
  // Copies the entry's nbytes() bytes, which are little-endian.
  void read(const SafetensorsEntry& entry, void* destination) const;

 private:
  void check_layout();

  ByteSource source_;
  uint64_t data_start_ = 0;
  std::vector<SafetensorsEntry> entries_;
  SafetensorsMetadata metadata_;
};

// Writes name, dtype, shape and data of each entry; `begin` and `end` are set here. Wider dtypes come first,
// then names in order, as the reference writer has it. RuntimeError for a name twice or "__metadata__".
void write_safetensors(ByteSink& sink, std::vector<SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata = {});
// As above into a file, which is replaced at once when all is on the disk.
void write_safetensors(const std::string& path, std::vector<SafetensorsEntry> entries,
                       const SafetensorsMetadata& metadata = {});

}  // namespace rushlight::io

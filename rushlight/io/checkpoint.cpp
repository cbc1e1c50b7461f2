#include "rushlight/io/checkpoint.h"

#include <algorithm>
#include <charconv>
#include <functional>
#include <string_view>
#include <unordered_set>

#include "rushlight/core/error.h"
#include "rushlight/io/pickle.h"

namespace rushlight::io {
namespace {

constexpr int64_t kNewestVersion = 10, kWrittenVersion = 3;

// torch.save(..., _use_new_zipfile_serialization=False) begins with this number as a pickle.
constexpr std::string_view kLegacyMagic(
    "\x80\x02\x8a\nl\xfc\x9c"
    "F\xf9 j\xa8P\x19.");

void check_is_zip(const ByteSource& source) {
  char start[kLegacyMagic.size()] = {};
  const bool is_long = source.read(0, start, sizeof(start));
  const std::string_view text(start, sizeof(start));
  RL_CHECK(
      !is_long || text != kLegacyMagic,
      "the file was saved by torch.save in its old form, before PyTorch 1.6 or with "
      "_use_new_zipfile_serialization=False, which is not supported: load it in PyTorch and save it again");
  if (!is_long || text.substr(0, 4) != "PK\3\4") throw_zip_error("reading zip archive", "not a ZIP archive");
}

ByteSource checked(ByteSource source) {
  check_is_zip(source);
  return source;
}

// Every entry lies in one folder, whose name torch.save takes from the file's.
std::string folder_of(const std::vector<ZipEntry>& entries) {
  if (entries.empty()) throw_zip_error("reading zip archive", "not a ZIP archive");
  const std::string& first = entries.front().name;
  const size_t slash = first.find('/');
  RL_CHECK(slash != std::string::npos,
           "[enforce fail at inline_container.cc:180] . file in archive is not in a subdirectory: ", first);
  const std::string folder = first.substr(0, slash + 1);
  for (const ZipEntry& entry : entries) {
    RL_CHECK(entry.name.starts_with(folder),
             "[enforce fail at inline_container.cc:340] . file in archive is not in a subdirectory ", folder,
             ": ", entry.name);
  }
  return folder;
}

// The file's name without folders and extension, as PyTorch has it for paths in ASCII.
std::string archive_name(const std::string& path) {
  std::string name = path.substr(path.find_last_of("/\\") + 1);
  const size_t dot = name.rfind('.');
  if (dot != std::string::npos) name.resize(dot);
  const bool is_ascii =
      std::all_of(path.begin(), path.end(), [](char c) { return static_cast<uint8_t>(c) < 0x80; });
  return name.empty() || !is_ascii ? "archive" : name;
}

// 40 digits that tell one file's content from another's, the digits that PyTorch writes: its writer mixes the
// hashes of the entries' names, in the order of an unordered_set, and the CRCs of those that are not empty,
// as boost::hash_combine does. (The same digits take the same standard library; any digits are valid.)
std::string serialization_id(const std::vector<ZipEntry>& entries, size_t folder_size) {
  const auto mix = [](uint64_t& seed, uint64_t value) {
    seed ^= value + 0x9e3779b9 + (seed << 6) + (seed >> 2);
  };
  std::unordered_set<std::string> unique_names;
  uint64_t contents = 0;
  for (const ZipEntry& entry : entries) {
    unique_names.insert(entry.name.substr(folder_size));
    if (entry.size > 0) mix(contents, entry.crc);
  }
  uint64_t names = 0;
  for (const std::string& name : unique_names) mix(names, std::hash<std::string>{}(name));
  const auto digits = [](uint64_t value) {
    const std::string text = std::to_string(value);
    return std::string(20 - text.size(), '0') + text;
  };
  return digits(names) + digits(contents);
}

void write_archive(ByteSink& sink, const std::string& pickle, const std::vector<StorageRecord>& storages,
                   const std::vector<int64_t>& storage_order, const std::string& folder) {
  ZipWriter zip(sink);
  const std::string prefix = folder + "/";
  zip.add(prefix + "data.pkl", pickle);
  zip.add(prefix + ".format_version", "1");
  zip.add(prefix + ".storage_alignment", std::to_string(ZipWriter::kAlignment));
  zip.add(prefix + "byteorder", "little");
  for (size_t key = 0; key < storage_order.size(); ++key) {
    const StorageRecord& storage = storages[static_cast<size_t>(storage_order[key])];
    RL_CHECK(storage.data != nullptr || storage.nbytes() == 0, "a storage to save has no data");
    zip.add(concat(prefix, "data/", key), storage.data, static_cast<uint64_t>(storage.nbytes()));
  }
  zip.add(prefix + "version", concat(kWrittenVersion, "\n"));
  zip.add(prefix + ".data/serialization_id", serialization_id(zip.entries(), prefix.size()));
  zip.finish();
}

void write_archive(ByteSink& sink, const ValueTree& tree, const std::string& folder) {
  std::vector<int64_t> storage_order;
  const std::string text = pickle(tree, storage_order);
  write_archive(sink, text, tree.storages, storage_order, folder);
}

void reverse_elements(std::byte* data, int64_t nbytes, int64_t element_size) {
  for (int64_t i = 0; i < nbytes; i += element_size) std::reverse(data + i, data + i + element_size);
}

}  // namespace

Archive::Archive(ByteSource source) : zip_(checked(std::move(source))), folder_(folder_of(zip_.entries())) {
  check_version();
  if (const ZipEntry* entry = find("byteorder")) {
    const std::string order = zip_.read(*entry, "byteorder");
    RL_CHECK_AS(ValueError, order == "little" || order == "big", "Unknown endianness type: ", order);
    swap_bytes_ = order == "big";
  }
}

Checkpoint::Checkpoint(ByteSource source) : archive_(std::move(source)) {
  RL_CHECK(archive_.find("constants.pkl") == nullptr,
           "Cannot use ``weights_only=True`` with TorchScript archives passed to ``torch.load``. ",
           kWeightsOnlyAdvice);
  tree_ = unpickle(archive_.pickle());
  for (const StorageRecord& storage : tree_.storages) archive_.check_storage(storage.key, storage.nbytes());
}

const ZipEntry& Archive::require(const std::string& name) const {
  const ZipEntry* entry = find(name);
  if (entry == nullptr) throw_zip_error(concat("locating file ", name), "file not found");
  return *entry;
}

void Archive::check_version() const {
  const ZipEntry* entry = find(".data/version");
  if (entry == nullptr) entry = find("version");
  RL_CHECK(entry != nullptr,
           "Expected hasRecord(\"version\") to be true, but got false.  (Could this error message be "
           "improved?  If so, "
           "please report an enhancement request to PyTorch.)");
  const std::string text = zip_.read(*entry, "version");
  int64_t version = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), version);
  RL_CHECK(result.ec == std::errc{},
           "[enforce fail at inline_container.cc:215] . Couldn't parse the version ", text, " as Long Long.");
  RL_CHECK(
      version >= 1,
      "[enforce fail at inline_container.cc:222] . Attempted to read a PyTorch file with version ", version,
      ", but the minimum supported version for reading is 1. Your PyTorch script module file is too old. "
      "Please regenerate it with latest version of PyTorch to mitigate this issue.");
  RL_CHECK(version <= kNewestVersion,
           "[enforce fail at inline_container.cc:230] . Attempted to read a PyTorch file with version ",
           version, ", but the maximum supported version for reading is ", kNewestVersion,
           ". The version of your PyTorch installation may be too old, please upgrade PyTorch to latest "
           "version to "
           "mitigate this issue.");
}

void Archive::check_storage(const std::string& key, int64_t nbytes) const {
  const auto expected = static_cast<uint64_t>(nbytes);
  const uint64_t size = require("data/" + key).size;
  RL_CHECK(size == expected, "record size (", size, " bytes) does not match expected size (", expected,
           " bytes = ", expected, " elements * 1 bytes/element) for dtype Byte");
}

void Archive::read_storage(const std::string& key, DType dtype, int64_t nbytes, void* destination) const {
  const std::string name = "data/" + key;
  zip_.read(require(name), destination, name);
  if (swap_bytes_) {
    const int64_t element = item_size(dtype) / (is_complex(dtype) ? 2 : 1);
    reverse_elements(static_cast<std::byte*>(destination), nbytes, element);
  }
}

void Checkpoint::read_storage(size_t index, void* destination) const {
  const StorageRecord& storage = tree_.storages.at(index);
  archive_.read_storage(storage.key, storage.dtype, storage.nbytes(), destination);
}

Checkpoint read_checkpoint(const std::string& path) { return Checkpoint(ByteSource::open(path)); }
Checkpoint read_checkpoint(std::span<const std::byte> bytes) { return Checkpoint(ByteSource::view(bytes)); }

void write_checkpoint(const std::string& path, const ValueTree& tree) {
  AtomicFile file(path);
  write_archive(file, tree, archive_name(path));
  file.commit();
}

std::string write_checkpoint(const ValueTree& tree, const std::string& folder) {
  StringSink sink;
  write_archive(sink, tree, folder);
  return std::move(sink.bytes());
}

std::string write_checkpoint(const std::string& pickle, const std::vector<StorageRecord>& storages,
                             const std::string& folder) {
  StringSink sink;
  std::vector<int64_t> order(storages.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = static_cast<int64_t>(i);
  write_archive(sink, pickle, storages, order, folder);
  return std::move(sink.bytes());
}

}  // namespace rushlight::io

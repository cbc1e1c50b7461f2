#include "idx.h"

#include <array>
#include <fstream>
#include <iterator>
#include <stdexcept>
#include <utility>

namespace mnist {
namespace {

constexpr uint8_t kUnsignedByte = 8;

[[noreturn]] void fail(const std::filesystem::path& file, const std::string& problem) {
  throw std::runtime_error(file.string() + ": " + problem);
}

template <size_t kDims>
struct IdxFile {
  std::array<int64_t, kDims> sizes{};
  std::vector<uint8_t> values;
};

int64_t big_endian_32(const uint8_t* bytes) {
  return int64_t{bytes[0]} << 24 | int64_t{bytes[1]} << 16 | int64_t{bytes[2]} << 8 | int64_t{bytes[3]};
}

std::vector<uint8_t> read_bytes(const std::filesystem::path& file) {
  std::ifstream stream(file, std::ios::binary);
  if (!stream) fail(file, "cannot be opened");
  std::vector<uint8_t> bytes{std::istreambuf_iterator<char>(stream), {}};
  if (stream.bad()) fail(file, "cannot be read");
  return bytes;
}

template <size_t kDims>
IdxFile<kDims> read_idx(const std::filesystem::path& file) {
  constexpr size_t kHeader = 4 + 4 * kDims;
  std::vector<uint8_t> bytes = read_bytes(file);
  if (bytes.size() >= 2 && bytes[0] == 0x1f && bytes[1] == 0x8b) fail(file, "is compressed, gunzip it first");
  if (bytes.size() < kHeader) fail(file, "ends within its header");
  if (bytes[0] != 0 || bytes[1] != 0 || bytes[2] != kUnsignedByte || bytes[3] != kDims) {
    fail(file, "is not an IDX file of bytes with " + std::to_string(kDims) + " dimension(s)");
  }

  // The sizes are compared with what is left of the file by division: their product may not fit any integer.
  IdxFile<kDims> idx;
  int64_t left = static_cast<int64_t>(bytes.size() - kHeader);
  int64_t wanted = 1;
  for (size_t d = 0; d < kDims; ++d) {
    idx.sizes[d] = big_endian_32(&bytes[4 + 4 * d]);
    if (idx.sizes[d] == 0) fail(file, "is empty");
    if (idx.sizes[d] > left / wanted) fail(file, "is shorter than its header says");
    wanted *= idx.sizes[d];
  }
  if (wanted != left) fail(file, "is longer than its header says");
  bytes.erase(bytes.begin(), bytes.begin() + kHeader);
  idx.values = std::move(bytes);
  return idx;
}

}  // namespace

Digits read_digits(const std::filesystem::path& directory, const std::string& part) {
  const auto images_file = directory / (part + "-images-idx3-ubyte");
  const auto labels_file = directory / (part + "-labels-idx1-ubyte");
  IdxFile<3> images = read_idx<3>(images_file);
  IdxFile<1> labels = read_idx<1>(labels_file);
  if (labels.sizes[0] != images.sizes[0]) {
    fail(labels_file,
         std::to_string(labels.sizes[0]) + " labels for " + std::to_string(images.sizes[0]) + " images");
  }
  for (uint8_t label : labels.values) {
    if (label > 9) fail(labels_file, "label " + std::to_string(label) + " is not a digit");
  }
  return {images.sizes[0], images.sizes[1], images.sizes[2], std::move(images.values),
          std::move(labels.values)};
}

}  // namespace mnist

// Reads the files MNIST is published in. The IDX format: two zero bytes, a type (8: unsigned byte), the
// number of dimensions, each dimension as a big-endian 32-bit number, then the values, the last dimension
// running fastest. Source: Y. LeCun, C. Cortes, C. Burges, "The MNIST database of handwritten digits",
// section "File formats".
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace mnist {

struct Digits {
  int64_t count = 0;
  int64_t rows = 0;
  int64_t columns = 0;
  std::vector<uint8_t> pixels;  // count * rows * columns, 0 is background
  std::vector<uint8_t> labels;  // count, each 0 to 9
};

// Reads DIRECTORY/PART-images-idx3-ubyte and DIRECTORY/PART-labels-idx1-ubyte; `part` is "train" or "t10k".
// Throws std::runtime_error naming the file and what is wrong with it.
Digits read_digits(const std::filesystem::path& directory, const std::string& part);

}  // namespace mnist

// Tensors as text, character by character as PyTorch 2.13 prints them.
//
//   std::cout << rushlight::ones({2, 2}) << '\n';
//
//   tensor([[1., 1.],
//           [1., 1.]])
#pragma once

#include <iosfwd>
#include <optional>
#include <string>
#include <string_view>

#include "rushlight/core/tensor.h"

namespace rushlight {

// torch.set_printoptions.
struct PrintOptions {
  int64_t precision = 4;           // digits behind the point
  int64_t threshold = 1000;        // tensors with more elements are shown by their edges
  int64_t edge_items = 3;          // how many at each end of a dimension then
  int64_t line_width = 80;         // characters
  std::optional<bool> scientific;  // absent: decided by the values
};

PrintOptions print_options();
// For the whole process. ValueError for negative counts and for more digits than 10000.
void set_print_options(const PrintOptions& options);

// "tensor([1., 2.], grad_fn=<AddBackward0>)"; `type_name` is what stands before the parenthesis.
std::string to_string(const Tensor& tensor, std::string_view type_name = "tensor");
// The elements alone, "[1., 2.]", their further lines indented by `indent` characters.
std::string elements_to_string(const Tensor& tensor, int64_t indent = 0);

std::ostream& operator<<(std::ostream& out, const Tensor& tensor);

}  // namespace rushlight

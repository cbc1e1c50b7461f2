// Tensors from C++ values, and values from tensors.
//
//   Tensor x = tensor({{1.0, 2.0}, {3.0, 4.0}});
//   std::vector<uint8_t> pixels(2 * 28 * 28);
//   Tensor images = from_values(pixels, {2, 28, 28});
//   std::vector<float> y = to_vector<float>(x * 2);
//   assert(images.dtype() == DType::UInt8 && y == std::vector<float>({2, 4, 6, 8}));
#pragma once

#include <algorithm>
#include <initializer_list>
#include <ranges>
#include <type_traits>
#include <vector>

#include "rushlight/core/tensor.h"
#include "rushlight/ops/ops.h"

namespace rushlight {

template <class T>
concept Number = std::is_arithmetic_v<T>;

// Copies `values`, the last dimension running fastest, into a tensor whose dtype is that of the elements.
// RuntimeError unless there are as many values as the sizes say.
template <std::ranges::sized_range R>
Tensor from_values(const R& values, DimsRef sizes) {
  const Tensor t = make_tensor(sizes, dtype_of<std::ranges::range_value_t<R>>);
  RL_CHECK(static_cast<int64_t>(std::ranges::size(values)) == t.numel(), "shape '", to_string(sizes),
           "' is invalid for input of size ", std::ranges::size(values));
  std::ranges::copy(values, t.data<std::ranges::range_value_t<R>>());
  return t;
}

namespace detail {

// As torch.tensor chooses: the default floating dtype, int64 or bool.
template <Number T>
Tensor from_literals(const std::vector<T>& values, DimsRef sizes, OptDType dtype) {
  constexpr bool is_bool = std::is_same_v<T, bool>, is_real = std::is_floating_point_v<T>;
  using Stored = std::conditional_t<is_bool, bool, std::conditional_t<is_real, double, int64_t>>;
  const Tensor t = make_tensor(sizes, dtype_of<Stored>);
  std::ranges::copy(values, t.data<Stored>());
  return t.to(dtype.value_or(is_real ? default_dtype() : t.dtype()));
}

}  // namespace detail

// What torch.tensor makes of a number, a list and a list of rows: floating numbers get the default dtype,
// integers int64, unless a dtype is given. ValueError for rows of different lengths.
template <Number T>
Tensor tensor(T value, OptDType dtype = {}) {
  return detail::from_literals<T>({value}, DimsRef(nullptr, 0), dtype);
}
template <Number T>
Tensor tensor(std::initializer_list<T> values, OptDType dtype = {}) {
  return detail::from_literals<T>(values, static_cast<int64_t>(values.size()), dtype);
}
template <Number T>
Tensor tensor(std::initializer_list<std::initializer_list<T>> rows, OptDType dtype = {}) {
  const int64_t count = static_cast<int64_t>(rows.size());
  const int64_t length = count ? static_cast<int64_t>(rows.begin()->size()) : 0;
  std::vector<T> values;
  for (const std::initializer_list<T>& r : rows) {
    const int64_t here = static_cast<int64_t>(r.size());
    RL_CHECK_AS(ValueError, here == length, "expected sequence of length ", length, " at dim 1 (got ", here,
                ")");
    values.insert(values.end(), r.begin(), r.end());
  }
  return detail::from_literals<T>(values, {count, length}, dtype);
}

// The elements as T, in row-major order.
template <class T>
std::vector<T> to_vector(const Tensor& t) {
  const Tensor dense = t.detach().to(dtype_of<T>).contiguous();
  const T* first = dense.data<T>();
  return {first, first + dense.numel()};
}

}  // namespace rushlight

// Indexing with brackets:
//
//   Tensor x = arange(0, 12).reshape({3, 4});
//   Tensor part = x.index({1, Slice{1, 3}});       // x[1, 1:3]
//   Tensor last = x.index({Index::Ellipsis, -1});  // x[..., -1]
//   Tensor large = x.index({x > 5});               // x[x > 5]
//   x.index_put_({tensor({0, 2})}, 7);             // x[[0, 2]] = 7
//   assert(part.numel() == 2 && last.numel() == 3 && large.numel() == 6);
//   assert(x.index({2, 0}).item<int64_t>() == 7);
//
// Integers, slices, None and the ellipsis give views; tensors (integers, or bool and uint8 as masks) copy.
#pragma once

#include <optional>
#include <span>

#include "rushlight/core/tensor.h"

namespace rushlight {

// Any part may be left out, as in Python; ValueError for steps below one.
struct Slice {
  OptInt start = {}, stop = {}, step = {};
};

class Index {
 public:
  enum class Kind : uint8_t { None, Ellipsis, Integer, Slice, Bool, Tensor };
  enum Mark { NewAxis, Ellipsis };

  Index(Mark mark) : kind_(mark == NewAxis ? Kind::None : Kind::Ellipsis) {}
  template <std::integral T>
  requires(!std::same_as<T, bool>) Index(T i) : kind_(Kind::Integer), integer_(static_cast<int64_t>(i)) {}
  template <std::same_as<bool> T>
  Index(T b) : kind_(Kind::Bool), integer_(b) {}
  Index(rushlight::Slice s) : kind_(Kind::Slice), slice_(s) {}
  Index(rushlight::Tensor t) : kind_(Kind::Tensor), tensor_(std::move(t)) {}

  Kind kind() const { return kind_; }
  int64_t integer() const { return integer_; }
  bool boolean() const { return integer_ != 0; }
  const rushlight::Slice& slice() const { return slice_; }
  const rushlight::Tensor& tensor() const { return tensor_; }

 private:
  Kind kind_;
  int64_t integer_ = 0;
  rushlight::Slice slice_;
  rushlight::Tensor tensor_;
};

Tensor index(const Tensor& self, std::span<const Index> indices);
// `value` is broadcast to what index would give; a number takes the dtype of self.
void index_put_(const Tensor& self, std::span<const Index> indices, const Operand& value,
                bool accumulate = false);

// Places start, start + step, ... below end of a dimension; negative ends count from the back, others are
// clamped.
Tensor slice(const Tensor& self, int64_t dim, OptInt start, OptInt end, int64_t step = 1);

// One index tensor for each leading dimension, undefined where the whole dimension is meant.
Tensor index_tensors(const Tensor& self, TensorList indices);
Tensor index_put_tensors(const Tensor& self, TensorList indices, const Tensor& values, bool accumulate);
const Tensor& index_put_tensors_(const Tensor& self, TensorList indices, const Tensor& values,
                                 bool accumulate);

}  // namespace rushlight
